"""A case judged once for everybody: for the offices, for its payer by what that was told, and as a row of the worklist.
The rows of its requests for authorization are made of the same."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from carecoord.domain.access.payer_view import Told, told_to_payer
from carecoord.domain.clearance.clearance import Clearance, clear
from carecoord.domain.gates.policy import Policy
from carecoord.domain.referrals.case import Case
from carecoord.domain.worklist.row import row


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
    """A case as it stands at an instant."""
    found = clear(case, now, policy)
    told = told_to_payer(case, found, policy)
    return Judged(id, case, found, told, row(case, found, told, policy))
