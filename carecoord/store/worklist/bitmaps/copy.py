"""The case rows of a database in memory, as far as lists, counts and orders need them: slots, columns, words. Rows that
time has changed are there as it was foreseen, until they are written.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from pyroaring import BitMap
from sqlalchemy import Connection, bindparam, select

from carecoord.store.database import driver
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.bulk import runs
from carecoord.store.database.tables import case
from carecoord.store.worklist.bitmaps import ahead
from carecoord.store.worklist.bitmaps.ahead import Ahead
from carecoord.store.worklist.bitmaps.arms import PAYERS
from carecoord.store.worklist.bitmaps.columns import NULL, Coded, Facet, Numbers, Order, Words, set_of, slots_of
from carecoord.store.worklist.query import FACETS
from carecoord.store.worklist.rows import spelt
from carecoord.store.worklist.tabs import DueBounds, tabs
from carecoord.store.worklist.walks import In, Word

_TABS: Final = [test for tests in tabs(DueBounds(0, 0, 0, 0)).values() for test in tests if isinstance(test, In)]
_SIDES: Final = {"placer", "performer", "payer_key", "payer_open", "payer_moves"}
FACET_COLUMNS: Final = tuple(sorted({*FACETS.values(), *PAYERS.values(), *(test.column for test in _TABS), *_SIDES}))
NUMBER_COLUMNS: Final = ("sort_due", "payer_sort", "appointment_at", "wakes_at", "changes_at")
WORD_COLUMNS: Final = ("patient_sort", "specialty_sort")
_COLUMNS: Final = ("rid", *FACET_COLUMNS, *NUMBER_COLUMNS, *WORD_COLUMNS)
_RUN: Final = 10_000
_FORESEEN: Final = 500  # of them, of which what was foreseen is read at once
_picked = tuple(case.c[name] for name in _COLUMNS)
_next = select(*_picked).where(case.c.rid > bindparam("after")).order_by(case.c.rid).limit(_RUN)
_some = select(*_picked, case.c.searched, case.c.payer_searched).where(OneOf(case.c.rid, "rids"))
_WORN: Final = 20_000
Respelt = tuple[bool, bool, str, int]  # whether it is gained, and the word as Ahead has it
Alike = dict[Any, Any]  # of what is equal the one that is kept
_WORDS: Final = 64  # beginnings of words whose rows are kept, once they have been asked for
_AT_ONCE: Final = 2_000  # rows that may be turned while somebody waits
_PLACES: Final = {name: n for n, name in enumerate((*_COLUMNS, "searched", "payer_searched"))}


class Copy:
    """Each row has a slot; those that come later get slots behind the others. Not to be used by two threads at once."""

    def __init__(
        self, numbers: Mapping[str, Numbers], coded: Mapping[str, Coded], alike: Alike | None = None
    ) -> None:  # fmt: skip
        self.rids = self._base = numbers["rid"]
        self.rows = BitMap(range(len(self.rids)))
        self.facets = {name: Facet(coded[name]) for name in FACET_COLUMNS}
        self.words = {name: Words(coded[name].numbers) for name in WORD_COLUMNS}
        self.orders = {name: Order(numbers[name]) for name in NUMBER_COLUMNS}
        for name, words in self.words.items():
            places = np.fromiter(map(words.number, coded[name].numbers), np.int64, len(coded[name].numbers))
            self.orders[name] = Order(places[coded[name].codes()])
        self.changes = 0  # rows read anew since it was made
        self.turned = BitMap()  # the rows that are here as it was foreseen
        self.turned_at = 0  # the last instant at which one of them became so; before it they were others
        self._untold = BitMap()  # rows whose time has come and of which nothing was foreseen
        self._respelt: dict[str, dict[Respelt, BitMap]] = {}  # two first letters -> words of turned rows, and which
        self._words_of: dict[int, tuple[Respelt, ...]] = {}  # the same by turned row
        self._alike: Alike = {} if alike is None else alike
        self._later: dict[int, int] = {}  # rid -> slot, of rows that came since, also of those that have gone again
        self._found: OrderedDict[Word, BitMap] = OrderedDict()

    def is_worn(self) -> bool:
        """Whether so much was changed since it was made that its parts are of very different sizes."""
        return self.changes > len(self._base) // 2 + _WORN

    def has(self, column: str) -> bool:
        """Whether rows can be told apart by this column."""
        return column in self.facets or column in self.orders

    def slots(self, rids: Numbers) -> BitMap:
        """The rows of these numbers, as far as there are such."""
        if not len(rids):
            return BitMap()
        at: Numbers = np.searchsorted(self._base, rids).astype(np.uint32)
        here = np.append(self._base, -1)[at] == rids
        found = set_of(at[here])
        if self._later:
            found |= BitMap(self._later[rid] for rid in rids[~here].tolist() if rid in self._later)
        return found & self.rows

    def found(self, word: Word) -> BitMap | None:
        """The rows that have the word, where they are known."""
        if word in self._found:
            self._found.move_to_end(word)
        return self._found.get(word)

    def find(self, word: Word, rows: BitMap) -> None:
        """Know from now on which rows have the word."""
        self._found[word] = rows
        if len(self._found) > _WORDS:
            self._found.popitem(last=False)

    def turn(self, conn: Connection, now: int) -> bool:
        """Let the rows whose time (microseconds) has come be what was foreseen of them. Returns whether they are: so
        many that somebody would wait are not. The transaction is the one in whose state this is."""
        late = self._late(now) - self.turned - self._untold
        if len(late) > _AT_ONCE and ahead.count(conn, now) > len(self.turned) + _AT_ONCE:
            return False
        if late:
            found = ahead.of(conn, self.rids[slots_of(late)].tolist(), now)
            for row in driver.every(conn, _some, {"rids": listed(list(found))}) if found else ():
                one = found[row[0]]
                self._put(_turned(row, one))
                self.mark(self._slot(row[0])[0], _otherwise(one, self._alike), row[_PLACES["changes_at"]])
            self._untold |= late - self.turned
        return True

    def _late(self, now: int) -> BitMap:
        """The rows whose time has come by what is here of them."""
        return self.orders["changes_at"].before(now + 1) & self.rows

    def mark(self, slot: int, words: tuple[Respelt, ...], at: int) -> None:
        """Remember that a row is here as it was foreseen from an instant on, and by which words it is found so."""
        self.turned.add(slot)
        self.turned_at = max(self.turned_at, at)
        if words:
            self._words_of[slot] = words
        for word in words:
            self._respelt.setdefault(word[2][:2], {}).setdefault(word, BitMap()).add(slot)

    def respelt(self, word: Word, rows: BitMap) -> BitMap:
        """The rows that have the word, of those that have it by what is stored."""
        near = (words for first, words in self._respelt.items() if first.startswith(word.start[:2]))
        for (gained, whole, each, shared), turned in (pair for words in near for pair in words.items()):
            if whole == word.whole and each.startswith(word.start) and len(word.start) > shared:
                rows = rows | turned if gained else rows - turned
        return rows

    def reread(self, conn: Connection, rids: Sequence[int]) -> None:
        """Have these rows as the transaction sees them. Raises Exhausted; then it is of no more use."""
        self.changes += len(rids)
        gone = set(rids)
        for start in range(0, len(rids), _RUN):
            for row in driver.every(conn, _some, {"rids": listed(rids[start : start + _RUN])}):
                gone.discard(row[0])
                self._put(row)
        for rid in gone:
            self._remove(rid)

    def _put(self, row: tuple[Any, ...]) -> None:
        told = dict(zip(_COLUMNS, row, strict=False))
        slot, is_new = self._slot(told["rid"])
        self._unturn(slot)
        for name, facet in self.facets.items():
            facet.put(slot, told[name], is_new)
        for name in NUMBER_COLUMNS:
            self.orders[name].put(slot, NULL if told[name] is None else told[name], is_new)
        for name in WORD_COLUMNS:
            self.orders[name].put(slot, self.words[name].number(told[name]), is_new)
        if self._found:
            has = spelt(*row[-2:])
            for word, rows in self._found.items():
                if any(map(word.is_met_by, has)):
                    rows.add(slot)
                else:
                    rows.discard(slot)

    def _slot(self, rid: int) -> tuple[int, bool]:
        """The slot of a row, and whether nothing stands there."""
        at = int(np.searchsorted(self._base, rid))
        slot = at if at < len(self._base) and self._base[at] == rid else self._later.get(rid)
        if slot is None:
            slot = len(self._base) + len(self._later)
            self._later[rid] = slot
            if slot >= len(self.rids):
                self._grow(slot + 256 + slot // 16)
            self.rids[slot] = rid
        is_new = slot not in self.rows
        self.rows.add(slot)
        return slot, is_new

    def _columns(self) -> Iterator[Facet | Order]:
        yield from self.facets.values()
        yield from self.orders.values()

    def _grow(self, size: int) -> None:
        more: Numbers = np.zeros(size, np.int64)
        more[: len(self.rids)] = self.rids
        self.rids = more
        for column in self._columns():
            column.grow(size)

    def _unturn(self, slot: int) -> None:
        self._untold.discard(slot)
        self.turned.discard(slot)
        for word in self._words_of.pop(slot, ()):
            words = self._respelt[word[2][:2]]
            words[word].discard(slot)
            if not words[word]:
                del words[word]

    def _remove(self, rid: int) -> None:
        for slot in self.slots(np.array([rid], np.int64)):
            self._unturn(slot)
            self.rows.discard(slot)
            for column in self._columns():
                column.remove(slot)
            for rows in self._found.values():
                rows.discard(slot)


def read(conn: Connection, now: int) -> Copy:
    """A copy of what the transaction sees, as it is at an instant (microseconds), now or soon."""
    numbers: dict[str, list[Numbers]] = {name: [] for name in ("rid", *NUMBER_COLUMNS)}
    coded = {name: Coded() for name in (*FACET_COLUMNS, *WORD_COLUMNS)}
    turned: list[tuple[int, tuple[Respelt, ...], int]] = []  # slot, its words, since when
    alike: Alike = {}
    first = 0
    for run in _runs(conn):
        for n, one in _due(conn, run, now):
            turned.append((first + n, _otherwise(one, alike), run[n][_PLACES["changes_at"]]))
            run[n] = _turned(run[n], one)
        first += len(run)
        for name, values in zip(_COLUMNS, zip(*run, strict=True), strict=True):
            if name in coded:
                coded[name].read(values)
            else:
                told = [NULL if value is None else value for value in values] if None in values else values
                numbers[name].append(np.array(told, np.int64))
    none: Numbers = np.zeros(0, np.int64)
    copy = Copy({name: np.concatenate([none, *runs]) for name, runs in numbers.items()}, coded, alike)
    for each in turned:
        copy.mark(*each)
    return copy


def _due(conn: Connection, run: Sequence[tuple[Any, ...]], now: int) -> Iterator[tuple[int, Ahead]]:
    """What was foreseen of the rows of a run whose time has come, each with its place in it. Few at a time: what will
    be of a row is told in far more words than the row has here."""
    place = _PLACES["changes_at"]
    late = {row[0]: n for n, row in enumerate(run) if row[place] is not None and row[place] <= now}
    for rids in runs(list(late), _FORESEEN):
        found = ahead.between(conn, rids[0] - 1, rids[-1], now)
        yield from ((late[rid], one) for rid, one in found.items() if rid in late)


def _otherwise(one: Ahead, alike: Alike) -> tuple[Respelt, ...]:
    """The words by which a row is found otherwise. At a midnight very many rows are by the same: each word and each
    list of words is kept once."""
    said = ((gained, *word) for gained, several in ((False, one.lost), (True, one.gained)) for word in several)
    words = tuple([alike.setdefault(word, word) for word in said])
    kept: tuple[Respelt, ...] = alike.setdefault(words, words)
    return kept


def _turned(row: tuple[Any, ...], one: Ahead) -> tuple[Any, ...]:
    """A row of this copy as it was foreseen."""
    told = list(row)
    for name, value in one.columns.items():
        if (place := _PLACES.get(name, len(told))) < len(told):
            told[place] = value
    return tuple(told)


def _runs(conn: Connection) -> Iterator[list[tuple[Any, ...]]]:
    after = -1
    while run := driver.every(conn, _next, {"after": after}):
        yield run
        after = run[-1][0]
