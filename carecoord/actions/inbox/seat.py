"""Where somebody sits: the ids under which a case can be theirs, their teams, the sides on which they see cases."""

from dataclasses import dataclass

from carecoord.actions.access.turn import Turn
from carecoord.actions.acts import work
from carecoord.domain.access import roles
from carecoord.domain.inbox.duties import Duty, Why, duties
from carecoord.store.inbox.waits import Watch


@dataclass(frozen=True)
class Seat:
    """`sides`: (column of `case_row`, value) of all that they see; `owners`: by whose having a case it waits for them,
    and why, the nearest first; None: nobody has it."""

    sides: tuple[tuple[str, str], ...]
    owners: tuple[tuple[str | None, Why], ...]


def seat(turn: Turn) -> Seat:
    """The seat of whoever asks."""
    office = turn.office()
    own: tuple[str, ...] = (turn.grant.subject, *(each.partition("/")[2] for each in office.people))
    teams = (*work.own_teams(turn.conn, office), *office.organizations)
    owners: dict[str | None, Why] = dict.fromkeys(own, "yours")
    for team in teams:
        owners.setdefault(team, "team")
    return Seat(roles.sees(turn.grant, office) or (), (*owners.items(), (None, "nobody")))


def watches(seat: Seat, held: frozenset[str], resting: bool = False) -> list[tuple[Watch, Duty, Why]]:
    """What is to be looked through for somebody in this seat with these roles, each with the duty it is for, and why
    what it finds waits for them. resting: what the office lets rest, of what would wait."""
    found = []
    for duty in duties(held):
        if resting and not duty.by_owner:
            continue
        for scope, value in seat.sides:
            if scope == duty.scope:
                late, seen = duty.when == "late" and not resting, duty.when == "seen"
                found += [(Watch(scope, value, led, late, seen, resting), duty, why) for led, why in _led(seat, duty)]
    return found


def _led(seat: Seat, duty: Duty) -> list[tuple[tuple[tuple[str, tuple[object, ...]], ...], Why]]:
    is_open = ("open", (True,))
    if duty.scope == "payer_key":
        return [((("payer_open", (True,)), ("payer_moves", (True,))), "payer")]
    if duty.stages:
        return [((is_open, ("stage", (stage,))), "clinic") for stage in duty.stages]
    if not duty.by_owner:
        return [((is_open, ("role", (mover,))), "office") for mover in duty.movers]
    late = duty.when == "late"
    return [
        ((is_open, ("owner", (owner,)), ("role", duty.movers)), "late" if late and why == "yours" else why)
        for owner, why in seat.owners
    ]
