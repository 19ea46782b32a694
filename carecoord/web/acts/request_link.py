"""The way from a referral to its request for authorization, where that is what is next: its page, with the act open."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from carecoord.actions.worklist.worklist import Panel
from carecoord.domain.access.verbs import Verb

VERB: Final = "open-request"
LEADS: Final[Mapping[str, Verb]] = {  # code of the next step -> the act on the request that takes it
    "submit-authorization": "send-request", "extend-authorization": "extend-request", "appeal": "appeal",
    "correct-request": "call-payer", "send-document": "answer-payer",
}  # fmt: skip


def href(panel: Panel) -> str:
    """The address; empty where the referral has no request, or its office is another."""
    request = panel.clearance.ruling.request
    if request is None or "requester" not in panel.sides:
        return ""
    page = f"/authorizations/{quote(request.root.removeprefix('Claim/'))}"
    verb = LEADS.get(panel.row.action or "") if "assign" in panel.verbs else None  # who works on referrals sends
    return f"{page}?act={verb}" if verb else page
