"""What of a request or an answer the log keeps for the payer's metrics: codes and references, read once, when it
happens. Pure."""

from datetime import UTC
from typing import Final

from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.requests import EXTENDED, is_expedited
from carecoord.domain.referrals.case import orders
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, extension, item, target, text

DRUG: Final = "MedicationRequest/"


def of_request(claim: Json) -> Json:
    """`metric` of a Claim. payer: `Organization/id`; received: as the server marked it, nothing of what came elsewhere;
    follows: the request before it; asks: a verb of its life; expedited; drug: it is for drugs alone, to which the
    metrics do not extend (CMS-0057-F, 42 CFR 422.122(b))."""
    came = text(extension(claim, lifecycle.RECEIVED), "valueInstant")
    at = moment(lifecycle.received(claim), UTC)
    wanted = orders(claim)
    said = {
        "payer": target(item(claim, "insurer")), "received": came, "follows": lifecycle.precedent(claim),
        "asks": lifecycle.asks(claim, at.date(), UTC) if at else "", "expedited": is_expedited(claim),
        "drug": bool(wanted) and all(each.startswith(DRUG) for each in wanted),
    }  # fmt: skip
    return {"metric": {name: value for name, value in said.items() if value}}


def of_answer(answer: Json) -> Json:
    """`metric` of a ClaimResponse. outcome: how its request stands by all its lines; extended: who had the clock
    extended."""
    outcome = "error" if text(answer, "outcome") == "error" else lifecycle.outcome(lifecycle.states(answer))
    by = text(extension(answer, EXTENDED), "valueCode")
    return {"metric": {"outcome": outcome, **({"extended": by} if by else {})}}
