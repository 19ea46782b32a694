"""A case with its judgement, and with others to whom the order could go where somebody must be found: few are looked
at, for the first by name nearly always do; many where they did not."""

from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection

from carecoord.actions.clearance.around import MOST
from carecoord.actions.clearance.assemble import assemble
from carecoord.domain.agreements.gate import OFFERS
from carecoord.domain.clearance.clearance import Clearance, clear, offering
from carecoord.domain.gates.policy import Policy
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.days import local

FEW: Final = 8  # organizations: some are the performer itself, or its copies


def judged(
    conn: Connection, id: str, now: datetime, policy: Policy, on: date | None = None, as_of: int | None = None
) -> tuple[Case, Clearance] | None:
    """A case (`case.case_id`) and how it stands at an instant, for the day `on` as in `clear`; None when there is no
    such case. `as_of`: as it was known then, microseconds."""
    case: Case | None = None
    found: Clearance | None = None
    for most in (FEW, MOST):
        case = assemble(conn, id, as_of, on or local(now, policy.zone), most)
        found = clear(case, now, policy, on) if case else None
        if found is None or not offering(found) or len(found.gate("agreement").offers) == OFFERS:
            break
    return (case, found) if case and found else None
