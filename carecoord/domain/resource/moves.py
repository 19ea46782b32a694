"""Tables of states: which verb leads from which state to which, who may, what must come with it, and with which
partners. Each governed thing has its own table in `states.py` of its room; what they share is here.

Clause: FHIR R4 task.html#statemachine ("implementations will vary": the table is ours, and the partners' differences
are a column of it)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, Literal, get_args

from carecoord.domain.resource.move_words import SIDES, STATES, VERBS
from carecoord.errors import Conflict, Forbidden, Issue, Unprocessable
from carecoord.words.sentence import Sentence, Value, sentence

Side = Literal["requester", "performer", "payer", "patient", "either", "other"]
Profile = Literal["base", "cow", "bser", "gravity", "360x"]
Need = Literal["reason", "output", "second-look"]

EVERYBODY: Final[frozenset[Profile]] = frozenset(get_args(Profile))
BOTH: Final[frozenset[Side]] = frozenset({"requester", "performer"})


@dataclass(frozen=True, slots=True)
class Move:
    """A verb from one state: the state that it leads `to`, the sides `who` may do it, what it `needs` beside it, and
    the `partners` with whom it is agreed."""

    to: str
    who: frozenset[Side]
    needs: tuple[Need, ...] = ()
    partners: frozenset[Profile] = EVERYBODY

    def open_to(self, side: Side) -> bool:
        """Whether a side may do it. `either`: who speaks for both, such as a service that keeps a whole record."""
        return side == "either" or side in self.who


Table = Mapping[tuple[str, str], Sequence[Move]]


def found(table: Table, state: str, verb: str, profile: Profile = "base") -> Move | None:
    """The move that a verb means in a state with a partner, whoever does it; None when there is none."""
    return next((move for move in table.get((state, verb), ()) if profile in move.partners), None)


def legal(table: Table, state: str, side: Side, profile: Profile = "base") -> tuple[str, ...]:
    """The verbs that a side has in a state, in the order of the table."""
    return tuple(
        verb
        for (start, verb), moves in table.items()
        if start == state and any(profile in move.partners and move.open_to(side) for move in moves)
    )


def advance(
    table: Table, state: str, verb: str, side: Side, profile: Profile = "base", where: str | None = None
) -> Move:
    """The move that a side makes from a state. where: the element that a refusal names.

    Raises Conflict (409) where the table has none, naming those that it has; Forbidden (403) where it is another
    side's.
    """
    move = found(table, state, verb, profile)
    if move is None:
        offered = _offered(table, state, side, profile)
        raise Conflict(sentence("move.none", state=_state(state), verb=VERBS.get(verb, verb), offered=offered), where)
    if not move.open_to(side):
        who = _any_of([SIDES[each] for each in sorted(move.who)])
        offered = _offered(table, state, side, profile)
        raise Forbidden(sentence("move.others", verb=VERBS.get(verb, verb), who=who, offered=offered), where)
    return move


def demand_whole(lacks: Sequence[str], where: str) -> None:
    """Raise Unprocessable (422) where the content lacks what a move needs, one issue for each sentence."""
    if lacks:
        raise Unprocessable(lacks[0], where, issues=[Issue("error", "business-rule", each, where) for each in lacks])


def between(table: Table, state: str, to: str, profile: Profile = "base") -> str:
    """The verb that leads from one state to another: with this partner, else with any, else the one that leads there
    from elsewhere (no legal move, but what was meant); empty when nothing ever leads there. What stays in a state does
    not lead to it: `keep` there would let everything in."""
    rows = ((start, verb, moves) for (start, verb), moves in table.items() if start != to)
    ways = [(start, verb, move) for start, verb, moves in rows for move in moves if move.to == to]
    ways.sort(key=lambda way: (way[0] != state, profile not in way[2].partners))
    return ways[0][1] if ways else ""


def _offered(table: Table, state: str, side: Side, profile: Profile) -> Sentence:
    verbs = [verb for verb in legal(table, state, side, profile) if verb != "keep"]  # a change that is none
    if not verbs:
        return sentence("move.end", state=_state(state))
    return sentence("move.legal", state=_state(state), verbs=tuple(VERBS.get(verb, verb) for verb in verbs))


def _state(state: str) -> Value:
    """A state's name; of one that no table knows its code as it was sent."""
    return STATES.get(state, state)


def _any_of(sides: Sequence[Value]) -> Value:
    return reduce(lambda first, last: sentence("move.or", first=first, last=last), sides or [sentence("move.nobody")])
