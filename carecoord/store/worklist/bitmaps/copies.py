"""The copy of a database's case rows that a process keeps, one for all its threads; brought to the state of whoever
asks by what was changed. While it is made, where an old transaction can not be followed back, and on a machine for
which numpy and pyroaring can not be had, there is none: lists are walked then."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy import Connection, Engine, func, select

from carecoord.fhir.instants import micros
from carecoord.store.database.engine import only_reads, reading
from carecoord.store.database.tables import case
from carecoord.store.worklist.bitmaps import ahead, changes
from carecoord.store.worklist.bitmaps.changes import State

if TYPE_CHECKING:
    from carecoord.store.worklist.bitmaps.copy import Copy
    from carecoord.store.worklist.bitmaps.lists import Lists

_SMALL: Final = 5000  # rows of which a copy is made while somebody waits
_LOOK: Final = 5.0  # seconds between looks at what was changed while nobody asks
_RECENT: Final = 5000  # changes that can be followed back
_CROWD: Final = 300  # rows that are others at one instant, for which the next copy is made ahead
_AHEAD: Final = 60_000_000  # microseconds before that instant in which it is made …
_EACH: Final = 100  # … and for each row
_CAN: Final = all(find_spec(name) for name in ("numpy", "pyroaring"))
_log = structlog.get_logger()
_size = select(func.count()).select_from(select(case.c.rid).limit(_SMALL + 1).subquery())


@dataclass
class _Kept:
    """A copy and the state that it is in. recent: the rows (rid) of each change that it was last brought over;
    forgotten: the greatest change that can not be followed back any more."""

    copy: "Copy | None" = None
    state: State | None = None
    recent: dict[int, list[int]] = field(default_factory=dict)
    forgotten: int = 0

    def take(self, copy: "Copy", state: State) -> None:
        """Have this copy from now on."""
        self.copy, self.state, self.recent, self.forgotten = copy, state, {}, state.end - 1

    def bring(self, conn: Connection, now: State) -> bool:
        """Bring the copy to the state that the transaction sees; returns whether it is in that."""
        from carecoord.store.worklist.bitmaps.columns import Exhausted

        if self.copy is None or self.state is None or now == self.state:
            return self.copy is not None
        if now.end <= self.forgotten or any(
            change <= self.forgotten and change not in self.state.under_way for change in now.under_way
        ):
            return False
        more = changes.between(conn, self.state, now)
        undone = [change for change in self.recent if not now.sees(change)]
        copy, self.copy = self.copy, None  # of no use to anybody if what follows fails
        if more is None:
            return False
        back = [rid for change in undone for rid in self.recent.pop(change)]
        try:
            copy.reread(conn, sorted({*back, *(rid for _, rid in more)}))
        except Exhausted:
            return False
        self.copy, self.state = copy, now
        for change, rid in more:
            self.recent.setdefault(change, []).append(rid)
        while len(self.recent) > _RECENT:
            first = next(iter(self.recent))
            del self.recent[first]
            self.forgotten = max(self.forgotten, first)
        return True

    def turn(self, conn: Connection, at: int) -> bool:
        """Let the rows of the copy, which is in the state that the transaction sees, be what time has made of them at
        an instant (microseconds). Returns whether they are: for an instant that is past they may be too far already."""
        from carecoord.store.worklist.bitmaps.columns import Exhausted

        copy, self.copy = self.copy, None
        try:
            is_turned = copy is not None and copy.turned_at <= at and copy.turn(conn, at)
        except Exhausted:
            return False
        self.copy = copy
        return is_turned


@dataclass
class _Held:
    """What a process keeps of a database. now: the copy that is asked; soon: one that is made ahead for an instant
    (`strikes`) at which very many rows are others, and is asked from then on; past: the one that it took the place of,
    until `follow` lets it go: with its thousands of sets that takes as long as a page."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    now: _Kept = field(default_factory=_Kept)
    soon: _Kept = field(default_factory=_Kept)
    past: _Kept | None = None
    strikes: int = 0
    is_made: bool = False  # another thread makes a new one

    @property
    def copy(self) -> "Copy | None":
        """The copy that is asked."""
        return self.now.copy

    def strike(self, at: int) -> None:
        """Ask the copy that was made ahead, once its time has come."""
        if self.soon.copy is not None and self.strikes <= at:
            self.now, self.soon, self.past = self.soon, _Kept(), self.now


