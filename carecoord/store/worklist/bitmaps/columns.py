"""The columns of the worklist in memory, each by the numbers (slots) of its rows: as sets of rows by value, and as
numbers in their order. pyroaring's sets are intersected and counted a thousand times as fast as rows are looked at."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
from pyroaring import BitMap

Numbers: TypeAlias = Any  # an array of numpy, whose own types take longer to check than all of ours
NULL: Final = 2**63 - 1  # in an order stands for nothing there: behind everything
_BUCKETS: Final = 512  # parts in which the rows of an order are kept
_FEW: Final = 4096  # rows that are put in order as they are, without going from part to part
_GAP: Final = 2**32  # between two words when their order is made


class Exhausted(Exception):
    """Between two words there is no number left."""


def slots_of(rows: BitMap) -> Numbers:
    """The rows of a set, ascending."""
    return np.frombuffer(rows.to_array(), dtype=np.uint32)


def set_of(slots: Numbers) -> BitMap:
    """The set of these rows."""
    return BitMap(array("I", slots.astype(np.uint32).tobytes()))


class Coded:
    """Values that are being read: each that is met gets a number, and of the rows only that is kept."""

    __slots__ = ("_runs", "numbers")

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self._runs = [np.zeros(0, np.uint32)]

    def read(self, values: Sequence[Any]) -> None:
        """The values of the next rows."""
        known = self.numbers
        codes = (known.setdefault(value, len(known)) for value in values)
        self._runs.append(np.fromiter(codes, np.uint32, len(values)))

    def codes(self) -> Numbers:
        """For each row the number of its value."""
        return np.concatenate(self._runs)


class Facet:
    """A column that is asked for by value."""

    __slots__ = ("_codes", "_numbers", "_rows")

    def __init__(self, coded: "Coded") -> None:
        codes = coded.codes()
        order = np.argsort(codes, kind="stable").astype(np.uint32)
        ends = np.searchsorted(codes[order], np.arange(len(coded.numbers) + 1))
        self._numbers = coded.numbers
        self._rows = [set_of(order[start:end]) for start, end in pairwise(ends)]
        self._codes = codes.astype(np.uint16) if len(self._numbers) < 2**15 else codes

    def rows(self, value: Any) -> BitMap:
        """The rows that have the value. Not to be changed by who asks."""
        number = self._numbers.get(value)
        return BitMap() if number is None else self._rows[number]

    def grow(self, size: int) -> None:
        """Have place for that many rows."""
        self._codes = _grown(self._codes, size)

    def put(self, slot: int, value: Any, is_new: bool) -> None:
        """Let a row have a value, in the place of the one before."""
        number = self._numbers.setdefault(value, len(self._numbers))
        if number == len(self._rows):
            self._rows.append(BitMap())
            if number == np.iinfo(self._codes.dtype).max:
                self._codes = self._codes.astype(np.uint32)
        if not is_new:
            self._rows[self._codes[slot]].discard(slot)
        self._rows[number].add(slot)
        self._codes[slot] = number

    def remove(self, slot: int) -> None:
        """Let a row go."""
        self._rows[self._codes[slot]].discard(slot)


class Order:
    """A column of whole numbers that lists are ordered and cut by. Its rows lie in parts, from the least to the
    greatest, so that the first of a list, or all before a bound, are found by a few of them. The rows that it is made
    of have their slots in the order of their numbers (rid); those that come later need not."""

    __slots__ = ("_below", "_edges", "_ordered", "_parts", "keys")

    def __init__(self, keys: Numbers) -> None:
        self.keys = keys
        self._ordered = len(keys)  # the slots from here on are in no order
        self._edges = _edges(keys)
        part = np.searchsorted(self._edges, keys, side="right")
        order = np.argsort(part, kind="stable").astype(np.uint32)
        ends = np.searchsorted(part[order], np.arange(len(self._edges) + 2))
        self._parts = [set_of(order[start:end]) for start, end in pairwise(ends)]
        self._below: dict[int, BitMap] = {}  # part -> all rows of the parts before it

    def grow(self, size: int) -> None:
        """Have place for that many rows."""
        self.keys = _grown(self.keys, size)

    def put(self, slot: int, key: int, is_new: bool) -> None:
        """Let a row have a number, in the place of the one before."""
        if not is_new:
            if self.keys[slot] == key:
                return
            self.remove(slot)
        part = self._part(key)
        self._parts[part].add(slot)
        for end, rows in self._below.items():
            if part < end:
                rows.add(slot)
        self.keys[slot] = key

    def remove(self, slot: int) -> None:
        """Let a row go."""
        part = self._part(int(self.keys[slot]))
        self._parts[part].discard(slot)
        for end, rows in self._below.items():
            if part < end:
                rows.discard(slot)

    def before(self, bound: int) -> BitMap:
        """The rows whose number is less."""
        part = self._part(bound)
        if part not in self._below:
            if len(self._below) > _BUCKETS:
                self._below.clear()
            self._below[part] = BitMap.union(*self._parts[:part]) if part else BitMap()
        within = slots_of(self._parts[part])
        return self._below[part] | set_of(within[self.keys[within] < bound])

    def first(
        self, rows: BitMap, rids: Numbers, size: int, down: bool, past: tuple[int, int] | None
    ) -> list[int]:  # fmt: skip
        """The numbers (rid) of the first `size` of these rows by (number, rid), after `past` where it is given; down:
        from the greatest to the least."""
        found: list[Numbers] = []
        wanted = size
        for part in self._runs(rows, rids, wanted=size, down=down, past=past):
            slots = slots_of(part)
            keys, named = self.keys[slots], rids[slots]
            if past is not None:
                key, rid = past
                far = (keys < key) | ((keys == key) & (named < rid)) if down else (
                    (keys > key) | ((keys == key) & (named > rid)))  # fmt: skip
                keys, named = keys[far], named[far]
            sign = -1 if down else 1
            chosen = _least(sign * keys, sign * named, wanted)
            found.append(named[chosen])
            wanted -= len(chosen)
            if wanted <= 0:
                break
        return [int(rid) for run in found for rid in run]

    def _runs(
        self, rows: BitMap, rids: Numbers, *, wanted: int, down: bool, past: tuple[int, int] | None
    ) -> Iterable[BitMap]:  # fmt: skip
        """The rows in runs that follow one another; of a run that is too long, those that may be among the wanted."""
        if len(rows) <= _FEW:
            return [rows]
        last = len(self._parts) - 1
        here = (last if down else 0) if past is None else self._part(past[0])
        parts = range(here, -1, -1) if down else range(here, last + 1)
        runs = ((part, run) for part in parts if (run := rows & self._parts[part]))
        return (self._near(part, run, rids, wanted, down=down, past=past) for part, run in runs)

    def _near(
        self, part: int, run: BitMap, rids: Numbers, wanted: int, *, down: bool, past: tuple[int, int] | None
    ) -> BitMap:  # fmt: skip
        """The rows of a part that may be among the first `wanted`. Where all have one key, their slots tell which."""
        if len(run) <= _FEW or not self._is_level(part):
            return run
        low, high = 0, self._ordered
        if past is not None and past[0] == self.keys[run[0]]:
            at = int(np.searchsorted(rids[:high], past[1], side="left" if down else "right"))
            low, high = (0, at) if down else (at, high)
        start, end = (run.rank(bound - 1) if bound else 0 for bound in (low, high))
        near = run[max(start, end - wanted) : end] if down else run[start : min(end, start + wanted)]
        later = run.rank(self._ordered - 1) if self._ordered else 0
        return near | run[later:]

    def _is_level(self, part: int) -> bool:
        """Whether all rows of a part have one key."""
        if not 0 < part < len(self._parts):
            return False
        low = int(self._edges[part - 1])
        return low == NULL or (part < len(self._edges) and int(self._edges[part]) == low + 1)

    def _part(self, key: int) -> int:
        return int(np.searchsorted(self._edges, key, side="right"))


class Words:
    """Words in their order, each with a number that keeps it: what an order of words is made of."""

    __slots__ = ("_numbers", "_words")

    def __init__(self, words: Iterable[str]) -> None:
        self._words = sorted(set(words))
        self._numbers = array("q", range(0, len(self._words) * _GAP, _GAP))

    def number(self, word: str) -> int:
        """The number of a word, which may be new. Raises Exhausted."""
        at = bisect_left(self._words, word)
        if at < len(self._words) and self._words[at] == word:
            return self._numbers[at]
        low = self._numbers[at - 1] if at else -2 * _GAP + (self._numbers[0] if self._numbers else 0)
        high = self._numbers[at] if at < len(self._numbers) else low + 2 * _GAP
        if high - low < 2:
            raise Exhausted
        self._words.insert(at, word)
        self._numbers.insert(at, (low + high) // 2)
        return self._numbers[at]

    def place(self, word: str, rid: int) -> tuple[int, int]:
        """Where a row of this word and number would stand, also where no row has the word."""
        at = bisect_left(self._words, word)
        if at < len(self._words) and self._words[at] == word:
            return self._numbers[at], rid
        return (self._numbers[at - 1], NULL) if at else (-NULL, 0)


def _edges(keys: Numbers) -> Numbers:
    """Where the parts begin: as many rows in each as may be, and a number that very many have in a part of its own."""
    if not len(keys):
        return np.zeros(0, np.int64)
    shares = np.sort(keys)[np.linspace(0, len(keys) - 1, min(_BUCKETS, len(keys)), dtype=np.int64)]
    edges, times = np.unique(shares, return_counts=True)
    crowded = edges[(times > 1) & (edges < NULL)]
    return np.unique(np.concatenate([edges, crowded + 1]))


def _least(keys: Numbers, rids: Numbers, size: int) -> Numbers:
    """Which stand first by (key, rid), in order, at most `size`."""
    chosen = np.arange(len(keys))
    if len(keys) > size:
        last = np.partition(keys, size - 1)[size - 1]
        nearer, level = np.flatnonzero(keys < last), np.flatnonzero(keys == last)
        room = size - len(nearer)
        if len(level) > room:
            level = level[np.argpartition(rids[level], room - 1)[:room]]
        chosen = np.concatenate([nearer, level])
    return chosen[np.lexsort((rids[chosen], keys[chosen]))]


def _grown(values: Numbers, size: int) -> Numbers:
    more = np.zeros(size, values.dtype)
    more[: len(values)] = values
    return more
