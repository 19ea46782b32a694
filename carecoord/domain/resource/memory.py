"""What was made of the very same things before. Every write judges a patient's cases anew, and nearly all that they are
judged by is what it was: most of the answer is the same object again.

The same are the very same objects: addresses are compared and no contents, which costs next to nothing and is never
wrong while nobody changes what has been handed out (resources as they were decoded, frozen values). What is kept holds
on to what it was made of, so that no address comes to mean something else."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import cache, wraps
from typing import Any, Final, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
Address = tuple[int | str | tuple[int, ...], ...]
MOST: Final = 256  # answers of a kind, and as many again of those before them: some megabytes for each hundred cases


def address(parts: tuple[Any, ...]) -> Address:
    """Where these things are; of a tuple, where its members are."""
    return tuple([tuple(map(id, part)) if part.__class__ is tuple else id(part) for part in parts])


class Memory(Generic[T]):
    """Answers by the things they were made of; the older half goes when there are too many. For any number of threads:
    at worst two make the same answer."""

    __slots__ = ("_most", "_old", "_young")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._young: dict[Address, tuple[tuple[Any, ...], T]] = {}
        self._old: dict[Address, tuple[tuple[Any, ...], T]] = {}

    def answer(self, parts: tuple[Any, ...], make: Callable[[], T], names: Iterable[str] = ()) -> T:
        """What was made of these, or is made of them now. names: of the last of them, where they have any."""
        where = (*address(parts), *names)
        found = self._young.get(where)
        if found is None:
            found = self._old.get(where) or (parts, make())
            if len(self._young) >= self._most:
                self._old, self._young = self._young, {}
            self._young[where] = found
        return found[1]


def remembered(function: Callable[P, T]) -> Callable[P, T]:
    """A pure function that is asked once for the very same arguments."""
    memory: Memory[T] = Memory()

    @wraps(function)
    def asked(*given: P.args, **named: P.kwargs) -> T:
        return memory.answer((*given, *named.values()), lambda: function(*given, **named), named)

    return asked


def interned(made: T) -> T:
    """The first value of this dataclass that was made of the very same parts: what was read of that one is known."""
    kind: Any = made.__class__
    memory, names = _values(kind)
    found: T = memory.answer(tuple([getattr(made, name) for name in names]), lambda: made)
    return found


@cache
def _values(kind: type[Any]) -> tuple[Memory[Any], tuple[str, ...]]:
    return Memory(), tuple(each.name for each in fields(kind) if each.init)
