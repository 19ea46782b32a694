"""The page of a patient in words: the head with what is permitted on each telephone, cards of open referrals, coverage
with the age of the payer's answer, visits, family and who may know what, social needs and who has room."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from carecoord.actions.patients.page import Insured, PatientPage, Relative, whole
from carecoord.domain.access import verbs
from carecoord.domain.patients import contact, needs
from carecoord.domain.patients.contact import Permission
from carecoord.domain.patients.disclosures import TOPICS, Topic, Word
from carecoord.domain.patients.links import stands_for
from carecoord.domain.patients.needs import Room, Service
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, key, target, text, words
from carecoord.domain.resource.patient import birth_date, name, record_number, spoken_name
from carecoord.fhir.instants import micros
from carecoord.web.acts.forms import State
from carecoord.web.ehrs import frame_view
from carecoord.web.ehrs.frame_view import Cards
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip
from carecoord.web.page.times import Times, age, month
from carecoord.web.patients import chart_view, plan_view
from carecoord.web.patients.chart_view import Block, kept
from carecoord.web.patients.plan_view import PlansView
from carecoord.web.referrals.contacts import SEX, Telephone, telephones
from carecoord.web.referrals.patient_view import INTERPRETER
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence, sentence

_PERMISSIONS: Final[dict[Permission, tuple[Sentence, bool]]] = {  # permission -> words, and whether it warns
    "text": (sentence("patient.phone.text"), False),
    "no-text": (sentence("patient.phone.no-text"), True),
    "voice-mail": (sentence("patient.phone.voice-mail"), False),
    "no-voice-mail": (sentence("patient.phone.no-voice-mail"), True),
}
_MAY: Final[dict[Word, tuple[Sentence, str, str]]] = {  # -> words, tone, icon
    "may": (sentence("patient.may.may"), "green", "check"),
    "may-not": (sentence("patient.may.may-not"), "red", "ban"),
    "unsaid": (sentence("patient.may.unsaid"), "quiet", "circle-dashed"),
}
_TOPICS: Final[dict[Topic, Sentence]] = {
    "visits": sentence("patient.topic.visits"),
    "results": sentence("patient.topic.results"),
    "costs": sentence("patient.topic.costs"),
}
_ROOMS: Final[dict[Room, tuple[Sentence, str, str]]] = {
    "room": (sentence("patient.room.room"), "green", "circle-check"),
    "waits": (sentence("patient.room.waits"), "amber", "hourglass"),
    "full": (sentence("patient.room.full"), "red", "ban"),
    "unknown": (sentence("patient.room.unknown"), "grey", "circle-question-mark"),
}
_VISITS: Final[dict[str, tuple[Sentence, str]]] = {  # Appointment.status -> words, tone
    "proposed": (sentence("patient.visit.proposed"), "blue"),
    "pending": (sentence("patient.visit.pending"), "blue"),
    "waitlist": (sentence("patient.visit.waitlist"), "grey"),
    "booked": (sentence("patient.visit.booked"), "green"),
    "arrived": (sentence("patient.visit.arrived"), "green"),
    "checked-in": (sentence("patient.visit.arrived"), "green"),
    "fulfilled": (sentence("patient.visit.fulfilled"), ""),
    "noshow": (sentence("patient.visit.noshow"), "red"),
    "cancelled": (sentence("patient.visit.cancelled"), ""),
}


@dataclass(frozen=True, slots=True)
class Tag:
    label: str
    icon: str
    warns: bool = False
    telephone: Telephone | None = None


@dataclass(frozen=True, slots=True)
class Behind:
    """A record in whose place the patient's stands. `seen`: the versions of both, under which they are taken apart;
    empty for who does not do that, and for one that stands behind another of these; `once`: the form's own id."""

    number: str
    id: str
    seen: str
    once: str


@dataclass(frozen=True, slots=True)
class Head:
    """`about`: sex, birth date, address; `tags`: language, each telephone followed by what is permitted on it, whom to
    call of the family; `behind`: further records of theirs, `before`: the one that stands in its place;
    `owners`: who has the open referrals."""

    id: str
    name: str
    number: str
    about: str
    deceased: bool
    tags: Sequence[Tag]
    behind: Sequence[Behind] = ()
    before: tuple[str, str] | None = None
    owners: str = ""


@dataclass(frozen=True, slots=True)
class CardView:
    """A card. `share`: of the days that an answer counts those that are over, None where there is no answer."""

    plan: str
    about: str
    state: Chip
    reason: str
    share: int | None
    measured: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class VisitView:
    day: str
    month: str
    when: str
    where: str
    state: str
    tone: str
    past: bool
    href: str


@dataclass(frozen=True, slots=True)
class RelativeView:
    name: str
    bond: str
    telephones: Sequence[Telephone]
    may: Sequence[tuple[str, Chip]]  # topic, whether they may know
    since: str


