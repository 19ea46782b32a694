"""What is said with a patient, in words: what they are still to be told, in the desk's language and in theirs; the
messages about their cases; calling and writing, as far as they permit it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal
from urllib.parse import urlencode

from carecoord.actions.guests.links import language
from carecoord.actions.messages.messages import Conversation
from carecoord.actions.patients.page import PatientPage
from carecoord.actions.patients.talks import Said
from carecoord.actions.worklist.worklist import Panel
from carecoord.domain.access.verbs import Verb
from carecoord.domain.contacts.telephones import telephones
from carecoord.domain.patients import contact
from carecoord.domain.patients.to_say import Thing, ToSay
from carecoord.domain.resource.elements import extension, items, target, text
from carecoord.domain.worklist.work import work
from carecoord.fhir.instants import micros
from carecoord.web.acts.buttons import TITLES
from carecoord.web.acts.forms import State
from carecoord.web.acts.view import Form
from carecoord.web.messages.view import LANGUAGES, talk
from carecoord.web.page.times import Times
from carecoord.web.referrals.contacts import Callee, callees
from carecoord.web.referrals.patient_view import INTERPRETER
from carecoord.words.catalogue import say
from carecoord.words.reader import DEFAULT
from carecoord.words.sentence import Sentence, sentence

VERBS: Final[tuple[Verb, ...]] = ("contact", "message")
_THINGS: Final[Mapping[Thing, Callable[..., Sentence]]] = {  # as it is said to the patient
    "report": lambda clinic, at: sentence("patient.say.report", clinic=clinic),
    "card": lambda clinic, at: sentence("patient.say.card"),
    "cancel": lambda clinic, at: sentence("patient.say.cancel", clinic=clinic),
    "question": lambda clinic, at: sentence("patient.say.question", day=at.date()),
    "visit": lambda clinic, at: sentence("patient.say.visit", clinic=clinic, at=at),
    "called-off": lambda clinic, at: sentence("patient.say.called-off", clinic=clinic, at=at),
}


@dataclass(frozen=True, slots=True)
class ToSayView:
    """`words`: in the reader's language; `theirs`: in the patient's, empty where that is the same; `tongue`: its code;
    `due`: by when; `href`: the form in which the call is logged, empty where the asker may not."""

    words: str
    theirs: str
    tongue: str
    number: str
    due: str
    href: str


@dataclass(frozen=True, slots=True)
class MessageView:
    """`ours`: it was written by an office, not by the family."""

    by: str
    at: str
    words: str
    read: str
    ours: bool
    number: str
    href: str


@dataclass(frozen=True, slots=True)
class TalkForm:
    """The open form of a call or a message. `about`: the id of the case; `cases`: the patient's open cases (id, number
    and service, address of the form about it), one of them chosen; `no_message`: nobody may be left a message, and why
    is said; `seen`: the versions that are shown; `back`: the page to come back to."""

    verb: str
    about: str
    form: Form
    cases: Sequence[tuple[str, str, str]]
    no_message: str
    seen: str
    back: str


@dataclass(frozen=True, slots=True)
class TalkView:
    """`buttons`: (verb, address of its form); `refused`: why something is not offered; `title`: how it is to be said;
    `told`: by the id of a case whose report the patient is to be told of, the id of the form that says so;
    `tongue`: what language the patient reads, where that is not the desk's; `insured`: the id of the case for which the
    payer can be asked about the card, empty for none, and `once` of its form."""

    to_say: Sequence[ToSayView]
    title: str
    buttons: Mapping[Verb, str]
    refused: Sequence[str]
    messages: Sequence[MessageView]
    told: Mapping[str, str]
    tongue: str
    insured: str
    once: str


def view(found: PatientPage, home: str, back: str, times: Times) -> TalkView:
    """What is said with a patient. home: below which referrals have their pages; back: the address of this page."""
    theirs = language(found.patient)
    said = [_to_say(found, each, theirs, back, times) for each in found.talks.to_say]
    spoken = LANGUAGES.get(theirs, "") if theirs != DEFAULT else ""
    title = sentence("patient.say.in", language=spoken) if spoken else sentence("patient.say")
    if extension(found.patient, INTERPRETER).get("valueBoolean") is True:
        title = sentence("patient.say.interpreter", how=title)
    buttons = {verb: f"{back}?act={verb}#act-form" for verb in VERBS if case_of(found, verb)}
    return TalkView(
        said, say(title), buttons, [say(each) for each in _refused(found, times)],
        [_message(each, found, home, times) for each in found.talks.messages],
        {each.case: State("").id for each in found.talks.to_say if _tells(found, each)}, spoken,
        _insured(found), State("").id,
    )  # fmt: skip


def _tells(found: PatientPage, said: ToSay) -> bool:
    return said.thing == "report" and "tell" in found.talks.acts.get(said.case, ())


def _insured(found: PatientPage) -> str:
    """The open case for which the payer can be asked about the card; empty where there is none, or no card."""
    asks = [case for case, acts in found.talks.acts.items() if "check-eligibility" in acts]
    return asks[0] if asks and any(each.card.payer for each in found.cards) else ""


def case_of(found: PatientPage, verb: str, wanted: str = "") -> str:
    """The id of the case that a call or a message is about: the one that was wanted, else one of which there is
    something to say, else the first; empty where the act is not offered, or not there."""
    if found.patient.get("deceasedBoolean") or found.patient.get("deceasedDateTime"):
        return ""
    if verb == "message" and (found.silent or "messages" in found.withheld | found.closed):
        return ""
    open_to = [case for case, acts in found.talks.acts.items() if verb in acts]
    if wanted:
        return wanted if wanted in open_to else ""
    urgent = [each.case for each in found.talks.to_say if each.case in open_to]
    return next(iter([*urgent, *open_to]), "")


def calling(found: PatientPage, panel: Panel, state: State, back: str, times: Times) -> TalkForm:
    """The form in which a call to the patient is logged, about the case of a panel."""
    known = [_permitted(each, found, times) for each in callees(panel, times) if each.whom == "patient"]
    held = work(panel.case, times.zone)
    form = Form(state, *TITLES["contact"], callees=known, touches="requester" in panel.sides)
    return TalkForm("contact", panel.row.id, form, _cases(found, "contact", back), _no_message(found, times),
                    f"Task/{held.id}:{held.version}", back)  # fmt: skip


def writing(found: PatientPage, thread: Conversation, state: State, asked: Mapping[str, str], back: str, times: Times
            ) -> TalkForm:  # fmt: skip
    """The form of a message about a case, to the patient first. asked: `to` and `template`, as somebody chose them."""

    def href(to: str, template: str) -> str:
        chosen = {"act": "message", "about": thread.case, "to": to} | ({"template": template} if template else {})
        return f"{back}?{urlencode(chosen)}#act-form"

    shown, filled = talk(thread, state, asked, times, href=href, prefer="patient")
    form = Form(filled, *TITLES["message"], talk=shown)
    return TalkForm("message", thread.case, form, _cases(found, "message", back), "", "", back)


def _cases(found: PatientPage, verb: Literal["contact", "message"], back: str) -> list[tuple[str, str, str]]:
    rows = {row.id: row for row in found.loops.rows}
    return [
        (case, " ".join(part for part in (rows[case].number, rows[case].specialty) if part),
         f"{back}?{urlencode({'act': verb, 'about': case})}#act-form")
        for case, acts in found.talks.acts.items() if verb in acts
    ]  # fmt: skip


def _to_say(found: PatientPage, said: ToSay, theirs: str, back: str, times: Times) -> ToSayView:
    row = next(row for row in found.loops.rows if row.id == said.case)
    clinic = row.performer_name or sentence("patient.say.clinic")
    told = _THINGS[said.thing](clinic, said.at.astimezone(times.zone) if said.at else None)
    stands = row.due_at if said.thing in ("report", "card", "cancel") else None
    due = say(sentence("patient.say.by", day=times.day(stands))) if stands else ""
    may = case_of(found, "contact", said.case)
    href = f"{back}?{urlencode({'act': 'contact', 'about': said.case})}#act-form" if may else ""
    words, own = say(told), say(told, theirs)
    return ToSayView(words, own if own != words else "", theirs, row.number, due, href)


def _refused(found: PatientPage, times: Times) -> list[Sentence]:
    """What is not offered, and why."""
    if not found.loops.rows:
        return [sentence("patient.talk.no-case")]
    refused = []
    if found.silent:
        refused.append(sentence("patient.talk.silent"))
    elif "messages" in found.closed | found.withheld:
        refused.append(sentence("patient.talk.withheld"))
    if not telephones(items(found.patient, "telecom"), times.present()):
        refused.append(sentence("patient.phone.none"))
    return refused


def _permitted(callee: Callee, found: PatientPage, times: Times) -> Callee:
    """One of the patient's numbers with what they permit on it."""
    number = callee.telephone
    numbers = telephones(items(found.patient, "telecom"), times.present())
    said = next((each for each in numbers if number and text(each, "value").strip() == number.number), None)
    if number is None or said is None:
        return callee
    refused = [say(NO[each]) for each in contact.permissions(said) if each in NO]
    best = contact.hours(said)
    told = [number.note, *refused, say(sentence("patient.phone.best", hours=best)) if best else ""]
    return replace(callee, telephone=replace(number, note=", ".join(filter(None, told))))


