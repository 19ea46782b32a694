"""The lines of a record that stands open in an emergency: what each entry says, as a clinician needs to read it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from carecoord.actions.access.break_glass import Entry
from carecoord.domain.resource.elements import Json, code_of, item, items, text, words
from carecoord.web.access.statuses import STATUSES
from carecoord.web.page.times import Times
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

DAYS = (
    "effectiveDateTime",
    "effectiveInstant",
    "onsetDateTime",
    "authoredOn",
    "start",
    "date",
    "recordedDate",
    "issued",
)
CRITICALITY: Mapping[str, str] = Glossary(
    {
        "high": sentence("case.criticality.high"),
        "low": sentence("case.criticality.low"),
        "unable-to-assess": sentence("case.criticality.unable-to-assess"),
    }
)


@dataclass(frozen=True)
class Line:
    """`details`: what it says beside its name; `at` as people read it, `stored` as FHIR writes it; `link`: the id of a
    referral that has a page of its own."""

    what: str
    details: str
    state: str
    at: str
    stored: str
    link: str


def line(entry: Entry, times: Times) -> Line:
    """An entry in words."""
    resource = entry.resource
    told = DETAILS.get(str(resource["resourceType"]), _none)
    details = [said for said in (entry.where, *told(resource, times)) if said]
    stored = next((said for name in DAYS if (said := text(resource, name))), text(item(resource, "period"), "start"))
    state = text(resource, "status") or code_of(item(resource, "clinicalStatus"))
    state = STATUSES.get(state, state) or words(item(resource, "clinicalStatus"))
    return Line(_what(entry), ", ".join(details), state, times.stored(stored), stored, entry.link)


def _what(entry: Entry) -> str:
    """What an entry is about, in its own words."""
    resource = entry.resource
    for element in ("code", "medicationCodeableConcept", "type", "serviceType", "class"):
        held = resource.get(element)
        concept = held[0] if isinstance(held, list) and held else held
        if isinstance(concept, dict) and (said := words(concept) or text(concept, "display")):
            return said
    named = text(item(resource, "medicationReference"), "display") or text(resource, "description")
    return named or entry.called or str(resource["resourceType"])


def _none(resource: Json, times: Times) -> Iterator[str]:
    yield from ()


def _observation(resource: Json, times: Times) -> Iterator[str]:
    yield _value(resource, times)
    for part in items(resource, "component"):
        yield f"{words(item(part, 'code'))} {_value(part, times)}".strip()
    yield from (words(each) for each in items(resource, "interpretation"))


def _value(element: Json, times: Times) -> str:
    """The value with its unit, whichever of FHIR's types it has; why there is none, where that is said."""
    for name, said in element.items():
        if name == "valueQuantity":
            return _quantity(said)
        if name == "valueCodeableConcept":
            return words(said)
        if name == "valueRange":
            return spoken("case.to.6", said=_quantity(item(said, "low")), said2=_quantity(item(said, "high")))
        if name == "valueRatio":
            return f"{_quantity(item(said, 'numerator'))} : {_quantity(item(said, 'denominator'))}"
        if name == "valueBoolean":
            return spoken("chart.yes") if said else spoken("chart.no")
        if name == "valueDateTime":
            return times.stored(str(said))
        if name in ("valueString", "valueInteger", "valueTime"):
            return str(said)
    absent = words(item(element, "dataAbsentReason"))
    return spoken("case.no-value", absent=absent) if absent else ""


def _quantity(quantity: Json) -> str:
    unit = text(quantity, "unit") or text(quantity, "code")
    value = quantity.get("value")
    return "" if value is None else f"{text(quantity, 'comparator')}{value} {unit}".strip()


def _allergy(resource: Json, times: Times) -> Iterator[str]:
    for reaction in items(resource, "reaction"):
        shown = ", ".join(filter(None, (words(each) for each in items(reaction, "manifestation"))))
        severity = STATUSES.get(text(reaction, "severity"), "")
        yield f"{shown or text(reaction, 'description')}{f' ({severity})' if severity else ''}".strip()
    yield CRITICALITY.get(text(resource, "criticality"), "")
    verified = code_of(item(resource, "verificationStatus"))
    told = words(item(resource, "verificationStatus")).lower()
    yield "" if "confirmed" in (verified, told) else STATUSES.get(verified, told)


def _medication(resource: Json, times: Times) -> Iterator[str]:
    yield spoken("case.not-be-given") if resource.get("doNotPerform") is True else ""
    for dosage in items(resource, "dosageInstruction"):
        yield text(dosage, "text") or " ".join(filter(None, _dosage(dosage)))


def _dosage(dosage: Json) -> Iterator[str]:
    for rate in items(dosage, "doseAndRate"):
        low, high = _quantity(item(item(rate, "doseRange"), "low")), _quantity(item(item(rate, "doseRange"), "high"))
        yield _quantity(item(rate, "doseQuantity")) or " - ".join(filter(None, (low, high)))
    yield words(item(dosage, "route"))
    timing: dict[str, Any] = item(dosage, "timing")
    repeat = item(timing, "repeat")
    often = (
        spoken("case.in.2", repeat=repeat["frequency"], repeat2=repeat["period"], repeat3=text(repeat, "periodUnit"))
        if _is_regular(repeat)
        else ""
    )
    yield words(item(timing, "code")) or often
    yield (
        spoken("case.as-needed")
        if dosage.get("asNeededBoolean") is True
        else words(item(dosage, "asNeededCodeableConcept"))
    )


def _is_regular(repeat: Json) -> bool:
    return "frequency" in repeat and "period" in repeat


def _appointment(resource: Json, times: Times) -> Iterator[str]:
    minutes = resource.get("minutesDuration")
    yield f"{minutes} min" if minutes else ""


def _report(resource: Json, times: Times) -> Iterator[str]:
    yield text(resource, "conclusion")


DETAILS: dict[str, Callable[[Json, Times], Iterator[str]]] = {
    "Observation": _observation,
    "AllergyIntolerance": _allergy,
    "MedicationRequest": _medication,
    "Appointment": _appointment,
    "DiagnosticReport": _report,
}
