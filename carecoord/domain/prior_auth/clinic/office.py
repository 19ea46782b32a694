"""What the clinic's desk wants to know of a request beside what was decided: the visits ahead and which of them it does
not cover, what is due at the office, what came of an appeal. Pure.

Clauses: X12 278 UM02 (1322: an appeal names what it appeals); CARC 197 and 198 (a visit outside its authorization is a
denial to come)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final, Literal

from carecoord.domain.clearance.clearance import Clearance, judged_day
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.decisions import certification
from carecoord.domain.prior_auth.desk import second_look
from carecoord.domain.prior_auth.lifecycle import LifeState
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.prior_auth.states import reason_of
from carecoord.domain.resource.elements import Json, key, target, text
from carecoord.domain.resource.elements import item as element
from carecoord.domain.resource.memory import remembered
from carecoord.fhir.instants import FOREVER, micros
from carecoord.words.sentence import dumps

OfficeClock = Literal["send", "papers", "decision", "visit", "ends", "appeal", "call"]
GRANTED: Final[tuple[LifeState, ...]] = ("approved", "modified", "partly")
_FOR_US: Final = frozenset({"approved", "modified", "partly"})
_APPEALS: Final = ("1", "2", "N")  # X12 1322: immediate, standard, and what PAS calls a reconsideration


@dataclass(frozen=True, slots=True)
class VisitAhead:
    """A booked visit of an order that a request speaks of. `outside`: why it is not covered, as a row keeps it; None
    where it is, or where nothing was granted yet."""

    order: str
    at: datetime
    outside: str | None

    @property
    def stored(self) -> dict[str, Any]:
        """As a row keeps it."""
        return {"order": self.order, "at": micros(self.at), "outside": self.outside}


def visits(cases: Iterable[tuple[str, Clearance]], request: Request, state: LifeState) -> list[VisitAhead]:
    """The visits ahead of these cases, (id of the case, as it is judged), each held against what was granted: person,
    card, code, day, units, provider and place, as the gate of its own day says."""
    ahead: dict[str, VisitAhead] = {}
    for id, found in sorted(cases, key=lambda each: each[0]):
        known, policy = found.facts, found.facts.policy
        for each in known.visits.ahead(found.now, policy):
            if each.start is None or each.day is None:
                continue
            if found.booking is each and found.date == each.day:
                ruling = found.ruling  # it was judged for this visit
            else:
                ruling = judged_day(known, each.day, each, True, found.now, policy).ruling
            ours = ruling.request is None or ruling.request.root == request.root
            fault = dumps(ruling.gate.reason) if state in GRANTED and ruling.gate.unmet and ours else None
            same = ahead.get(each.key)  # one visit of two orders is one; either says what it lacks
            ahead[each.key] = VisitAhead(id, each.start, fault) if not same or (fault and not same.outside) else same
    return sorted(ahead.values(), key=lambda each: (each.at, each.order))


def clock(
    state: LifeState, columns: dict[str, Any], ahead: Sequence[VisitAhead], send_by: datetime | None,
    unsent: bool = False,
) -> tuple[OfficeClock | None, int | None]:  # fmt: skip
    """What is due next at the office, and when (microseconds). send_by: when the payer has to be asked; unsent: the
    request is not with the payer yet. A last day of law is the clock only where nothing else is left."""
    outside = next((each for each in ahead if each.outside), None)
    if state == "draft":
        return "send", micros(send_by) if send_by else micros(ahead[0].at) if ahead else None
    if state == "asked":
        return "papers", columns["info_due"] or columns["due"]
    if unsent:
        return "send", micros(send_by) if send_by else columns["received"]
    if state in ("submitted", "pended"):
        return "decision", columns["due"]
    if state in ("contact", "error", "unclear"):
        return "call", columns["due"] or (micros(ahead[0].at) if ahead else None)
    if state in GRANTED and outside:
        return "visit", micros(outside.at)
    if state in GRANTED and columns["ends"] is not None:
        return "ends", columns["ends"]
    return ("appeal", columns["appeal_by"]) if state in ("denied", "partly", "modified") else (None, None)


def office(
    cases: Sequence[tuple[str, Clearance]], request: Request, state: LifeState, columns: dict[str, Any],
    unsent: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """The columns of all that. columns: those that the row has already; unsent: as for `clock`."""
    ahead = visits(cases, request, state)
    send_by = next((gate.due for _, found in cases if (gate := found.gate("authorization")).due), None)
    what, due = clock(state, columns, ahead, send_by, unsent)
    return {
        "visits": [each.stored for each in ahead], "outside": sum(each.outside is not None for each in ahead),
        "office_clock": what if due is not None else None, "office_due": due,
        "sort_office": FOREVER if due is None else due,
    }  # fmt: skip


@remembered
def appealed(claims: Sequence[Json], answers: Sequence[Json], request: Request, zone: tzinfo) -> dict[str, Any]:
    """Whether the payer took a denial back on appeal (None: never appealed, or not answered yet), and the reason of
    what was denied first."""
    mine = [(each, _answers(each, answers)) for each in claims if key(each) in request.claims]
    appeals = [heard for each, heard in mine if certification(each) in _APPEALS]
    results = [bool(_FOR_US & lifecycle.states(lifecycle.newest(heard, zone))) for heard in appeals if heard]
    denied = [line for _, heard in mine for each in heard for line in second_look.denied(each)]
    return {
        "overturned": any(results) if results else None,
        "denial": next((said for line in denied if (said := reason_of(line))), None),
    }


def _answers(claim: Json, answers: Sequence[Json]) -> list[Json]:
    return [
        each
        for each in answers
        if text(each, "status") == "active" and target(element(each, "request")) == key(claim)
    ]

