"""A referral as its patient's link shows it, in plain words of their language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from carecoord.actions.guests.patient import Journey
from carecoord.domain.guests import journey
from carecoord.domain.guests.journey import Step
from carecoord.domain.referrals.visits import clinic as place_of
from carecoord.domain.referrals.visits import zone_of
from carecoord.domain.resource.elements import Json, extension, item, items, key, target, text, words
from carecoord.domain.resource.patient import spoken_name
from carecoord.fhir.instants import moment
from carecoord.web.questionnaires.view import Asked, of_patient
from carecoord.web.referrals.contacts import Telephone, telephones
from carecoord.words.sentence import Sentence, Value, sentence

INTERPRETER = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"
LANGUAGES = {"es": "español", "en": "English"}  # as people who speak them call them


@dataclass(frozen=True)
class Visit:
    """The visit that is booked. `ahead`: how far off; `with_whom`, `where`: names as they are written."""

    ahead: Sentence
    at: datetime
    with_whom: str
    where: Sequence[str]
    ahead_of_now: bool


@dataclass(frozen=True)
class Said:
    """A message: whose, where it was not the patient's own; empty for their own."""

    by: str
    at: datetime
    words: str


@dataclass(frozen=True)
class Page:
    """`offers`: times to choose from, each with the id of its Appointment; `facts`: what to know for the visit, each
    with its icon; `next`: what comes where no visit is booked."""

    name: str
    office: str
    telephone: Telephone | None
    service: str
    visit: Visit | None
    offers: Sequence[tuple[str, datetime]]
    said: str
    next: Sentence
    facts: Sequence[tuple[str, Sentence]]
    steps: Sequence[Step]
    messages: Sequence[Said]
    stopped: bool
    until: datetime
    seen: str
    relative: str
    forms: Sequence[Asked]
    instructions: Sequence[Asked]


def page(found: Journey, until: int, zone: ZoneInfo, relative: str = "") -> Page:
    """The referral in a patient's words. until: when the link ends (microseconds); zone: the office's; relative: the
    name of who reads it, where that is not the patient."""
    patient, facts = found.case.patient or {}, found.clearance.facts
    doctor, clinic = _doctor(found), _clinic(found)
    visit = _visit(found, zone)
    asked = of_patient(found.case) if not relative else []
    offers = [(each, at) for each in found.offers if (at := journey.starts(each, zone)) and at > found.now]
    return Page(
        name=spoken_name(patient) or found.row.patient_name, office=found.row.placer_name or "",
        telephone=_telephone(found, zone), service=facts.referral.service, visit=visit,
        offers=[(key(each), at.astimezone(_zone(found, each, zone))) for each, at in offers],
        said=found.said, next=journey.waiting(found.case, found.clearance, clinic, zone),
        facts=_facts(found, visit), steps=journey.steps(found.case, found.clearance, doctor, clinic, zone),
        messages=[
            Said("" if target(each.sender).startswith(("Patient/", "RelatedPerson/")) else found.row.placer_name or "",
                 each.at.astimezone(zone), each.words)
            for each in found.messages if each.kind == "message"
        ],
        stopped=found.stopped, until=moment(until - 1).astimezone(zone), seen=found.seen, relative=relative,
        forms=[each for each in asked if not each.words], instructions=[each for each in asked if each.words],
    )  # fmt: skip


def _facts(found: Journey, visit: Visit | None) -> list[tuple[str, Sentence]]:
    """What to know: who interprets, how to get there, what to bring, whether the insurance agrees."""
    patient, told = found.case.patient or {}, []
    if visit and visit.ahead_of_now:
        if extension(patient, INTERPRETER).get("valueBoolean"):
            told.append(("languages", sentence("guest.visit.interpreter", language=_spoken(patient))))
        told.append(("waypoints", sentence("guest.visit.ride")))
        payer = found.row.payer_name
        bring = sentence("guest.visit.bring", payer=payer) if payer else sentence("guest.visit.bring.medicines")
        told.append(("id-card", bring))
    return [*told, ("shield-check", journey.approval(found.clearance))] if found.row.open else told


def _spoken(patient: Json) -> str:
    first = next((each for each in items(patient, "communication") if each.get("preferred")), {})
    codes = (text(each, "code").partition("-")[0] for each in items(item(first, "language"), "coding"))
    return next((LANGUAGES[code] for code in codes if code in LANGUAGES), words(item(first, "language")))


def _visit(found: Journey, zone: ZoneInfo) -> Visit | None:
    start = journey.starts(found.visit, zone) if found.visit else None
    if found.visit is None or start is None or (start < found.now and not _is_today(start, found.now, zone)):
        return None
    at = start.astimezone(_zone(found, found.visit, zone))
    people = [item(each, "actor") for each in items(found.visit, "participant")]
    doctor = next((text(each, "display") for each in people if target(each).startswith("Practitioner")), "")
    where = place_of(found.visit, found.known)
    site = next(
        (each for each in found.case.locations if where and key(each) in where.keys and each.get("address")), {}
    )
    address = item(site, "address")
    lines = [", ".join(str(line) for line in address.get("line", [])), text(address, "city")]
    place = where.name if where else found.row.performer_name or ""
    told = [place, ", ".join(filter(None, lines))]
    return Visit(journey.ahead(start, found.now, zone), at, doctor, [each for each in told if each], start > found.now)


def _is_today(start: datetime, now: datetime, zone: ZoneInfo) -> bool:
    return start.astimezone(zone).date() == now.astimezone(zone).date()


def _zone(found: Journey, visit: Json, zone: ZoneInfo) -> ZoneInfo:
    """Whose clock the patient reads at the clinic's door."""
    read = zone_of(place_of(visit, found.known), zone)
    return read if isinstance(read, ZoneInfo) else zone


def _doctor(found: Journey) -> Value:
    requester = item(found.case.order, "requester")
    role = next((each for each in found.case.roles if key(each) == target(requester)), {})
    named = target(item(role, "practitioner") or requester)
    person = next((each for each in found.case.practitioners if key(each) == named), {})
    family = next((text(each, "family") for each in items(person, "name")), "")
    return f"Dr. {family}" if family else sentence("guest.doctor")


def _clinic(found: Journey) -> Value:
    return found.row.performer_name or sentence("guest.clinic")


def _telephone(found: Journey, zone: ZoneInfo) -> Telephone | None:
    placer = found.clearance.facts.referral.placer
    mine = [each for each in found.case.organizations if placer and key(each) in placer.keys]
    numbers = (telephones(items(each, "telecom"), found.present(zone)) for each in mine)
    return next((each[0] for each in numbers if each), None)
