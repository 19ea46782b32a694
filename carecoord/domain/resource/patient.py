"""What a person is called and known by, once for every page: which of several names is shown, the number of the record,
the date of birth.

Clause: FHIR R4 datatypes.html#HumanName, valueset-name-use (a name has a use and a period), datatypes.html#Identifier,
terminology v2-0203 (the kinds of identifier; MR is the medical record number)."""

from collections.abc import Iterator
from typing import Final

from carecoord.domain.resource import addresses
from carecoord.domain.resource.codes import HL7, IDENTIFIER
from carecoord.domain.resource.elements import Json, code_of, item, items, source, text
from carecoord.domain.resource.present import Present, ends
from carecoord.fhir.code_systems import canonical

# Names people answer to come before those that were given for a while, and these before those given up.
_USES: Final = {"usual": 0, "official": 0, "": 0, "nickname": 1, "anonymous": 2, "temp": 3, "maiden": 4, "old": 5}
_KINDS: Final = f"{HL7}/v2-0203"
_RECORD: Final = frozenset({"MR", "MRT"})
_OF_CARE: Final = frozenset({"PI", "PT", "AN", "VN", "RI", "U"})  # of places of care, but not of records
_RECORD_WORDS: Final = frozenset({"mr", "mrn", "medical record number", "medical record no.", "medical record"})
_NUMBERS_OF_STATES: Final = tuple(map(canonical, (  # of citizens, drivers, travellers and the insured: no record's
    "http://hl7.org/fhir/sid/us-ssn", "http://hl7.org/fhir/sid/us-medicare", "http://hl7.org/fhir/sid/us-mbi",
    "http://hl7.org/fhir/sid/us-hicn", "urn:oid:2.16.840.1.113883.4.1", "urn:oid:2.16.840.1.113883.4.3",
    "urn:oid:2.16.840.1.113883.4.330", "urn:oid:2.16.840.1.113883.4.572", "urn:oid:2.16.840.1.113883.4.927",
)))  # fmt: skip


def name(person: Json, present: Present | None = None) -> str:
    """`Okafor, Ngozi`, with a suffix behind: `Okafor, Ngozi Jr.`; empty where nobody says. Of several names the usual
    or official one, of the present by their periods; without `present` a name that ends at all counts as over."""
    chosen = _chosen(person, present)
    family, given, suffix = text(chosen, "family"), _joined(chosen, "given"), _joined(chosen, "suffix")
    if not family and not given:
        return text(chosen, "text")
    if not given:
        return " ".join(part for part in (family, suffix) if part)
    return ", ".join(part for part in (family, f"{given} {suffix}".strip()) if part)


def spoken_name(person: Json, present: Present | None = None) -> str:
    """The same name as it is said: `Ngozi Okafor Jr.`."""
    chosen = _chosen(person, present)
    parts = (_joined(chosen, "given"), text(chosen, "family"), _joined(chosen, "suffix"))
    return " ".join(part for part in parts if part) if any(parts[:2]) else text(chosen, "text")


def record_number(patient: Json, present: Present | None = None) -> str:
    """The number of the record that people say: ours, else one that is said to be a medical record's or is of the EHR's
    own system. Never a number of the state or of an insurer: empty rather than one of these."""
    ranked = sorted(_record_numbers(patient, present), key=lambda pair: pair[0])
    return ranked[0][1] if ranked else ""


def birth_date(patient: Json) -> str:
    """As it is stored: year, year and month, or day; empty where nobody says."""
    return text(patient, "birthDate")


def name_changes_at(person: Json, present: Present) -> int | None:
    """The next instant (microseconds) at which the period of a name begins or ends."""
    return min((at for each in items(person, "name") for at in present.turns(each)), default=None)


def _chosen(person: Json, present: Present | None) -> Json:
    """The name to show: one of the present, of the best use, that says the family; the first of equals."""
    named = [each for each in items(person, "name") if any(_said(each))]
    return min(named, key=lambda each: (not _holds(each, present), *_rank(each)), default={})


def _said(human: Json) -> tuple[str, ...]:
    return text(human, "family"), _joined(human, "given"), text(human, "text")


def _rank(human: Json) -> tuple[int, bool, bool]:
    use = text(human, "use")
    return _USES.get(use, 0), not text(human, "family"), use != "usual"


def _holds(element: Json, present: Present | None) -> bool:
    return present.holds(element) if present else not ends(element)


def _joined(human: Json, part: str) -> str:
    found = human.get(part)
    return " ".join(each for each in found if isinstance(each, str) and each) if isinstance(found, list) else ""


def _record_numbers(patient: Json, present: Present | None) -> Iterator[tuple[tuple[int, bool], str]]:
    """(how sure it is the record's number, lower is surer; the number) of each identifier that may be shown."""
    ids = items(patient, "identifier")
    private = {_digits(text(each, "value")) for each in ids if _of_state(each)} - {""}
    for each in ids:
        value = text(each, "value")
        if not value or _of_state(each) or text(each, "use") == "old" or not _holds(each, present):
            continue
        if _digits(value) in private:  # a number of the state, written down again as a record's
            continue
        sure = _sureness(each, patient)
        if sure is not None:
            yield (sure, text(each, "use") not in ("usual", "official")), value


def _sureness(identifier: Json, patient: Json) -> int | None:
    kind = item(identifier, "type")
    code = code_of(kind, _KINDS)
    if text(identifier, "system") == f"{IDENTIFIER}/mrn":
        return 0
    if code in _RECORD:
        return 1
    if not code and text(kind, "text").strip().casefold() in _RECORD_WORDS:
        return 2
    if kind and code not in _OF_CARE:
        return None
    host = addresses.parts(source(patient)).hostname
    return 3 if host and addresses.parts(text(identifier, "system")).hostname == host else None


def _of_state(identifier: Json) -> bool:
    """Whether it is a number of a person's before the state or an insurer, by its system or its kind."""
    system = canonical(text(identifier, "system"))
    code = code_of(item(identifier, "type"), _KINDS)
    known = any(system == each or system.startswith((f"{each}.", f"{each}/")) for each in _NUMBERS_OF_STATES)
    return known or (bool(code) and code not in _RECORD and code not in _OF_CARE)


def _digits(value: str) -> str:
    """A number without the marks it is written with."""
    return "".join(letter for letter in value.casefold() if letter.isalnum())
