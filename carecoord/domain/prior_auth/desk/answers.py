"""A payer's answer to a request, written line by line by somebody at its desk. Pure.

Clauses: Da Vinci PAS 2.2.1, Claim Response profile: the decision of an item is the reviewAction of its adjudication
(X12 306: A1, A3, A4, A6); what is authorized instead of what was asked stands in an addItem; itemPreAuthPeriod, number;
a paper is asked for by a Task about the Claim (attachment-request-code)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Literal, get_args

from carecoord.domain.prior_auth.desk import second_look
from carecoord.domain.prior_auth.desk.guides import Guide, Tick, by_rule, ticked
from carecoord.domain.resource.codes import CANONICAL, HL7, PAPER_WANTED, PAS, PAS_CODES, REVIEW_ACTION
from carecoord.domain.resource.elements import Json, item, items, key, whole
from carecoord.words.sentence import Sentence, sentence

Decision = Literal["approve", "modify", "ask", "deny"]
DECISIONS: Final[tuple[Decision, ...]] = get_args(Decision)
_CODES: Final[dict[Decision, str]] = {"approve": "A1", "modify": "A6", "ask": "A4", "deny": "A3"}
REASONS: Final[Mapping[str, Sentence]] = {  # why a line is denied: our own codes, for X12's list (886) is X12's
    "not-necessary": sentence("denial.not-necessary"),
    "not-shown": sentence("denial.not-shown"),
    "not-covered": sentence("denial.not-covered"),
    "out-of-network": sentence("denial.out-of-network"),
    "other-setting": sentence("denial.other-setting"),
    "experimental": sentence("denial.experimental"),
    "duplicate": sentence("denial.duplicate"),
}
DENIAL_REASON: Final = f"{CANONICAL}/CodeSystem/denial-reason"


@dataclass(frozen=True, slots=True)
class Choice:
    """What is decided on the line of a sequence. units, first, last: of what is granted, None as asked. reason: of
    REASONS, with its words in `said`; words: why, as the letter says it. paper, by: what is asked for, and by when.
    ticks: the criteria of the rule, as they were ticked."""

    line: int
    decision: Decision
    units: int | None = None
    first: date | None = None
    last: date | None = None
    reason: str = ""
    said: str = ""
    words: str = ""
    paper: str = ""
    by: datetime | None = None
    ticks: tuple[Tick, ...] = ()


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides (a Reference, and their NPI), and by which rule each line goes. rule: that approved by itself, None
    for a person."""

    who: Json
    npi: str = ""
    guides: Mapping[int, Guide] = field(default_factory=dict)
    rule: Guide | None = None


def answered(
    id: str, claim: Json, choices: Sequence[Choice], number: str, now: datetime, by: Decider | None = None
) -> Json:
    """The ClaimResponse to a Claim. number: of the authorization, for what is granted; by: who decided."""
    asked = {whole(each, "sequence"): each for each in items(claim, "item")}
    granted = any(each.decision in ("approve", "modify") for each in choices)
    notes = [{"number": n, "type": "display", "text": each.words} for n, each in enumerate(choices, 1) if each.words]
    return {
        "resourceType": "ClaimResponse",
        "id": id,
        "status": "active",
        "type": claim["type"] if claim.get("type") else {"coding": [{"system": f"{HL7}/claim-type",
                                                                     "code": "professional"}]},
        "use": "preauthorization",
        "patient": item(claim, "patient"),
        "created": now.isoformat(timespec="seconds"),
        "insurer": item(claim, "insurer"),
        "request": {"reference": key(claim)},
        "outcome": "complete",
        **({"extension": _reviewed(by)} if by else {}),
        **({"preAuthRef": number} if granted else {}),
        "item": [_line(each, n, number, now, by) for n, each in enumerate(choices, 1)],
        **_instead(choices, asked, number),
        **({"processNote": notes} if notes else {}),
    }  # fmt: skip


def _reviewed(by: Decider) -> list[Json]:
    """Whether a human decided, and who, or by which rule it was."""
    return [by_rule(by.rule), second_look.unreviewed()] if by.rule else [second_look.reviewer(by.npi)]


def held(choices: Sequence[Choice]) -> list[Choice]:
    """The choices as they go out before a second person has agreed to what is denied: that stays open."""
    return [Choice(each.line, "ask") if each.decision == "deny" else each for each in choices]


def asked(id: str, claim: Json, choice: Choice, now: datetime) -> Json:
    """The Task by which a payer asks for a paper."""
    until = {"restriction": {"period": {"end": choice.by.isoformat(timespec="seconds")}}} if choice.by else {}
    return {
        "resourceType": "Task",
        "id": id,
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": PAPER_WANTED[0], "code": PAPER_WANTED[1]}]},
        "for": item(claim, "patient"),
        "authoredOn": now.isoformat(timespec="seconds"),
        "lastModified": now.isoformat(timespec="seconds"),
        "requester": item(claim, "insurer"),
        "owner": item(claim, "provider"),
        "reasonReference": {"reference": key(claim)},
        **until,
        "input": [{
            "type": {"coding": [{"system": PAS_CODES, "code": "attachments-needed"}]},
            "valueCodeableConcept": {"text": choice.paper},
        }],
    }  # fmt: skip


def _line(choice: Choice, note: int, number: str, now: datetime, by: Decider | None) -> Json:
    granted = choice.decision in ("approve", "modify")
    said = _period(choice) if choice.decision == "approve" else []
    if by and choice.line in by.guides and choice.decision != "ask":
        said = [*said, *ticked(by.guides[choice.line], choice.ticks, by.who, now)]
    return {
        "itemSequence": choice.line,
        **({"extension": said} if said else {}),
        **({"noteNumber": [note]} if choice.words else {}),
        "adjudication": [_adjudication(choice, number if granted else "")],
    }


def _adjudication(choice: Choice, number: str) -> Json:
    coding = {"system": REVIEW_ACTION, "code": _CODES[choice.decision]}
    code = f"{PAS}/extension-reviewActionCode"
    parts: list[Json] = [{"url": code, "valueCodeableConcept": {"coding": [coding]}}]
    parts += [{"url": "number", "valueString": number}] if number else []
    if choice.decision == "deny":
        why = {"coding": [{"system": DENIAL_REASON, "code": choice.reason}], "text": choice.said}
        parts.append({"url": "reasonCode", "valueCodeableConcept": why})
    category = {"coding": [{"system": f"{HL7}/adjudication", "code": "submitted"}]}
    return {"category": category, "extension": [{"url": f"{PAS}/extension-reviewAction", "extension": parts}]}


def _instead(choices: Sequence[Choice], asked: Mapping[int | None, Json], number: str) -> dict[str, Any]:
    """What is granted in the place of what was asked for."""
    added = []
    for each in choices:
        if each.decision == "modify":
            wish, period = asked[each.line], _period(each)
            quantity: Json = {**item(wish, "quantity"), "value": each.units}
            added.append({
                "itemSequence": [each.line],
                "productOrService": item(wish, "productOrService"),
                **({"extension": period} if period else {}),
                **({"quantity": quantity} if each.units is not None else {}),
                "adjudication": [_adjudication(each, number)],
            })  # fmt: skip
    return {"addItem": added} if added else {}


def _period(choice: Choice) -> list[Json]:
    days = {name: day.isoformat() for name, day in (("start", choice.first), ("end", choice.last)) if day}
    return [{"url": f"{PAS}/extension-itemPreAuthPeriod", "valuePeriod": days}] if days else []
