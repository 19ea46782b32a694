"""The payer's queue and one of its requests, in words."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from carecoord.actions.acts.act import Overtaken
from carecoord.actions.prior_auth.queue import Opened, Queue
from carecoord.domain.access.payer_authorization import PayerAuthorization
from carecoord.domain.messages.templates import TEMPLATES
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.clinic import peer
from carecoord.domain.prior_auth.desk import guides, hold, second_look, steps
from carecoord.domain.prior_auth.desk.answers import REASONS
from carecoord.domain.prior_auth.desk.letter import TEMPLATE
from carecoord.domain.resource.elements import Json, extension, item, items, text, whole, words
from carecoord.fhir.instants import micros, moment
from carecoord.web.acts import changes
from carecoord.web.acts.forms import Changed, State
from carecoord.web.authorizations import letter_view, queue_view
from carecoord.web.authorizations.conflict_view import DECISIONS, ConflictLine, Waiting, conflict, waiting
from carecoord.web.authorizations.line_view import LineForm, asked_for, in_codes, line_form, read_day, ticked
from carecoord.web.authorizations.queue_view import QueueRow, queue
from carecoord.web.page.labels import Chip
from carecoord.web.page.times import Times
from carecoord.web.questionnaires.view import Answer, answers
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

MINUTES: Final = int(hold.HOLD.total_seconds()) // 60
WHYS: Final[Mapping[str, str]] = Glossary(REASONS)
PEERS: Final[Mapping[str, str]] = Glossary({
    "upheld": sentence("decide.peer.upheld"),
    "will-change": sentence("decide.peer.change"),
    "will-overturn": sentence("decide.peer.overturned"),
    "not-held": sentence("decide.peer.not-held"),
})  # fmt: skip
ASKERS: Final[Mapping[str, str]] = Glossary({
    "patient": sentence("decide.extend.patient"),
    "payer": sentence("decide.extend.payer"),
})  # fmt: skip
EXTENDED: Final[Mapping[str, str]] = Glossary({
    "patient": sentence("decide.note.extended-patient"),
    "payer": sentence("decide.note.extended-payer"),
})  # fmt: skip


@dataclass(frozen=True)
class Other:
    """What else was asked for the member. like: for the same service, so that it may be asked for twice."""

    id: str
    service: str
    code: str
    state: Chip
    received: str
    number: str
    like: bool


@dataclass(frozen=True)
class SentForm:
    """A form that came with the request, and when it was filled in."""

    title: str
    day: str
    answers: Sequence[Answer]


@dataclass(frozen=True)
class Proposed:
    """A line that a colleague proposes to deny: as it was asked for, with the criteria as they ticked them; reason,
    words: why, and as the letter says it."""

    line: LineForm
    reason: str
    words: str


@dataclass(frozen=True)
class Page:
    """One request. provider: who is to do it. proposed: the lines that a colleague proposes to deny; by: who
    proposes it; own: whether that is the reader; others: what else was asked for the member; waiting: a decision
    that has not left; conflict: where somebody else decided meanwhile, line by line; rests: for how many minutes a
    decision would be held, 0 where it would go out at once; forms: that came with it; steps: what was done beside
    deciding, as (what, when); offered: the acts that stand beside deciding; notes: what else there is to know."""

    opened: Opened
    head: QueueRow
    lines: Sequence[LineForm]
    diagnoses: Sequence[str]
    papers: Sequence[tuple[str, str, str]]
    asks: Sequence[tuple[str, str]]
    answers: Sequence[tuple[str, str]]
    born: str
    received: str
    provider: str
    proposed: Sequence[Proposed]
    by: str
    own: bool
    state: State
    seen: str
    others: Sequence[Other]
    steps: Sequence[tuple[str, str]]
    offered: Collection[str]
    notes: Sequence[str]
    blank: State
    letters: Sequence[tuple[str, str, str, str]]
    waiting: Waiting | None
    conflict: Sequence[ConflictLine]
    rests: int
    forms: Sequence[SentForm]

    def of(self, verb: str) -> State:
        """The form of an act as it is shown: with what came of it, or anew."""
        return self.state if self.state.verb == verb else self.blank


def page(
    found: Opened, state: State | None, by: tuple[str, str], decided: tuple[str, str], subject: str, times: Times
) -> Page:  # fmt: skip
    """The page of one request. by: (account, name) of who proposed its denial; decided: of who made the decision that
    has not left."""
    held = {found.row.root: found.on_it} if found.on_it else {}
    (head,) = queue(Queue(found.now, [found.row], {}, held, {found.row.claim: found.steps}, None), times)
    lines = [line_form(each, found, times) for each in items(found.claim, "item")]
    told = found.told
    papers = [
        (words(item(each, "type")) or text(each, "description"), _day(text(each, "date"), times),
         f"/documents/{each['id']}/1")
        for each in told.documents
    ]  # fmt: skip
    asks = [(say(said), times.exact(micros(due)) if due else "") for said, due in told.asks]
    return Page(
        found, head, lines, _diagnoses(found), papers, asks,
        [(_answer(each), times.stored(text(each, "created"))) for each in found.answers],
        times.born(found.row.birth_date), times.exact(found.row.received) if found.row.received else "",
        _provider(found), _proposed(found, lines, times), by[1],
        bool(by[0]) and by[0] == subject, state or State("decide", asked_for(found, times)), _seen(found),
        [_other(each, found, times) for each in found.others], _steps(found, times), _offered(found),
        _notes(found, times), State(""), [_letter(each, found, times) for each in found.letters],
        waiting(found, decided, subject, times),
        conflict(found, state.values, times) if state and state.changed else (), _rests(found),
        [SentForm(named, times.stored(text(each, "authored")), answers(each)) for named, each in found.forms],
    )  # fmt: skip


def _rests(found: Opened) -> int:
    due = moment(found.row.due) if found.row.due else None
    return MINUTES if hold.is_due_later(found.row.expedited, due, found.now) else 0


def _letter(document: Json, found: Opened, times: Times) -> tuple[str, str, str, str]:
    """The name, the day and the address of a letter, and how it goes out."""
    kind = text(extension(document, TEMPLATE), "valueString").partition(" ")[0]
    named = TEMPLATES[kind].title if kind in TEMPLATES else words(item(document, "type"))
    went = letter_view.went(found.sendings.get(str(document["id"])), times)
    return say(named), times.stored(text(document, "date")), f"/documents/{document['id']}/1", went


def _other(row: PayerAuthorization, found: Opened, times: Times) -> Other:
    like = bool(row.code) and row.code == found.row.code and row.state in _LIVE
    return Other(
        row.root.partition("/")[2], row.service, row.code, queue_view.state(row),
        times.exact(row.received) if row.received else "", row.number or "", like,
    )  # fmt: skip


_LIVE: Final = ("submitted", "pended", "asked", "contact", "approved", "modified", "partly")
_REFUSED: Final = ("denied", "partly", "modified")


def _offered(found: Opened) -> list[str]:
    """The acts that stand beside deciding, as things are."""
    waits, steps = found.row.state in lifecycle.WAITING and not found.held, found.steps
    said = {
        "extend-clock": waits and not found.row.extended,
        "ask-director": waits and "director" not in steps,
        "hear-director": "director" in steps and found.directs,
        "hold-peer": found.row.state in _REFUSED,
        "look-over": "sample" in steps,
    }
    return [verb for verb, so in said.items() if so]


def _steps(found: Opened, times: Times) -> list[tuple[str, str]]:
    """What was done beside deciding: what the director said, the talks that were held, who looked a rule over."""
    told = [(spoken("decide.step.director", words=steps.note(each)), text(each, "lastModified"))
            for each in found.tasks if steps.kind_of(each) == "director" and not steps.open_(each)]  # fmt: skip
    told += [(spoken("decide.step.asked-director", words=text(each, "description")), text(each, "authoredOn"))
             for each in found.tasks if steps.kind_of(each) == "director" and steps.open_(each)]  # fmt: skip
    told += [(spoken("decide.step.looked", words=steps.note(each)), text(each, "lastModified"))
             for each in found.tasks if steps.kind_of(each) == "sample" and not steps.open_(each)]  # fmt: skip
    told += [_talk(each) for each in found.tasks if peer.is_talk(each)]
    return [(said, times.stored(at)) for said, at in sorted(told, key=lambda each: each[1])]


def _talk(task: Json) -> tuple[str, str]:
    """A talk between peers that is asked for, or what came of it, and when."""
    result, said = peer.result(task)
    if not result:
        return spoken("decide.step.peer-asked", who=peer.clinician(task)), text(task, "authoredOn")
    told = spoken("decide.step.peer", who=peer.clinician(task), result=PEERS[result], words=said)
    return told, text(task, "lastModified")


def course(found: Opened) -> list[str]:
    """What there is to know of how it is decided, as far as whom it concerns is told it too."""
    said = [spoken("decide.note.level", n=found.row.level)] if found.row.level else []
    if found.newest and (rule := guides.rule_of(found.newest)):
        said.append(spoken("decide.note.rule", rule=rule))
    return [*said, EXTENDED[found.row.extended]] if found.row.extended else said


def _notes(found: Opened, times: Times) -> list[str]:
    """That, and which decisions were never sent."""
    overtaken = found.overtaken if found.row.state in lifecycle.WAITING and not found.held else []
    return course(found) + [
        spoken("decide.note.called-off", at=times.stored(text(each, "authoredOn"))) for each in overtaken
    ]


def _provider(found: Opened) -> str:
    """Who is to do it: whom the request or the answer names, else the clinic of the order that was sent."""
    named = (text(each, "display") for each in items(found.told.case.order, "performer"))
    return found.row.provider or next(filter(None, named), "")


def _diagnoses(found: Opened) -> list[str]:
    named = [item(each, "diagnosisCodeableConcept") for each in items(found.claim, "diagnosis")]
    named = [*named, *items(found.told.case.order, "reasonCode")]
    said = (" ".join(filter(None, (words(each), in_codes(each, found)))) for each in named)
    return list(dict.fromkeys(filter(None, said)))


def _answer(answer: Json) -> str:
    verb = lifecycle.tells(answer)
    return spoken("decide.answer", what=_ANSWERS.get(verb, sentence("decide.answered.other")))


_ANSWERS: Final[dict[Any, Any]] = {
    "approve": sentence("decide.answered.approve"),
    "modify": sentence("decide.answered.modify"),
    "approve-in-part": sentence("decide.answered.part"),
    "deny": sentence("decide.answered.deny"),
    "pend": sentence("decide.answered.pend"),
}


def _proposed(found: Opened, lines: Sequence[LineForm], times: Times) -> list[Proposed]:
    if found.proposal is None:
        return []
    told = second_look.answer(found.proposal)
    notes = {whole(each, "number"): text(each, "text") for each in items(told, "processNote")}
    asked = {each.n: each for each in lines}
    places = {id(each): n for n, each in enumerate(items(told, "item"), 1)}
    return [
        Proposed(replace(line, ticked=ticked(each, times)), _why(each), notes.get(places[id(each)], ""))
        for each in second_look.denied(told) if (line := asked.get(whole(each, "itemSequence") or 0))
    ]  # fmt: skip


def _why(line: Json) -> str:
    codes = [text(coding, "code") for part in items(line, "adjudication") for review in items(part, "extension")
             for each in items(review, "extension") if each.get("url") == "reasonCode"
             for coding in items(item(each, "valueCodeableConcept"), "coding")]  # fmt: skip
    return next((WHYS[code] for code in codes if code in WHYS), "")


def _day(said: str, times: Times) -> str:
    day = read_day(said)
    return times.date(day) if day else ""


def _seen(found: Opened) -> str:
    """The versions that the form is shown with."""
    held = [found.claim, *filter(None, (found.newest, found.proposal, found.held))]
    return " ".join(f"{each['resourceType']}/{each['id']}:{text(item(each, 'meta'), 'versionId')}" for each in held)


def changed(verb: str, values: Mapping[str, str], stale: Overtaken, times: Times) -> Changed:
    """Who was first, when, and what they answered, beside what is on the page."""
    now = stale.now or {}
    who, when = changes.first(stale, times, spoken("agreements.somebody-over-api-or-by"), text(now, "created"))
    theirs = _answer(now) if now.get("resourceType") == "ClaimResponse" else spoken("decide.answered.other")
    mine = [DECISIONS[values[f"do-{n}"]] for n in values.get("lines", "").split() if values.get(f"do-{n}") in DECISIONS]
    return Changed(who, when, spoken("decide.unanswered"), theirs, ", ".join(mine))
