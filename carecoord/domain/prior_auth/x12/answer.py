"""A payer's X12 278 answer, read, and as the ClaimResponse that says the same: so that its lines are read as those of
an answer by PAS. Pure. What can be tied to no one line of the request is told, never put on one.

Clauses: X12 005010X217 response (HCR: 306 action, number, reason; AAA: 901 why it was not processed, 889 what is to be
done; TRN*2 our own traces; DTP 472, 007, 036; HSD); Da Vinci PAS 2.2.1, Claim Response profile. The codes of 306, 886,
901 and 889 are X12's: they are kept raw, and only what we know of them gets words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from carecoord.domain.prior_auth.pas.guide import ERROR, FOLLOW_UP
from carecoord.domain.prior_auth.review_action import GRANTED, STATES
from carecoord.domain.prior_auth.units import amount
from carecoord.domain.prior_auth.x12.envelope import Fault, Segment, Transaction, fault
from carecoord.domain.prior_auth.x12.loops import Level, days, levels, number
from carecoord.domain.prior_auth.x12.request import line_trace
from carecoord.domain.resource.codes import HL7, PAS, REVIEW_ACTION
from carecoord.domain.resource.elements import Json, code_of, item, items, key, whole
from carecoord.fhir.code_systems import X12_QUANTITY
from carecoord.words.sentence import sentence

REASON: Final = "https://codesystem.x12.org/external/886"
_PERIODS: Final = ("472", "007", "435", "AAH")  # DTP01 of the days that an approval is for
_ISSUED: Final = "102"
_EXPIRES: Final = "036"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on a line, or on the whole. action: X12 306, as it came; code: of the service, with its
    qualifier, empty for the whole; unit: X12 673."""

    trace: str
    action: str
    number: str
    reason: str
    code: str
    first: date | None
    last: date | None
    count: Decimal | None
    unit: str
    place: int


