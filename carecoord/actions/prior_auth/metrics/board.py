"""A payer's metrics as its own people see them: the figures of a span of days, the requests behind each, its missed
clocks, and what was exchanged by PAS. Nothing is counted here, and nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, Final, Literal

from sqlalchemy import Row as Found

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.prior_auth import queue
from carecoord.actions.prior_auth.metrics import count
from carecoord.actions.prior_auth.metrics.payer import insurer
from carecoord.domain.prior_auth.metrics.course import DECIDED
from carecoord.domain.prior_auth.metrics.fields import FIELDS, FieldName, Figure, Row, figures
from carecoord.domain.resource.days import local, midnight, shifted
from carecoord.domain.resource.elements import Json
from carecoord.fhir.instants import micros, moment
from carecoord.store.audit.events import told
from carecoord.store.prior_auth import counted as rows
from carecoord.store.prior_auth import exchanges
from carecoord.world import World

PUBLIC: Final = "/authorization-metrics"  # before the payer's id and the year
Part = Literal["hits", "of"]  # the numerator, or all that it is counted of


@dataclass(frozen=True)
class Asked:
    """Days, both in, on the calendar of this server, and the plan that is looked at; empty: all."""

    first: date
    last: date
    plan: str = ""

    def span(self, zone: tzinfo) -> tuple[int, int]:
        """From and before, microseconds."""
        return micros(midnight(self.first, zone)), micros(midnight(shifted(self.last, 1), zone))


@dataclass(frozen=True)
class Request:
    """One of the requests behind a figure, as its payer sees it. Instants in microseconds."""

    root: str
    service: str
    code: str
    member_id: str
    plan: str
    provider: str
    number: str
    expedited: bool
    received: int
    due: int | None
    decided: int | None
    outcome: str
    extended: str
    by: str
    redecided: int | None
    appeal: str


@dataclass(frozen=True)
class Board:
    """counted: when the log was last followed; None: never. waiting, withdrawn: of what came in these days, what is not
    decided, and what was taken back before. withheld: whether Consents keep requests from the reader, which are not in
    these figures. public: the path of the last year's page that anybody may read, empty where it is not shown; items:
    the address of the list of what needs an authorization, empty where the payer says none."""

    now: datetime
    asked: Asked
    counted: datetime | None
    figures: Mapping[FieldName, Figure]
    waiting: int
    withdrawn: int
    missed: Sequence[Request]
    plans: Sequence[str]
    withheld: bool
    public: str
    items: str


def year(world: World, asked: int | None = None) -> Asked:
    """A calendar year; the present one, to today, where none is named."""
    today = local(world.clock(), world.base.zone)
    wanted = asked or today.year
    return Asked(date(wanted, 1, 1), min(date(wanted, 12, 31), max(today, date(wanted, 1, 1))))


def board(world: World, grant: Grant, asked: Asked, request: str) -> Board:
    """All figures. Raises NotFound for who decides on no requests. Audited as a search that showed those whose clock
    was missed."""
    with looking(world, grant, request) as turn:
        queue.whose(turn)
        payers, span, now = turn.office().organizations, asked.span(world.base.zone), micros(turn.now)
        withheld = turn.cases_withheld()
        held = rows.decided(turn.conn, payers, span, asked.plan)
        late = [each for each in rows.missed(turn.conn, payers, span, now, asked.plan) if each.patient not in withheld]
        waiting, withdrawn = rows.undecided(turn.conn, payers, span, asked.plan)
        said, own, today = count.counted_at(turn.conn), turn.grant.organization or "", local(turn.now, world.base.zone)
        payer = insurer(world, turn.conn, own)
        shown = payer.is_published(today)
        _audit(turn, "metrics", late)
        return Board(
            turn.now, asked, moment(said) if said else None,
            figures(row_of(each) for each in held if each.patient not in withheld), waiting, withdrawn,
            [_request(each) for each in late], rows.plans(turn.conn, payers),
            any(each.patient in withheld for each in held), f"{PUBLIC}/{own}/{today.year - 1}" if shown else "",
            payer.said("metrics-items", today),
        )  # fmt: skip


def behind(world: World, grant: Grant, asked: Asked, name: FieldName, part: Part, request: str) -> list[Request]:
    """The very requests that a figure counts, in the order in which they were decided. Raises NotFound. Audited with
    whose they are."""
    field = FIELDS[name]
    with looking(world, grant, request) as turn:
        queue.whose(turn)
        withheld = turn.cases_withheld()
        found = rows.behind(turn.conn, turn.office().organizations, asked.span(world.base.zone), asked.plan)
        mine = [each for each in found if each.patient not in withheld]
        pairs = [(each, row_of(each)) for each in mine]
        shown = [each for each, row in pairs if field.of(row) and (part == "of" or field.counts(row))]
        _audit(turn, f"metrics={name}", shown)
        return [_request(each) for each in shown]


def exchanged(world: World, grant: Grant, asked: Asked, request: str) -> list[Json]:
    """The exchanges of PAS with this payer in these days, each as PASMetricData, the oldest first. Raises NotFound."""
    with looking(world, grant, request) as turn:
        queue.whose(turn)
        keys = frozenset(turn.office().identifiers)
        found = exchanges.between(turn.conn, asked.span(world.base.zone))
        _audit(turn, "metrics=exchanges", ())
        return [each for each in found if each.get("payerId") in keys]


def row_of(found: Found[Any]) -> Row:
    """A counted request as the fields read it."""
    settled = found.appeal in DECIDED
    return Row(found.expedited, found.outcome, found.decided - found.received, bool(found.extended), settled,
               found.appeal)  # fmt: skip


def _request(found: Found[Any]) -> Request:
    return Request(
        found.root, found.service or "", found.code or "", found.member_id or "", found.plan_name or "",
        found.provider or "", found.number or "", found.expedited, found.received, found.due, found.decided,
        found.outcome, found.extended, found.by, found.redecided, found.appeal,
    )  # fmt: skip


def _audit(turn: Turn, query: str, shown: Sequence[Found[Any]]) -> None:
    patient, patients = told(each.patient for each in shown)
    turn.world.journal.append(event(turn.now, turn.request, "search", by=turn.grant, type="Claim", query=query,
                                    patient=patient, patients=patients))  # fmt: skip
