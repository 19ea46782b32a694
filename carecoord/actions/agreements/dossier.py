"""All of one agreement, for its page: its versions, who takes part, what is paid as far as the asker may see it, the
documents, and what stands on it, in numbers and without a word about any patient."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, looking, missing
from carecoord.actions.agreements import rates, register
from carecoord.actions.agreements.desk import copies, resources, today, whose
from carecoord.actions.agreements.office import steps
from carecoord.actions.agreements.office.steps import Approvals
from carecoord.actions.agreements.rates import Held
from carecoord.actions.terms.meanings import Coding, meanings
from carecoord.domain.agreements.clauses import RATES, Clause, standing
from carecoord.domain.agreements.desk.certificates import Certificate, Standing, certificates, standings
from carecoord.domain.agreements.desk.invoices import Invoice, Money, invoices, money
from carecoord.domain.agreements.desk.obligations import Obligation, obligations
from carecoord.domain.agreements.overview import Overview, overview
from carecoord.domain.agreements.parties import CUSTODIAN, named_in, parties
from carecoord.domain.agreements.rates import RateLine
from carecoord.domain.agreements.records import Listing, named
from carecoord.domain.agreements.versions import AWAITED, Version, amended_by, by_agreement
from carecoord.domain.resource.days import local, shifted
from carecoord.domain.resource.elements import Json, target
from carecoord.domain.resource.parties import directory, name
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros, moment
from carecoord.fhir.search import params
from carecoord.store.agreements import papers, roll
from carecoord.store.resources import read
from carecoord.store.worklist.standings import booked
from carecoord.world import World

_SOON = 30  # days before its end from which a certificate counts as expiring
_RATES = 20  # lines of a schedule that are shown


@dataclass(frozen=True)
class Lapse:
    """What stands on an agreement, and what becomes of it at its end. `end`: the first day without it, None: nothing
    ends it; `lost`: visits from then on, `months` how many in each ((year, month), the first first)."""

    referrals: int
    visits: int
    unbooked: int
    end: date | None
    lost: int
    first: date | None
    months: Sequence[tuple[tuple[int, int], int]]


@dataclass(frozen=True)
class Dossier:
    """An agreement. `versions`: oldest first, each with its Contract; `names`: of all that are named in it, by key;
    `meanings`: of the codes of its rates; `sees_rates`: whether the asker may see what is paid under its last
    version; `lapsing`: the booked visits after the end of a certificate, by the id of its document."""

    row: Row[Any]
    day: date
    now: datetime
    line: Overview
    versions: Sequence[tuple[Version, Json]]
    listings: Sequence[Listing]
    names: Mapping[str, str]
    rates: Sequence[tuple[Held, Sequence[RateLine]]]
    meanings: Mapping[Coding, str]
    documents: Sequence[Json]
    lapse: Lapse
    sees_rates: bool
    duties: Sequence[Obligation]
    approvals: Approvals
    standings: Sequence[Standing]
    lapsing: Mapping[str, int]
    invoices: Sequence[Invoice]
    money: Money
    clauses: Mapping[str, Clause]
    papers: Mapping[str, Row[Any]]


def dossier(world: World, grant: Grant, request: str, id: str) -> Dossier:
    """The agreement of which a Contract is a version. Raises Forbidden for who has nothing to do with agreements, and
    NotFound alike for none and for one that is not theirs."""
    day = today(world)
    with looking(world, grant, request) as turn:
        found = gathered(turn, id, day)
    world.journal.append(event(found.now, request, "read", by=grant, type="Contract", resource=found.row.contract))
    return found


def gathered(turn: Turn, id: str, day: date) -> Dossier:
    """As `dossier`, inside a turn."""
    row = roll.one(turn.conn, id, whose(turn))
    versions = _versions(turn, row) if row else []
    if row is None or not versions:
        raise missing("Contract", id)
    keys = [each.key for each, _ in versions]
    listings = register.under(turn.conn, keys)
    contracts = {each.key: contract for each, contract in versions}
    names = _names(turn, [*(key for each in contracts.values() for key in named_in(each)), *_taking_part(listings)])
    line = overview([each for each, _ in versions], contracts, names, day)
    paid, documents = _rates(turn, keys), _documents(turn, keys)
    draft = next((contract for each, contract in reversed(versions) if each.status in AWAITED), None)
    held, sides = certificates(documents), [side.key for side in line.sides if side.role != CUSTODIAN]
    bills = invoices(_bills(turn, sides), keys)
    limit = Decimal(line.limit.partition(" ")[0]) if line.limit else None
    codes = ((each.system, code) for _, lines in paid for each in lines for code in (each.code, each.code_end))
    return Dossier(
        row, day, turn.now, line, versions, listings, names, paid, meanings(turn.conn, codes), documents,
        _lapse(turn, row, line, day, line.end or line.term_end), turn.sees_rates(keys[-1]),
        _duties(turn, keys), steps.of_office(turn, draft) if draft else Approvals(),
        standings(line.kind, sides, held, _SOON, day), _lapsing(turn, row, line, day, held), bills,
        money(limit, bills, line.start, line.end or line.term_end, day),
        _clauses(turn, versions, line, documents), papers.papers(turn.conn, (str(each["id"]) for each in documents)),
    )  # fmt: skip


def _clauses(
    turn: Turn, versions: Sequence[tuple[Version, Json]], line: Overview, documents: Iterable[Json]
) -> dict[str, Clause]:
    """The clauses that count for the version that is shown and what it amends; of what is paid for who may see it."""
    chain = amended_by(line.contract, {each.key: each for each, _ in versions})
    found = standing(documents, chain)
    paid = turn.sees_rates(line.contract)
    return {of: each for of, each in found.items() if paid or not of.startswith(RATES)}


def _versions(turn: Turn, row: Row[Any]) -> list[tuple[Version, Json]]:
    """Those versions that the asker may read."""
    found = register.versions(turn.conn, [f"Contract/{row.contract}"])
    rows = read.many(turn.conn, [("Contract", each.key.partition("/")[2]) for each in found])
    bodies = {f"Contract/{each.id}": json.loads(each.body) for each in rows}
    known = directory(resources(turn, (target(a) for each in found for a in each.authority)))
    mine = by_agreement(found, known).get(f"{row.agreement}{row.part}", ())
    seen = {f"Contract/{each.id}" for each in turn.seen(rows, "r")}
    # An amendment that names no party is between those of what it amends.
    silent = {each.key for each in mine if each.key in bodies and not parties(bodies[each.key])}
    return [(each, bodies[each.key]) for each in mine if each.key in seen | silent and each.key in bodies]


def _names(turn: Turn, keys: Iterable[str]) -> dict[str, str]:
    return {f"{each['resourceType']}/{each['id']}": name(each) for each in resources(turn, keys)}


def _taking_part(listings: Iterable[Listing]) -> Iterator[str]:
    for each in listings:
        yield from map(named, (each.payer, each.organization, each.practitioner, *each.networks, *each.sites))


def _rates(turn: Turn, keys: Iterable[str]) -> list[tuple[Held, list[RateLine]]]:
    held = [each for key in keys for each in rates.visible(turn, key)]
    return [(each, [line for _, line in rates.lines(turn, each, _RATES)]) for each in held]


def _duties(turn: Turn, keys: Iterable[str]) -> list[Obligation]:
    """What is owed under its versions, as far as the asker keeps it or owes it."""
    focus = params.key("Task", "focus")
    rows = [row for key in keys for row in read.referring(turn.conn, focus, *key.split("/")) if not row.deleted]
    return obligations(json.loads(row.body) for row in turn.seen(rows, "r"))


def _bills(turn: Turn, sides: Iterable[str]) -> list[Json]:
    """What the parties billed, to anybody, as far as the asker may see it."""
    issuer = params.key("Invoice", "issuer")
    rows = [row for key in sides if "/" in key for row in read.referring(turn.conn, issuer, *key.split("/"))]
    return [json.loads(row.body) for row in turn.seen([row for row in rows if not row.deleted], "r")]


def _lapsing(turn: Turn, row: Row[Any], line: Overview, day: date, held: Iterable[Certificate]) -> dict[str, int]:
    """How many booked visits lie after the last day of each certificate that holds."""
    return {
        each.document: _lapse(turn, row, line, day, shifted(each.last, 1)).lost
        for each in held
        if each.start <= day <= each.last
    }


def _documents(turn: Turn, keys: Iterable[str]) -> list[Json]:
    """What is written about its versions, the newest first."""
    related = params.key("DocumentReference", "related")
    rows = [row for key in keys for row in read.referring(turn.conn, related, *key.split("/"))]
    seen = turn.seen([row for row in rows if not row.deleted], "r")
    found = {row.id: json.loads(row.body) for row in seen}
    kept = [each for each in found.values() if each.get("status") != "entered-in-error"]
    return sorted(kept, key=lambda each: str(each.get("date", "")), reverse=True)


def lapse(turn: Turn, found: Dossier, end: date) -> Lapse:
    """What would become of what stands on an agreement if `end` were the first day without it."""
    return _lapse(turn, found.row, found.line, found.day, end)


def _lapse(turn: Turn, row: Row[Any], line: Overview, day: date, end: date | None) -> Lapse:
    same = copies(turn, (side.key for side in line.sides))
    keys = {key for side in line.sides for key in same.get(side.key, {side.key})}
    asked = [*keys, *(key.partition("/")[2] for key in keys if key.startswith("Organization/"))]
    zone, counted = turn.world.base.zone, booked(turn.conn, row.number, asked)
    whole, now = sum(n for _, n in counted), micros(turn.now)
    at = micros(datetime.combine(end, time(), zone)) if end else None
    visits = [(when, n) for when, n in counted if when is not None and when >= now]
    lost = [(local(moment(when), zone), n) for when, n in visits if at is not None and when >= at]
    months: dict[tuple[int, int], int] = {}
    for on, n in lost:
        months[on.year, on.month] = months.get((on.year, on.month), 0) + n
    return Lapse(
        whole, sum(n for _, n in visits), sum(n for when, n in counted if when is None),
        end if end and end > day else None, sum(n for _, n in lost), lost[0][0] if lost else None,
        sorted(months.items()),
    )  # fmt: skip
