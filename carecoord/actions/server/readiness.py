"""A database brought to this version, and what is derived from its resources to these settings."""

from carecoord.actions.agreements import lines, places, register, written_rates
from carecoord.actions.agreements.papers import pages
from carecoord.actions.clearance import rule_lines
from carecoord.actions.coverage import projection as coverage_projection
from carecoord.actions.events import past
from carecoord.actions.referrals import free_slots, patient_words
from carecoord.store.database.engine import writing
from carecoord.store.resources import registry_mark
from carecoord.store.search import date_index
from carecoord.world import World


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
