"""Measure/$evaluate-measure: the figure of a measure of whole days, as the page of the measures tells it, as a
MeasureReport. Nothing is written. Asked by who sees the page, through an app that may search their referrals.

Clause: FHIR R4 measure-operation-evaluate-measure.html."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Asker, Turn, looking
from carecoord.actions.fhir.read import present
from carecoord.actions.measures import board
from carecoord.domain.measures import reports
from carecoord.domain.measures.definitions import Definition
from carecoord.domain.measures.figures import figure
from carecoord.domain.measures.reports import Evaluated, Population
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.elements import Json
from carecoord.errors import Forbidden, Invalid, NotFound
from carecoord.store.measures import observations
from carecoord.world import World

ASKED: Final = ("periodStart", "periodEnd", "measure", "reportType", "subject")
_KINDS: Final = ("subject", "subject-list", "population")


def evaluate(world: World, asker: Asker, id: str | None, given: dict[str, str], *, request: str = "") -> Json:
    """The report of a measure, its id, or its address in `measure`. periodStart, periodEnd: days, both in; a period
    that is not over is told up to yesterday. reportType: population (if nothing is said), subject-list, or subject with
    `subject`, Patient/id. Raises Invalid naming the argument, Forbidden, NotFound."""
    with looking(world, asker, request) as turn, noted(turn, "evaluate-measure", "Measure", id) as shown:
        what, kind = _measure(world, id, given), _kind(given)
        _demand(turn)
        first, last = _period(world, given)
        patient = given.get("subject", "").removeprefix("Patient/") if kind == "subject" else None
        if patient is not None:
            present(turn, "Patient", patient)
        offices, withheld = turn.office().organizations, sorted(turn.denied().cases())
        rows = observations.behind(
            turn.conn, offices, what.name, (first.toordinal(), last.toordinal()), (), withheld
        )  # fmt: skip
        rows = [row for row in rows if patient in (None, row.patient)]
        shown += [row.patient for row in rows] if kind != "population" else [None]
        told = Evaluated(
            what, figure(what, board.tally(rows)), first, last, turn.grant.organization or "",
            _cases(what, rows) if kind == "subject-list" else None, patient,
        )  # fmt: skip
        return reports.report(told, world.settings.fhir_url, turn.now.isoformat(timespec="seconds"))


def _measure(world: World, id: str | None, given: dict[str, str]) -> Definition:
    """Which measure: by its id, or by `measure`, an address or an id."""
    said = given.get("measure", "")
    if bool(id) == bool(said):
        raise Invalid("Name the measure once: in the path, or in measure.", "http.measure")
    address, _, version = said.partition("|")
    name = id or address.removeprefix(f"{world.settings.fhir_url}/").removeprefix("Measure/")
    found = next((each for each in reports.PUBLISHED.values() if each.name == name), None)
    if found is None or version not in ("", str(found.version)):
        raise NotFound(f"There is no Measure/{name[:80]} that is counted here.", "http.measure")
    return found


def _kind(given: dict[str, str]) -> str:
    kind = given.get("reportType", "subject" if "subject" in given else "population")
    if kind not in _KINDS:
        raise Invalid(f"reportType is {', '.join(_KINDS)}.", "http.reportType")
    if (kind == "subject") != ("subject" in given) or not given.get("subject", "Patient/x").startswith("Patient/"):
        raise Invalid("subject is Patient/id, and goes with reportType=subject.", "http.subject")
    return kind


def _demand(turn: Turn) -> None:
    """As the page; and through an app, one that may search the referrals that are counted, of all the office."""
    board.demand(turn.grant)
    turn.demand("Measure", "r")
    turn.demand("ServiceRequest", "s")
    if turn.grant.patient:
        raise Forbidden("This access is to one patient's record; the measures are of an office.", "http.scope")


def _period(world: World, given: dict[str, str]) -> tuple[date, date]:
    try:
        first, last = (date.fromisoformat(given.get(name, "")) for name in ("periodStart", "periodEnd"))
    except ValueError:
        raise Invalid("periodStart and periodEnd are days, as 2026-01-31.", "http.periodStart") from None
    over = board.yesterday(world)
    if first > last or first > over:
        raise Invalid("periodStart is no later than periodEnd, and a day that is over.", "http.periodStart")
    return first, min(last, over)


def _cases(what: Definition, rows: Sequence[Any]) -> dict[Population, list[str]]:
    """The orders that are counted, as often as they are."""
    orders = [("/".join(order_named(row.case_id)), row.hit) for row in rows]
    return {
        each: [order for order, hit in orders if hit or each != "numerator"] for each in reports.populations(what)
    }  # fmt: skip
