"""Where somebody sits: the ids under which a case can be theirs, for whom they stand in, their teams, the sides on
which they see cases."""

from dataclasses import dataclass

from carecoord.actions.access.turn import Turn
from carecoord.actions.acts import work
from carecoord.actions.inbox import absences
from carecoord.domain.access import roles
from carecoord.domain.inbox.duties import Duty, Why, duties
from carecoord.domain.inbox.kinds import KINDS, Kind, Tab, kind, performers_kind, signs
from carecoord.store.inbox.waits import Wait, Watch
from carecoord.store.worklist.tabs import of_kinds
from carecoord.store.worklist.walks import Test

_EVERY = frozenset(KINDS)


@dataclass(frozen=True)
class Owner:
    """By whose having a case it waits for somebody, and why. `id`: as a row names it, None for nobody. `name`: of whom
    one stands in for; `kinds`: which kinds of what waits."""

    id: str | None
    why: Why
    name: str = ""
    kinds: frozenset[Kind] = _EVERY


@dataclass(frozen=True)
class Seat:
    """`sides`: (column of `case_row`, value) of all that they see; `owners`: the nearest first."""

    sides: tuple[tuple[str, str], ...]
    owners: tuple[Owner, ...]

    def named(self) -> list[str]:
        """The ids under which they are named in a note, and those that they stand in for."""
        return [each.id for each in self.owners if each.id and (each.why != "stand-in" or "mention" in each.kinds)]


@dataclass(frozen=True)
class Looked:
    """A list to look through: what it is for, and by whose having a case what it finds waits."""

    watch: Watch
    duty: Duty
    owner: Owner

    def part(self, wanted: Tab | None) -> tuple[Test, ...] | None:
        """What a row that it finds passes further to be of a kind, None for any; None where none of them is."""
        if wanted is None:
            return ()
        if self.duty.scope == "placer":
            return (of_kinds(*signs((wanted,))),)
        stages: tuple[str, ...] = next((values for column, values in self.watch.led if column == "stage"), ())
        kinds = {performers_kind(stage) for stage in stages} or {"authorization"}
        return () if wanted in kinds else None

    def kind(self, wait: Wait) -> Kind:
        """Of which kind a case is that it found."""
        if self.duty.scope == "placer":
            return kind(wait.headline_gate, wait.action)
        return performers_kind(wait.stage) if self.duty.scope == "performer" else "authorization"


def seat(turn: Turn) -> Seat:
    """The seat of whoever asks."""
    office = turn.office()
    owners = [Owner(id, "yours") for id in absences.ids(turn)]
    owners += [Owner(id, "stand-in", each.name, each.kinds) for each in absences.stood_in_for(turn) for id in each.ids]
    teams = dict.fromkeys((*work.own_teams(turn.conn, office), *office.organizations))
    owners += [Owner(id, "team") for id in teams]
    return Seat(roles.sees(turn.grant, office) or (), (*owners, Owner(None, "nobody")))


def looked(seat: Seat, held: frozenset[str], resting: bool = False) -> list[Looked]:
    """What is to be looked through for somebody in this seat with these roles. resting: what the office lets rest, of
    what would wait."""
    found = []
    for duty in duties(held):
        if resting and not duty.by_owner:
            continue
        for scope, value in seat.sides:
            if scope == duty.scope:
                late, seen = duty.when == "late" and not resting, duty.when == "seen"
                found += [
                    Looked(Watch(scope, value, led, late, seen, resting, absences.only(owner.kinds)), duty, owner)
                    for led, owner in _led(seat, duty)
                ]
    return found


def _led(seat: Seat, duty: Duty) -> list[tuple[tuple[tuple[str, tuple[object, ...]], ...], Owner]]:
    is_open = ("open", (True,))
    if duty.scope == "payer_key":
        return [((("payer_open", (True,)), ("payer_moves", (True,))), Owner(None, "payer"))]
    if duty.stages:
        return [((is_open, ("stage", (stage,))), Owner(None, "clinic")) for stage in duty.stages]
    if not duty.by_owner:
        why: Why = "office-late" if duty.when == "late" else "office"
        return [((is_open, ("role", (mover,))), Owner(None, why)) for mover in duty.movers]
    return [((is_open, ("owner", (each.id,)), ("role", duty.movers)), each) for each in seat.owners]
