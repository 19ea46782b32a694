"""The papers of a referral on its panel: those that somebody waits for, and those that are there, each to be opened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from carecoord.actions.worklist.worklist import Panel, PayerPanel
from carecoord.domain.resource.elements import Json, item, items, key, text, words
from carecoord.fhir.instants import micros
from carecoord.web.page.labels import Chip
from carecoord.web.page.times import Times
from carecoord.words.catalogue import say, spoken


@dataclass(frozen=True)
class Paper:
    """`href`: where it can be read; empty for one that is only wanted."""

    label: str
    day: str
    state: Chip | None
    href: str = ""


def papers(panel: Panel, times: Times) -> list[Paper]:
    """Those that are wanted, then those that are there."""
    held = (each for document in panel.documents for each in _there(document, _state(document, panel), panel, times))
    return [*_wanted(panel, times), *held]


def payers_papers(panel: PayerPanel, times: Times) -> list[Paper]:
    """Those that the payer waits for, then those that were sent to it."""
    wanted, sent = (
        Chip(spoken("case.wanted-by-payer"), "amber", icon="circle-alert"),
        Chip(spoken("case.sent.2"), "quiet", icon="send"),
    )
    asks = [
        Paper(say(said), spoken("case.due.2", due=times.exact(micros(due))) if due else "", wanted)
        for said, due in panel.told.asks
    ]
    return [*asks, *(each for document in panel.told.documents for each in _there(document, sent, panel, times))]


def _wanted(panel: Panel, times: Times) -> Iterator[Paper]:
    for ask in panel.clearance.papers:
        if ask.state != "attached":
            by = spoken("case.payer") if ask.by == "payer" else spoken("case.clinic.2")
            state = spoken("case.in-chart-not-sent") if ask.ready else spoken("case.wanted-by", by=by)
            due = spoken("case.due.2", due=times.exact(micros(ask.due))) if ask.due else ""
            yield Paper(say(ask.words), due, Chip(state, "amber", icon="circle-alert"))


def _state(document: Json, panel: Panel) -> Chip | None:
    at = _when(text(document, "date"))
    if key(document) in panel.clearance.facts.papers.sent:
        return Chip(spoken("case.sent.2"), "quiet", icon="send")
    return Chip(spoken("case.new"), "green", icon="file-text") if at is not None and (panel.now - at).days < 3 else None


def _there(document: Json, state: Chip | None, panel: Panel | PayerPanel, times: Times) -> Iterator[Paper]:
    """A document, one line for each of its files."""
    at = _when(text(document, "date"))
    label = words(item(document, "type")) or text(document, "description") or spoken("case.document.3")
    files = [item(each, "attachment") for each in items(document, "content")] or [{}]
    for n, file in enumerate(files):
        title = text(file, "title")
        more = (
            f": {title}"
            if len(files) > 1 and title
            else spoken("case.file-of", n=n + 1, all=len(files))
            if len(files) > 1
            else ""
        )
        held = (file.get("data") or file.get("url")) and key(document) in panel.openable
        href = f"/documents/{text(document, 'id')}/{n + 1}" if held else ""
        yield Paper(label + more, times.day(micros(at)) if at else "", state, href)


def _when(said: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    return found if found.tzinfo else None
