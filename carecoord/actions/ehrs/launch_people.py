"""Who an EHR's person is here: somebody linked to (issuer, sub), who keeps their own roles; or somebody let in with the
roles that the EHR's registration gives to the people it sends. Nobody is matched by name or e-mail address.
"""

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from auth import store
from auth.people import providers
from auth.store import User
from carecoord.actions.access.audited import event
from carecoord.domain.access import verbs
from carecoord.domain.resource import parties
from carecoord.errors import Conflict, Forbidden, Invalid, NotFound
from carecoord.fhir import text
from carecoord.store.audit.events import record
from carecoord.store.database.engine import reading, writing
from carecoord.store.ehrs import ehrs
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World
from fhir_adapters.ehr import Ehr, Launch
from fhir_adapters.identity import local_id

MAPPED: Final = verbs.holders("see-whole", "see-as-payer")  # who work on cases; the others are given by name, here
_PRACTITIONER: Final = re.compile(r"Practitioner/([A-Za-z0-9.\-]{1,64})")
_LONGEST: Final = 120  # characters of a name

NO_PASSWORD: Final = ""  # such a person comes by the EHR alone


def find_or_add_user(world: World, one: Ehr, claims: dict[str, Any]) -> User:
    """The person of a verified id_token; a new one where nobody is known and the registration says a role.

    Raises Forbidden for somebody who is disabled, or whom nobody knows and no role is for.
    """
    now = int(world.clock().timestamp())
    issuer, subject = str(claims["iss"]), str(claims["sub"])
    with writing(world.engine) as conn:
        id = providers.linked_user(conn, issuer, subject)
        found = store.find_user(conn, id) if id else None
        if found and found.disabled:
            raise Forbidden(sentence("refusals.your-account-here-has-been"))
        if found and found.login != _login(one, claims):
            providers.mark_seen(conn, issuer, subject, now)
            return found
        wanted = _user(conn, one, _launch_with_roles(one), claims, found.id if found else world.new_id())
        if found is None:
            store.add_user(conn, wanted, NO_PASSWORD, now)
            providers.link(conn, issuer, subject, wanted.id, now)
        elif found != wanted:
            store.change_user(conn, wanted)  # the registration changed: its people's sessions of before end
        providers.mark_seen(conn, issuer, subject, now)
    return wanted


def checked_registration(world: World, one: Ehr) -> Ehr:
    """The registration of an EHR that launches us, with its files' names made whole. Raises Invalid for roles that work
    on no cases, an organization that is not here or a file that can not be read, Conflict for an address that is
    another launching EHR's already: a launch must mean one of them."""
    launch = one.launch
    if launch is None:
        return one
    if wrong := sorted(set(launch.roles) - set(MAPPED)):
        raise Invalid(sentence("refusals.ehr-can-not-make-somebody", wrong=", ".join(wrong), mapped=", ".join(MAPPED)))
    launch = replace(launch, key_file=_file(launch.key_file), secret_file=_file(launch.secret_file))
    with reading(world.engine) as conn:
        if launch.organization and read.get(conn, "Organization", launch.organization) is None:
            raise Invalid(sentence("refusals.there-no-organization-here-load", organization=launch.organization))
        others = [each for each in ehrs.every(conn) if each.launch and each.name != one.name]
    if twin := next((each.name for each in others if set(each.bases) & set(one.bases)), None):
        raise Conflict(sentence("refusals.opens-carecoord-from-that-address", twin=twin))
    return replace(one, launch=launch)


def _file(said: str) -> str:
    if said and not Path(said).is_file():
        raise Invalid(sentence("refusals.not-file-that-can-be", said=said))
    return str(Path(said).absolute()) if said else ""


def link(world: World, name: str, issuer: str, subject: str, login: str) -> User:
    """Say that whom the EHR calls `subject` is the person with this login. Raises NotFound or
    Invalid, and auth's BadRegistration when that subject is somebody else already.

    `issuer` empty: the one that the EHR's registration names.
    """
    now = world.clock()
    with writing(world.engine) as conn:
        one = ehrs.get(conn, name)
        issuer = issuer or (one.launch.issuer if one.launch else "")
        if not issuer:
            raise Invalid(sentence("refusals.say-whose-id-tokens-name", name=name))
        found = store.find_login(conn, login)
        if found is None:
            raise NotFound(sentence("refusals.nobody-here-signs-in-as", login=repr(login)))
        providers.link(conn, issuer, subject, found.id, int(now.timestamp()))
        record(conn, [event(now, world.new_id(), "link-person", by=found.id, query=f"ehr={name}")])
    return found


def has_no_other_account(user: User, name: str) -> bool:
    """Whether this is somebody who has no account but the one that the EHR's launch made."""
    return user.login.startswith(f"{name}:")


def _launch_with_roles(one: Ehr) -> Launch:
    if not one.launch or not one.launch.roles:
        raise Forbidden(sentence("refusals.you-nobody-here-yet-and", name=one.name))
    return one.launch


def _user(conn: Connection, one: Ehr, launch: Launch, claims: dict[str, Any], id: str) -> User:
    practitioner = _practitioner(one, claims.get("fhirUser"))
    said = claims.get("name")
    name = " ".join(said.split())[:_LONGEST] if isinstance(said, str) and store.storable(said) else ""
    if not name and practitioner:
        row = read.get(conn, "Practitioner", practitioner)
        name = parties.name(text.loads(row.body)) if row and not row.deleted else ""
    return User(
        id, _login(one, claims), name or f"Somebody at {one.name}", frozenset(launch.roles),
        launch.organization, f"Practitioner/{practitioner}" if practitioner else None,
    )  # fmt: skip


def _practitioner(one: Ehr, said: Any) -> str | None:
    """Our id of the EHR's Practitioner who the person is there."""
    if not isinstance(said, str):
        return None
    here = next((said.removeprefix(f"{base}/") for base in one.bases if said.startswith(f"{base}/")), said)
    found = _PRACTITIONER.fullmatch(here)
    return local_id(one.name, "Practitioner", found[1]) if found else None


def _login(one: Ehr, claims: dict[str, Any]) -> str:
    """A login that nobody types: whom the EHR sent, without what it calls them."""
    whole = f"{claims['iss']}\n{claims['sub']}"
    return f"{one.name}:{hashlib.sha256(whole.encode()).hexdigest()[:20]}"