@dataclass(frozen=True, slots=True)
class NeedView:
    what: str
    day: str
    services: Sequence[tuple[str, Chip, str, Sequence[Telephone]]]  # name, whether there is room, notes, numbers


@dataclass(frozen=True)
class PatientView:
    """`kept`: by block, that something of it is kept back, empty where nothing is; `closed`: how many referrals are;
    `dated`: there are visits ahead that a calendar can have; `missed`: how many of the last ones were."""

    head: Head
    loops: Cards
    closed: str
    cards: Sequence[CardView]
    visits: Sequence[VisitView]
    chart: Sequence[Block]
    plans: PlansView
    relatives: Sequence[RelativeView]
    needs: Sequence[NeedView]
    kept: dict[str, str]
    dated: bool
    missed: str


def page(found: PatientPage, home: str, times: Times, *, linked: bool = True) -> PatientView:
    """Everything the page shows. home: below which referrals have their pages; linked: records may be opened."""
    loops = frame_view.listed(found.loops, home, "open", times.zone)
    closed = next((tab.count for tab in loops.tabs if not tab.current), "0")
    visits = sorted(_visits(found, home, times), key=lambda pair: pair[0])
    ahead, past = [v for _, v in visits if not v.past], [v for _, v in reversed(visits) if v.past]
    return PatientView(
        _head(found, times), loops, closed, [_card(each, times) for each in found.cards], [*ahead, *past],
        chart_view.blocks(found, times, linked=linked), plan_view.plans(found.plans, home, times),
        [_relative(each, times) for each in found.relatives], list(_needs(found, times)),
        {name: kept(found, name) for name in ("loops", "coverage", "visits", "plan", "family", "messages")},
        any(v.href for v in ahead), _missed(found),
    )  # fmt: skip


def _head(found: PatientPage, times: Times) -> Head:
    patient, present = found.patient, times.present()
    born, years = times.born(birth_date(patient)), age(birth_date(patient), times.now.astimezone(times.zone).date())
    home = next((each for each in items(patient, "address") if text(each, "use") != "old" and present.holds(each)), {})
    lines = home.get("line")
    street = [each for each in lines if isinstance(each, str)] if isinstance(lines, list) else []
    address = ", ".join(part for part in (*street, text(home, "city")) if part) or text(home, "text")
    told = say(sentence("patient.head.born", day=born, age=years)) if born and years else born
    return Head(
        text(patient, "id"), name(patient, present), record_number(patient, present),
        " · ".join(part for part in (SEX.get(text(patient, "gender"), ""), told, address) if part),
        bool(patient.get("deceasedBoolean") or patient.get("deceasedDateTime")), list(_tags(found, times)),
        [_behind(found, each) for each in found.behind], _record(found.before) if found.before else None,
        ", ".join(dict.fromkeys(row.owner_name for row in whole(found.loops) if row.owner_name)),
    )  # fmt: skip


def _behind(found: PatientPage, other: Json) -> Behind:
    apart = stands_for(found.patient, other) and verbs.may(found.roles, "unmerge-patients")
    seen = " ".join(f"{key(each)}:{text(item(each, 'meta'), 'versionId')}" for each in (found.patient, other))
    return Behind(*_record(other), seen if apart else "", State("").id)


def _record(patient: Json) -> tuple[str, str]:
    """Another record of the patient: its number, else the name, and its id."""
    number = record_number(patient)
    return f"MRN {number}" if number else name(patient), text(patient, "id")


def _tags(found: PatientPage, times: Times) -> Iterator[Tag]:
    patient = found.patient
    spoken = sorted(items(patient, "communication"), key=lambda each: each.get("preferred") is not True)
    language = words(item(spoken[0], "language")) if spoken else ""
    interpreter = extension(patient, INTERPRETER).get("valueBoolean") is True
    if language and interpreter:
        yield Tag(say(sentence("patient.head.interpreter", language=language)), "languages", True)
    elif language or interpreter:
        yield Tag(language or say(sentence("patient.head.interpreter-needed")), "languages", interpreter)
    numbers = telephones(items(patient, "telecom"), times.present())
    held = {text(each, "value").strip(): each for each in items(patient, "telecom")}
    if not numbers:
        yield Tag(say(sentence("patient.phone.none")), "phone", True)
    for each in numbers:
        yield Tag(each.note, "phone", telephone=each)
        yield from _permitted(held.get(each.number, {}))
    if found.silent:
        yield Tag(say(sentence("patient.phone.silent")), "message-square", True)
    for relative in found.relatives:
        reached = telephones(items(relative.person, "telecom"), times.present())
        if relative.may.words["visits"] == "may" and reached:
            called = f"{spoken_name(relative.person)}, {_bond(relative.person)}".rstrip(", ")
            yield Tag(called, "phone", False, reached[0])


