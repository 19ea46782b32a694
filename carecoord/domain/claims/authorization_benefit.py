"""A request for authorization as an ExplanationOfBenefit for its member: what was asked of the payer, what it said of
each service, and how much of that is used. It is made of the request, its answer and its row whenever it is read, and
kept nowhere.

Clauses: Da Vinci PDex 2.1.1, profile pdex-priorauthorization (use `preauthorization`, preAuthRefPeriod, the slices
allowedunits, consumedunits and denialreason of an item's adjudication, reviewAction, base-ext-when-adjudicated,
PriorAuthorizationUtilization of a total); FHIR R4 explanationofbenefit.html (total.amount 1..1: nobody says what the
units cost, and that is what it says)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from carecoord.domain.prior_auth.decisions import Verdict, trouble, verdicts
from carecoord.domain.prior_auth.lifecycle import WAITING
from carecoord.domain.prior_auth.review_action import GRANTED, STATES, reviews
from carecoord.domain.prior_auth.units import amount
from carecoord.domain.resource.codes import CANONICAL, HL7, PAS, REVIEW_ACTION
from carecoord.domain.resource.elements import Json, extension, extensions, item, items, key, text, whole
from carecoord.fhir.code_systems import UCUM

PDEX: Final = "http://hl7.org/fhir/us/davinci-pdex"
PROFILE: Final = f"{PDEX}/StructureDefinition/pdex-priorauthorization"
REVIEW: Final = f"{PDEX}/StructureDefinition/extension-reviewAction"
REVIEW_CODE: Final = f"{PDEX}/StructureDefinition/extension-reviewActionCode"
WHEN: Final = f"{PDEX}/StructureDefinition/base-ext-when-adjudicated"
LEVEL: Final = f"{PDEX}/StructureDefinition/extension-levelOfServiceCode"
UTILIZATION: Final = f"{PDEX}/StructureDefinition/PriorAuthorizationUtilization"
SLICES: Final = f"{PDEX}/CodeSystem/PDexAdjudicationDiscriminator"
VALUES: Final = f"{PDEX}/CodeSystem/PriorAuthorizationValueCodes"
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_CODES: Final = {state: code for code, state in STATES.items()}
_VISITS: Final = {"unit": "visits", "system": UCUM, "code": "{visit}"}  # what a number without a unit counts
_UNIT: Final = ("unit", "system", "code")
_REVIEWED: Final = ("number", "reasonCode", "secondSurgicalOpinionFlag")
# What both resources have under the same name and of the same type.
_WHOLE: Final = (
    "identifier", "type", "subType", "billablePeriod", "enterer", "provider", "priority", "facility", "diagnosis",
)  # fmt: skip
_CARE: Final = ("sequence", "provider", "responsible", "role", "qualification")
_INFO: Final = (
    "sequence", "category", "code", "timingDate", "timingPeriod", "valueBoolean", "valueString", "valueQuantity",
    "valueAttachment", "valueReference",
)  # fmt: skip
_ITEM: Final = (
    "sequence", "careTeamSequence", "diagnosisSequence", "informationSequence", "revenue", "category",
    "productOrService", "modifier", "programCode", "servicedDate", "servicedPeriod", "locationCodeableConcept",
    "locationReference", "quantity", "unitPrice", "net", "encounter",
)  # fmt: skip
_EXTENSIONS: Final = tuple(f"{PAS}/extension-{name}" for name in (
    "itemTraceNumber", "itemPreAuthIssueDate", "itemPreAuthPeriod", "authorizationNumber",
    "administrationReferenceNumber", "itemAuthorizedDetail", "itemAuthorizedProvider",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Authorization:
    """claim: the newest version that was sent, empty where only the payer's answer is here; answered: the version that
    `answer` is to, which may be an older one; answer: the one that holds, empty where there is none. lines: of its row,
    one for each verdict of the answer, with the numbers of the ledger; authorized, used: of the whole, as the row
    writes them, None where visits can not be counted in its units."""

    claim: Json
    answered: Json
    answer: Json
    state: str
    lines: Sequence[Mapping[str, Any]]
    authorized: str | None
    used: str | None

    def verdicts(self) -> list[tuple[Verdict, Mapping[str, Any]]]:
        """What the payer said of each service, with its line of the row: empty where the row has none, as of what was
        withdrawn."""
        found = verdicts(self.answered, self.answer) if self.answer else []
        lines = self.lines if len(self.lines) == len(found) else [{}] * len(found)
        return list(zip(found, lines, strict=True))


def id_of(root: str) -> str:
    """The id under which a request, `Claim/id` of its first version, is read as an ExplanationOfBenefit."""
    return str(uuid5(NAMESPACE_URL, f"{CANONICAL}/authorization/{root}"))


def benefit(one: Authorization, id: str, patient: str) -> Json:
    """The resource, without its version. patient: the id of the member."""
    base, heard = one.claim or one.answer, one.verdicts()
    provider = item(one.claim, "provider") or item(one.answer, "requestor")
    found: Json = {
        "resourceType": "ExplanationOfBenefit", "id": id, "meta": {"profile": [PROFILE]},
        **_level(one.claim),
        **{name: base[name] for name in _WHOLE if name in base},
        "status": "cancelled" if one.state == "cancelled" else "active", "use": "preauthorization",
        "patient": {"reference": f"Patient/{patient}"}, "created": text(base, "created"),
        "insurer": item(one.claim, "insurer") or item(one.answer, "insurer"), "provider": provider,
        **({"claim": {"reference": key(one.claim)}} if one.claim else {}),
        **({"claimResponse": {"reference": key(one.answer)}} if one.answer else {}),
        "outcome": _outcome(one),
        **{name: one.answer[name] for name in ("disposition", "processNote") if one.answer.get(name)},
        **_granted(heard),
        **_several("careTeam", (_of(each, _CARE) for each in items(one.claim, "careTeam"))),
        **_several("supportingInfo", (_of(each, _INFO) for each in items(one.claim, "supportingInfo"))),
        "insurance": list(_insurance(base)),
        **_several("item", (_item(one, each, heard) for each in items(one.claim, "item"))),
        **_several("addItem", (_added(one, each, line) for each, line in heard if _is_added(each))),
        **_several("total", _totals(one, heard)),
    }  # fmt: skip
    return {name: _outward(value) for name, value in found.items()}


def _outcome(one: Authorization) -> str:
    if one.state == "error":
        return "error"
    return "queued" if one.state in WAITING or not one.answer else "complete"


def _level(claim: Json) -> Json:
    said = extension(claim, f"{PAS}/extension-levelOfServiceCode").get("valueCodeableConcept")
    return {"extension": [{"url": LEVEL, "valueCodeableConcept": said}]} if said else {}


def _granted(heard: Iterable[tuple[Verdict, Mapping[str, Any]]]) -> Json:
    """The payer's numbers, and from when until when what it granted holds."""
    lines = [line for each, line in heard if each.state in GRANTED]
    numbers = list(dict.fromkeys(line["number"] for line in lines if line.get("number")))
    spans = {str(span): span for line in lines if (span := _span(line))}
    return _several("preAuthRef", numbers) | _several("preAuthRefPeriod", spans.values())


