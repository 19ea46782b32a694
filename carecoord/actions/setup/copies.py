"""Organizations that are here twice, as ours and as another system's: made one by an identifier, and taken apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from auth.people.sessions import grant_of
from auth.store import User
from carecoord.actions.access.turn import Turn, changing, looking, missing
from carecoord.actions.fhir import write as fhir_write
from carecoord.actions.setup import origins
from carecoord.actions.setup.stock import demand
from carecoord.domain.resource.elements import Json
from carecoord.domain.setup import copies
from carecoord.errors import Conflict
from carecoord.fhir import text
from carecoord.store.resources import read
from carecoord.store.resources.read import Row
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence
from carecoord.world import World

MOST: Final = 100  # pairs that are shown


@dataclass(frozen=True)
class Twice:
    """What looks like one, and what was made one: (ours, the other); None where the other is gone. more: how many
    further pairs look like one."""

    alike: Sequence[tuple[Json, Json]]
    joined: Sequence[tuple[Json, str, Json | None]]
    more: int


def look(world: World, user: User, request: str) -> Twice:
    """The organizations that are here twice. Raises Forbidden."""
    grant = grant_of(user)
    demand(grant)
    with looking(world, grant, request) as turn:
        found = {f"Organization/{row.id}": text.loads(row.body) for row in registry.every(turn.conn, "Organization")}
    alike = copies.look_alikes(found.values())
    joined = [(one, to, found.get(to)) for one, to in copies.joined(found.values())]
    return Twice(alike[:MOST], joined, max(0, len(alike) - MOST))


def make_one(world: World, user: User, request: str, ours: str, other: str) -> Json:
    """Let two Organizations, by their ids, be one; ours as it is then. Whoever belongs to either sees what both do.

    Raises Forbidden, NotFound, and Conflict where they no longer look like one."""

    def joined(turn: Turn, before: Json) -> Json:
        second = text.loads(_held(turn, other).body)
        if not any((one["id"], each["id"]) == (ours, other) for one, each in copies.look_alikes([before, second])):
            raise Conflict(sentence("refusals.they-do-not-look-like"))
        return copies.made_one(before, second)

    return _change(world, user, request, ours, joined)


def take_apart(world: World, user: User, request: str, ours: str, other: str) -> Json:
    """Let two that were made one be two again; ours as it is then. Raises Forbidden, NotFound."""
    return _change(world, user, request, ours, lambda _, before: copies.apart(before, f"Organization/{other}"))


def _change(world: World, user: User, request: str, id: str, changed: Callable[[Turn, Json], Json]) -> Json:
    grant = grant_of(user)
    demand(grant)
    with changing(world, grant, request) as turn:
        before = _held(turn, id)
        made = changed(turn, text.loads(before.body))
        write = fhir_write.updating(turn, "Organization", id, made, before.version, only_new=False)
        written = [fhir_write.check(turn, each) for each in fhir_write.carry_out(turn, [write])]
        origins.note(turn, written)
    return made


def _held(turn: Turn, id: str) -> Row:
    row = read.get(turn.conn, "Organization", id)
    if row is None or row.deleted:
        raise missing("Organization", id)
    turn.demand_row(row, "u")
    return row
