"""The patients that were found, as cards to choose from: enough to ask for two of them, and what one must know."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from carecoord.actions.referrals.patients import Found, Hit
from carecoord.domain.referrals.twins import Settles, Twin
from carecoord.domain.resource.elements import Json, extension, item, items, text, words
from carecoord.domain.resource.patient import birth_date, name, record_number
from carecoord.fhir.instants import micros
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip
from carecoord.web.page.times import Times, age
from carecoord.web.referrals.contacts import SEX, telephones
from carecoord.web.referrals.marks import Part, marked, marked_day
from carecoord.words.catalogue import count, spoken

INTERPRETER: Final = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"


@dataclass(frozen=True)
class Card:
    """A patient to choose. `twins`: what to ask where another record may be theirs."""

    id: str
    name: Sequence[Part]
    plain_name: str
    about: str
    born: Sequence[Part]
    numbers: Sequence[Sequence[Part]]
    phone: Sequence[Part]
    language: str
    interpreter: bool
    coverage: str
    state: Chip
    open: str
    twins: Sequence[str]


@dataclass(frozen=True)
class Cards:
    """What was found of what was typed, and what to do where that is nobody or too many."""

    cards: Sequence[Card]
    told: str


def cards(found: Found, times: Times) -> Cards:
    """The cards of those who were found."""
    shown = [card(each, found.words, times) for each in found.hits]
    return Cards(shown, _told(found))


def card(hit: Hit, looked_for: Sequence[str], times: Times) -> Card:
    """One patient."""
    patient, present = hit.patient, times.present()
    born = birth_date(patient)
    years = age(born, times.now.astimezone(times.zone).date())
    about = " ".join(part for part in (SEX.get(text(patient, "gender"), ""), years) if part)
    phone = next((each.number for each in telephones(items(patient, "telecom"), present)), "")
    tongue, needs = language(patient)
    called = name(patient, present) or spoken("case.no-name-on-record")
    return Card(
        text(patient, "id"), marked(called, looked_for), called, about, marked_day(times.born(born), born, looked_for),
        [marked(each, looked_for) for each in _numbers(hit, times)], marked(phone, looked_for), tongue, needs,
        _coverage(hit, times), labels.chip(labels.GATE, hit.coverage.state), _open(hit.open),
        [_twin(twin, other, times) for twin, other in hit.twins],
    )  # fmt: skip


def language(patient: Json) -> tuple[str, bool]:
    """The language that a patient is best spoken to in, empty where nobody says; whether an interpreter is needed."""
    spoken = sorted(items(patient, "communication"), key=lambda each: not each.get("preferred"))
    said = words(item(spoken[0], "language")) if spoken else ""
    return said, bool(extension(patient, INTERPRETER).get("valueBoolean"))


def _numbers(hit: Hit, times: Times) -> list[str]:
    """The record's number and the member's."""
    record = record_number(hit.patient, times.present())
    cards = sorted(hit.card.identifiers) if hit.card else ()
    member = next((value for id in cards if (value := id.partition("|")[2])), "")
    return [
        each
        for each in (
            spoken("case.mrn.2", record=record) if record else "",
            spoken("case.member.3", member=member) if member else "",
        )
        if each
    ]


def _coverage(hit: Hit, times: Times) -> str:
    """Who pays, by which plan, and how old the payer's answer is."""
    if hit.card is None:
        return spoken("case.no-coverage-on-record")
    if hit.card.self_pay:
        return spoken("case.pays-themselves")
    plan = hit.card.plan_name or (hit.card.payer.name if hit.card.payer else spoken("case.plan-not-named"))
    answer = next((each for each in hit.card.answers if each.at), None)
    if answer is None or answer.at is None:
        return spoken("case.payer-never-asked", plan=plan)
    days = (times.now - answer.at).days
    ago = spoken("time.today") if days < 1 else spoken("time.days-ago", n=days)
    at = times.day(micros(answer.at))
    return spoken("case.asked.2", plan=plan, at=at, ago=ago)


def _open(count: int) -> str:
    return spoken("case.none-open") if not count else spoken("case.n-open", n=count)


def _twin(twin: Twin, other: Json, times: Times) -> str:
    named = name(other, times.present())
    number = record_number(other, times.present())
    named = spoken("case.mrn.3", named=named, number=number) if number else named
    return spoken("case.another-record-may-be-same", named=named, theirs=_asked(twin.settles, twin.mine, twin.theirs))


def _asked(settles: Settles, mine: str, theirs: str) -> str:
    """What to ask the patient, so as to know which of two records is theirs."""
    if settles == "name":
        return spoken("case.ask-for-given-name-or", mine=mine, theirs=theirs)
    if settles == "telephone":
        return spoken("case.ask-which-telephone-theirs-or", mine=mine, theirs=theirs)
    if settles == "number":
        return spoken("case.ask-for-record-number-on", mine=mine, theirs=theirs)
    return spoken("case.ask-where-they-live-both")


def _told(found: Found) -> str:
    if not found.words:
        return ""
    if not found.count:
        return spoken("case.nobody-yours-found-by-this")
    shown = len(found.hits)
    if found.more:
        return spoken("case.at-least-add-date-birth", shown=shown, count=found.count)
    if found.count > shown:
        return spoken("case.add-date-birth-or-telephone", shown=shown, count=found.count)
    return count(shown, "patient")
