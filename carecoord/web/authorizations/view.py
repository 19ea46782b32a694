"""The payer's queue and one of its requests, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from carecoord.actions.acts.act import Overtaken
from carecoord.actions.prior_auth.queue import Opened, Queue
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.desk import second_look
from carecoord.domain.prior_auth.desk.answers import REASONS
from carecoord.domain.prior_auth.units import amount
from carecoord.domain.resource.elements import Json, item, items, text, whole, words
from carecoord.fhir.instants import micros
from carecoord.web.acts.forms import Changed, State
from carecoord.web.authorizations.queue_view import STATES, QueueRow, queue
from carecoord.web.page.codes import coded
from carecoord.web.page.labels import Chip, chip
from carecoord.web.page.times import Times
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

DECISIONS: Final[Mapping[str, str]] = Glossary({
    "approve": sentence("decide.do.approve"),
    "modify": sentence("decide.do.modify"),
    "ask": sentence("decide.do.ask"),
    "deny": sentence("decide.do.deny"),
})  # fmt: skip
WHYS: Final[Mapping[str, str]] = Glossary(REASONS)


@dataclass(frozen=True)
class LineForm:
    """A line as it is asked for. asked: its units and days in words; stands: what was said of it so far."""

    n: int
    service: str
    code: str
    asked: str
    stands: Chip | None


@dataclass(frozen=True)
class Page:
    """One request. provider: who is to do it. proposed: the lines that a colleague proposes to deny, as (service,
    reason, words); by: who proposes it; own: whether that is the reader."""

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
    proposed: Sequence[tuple[str, str, str]]
    by: str
    own: bool
    state: State
    seen: str


def page(found: Opened, state: State | None, by: tuple[str, str], subject: str, times: Times) -> Page:
    """The page of one request. by: (account, name) of who proposed its denial."""
    held = {found.row.root: found.on_it} if found.on_it else {}
    (head,) = queue(Queue(found.now, [found.row], {}, held, {found.row.claim: found.steps}, None), times)
    lines = [_line(each, found, times) for each in items(found.claim, "item")]
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
        _provider(found), _proposed(found), by[1],
        bool(by[0]) and by[0] == subject, state or State("decide", _asked_for(found, times)), _seen(found),
    )  # fmt: skip


def _provider(found: Opened) -> str:
    """Who is to do it: whom the request or the answer names, else the clinic of the order that was sent."""
    named = (text(each, "display") for each in items(found.told.case.order, "performer"))
    return found.row.provider or next(filter(None, named), "")


def _line(line: Json, found: Opened, times: Times) -> LineForm:
    code = item(line, "productOrService")
    quantity, span = item(line, "quantity"), _span(line, found)
    counted = amount(quantity)
    how_much = say(counted.words()) if counted else ""
    when = " / ".join(times.date(day) for day in span if day)
    n = whole(line, "sequence") or 1
    return LineForm(n, words(code), _coded(code, found), ", ".join(filter(None, (how_much, when))), _stands(n, found))


def _coded(concept: Json, found: Opened) -> str:
    said = [coded(text(each, "system"), text(each, "code"), found.meanings, words(concept))
            for each in items(concept, "coding")]  # fmt: skip
    return ", ".join(filter(None, said))


def _stands(n: int, found: Opened) -> Chip | None:
    """What was said of a line already."""
    if found.newest is None:
        return None
    said = [each for each in items(found.newest, "item") if whole(each, "itemSequence") == n]
    states = lifecycle.states({**found.newest, "item": said, "addItem": []}) if said else set[str]()
    state = next(iter(states), "")
    return chip(STATES, state) if state in STATES else None


def _span(line: Json, found: Opened) -> tuple[date | None, date | None]:
    """The days for which a line is asked: its own, else those of the order that was sent."""
    period = item(line, "servicedPeriod") or item(found.told.case.order, "occurrencePeriod")
    day = text(line, "servicedDate")
    first, last = (day, day) if day else (text(period, "start"), text(period, "end"))
    return _read(first), _read(last)


def _read(said: str) -> date | None:
    try:
        return date.fromisoformat(said[:10]) if said else None
    except ValueError:
        return None


def _asked_for(found: Opened, times: Times) -> dict[str, str]:
    """What the fields begin with: what was asked for."""
    values: dict[str, str] = {}
    for line in items(found.claim, "item"):
        n, (first, last) = whole(line, "sequence"), _span(line, found)
        counted = amount(item(line, "quantity"))
        values |= {
            f"units-{n}": counted.number(counted.count) if counted else "1",
            f"first-{n}": first.isoformat() if first else "", f"last-{n}": last.isoformat() if last else "",
        }  # fmt: skip
    return values


def _diagnoses(found: Opened) -> list[str]:
    named = [item(each, "diagnosisCodeableConcept") for each in items(found.claim, "diagnosis")]
    named = [*named, *items(found.told.case.order, "reasonCode")]
    said = (" ".join(filter(None, (words(each), _coded(each, found)))) for each in named)
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


def _proposed(found: Opened) -> list[tuple[str, str, str]]:
    if found.proposal is None:
        return []
    told = second_look.answer(found.proposal)
    notes = {whole(each, "number"): text(each, "text") for each in items(told, "processNote")}
    names = {whole(each, "sequence"): words(item(each, "productOrService")) for each in items(found.claim, "item")}
    places = {id(each): n for n, each in enumerate(items(told, "item"), 1)}
    return [
        (names.get(whole(each, "itemSequence"), ""), _why(each), notes.get(places[id(each)], ""))
        for each in second_look.denied(told)
    ]


def _why(line: Json) -> str:
    codes = [text(coding, "code") for part in items(line, "adjudication") for review in items(part, "extension")
             for each in items(review, "extension") if each.get("url") == "reasonCode"
             for coding in items(item(each, "valueCodeableConcept"), "coding")]  # fmt: skip
    return next((WHYS[code] for code in codes if code in WHYS), "")


def _day(said: str, times: Times) -> str:
    day = _read(said)
    return times.date(day) if day else ""


def _seen(found: Opened) -> str:
    """The versions that the form is shown with."""
    held = [found.claim, *([found.newest] if found.newest else []), *([found.proposal] if found.proposal else [])]
    return " ".join(f"{each['resourceType']}/{each['id']}:{text(item(each, 'meta'), 'versionId')}" for each in held)


def changed(verb: str, values: Mapping[str, str], stale: Overtaken, times: Times) -> Changed:
    """Who was first, when, and what they answered, beside what is on the page."""
    now = stale.now or {}
    who = stale.act.name if stale.act else spoken("agreements.somebody-over-api-or-by")
    when = f"{stale.act.at.astimezone(times.zone):%H:%M}" if stale.act else times.stored(text(now, "created"))
    theirs = _answer(now) if now.get("resourceType") == "ClaimResponse" else spoken("decide.answered.other")
    mine = [DECISIONS[values[f"do-{n}"]] for n in values.get("lines", "").split() if values.get(f"do-{n}") in DECISIONS]
    return Changed(who, when, spoken("decide.unanswered"), theirs, ", ".join(mine))
