"""The acts of a referral as its panel offers them: the next one first, then those that always stand there, the others
under More; the open form; the line that tells what was done and takes it back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from carecoord.actions.acts.act import Done
from carecoord.actions.acts.work import Colleague
from carecoord.actions.worklist.worklist import Panel
from carecoord.domain.access.verbs import Verb
from carecoord.domain.contacts.attempts import attempts
from carecoord.domain.worklist.work import Work, work
from carecoord.fhir.instants import micros
from carecoord.web.acts.forms import State
from carecoord.web.page.times import Times
from carecoord.web.referrals.contacts import CALLED, Callee, callees
from carecoord.words.catalogue import say

HOW: Final = {"call": "Call", "letter": "Letter", "fax": "Fax", "visit": "In person"}
OUTCOMES: Final = {"reached": "Reached", "message": "Message", "no-answer": "No answer", "wrong-number": "Wrong no."}
BUTTONS: Final[dict[Verb, tuple[str, str, str]]] = {  # verb -> its words, icon and key
    "contact": ("Contact", "phone", "c"),
    "note": ("Note", "message-square", "n"),
    "assign": ("Give to somebody", "user-round-plus", "a"),
    "snooze": ("Let it rest to a day", "clock", "z"),
}
TITLES: Final = {"contact": "Log a contact", "note": "Note", "assign": "Give it to", "snooze": "Let it rest"}
ALWAYS: Final[tuple[Verb, ...]] = ("contact", "note")  # in the row of acts, whatever is next
NEXT: Final[dict[str, Verb]] = dict.fromkeys(CALLED, "contact")  # code of the next step -> the act that takes it
ORDINALS: Final = ("First", "Second", "Third", "Fourth", "Fifth")


@dataclass(frozen=True)
class Button:
    """An act that can be chosen. `key`: the key that chooses it in the list and in the panel. `href`: the page with its
    form; empty for one that is done by pressing, which sends `values`."""

    verb: str
    label: str
    icon: str
    key: str
    href: str = ""
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Undo:
    """What was done, when, and until when it can be taken back: empty where it can not."""

    act: str
    text: str
    at: str
    until: str


@dataclass(frozen=True)
class Form:
    """The open form. `colleagues` and `callees` are those to choose from; `warning`: what speaks against it."""

    state: State
    title: str
    aside: str = ""
    warning: str = ""
    callees: Sequence[Callee] = ()
    colleagues: Sequence[Colleague] = ()
    touches: bool = False


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
    seen: str
    back: str
    now: str


@dataclass(frozen=True)
class Shown:
    """Who looks, and at what: `me`: their account; `state`: of the form that is open; `back`: the page that they come
    back to; `href`: the page with the form of an act; `colleagues`: to whom they can give it."""

    me: str
    state: State | None
    back: str
    href: Callable[[str], str]
    colleagues: Sequence[Colleague] = ()


def acts(panel: Panel, times: Times, shown: Shown) -> Acts | None:
    """What the asker may do on this referral, None for nothing at all."""
    if not panel.verbs:
        return None
    held = work(panel.case, times.zone)
    offered = {verb: _button(verb, shown.href) for verb in panel.verbs if panel.row.open or verb in ALWAYS}
    mine = held.owner.get("identifier", {}).get("value") == shown.me
    pressed = [Button("assign", "Take it myself", "user-round", "t", values=(("to", shown.me),))] if not mine else []
    waking = Button("snooze", "Wake it now", "repeat", "w", values=(("wake", "1"),))
    wake = [waking] if held.asleep(panel.now, times.zone) else []
    first = offered.get(NEXT.get(panel.row.action or "", "assign")) if panel.row.open else None
    first = first if first and first.verb != "assign" else None
    row = [offered[verb] for verb in ALWAYS if verb in offered and offered[verb] != first]
    more = [each for verb, each in offered.items() if each != first and verb not in ALWAYS]
    if "assign" in offered:
        more = [*pressed, *more]
    if "snooze" in offered:
        more = [*wake, *more]
    state = shown.state
    form = _form(shown, state, panel, held, times) if state and state.verb in offered else None
    seen = f"Task/{held.id}:{held.version}"
    return Acts(panel.row.id, first, row, more, _why(panel), form, seen, shown.back, State("").id)


def undo(done: Done, times: Times) -> Undo:
    """The line that tells of an act."""
    until = f"{done.until.astimezone(times.zone):%H:%M}" if done.until else ""
    return Undo(done.act.id, say(done.act.said), f"{done.act.at.astimezone(times.zone):%H:%M}", until)


def _button(verb: Verb, href: Callable[[str], str]) -> Button:
    return Button(verb, *BUTTONS[verb], href=href(verb))


def _why(panel: Panel) -> list[str]:
    """Who can do what the asker can not: a button that could not act is not shown."""
    if not panel.row.open:
        return ["The referral is closed."]
    if "requester" not in panel.sides:
        return [f"Who works on it, and when: {panel.row.placer_name or 'the office that refers'} says."]
    return [] if "assign" in panel.verbs else ["Only a coordinator can give it to somebody or let it rest."]


def _form(shown: Shown, state: State, panel: Panel, held: Work, times: Times) -> Form:
    title = TITLES[state.verb]
    if state.verb == "contact":
        n = len(attempts(panel.case.talks, times.zone))
        aside = f"{ORDINALS[n] if n < len(ORDINALS) else f'{n + 1}th'} on this referral"
        return Form(state, title, aside, callees=callees(panel), touches="requester" in panel.sides)
    if state.verb == "snooze":
        now = f"Comes back {times.date(held.wakes)} as it is" if held.wakes else ""
        return Form(state, title, now, _clash(panel, times))
    if state.verb == "assign":
        now = f"{panel.row.owner_name} has it" if panel.row.owner_name else "Nobody has it"
        return Form(state, title, now, colleagues=shown.colleagues)
    return Form(state, title, "Part of the record: both offices and the patient can read it")


def _clash(panel: Panel, times: Times) -> str:
    """Resting hides a clock that goes on running."""
    due = panel.row.due_at
    if due is None:
        return ""
    late = " is over already" if due < micros(panel.now) else f" ends {times.exact(due)}"
    return f"{panel.row.due_label or 'Its clock'}{late}: the clock does not rest."