NO: Final = {
    "no-text": sentence("patient.phone.no-text"),
    "no-voice-mail": sentence("patient.phone.no-voice-mail"),
}


def _no_message(found: PatientPage, times: Times) -> str:
    """Why no message may be left: on none of their telephones do they let one."""
    numbers = telephones(items(found.patient, "telecom"), times.present())
    barred = [each for each in numbers if "no-voice-mail" in contact.permissions(each)]
    return say(sentence("patient.talk.no-voice-mail")) if numbers and len(barred) == len(numbers) else ""


def _message(said: Said, found: PatientPage, home: str, times: Times) -> MessageView:
    one, read = said.message, found.talks.read.get(said.message.id, {})
    seen = min((at for to, at in read.items() if to in set(map(target, one.to))), default=None)
    to = ", ".join(text(each, "display") or target(each) for each in one.to)
    by = text(one.sender, "display") or say(sentence("patient.say.somebody"))
    who = say(sentence("patient.talk.by", by=by, to=to)) if to else by
    receipt = say(sentence("patient.talk.read", at=times.exact(seen))) if seen else ""
    family = target(one.sender).startswith(("Patient/", "RelatedPerson/"))
    href = f"{home}referrals/{said.case}" if any(row.id == said.case for row in found.loops.rows) else ""
    return MessageView(who, times.exact(micros(one.at)), one.words, receipt, not family, said.number, href)
