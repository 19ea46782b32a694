"""Which of a member's own requests for authorization the member's app reads, as ExplanationOfBenefits. Whoever else may
know of a request reads the Claim and its answers, as their role has it.

Clause: 42 CFR 422.119(b)(1)(iv) (CMS-0057-F): the status of a request, when it was approved or denied, when that ends,
what was approved, how much of it is used, and why it was denied, within one business day of a change."""

from collections.abc import Mapping
from typing import Any, Final

from carecoord.domain.prior_auth.clinic.channels import delivery
from carecoord.domain.prior_auth.lifecycle import SENT
from carecoord.domain.resource.elements import Json

STATES: Final = frozenset(SENT)  # a draft is its clinic's alone, and what was made in error is nobody's request
# Of its row; what it was asked and what it was answered the member may read as they are.
COLUMNS: Final = frozenset({"root", "claim", "state", "lines", "authorized", "used", "updated"})


def shown(row: Mapping[Any, Any], claim: Json, answer: Json) -> dict[str, Any] | None:
    """What of a row its member is told; None: nothing, for the request is not with its payer."""
    if row["state"] not in STATES or (delivery(claim) is not None and not answer):
        return None
    return {name: row[name] for name in COLUMNS}
