"""Sample data loaded and removed again: exactly what was loaded goes, whatever was done with it since; what was done is
told, and so is what still points at it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auth.people.sessions import grant_of
from auth.store import User
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.acts import provenance
from carecoord.actions.acts.provenance import Version
from carecoord.actions.setup import origins
from carecoord.actions.setup.stock import demand
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json
from carecoord.domain.setup import sample
from carecoord.errors import Conflict
from carecoord.store.audit.events import record
from carecoord.store.imports import writes
from carecoord.store.resources import read
from carecoord.store.resources.change import Change
from carecoord.store.resources.read import Row
from carecoord.store.resources.write import put_all
from carecoord.words.sentence import sentence
from carecoord.world import World

TRAIL: Final = frozenset({"Provenance", "AuditEvent"})  # what was done stays known


@dataclass(frozen=True)
class Removed:
    """What went: how many records, the keys of those that somebody had changed, and of what others made that still
    points at one of them."""

    records: int
    changed: Sequence[str]
    left: Sequence[str]


def is_here(world: World, user: User, request: str) -> bool:
    """Whether any of it is here. Raises Forbidden."""
    demand(grant_of(user))
    with looking(world, grant_of(user), request) as turn:
        return bool(_rows(turn))


def load(world: World, user: User, request: str) -> int:
    """Put it in, for the organization of who asks; how many records. Raises Forbidden, Conflict where they belong to
    no organization yet, or where it is here."""
    grant = grant_of(user)
    demand(grant)
    if not grant.organization:
        raise Conflict(sentence("refusals.write-down-your-organization-first"))
    with changing(world, grant, request) as turn:
        if _rows(turn):
            raise Conflict(sentence("refusals.sample-data-here-already"))
        changes = [Change(each["resourceType"], each["id"], each) for each in _sample(turn)]
        written = put_all(turn.conn, changes, now=turn.now, actor=turn.actor(), base=world.base, project=world.project)
        origins.note(turn, written)
        record(turn.conn, [event(turn.now, request, "sample-load", by=user, query=str(len(changes)))])
    return len(changes)


def remove(world: World, user: User, request: str) -> Removed:
    """Take it out. Raises Forbidden, Conflict where there is none."""
    grant = grant_of(user)
    demand(grant)
    with changing(world, grant, request) as turn:
        rows = _rows(turn)
        if not rows:
            raise Conflict(sentence("refusals.there-no-sample-data-here"))
        changed = [f"{row.type}/{row.id}" for row in rows if _changed(turn, row)]
        gone = [Change(row.type, row.id, None) for row in reversed(rows)]
        put_all(turn.conn, gone, now=turn.now, actor=turn.actor(), base=world.base, project=world.project)
        left = {other for row in rows for other in writes.referrers(turn.conn, row.type, row.id, TRAIL)}
        record(turn.conn, [event(turn.now, request, "sample-remove", by=user, query=str(len(rows)))])
    return Removed(len(rows), changed, sorted(left))


def _sample(turn: Turn) -> list[Json]:
    zone = turn.world.base.zone
    return sample.sample(f"Organization/{turn.grant.organization}", local(turn.now, zone), zone)


def _rows(turn: Turn) -> list[Row]:
    """Those that are here, in the order in which they were made."""
    named = [name.partition("/")[::2] for name in sample.names(_sample(turn))]
    found = {(row.type, row.id): row for row in read.many(turn.conn, named) if not row.deleted}
    return [found[each] for each in named if each in found]


def _changed(turn: Turn, row: Row) -> bool:
    """Whether it stands as somebody else left it."""
    act = provenance.author_of(turn.conn, Version(row.type, row.id, row.version))
    return act is None or act.verb != origins.VERB
