"""A referral while it is written: what its form says of an order, field by field, and the order that says it. Pure.

A draft is a ServiceRequest of status draft: the team sees it, its versions are kept, and what two write at once is put
together by field. To whom it is to go stands in an extension until it is sent: whoever an order names sees it.

Clause: FHIR R4 servicerequest.html; spec/referrals.md 1.7."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from carecoord.domain.policies.shipped import PRIORITIES
from carecoord.domain.resource.codes import EXTENSION, IDENTIFIER, PATIENT_REFERRAL
from carecoord.domain.resource.elements import Json, extensions, item, items, key, target, targets, text
from carecoord.words.sentence import Sentence, sentence

CHOICE: Final = f"{EXTENSION}/chosen-performer"  # of a draft: to whom it is to be sent; several: who is asked at once
TOLD: Final = f"{EXTENSION}/told-when-sent"  # of a draft: who is to be told when it is sent
NEED: Final = f"{EXTENSION}/visit-need"  # of an order: what the patient needs to be there and understand
NUMBER: Final = f"{IDENTIFIER}/referral"
NEEDS: Final = ("interpreter", "transport")
URGENCIES: Final[tuple[str, ...]] = tuple(reversed(PRIORITIES))  # routine first
FIELDS: Final = (
    "service", "service-code", "reason", "reason-code", "question", "clinician", "specialty", "specialty-code",
    "urgency", "from", "to", *NEEDS, "card", "papers", "follows", "choice", "told",
)  # fmt: skip
Fields = Mapping[str, str]  # every field as a text; several references stand with blanks between


@dataclass(frozen=True, slots=True)
class Clash:
    """A field that two wrote differently from one beginning. `theirs`, `mine`: what each wrote."""

    field: str
    theirs: str
    mine: str


_CLINICIANS: Final = {
    "http://terminology.hl7.org/CodeSystem/practitioner-role": frozenset({"doctor", "nurse", "pharmacist"}),
}


def is_clinicians(role: Json) -> bool:
    """Whether a PractitionerRole is a clinician's, who may order, and not a coordinator's: it names a specialty, has a
    clinical code, or does not say what it is."""
    said = items(role, "code")
    coded = {(text(each, "system"), text(each, "code")) for code in said for each in items(code, "coding")}
    clinical = any(value in _CLINICIANS.get(system, (value,)) for system, value in coded if system)
    return clinical or not said or bool(items(role, "specialty"))


def begun(id: str, patient: Json, office: Json, now: datetime) -> Json:
    """A draft that says nothing yet but for whom it is and who writes it."""
    system, code = PATIENT_REFERRAL
    return {
        "resourceType": "ServiceRequest",
        "id": id,
        "identifier": [{"system": NUMBER, "value": f"R-{id.replace('-', '')[:8].upper()}"}],
        "status": "draft",
        "intent": "order",
        "priority": "routine",
        "category": [{"coding": [{"system": system, "code": code}]}],
        "subject": {"reference": key(patient)},
        "authoredOn": now.isoformat(timespec="seconds"),
        "requester": office,
    }


def said(order: Json) -> dict[str, str]:
    """What the form of an order says: every field, empty where the order says nothing of it."""
    period, info = item(order, "occurrencePeriod"), targets(order, "supportingInfo")
    needs = {text(each, "valueCode") for each in extensions(order, NEED)}
    return {
        **_concept("service", item(order, "code")),
        **_concept("reason", next(iter(items(order, "reasonCode")), {})),
        "question": next((text(each, "text") for each in items(order, "note")), ""),
        "clinician": target(item(order, "requester")),
        **_concept("specialty", item(order, "performerType")),
        "urgency": text(order, "priority") or "routine",
        "from": text(period, "start"),
        "to": text(period, "end"),
        **{each: "1" if each in needs else "" for each in NEEDS},
        "card": next((to for to in targets(order, "insurance") if to.startswith("Coverage/")), ""),
        "papers": " ".join(sorted(to for to in info if not to.startswith("ServiceRequest/"))),
        "follows": next((to for to in info if to.startswith("ServiceRequest/")), ""),
        "choice": " ".join(chosen(order)),
        "told": " ".join(sorted(text(each, "valueString") for each in extensions(order, TOLD))),
    }


def chosen(order: Json) -> list[str]:
    """To whom a draft is to go, `Organization/id`, the first choice first."""
    return [to for each in extensions(order, CHOICE) if (to := target(item(each, "valueReference")))]


def written(order: Json, fields: Fields) -> Json:
    """The order with these fields in the place of what it said of them; what no field tells of stays."""
    told = {**said(order), **fields}
    order = {name: value for name, value in order.items() if name not in _OWN}
    kept = [each for each in items(order, "extension") if text(each, "url") not in (CHOICE, NEED, TOLD)]
    needs = [{"url": NEED, "valueCode": each} for each in NEEDS if told[each]]
    wanted = [{"url": CHOICE, "valueReference": {"reference": to}} for to in told["choice"].split()]
    hears = [{"url": TOLD, "valueString": each} for each in told["told"].split()]
    period = {end: told[name] for end, name in (("start", "from"), ("end", "to")) if told[name]}
    papers = [*told["papers"].split(), *told["follows"].split()]
    reason = _coded(told, "reason")
    found: Json = {
        "code": _coded(told, "service"),
        "reasonCode": [reason] if reason else [],
        "note": [{"text": told["question"]}] if told["question"] else [],
        "performerType": _coded(told, "specialty"),
        "occurrencePeriod": period,
        "insurance": [{"reference": told["card"]}] if told["card"] else [],
        "supportingInfo": [{"reference": each} for each in papers],
        "extension": [*kept, *needs, *wanted, *hears],
        "requester": {"reference": told["clinician"]} if told["clinician"] else item(order, "requester"),
        "priority": told["urgency"],
    }
    bare = {name: value for name, value in order.items() if name not in found}
    return bare | {name: value for name, value in found.items() if value}


_OWN: Final = ("code", "reasonCode", "note", "performerType", "occurrencePeriod", "insurance", "supportingInfo")


def merged(base: Fields, theirs: Fields, mine: Fields) -> tuple[dict[str, str], list[Clash]]:
    """Two changes of one beginning put together: what one of them left alone is as the other wrote it. Where both wrote
    different things the fields clash, and stand as mine."""
    fields, clashes = dict(theirs), list[Clash]()
    for name, wrote in mine.items():
        before, now = base.get(name, ""), theirs.get(name, "")
        if wrote == before:
            continue
        fields[name] = wrote
        if now not in (before, wrote):
            clashes.append(Clash(name, now, wrote))
    return fields, clashes


def ready(order: Json, performers: Sequence[Json], now: datetime) -> Json:
    """The order as it goes out to somebody: signed, and naming them."""
    kept = [each for each in items(order, "extension") if text(each, "url") not in (CHOICE, TOLD)]
    bare = {name: value for name, value in order.items() if name != "extension"}
    signed = {"status": "active", "performer": [*performers], "authoredOn": now.isoformat(timespec="seconds")}
    return bare | signed | ({"extension": kept} if kept else {})


def lacking(fields: Fields, today: date) -> list[tuple[str, Sentence]]:
    """The fields without which nothing is sent, each with what to do about it."""
    found = list[tuple[str, Sentence]]()
    if not fields["service"]:
        found.append(("service", sentence("refer.lacks.service")))
    if not fields["choice"]:
        found.append(("choice", sentence("refer.lacks.choice")))
    start, end = fields["from"], fields["to"]
    if end and end < today.isoformat():
        found.append(("to", sentence("refer.lacks.past")))
    elif start and end and end < start:
        found.append(("to", sentence("refer.lacks.order")))
    return found


def _concept(name: str, concept: Json) -> dict[str, str]:
    """A CodeableConcept as two fields: its words, and `system|code`."""
    coding = next(iter(items(concept, "coding")), {})
    code = f"{text(coding, 'system')}|{text(coding, 'code')}" if text(coding, "code") else ""
    return {name: text(concept, "text") or text(coding, "display"), f"{name}-code": code}


def _coded(told: Fields, name: str) -> Json:
    words, (system, _, code) = told[name], told[f"{name}-code"].partition("|")
    coding = [{"system": system, "code": code, **({"display": words} if words else {})}] if code else []
    return {**({"coding": coding} if coding else {}), **({"text": words} if words else {})}


def differing(before: Fields, after: Fields) -> Sequence[str]:
    """The fields of which one says another thing than the other."""
    return [name for name in FIELDS if before.get(name, "") != after.get(name, "")]
