"""A payer's X12 278 answer, read, and as the ClaimResponse that says the same: so that its lines are read as those of
an answer by PAS. Pure. What can be tied to no one line of the request is told, never put on one.

Clauses: X12 005010X217 response (HCR: 306 action, number, reason; AAA: 901 why it was not processed, 889 what is to be
done; TRN*2 our own traces; DTP 007, 036, 472; SV1 to SV3, UM04, NM1 of
2010EA and 2010F what was certified; HSD); Da Vinci PAS 2.2.1, Claim Response profile. The codes of 306, 886,
901 and 889 are X12's: they are kept raw, and only what we know of them gets words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from carecoord.domain.prior_auth.decisions import CODE_END, served
from carecoord.domain.prior_auth.pas.guide import ERROR, FOLLOW_UP
from carecoord.domain.prior_auth.review_action import GRANTED, STATES
from carecoord.domain.prior_auth.units import amount
from carecoord.domain.prior_auth.x12.envelope import Fault, Segment, Transaction, fault
from carecoord.domain.prior_auth.x12.loops import Level, days, levels, number
from carecoord.domain.prior_auth.x12.request import CPT, DENTAL, HCPCS, PLACE, REVENUE, line_trace
from carecoord.domain.resource.codes import HL7, PAS, REVIEW_ACTION
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, key, whole
from carecoord.fhir.code_systems import NPI, X12_QUANTITY
from carecoord.words.sentence import sentence

REASON: Final = "https://codesystem.x12.org/external/886"
# DTP01 of the days that an approval is for: what is certified stands before the service that was asked for.
_EFFECTIVE: Final = "007"
_EXPIRES: Final = "036"
_SERVED: Final = ("472", "435", "AAH")
_ISSUED: Final = "102"
_DOERS: Final = ("71", "72", "73", "AAJ", "G3", "QB", "QV", "SJ")  # NM101 of who does it; not who asks or assists


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on a line, or on the whole. action: X12 306, as it came; code: of the service, as `kind`
    (the qualifier of a procedure code, NU of a revenue code), empty for the whole; unit: X12 673; setting: the place of
    service; doers: who may do it, as (NPI, name). What is empty is as it was asked for."""

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
    kind: str = ""
    code_end: str = ""
    modifiers: tuple[str, ...] = ()
    setting: str = ""
    doers: tuple[tuple[str, str], ...] = ()


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
    lines = [_within(made, whole_) for each in services if (made := _decision(each, faults))]
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
    kind, code, modifiers, end = _service(level)
    named = [each for each in level.all("NM1") if each.at(1) in _DOERS and each.at(8) == "XX" and each.at(9)]
    um = level.first("UM")
    return Decision(
        trace.at(2) if trace else "", hcr.at(1), hcr.at(2), hcr.at(3), code, first, last, count,
        hsd.at(1) if hsd else "", hcr.place, kind, end, modifiers,
        um.part(4, 1) if um and um.part(4, 2) == "B" else "",
        tuple((each.at(9), " ".join(filter(None, (each.at(3), each.at(4))))) for each in named),
    )  # fmt: skip


def _within(line: Decision, whole_: Decision | None) -> Decision:
    """A line as the event has it, in all that it does not say itself."""
    if whole_ is None:
        return line
    dated = line.first or line.last
    return replace(
        line, first=line.first if dated else whole_.first, last=line.last if dated else whole_.last,
        setting=line.setting or whole_.setting, doers=line.doers or whole_.doers,
    )  # fmt: skip


def _days(level: Level, faults: list[Fault]) -> tuple[date | None, date | None]:
    """The days that it is for: those that are certified, else those of the service. A day alone from which it holds
    leaves the other end open."""
    said = {each.at(1): days(each, 2, faults) for each in level.all("DTP") if each.at(1) != _ISSUED}
    name = next((each for each in _SERVED if each in said), "")
    first, last = said.get(name, (None, None))
    if name != "472" and first == last:
        last = None
    if effective := said.get(_EFFECTIVE):
        first = effective[0]
        last = effective[1] if effective[1] != first else last
    until = said.get(_EXPIRES)
    return first, until[1] if until else last


