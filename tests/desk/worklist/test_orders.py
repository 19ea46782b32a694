"""The first of a list in an order, cut from sets of rows: what sorting all of them gives, however many are alike."""

from random import Random
from time import process_time

import numpy as np
import pytest
from pyroaring import BitMap

from carecoord.store.worklist.bitmaps import columns
from carecoord.store.worklist.bitmaps.columns import NULL, Order

KEYS = (0, 0, 0, 5, 5, 7, NULL)


@pytest.mark.parametrize("seed", range(150))
def test_the_first_rows_after_a_cursor_are_those_of_the_sorted_list(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(columns, "_FEW", 4)  # rows that would be put in order as they are
    chance = Random(seed)
    base, later = chance.randrange(1, 200), chance.randrange(30)
    numbers = chance.sample(range(1000), base + later)
    rids = np.array([*sorted(numbers[:base]), *numbers[base:]])
    order = Order(np.array([chance.choice((*KEYS, chance.randrange(20))) for _ in range(base)], np.int64))
    order.grow(base + later)
    for slot in range(base, base + later):
        order.put(slot, chance.choice(KEYS), is_new=True)
    for _ in range(chance.randrange(20)):
        order.put(chance.randrange(base + later), chance.choice(KEYS), is_new=False)
    rows = BitMap(chance.sample(range(base + later), chance.randrange(base + later + 1)))
    down, size = chance.random() < 0.5, chance.randrange(1, 12)
    past = chance.choice((None, (chance.choice((*KEYS, 4)), chance.randrange(1000))))
    listed = sorted(((int(order.keys[slot]), int(rids[slot])) for slot in rows), reverse=down)
    after = [each for each in listed if past is None or (each < past if down else each > past)]
    assert order.first(rows, rids, size, down, past) == [rid for _, rid in after[:size]]


@pytest.mark.parametrize("past", [None, (0, 300_000)])
@pytest.mark.parametrize("down", [False, True])
def test_of_half_a_million_alike_the_first_fifty_are_found_without_looking_at_the_others(
    down: bool, past: tuple[int, int] | None
) -> None:
    keys = np.zeros(500_000, np.int64)
    keys[::20] = 9
    order, rids = Order(keys), np.arange(500_000)
    rows = BitMap(range(500_000)) - BitMap(range(0, 500_000, 20))
    began = process_time()
    for _ in range(20):
        found = order.first(rows, rids, 51, down, past)
    assert (process_time() - began) / 20 < 0.005  # 0.2 ms; by looking at each it would be 25 ms
    assert found[0] == {(False, False): 1, (False, True): 300_001, (True, False): 499_999, (True, True): 299_999}[
        down, past is not None
    ]
