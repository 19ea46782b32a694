"""Saying something in a policy, and taking it back: audited, refused where somebody else has changed it meanwhile, and
every case that leans on it is judged anew by a worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection

from auth.store import User
from carecoord.actions.access.audited import event
from carecoord.actions.clearance import overtaken
from carecoord.actions.clearance.library import Library, shared
from carecoord.actions.policies.known import EVERYBODY
from carecoord.domain.access import verbs
from carecoord.domain.policies import shipped
from carecoord.domain.policies.lines import key_of
from carecoord.domain.policies.shipped import AT_SITES
from carecoord.domain.resource.elements import Json, key, text
from carecoord.domain.resource.parties import TAXES, is_payer
from carecoord.domain.worklist import registry_keys
from carecoord.errors import Conflict, Forbidden, Invalid, NotFound
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.agreements.register import NO_END, NOW
from carecoord.store.audit.events import record
from carecoord.store.database import outbox
from carecoord.store.database.engine import alone, reading, writing
from carecoord.store.policies import lines
from carecoord.store.policies.lines import Row
from carecoord.store.resources import registry_mark
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence
from carecoord.world import World

SITE: Final = "Location/"  # before the id of a site, where an organization's id stands alone
REFRESH: Final = "refresh-cases"  # the outbox job that judges marked rows anew


@dataclass(frozen=True)
class Said:
    """A policy as it is looked at. organization: `Organization/id`, empty for everybody's. rows: all that is said, the
    latest first. state: its mark, which a change has to name. affected: open cases that lean on it."""

    organization: str
    name: str
    payer: bool
    rows: Sequence[Row]
    state: str
    affected: int


@dataclass(frozen=True)
class Change:
    """What is to be said, as typed. start: from which day on clocks that start go by it."""

    business: str
    name: str
    value: str
    start: date


def look(world: World, user: User | None, organization: str) -> Said:
    """The policy of an Organization, by its id, of a site (`Location/id`), or of everybody (empty). Raises Forbidden,
    NotFound."""
    _demand(user)
    with reading(world.engine) as conn:
        copies = _copies(conn, organization)
        whose = _key(copies)
        rows = sorted(lines.find(conn, [whose], NOW), key=lambda row: (row.name, row.business, -row.valid_from))
        affected = registry.open_among(conn, _leaning(conn, copies))
        mine = copies[0] if copies else {}
        payer = any(map(is_payer, copies))
        return Said(organization, text(mine, "name"), payer, rows, lines.state(conn, whose), affected)


def history(world: World, user: User | None, organization: str) -> list[Row]:
    """All that a policy ever said, in the order in which it was said: also what was replaced or taken back since.
    Raises Forbidden, NotFound."""
    _demand(user)
    with reading(world.engine) as conn:
        return lines.every(conn, _key(_copies(conn, organization)))


def every(world: World, user: User | None) -> list[tuple[str, str]]:
    """(key, `Organization/id` or empty) of all who have said anything: of everybody, and of organizations that are here
    no more, no id."""
    _demand(user)
    with reading(world.engine) as conn:
        held = {key_of(each): key(each) for each in reversed(_organizations(conn))}
        return [(whose, held.get(whose, "")) for whose in lines.speakers(conn)]


def say(world: World, user: User | None, request: str, organization: str, change: Change, seen: str | None) -> None:
    """Let a policy say this from a day on; what it says from the same day already is replaced. user: None at the
    operator's command; seen: its mark when it was looked at, None where nobody looked.

    Raises Forbidden, NotFound, Invalid where the term can not have the value or is not theirs to set, and Conflict
    where the policy is not as it was `seen`."""
    say_together(world, user, request, organization, [change], seen)


def say_together(
    world: World, user: User | None, request: str, organization: str, changes: Sequence[Change], seen: str | None
) -> None:
    """The same for several, all of them or none."""
    _demand(user)
    with writing(world.engine) as conn:
        copies = _copies(conn, organization)
        values = [_checked(change, copies) for change in changes]
        whose, at = _fresh(conn, copies, seen), micros(world.clock())
        for change, value in zip(changes, values, strict=True):
            _write(conn, whose, change, value, user, at)
            told = f"{whose or 'everybody'} {change.business} {change.name}={value} from {change.start}"
            record(conn, [event(world.clock(), request, "policy-say", by=user, query=told)])
        _tell(world, conn, copies)


def _write(conn: Connection, whose: str, change: Change, value: str, user: User | None, at: int) -> None:
    start = change.start.toordinal()
    same = (whose, change.business, change.name, start)
    found = lines.find(conn, [whose], NOW)
    lines.end(conn, [r.n for r in found if (r.organization, r.business, r.name, r.valid_from) == same], at)
    values = {"organization": whose, "business": change.business, "name": change.name, "value": value,
              "valid_from": start, "valid_to": NO_END, "by": user.id if user else ""}  # fmt: skip
    lines.add(conn, values, at)


def take_back(world: World, user: User, request: str, organization: str, n: int, seen: str) -> Row:
    """Let a policy not say this any more, as if it never had; what was known before stays known as it was.

    Raises Forbidden, NotFound, and Conflict where the policy is not as it was `seen`."""
    _demand(user)
    with writing(world.engine) as conn:
        copies = _copies(conn, organization)
        whose = _fresh(conn, copies, seen)
        row = next((row for row in lines.find(conn, [whose], NOW) if row.n == n), None)
        if row is None:
            raise NotFound(sentence("refusals.that-no-longer-said"))
        lines.end(conn, [n], micros(world.clock()))
        _tell(world, conn, copies)
        told = f"{whose or 'everybody'} {row.business} {row.name}={row.value}"
        record(conn, [event(world.clock(), request, "policy-take-back", by=user, query=told)])
        return row


def _demand(user: User | None) -> None:
    if user and not verbs.may(user.roles, "manage-policies"):
        raise Forbidden(sentence("refusals.policies-set-by-admins-ask"))


def _copies(conn: Connection, organization: str) -> list[Json]:
    """The Organization, or the site, and every copy of it, itself first; nothing for everybody."""
    if organization == EVERYBODY:
        return []
    library = Library(conn)
    if organization.startswith(SITE):
        own = library.fetch([organization])
        found, wanted = [*own, *library.identified("Location", shared(own))], organization
    else:
        wanted = f"Organization/{organization}"
        found = library.copies([wanted])
    mine = [each for each in found if key(each) == wanted][:1]
    if not mine:
        raise NotFound(sentence("refusals.there-no-such-organization-here"))
    return [*mine, *(each for each in found if each not in mine)]


def _key(copies: Sequence[Json]) -> str:
    return key_of(copies[0]) if copies else EVERYBODY


def _organizations(conn: Connection) -> list[Json]:
    return [json.loads(row.body) for row in registry.every(conn, "Organization") if not row.deleted]


def _fresh(conn: Connection, copies: Sequence[Json], seen: str | None) -> str:
    """The key of a policy that nobody else changes until we are done, nor has since it was seen."""
    whose = _key(copies)
    alone(conn, f"policy {whose}")
    if seen is not None and lines.state(conn, whose) != seen:
        raise Conflict(sentence("refusals.somebody-else-has-changed-this-policy"))
    return whose


def _checked(change: Change, copies: Sequence[Json]) -> str:
    term = shipped.TERMS.get(change.name)
    site = bool(copies) and copies[0]["resourceType"] == "Location"
    if term is None or (change.business and not any(map(is_payer, copies))) or (site and term.name not in AT_SITES):
        raise Invalid(sentence("refusals.no-such-term"))
    try:
        return shipped.checked(change.name, change.value)
    except ValueError as e:
        raise Invalid(str(e)) from e


def _leaning(conn: Connection, copies: Sequence[Json]) -> list[int] | None:
    """The rows of the cases that lean on a policy; None: all."""
    if not copies:
        return None
    ids = {each for each in shared(copies) if not each.startswith(TAXES)}
    kind = str(copies[0]["resourceType"])
    keys = {*map(key, copies), *(registry_keys.identified(kind, each) for each in ids)}
    return registry.dependents(conn, keys)


def _tell(world: World, conn: Connection, copies: Sequence[Json]) -> None:
    """Have the cases that lean on it judged anew, by processes that have read of it before too."""
    registry_mark.renew(conn)
    overtaken.leave(conn, _leaning(conn, copies), now := world.clock())
    outbox.add(conn, REFRESH, REFRESH, b"", now)
