"""What the asker may do, as filters that everything in a transaction goes through: reads, searches and writes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from auth.grant import Grant
from carecoord.actions import seeing
from carecoord.domain import access
from carecoord.domain.access import Office
from carecoord.errors import Forbidden, NotFound
from carecoord.fhir.query import EVERYTHING, NOTHING, Filter, limits
from carecoord.store.asking import May
from carecoord.store.engine import reading, writing
from carecoord.store.read import Row
from carecoord.store.search import visible
from carecoord.store.write import Actor
from carecoord.world import World

WORDS = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search"}


@dataclass
class Turn:
    """One exchange with somebody, in one transaction: who asks, under which request id, at what instant."""

    world: World
    conn: Connection
    grant: Grant
    request: str
    now: datetime
    emergency: str | None = None  # the breaking of the glass that alone opened what was asked for
    _office: Office | None = None
    _filters: dict[tuple[str, str], Filter] = field(default_factory=dict)

    def may(self, perm: str) -> May:
        """type -> which of its resources the asker may do this to; `perm` is a letter of cruds."""
        return lambda type: self.filter(type, perm)

    def filter(self, type: str, perm: str) -> Filter:
        """Which resources of a type the asker may do this to."""
        found = self._filters.get((type, perm))
        if found is None:
            ways = access.narrow(self.grant, self.office(), type, perm)
            found = self._filters[type, perm] = limits(type, ways, self.world.settings.fhir_url)
        return found

    def office(self) -> Office:
        """The asker's organization and person, as our data knows them."""
        if self._office is None:
            self._office = seeing.office(self.conn, self.grant)
        return self._office

    def role_sees(self, row: Row) -> bool:
        """Whether the asker's roles let them see a resource, whatever their scopes."""
        ways = access.by_role(self.grant, self.office(), row.type, "r")
        allowed = limits(row.type, ways, self.world.settings.fhir_url)
        return allowed == EVERYTHING or (allowed != NOTHING and visible(self.conn, row, allowed))

    def demand(self, type: str, perm: str) -> Filter:
        """The filter; raises Forbidden where it lets nothing through."""
        found = self.filter(type, perm)
        if found == NOTHING:
            needs = f"a scope such as system/{type}.{perm}, and a role that may"
            raise Forbidden(f"This access may not {WORDS[perm]} {type}: it needs {needs}.")
        return found

    def sees(self, row: Row, perm: str) -> bool:
        """Whether the asker may do this to this very resource."""
        allowed = self.filter(row.type, perm)
        return allowed == EVERYTHING or (allowed != NOTHING and visible(self.conn, row, allowed))

    def demand_row(self, row: Row, perm: str) -> None:
        """Raise Forbidden unless the asker may do this to this resource; NotFound if they may not even know of it."""
        self.demand(row.type, perm)
        if self.sees(row, perm):
            return
        if perm == "r" or not self.sees(row, "r"):
            raise missing(row.type, row.id)
        raise Forbidden(f"This access may read {row.type}/{row.id}, but not {WORDS[perm]} it.")

    def actor(self) -> Actor:
        """The asker as the audit of a write knows them."""
        who = self.grant
        return Actor(who.subject, who.client, who.organization, self.request, who.launch, self.emergency)


Asker = Grant | Callable[[Connection, datetime], Grant]  # who asks, or how to find out in the same transaction


@contextmanager
def looking(world: World, asker: Asker, request: str) -> Iterator[Turn]:
    """A turn that only reads."""
    with reading(world.engine) as conn:
        now = world.clock()
        yield Turn(world, conn, asker if isinstance(asker, Grant) else asker(conn, now), request, now)


@contextmanager
def changing(world: World, grant: Grant, request: str) -> Iterator[Turn]:
    """A turn that may write: all of it is kept, or nothing."""
    with writing(world.engine) as conn:
        yield Turn(world, conn, grant, request, world.clock())


def missing(type: str, id: str) -> NotFound:
    """The same words whether it never was or may not be known of."""
    return NotFound(f"There is no {type}/{id} here.")
