"""How far the reading of one type has come: what carecoord stores in one transaction with the page it speaks of."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec

from fhir_adapters.dialects import Incremental


@dataclass(frozen=True)
class Cursor:
    """Instants are ISO 8601 in UTC, empty for none.

    round: how often reading this type was begun. since: everything that changed before it was taken. swept: when the
    last completed full sweep began. began: when the round under way began, empty when none is; then full: whether it is
    a full sweep, fallback: 0 for the recipe's searches, n for its nth fallback, search, patient, next: where to go on
    (next empty: after this patient, or at the beginning of this search), touched: when the last page was taken.
    """

    round: int = 0
    since: str = ""
    swept: str = ""
    began: str = ""
    touched: str = ""
    full: bool = False
    fallback: int = 0
    search: int = 0
    patient: str = ""
    next: str = ""

    def dumps(self) -> bytes:
        """For the store. The same cursor is always the same bytes."""
        return msgspec.json.encode(self)


def loads(state: bytes | None) -> Cursor:
    """What was stored; a fresh cursor when there is nothing, or nothing that can be read: then all is read again."""
    try:
        return msgspec.json.decode(state, type=Cursor) if state else Cursor()
    except msgspec.MsgspecError:
        return Cursor()


def begin(cursor: Cursor, windowed: bool, incremental: Incremental, now: datetime) -> Cursor:
    """The cursor to read with: the one of a round that was broken off lately, or that of a new round.

    A new round is a full sweep when there is no window to ask for, or the last sweep is too long ago: only a sweep
    notices deletions. A round broken off long ago is not continued, for pages shift in the meantime.
    """
    lately = timedelta(minutes=incremental.resume_minutes)
    if cursor.began and cursor.touched and now - instant(cursor.touched) <= lately:
        return cursor
    full = (
        not windowed
        or not cursor.since
        or not cursor.swept
        or now - instant(cursor.swept) >= timedelta(hours=incremental.sweep_hours)
    )
    return Cursor(round=cursor.round + 1, since=cursor.since, swept=cursor.swept, began=text(now), full=full)


def close(cursor: Cursor) -> Cursor:
    """The cursor when the round is through: the next window begins where this round began."""
    swept = cursor.began if cursor.full else cursor.swept
    return Cursor(round=cursor.round, since=cursor.began, swept=swept)


def taken(moved: Cursor, cursor: Cursor, now: datetime, date: datetime | None) -> Cursor:
    """`moved` once a page came to `cursor`. A round began by the EHR's clock or ours, whichever is the earlier."""
    began = min(cursor.began, text(date)) if date and not cursor.touched else cursor.began
    return replace(moved, began=began, touched=text(now))


def text(at: datetime) -> str:
    """An instant in whole seconds, as FHIR writes it; texts sort as the instants do."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(at: str) -> datetime:
    return datetime.fromisoformat(at)
