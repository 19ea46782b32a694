"""Let people and apps in: each verb one transaction. What is secret is returned once, in plain, and kept hashed."""

import json
import os
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from joserfc.jwk import ECKey, KeySet
from sqlalchemy import Connection

from auth import store
from auth.people import sessions
from auth.store import Client, User
from carecoord.domain.access import verbs
from carecoord.domain.imports.cells import check_digit
from carecoord.domain.referrals import states as task_states
from carecoord.domain.resource.elements import source
from carecoord.errors import Invalid
from carecoord.fhir import text
from carecoord.fhir.code_systems import NPI
from carecoord.store.database import private_files
from carecoord.store.database.engine import writing
from carecoord.store.resources import read
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence
from carecoord.world import World

LONGEST = 200  # characters of a login or a name


@dataclass(frozen=True)
class NewUser:
    """Who is let in. roles: of ROLES of verbs. organization: the id of the Organization here whose cases they see.
    practitioner: the id or the NPI of the Practitioner who the person is; a clinician sees the patients of that one."""

    login: str
    name: str
    roles: frozenset[str]
    organization: str | None = None
    practitioner: str | None = None


def add_user(world: World, new: NewUser, password: str | None = None) -> str:
    """Add a person; returns the password, a random one unless given.

    Raises Invalid for an unknown role, organization or practitioner, auth's BadRegistration when the login is taken.
    """
    password = password or make_password()
    hashed = sessions.hash_password(password, new.login)  # slow on purpose: not while others wait to write
    with writing(world.engine) as conn:
        add_person(world, conn, new, hashed)
    return password


def add_person(world: World, conn: Connection, new: NewUser, hashed: str) -> User:
    """The row of a new person; `hashed` is empty for who has no password yet. Raises as `add_user`."""
    login, name = store.fold(new.login), " ".join(new.name.split())
    if not login or not name or not all(each.isprintable() and len(each) <= LONGEST for each in (login, name)):
        raise Invalid(sentence("refusals.person-has-login-and-name", longest=LONGEST))
    practitioner = practitioner_id(conn, new.practitioner)
    check_references(conn, new.roles, new.organization, practitioner)
    fhir_user = f"Practitioner/{practitioner}" if practitioner else None
    row = User(world.new_id(), login, name, new.roles, new.organization, fhir_user)
    store.add_user(conn, row, hashed, int(world.clock().timestamp()))
    return row


def practitioner_id(conn: Connection, said: str | None) -> str | None:
    """The id of the Practitioner whom somebody named by id or NPI; of copies our own. Raises Invalid where an NPI is
    nobody's here."""
    if not said or not check_digit(said) or read.get(conn, "Practitioner", said):
        return said
    rows = [row for row in registry.identified(conn, "Practitioner", [(NPI, said)]) if not row.deleted]
    if not rows:
        raise Invalid(sentence("refusals.no-clinician-here-has-npi", said=said))
    return min(rows, key=lambda row: (bool(source(text.loads(row.body))), row.id)).id


def check_references(
    conn: Connection, roles: frozenset[str], organization: str | None, practitioner: str | None
) -> None:
    """Raise Invalid unless there are these roles (one at least, with those that they need), this organization and this
    practitioner."""
    if wrong := sorted(roles - set(verbs.ROLES)) or (not roles and ["none"]):
        raise Invalid(sentence("refusals.unknown-role-roles", wrong=", ".join(wrong), roles=", ".join(verbs.ROLES)))
    check_together(roles)
    for type, id in (("Organization", organization), ("Practitioner", practitioner)):
        if id and read.get(conn, type, id) is None:
            raise Invalid(sentence("refusals.there-no-here-load-or", type=type, id=id))


def check_together(roles: frozenset[str]) -> None:
    """Raise Invalid for a role whose holder would see nothing for want of another."""
    for role, other in verbs.BESIDE.items():
        if role in roles and other not in roles:
            raise Invalid(sentence("refusals.role-needs-another", role=role, other=other))


def make_password() -> str:
    """A random password of 20 characters, 120 bits."""
    return secrets.token_urlsafe(15)


def add_backend(world: World, new: Client) -> None:
    """Register a backend service (SMART Backend Services). Raises auth's BadRegistration, Invalid for a workflow that
    there is none of."""
    task_states.named(new.workflow)
    with writing(world.engine) as conn:
        store.add_client(conn, new, int(world.clock().timestamp()))


def add_app(world: World, new: Client) -> str | None:
    """Register an app that people launch (SMART App Launch); returns its secret when it is to have one.

    Raises auth's BadRegistration.
    """
    secret = secrets.token_urlsafe(32) if new.method == "client_secret_basic" else None
    with writing(world.engine) as conn:
        store.add_client(conn, new, int(world.clock().timestamp()), secret)
    return secret


def disable_client(world: World, client_id: str) -> Client:
    """Let an app or a backend service in no more; its access tokens die at once. Raises Invalid when there is none."""
    with writing(world.engine) as conn:
        found = store.find_client(conn, client_id)
        if found is None:
            raise Invalid(sentence("refusals.there-no-client", client_id=repr(client_id)))
        store.change_client(conn, replace(found, disabled=True))
    return found


def make_key() -> tuple[bytes, str]:
    """A new ES384 key pair: the private key as PEM, and the public key set as JSON text."""
    private = ECKey.generate_key("P-384", private=True).as_pem(private=True)
    return private, public_keys(private)


def public_keys(private: bytes) -> str:
    """The public key set, as JSON text, of a private key in PEM."""
    key = ECKey.import_key(private)
    key.ensure_kid()
    public = ECKey.import_key(key.as_dict(private=False) | {"use": "sig", "alg": "ES384"})
    return json.dumps(KeySet([public]).as_dict(private=False))


def write_secret(file: Path, secret: bytes) -> None:
    """Write what only its owner may read. Raises FileExistsError when there is such a file already."""
    private_files.make_folder(file.parent)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(secret)
