"""A payer takes longer for its decision: an answer that leaves open what is open, says who asked for the time and why,
and keeps what was decided on the other lines. By how much, the payer's policy says (`requests.EXTENDED`).

Clauses: 42 CFR 422.568(b), 422.572(b), 438.210(d) (up to 14 days, on the member's request or where it is justified and
in the member's interest, with notice of the reasons and of the right to object)."""

from datetime import datetime

from carecoord.domain.prior_auth.desk import answers
from carecoord.domain.prior_auth.desk.answers import Choice
from carecoord.domain.prior_auth.requests import EXTENDED
from carecoord.domain.prior_auth.review_action import decided
from carecoord.domain.resource.elements import Json, items, text, whole

_OPEN = ("pended", "contact", "unclear")


def extended(id: str, claim: Json, newest: Json | None, by: str, why: str, now: datetime) -> Json:
    """The ClaimResponse by which the clock of a Claim is extended. newest: the answer that holds; by: who asked for it,
    `payer` or `patient`; why: in words, as its notice says it."""
    choices = [Choice(whole(each, "sequence") or 1, "ask") for each in items(claim, "item")]
    made = answers.answered(id, claim, choices, "", now)
    kept = {whole(each, "itemSequence"): each for each in items(newest or {}, "item")
            if decided(newest or {}, each) not in _OPEN}  # fmt: skip
    added = [each for each in items(newest or {}, "addItem") if set(_sequences(each)) & kept.keys()]
    number = text(newest or {}, "preAuthRef")
    return {
        **made,
        "extension": [{"url": EXTENDED, "valueCode": by}],
        "item": [kept.get(whole(each, "itemSequence"), each) for each in items(made, "item")],
        **({"addItem": added} if added else {}),
        **({"preAuthRef": number} if number else {}),
        "processNote": [{"number": 1, "type": "display", "text": why}],
    }


def _sequences(added: Json) -> list[int]:
    found = added.get("itemSequence")
    return [each for each in found if isinstance(each, int)] if isinstance(found, list) else []
