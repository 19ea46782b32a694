"""Saying that one is away, and who stands in; coming back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from auth import store
from auth.grant import Grant
from auth.store import User
from carecoord.actions.access import office as access_office
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn
from carecoord.domain.access import verbs
from carecoord.domain.access.roles import Office
from carecoord.domain.inbox import absences
from carecoord.domain.inbox.absences import ALL, Absence
from carecoord.domain.inbox.kinds import KINDS, Kind, signs
from carecoord.domain.resource.days import midnight
from carecoord.errors import Forbidden, Unprocessable
from carecoord.fhir.instants import micros
from carecoord.store.audit.events import record
from carecoord.store.database.engine import reading, writing
from carecoord.store.inbox import absences as kept
from carecoord.store.worklist.tabs import Own, of_kinds
from carecoord.store.worklist.walks import AnyOf
from carecoord.words.sentence import sentence
from carecoord.world import World

_EVERY: Final = frozenset(KINDS) - {"mention"}  # the kinds that a case can be of


@dataclass(frozen=True)
class Away:
    """An absence of the asker's office, with names. `substitutes`: kind, or ALL -> (account, name)."""

    account: str
    name: str
    begins: int
    ends: int
    substitutes: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Principal:
    """Somebody of the asker's office who is away and for whom the asker stands in: the ids by which rows name them, and
    for which kinds of what waits."""

    name: str
    ids: tuple[str, ...]
    kinds: frozenset[Kind]


def ids(turn: Turn) -> tuple[str, ...]:
    """The ids by which a row may name the asker: of the account, and of the person in the directory."""
    people = (each.partition("/")[2] for each in turn.office().people)
    return tuple(dict.fromkeys((turn.grant.subject, *people)))


def stood_in_for(turn: Turn) -> list[Principal]:
    """For whom the asker stands in at the instant of the turn."""
    now, ours = micros(turn.now), turn.office().organizations
    held = absences.stood_in_for(present(turn.conn, now), turn.grant.subject, now)
    users = {account: store.find_user(turn.conn, account) for account in sorted(held)}
    return [
        Principal(
            user.name,
            (account, *(each.partition("/")[2] for each in office_of(turn.conn, user).people)),
            held[account],
        )
        for account, user in users.items()
        if user is not None and user.organization in ours
    ]


def own(turn: Turn) -> Own:
    """Which cases are the asker's own: theirs, and those of whom they stand in for, as far as they do."""
    others = [
        (id, only(each.kinds))
        for each in stood_in_for(turn)
        for id in each.ids
    ]
    return Own(ids(turn), tuple(others))


def only(kinds: frozenset[Kind]) -> AnyOf | None:
    """What tells the rows of these kinds of what waits; None: every row is of one of them."""
    return None if kinds >= _EVERY else of_kinds(*signs(kinds))


def present(conn: Connection, now: int) -> list[Absence]:
    """Every absence that is not over."""
    return [Absence(row.account, row.begins, row.ends, covers) for row, covers in kept.present(conn, now)]


def colleagues(conn: Connection, grant: Grant) -> list[User]:
    """The people of the asker's office for whom cases can wait, by name, the asker among them."""
    ours = access_office.office(conn, grant).organizations
    return [
        user
        for user in store.users(conn)
        if user.organization in ours and not user.disabled and verbs.may(user.roles, "see-whole")
    ]


def office_of(conn: Connection, user: User) -> Office:
    """Somebody's organization and person, as our data knows them."""
    grant = Grant(user.id, roles=user.roles, organization=user.organization, fhir_user=user.fhir_user)
    return access_office.office(conn, grant)


def of_office(world: World, grant: Grant) -> tuple[list[Away], list[User]]:
    """Who of the asker's office is away, or will be, and who could stand in for somebody."""
    with reading(world.engine) as conn:
        people = colleagues(conn, grant)
        return named(present(conn, micros(world.clock())), people), people


def named(said: Sequence[Absence], people: Sequence[User]) -> list[Away]:
    """Those absences that are of these people, with names."""
    names = {user.id: user.name for user in people}
    return [
        Away(
            each.account, names[each.account], each.begins, each.ends,
            {kind: (to, names.get(to, "")) for kind, to in each.covers.items()},
        )
        for each in said
        if each.account in names
    ]  # fmt: skip


def leave(world: World, grant: Grant, request: str, span: tuple[date, date], covers: Mapping[str, str]) -> None:
    """Say that one is away. span: the first day away and the first day back; covers: kind, or ALL -> the account that
    stands in.

    Raises Unprocessable where nobody stands in for everything, or somebody who can not."""
    account = grant.subject
    zone = ZoneInfo(world.settings.timezone)
    begins, ends = (micros(midnight(day, zone)) for day in span)
    with writing(world.engine) as conn:
        people = {user.id for user in colleagues(conn, grant)}
        _demand(account, people)
        if ends <= begins or ends <= micros(world.clock()):
            raise Unprocessable(sentence("refusals.first-day-back-lies-after"), "until")
        if ALL not in covers:
            raise Unprocessable(sentence("refusals.choose-who-stands-in"), "substitute")
        for kind, to in covers.items():
            if to not in people or to == account or kind not in (ALL, *KINDS):
                raise Unprocessable(
                    sentence("refusals.choose-somebody-else-your-office"),
                    f"substitute-{kind}" if kind else "substitute",
                )
        kept.put(conn, account, (begins, ends), covers, grant.subject, micros(world.clock()))
        stand = " ".join(f"{kind or 'all'}={to}" for kind, to in covers.items())
        told = f"{account} from {span[0]} to {span[1]}: {stand}"
        record(conn, [event(world.clock(), request, "away", by=grant, query=told)])


def come_back(world: World, grant: Grant, request: str) -> None:
    """Say that one is back, or does not go."""
    account = grant.subject
    with writing(world.engine) as conn:
        _demand(account, {user.id for user in colleagues(conn, grant)})
        kept.remove(conn, [account])
        record(conn, [event(world.clock(), request, "back", by=grant, query=account)])


def _demand(account: str, people: set[str]) -> None:
    """Raise Forbidden for an account that is not one of the office's people: a link, a script."""
    if account not in people:
        raise Forbidden(sentence("refusals.you-can-say-yourself-alone"), "http.account")