def _span(line: Mapping[str, Any]) -> Json:
    ends = {"start": line.get("starts"), "end": line.get("last")}
    return {name: day for name, day in ends.items() if day}


def _insurance(base: Json) -> Iterator[Json]:
    """The cards: an answer may name none, and there has to be one."""
    held = items(base, "insurance")
    for each in held or [{"focal": True}]:
        card = {"focal": each.get("focal") is True or len(held) < 2, "coverage": item(each, "coverage")}
        yield card | ({"preAuthRef": each["preAuthRef"]} if each.get("preAuthRef") else {})


def _item(one: Authorization, asked: Json, heard: Iterable[tuple[Verdict, Mapping[str, Any]]]) -> Json:
    """A service that was asked for, and what was said of it."""
    sequence = whole(asked, "sequence")
    mine = [(each, line) for each, line in heard if sequence is not None and whole(each.wish, "sequence") == sequence]
    kept = [asked, *(part for each, _ in mine for part in (each.element, each.replaced))]
    more = list(_extensions(kept, next((span for _, line in mine if (span := _span(line))), {})))
    judged = list(_adjudication(one, mine))
    return _of(asked, _ITEM) | _several("extension", more) | _several("adjudication", judged)


def _is_added(said: Verdict) -> bool:
    """Whether the payer speaks of something that stands not in the request, or of another than what was asked for."""
    return not said.wish or bool(said.replaced)


def _added(one: Authorization, said: Verdict, line: Mapping[str, Any]) -> Json:
    """What the payer put in the place of something, or beside it. What it counts stands with what was asked for."""
    sequence = whole(said.wish, "sequence")
    named = item(said.element, "productOrService") or item(said.wish, "productOrService")
    service = named or {"text": line.get("service") or "-"}
    kept = _of(said.element, ("modifier", "servicedDate", "servicedPeriod", "quantity"))
    judged = [] if said.wish else list(_adjudication(one, [(said, line)]))
    return (
        ({"itemSequence": [sequence]} if sequence is not None else {})
        | {"productOrService": service}
        | kept
        | _several("adjudication", judged)
    )


