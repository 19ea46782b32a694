"""The metrics of a payer and a year as anybody may read them, where the payer's policy says that they are published:
figures alone, of a year that is over, small ones left out. No account is asked for, and nothing else can be reached.

Clause: CMS-0057-F (42 CFR 422.122(c) and its like): on the payer's website, for the calendar year before, by 31 March.
Of a year that runs nothing is shown: from two of its days the numbers of one day could be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from carecoord.actions.prior_auth.metrics import count
from carecoord.actions.prior_auth.metrics.board import Asked, row_of
from carecoord.actions.prior_auth.metrics.payer import insurer
from carecoord.domain.prior_auth.metrics.fields import FieldName, Figure, figures, told_outside
from carecoord.domain.resource.days import local
from carecoord.errors import NotFound
from carecoord.fhir.instants import moment
from carecoord.store.database.engine import reading
from carecoord.store.prior_auth import counted as rows
from carecoord.words.sentence import sentence
from carecoord.world import World

FIRST: Final = 2020  # no year before it is looked for


@dataclass(frozen=True)
class Published:
    """payer: what it is called. items: the address of its list of what needs an authorization, empty where it says
    none. counted: up to when (microseconds) the log was followed. years: others that are published, the newest
    first."""

    payer: str
    year: int
    figures: Mapping[FieldName, Figure]
    items: str
    counted: int
    years: Sequence[int]


def published(world: World, payer: str, year: int) -> Published:
    """The metrics of a payer (the id of an Organization) and a year. Raises NotFound alike where there is no such
    payer, it publishes none, or the year is not over."""
    today = local(world.clock(), world.base.zone)
    with reading(world.engine) as conn:
        found, counted = insurer(world, conn, payer), count.counted_at(conn)
        if counted is None or not FIRST <= year < today.year or not found.is_published(today):
            raise NotFound(sentence("refusals.no-metrics-published"), "http.url")
        asked = Asked(date(year, 1, 1), date(year, 12, 31))
        told = figures(row_of(each) for each in rows.decided(conn, found.ids, asked.span(world.base.zone)))
        between = rows.decided_between(conn, found.ids)
    ends = [local(moment(at), world.base.zone).year for at in between or ()]
    years = range(ends[0], min(ends[1], today.year - 1) + 1) if ends else range(0)
    items = found.said("metrics-items", today)
    return Published(found.party.name, year, told_outside(told), items, counted, sorted(years, reverse=True))
