"""The acts of a referral as its panel offers them: the next one first, then those that always stand there, the others
under More; the open form; the line that tells what was done and takes it back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote, urlencode

from carecoord.actions.acts.act import Done
from carecoord.actions.acts.work import Colleague
from carecoord.actions.guests.links import language
from carecoord.actions.questionnaires.ask import Offered
from carecoord.actions.worklist.worklist import Panel
from carecoord.domain.access.verbs import Verb
from carecoord.domain.clearance.warnings import used_up
from carecoord.domain.contacts.attempts import LETTER_AFTER, attempts, unreached
from carecoord.domain.documents.acts import called
from carecoord.domain.referrals import withdrawals
from carecoord.domain.referrals.acts import candidates, unasked
from carecoord.domain.referrals.offers import awaited_visit, awaited_visits, current_task, current_visit, one_side
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.domain.worklist.work import Work, work
from carecoord.fhir.instants import micros
from carecoord.web.acts import request_link
from carecoord.web.acts.buttons import BACK, BUTTONS, ELSEWHERE, OFF, PRESSED, RED, TITLES
from carecoord.web.acts.forms import State
from carecoord.web.documents.kinds import KINDS
from carecoord.web.messages.view import LANGUAGES, Talk
from carecoord.web.page.times import Times
from carecoord.web.referrals.contacts import CALLED, Callee, callees
from carecoord.words.catalogue import in_words, say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.reader import DEFAULT
from carecoord.words.sentence import sentence

ALWAYS: Final[tuple[Verb, ...]] = ("contact", "note")  # in the row of acts, whatever is next
NEXT: Final[dict[str, tuple[str, ...]]] = {  # code of the next step -> the acts that take it, by preference
    **dict.fromkeys(CALLED, ("contact",)),
    **dict.fromkeys(request_link.LEADS, (request_link.VERB, "contact")),
    **dict.fromkeys(("prepare-authorization", "change-provider"), ("begin-request", "contact")),
    "run-eligibility": ("check-eligibility", "contact"),
    "send-referral": ("send", "refer"),
    **dict.fromkeys(("book", "rebook"), ("book", "contact")),
    "choose-performer": ("reopen", "refer"),
    "answer-cancel": ("cancel", "move", "contact"),
    "replace-visit": ("move", "cancel", "contact"),
    "call-off": ("cancel", "contact"),
    "reroute": ("reopen",),
    "confirm-visit": ("arrive", "contact"),
    **dict.fromkeys(("await-report", "chase-report"), ("report", "contact")),
    "request-document": ("attach",),
    "acknowledge-report": ("acknowledge",),
    "tell-patient": ("tell", "contact"),
}
# What is asked of somebody comes first: the clinic's answer, the office's, the clinician's own word on a report.
ASKED: Final[tuple[Verb, ...]] = ("accept", "answer", "acknowledge")
ORDINALS: Final[Mapping[int, str]] = Glossary({
    0: sentence("acts.ordinals.0"), 1: sentence("acts.ordinals.1"), 2: sentence("acts.ordinals.2"),
    3: sentence("acts.ordinals.3"), 4: sentence("acts.ordinals.4"),
})  # fmt: skip


@dataclass(frozen=True)
class Button:
    """An act that can be chosen. `key`: the key that chooses it in the list and in the panel. `href`: the page with its
    form; empty for one that is done by pressing, which sends `values`. `elsewhere`: it has a page of its own."""

    verb: str
    label: str
    icon: str
    key: str
    href: str = ""
    values: tuple[tuple[str, str], ...] = ()
    red: bool = False
    elsewhere: bool = False


@dataclass(frozen=True)
class Undo:
    """What was done, when, and until when it can be taken back: empty where it can not. `back`: what that does."""

    act: str
    text: str
    at: str
    until: str
    back: str


@dataclass(frozen=True)
class Choice:
    """A document that can be chosen. `id`: of its DocumentReference."""

    id: str
    name: str
    file: str
    day: str


@dataclass(frozen=True)
class Form:
    """The open form. `does`: what its button says; `red`: it ends something; `warning`: what speaks against it.
    `colleagues`, `callees`, `clinics` and `documents` are those to choose from; `letter`: it proposes one. `other`: the
    name of the other side, empty where nothing can be sent to it."""

    state: State
    title: str
    does: str
    red: bool = False
    aside: str = ""
    warning: str = ""
    callees: Sequence[Callee] = ()
    colleagues: Sequence[Colleague] = ()
    clinics: Sequence[tuple[str, str]] = ()
    touches: bool = False
    most: int = 0  # bytes of a file
    kinds: Mapping[str, str] = field(default_factory=dict)
    other: str = ""
    documents: Sequence[Choice] = ()
    letter: bool = False
    talk: Talk | None = None
    forms: Sequence[Offered] = ()
    foreign: str = ""  # the language in which the patient reads, where that is not the desk's


@dataclass(frozen=True)
class Acts:
    """`first`: the next act, the one primary button while no form is open. `seen`: the versions that are shown, for the
    lock; `back`: the page to come back to; `now`: the id of the next form that is sent by pressing alone."""

    id: str
    first: Button | None
    row: Sequence[Button]
    more: Sequence[Button]
    why: Sequence[str]
    form: Form | None
    trouble: State | None  # what could not be done and has no form here any more
    seen: str
    back: str
    now: str


@dataclass(frozen=True)
class Shown:
    """Who looks, and at what: `me`: their account; `state`: of the form that is open; `back`: the page that they come
    back to; `href`: the page with the form of an act; `colleagues`: to whom they can give it; `most`: bytes of a file
    that can be kept; `talk`: the thread of messages, where its form is open; `forms`: those that can be
    given to the patient, where these are."""

    me: str
    state: State | None
    back: str
    href: Callable[[str], str]
    colleagues: Sequence[Colleague] = ()
    most: int = 0
    talk: Talk | None = None
    forms: Sequence[Offered] = ()


def acts(panel: Panel, times: Times, shown: Shown) -> Acts | None:
    """What the asker may do on this referral, None for nothing at all."""
    if not panel.verbs:
        return None
    held = work(panel.case, times.zone)
    offered: dict[str, Button] = {verb: _button(panel.row.id, verb, shown) for verb in panel.verbs}
    if way := request_link.href(panel):
        button = Button(request_link.VERB, spoken("acts.open-request"), "shield-check", "+", href=way, elsewhere=True)
        offered[request_link.VERB] = button
    if "cancel" in offered and (off := _off(panel)):
        offered["cancel"] = replace(offered["cancel"], label=off)
    mine = text(item(held.owner, "identifier"), "value") == shown.me
    pressed = (
        [Button("assign", spoken("acts.take-it-myself"), "user-round", "t", values=(("to", shown.me),))]
        if not mine
        else []
    )
    waking = Button("snooze", spoken("acts.wake-it-now"), "repeat", "w", values=(("wake", "1"),))
    wake = [waking] if held.asleep(panel.now, times.zone) else []
    wanted = (*ASKED, *NEXT.get(panel.row.action or "", ()))
    first = next((offered[verb] for verb in wanted if verb in offered), None) if panel.row.open else None
    row = [offered[verb] for verb in ALWAYS if verb in offered and offered[verb] != first]
    more = [each for verb, each in offered.items() if each != first and verb not in ALWAYS]
    more = sorted(more, key=lambda each: (each.red, each.verb in ("assign", "snooze")))
    if "assign" in offered:
        more = [*pressed, *more]
    if "snooze" in offered:
        more = [*wake, *more]
    state = shown.state
    possible = state is not None and state.verb in offered and state.verb in TITLES and state.verb not in PRESSED
    form = _form(shown, state, panel, held, times) if state and possible else None
    trouble = state if state and not possible and (state.faults or state.changed or state.notice) else None
    seen = " ".join([f"Task/{held.id}:{held.version}", *_versions(panel)])
    return Acts(panel.row.id, first, row, more, _why(panel), form, trouble, seen, shown.back, State("").id)


def undo(done: Done, times: Times) -> Undo:
    """The line that tells of an act."""
    until = f"{done.until.astimezone(times.zone):%H:%M}" if done.until else ""
    at = f"{done.act.at.astimezone(times.zone):%H:%M}"
    return Undo(done.act.id, say(done.act.said), at, until, BACK.get(done.act.verb, ""))


def _versions(panel: Panel) -> list[str]:
    """The versions of what an act may change, as they are shown: the Task, the visit, the order."""
    task = current_task(panel.case, panel.clearance)
    visit = current_visit(panel.case, panel.clearance) or awaited_visit(panel.case, panel.clearance)
    shown = [task, visit or {}, panel.case.order]
    return [f"{key(each)}:{text(item(each, 'meta'), 'versionId')}" for each in shown if each]


def _button(case: str, verb: Verb, shown: Shown) -> Button:
    if verb in ELSEWHERE:
        page = f"/referrals/{quote(case)}/{ELSEWHERE[verb]}"
        back = f"?{urlencode({'back': shown.back})}" if verb == "link" else ""
        return Button(verb, *BUTTONS[verb], href=f"{page}{back}", elsewhere=True)
    return Button(verb, *BUTTONS[verb], href="" if verb in PRESSED else shown.href(verb), red=verb in RED)


def _off(panel: Panel) -> str:
    """What is called off where no visit is booked, but held or waited for; empty where neither is."""
    waits = awaited_visit(panel.case, panel.clearance)
    return OFF.get(text(waits, "status"), spoken("acts.give-held-time-back")) if waits else ""


def _why(panel: Panel) -> list[str]:
    """Who can do what the asker can not: a button that could not act is not shown."""
    if not panel.row.open:
        return [spoken("acts.referral-closed")]
    if "requester" not in panel.sides:
        office = panel.row.placer_name or spoken("acts.office-that-refers")
        return [spoken("acts.who-works-on-it-and", office=office)]
    return [] if "assign" in panel.verbs else [spoken("acts.only-coordinator-can-give-it")]


def _form(shown: Shown, state: State, panel: Panel, held: Work, times: Times) -> Form:
    form = Form(state, *TITLES[state.verb], red=state.verb in RED)
    if state.verb == "contact":
        made = attempts(panel.case.talks, times.zone)
        n = len(made)
        aside = ORDINALS.get(n) or spoken("acts.n-th", n=n + 1)
        form = replace(form, aside=aside, callees=callees(panel, times), touches="requester" in panel.sides)
        tries = unreached(made, panel.row.patient_name)
        hint = spoken("acts.was-not-reached-times-in", patient_name=panel.row.patient_name, tries=tries)
        return replace(form, warning=hint, letter=True) if tries >= LETTER_AFTER else form
    if state.verb == "message":
        return replace(form, talk=shown.talk)
    if state.verb == "give-form":
        return replace(form, forms=shown.forms)
    if state.verb == "instruct":
        read = language(panel.case.patient or {})
        return replace(form, foreign=LANGUAGES[read] if read != DEFAULT else "")
    if state.verb == "snooze":
        now = spoken("acts.comes-back-as-it", wakes=times.date(held.wakes)) if held.wakes else ""
        return replace(form, aside=now, warning=_clash(panel, times))
    if state.verb == "assign":
        who = panel.row.owner_name
        now = spoken("acts.has-it.2", owner_name=who) if who else spoken("acts.nobody-has-it.2")
        return replace(form, aside=now, colleagues=shown.colleagues)
    if state.verb == "book":
        spent = map(say, used_up(panel.clearance.ruling))
        return replace(form, warning=" ".join(filter(None, (_held(panel, times), *spent))))
    if state.verb == "withdraw":
        return _withdrawing(panel, form, times)
    if state.verb in ("confirm-cancel", "refuse-cancel"):
        wish = withdrawals.wish(panel.case, current_task(panel.case, panel.clearance))
        return replace(form, warning=spoken("acts.office-asks-cancel-it", wish=wish) if len(wish) > 1 else "")
    if state.verb == "ask-another":
        return replace(form, clinics=_named(unasked(panel.case), panel))
    if state.verb == "reopen":
        stands = current_visit(panel.case, panel.clearance) is not None
        off = spoken("acts.visit-still-stands-it-called") if stands else ""
        return replace(form, clinics=_clinics(panel), warning=off)
    if state.verb == "cancel" and (off := _off(panel)):
        return replace(form, title=off, does=off)
    if state.verb in ("attach", "share", "report"):
        return _with_documents(form, panel, shown, times)
    if state.verb != "note":
        return form
    return replace(form, aside=spoken("acts.part-record-both-offices-and"))


def _held(panel: Panel, times: Times) -> str:
    """What is given back when a visit is booked beside it."""
    found = awaited_visits(panel.case, panel.clearance)
    starts = [at for each in found if (at := moment(text(each, "start"), times.zone))]
    if not starts:
        return spoken("acts.patient-comes-off-waiting-list") if found else ""
    held = ", ".join(times.exact(micros(at)) for at in starts)
    return spoken("acts.held-write-that-time-book", held=held)


def _withdrawing(panel: Panel, form: Form, times: Times) -> Form:
    """At once, or by asking: said before."""
    task, clinic = current_task(panel.case, panel.clearance), panel.row.performer_name or spoken("acts.clinic")
    if withdrawals.way(panel.case, task, one_side(panel.sides)) == "ask-cancel":
        asks = spoken("acts.work-has-begun-asked-give", clinic=clinic)
        return replace(form, does=spoken("acts.ask-give-it-up"), warning=asks)
    booking = panel.clearance.booking
    visit = (
        spoken("acts.visit-called-off", start=times.exact(micros(booking.start))) if booking and booking.start else ""
    )
    return replace(form, warning=spoken("acts.it-ends-for-good-order", visit=visit))


def _with_documents(form: Form, panel: Panel, shown: Shown, times: Times) -> Form:
    if form.state.verb == "attach":
        seen = spoken("acts.for-your-office-alone-so") if len(panel.sides) == 1 else ""
        return replace(form, aside=seen, most=shown.most, kinds=KINDS, other=panel.other)
    if form.state.verb == "share":
        documents = _choices(panel.sendable, times)
        return replace(form, aside=spoken("acts.to", other=panel.other), documents=documents, other=panel.other)
    completes = "performer" in panel.sides
    notes = _choices(panel.notes, times) if completes else []
    return replace(form, most=shown.most, documents=notes, other=panel.other if completes else "")


def _choices(documents: Sequence[Json], times: Times) -> list[Choice]:
    return [Choice(text(each, "id"), called(each), _file(each), _day(each, times)) for each in documents]


def _file(document: Json) -> str:
    """The name of its file, where it says more than what it is."""
    named = next((text(item(each, "attachment"), "title") for each in items(document, "content")), "")
    return named if named != called(document) else ""


def _day(document: Json, times: Times) -> str:
    """The day of its own or, where it has none, on which it came."""
    made = next((text(item(each, "attachment"), "creation") for each in items(document, "content")), "")
    came = moment(text(document, "date"), times.zone)
    return times.stored(made[:10]) if made else times.day(micros(came)) if came else ""


def _clinics(panel: Panel) -> list[tuple[str, str]]:
    """Whom the order can go to, (`Organization/id`, name)."""
    return _named(candidates(panel.case), panel)


def _named(references: Sequence[Json], panel: Panel) -> list[tuple[str, str]]:
    found = [(target(each), panel.known.get(target(each))) for each in references]
    return [(to, party.name) for to, party in found if party]


def _clash(panel: Panel, times: Times) -> str:
    """Resting hides a clock that goes on running."""
    due = panel.row.due_at
    if due is None:
        return ""
    label = in_words(panel.row.due_label) or spoken("acts.its-clock")
    if due < micros(panel.now):
        return spoken("acts.over-already-clock-does-not", label=label)
    return spoken("acts.ends-clock-does-not-rest", label=label, due=times.exact(due))
