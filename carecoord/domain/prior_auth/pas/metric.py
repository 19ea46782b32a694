"""One exchange in the shape of PASMetricData: who asked whom, by what, when, and what came of each line. Pure.

Clause: Da Vinci PAS 2.2.1, logical model PASMetricData; CMS-0057-F (what is counted of requests and their answers)."""

from datetime import datetime
from typing import Any, Final

from carecoord.domain.prior_auth.pas.guide import Guide
from carecoord.domain.prior_auth.review_action import LineState, decided
from carecoord.domain.resource.elements import Json, identifiers, item, items, text

_RESULTS: Final[dict[LineState, str]] = {
    "approved": "approved", "partly": "modified", "modified": "modified", "denied": "denied", "pended": "pended",
    "contact": "pended", "cancelled": "cancelled", "not-required": "approved", "unclear": "pended",
}  # fmt: skip
_NPI: Final = "http://hl7.org/fhir/sid/us-npi|"


def measured(
    operation: str, guide: Guide, asked: datetime, answered: datetime, status: int, provider: Json, payer: Json,
    answer: Json,
) -> dict[str, Any]:  # fmt: skip
    """The row of an exchange. provider, payer: their Organizations; answer: the ClaimResponse, empty for none."""
    lines = [*items(answer, "item"), *items(answer, "addItem")]
    return {
        "source": "payer-api",
        "groupNpi": next((k.removeprefix(_NPI) for k in sorted(identifiers(provider)) if k.startswith(_NPI)), ""),
        "payerId": next(iter(sorted(identifiers(payer))), ""),
        "exchange": [{
            "type": operation, "method": f"pas-{guide.version}", "requestTime": asked.isoformat(),
            "responseTime": answered.isoformat(), "http": status,
        }],
        "issue": [text(item(each, "code"), "text") for each in items(answer, "error")],
        "itemDetail": [
            {"item": each.get("itemSequence"), "initialSubmissionTime": asked.isoformat(),
             "result": _RESULTS[decided(answer, each)]}
            for each in lines
        ],
    }  # fmt: skip
