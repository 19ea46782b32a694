"""The people who can sign in, as an admin looks after them: invite, let a new password be set, disable, enable."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from auth import store
from auth.grant import Grant
from auth.people import factors, invitations, memberships, sessions
from auth.people.invitations import Invitation
from auth.store import User
from carecoord.actions.access.turn import looking
from carecoord.actions.people import accounts, sign_in
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.people.organizations import needs_one
from carecoord.domain.imports.known import is_network
from carecoord.domain.resource.elements import text as text_of
from carecoord.domain.resource.parties import distinct
from carecoord.errors import Conflict, Gone, Invalid, NotFound
from carecoord.fhir import text
from carecoord.fhir.search.collation import fold
from carecoord.fhir.search.query import parse
from carecoord.store.database.engine import reading, writing
from carecoord.store.search.search import find
from carecoord.words.sentence import sentence
from carecoord.world import World

MOST = 1000  # organizations offered to choose from


@dataclass(frozen=True)
class Person:
    """One person in the list. seen: when they last signed in, seconds. factors: `otp`, `hwk`. invited: until when a
    link for them is good. due: when they must have a second factor and have none. also: the ids of the further
    organizations for which they may work."""

    user: User
    seen: int | None
    factors: frozenset[str]
    has_password: bool
    invited: int | None
    due: int | None
    also: tuple[str, ...] = ()


def people(world: World) -> list[Person]:
    """Everybody, by name."""
    now = int(world.clock().timestamp())
    with reading(world.engine) as conn:
        known, links, standing = factors.holders(conn), invitations.open_for(conn, now), sessions.sign_in_status(conn)
        found, further = [], memberships.every(conn)
        for user in store.users(conn):
            seen, has_password = standing[user.id]
            kinds = known.get(user.id, frozenset())
            due = None if kinds or not has_password else sign_in.second_factor_due(world, conn, user)
            link, also = links.get(user.id), further.get(user.id, ())
            found.append(Person(user, seen, kinds, has_password, link, due, also))
    return sorted(found, key=lambda person: (fold(person.user.name), person.user.id))


def organizations(world: World, asker: Grant, request: str) -> list[tuple[str, str]]:
    """(id, name) of the organizations that somebody can belong to, by name, each once."""
    with looking(world, asker, request) as turn:
        asked = parse("Organization", [("_sort", "name")], world.base, strict=True)
        found = [text.loads(row.body) for row in find(turn.conn, asked, turn.may("s"), page_size=MOST).rows]
    kept = [each for each in distinct(found) if not is_network(each)]
    named = [(str(each["id"]), text_of(each, "name") or str(each["id"])) for each in kept]
    return sorted(named, key=lambda one: (fold(one[1]), one[0]))


def sites(world: World, asker: Grant, request: str) -> list[tuple[str, str]]:
    """(`Location/id`, name) of the sites here, by name, each once."""
    with looking(world, asker, request) as turn:
        asked = parse("Location", [("_sort", "name")], world.base, strict=True)
        found = [text.loads(row.body) for row in find(turn.conn, asked, turn.may("s"), page_size=MOST).rows]
    kept = [each for each in distinct(found) if each.get("status") != "inactive"]
    named = [(f"Location/{each['id']}", text_of(each, "name") or str(each["id"])) for each in kept]
    return sorted(named, key=lambda one: (fold(one[1]), one[0]))


def invite(world: World, new: NewUser, request: str, by: User | None = None) -> str:
    """Let a person in who will choose their own password; returns the address to give them, which counts once.

    Raises Invalid, auth.errors.BadRegistration.
    """
    with writing(world.engine) as conn:
        user = accounts.add_person(world, conn, new, "")
        link = _link(world, conn, user, by)
    sign_in.record_event(world, request, "account-change", 200, by, f"invited {user.id}")
    return link


def invite_to_new_password(
    world: World, login: str, request: str, by: User | None = None, *, factors_too: bool = False
) -> str:
    """Let a person choose a new password; returns the address to give them. The old password, and the sessions, stay
    good until they do. `factors_too`: take their second factors away as well, at once, and with them their sessions,
    for whoever has lost their telephone. Raises NotFound."""
    with writing(world.engine) as conn:
        user = _user(conn, login)
        if user.disabled:
            raise Conflict(sentence("refusals.disabled-enable-them-first", login=user.login))
        if factors_too:
            factors.remove_all(conn, user.id)
            sessions.end_all(conn, user.id)
        link = _link(world, conn, user, by)
    also = ", second factors removed" if factors_too else ""
    sign_in.record_event(world, request, "account-change", 200, by, f"link for a new password of {user.id}{also}")
    return link


def set_disabled(world: World, login: str, disabled: bool, request: str, by: User | None = None) -> User:
    """Let a person in no more, or again; sessions and access tokens die at once. Raises NotFound, Conflict."""
    with writing(world.engine) as conn:
        user = _user(conn, login)
        if by and by.id == user.id:
            raise Conflict(sentence("refusals.nobody-disables-their-own-account"))
        changed = replace(user, disabled=disabled)
        if user.disabled != disabled:
            store.change_user(conn, changed)
            invitations.withdraw(conn, user.id)
    word = "disabled" if disabled else "enabled"
    sign_in.record_event(world, request, "account-change", 200, by, f"{word} {user.id}")
    return changed


def change(
    world: World, login: str, request: str, by: User | None = None, *, organization: str | None = None,
    practitioner: str | None = None, roles: frozenset[str] = frozenset(), also: frozenset[str] | None = None,
) -> User:  # fmt: skip
    """Give a person another organization, practitioner or roles, or further organizations for which they may work
    (`also`); what is not given stays. Raises Invalid, NotFound."""
    with writing(world.engine) as conn:
        user = _user(conn, login)
        if by and by.id == user.id:
            raise Conflict(sentence("refusals.nobody-changes-their-own-roles"))
        practitioner = accounts.practitioner_id(conn, practitioner)
        accounts.check_references(conn, roles or user.roles, organization, practitioner)
        changed = replace(
            user, roles=roles or user.roles, organization=organization or user.organization,
            fhir_user=f"Practitioner/{practitioner}" if practitioner else user.fhir_user,
        )  # fmt: skip
        here = changed.fhir_user if changed.fhir_user and changed.fhir_user.startswith("Practitioner/") else None
        if roles and needs_one(NewUser(user.login, user.name, changed.roles, changed.organization, here)):
            raise Invalid(sentence("refusals.with-these-roles-would-see", login=user.login))
        store.change_user(conn, changed)
        further = ""
        if also is not None:
            for each in also:
                accounts.check_references(conn, changed.roles, each, None)
            memberships.let(conn, user.id, also - {changed.organization or ""})
            further = f", also of {', '.join(sorted(also))}" if also else ", of no other"
    said = f"changed {user.id}: {', '.join(sorted(changed.roles))} of {changed.organization or 'no organization'}"
    said += further
    sign_in.record_event(world, request, "account-change", 200, by, said)
    return changed


def find_invitation(world: World, secret: str) -> Invitation | None:
    """For whom a link is, while it is good."""
    with reading(world.engine) as conn:
        return invitations.peek(conn, secret, int(world.clock().timestamp()))


def accept(world: World, secret: str, password: str, request: str) -> None:
    """Set the password that a link allows to set. Every session of the person ends, and a lock is lifted.

    Raises Gone when the link is not good (any more), auth.errors.BadRegistration for a password that will not do.
    """
    found = find_invitation(world, secret)
    if found is None:
        raise Gone(sentence("refusals.this-link-no-longer-good"))
    hashed = sessions.hash_password(password, found.who.login)  # slow on purpose: not while others wait to write
    with writing(world.engine) as conn:
        user = invitations.redeem(conn, secret, int(world.clock().timestamp()))
        if user is None:
            raise Gone(sentence("refusals.this-link-was-just-used"))
        sessions.set_password(conn, user.id, hashed)
        sessions.reset_failures(conn, user.login)
    sign_in.record_event(world, request, "account-change", 200, user, "password set by link")


def _link(world: World, conn: Connection, user: User, by: User | None) -> str:
    secret = invitations.invite(conn, user.id, int(world.clock().timestamp()), by.id if by else None)
    return f"{world.settings.url}/invitation/{secret}"


def _user(conn: Connection, login: str) -> User:
    found = store.find_login(conn, login)
    if found is None:
        raise NotFound(sentence("refusals.nobody-here-has-login", login=repr(login)))
    return found