def _extensions(elements: Sequence[Json], span: Json) -> Iterator[Json]:
    """Of each kind those of the first element that has any; the period of an approval also where the answer has one for
    the whole alone."""
    for url in _EXTENSIONS:
        found = next((held for each in elements if (held := extensions(each, url))), [])
        if not found and span and url.endswith("itemPreAuthPeriod"):
            found = [{"url": url, "valuePeriod": span}]
        yield from found


def _adjudication(one: Authorization, mine: Sequence[tuple[Verdict, Mapping[str, Any]]]) -> Iterator[Json]:
    for said, _ in mine:
        yield {
            "extension": [*_review(one, said), {"url": WHEN, "valueDateTime": text(one.answer, "created")}],
            "category": _coded(f"{HL7}/adjudication", "submitted"), "amount": item(said.wish, "net"),
        }  # fmt: skip
    counted = next((line for said, line in mine if said.state in GRANTED and line.get("authorized")), None)
    for slice, name in (("allowedunits", "authorized"), ("consumedunits", "used")):
        if counted and counted.get(name) is not None:
            yield {"category": _coded(SLICES, slice), "value": Decimal(str(counted[name]))}
    for said, line in mine:
        if said.state == "denied":
            words = line.get("reason") or trouble(one.answer)
            for reason in _reasons(one, said) or [{"text": words} if words else {}]:
                yield {"category": _coded(SLICES, "denialreason"), "reason": reason}


def _review(one: Authorization, said: Verdict) -> Iterator[Json]:
    """The payer's reviewAction as PDex has it; where it used none, the code of what its answer means."""
    review = _own_review(one, said)
    coded = item(extension(review, f"{PAS}/extension-reviewActionCode"), "valueCodeableConcept")
    if not coded and said.state in _CODES:
        coded = _coded(REVIEW_ACTION, _CODES[said.state])
    parts = [{"url": REVIEW_CODE, "valueCodeableConcept": coded}] if coded else []
    kept = [each for each in items(review, "extension") if each.get("url") in _REVIEWED]
    if parts or kept:
        yield {"url": REVIEW, "extension": [*parts, *kept]}


def _own_review(one: Authorization, said: Verdict) -> Json:
    return next(iter((*reviews(said.element), *reviews(said.replaced), *reviews(one.answer))), {})


def _reasons(one: Authorization, said: Verdict) -> list[Json]:
    return [item(each, "valueCodeableConcept") for each in extensions(_own_review(one, said), "reasonCode")]


def _totals(one: Authorization, heard: Iterable[tuple[Verdict, Mapping[str, Any]]]) -> Iterator[Json]:
    """How much was asked for, granted and used of what the whole is counted in."""
    said = next((each for each, line in heard if each.state in GRANTED and line.get("used") is not None), None)
    if said is None or one.authorized is None:
        return
    unit, asked = _unit(said), _asked(one.claim)
    for code, number in (("submitted", asked), ("eligible", one.authorized), ("utilized", one.used)):
        if number is not None:
            counted = {"value": Decimal(number), **unit}
            yield {
                "extension": [{"url": UTILIZATION, "valueQuantity": counted}],
                "category": _coded(VALUES, code), "amount": _absent("not-applicable"),
            }  # fmt: skip


def _asked(claim: Json) -> str | None:
    """How much was asked for in all, where every service counts the same thing."""
    held = [amount(item(each, "quantity")) for each in items(claim, "item")]
    first = held[0] if held else None
    if first is None or not all(each is not None and each.alike(first) for each in held):
        return None
    return first.number(sum((each.count for each in held if each), start=first.count * 0))


def _unit(said: Verdict) -> Json:
    """What the units of a line are called: as the answer has it, else the request."""
    detail = extension(said.element, f"{PAS}/extension-itemAuthorizedDetail")
    quantities = (
        item(extension(detail, "quantity"), "valueQuantity"), item(said.element, "quantity"),
        item(said.wish, "quantity"),
    )  # fmt: skip
    return next((unit for each in quantities if (unit := _of(each, _UNIT))), dict(_VISITS))


def _outward(value: Any) -> Any:
    """A value as it stands outside of the resource that it was taken from: what points into that points nowhere, and
    what has to be there is said to be unknown."""
    if isinstance(value, list):
        return [_outward(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {
        name: _outward(each) for name, each in value.items() if not (name == "reference" and str(each).startswith("#"))
    }
    return kept or _absent("unknown")


def _absent(why: str) -> Json:
    return {"extension": [{"url": _ABSENT, "valueCode": why}]}


def _of(element: Json, names: Iterable[str]) -> Json:
    return {name: element[name] for name in names if name in element}


def _several(name: str, found: Iterable[Any]) -> Json:
    """A repeating property, where there is anything of it."""
    held = list(found)
    return {name: held} if held else {}


def _coded(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}
