"""What there is to work with for the steps of a first run: whose the house is, who works there, who pays, and from
where referrals come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from auth import store
from auth.grant import Grant
from auth.people import invitations, sessions
from auth.scopes import parse as scopes_of
from auth.scopes import permits, resources
from auth.store import User
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.agreements.desk import today
from carecoord.actions.clearance.library import Library
from carecoord.actions.ehrs import sync_health
from carecoord.actions.ehrs.sync_health import SyncHealth
from carecoord.actions.people.organizations import WORK_ON_CASES
from carecoord.domain.access import verbs
from carecoord.domain.imports.cells import check_digit
from carecoord.domain.policies.lines import key_of
from carecoord.domain.resource.elements import Json, identifiers, item, items, key, target
from carecoord.domain.resource.parties import PAYER_ID, TAXES, directory, distinct, is_payer, name
from carecoord.domain.setup.steps import Office, Payer, Source, Step, Stock, Worker, steps
from carecoord.errors import Forbidden
from carecoord.fhir import text as json
from carecoord.fhir.code_systems import NPI
from carecoord.fhir.search.query import parse
from carecoord.store.agreements import roll
from carecoord.store.agreements.register import NOW
from carecoord.store.audit import trail_search
from carecoord.store.audit.trail_search import Wanted
from carecoord.store.messages import templates
from carecoord.store.policies import lines
from carecoord.store.prior_auth import rules
from carecoord.store.resources.read import Row
from carecoord.store.search.search import find
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence
from carecoord.world import World

MOST: Final = 200  # payers that are looked at
_NPI: Final = f"{NPI}|"
_CALENDAR: Final = "calendar."


@dataclass(frozen=True)
class Ready:
    """How far the house is. offices, payers: each once, as Organizations; sites: the
    Locations of these, plans: what the payers own."""

    stock: Stock
    steps: Sequence[Step]
    offices: Sequence[Json]
    payers: Sequence[Json]
    sites: Sequence[Json]
    plans: Sequence[Json]
    ehrs: Sequence[SyncHealth]


def look(world: World, grant: Grant, request: str) -> Ready:
    """How far the house is, now. Raises Forbidden."""
    demand(grant)
    today(world)  # what is in force is said as of the day
    with looking(world, grant, request) as turn:
        conn = turn.conn
        users = [each for each in store.users(conn) if not each.disabled]
        library = Library(conn)
        offices = _offices(library, users)
        payers = sorted(distinct(_payers(turn)), key=name)
        ours, theirs = _copies(library, offices), _copies(library, payers)
        sites = _bodies(registry.pointing(conn, [("Location", "organization")], "Organization", _ids(_every(ours))))
        plans = _bodies(registry.pointing(conn, [("InsurancePlan", "owned-by")], "Organization", _ids(_every(theirs))))
        ehrs = sync_health.of_each(conn, world.settings, turn.now)
        stock = Stock(
            tuple(_office(copies, sites) for copies in ours),
            _workers(conn, users, _every(ours), int(turn.now.timestamp())),
            _payers_of(conn, theirs, plans),
            (*(Source(each.ehr, each.state) for each in ehrs), *_apps(conn)),
            _has_calendar(conn, offices),
            bool(templates.current(conn, _identified(_every(ours)) | {*map(key, _every(ours))})),
        )
    return Ready(stock, steps(stock), offices, payers, distinct(sites), plans, ehrs)


def demand(grant: Grant) -> None:
    """Raise Forbidden for who does not set the house up."""
    if not verbs.may(grant.roles, "set-up"):
        raise Forbidden(sentence("refusals.house-set-up-by-admins"))


def _offices(library: Library, users: Iterable[User]) -> list[Json]:
    """The organizations to which those belong who work here and are no payer's, each once."""
    named = sorted({f"Organization/{each.organization}" for each in users if each.organization})
    found = [each for each in library.copies(named) if key(each) in named and not is_payer(each)]
    return sorted(distinct(found), key=name)


