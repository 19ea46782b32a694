"""What was made of the very same things is handed out again, and never what was made of others."""

from dataclasses import dataclass, field
from typing import Any

from carecoord.domain.resource.memory import Memory, interned, remembered


def test_a_function_is_asked_once_for_the_very_same_things_and_anew_for_others_that_look_like_them() -> None:
    asked: list[object] = []

    @remembered
    def named(resource: dict[str, str], others: tuple[dict[str, str], ...]) -> str:
        asked.append(resource)
        return resource["id"]

    one, other = {"id": "a"}, {"id": "a"}
    assert [named(one, (other,)), named(one, (other,))] == ["a", "a"]
    assert len(asked) == 1
    named(other, (other,))
    named(one, (one,))
    named(one, (other, other))
    assert len(asked) == 4


def test_arguments_named_in_another_order_are_never_taken_for_each_other() -> None:
    @remembered
    def pair(*, first: object, second: object) -> tuple[object, object]:
        return first, second

    a, b = object(), object()
    assert pair(first=a, second=b) == (a, b)
    assert pair(second=a, first=b) == (b, a)
    assert pair(second=b, first=a) == (a, b)


def test_what_is_kept_holds_on_to_what_it_was_made_of_so_that_no_address_means_something_else() -> None:
    memory: Memory[int] = Memory(most=10_000)
    for n in range(2_000):
        assert memory.answer(([n],), lambda n=n: n) == n  # a list that nobody else holds, at an address just left


def test_the_older_half_is_forgotten_and_what_is_asked_again_stays() -> None:
    memory: Memory[int] = Memory(most=2)
    things = [object() for _ in range(9)]
    made: list[int] = []

    def ask(n: int) -> int:
        return memory.answer((things[n],), lambda: made.append(n) or n)

    for n in range(1, 9):
        ask(0)
        ask(n)
    assert made == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    ask(1)
    assert made[-1] == 1


@dataclass(frozen=True)
class Pair:
    first: Any
    rest: tuple[Any, ...] = ()
    read: dict[str, str] = field(init=False, default_factory=dict, compare=False)


def test_a_value_made_of_the_very_same_parts_is_the_first_one_with_what_was_read_of_it() -> None:
    a, b = {"id": "a"}, {"id": "b"}
    one = interned(Pair(a, (b,)))
    one.read["said"] = "before"
    assert interned(Pair(a, (b,))) is one
    assert interned(Pair({"id": "a"}, (b,))).read == {}