@dataclass(frozen=True, slots=True)
class Rejection:
    """An AAA: why, what is to be done, and of which level (20, 21, 22, 23, EV, SS)."""

    code: str
    follow_up: str
    level: str
    place: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A 278 answer. trace: ours, of the request; member: as the payer gives it; notes: its messages."""

    trace: str
    member: str
    whole: Decision | None
    lines: tuple[Decision, ...]
    rejections: tuple[Rejection, ...]
    administration: str
    notes: tuple[str, ...]
    faults: tuple[Fault, ...]


def read(transaction: Transaction) -> Answer:
    """What a 278 answer says, with what is wrong with it."""
    faults: list[Fault] = []
    found = levels(transaction.segments, faults)
    events = [each for each in found if each.kind == "EV"]
    services = [each for each in found if each.kind == "SS"]
    head = transaction.segments[0]
    if len(events) > 1:
        faults.append(fault(head, 0, sentence("x12.fault.events", n=len(events))))
    event = events[0] if events else None
    traces = [each.at(2) for each in event.all("TRN", "2")] if event else []
    bht = next((each for each in transaction.segments if each.id == "BHT"), None)
    people = [each.first("NM1", "IL", "QC") for each in found if each.kind in ("22", "23")]
    member = next((who.at(9) for who in people if who and who.at(8) == "MI"), "")
    rejections = [
        Rejection(aaa.at(3), aaa.at(4), each.kind, aaa.place) for each in found for aaa in each.all("AAA")
    ]
    whole_ = _decision(event, faults) if event else None
    lines = [made for each in services if (made := _decision(each, faults))]
    if not rejections and not whole_ and not lines:
        faults.append(fault(head, 0, sentence("x12.fault.nothing-decided")))
    refs = event.first("REF", "NT") if event else None
    notes = [each.at(1) for level in found for each in level.all("MSG")]
    return Answer(
        traces[0] if traces else bht.at(3) if bht else "", member, whole_, tuple(lines), tuple(rejections),
        refs.at(2) if refs else "", tuple(notes), tuple(faults),
    )  # fmt: skip


def _decision(level: Level, faults: list[Fault]) -> Decision | None:
    hcr = level.first("HCR")
    if hcr is None:
        return None
    if hcr.at(1) not in STATES:
        faults.append(fault(hcr, 1, sentence("x12.fault.action", code=hcr.at(1) or "-")))
    first, last = _days(level, faults)
    hsd, trace = level.first("HSD"), level.first("TRN", "2")
    count = number(hsd, 2, faults) if hsd else None
    return Decision(
        trace.at(2) if trace else "", hcr.at(1), hcr.at(2), hcr.at(3), _code(level), first, last, count,
        hsd.at(1) if hsd else "", hcr.place,
    )  # fmt: skip


def _days(level: Level, faults: list[Fault]) -> tuple[date | None, date | None]:
    """The days that it is for. A day alone from which it holds, or until which, leaves the other end open."""
    said = {each.at(1): days(each, 2, faults) for each in level.all("DTP") if each.at(1) != _ISSUED}
    span = next((said[each] for each in _PERIODS if each in said), None)
    until = said.get(_EXPIRES)
    if span is None:
        return (None, until[1]) if until else (None, None)
    return span[0], until[1] if until else (span[1] if span[1] != span[0] or "472" in said else None)


def _code(level: Level) -> str:
    segment = level.first("SV1") or level.first("SV3")
    if segment:
        return segment.part(1, 2)
    institutional = level.first("SV2")
    return institutional.part(2, 2) or institutional.at(1) if institutional else ""


def placed(answer: Answer, claim: Json, trace: str) -> tuple[dict[int, Decision], list[Fault]]:
    """The decision of each line of the request, by its sequence, and what could be tied to no one line: by our own
    trace, else by a code that one line alone has; what is said of the whole is said of every line."""
    asked = {whole(each, "sequence"): each for each in items(claim, "item")}
    by_trace = {line_trace(trace, n): n for n in asked if n is not None}
    found: dict[int, Decision] = {}
    faults: list[Fault] = []
    for each in answer.lines:
        sequences = [by_trace[each.trace]] if each.trace in by_trace else []
        if not sequences and not each.trace:
            sequences = [n for n, line in asked.items() if n is not None and _same(line, each)]
        if len(sequences) != 1 or sequences[0] in found:
            said = sentence("x12.fault.which-line", code=each.code or each.trace or "-")
            faults.append(Fault(each.place, "HCR", 0, said))
        else:
            found[sequences[0]] = each
    if answer.whole:
        rest = [n for n in asked if n is not None and n not in found]
        if len(rest) > 1 and answer.whole.count is not None:
            said = sentence("x12.fault.undivided", n=len(rest))
            faults.append(Fault(answer.whole.place, "HCR", 0, said))
        found |= dict.fromkeys(rest, answer.whole)
    return found, faults


def _same(line: Json, decision: Decision) -> bool:
    codes = {code_of(each) for each in [item(line, "productOrService"), item(line, "revenue")]}
    return bool(decision.code) and decision.code in codes


def response(id: str, claim: Json, answer: Answer, decided: Mapping[int, Decision], now: datetime) -> Json:
    """The ClaimResponse that says what a 278 answer says. decided: as `placed` gives it."""
    granted = [each for each in decided.values() if STATES.get(each.action) in GRANTED]
    number_ = next((each.number for each in (answer.whole, *granted) if each and each.number), "")
    notes = [{"number": n, "type": "display", "text": each} for n, each in enumerate(answer.notes, 1)]
    added = [made for n, each in decided.items() if (made := _added(n, each, claim))]
    return {
        "resourceType": "ClaimResponse", "id": id, "status": "active", "type": item(claim, "type"),
        "use": "preauthorization", "patient": item(claim, "patient"), "created": now.isoformat(timespec="seconds"),
        "insurer": item(claim, "insurer"), "requestor": item(claim, "provider"), "request": {"reference": key(claim)},
        "outcome": "error" if answer.rejections else "complete",
        **({"preAuthRef": number_} if number_ and granted else {}),
        **({"error": [_error(each) for each in answer.rejections]} if answer.rejections else {}),
        **({"item": [_item(n, each, answer) for n, each in sorted(decided.items())]} if decided else {}),
        **({"addItem": added} if added else {}),
        **({"processNote": notes} if notes else {}),
    }  # fmt: skip


def _error(rejection: Rejection) -> Json:
    follow = {"coding": [{"system": FOLLOW_UP, "code": rejection.follow_up}]}
    return {
        **({"extension": [{"url": f"{PAS}/extension-errorFollowupAction", "valueCodeableConcept": follow}]}
           if rejection.follow_up else {}),
        "code": {"coding": [{"system": ERROR, "code": rejection.code}]},
    }  # fmt: skip


def _item(sequence: int, decision: Decision, answer: Answer) -> Json:
    administration = {"url": f"{PAS}/extension-administrationReferenceNumber", "valueString": answer.administration}
    pended = STATES.get(decision.action) == "pended"
    # The number of what is pended is the payer's own of the matter, not one of an authorization.
    own = decision.number if pended and decision.number else ""
    told = [*_period(decision), *([administration] if answer.administration else [])]
    told += [administration | {"valueString": own}] if own and not answer.administration else []
    if _grants(decision) and not _changes(decision):
        told.append({"url": f"{PAS}/extension-itemAuthorizedDetail",
                     "extension": [{"url": "quantity", "valueQuantity": _quantity(decision)}]})  # fmt: skip
    return {
        "itemSequence": sequence,
        **({"extension": told} if told else {}),
        "adjudication": [_adjudication(replace(decision, number="") if pended else decision)],
    }


def _grants(decision: Decision) -> bool:
    return STATES.get(decision.action) in GRANTED and decision.count is not None


def _changes(decision: Decision) -> bool:
    return STATES.get(decision.action) in ("modified", "partly")


def _added(sequence: int, decision: Decision, claim: Json) -> Json:
    """What is granted in the place of what was asked for, where less or other is granted; empty else."""
    if not _changes(decision):
        return {}
    wish = next((each for each in items(claim, "item") if whole(each, "sequence") == sequence), {})
    period = _period(decision)
    return {
        "itemSequence": [sequence],
        "productOrService": item(wish, "productOrService"),
        **({"extension": period} if period else {}),
        **({"quantity": _quantity(decision)} if decision.count is not None else {}),
        "adjudication": [_adjudication(decision)],
    }


def _quantity(decision: Decision) -> dict[str, Any]:
    count = decision.count if decision.count is not None else Decimal(0)
    value: int | Decimal = int(count) if count == count.to_integral_value() else count
    unit = {"system": X12_QUANTITY, "code": decision.unit} if decision.unit else {}
    known = amount({"value": 1, **unit})
    return {"value": value, **({"unit": known.noun} if known and decision.unit else {}), **unit}


def _adjudication(decision: Decision) -> Json:
    action = {"coding": [{"system": REVIEW_ACTION, "code": decision.action}]}
    parts: list[Json] = [{"url": f"{PAS}/extension-reviewActionCode", "valueCodeableConcept": action}]
    parts += [{"url": "number", "valueString": decision.number}] if decision.number else []
    if decision.reason:
        parts.append({"url": "reasonCode", "valueCodeableConcept": {"coding": [{"system": REASON,
                                                                               "code": decision.reason}]}})  # fmt: skip
    category = {"coding": [{"system": f"{HL7}/adjudication", "code": "submitted"}]}
    return {"category": category, "extension": [{"url": f"{PAS}/extension-reviewAction", "extension": parts}]}


def _period(decision: Decision) -> list[Json]:
    said = (("start", decision.first), ("end", decision.last))
    period = {name: day.isoformat() for name, day in said if day}
    granted = STATES.get(decision.action) in GRANTED
    return [{"url": f"{PAS}/extension-itemPreAuthPeriod", "valuePeriod": period}] if period and granted else []


def without_reason(decided: Mapping[int, Decision], answer: Answer) -> Sequence[Fault]:
    """The denials that say nothing of why: CMS-0057-F has a payer give the reason, and a ClaimResponse here has one."""
    bare = [each for each in decided.values() if STATES.get(each.action) == "denied" and not each.reason]
    if answer.notes:
        return ()
    return [Fault(each.place, "HCR", 3, sentence("x12.fault.no-reason")) for each in dict.fromkeys(bare)]


def is_response(transaction: Transaction) -> bool:
    """Whether a 278 answers (BHT02 11, 18 or 19) rather than asks."""
    bht: Segment | None = next((each for each in transaction.segments if each.id == "BHT"), None)
    return bht is not None and bht.at(2) in ("11", "18", "19")