def _permitted(telephone: Json) -> Iterator[Tag]:
    for each in contact.permissions(telephone):
        label, warns = _PERMISSIONS[each]
        yield Tag(say(label), "message-square" if "text" in each else "phone", warns)
    if best := contact.hours(telephone):
        yield Tag(say(sentence("patient.phone.best", hours=best)), "clock")


def _card(found: Insured, times: Times) -> CardView:
    card, gate = found.card, found.gate
    state = labels.judged(labels.chip(labels.GATE, gate.state), gate.state)
    plan = " · ".join(part for part in (card.plan_name, card.payer.name if card.payer else "") if part)
    member = next((value for each in sorted(card.identifiers) if (value := each.partition("|")[2])), "")
    about = say(sentence("patient.coverage.member", number=member)) if member else ""
    at = card.answers[0].at if card.answers else None
    if at is None:
        measured, share = say(sentence("patient.coverage.never-asked")), None
    else:
        days = max(0, (times.now - at).days)
        share = min(100, round(100 * days / found.lasts)) if found.lasts else 100
        measured = say(sentence("patient.coverage.age", days=days, of=found.lasts, day=times.day(micros(at))))
    return CardView(plan, about, state, say(gate.reason), share, measured, list(_benefits(found.answer)))


def _benefits(answer: Json | None) -> Iterator[tuple[str, str]]:
    """What the payer said of deductibles: how much is used of how much."""
    for insurance in items(answer or {}, "insurance"):
        for benefit in (each for part in items(insurance, "item") for each in items(part, "benefit")):
            if code_of(item(benefit, "type")) != "deductible":
                continue
            used, allowed = (item(benefit, each).get("value") for each in ("usedMoney", "allowedMoney"))
            if allowed is not None:
                told = say(sentence("patient.coverage.used", used=f"${used or 0:,}", allowed=f"${allowed:,}"))
                yield say(sentence("patient.coverage.deductible")), told


def _visits(found: PatientPage, home: str, times: Times) -> Iterator[tuple[str, VisitView]]:
    shown = {row.id for row in found.loops.rows}
    for visit in found.visits:
        at, status = moment(text(visit, "start"), times.zone), text(visit, "status")
        if at is None or status not in _VISITS:
            continue
        local = at.astimezone(times.zone)
        actors = [target(item(each, "actor")) for each in items(visit, "participant")]
        with_ = ", ".join(found.places[to] for to in actors if found.places.get(to) and not to.startswith("Patient/"))
        order = next((to.partition("/")[2] for to in map(target, items(visit, "basedOn"))), "")
        label, tone = _VISITS[status]
        yield text(visit, "start"), VisitView(
            str(local.day), month(local.date()), f"{local:%H:%M}", with_, say(label), tone, at < times.now,
            f"{home}referrals/{order}" if order in shown else "",
        )  # fmt: skip


def _missed(found: PatientPage) -> str:
    """How many of the last visits the patient missed; empty where none was to be."""
    came = [text(each, "status") for each in found.visits if text(each, "status") in ("fulfilled", "arrived", "noshow")]
    return say(sentence("patient.visits.missed", n=came.count("noshow"), all=len(came))) if came else ""


def _bond(relative: Json) -> str:
    return next((words(each) for each in items(relative, "relationship")), "")


def _relative(found: Relative, times: Times) -> RelativeView:
    may = [(say(_TOPICS[each]), _allowed(found.may.words[each])) for each in TOPICS]
    since = say(sentence("patient.may.since", day=times.stored(found.may.since[:10]))) if found.may.since else ""
    numbers = telephones(items(found.person, "telecom"), times.present())
    return RelativeView(spoken_name(found.person, times.present()), _bond(found.person), numbers, may, since)


def _allowed(word: Word) -> Chip:
    label, tone, icon = _MAY[word]
    return Chip(say(label), tone, icon)


def _needs(found: PatientPage, times: Times) -> Iterator[NeedView]:
    for each in needs.needs(found.chart["problems"].entries):
        wanted = needs.domains(each)
        offered = [service for service in found.services if service.domains & wanted]
        day = times.stored(text(each, "recordedDate")[:10])
        yield NeedView(words(item(each, "code")), day, [_service(one, times) for one in offered])


def _service(found: Service, times: Times) -> tuple[str, Chip, str, Sequence[Telephone]]:
    label, tone, icon = _ROOMS[found.room]
    told = say(label) if found.free is None else say(sentence("patient.room.free", n=found.free))
    as_of = say(sentence("patient.room.as-of", day=times.stored(found.told[:10]))) if found.told else ""
    notes = " · ".join(part for part in (found.note, as_of) if part)
    return found.name, Chip(told, tone, icon), notes, telephones(found.telecom, times.present())