_copies: "WeakKeyDictionary[Engine, _Held]" = WeakKeyDictionary()
_lock = threading.Lock()


class Bitmaps:
    """One transaction's use of the copy, at an instant (microseconds). The transaction only reads: what it sees was
    committed."""

    def __init__(self, conn: Connection, at: int) -> None:
        self._conn, self._at = conn, at
        self._state: State | None = None

    @contextmanager
    def lists(self) -> "Iterator[Lists | None]":
        """The lists as the transaction sees them; None where there is no copy. Nobody else has it meanwhile."""
        if not (_CAN and only_reads(self._conn)):
            yield None
            return
        from carecoord.store.worklist.bitmaps.lists import Lists

        held = _held(self._conn.engine)
        self._state = self._state or changes.state(self._conn)
        with held.lock:
            held.strike(self._at)
            if held.copy is None:
                self._make(held, self._state)
            there = held.now.bring(self._conn, self._state)
            turned = there and held.now.turn(self._conn, self._at)
            if held.copy is not None and (held.copy.is_worn() or (there and not turned and self._is_ahead(held))):
                _begin(self._conn.engine, held, self._at)
            yield Lists(held.copy, self._conn) if turned and held.copy is not None else None

    def _is_ahead(self, held: _Held) -> bool:
        """Whether the asker is later than the copy, of which too many rows are others by now."""
        return held.copy is not None and held.copy.turned_at <= self._at

    def _make(self, held: _Held, state: State) -> None:
        if (self._conn.scalar(_size) or 0) <= _SMALL:
            held.now.take(_read(self._conn, self._at), state)
        else:
            _begin(self._conn.engine, held, self._at)


def keep(engine: Engine, clock: Callable[[], datetime], stop: threading.Event) -> None:
    """Until `stop` is set, have the copy follow what is written by whatever process, also while nobody asks: made where
    there are many cases, brought along a few changes at a time, made anew after more than can be followed, and made
    ahead of a midnight. The first who asks then waits for little. Does nothing where there can be none; lists are
    walked then."""
    while _CAN and not stop.is_set():
        try:
            follow(engine, micros(clock()))
        except Exception as e:  # it is looked for again; until then lists are walked
            _log.warning("case_rows_not_followed", error=type(e).__name__)
        stop.wait(_LOOK)


def follow(engine: Engine, at: int) -> None:
    """Bring the copy to what there is at this instant (microseconds); where there is none and there are many cases,
    begin to make it beside. So too one for an instant soon at which very many rows are others."""
    held = _held(engine)
    held.past = None
    with reading(engine) as conn:
        if held.copy is not None:
            state = changes.state(conn)
            with held.lock:
                held.strike(at)
                brought = held.now.bring(conn, state) and held.now.turn(conn, at)
                held.soon.bring(conn, state)
            if brought:
                _look_ahead(conn, held, at)
                return
        many = (conn.scalar(_size) or 0) > _SMALL
    if many:
        _begin(engine, held, at)


def _look_ahead(conn: Connection, held: _Held, at: int) -> None:
    """Have the next copy made where it will be wanted soon."""
    size = len(held.copy.rows) if held.copy else 0
    strikes = ahead.crowd(conn, at, at + _AHEAD + size * _EACH, _CROWD) if held.soon.copy is None else None
    if strikes is not None:
        _begin(conn.engine, held, strikes, soon=True)


def _held(engine: Engine) -> _Held:
    with _lock:
        return _copies.setdefault(engine, _Held())


def _begin(engine: Engine, held: _Held, at: int, *, soon: bool = False) -> None:
    """Have a copy made beside what goes on, as the rows are at this instant."""
    if not held.is_made:
        held.is_made = True
        threading.Thread(target=_made, args=(engine, held, at, soon), name="case-rows", daemon=True).start()


def _made(engine: Engine, held: _Held, at: int, soon: bool) -> None:
    try:
        with reading(engine) as conn:
            state = changes.state(conn)
            copy = _read(conn, at)
        with held.lock:
            if soon:
                held.strikes = at
            (held.soon if soon else held.now).take(copy, state)
    except Exception as e:  # whoever asks next begins anew; until then lists are walked
        _log.error("case_rows_not_copied", error=type(e).__name__)
    finally:
        held.is_made = False


def _read(conn: Connection, at: int) -> "Copy":
    """A copy of what the transaction sees. Imported here, for numpy takes longer to load than most commands to run."""
    from carecoord.store.worklist.bitmaps.copy import read

    return read(conn, at)
