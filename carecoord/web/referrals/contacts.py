"""Who the patient is and whom to call: the line that tells one person from another, and telephone numbers."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from carecoord.actions.worklist.worklist import Panel, PayerPanel
from carecoord.domain.access.payer_view import PayerRow
from carecoord.domain.contacts.attempts import Attempt, attempts, digits, wrong_numbers
from carecoord.domain.contacts.telephones import telephones as of_today
from carecoord.domain.resource.elements import Json, extension, item, items, key, text
from carecoord.domain.resource.parties import Party
from carecoord.domain.resource.present import Present
from carecoord.web.page.times import Times, age
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

COMMENT = "http://hl7.org/fhir/StructureDefinition/contactpoint-comment"
SEX: Mapping[str, str] = Glossary(
    {
        "female": sentence("case.sex.female"),
        "male": sentence("case.sex.male"),
        "other": sentence("case.sex.other"),
        "unknown": sentence("case.sex.unknown"),
    }
)
USES: Mapping[str, str] = Glossary(
    {
        "home": sentence("case.uses.home"),
        "work": sentence("case.uses.work"),
        "mobile": sentence("case.uses.mobile"),
        "temp": sentence("case.uses.temp"),
    }
)
# Whom the next step asks or tells something, by the code of its action.
CALLED: dict[str, Literal["patient", "payer", "performer"]] = {
    **dict.fromkeys(("ask-card", "tell-patient", "answer-cancel"), "patient"),
    **dict.fromkeys(
        ("call-payer", "await-decision", "check-requirement", "notify-payer", "ask-what", "ask-again",
         "change-provider", "appeal", "extend-authorization", "correct-request", "run-eligibility"),
        "payer",
    ),
    **dict.fromkeys(
        ("book", "rebook", "move", "confirm-slot", "confirm-visit", "chase-performer", "chase-report", "await-report",
         "enter-duration", "name-site", "replace-visit", "call-off"),
        "performer",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Telephone:
    """A number as it is written, whose it is or what for, and the address that dials it."""

    number: str
    note: str
    href: str


def identity(panel: Panel | PayerPanel, times: Times) -> str:
    """Sex, date of birth with the age, record number (a payer: the member's), plan: enough to ask for two of them."""
    row = panel.row
    years = age(row.birth_date, times.now.astimezone(times.zone).date())
    born = times.born(row.birth_date)
    said = spoken("case.born.2", born=born) if born else spoken("case.date-birth-not-known")
    said += f" ({years})" if born and years else ""
    payer, number = isinstance(row, PayerRow), row.member_id if isinstance(row, PayerRow) else row.mrn
    known = "" if not number else spoken("case.member.2", number=number) if payer else spoken("case.mrn", number=number)
    parts = (SEX.get(row.gender or "", ""), said, known, row.plan_name or row.payer_name)
    return " · ".join(part for part in parts if part)


def telephones(telecom: Iterable[Json], present: Present) -> list[Telephone]:
    """The numbers of today among contact points, the preferred one first."""
    return [_telephone(each) for each in of_today(telecom, present)]


@dataclass(frozen=True)
class Callee:
    """Somebody of the referral who can be called or written to. `whom`: who they are to it."""

    whom: Literal["patient", "performer", "placer", "payer"]
    name: str
    telephone: Telephone | None
    wrong: str = ""  # who found the number wrong, and when


def callees(panel: Panel, times: Times) -> list[Callee]:
    """Whom one may want to speak with about a referral, each number of the patient by itself; whom the next step asks
    stands first, a number that somebody found wrong last."""
    present = times.present()
    facts = panel.clearance.facts.referral
    patient: list[Telephone | None] = [*telephones(items(panel.case.patient or {}, "telecom"), present)]
    patient = patient or [None]
    found = [Callee("patient", panel.row.patient_name, number) for number in patient]
    performer = (facts.performer.organization or facts.performer.practitioner) if facts.performer else None
    card = panel.clearance.card
    others: list[tuple[Literal["performer", "placer", "payer"], Party | None]]
    others = [("payer", card.payer if card else None)]
    others += [("performer", performer)] if "requester" in panel.sides else [("placer", facts.placer)]
    found += [Callee(whom, party.name, _of(party, panel, present)) for whom, party in others if party]
    first = CALLED.get(panel.row.action or "") if panel.row.open else None
    wrong = wrong_numbers(attempts(panel.case.talks, times.zone))
    found = [replace(each, wrong=_found_wrong(each, wrong, times)) for each in found]
    return sorted(found, key=lambda each: (bool(each.wrong), each.whom != first))


def _found_wrong(callee: Callee, wrong: Mapping[tuple[str, str], Attempt], times: Times) -> str:
    call = wrong.get((callee.name, digits(callee.telephone.number))) if callee.telephone else None
    return (
        spoken("case.wrong-number-on", date=times.date(call.at.astimezone(times.zone).date()), by=call.by)
        if call
        else ""
    )


def to_call(panel: Panel, present: Present) -> tuple[str, Telephone] | None:
    """(name, number) of whom the next step asks; None where it asks nobody, or no number is on record."""
    if not panel.row.open:
        return None
    whom = CALLED.get(panel.row.action or "")
    if whom == "performer" and panel.sides == {"performer"}:
        return None  # nobody calls themselves
    if whom == "patient":
        found = telephones(items(panel.case.patient or {}, "telecom"), present)
        return (panel.row.patient_name, found[0]) if found else None
    facts = panel.clearance
    performer = facts.facts.referral.performer
    payers = [facts.card.payer] if facts.card else []
    performers = [performer.organization, performer.practitioner] if performer else []
    for party in payers if whom == "payer" else performers if whom == "performer" else []:
        if party and (number := _of(party, panel, present)):
            return party.name, number
    return None


@dataclass(frozen=True)
class Person:
    """Somebody of the referral: their name, what they are to it, and their number where one is on record."""

    name: str
    part: str
    telephone: Telephone | None


def people(panel: Panel, times: Times) -> list[Person]:
    """Who has to do with a referral, each once: the patient, who refers, who sees them, who pays."""
    present, facts = times.present(), panel.clearance.facts.referral
    card, performer = panel.clearance.card, facts.performer
    numbers = telephones(items(panel.case.patient or {}, "telecom"), present)
    found = [Person(panel.row.patient_name, spoken("case.patient"), numbers[0] if numbers else None)]
    parts = [
        (facts.placer, spoken("case.refers")),
        (performer.practitioner if performer else None, spoken("case.sees-patient")),
        (performer.organization if performer else None, spoken("case.receiving-clinic")),
        (facts.site, spoken("case.where")),
        (card.payer if card else None, spoken("case.insurance")),
    ]
    named = [(party, part) for party, part in parts if party and party.name]
    return [*found, *(Person(party.name, part, _of(party, panel, present)) for party, part in named)]


def _of(party: Party, panel: Panel, present: Present) -> Telephone | None:
    """The number in any copy of an organization or a person; our own copy first."""
    copies: Sequence[Json] = (*panel.case.organizations, *panel.case.practitioners)
    mine = sorted(
        (each for each in copies if key(each) in party.keys), key=lambda each: bool(item(each, "meta").get("source"))
    )
    return next((found[0] for each in mine if (found := telephones(items(each, "telecom"), present))), None)


def _telephone(contact: Json) -> Telephone:
    number = text(contact, "value").strip()
    comment = text(extension(contact, COMMENT), "valueString")
    note = ", ".join(part for part in (USES.get(text(contact, "use"), ""), comment) if part)
    dialled, *more = re.split(r"\s*(?:x|ext\.?|extension)\s*(?=\d)", number, maxsplit=1, flags=re.IGNORECASE)
    plus = "+" if dialled.lstrip().startswith("+") else ""
    extra = f";ext={re.sub(r'[^0-9]', '', more[0])}" if more else ""
    return Telephone(number, note, f"tel:{plus}{re.sub(r'[^0-9]', '', dialled)}{extra}")
