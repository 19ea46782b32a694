"""The effects, made once in `carecoord.effects` and passed down: never global, so a test can hold every one of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from carecoord.fhir.service_base import Base
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal

if TYPE_CHECKING:  # a command that writes no resource does without what writing one takes
    import requests

    from carecoord.domain.resource.present import Present
    from carecoord.store.resources.change import Touched

Projector: TypeAlias = "Callable[[Connection, Sequence[Touched], datetime], None]"


@dataclass(frozen=True)
class World:
    """engine: the database. clock: now, aware, UTC. new_id: a fresh FHIR id. http: a session to reach EHRs with.
    project: rewrites the worklist rows of the cases that a write touched, inside that write's transaction.
    journal: where reads are audited, for they must not wait for the write lock."""

    engine: Engine
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    http: "Callable[[], requests.Session]"
    settings: Settings
    project: Projector
    journal: Journal

    @cached_property
    def base(self) -> Base:
        """Our FHIR base, and the zone of the days that name none."""
        return Base(self.settings.fhir_url, ZoneInfo(self.settings.timezone))

    def present(self) -> "Present":
        """Now, and the zone of the days that name none: what a name's or a telephone's Period is held against."""
        from carecoord.domain.resource.present import Present  # as above

        return Present(self.clock(), self.base.zone)

    def seconds(self) -> int:
        """Now, in whole seconds since the epoch: as OAuth and JWT count."""
        return int(self.clock().timestamp())
