"""The papers of a referral on its panel: those that somebody waits for, and those that are there, each to be opened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from carecoord.actions.cases import Panel
from carecoord.domain.reading import Json, item, items, key, text, words
from carecoord.fhir.instants import micros
from carecoord.web.chips import Chip
from carecoord.web.clocks import Times


@dataclass(frozen=True)
class Paper:
    """`href`: where it can be read; empty for one that is only wanted."""

    label: str
    day: str
    state: Chip | None
    href: str = ""


def papers(panel: Panel, times: Times) -> list[Paper]:
    """Those that are wanted, then those that are there."""
    return [*_wanted(panel, times), *(each for document in panel.documents for each in _there(document, panel, times))]


def _wanted(panel: Panel, times: Times) -> Iterator[Paper]:
    for ask in panel.clearance.papers:
        if ask.state != "attached" and (panel.full or ask.by == "payer"):
            by = "the payer" if ask.by == "payer" else "the clinic"
            state = "In the chart, not sent" if ask.ready and panel.full else f"Wanted by {by}"
            due = f"due {times.exact(micros(ask.due))}" if ask.due else ""
            yield Paper(ask.words, due, Chip(state, "amber", icon="circle-alert"))


def _there(document: Json, panel: Panel, times: Times) -> Iterator[Paper]:
    """A document, one line for each of its files."""
    at = _when(text(document, "date"))
    sent = key(document) in panel.clearance.facts.papers.sent
    new = at is not None and (panel.now - at).days < 3
    state = Chip("Sent", "quiet", icon="send") if sent else Chip("New", "green", icon="file-text") if new else None
    label = words(item(document, "type")) or text(document, "description") or "Document"
    files = [item(each, "attachment") for each in items(document, "content")] or [{}]
    for n, file in enumerate(files):
        title = text(file, "title")
        more = f": {title}" if len(files) > 1 and title else f" ({n + 1} of {len(files)})" if len(files) > 1 else ""
        held = (file.get("data") or file.get("url")) and key(document) in panel.openable
        href = f"/documents/{text(document, 'id')}/{n + 1}" if held else ""
        yield Paper(label + more, times.day(micros(at)) if at else "", state, href)


def _when(said: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    return found if found.tzinfo else None