def _payers(turn: Turn) -> list[Json]:
    """The organizations that pay, by name, as far as they are looked at."""
    found: dict[str, Json] = {}
    for asked in ([("type", "ins,pay,payer")], [("identifier", PAYER_ID)]):
        search = parse("Organization", [*asked, ("_sort", "name")], turn.world.base, strict=True)
        rows = find(turn.conn, search, turn.may("s"), page_size=MOST).rows
        found |= {key(each): each for each in _bodies(rows) if each.get("active") is not False}
    return sorted((each for each in found.values() if is_payer(each)), key=name)


def _copies(library: Library, organizations: Iterable[Json]) -> list[list[Json]]:
    """Of each the copies, itself first."""
    own = list(organizations)
    every = library.copies(map(key, own))
    parties = directory(every)
    same = [[each for each in every if parties[key(each)].same(parties[key(one)])] for one in own]
    return [[one, *(each for each in many if each is not one and key(each) != key(one))]
            for one, many in zip(own, same, strict=True)]  # fmt: skip


def _every(groups: Iterable[Sequence[Json]]) -> list[Json]:
    return [each for group in groups for each in group]


def _ids(resources: Iterable[Json]) -> list[str]:
    return [str(each["id"]) for each in resources]


def _bodies(rows: Iterable[Row]) -> list[Json]:
    return [json.loads(row.body) for row in rows if not row.deleted]


def _identified(copies: Iterable[Json]) -> set[str]:
    return {id for each in copies for id in identifiers(each) if not id.startswith(TAXES)}


def _is_npi(identifier: str) -> bool:
    return identifier.startswith(_NPI) and check_digit(identifier.removeprefix(_NPI))


def _office(copies: Sequence[Json], sites: Sequence[Json]) -> Office:
    keys = {*map(key, copies)}
    here = sum(target(item(each, "managingOrganization")) in keys for each in sites)
    return Office(name(copies[0]), any(map(_is_npi, _identified(copies))), here)


def _workers(conn: Connection, users: Iterable[User], offices: Iterable[Json], now: int) -> tuple[Worker, ...]:
    seen, open_links = sessions.sign_in_status(conn), invitations.open_for(conn, now)
    ours = {*_ids(offices)}
    at_work = [each for each in users if each.organization in ours and each.roles & {*WORK_ON_CASES}]
    return tuple(Worker(each.name, seen[each.id][0] is not None, each.id in open_links) for each in at_work)


def _payers_of(conn: Connection, theirs: Sequence[Sequence[Json]], plans: Sequence[Json]) -> tuple[Payer, ...]:
    agreed = roll.agreed(conn, map(key, _every(theirs)))
    ruled = rules.ruled(conn, _identified(_every(theirs)))
    made = []
    for copies in theirs:
        keys, ids = {*map(key, copies)}, _identified(copies)
        own = [each for each in plans if target(item(each, "ownedBy")) in keys and each.get("status") != "retired"]
        bare = tuple(name(each) for each in own if not _has_network(each))
        numbered = any(each.startswith(PAYER_ID) or _is_npi(each) for each in ids)
        made.append(Payer(name(copies[0]), numbered, len(own), bare, bool(ids & ruled), bool(keys & agreed)))
    return tuple(made)


def _has_network(plan: Json) -> bool:
    """Whether a plan, or a part of it, names a network."""
    return any(each.get("network") for each in (plan, *items(plan, "coverage"), *items(plan, "plan")))


def _apps(conn: Connection) -> list[Source]:
    """The apps that may send referrals, and whether one has come from them."""
    found = []
    for each in store.clients(conn):
        scopes = resources(scopes_of(each.scope))
        may = any(permits(scopes, level, "ServiceRequest", "c") is not None for level in ("system", "user"))
        if may and not each.disabled and not each.pending:
            sent = trail_search.count(conn, Wanted(client=each.id, interactions=("create",), type="ServiceRequest"), 1)
            found.append(Source(each.name, "sent" if sent else "admitted"))
    return found


def _has_calendar(conn: Connection, offices: Iterable[Json]) -> bool:
    """Whether anybody has said when an office, or everybody, works."""
    said = lines.find(conn, ["", *map(key_of, offices)], NOW)
    return any(each.name.startswith(_CALENDAR) for each in said)
