"""A case judged once for everybody: for the offices, for its payer by what that was told, and as a row of the worklist.
The rows of its requests for authorization are made of the same."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from carecoord.domain.access.payer_view import Told, judged_alone, sent_to_payer, turns_at
from carecoord.domain.clearance.clearance import Clearance, clear, insured
from carecoord.domain.clearance.facts import Facts, facts
from carecoord.domain.clearance.task_elements import seen
from carecoord.domain.coverage.gate import Card
from carecoord.domain.gates.policy import Policy
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.days import local
from carecoord.domain.worklist.row import row
from carecoord.fhir.instants import FOREVER, micros

_WHOLE: Final = "judged"  # in Case.read, with the policy
_TOLD: Final = "told"


@dataclass(frozen=True, slots=True)
class Judged:
    """A case as it was judged, what its payer was told of it, and the columns of its row. `id`: of the case; empty
    where a request for authorization has no order here, and stands for itself."""

    id: str
    case: Case
    found: Clearance
    told: Told | None
    row: dict[str, Any]


def judged(id: str, case: Case, now: datetime, policy: Policy) -> Judged:
    """A case as it stands at an instant. Of the very same case (`memory.interned`) the judgement before stands until
    time alone may change it, by what the row says of that: as the row does."""
    case = seen(case)
    before: Judged | None = case.read.get((_WHOLE, policy))
    if before and before.id == id and _stands(before.found.now, before.row["changes_at"], now, policy):
        return before
    found = clear(case, now, policy)
    told = _told(case, found.facts, found.card, now, policy)
    case.read[_WHOLE, policy] = made = Judged(id, case, found, told, row(case, found, told, policy))
    return made


@dataclass(frozen=True, slots=True)
class Heard:
    """A case as `judged` has it for its payer alone, with what that is judged by: the offices' side is not judged."""

    case: Case
    known: Facts
    card: Card | None
    told: Told | None


def heard(case: Case, now: datetime, policy: Policy) -> Heard:
    """A case as its payer was told of it at an instant."""
    known = facts(case, policy)
    card = insured(known, now)
    return Heard(case, known, card, _told(case, known, card, now, policy))


def _told(case: Case, known: Facts, card: Card | None, now: datetime, policy: Policy) -> Told | None:
    """What its payer was told: the same as before where that case is the very same, until time may change it."""
    told = sent_to_payer(case, known, card)
    if told is None:
        return None
    before: Told | None = told.read.get((_TOLD, policy))
    if before:
        turns = turns_at(before.judged, policy)
        if _stands(before.judged.now, micros(turns) if turns else None, now, policy):
            return before
    told.read[_TOLD, policy] = made = judged_alone(told, now, policy)
    return made


def _stands(judged: datetime, until: int | None, now: datetime, policy: Policy) -> bool:
    """Whether what was judged then, and may change at an instant (microseconds), holds at another of the same day."""
    same = local(judged, policy.zone) == local(now, policy.zone)
    return judged <= now and same and micros(now) < (FOREVER if until is None else until)