def _service(level: Level) -> tuple[str, str, tuple[str, ...], str]:
    """Of the service of a level: the qualifier of its code, the code, its modifiers, and the end of a range."""
    segment = level.first("SV1") or level.first("SV3")
    n = 1
    if segment is None:
        segment, n = level.first("SV2"), 2
        if segment and not segment.part(2, 2):
            return "NU", segment.at(1), (), ""
    if segment is None:
        return "", "", (), ""
    modifiers = tuple(said for of in range(3, 7) if (said := segment.part(n, of)))
    return segment.part(n, 1), segment.part(n, 2), modifiers, segment.part(n, 8)


def placed(answer: Answer, claim: Json, trace: str, zone: tzinfo) -> tuple[dict[int, Decision], list[Fault]]:
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
            found[sequences[0]] = _ended(each, asked[sequences[0]], zone)
    if answer.whole:
        rest = [n for n in asked if n is not None and n not in found]
        if len(rest) > 1 and answer.whole.count is not None:
            said = sentence("x12.fault.undivided", n=len(rest))
            faults.append(Fault(answer.whole.place, "HCR", 0, said))
        found |= {n: _ended(answer.whole, asked[n], zone) for n in rest}
    return found, faults


def _ended(decision: Decision, line: Json, zone: tzinfo) -> Decision:
    """One that says from when alone holds no longer than it was asked for."""
    last = served(line, zone).last
    if decision.first is None or decision.last is not None or last is None:
        return decision
    return replace(decision, last=last) if last >= decision.first else decision


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
    told = [*_period(decision), *_named(decision), *([administration] if answer.administration else [])]
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
    wish = next((each for each in items(claim, "item") if whole(each, "sequence") == sequence), {})
    marks = {code_of(each) for each in items(wish, "modifier")}
    place = code_of(item(wish, "locationCodeableConcept"), PLACE)
    ended = code_of(item(extension(wish, CODE_END), "valueCodeableConcept"))
    other = bool(decision.code) and not (_same(wish, decision) and decision.code_end in ("", ended))
    elsewhere = bool(decision.setting) and decision.setting != place
    otherwise = bool(decision.modifiers) and set(decision.modifiers) != marks
    if STATES.get(decision.action) not in GRANTED or not (_changes(decision) or other or elsewhere or otherwise):
        return {}
    told = [*_period(decision), *_named(decision), *(_code_end(decision) if other else ())]
    return {
        "itemSequence": [sequence],
        "productOrService": _coded(decision) if other else item(wish, "productOrService"),
        **({"modifier": [{"coding": [{"code": each}]} for each in decision.modifiers]} if otherwise else {}),
        **({"locationCodeableConcept": {"coding": [{"system": PLACE, "code": decision.setting}]}} if elsewhere else {}),
        **({"extension": told} if told else {}),
        **({"quantity": _quantity(decision)} if decision.count is not None else {}),
        "adjudication": [_adjudication(decision)],
    }


def _coded(decision: Decision) -> Json:
    """The service that was granted, by the code system that its qualifier means."""
    system = {"AD": DENTAL, "NU": REVENUE}.get(decision.kind) or (CPT if decision.code[:1].isdecimal() else HCPCS)
    return {"coding": [{"system": system, "code": decision.code}]}


def _code_end(decision: Decision) -> list[Json]:
    if not decision.code_end:
        return []
    end = _coded(replace(decision, code=decision.code_end))
    return [{"url": CODE_END, "valueCodeableConcept": end}]


def _named(decision: Decision) -> list[Json]:
    """Who may do it."""
    if STATES.get(decision.action) not in GRANTED:
        return []
    return [
        {"url": f"{PAS}/extension-itemAuthorizedProvider", "extension": [{"url": "provider", "valueReference": {
            "identifier": {"system": NPI, "value": number}, **({"display": name} if name else {}),
        }}]}
        for number, name in decision.doers
    ]  # fmt: skip


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
