"""The line of what was measured over the band of its goal, as the numbers of an SVG; the same numbers stand in a table
beside it, for whoever sees no picture."""

from collections.abc import Sequence
from dataclasses import dataclass

from carecoord.actions.patients.plans import Measured
from carecoord.web.page.times import Times

WIDTH, HEIGHT = 240, 72
_EDGE = 6  # between the outermost values and the frame
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Trend:
    """`line`: the points of a polyline; `dots`: each as (x, y), the last one apart; `band`: (y, height) of the goal,
    `edges`: the heights of its bounds that lie in sight. `rows`: (day, value as it was told, value in the goal's unit,
    empty where that is the same) of every reading, the newest first."""

    line: str
    dots: Sequence[tuple[float, float]]
    last: tuple[float, float] | None
    band: tuple[float, float]
    edges: Sequence[float]
    rows: Sequence[tuple[str, str, str]]


def trend(measured: Measured, times: Times) -> Trend:
    """What is drawn of a target."""
    known = [(each.at.timestamp(), each.value) for each in measured.readings if each.value is not None]
    aim = measured.target
    values = [value for _, value in known] + [bound for bound in (aim.low, aim.high) if bound is not None]
    least, most = min(values), max(values)
    room = (most - least) or 1.0

    def height(value: float) -> float:
        return round(HEIGHT - _EDGE - (value - least) / room * (HEIGHT - 2 * _EDGE), 1)

    first, last = (known[0][0], known[-1][0]) if known else (0.0, 0.0)
    span = (last - first) or 1.0
    points = [(round(_EDGE + (at - first) / span * (WIDTH - 2 * _EDGE), 1), height(value)) for at, value in known]
    top = 0.0 if aim.high is None else height(aim.high)
    foot = float(HEIGHT) if aim.low is None else height(aim.low)
    return Trend(
        " ".join(f"{x},{y}" for x, y in points), points[:-1], points[-1] if points else None,
        (top, round(max(foot - top, 1.5), 1)), [height(each) for each in (aim.low, aim.high) if each is not None],
        list(_rows(measured, times)),
    )  # fmt: skip


def _rows(measured: Measured, times: Times) -> list[tuple[str, str, str]]:
    unit = measured.target.words
    rows = []
    for each in reversed(measured.readings):
        told = "" if each.value is None else f"{amount(each.value)} {unit}".strip()
        day = times.date(each.at.astimezone(times.zone).date())
        rows.append((day, each.said, "" if told == each.said else told or MINUS))
    return rows


def amount(value: float) -> str:
    """A number as people read it: at most two decimals, a true minus sign."""
    said = f"{abs(value):.2f}".rstrip("0").rstrip(".")
    return f"{MINUS}{said}" if value < 0 and said != "0" else said
