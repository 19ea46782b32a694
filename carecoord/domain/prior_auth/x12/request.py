"""A request for authorization as an X12 278, to be sent as a file. Pure. What has no place in a 278 is told and not
left out: a service without a code that X12 knows, a unit that is none of its own, a line without a day. A request that
was taken back is written as its cancellation: of the whole, so without its lines.

Clauses: X12 005010X217 (loops 2000A to 2000F: BHT, HL, NM1, DMG, TRN, UM, REF, DTP, HI, HSD, PWK, SV1, SV2, SV3). The
guide is X12's; of it this is the subset that docs/decisions/0072 names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from carecoord.domain.prior_auth.decisions import certification
from carecoord.domain.prior_auth.requests import is_expedited
from carecoord.domain.prior_auth.units import amount
from carecoord.domain.prior_auth.x12.writer import Row
from carecoord.domain.resource.codes import PAS
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, text, whole
from carecoord.errors import Issue, Unprocessable
from carecoord.fhir.code_systems import canonical
from carecoord.words.sentence import Sentence, sentence

GUIDE: Final = "005010X217"
_UNITS: Final = {"visit": "VS", "day": "DY", "hour": "HS", "month": "MN", "unit": "FL"}  # noun -> X12 673
CPT: Final = canonical("http://www.ama-assn.org/go/cpt")
HCPCS: Final = canonical("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets")
PROCEDURES: Final = {CPT: "HC", HCPCS: "HC"}  # system -> the qualifier of a composite procedure code
DENTAL: Final = canonical("http://www.ada.org/cdt")
REVENUE: Final = canonical("https://www.nubc.org/CodeSystem/RevenueCodes")
_ICD: Final = "http://hl7.org/fhir/sid/icd-10-cm"
PLACE: Final = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
_SEXES: Final = {"male": "M", "female": "F"}
_OF_SERVICES: Final = ("HS", "SC")  # UM01 of a service
CANCEL: Final = "3"  # X12 1322
_VOID: Final = "/3"
_ACTIONS: Final = {CANCEL: "01"}  # certification type -> BHT02; any other asks: 13


@dataclass(frozen=True, slots=True)
class Named:
    """A party as X12 names one. kind: of NM101; qualifier: of its number (PI payer, XX NPI, 46 other)."""

    name: str
    qualifier: str
    number: str
    first: str = ""  # of a person
    person: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    last: str
    first: str
    middle: str
    number: str
    born: date | None
    gender: str


@dataclass(frozen=True, slots=True)
class Asking:
    """What a 278 says. trace: by which its answer is matched, of at most 44 characters; origin: who gives traces, of
    10; number: of the authorization that it changes or cancels, administration: what its payer called it while it was
    not decided; papers: control number and title of each that goes beside."""

    claim: Json
    trace: str
    origin: str
    payer: Named
    requester: Named
    performer: Named | None
    member: Member
    number: str = ""
    papers: Sequence[tuple[str, str]] = ()
    administration: str = ""


def is_void(claim: Json) -> bool:
    """Whether a request was taken back, or made in error."""
    return text(claim, "status") in ("cancelled", "entered-in-error")


def void_trace(trace: str) -> str:
    """The trace of the cancellation of a request, told from those of requests by a sign that no id has."""
    return trace + _VOID


def is_void_trace(trace: str) -> bool:
    """Whether a file was written under the trace of a cancellation."""
    return trace.endswith(_VOID)


def line_trace(trace: str, sequence: int) -> str:
    """The trace of a line of a request."""
    return f"{trace}.{sequence}"


def rows(asking: Asking, now: datetime) -> list[Row]:
    """The segments between ST and SE. Raises Unprocessable, an issue for each thing that has no place."""
    wrong: list[Issue] = []
    found = list(_rows(asking, now, wrong))
    if wrong:
        raise Unprocessable(wrong[0].said, wrong[0].where, issues=wrong)
    return found


def _told(wrong: list[Issue], said: Sentence, where: str) -> None:
    wrong.append(Issue("error", "value", said, where))


def _rows(asking: Asking, now: datetime, wrong: list[Issue]) -> Iterator[Row]:
    claim, kind = asking.claim, CANCEL if is_void(asking.claim) else certification(asking.claim) or "I"
    lines = [] if is_void(claim) else items(claim, "item")
    member = asking.member
    yield "BHT", "0007", _ACTIONS.get(kind, "13"), asking.trace, f"{now:%Y%m%d}", f"{now:%H%M}"
    yield "HL", "1", "", "20", "1"
    yield _name("X3", asking.payer)
    yield "HL", "2", "1", "21", "1"
    yield _name("1P", asking.requester)
    yield "HL", "3", "2", "22", "1"
    if not member.number:
        _told(wrong, sentence("x12.lacks.member"), "Coverage.subscriberId")
    yield "NM1", "IL", "1", member.last, member.first, member.middle, "", "", "MI", member.number
    if member.born:
        yield "DMG", "D8", f"{member.born:%Y%m%d}", _SEXES.get(member.gender, "U")
    yield "HL", "4", "3", "EV", "1" if lines else "0"
    yield "TRN", "1", asking.trace, asking.origin
    yield from _event(asking, kind, wrong)
    for n, line in enumerate(lines, 5):
        yield "HL", str(n), "4", "SS", "0"
        yield from _line(asking, line, wrong)


def _name(role: str, who: Named) -> Row:
    return "NM1", role, "1" if who.person else "2", who.name, who.first, "", "", "", who.qualifier, who.number


def _event(asking: Asking, kind: str, wrong: list[Issue]) -> Iterator[Row]:
    claim = asking.claim
    lines = items(claim, "item")
    first = lines[0] if lines else {}
    asked = _coded(first, f"{PAS}/extension-serviceItemRequestType") or "HS"
    place = code_of(item(first, "locationCodeableConcept"), PLACE)
    level = "U" if is_expedited(claim) else ""
    service = code_of(item(first, "category"), "https://codesystem.x12.org/005010/1365")
    yield "UM", asked, kind, service, (place, "B") if place else "", "", level
    if asking.number:
        yield "REF", "BB", asking.number
    if asking.administration:
        yield "REF", "NT", asking.administration
    codes = [code for each in items(claim, "diagnosis") if (code := _diagnosis(each))]
    if codes:
        yield "HI", *(("ABF" if n else "ABK", code.replace(".", "")) for n, code in enumerate(codes[:12]))
    if len(codes) > 12:
        _told(wrong, sentence("x12.lacks.diagnoses", n=len(codes)), "Claim.diagnosis")
    for control, title in asking.papers:
        yield "PWK", "77", "EL", "", "", "AC", control, title[:80]
    if asking.performer:
        yield _name("SJ", asking.performer)


def _diagnosis(each: Json) -> str:
    return code_of(item(each, "diagnosisCodeableConcept"), _ICD)


def _coded(element: Json, url: str) -> str:
    return code_of(item(extension(element, url), "valueCodeableConcept"))


def _line(asking: Asking, line: Json, wrong: list[Issue]) -> Iterator[Row]:
    sequence = whole(line, "sequence") or 0
    where = f"Claim.item[{sequence}]"
    yield "TRN", "1", line_trace(asking.trace, sequence), asking.origin
    if kind := _coded(line, f"{PAS}/extension-certificationType"):
        asked = _coded(line, f"{PAS}/extension-serviceItemRequestType")
        # A service is no admission (AR), and is not reconsidered alone (N): that stands with the event.
        yield "UM", asked if asked in _OF_SERVICES else "HS", "" if kind == "N" else kind
    yield from _served(line, sequence, where, wrong)
    quantity = item(line, "quantity")
    count = amount(quantity) if quantity else None
    # A bare number counts the service, and a service that is booked is a visit.
    noun = count.noun if count else ""
    if quantity and (count is None or noun not in _UNITS):
        unit = text(quantity, "unit") or text(quantity, "code") or "-"
        _told(wrong, sentence("x12.lacks.unit", line=sequence, unit=unit), f"{where}.quantity")
    said = _plain(quantity["value"]) if count else ""
    yield from _service(line, sequence, said if noun == "unit" else "", where, wrong)
    if count and noun in _UNITS:
        yield "HSD", _UNITS[noun], said


def _served(line: Json, sequence: int, where: str, wrong: list[Issue]) -> Iterator[Row]:
    period, only = item(line, "servicedPeriod"), text(line, "servicedDate")
    first, last = (text(period, "start")[:10] or only).replace("-", ""), text(period, "end")[:10].replace("-", "")
    if len(first) != 8 or len(last) not in (0, 8):
        _told(wrong, sentence("x12.lacks.day", line=sequence), f"{where}.serviced")
    elif last and last != first:
        yield "DTP", "472", "RD8", f"{first}-{last}"
    else:
        yield "DTP", "472", "D8", first


def _service(line: Json, sequence: int, units: str, where: str, wrong: list[Issue]) -> Iterator[Row]:
    """The segment of the service: professional (SV1), institutional (SV2) or dental (SV3), by its code."""
    concept = item(line, "productOrService")
    modifiers = [code for each in items(line, "modifier") if (code := code_of(each))][:4]
    end = _coded(line, f"{PAS}/extension-productOrServiceCodeEnd")
    revenue = code_of(item(line, "revenue"), REVENUE) or code_of(concept, REVENUE)
    measured = ("", "UN", units) if units else ()
    for system, qualifier in PROCEDURES.items():
        if code := code_of(concept, system):
            composite = (qualifier, code, *(*modifiers, "", "", "", "")[:4], "", end)
            yield ("SV2", revenue, composite, *measured) if revenue else ("SV1", composite, *measured)
            return
    if code := code_of(concept, DENTAL):
        yield "SV3", ("AD", code, *modifiers), "", "", "", "", units
    elif revenue:
        yield "SV2", revenue, "", *measured
    else:
        _told(wrong, sentence("x12.lacks.code", line=sequence), f"{where}.productOrService")


def _plain(value: int | float | Decimal) -> str:
    """A number as X12 writes one: no zeros after the point that say nothing."""
    said = f"{Decimal(str(value)):f}"
    return said.rstrip("0").rstrip(".") if "." in said else said


