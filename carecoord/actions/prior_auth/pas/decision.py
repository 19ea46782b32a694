"""The answer to a request at the moment at which it comes, where no rule approves it: what was granted before and is
asked for unchanged stays, what is taken back is cancelled; the rest waits for the payer's people, under a number to ask
by."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from carecoord.domain.prior_auth.decisions import certification
from carecoord.domain.prior_auth.desk import answers
from carecoord.domain.prior_auth.desk.answers import Choice
from carecoord.domain.prior_auth.pas.answer import ADMINISTRATION
from carecoord.domain.prior_auth.pas.request import is_cancelled
from carecoord.domain.prior_auth.review_action import FAVORABLE, decided
from carecoord.domain.resource.codes import HL7, PAS, REVIEW_ACTION
from carecoord.domain.resource.elements import Json, extensions, items, whole

_CHANGED: Final = f"{PAS}/extension-infoChanged"


def answered(id: str, claim: Json, before: Json, now: datetime) -> Json:
    """The ClaimResponse to a Claim. before: the newest answer to the request that it takes the place of, empty for
    none."""
    whole_ends = certification(claim) == "3"
    held = {whole(each, "itemSequence"): each for each in items(before, "item")}
    lines = items(claim, "item")
    gone = {whole(each, "sequence") for each in lines if whole_ends or is_cancelled(each) or certification(each) == "3"}
    kept = {n: held[n] for each in lines
            if (n := whole(each, "sequence")) in held and n not in gone and _stands(before, held[n], each)}  # fmt: skip
    choices = [
        Choice(whole(each, "sequence") or 0, "ask")
        for each in lines
        if whole(each, "sequence") not in gone and whole(each, "sequence") not in kept
    ]
    tail = id.replace("-", "")[:8].upper()
    answer = answers.answered(id, claim, choices, f"A-{tail}", now)
    made = {whole(each, "itemSequence"): each for each in items(answer, "item")}
    told = [_told(each, made, kept, gone, f"P-{tail}") for each in lines]
    added = [each for each in items(before, "addItem") if _of(each, kept)]
    more = {"addItem": [*items(answer, "addItem"), *added]} if added or items(answer, "addItem") else {}
    number = {"preAuthRef": before["preAuthRef"]} if kept and "preAuthRef" in before else {}
    return {**answer, **number, **more, "item": told or _whole(whole_ends)}


def _whole(ends: bool) -> list[Json]:
    """A request that is taken back as a whole may come without its lines."""
    return [_cancelled(1)] if ends else []


def _told(
    line: Json, made: Mapping[int | None, Json], kept: Mapping[int | None, Json], gone: set[int | None], waiting: str
) -> Json:
    n = whole(line, "sequence")
    if n in gone:
        return _cancelled(n)
    if n in kept:
        return kept[n]
    found = made[n]
    if decided({"outcome": "complete"}, found) != "pended":
        return found
    number = {"url": ADMINISTRATION, "valueString": waiting}
    return found | {"extension": [*items(found, "extension"), number]}


def _cancelled(n: int | None) -> Json:
    code = {"coding": [{"system": REVIEW_ACTION, "code": "C"}]}
    said = [{"url": f"{PAS}/extension-reviewActionCode", "valueCodeableConcept": code}]
    category = {"coding": [{"system": f"{HL7}/adjudication", "code": "submitted"}]}
    review = {"url": f"{PAS}/extension-reviewAction", "extension": said}
    return {"itemSequence": n, "adjudication": [{"category": category, "extension": [review]}]}


def _stands(before: Json, granted: Json, line: Json) -> bool:
    """Whether what was granted on a line is still what it asks for."""
    return decided(before, granted) in FAVORABLE and not extensions(line, _CHANGED)


def _of(added: Json, kept: Mapping[int | None, Json]) -> bool:
    sequences = added.get("itemSequence")
    return isinstance(sequences, list) and any(n in kept for n in sequences)


