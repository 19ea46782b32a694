"""The one referral as a clinic's link shows it, in words: what is asked, who the patient is, the papers, what can be
answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from carecoord.actions.acts.act import Done
from carecoord.actions.guests.clinic import Request
from carecoord.domain.documents.acts import called
from carecoord.domain.referrals.offers import current_task
from carecoord.domain.resource.elements import Json, extension, item, items, key, target, text, words
from carecoord.domain.resource.patient import spoken_name
from carecoord.fhir.instants import micros
from carecoord.web.guests.commands import AFTER, REASONS
from carecoord.web.page import labels
from carecoord.web.page.labels import chip
from carecoord.web.page.times import Clock, Times, age
from carecoord.web.referrals.contacts import SEX, Telephone, telephones
from carecoord.words.catalogue import in_words, say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

INTERPRETER = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"
ANSWERS: Mapping[str, tuple[str, str]] = Glossary(
    {
        "accept": (sentence("guest.answers.accept"), "check"),
        "decline": (sentence("guest.answers.decline"), "x"),
        "ask": (sentence("guest.answers.ask"), "circle-question-mark"),
    }
)


@dataclass(frozen=True)
class Paper:
    """A paper that came with the request; `href`: empty where no file of it is kept here."""

    name: str
    day: str
    href: str


@dataclass(frozen=True)
class Sheet:
    """`facts`: (heading, what is said) of the patient, the coverage and the approval; `doing`: the form that is open;
    `answers`: the answers that can be given, each with its words and icon; `offered`: the times that wait for the
    patient; `messages`: (whose, when, words); `answered`: what the
    clinic asked, when that was answered, and how."""

    clinic: str
    office: str
    telephone: Telephone | None
    number: str
    service: str
    patient: str
    urgent: str
    by: str
    clock: Clock | None
    due_label: str
    until: str
    asked: Sequence[str]
    facts: Sequence[tuple[str, str]]
    calls: Sequence[Telephone]
    papers: Sequence[Paper]
    step: str
    answers: Sequence[tuple[str, str, str]]
    offered: Sequence[str]
    offers: bool
    visit: str
    came: bool
    reports: bool
    writes: bool
    messages: Sequence[tuple[str, str, str]]
    answered: Sequence[tuple[str, str, str]]
    so_far: Sequence[tuple[str, str]]
    seen: str
    reasons: Sequence[tuple[str, str]]
    after: Sequence[tuple[str, str]]


def sheet(found: Request, home: str, until: int, times: Times) -> Sheet:
    """The referral in words. home: the page of the link; until: when the link ends (microseconds)."""
    row, patient, present = found.row, found.case.patient or {}, times.present()
    window, gates = found.clearance.window, found.clearance
    today = times.midnight(0)
    return Sheet(
        clinic=row.performer_name or "",
        office=row.placer_name or spoken("guest.office-that-refers"),
        telephone=_office(found, times),
        number=row.number,
        service=found.clearance.facts.referral.service,
        patient=spoken_name(patient, present) or row.patient_name,
        urgent="" if row.priority == "routine" else chip(labels.PRIORITY, row.priority).label,
        by=times.date(window.last) if window.last else "",
        clock=times.clock(row.due_at, row.clock_start, today) if row.open and row.role == "performer" else None,
        due_label=in_words(row.due_label),
        until=times.day(until - 1),
        asked=_asked(found),
        facts=[
            (spoken("guest.patient"), _who(row, times)),
            (spoken("guest.language"), _language(patient)),
            (spoken("guest.coverage"), say(gates.gate("coverage").reason)),
            (spoken("guest.member"), _member(row)),
            (spoken("guest.approval"), say(gates.gate("authorization").reason)),
            (spoken("guest.network"), say(gates.gate("agreement").reason)),
        ],
        calls=telephones(items(patient, "telecom"), present),
        papers=[each for document in found.documents for each in _papers(document, home, times)],
        step=in_words(row.action_label) if row.open else "",
        answers=[(verb, *ANSWERS[verb]) for verb in ANSWERS if verb in found.verbs],
        offered=[_when(text(each, "start"), times) for each in found.offers],
        visit=times.exact(row.appointment_at) if row.appointment_at else "",
        offers="offer" in found.verbs,
        came="arrive" in found.verbs,
        reports="report" in found.verbs,
        writes="message" in found.verbs,
        messages=[
            (text(each.sender, "display") or row.placer_name or "", times.exact(micros(each.at)), each.words)
            for each in found.messages
        ],
        answered=[_answered(each, times) for each in found.answers],
        so_far=_so_far(found, times),
        seen=found.seen,
        reasons=tuple(REASONS.items()),
        after=tuple(AFTER.items()),
    )


def receipt(done: Done, times: Times) -> tuple[str, str]:
    """What was done, and when."""
    return say(done.act.said), times.exact(micros(done.act.at))


def _answered(note: Json, times: Times) -> tuple[str, str, str]:
    question = next((words(each) for each in items(note, "reasonCode")), "")
    at = moment_of(text(note, "sent"))
    said = "\n".join(filter(None, (text(each, "contentString") for each in items(note, "payload"))))
    return question, times.exact(at) if at else "", said


def _office(found: Request, times: Times) -> Telephone | None:
    placer = found.clearance.facts.referral.placer
    mine = [each for each in found.case.organizations if placer and key(each) in placer.keys]
    numbers = (telephones(items(each, "telecom"), times.present()) for each in mine)
    return next((each[0] for each in numbers if each), None)


def _asked(found: Request) -> list[str]:
    order = found.case.order
    reasons = [words(each) for each in items(order, "reasonCode")]
    notes = [text(each, "text") for each in items(order, "note")]
    return [each for each in (", ".join(filter(None, reasons)), *notes, _by(found)) if each]


def _by(found: Request) -> str:
    requester = item(found.case.order, "requester")
    role = next((each for each in found.case.roles if key(each) == target(requester)), {})
    named = target(item(role, "practitioner") or requester)
    person = next((each for each in found.case.practitioners if key(each) == named), {})
    name = spoken_name(person) if person else ""
    return spoken("guest.asked-by", name=name) if name else ""


def _who(row: object, times: Times) -> str:
    birth, gender = getattr(row, "birth_date", None), getattr(row, "gender", None)
    years = age(birth, times.now.astimezone(times.zone).date())
    born = times.born(birth)
    parts = (
        SEX.get(gender or "", ""),
        years,
        spoken("guest.born", born=born) if born else spoken("guest.date-birth-not-known"),
    )
    return ", ".join(part for part in parts if part)


def _language(patient: Json) -> str:
    tongues = sorted(items(patient, "communication"), key=lambda each: each.get("preferred") is not True)
    names = ", ".join(filter(None, (words(item(each, "language")) for each in tongues)))
    needs = extension(patient, INTERPRETER).get("valueBoolean")
    return spoken("guest.interpreter-needed", names=names) if names and needs else names or spoken("guest.not-known")


def _member(row: object) -> str:
    plan, number = getattr(row, "plan_name", "") or getattr(row, "payer_name", ""), getattr(row, "member_id", "")
    return ", ".join(part for part in (plan, number) if part) or spoken("guest.not-known")


def _papers(document: Json, home: str, times: Times) -> list[Paper]:
    held, found = items(document, "content"), []
    day = times.stored(text(document, "date")[:10]) if text(document, "date") else ""
    for n, each in enumerate(held, 1):
        file = item(each, "attachment")
        kept = bool(file.get("data")) or text(file, "url").startswith("Binary/")
        more = spoken("guest.of", n=n, held=len(held)) if len(held) > 1 else ""
        found.append(Paper(called(document) + more, day, f"{home}/papers/{document['id']}/{n}" if kept else ""))
    return found


def _when(start: str, times: Times) -> str:
    at = moment_of(start)
    return f"{times.exact(at)}" if at else start


def moment_of(start: str) -> int | None:
    """A FHIR instant in microseconds."""
    try:
        return micros(datetime.fromisoformat(start))
    except ValueError:
        return None


def _so_far(found: Request, times: Times) -> list[tuple[str, str]]:
    """What has happened with it so far, the newest first: what the Task and its visit say."""
    row = found.row
    task = current_task(found.case, found.clearance)
    said = [
        (chip(labels.REFERRAL, row.stage).label, text(task, "lastModified")),
        (spoken("guest.sent.2"), text(task, "authoredOn")),
    ]
    dated = {what: moment_of(at) for what, at in reversed(said)}
    return [(what, times.exact(at)) for what, at in reversed(dated.items()) if at]
