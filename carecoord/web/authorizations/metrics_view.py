"""A payer's metrics in words: the table of its figures, the requests behind one, and the same as lines of files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from urllib.parse import urlencode

from carecoord.actions.prior_auth.metrics.board import Asked, Board, Part, Request
from carecoord.domain.prior_auth.metrics.fields import FIELDS, FieldName, Figure
from carecoord.domain.prior_auth.metrics.names import FIELD_NAMES, UNITS
from carecoord.web.page.times import Times
from carecoord.web.prior_auth.rows import STATES
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import Sentence, sentence

PATH: Final = "/decisions/metrics"
SPEEDS: Final[Mapping[str, str]] = Glossary({
    "standard": sentence("metrics.speed.standard"),
    "expedited": sentence("metrics.speed.expedited"),
})  # fmt: skip
DECIDERS: Final[Mapping[str, str]] = Glossary({
    "rule": sentence("metrics.by.rule"),
    "human": sentence("metrics.by.human"),
})  # fmt: skip
EXTENDERS: Final[Mapping[str, str]] = Glossary({
    "payer": sentence("metrics.extended.payer"),
    "patient": sentence("metrics.extended.patient"),
})  # fmt: skip
FIGURE_COLUMNS: Final[Sequence[Sentence]] = (
    sentence("metrics.column.number"), sentence("metrics.column.figure"), sentence("metrics.column.value"),
    sentence("metrics.column.unit"), sentence("metrics.column.numerator"), sentence("metrics.column.denominator"),
    sentence("metrics.column.how"),
)  # fmt: skip
REQUEST_COLUMNS: Final[Sequence[Sentence]] = (
    sentence("metrics.column.number-of"), sentence("metrics.column.member"), sentence("metrics.plan"),
    sentence("metrics.column.service"), sentence("metrics.column.provider"), sentence("metrics.column.speed"),
    sentence("metrics.column.received"), sentence("metrics.column.due"), sentence("metrics.column.decided"),
    sentence("metrics.column.took"), sentence("metrics.column.outcome"), sentence("metrics.column.by"),
    sentence("metrics.column.extended"), sentence("metrics.column.appeal"),
)  # fmt: skip
_DAY: Final = 86_400_000_000  # microseconds


@dataclass(frozen=True)
class FigureRow:
    """One figure. value: with its unit, empty where nothing was counted, or it is not told. hits, of: addresses of the
    requests behind it, empty where there are none."""

    name: FieldName
    number: int
    label: str
    how: str
    value: str
    counted: str
    few: bool
    hits: str
    of: str


@dataclass(frozen=True)
class RequestRow:
    """One request behind a figure. took: from receipt to the first decision."""

    id: str
    cells: Sequence[str]
    late: bool


def address(asked: Asked, **more: str) -> str:
    """What asks for these days and this plan, as a query string with its mark."""
    said = {"from": asked.first.isoformat(), "to": asked.last.isoformat(), "plan": asked.plan, **more}
    return "?" + urlencode({name: value for name, value in said.items() if value})


def figure_rows(figures: Mapping[FieldName, Figure], asked: Asked | None) -> list[FigureRow]:
    """The rows of the table. asked: for whom the requests behind them are; None: for nobody."""
    return [_row(name, each, asked) for name, each in figures.items()]


def _row(name: FieldName, figure: Figure, asked: Asked | None) -> FigureRow:
    field, (label, how) = FIELDS[name], FIELD_NAMES[name]
    apart = field.kind == "share"
    counted = sentence("metrics.hits-of", hits=figure.hits, n=figure.n) if apart else sentence("metrics.of-n",
                                                                                              n=figure.n)  # fmt: skip
    return FigureRow(
        name, field.number, say(label), say(how), value(name, figure), "" if figure.few else say(counted), figure.few,
        f"{PATH}{address(asked, show=name)}#behind" if asked and apart and figure.hits else "",
        f"{PATH}{address(asked, show=name, part='of')}#behind" if asked and figure.n else "",
    )  # fmt: skip


def value(name: FieldName, figure: Figure) -> str:
    """The value of a figure with its unit."""
    if figure.value is None:
        return ""
    unit = FIELDS[name].unit
    return str(figure.value) if unit == "requests" else f"{figure.value} {say(UNITS[unit])}"


def links(found: Board) -> list[tuple[int, str, str]]:
    """The two fields that are addresses: (number, what it is of, the address, empty where there is none)."""
    items = found.items if found.items.startswith("https://") else ""
    return [(1, spoken("metrics.link.data"), found.public), (2, spoken("metrics.link.items"), items)]


def figure_lines(found: Board) -> Iterator[list[str]]:
    """The fields as lines of a file."""
    for number, label, href in links(found):
        yield [str(number), label, href, "", "", "", ""]
    for name, each in found.figures.items():
        field, (title, how) = FIELDS[name], FIELD_NAMES[name]
        told = "" if each.value is None else str(each.value)
        yield [str(field.number), say(title), told, say(UNITS[field.unit]), str(each.hits), str(each.n), say(how)]


def request_rows(found: Sequence[Request], times: Times) -> list[RequestRow]:
    """The requests behind a figure."""
    return [RequestRow(each.root.partition("/")[2], cells(each, times), _is_late(each)) for each in found]


def cells(one: Request, times: Times) -> list[str]:
    """A request, by REQUEST_COLUMNS."""
    speed = "expedited" if one.expedited else "standard"
    service = " ".join(filter(None, (one.service, one.code)))
    return [
        one.number, one.member_id, one.plan, service, one.provider, SPEEDS[speed], times.exact(one.received),
        times.exact(one.due) if one.due else "", times.exact(one.decided) if one.decided else "", _took(one),
        _state(one.outcome) or spoken("metrics.missed.still"), DECIDERS.get(one.by, ""),
        EXTENDERS.get(one.extended, ""), _state(one.appeal),
    ]  # fmt: skip


def _is_late(one: Request) -> bool:
    return one.due is not None and (one.decided is None or one.decided > one.due)


def _took(one: Request) -> str:
    if one.decided is None:
        return ""
    length = Decimal(one.decided - one.received) / (_DAY // 24 if one.expedited else _DAY)
    return f"{length.quantize(Decimal('0.01'))} {say(UNITS['hours' if one.expedited else 'days'])}"


def _state(said: str) -> str:
    return str(STATES[said].label) if said in STATES else ""


def title(name: FieldName, part: Part) -> str:
    """What stands over the requests behind a figure."""
    label = say(FIELD_NAMES[name][0])
    return spoken("metrics.behind.of", name=label) if part == "of" else spoken("metrics.behind", name=label)
