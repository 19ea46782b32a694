"""Callers beside what a test does: each goes on in a thread of its own until the test is done with them."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def at_work(turns: Sequence[Callable[[int], None]]) -> Iterator[None]:
    """Inside, each of these is called again and again, with 0, 1, 2 and so on. Raises afterwards what one raised."""
    stop = threading.Event()

    def go_on(turn: Callable[[int], None]) -> None:
        for n in itertools.count():
            if stop.is_set():
                return
            turn(n)

    with ThreadPoolExecutor(len(turns)) as pool:
        callers = [pool.submit(go_on, turn) for turn in turns]
        try:
            yield
        finally:
            stop.set()
        for each in callers:
            each.result(90)
