"""A database brought to this version, and what is derived from its resources to these settings."""

import time
from typing import Final

from carecoord.actions.agreements import lines, places, register, written_rates
from carecoord.actions.agreements.papers import pages
from carecoord.actions.clearance import rule_lines
from carecoord.actions.coverage import projection as coverage_projection
from carecoord.actions.events import past
from carecoord.actions.referrals import free_slots, patient_words
from carecoord.errors import DatabaseAway
from carecoord.store.database.engine import writing
from carecoord.store.resources import registry_mark
from carecoord.store.search import date_index
from carecoord.world import World

PATIENCE: Final = 60.0  # seconds that a database has to start again
_AGAIN: Final = ("starting", "nobody_listens", "broken_off")  # what one says, or nobody, that is started again just now


def await_ready(world: World) -> None:
    """`make_ready`, as soon as a database that is started again just now is back: a process that ends over it as soon
    as it began takes the others of its server along, which would have had their connections again in a moment."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return make_ready(world)
        except DatabaseAway as away:
            if away.cause not in _AGAIN or time.monotonic() > until:
                raise
        time.sleep(1)


def make_ready(world: World) -> None:
    """Bring the database to this version, its log of events included, and its register of agreements and its search
    index to these settings; give its registry a mark."""
    past.migrate(world)
    register.renew(world.engine, world.base.zone)
    rule_lines.renew(world.engine, world.clock(), world.base.zone)
    lines.renew(world.engine, world.base.zone)
    written_rates.renew(world.engine, world.base.zone)
    places.renew(world.engine)
    pages.renew(world)
    patient_words.renew(world.engine)
    coverage_projection.renew(world.engine, world.base.zone)
    free_slots.renew(world.engine, world.base.zone)
    date_index.renew(world.engine, world.base)
    with writing(world.engine) as conn:
        registry_mark.renew(conn)
