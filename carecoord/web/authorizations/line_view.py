"""The lines of a request in words: what is asked, what stands, the criteria of the rule; what a form begins with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from carecoord.actions.prior_auth.queue import Opened
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.desk import guides
from carecoord.domain.prior_auth.desk.guides import Guide
from carecoord.domain.prior_auth.units import amount
from carecoord.domain.resource.codes import PAS
from carecoord.domain.resource.elements import Json, codes, extension, item, items, text, whole, words
from carecoord.web.page.codes import coded
from carecoord.web.page.labels import Chip, chip
from carecoord.web.page.times import Times
from carecoord.web.prior_auth.rows import STATES
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

METS: Final[Mapping[str, str]] = Glossary({
    "yes": sentence("decide.met.yes"),
    "no": sentence("decide.met.no"),
    "unclear": sentence("decide.met.unclear"),
})  # fmt: skip


@dataclass(frozen=True)
class LineForm:
    """A line as it is asked for. asked: its units and days in words; stands: what was said of it so far; granted: what
    was authorized, in words; said: why, in the words of who decided; rule: the rule about it; criteria: of the rule;
    lacking: papers that the rule wants and that did not come; ticked: the criteria as the answer that holds keeps
    them, each with its mark and its time."""

    n: int
    service: str
    code: str
    asked: str
    stands: Chip | None
    granted: str
    said: str
    rule: str
    criteria: Sequence[str]
    lacking: Sequence[str]
    ticked: Sequence[tuple[str, str, str]]


def line_form(line: Json, found: Opened, times: Times) -> LineForm:
    """A line of the request."""
    code, n = item(line, "productOrService"), whole(line, "sequence") or 1
    guide = found.guides.get(n)
    own, added = _answer_to(n, found)
    return LineForm(
        n, words(code), in_codes(code, found), _extent(item(line, "quantity"), span(line, found), times),
        _stands(n, found), _granted(own, added, times), _said(own, found), guide.title if guide else "",
        guide.criteria if guide else (), _lacking(guide, found), ticked(own, times),
    )  # fmt: skip


def ticked(decided: Json, times: Times) -> list[tuple[str, str, str]]:
    """The criteria as the item of an answer keeps them, each with its mark and its time."""
    return [(tick.words, METS[tick.met], times.stored(at)) for tick, at in guides.ticks(decided)]


def outcome(n: int, found: Opened, answer: Json, times: Times) -> list[str]:
    """What an answer says of a line, part by part; of one that says nothing, that it is not decided."""
    told = replace(found, answers=[answer] if answer else [])
    stands = _stands(n, told)
    if stands is None:
        return [spoken("decide.conflict.open")]
    own, added = _answer_to(n, told)
    return [each for each in (stands.label, _granted(own, added, times), _said(own, told)) if each]


def _extent(quantity: Json, days: tuple[date | None, date | None], times: Times) -> str:
    counted = amount(quantity)
    when = " / ".join(times.date(day) for day in days if day)
    return ", ".join(filter(None, (say(counted.words()) if counted else "", when)))


def _answer_to(n: int, found: Opened) -> tuple[Json, Json]:
    """The item of the answer that holds about a line, and what was added in its place; empty where there is none."""
    newest = found.newest or {}
    own = next((each for each in items(newest, "item") if whole(each, "itemSequence") == n), {})
    added = next((each for each in items(newest, "addItem") if n in (each.get("itemSequence") or ())), {})
    return own, added


def _granted(own: Json, added: Json, times: Times) -> str:
    """What was authorized on a line, in words; empty where nothing was."""
    granted = added or own
    days = item(extension(granted, f"{PAS}/extension-itemPreAuthPeriod"), "valuePeriod")
    return _extent(item(granted, "quantity"), (read_day(text(days, "start")), read_day(text(days, "end"))), times)


def _said(own: Json, found: Opened) -> str:
    """What whoever decided wrote about a line."""
    numbers = own.get("noteNumber") or ()
    notes = (each for each in items(found.newest or {}, "processNote") if each.get("number") in numbers)
    return " ".join(text(each, "text") for each in notes)


def _lacking(guide: Guide | None, found: Opened) -> list[str]:
    """The papers that a rule wants and that did not come."""
    came = [codes(item(each, "type")) for each in found.told.documents]
    wanted = guide.papers if guide else ()
    return [words(each) for each in wanted if not any(codes(each) & have for have in came)]


def in_codes(concept: Json, found: Opened) -> str:
    """The codes of a concept, with what they mean."""
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


def span(line: Json, found: Opened) -> tuple[date | None, date | None]:
    """The days for which a line is asked: its own, else those of the order that was sent."""
    period = item(line, "servicedPeriod") or item(found.told.case.order, "occurrencePeriod")
    day = text(line, "servicedDate")
    first, last = (day, day) if day else (text(period, "start"), text(period, "end"))
    return read_day(first), read_day(last)


def read_day(said: str) -> date | None:
    """A date of a resource; None where it is none."""
    try:
        return date.fromisoformat(said[:10]) if said else None
    except ValueError:
        return None


def asked_for(found: Opened, times: Times) -> dict[str, str]:
    """What the fields begin with: what was asked for."""
    values: dict[str, str] = {}
    for line in items(found.claim, "item"):
        n, (first, last) = whole(line, "sequence"), span(line, found)
        counted = amount(item(line, "quantity"))
        values |= {
            f"units-{n}": counted.number(counted.count) if counted else "1",
            f"first-{n}": say(first) if first else "", f"last-{n}": say(last) if last else "",
        }  # fmt: skip
    return values
