"""The measures as their page shows them: tiles with a small drawing, a table of the same numbers, and what is inside
one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from carecoord.actions.measures.board import SPANS, Board, Measured
from carecoord.actions.measures.drill import Drill
from carecoord.domain.measures.definitions import FACETS, SPLITS, STAGES, Name
from carecoord.domain.measures.figures import Figure
from carecoord.domain.measures.names import FACETS as FACET_NAMES
from carecoord.domain.measures.names import MEASURES, STEPS, UNITS
from carecoord.store.measures.observations import Case
from carecoord.web.measures.address import Address, worklist
from carecoord.web.page import labels
from carecoord.web.page.labels import chip
from carecoord.web.page.times import place
from carecoord.words.reader import reads
from carecoord.words.sentence import Sentence, Value, sentence, spoken, words

SPLIT_NAMES: Mapping[str, Sentence] = {
    "payer": sentence("measures.by-payer"), "coordinator": sentence("measures.by-person"),
}  # fmt: skip
WIDE, HIGH, EDGE = 200, 40, 4  # of the drawing, in its own units


@dataclass(frozen=True)
class Drawing:
    """Lines through the months that have a figure (points of an SVG polyline), where the goal is, the last point."""

    lines: Sequence[str]
    goal: int | None
    x: int
    y: int | None


@dataclass(frozen=True)
class Tile:
    """`value`: empty where few were counted. `good`: whether it reaches its goal; None where that can not be said."""

    name: Name
    href: str
    here: bool
    label: Sentence
    value: str
    unit: Value
    of: Sentence
    few: bool
    goal: Value
    good: bool | None
    how: Sentence
    excluded: Sentence
    version: int
    months: Sequence[tuple[str, str]]
    spoken: Sentence
    drawing: Drawing


@dataclass(frozen=True)
class Choice:
    label: str
    href: str
    on: bool


@dataclass(frozen=True)
class Facet:
    label: Sentence
    said: str
    choices: Sequence[Choice]
    off: str


@dataclass(frozen=True)
class Bar:
    """A line of the inside: a name, its figure in words, how long its bar is (of 100), whether it reaches the goal."""

    label: Value
    said: str
    length: int
    good: bool | None


@dataclass(frozen=True)
class Inside:
    tile: Tile
    version: Sentence
    referrals: int
    open: str
    hits: str
    where: Sequence[Bar]
    specialties: Sequence[Bar]
    split: Sequence[Bar]
    split_by: Sentence | None
    reasons: Sequence[Bar]
    steps: Sequence[Bar]
    longest: Sequence[tuple[Case, str]]
    diaries: bool


@dataclass(frozen=True)
class Page:
    tiles: Sequence[Tile]
    rows: Sequence[Tile]
    spans: Sequence[tuple[Sentence, str, bool]]
    facets: Sequence[Facet]
    days: Sentence
    counted: Sentence
    reach: Sentence
    inside: Inside | None


def page(board: Board, drill: Drill | None, address: Address, zone: ZoneInfo) -> Page:
    """Everything that the page needs."""
    rows = [_tile(each, address) for each in board.measures.values()]
    tiles = [tile for tile in rows if board.measures[tile.name].definition.tile]
    judged = [tile.good for tile in tiles if tile.good is not None]
    counted = board.counted
    return Page(
        tiles, rows,
        [(sentence("measures.span", n=span), address.of(span).href(), span == address.span) for span in SPANS],
        [_facet(facet, board.choices[facet], address) for facet in FACETS],
        sentence("measures.days", first=board.asked.first, last=board.asked.last),
        sentence("measures.counted", at=counted.astimezone(zone)) if counted else sentence("measures.never"),
        sentence("measures.reach", n=sum(judged), all=len(judged)),
        _inside(board, drill, rows, zone) if drill else None,
    )  # fmt: skip


def _tile(one: Measured, address: Address) -> Tile:
    what, here = one.definition, one.figure
    label, how, excluded = MEASURES[what.name]
    months = [(month_of(first), _shown(figure)) for first, figure in one.months]
    said = tuple(sentence("measures.month-figure", month=month, value=value) for month, value in months if value)
    goal: Value = ""
    if what.goal is not None:
        told = f"{what.goal}"
        goal = sentence("measures.law", goal=told) if what.law else sentence("measures.goal", goal=told)
    return Tile(
        what.name, address.show(what.name).href() + "#inside", address.shown == what.name, label,
        _shown(here), UNITS[what.unit] if here.value is not None else "", of(one), here.value is None and here.n > 0,
        goal, here.reaches(what), how, excluded, what.version, months,
        sentence("measures.chart", name=label, figures=said or sentence("measures.none")),
        _drawing([figure.value for _, figure in one.months], what.goal),
    )  # fmt: skip


def of(one: Measured) -> Sentence:
    """What a figure is of, in words."""
    if one.definition.kind == "share":
        return sentence("measures.share", hits=one.figure.hits, n=one.figure.n)
    return sentence("measures.number", n=one.figure.n)


def month_of(first: date) -> str:
    """A month, as a column is headed."""
    return f"{words(reads())[f'month.{first.month}']} {first.year}"


def _shown(figure: Figure) -> str:
    return "" if figure.value is None else f"{figure.value}"


def _drawing(values: Sequence[Decimal | None], goal: Decimal | None) -> Drawing:
    known = [float(each) for each in (*values, goal) if each is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    height = (high - low) or 1.0

    def y(value: Decimal) -> int:
        return round(EDGE + (HIGH - 2 * EDGE) * (high - float(value)) / height)

    step = (WIDE - 2 * EDGE) / max(1, len(values) - 1)
    points = [(round(EDGE + n * step), None if value is None else y(value)) for n, value in enumerate(values)]
    last = points[-1]
    return Drawing(list(_lines(points)), None if goal is None else y(goal), last[0], last[1])


def _lines(points: Sequence[tuple[int, int | None]]) -> Iterator[str]:
    """What is unknown between two months is not drawn."""
    run: list[str] = []
    for x, y in (*points, (0, None)):
        if y is not None:
            run.append(f"{x},{y}")
        elif run:
            yield " ".join(run)
            run = []


def _facet(name: str, choices: Sequence[tuple[str, str]], address: Address) -> Facet:
    chosen = address.chosen(name)
    known = dict(choices) | {value: dict(choices).get(value, value) for value in chosen}
    said = {value: chip(labels.PRIORITY, label).label if name == "urgency" else label for value, label in known.items()}
    offered = [Choice(label, address.toggle(name, value).show(None).href(), value in chosen)
               for value, label in said.items()]  # fmt: skip
    return Facet(
        FACET_NAMES[name], " / ".join(said[value] for value in chosen), offered, address.without(name).href()
    )


def _inside(board: Board, drill: Drill, rows: Sequence[Tile], zone: ZoneInfo) -> Inside:
    what, asked = drill.definition, board.asked
    tile = next(each for each in rows if each.name == what.name)
    stages = [board.measures[name] for name in STAGES] if what.name == "referral-to-visit" else []
    most = max((each.figure.value or Decimal(0) for each in stages), default=Decimal(0))
    where = [Bar(MEASURES[each.definition.name][0], f"{_shown(each.figure) or '-'} {spoken('measures.unit.days')}",
                 _percent(each.figure.value, most), None) for each in stages]  # fmt: skip
    reasons = max((n for _, n in drill.reasons), default=0)
    return Inside(
        tile, sentence("measures.version", n=what.version, zone=place(zone)), drill.referrals,
        worklist(what.name, asked), worklist(what.name, asked, hits=True) if what.kind == "share" else "",
        where, list(_bars(drill, drill.specialties)),
        list(_bars(drill, _labelled(board, drill))), SPLIT_NAMES[SPLITS[what.name]] if drill.split else None,
        [Bar(reason or sentence("measures.no-reason"), str(n), 100 * n // reasons, None)
         for reason, n in drill.reasons],
        [Bar(STEPS[step], each.said, each.length, each.good) for step, each in
         zip((name for name, _ in drill.steps), _bars(drill, drill.steps), strict=True)],
        [(case, f"{Decimal(minutes) / 1440:.1f}") for case, minutes in drill.longest], what.diaries,
    )  # fmt: skip


def _labelled(board: Board, drill: Drill) -> Iterator[tuple[Value, Figure]]:
    """The payers or persons by what they are called; nobody's are nobody's."""
    called = dict(board.choices[SPLITS[drill.definition.name]]) if drill.split else {}
    for value, each in drill.split:
        yield called.get(value, value) or sentence("measures.nobody"), each


def _bars(drill: Drill, lines: Iterable[tuple[Value, Figure]]) -> Iterator[Bar]:
    what, lines = drill.definition, list(lines)
    most = Decimal(100) if what.kind == "share" else max((each.value or Decimal(0) for _, each in lines), default=None)
    for name, each in lines:
        said = f"{_shown(each)} · {each.n}" if each.value is not None else str(each.n)
        yield Bar(name, said, _percent(each.value, most or Decimal(0)), each.reaches(what))


def _percent(value: Decimal | None, most: Decimal) -> int:
    return int(100 * value / most) if value is not None and most else 0
