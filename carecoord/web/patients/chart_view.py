"""The chart of a patient in words: each entry with its source and day, those that differ marked; what a Consent or a
role keeps back, named."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from carecoord.actions.access.break_glass import Entry
from carecoord.actions.patients.page import PatientPage
from carecoord.actions.patients.reads import Listed
from carecoord.domain.ehrs.disputes import Disputed
from carecoord.domain.patients import chart
from carecoord.domain.resource.elements import Json, item, items, key, source, text, words
from carecoord.web.access import record_view
from carecoord.web.page.times import Times
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence, sentence

TITLES: Final[dict[str, Sentence]] = {  # block -> its title
    "problems": sentence("patient.chart.problems"),
    "medications": sentence("patient.chart.medications"),
    "allergies": sentence("patient.chart.allergies"),
    "family-history": sentence("patient.chart.family-history"),
    "results": sentence("patient.chart.results"),
    "documents": sentence("patient.chart.documents"),
}
_NONE: Final[dict[str, Sentence]] = {  # block -> what is said of none; none known is something else than nothing here
    "problems": sentence("patient.chart.no-problems"),
    "medications": sentence("patient.chart.no-medications"),
    "allergies": sentence("patient.chart.no-allergies"),
    "family-history": sentence("patient.chart.no-family-history"),
    "results": sentence("patient.chart.no-results"),
    "documents": sentence("patient.chart.no-documents"),
}
_AUTHORS: Final = ("recorder", "asserter", "requester", "informationSource")


@dataclass(frozen=True, slots=True)
class ChartLine:
    """An entry. `source`: where it comes from, and who said it; `differs`: why it is marked, empty where it is not;
    `href`: the record itself, or the file."""

    what: str
    details: str
    source: str
    day: str
    differs: str
    href: str


@dataclass(frozen=True, slots=True)
class Block:
    """`name` of the block; `note`: how many sources it has, or that there is more; `none`: said where nothing is."""

    name: str
    title: str
    note: str
    lines: Sequence[ChartLine]
    none: str
    kept: str


def blocks(page: PatientPage, times: Times, *, linked: bool) -> list[Block]:
    """Every block of the chart. linked: whether records may be opened from here."""
    return [_block(name, page.chart[name], page, times, linked) for name in TITLES]


def kept(page: PatientPage, name: str) -> str:
    """What is said where a Consent or the role keeps something of a block from the asker."""
    if name in page.closed:
        return say(sentence("patient.kept.role"))
    return say(sentence("patient.kept.consent")) if name in page.withheld else ""


def _block(name: str, found: Listed, page: PatientPage, times: Times, linked: bool) -> Block:
    differing, disputed = chart.differing(found.entries), _disputed(page.disputes)
    lines = [_line(each, differing, disputed, page.systems, times, linked) for each in found.entries]
    sources = {source(each) for each in found.entries}
    note = say(sentence("patient.chart.sources", n=len(sources))) if len(sources) > 1 else ""
    note = say(sentence("patient.chart.newest", n=len(lines))) if found.more else note
    withheld = kept(page, name)
    return Block(name, say(TITLES[name]), note, lines, "" if withheld else say(_NONE[name]), withheld)


def _disputed(disputes: Iterable[Disputed]) -> frozenset[str]:
    return frozenset(f"{each.type}/{each.id}" for each in disputes)


def _line(
    entry: Json, differing: frozenset[str], disputed: frozenset[str], systems: Mapping[str, str], times: Times,
    linked: bool,
) -> ChartLine:  # fmt: skip
    name = key(entry)
    told = record_view.line(Entry(entry), times)
    relation = words(item(entry, "relationship"))
    conditions = ", ".join(words(item(each, "code")) for each in items(entry, "condition"))
    what = ": ".join(part for part in (relation, conditions) if part) if relation else told.what
    details = ", ".join(part for part in (told.details, told.state) if part)
    differs = (
        say(sentence("patient.chart.disputed")) if name in disputed
        else say(sentence("patient.chart.differs")) if name in differing else ""
    )  # fmt: skip
    href = f"/documents/{entry['id']}/1" if name.startswith("DocumentReference/") else f"/record/{name}"
    return ChartLine(what, details, _source(entry, systems), told.at, differs, href if linked else "")


def _source(entry: Json, systems: Mapping[str, str]) -> str:
    """Where it comes from, and who said it where that is told."""
    base = source(entry)
    where = (systems.get(base) or base) if base else say(sentence("patient.source.here"))
    who = next((said for each in _AUTHORS if (said := text(item(entry, each), "display"))), "")
    who = who or next((text(each, "display") for each in items(entry, "performer")), "")
    return ", ".join(part for part in (where, who) if part)
