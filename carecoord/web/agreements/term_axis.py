"""The terms of agreements drawn on an axis of days: in the register on one that all lines share, on an agreement's page
on its own. What is drawn is said in words beside it: no colour or length alone tells anything."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from carecoord.actions.agreements.dossier import Dossier
from carecoord.domain.agreements.versions import AWAITED, IN_FORCE
from carecoord.store.agreements.register import NO_END, NO_START
from carecoord.web.page.times import Times
from carecoord.words.catalogue import spoken

Kind = Literal["past", "force", "notice", "next"]
YEARS: Final = 4  # of the register's axis: the one before, this one, two to come
_LEAST: Final = 30  # days of an axis
_BESIDE: Final = 365  # days that an agreement without an end is drawn beyond today


@dataclass(frozen=True)
class Bar:
    """A part of a term: which days of the axis it takes, from its first. kind: over, in force, after the day of notice,
    or not sure yet: a renewal, a draft."""

    start: int
    days: int
    kind: Kind


@dataclass(frozen=True)
class Axis:
    """An axis of days. `today`: which of its days today is; `years`: (where it begins, the year)."""

    days: int
    today: int
    years: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Life:
    """The life of an agreement: its axis and bars, the first and the last day of it in words."""

    axis: Axis
    bars: Sequence[Bar]
    first: str
    last: str


def shared(today: date) -> Axis:
    """The axis of the register on a day."""
    return _axis(date(today.year - 1, 1, 1), date(today.year - 1 + YEARS, 1, 1), today)


def of_row(row: Any, today: date) -> list[Bar]:
    """What is drawn of a line of the register on the shared axis."""
    first = date(today.year - 1, 1, 1).toordinal()
    over = min(row.ends, NO_END)
    sure = min(over, row.term_ends)
    starts = max(row.starts, NO_START)
    kind: Kind = "past" if row.stage == "ended" else "next" if row.stage == "awaited" else "force"
    notice = row.notice_by + 1 if row.stage == "current" and row.notice_by < sure else sure
    parts: list[tuple[int, int, Kind]] = [(starts, min(notice, sure), kind), (notice, sure, "notice")]
    if row.stage == "current" and sure < over:
        parts.append((sure, over, "next"))
    days = shared(today).days
    return [bar for start, end, kind in parts if (bar := _bar(start - first, end - first, kind, days))]


def life(found: Dossier, times: Times) -> Life | None:
    """The life of an agreement, version by version; None where no day of it is known."""
    day, end = found.day, found.line.end
    runs = [(version, version.run) for version, _ in found.versions if version.status in {*IN_FORCE, *AWAITED}]
    starts = [run.start for _, run in runs if run.start]
    if not starts:
        return None
    ends = [each for _, run in runs for each in (run.end, run.start) if each]
    last = max([*ends, *([] if end else [date.fromordinal(day.toordinal() + _BESIDE)])], default=day)
    first = min(starts)
    axis = _axis(first, max(last, date.fromordinal(first.toordinal() + _LEAST)), day)
    bars = [bar for part in _parts(found, axis.days, first) if (bar := part)]
    shown = times.date(date.fromordinal(end.toordinal() - 1)) if end else spoken("agreements.no-last-day")
    return Life(axis, bars, times.date(first), shown)


def _parts(found: Dossier, days: int, first: date) -> Iterator[Bar | None]:
    """Each version until the next one that was signed begins; what runs is parted at today's term and notice."""
    line, zero = found.line, first.toordinal()
    signed = [each for each, _ in found.versions if each.status in IN_FORCE]
    for n, version in enumerate(signed):
        start = (version.run.start or first).toordinal() - zero
        later = signed[n + 1].run.start if n + 1 < len(signed) else None
        end = min((each.toordinal() - zero for each in (later, version.run.end) if each), default=days)
        if version.key != line.contract or line.stage != "current":
            yield _bar(start, end, "past" if end <= found.day.toordinal() - zero else "next", days)
            continue
        sure = min(end, line.term_end.toordinal() - zero) if line.term_end else end
        notice = line.notice_by.toordinal() + 1 - zero if line.notice_by else sure
        yield _bar(start, min(notice, sure), "force", days)
        yield _bar(min(notice, sure), sure, "notice", days)
        yield _bar(sure, end, "next", days)
    for version, _ in found.versions:
        if version.status in AWAITED and version.run.start:
            over = version.run.end.toordinal() - zero if version.run.end else days
            yield _bar(version.run.start.toordinal() - zero, over, "next", days)


def _bar(start: int, end: int, kind: Kind, days: int) -> Bar | None:
    """A part as far as it lies on an axis of so many days."""
    begin, over = max(0, start), min(days, end)
    return Bar(begin, over - begin, kind) if over > begin else None


def _axis(first: date, over: date, today: date) -> Axis:
    zero, days = first.toordinal(), (over - first).days
    years = [(max(0, date(year, 1, 1).toordinal() - zero), year) for year in range(first.year, over.year + 1)]
    inside = [(at, year) for at, year in years if at < days]
    return Axis(days, min(max(0, today.toordinal() - zero), days), inside)
