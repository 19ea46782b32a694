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

INTERPRETER: Final = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"
QUESTIONS: Final[dict[Settles, str]] = {
    "name": "Ask for the given name: {mine} or {theirs}? Twins share all the rest.",
    "telephone": "Ask which telephone is theirs: {mine} or {theirs}?",
    "number": "Ask for the record number on their card: {mine} or {theirs}?",
    "address": "Ask where they live: both records say the same of all else.",
}


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
    spoken, needs = language(patient)
    called = name(patient, present) or "No name on record"
    return Card(
        text(patient, "id"), marked(called, looked_for), called, about, marked_day(times.born(born), born, looked_for),
        [marked(each, looked_for) for each in _numbers(hit, times)], marked(phone, looked_for), spoken, needs,
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
    return [each for each in (f"MRN {record}" if record else "", f"Member {member}" if member else "") if each]


def _coverage(hit: Hit, times: Times) -> str:
    """Who pays, by which plan, and how old the payer's answer is."""
    if hit.card is None:
        return "No coverage on record"
    if hit.card.self_pay:
        return "Pays themselves"
    plan = hit.card.plan_name or (hit.card.payer.name if hit.card.payer else "Plan not named")
    answer = next((each for each in hit.card.answers if each.at), None)
    if answer is None or answer.at is None:
        return f"{plan}, payer never asked"
    days = (times.now - answer.at).days
    ago = "today" if days < 1 else f"{days} d ago"
    return f"{plan}, asked {times.day(micros(answer.at))} ({ago})"


def _open(count: int) -> str:
    return "None open" if not count else f"{count} open"


def _twin(twin: Twin, other: Json, times: Times) -> str:
    named = name(other, times.present())
    asked = QUESTIONS[twin.settles].format(mine=twin.mine, theirs=twin.theirs)
    number = record_number(other, times.present())
    return f"Another record may be the same person: {named}{f', MRN {number}' if number else ''}. {asked}"


def _told(found: Found) -> str:
    if not found.words:
        return ""
    if not found.count:
        return "Nobody of yours is found by this. Leave a word out, or try the telephone or the date of birth."
    shown = len(found.hits)
    more = "at least " if found.more else ""
    if found.count > shown or found.more:
        return f"{shown} of {more}{found.count}. Add the date of birth or the telephone."
    return "1 patient" if shown == 1 else f"{shown} patients"
