"""Who takes part under an agreement, as a row of the directory (OrganizationAffiliation) is to say it: in which
networks, where, from when to when. The directory is nobody's signature: a row is changed, and what it said stays known.

Clauses: FHIR R4 OrganizationAffiliation.network, location, period; Plan-Net 1.2.0."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from carecoord.domain.agreements.desk.drafts import taking_part
from carecoord.domain.resource.elements import Json, item
from carecoord.errors import Unprocessable
from carecoord.words.sentence import sentence


@dataclass(frozen=True, slots=True)
class Part:
    """What a row says. `networks`, `sites`: References, no sites: all of the provider's; `last`: None for no end."""

    networks: Sequence[Json]
    sites: Sequence[Json]
    start: date
    last: date | None


def said(row: Json, given: Part) -> Json:
    """A row of the directory that says it. Raises Unprocessable where it would say nothing."""
    if not given.networks:
        raise Unprocessable(sentence("refusals.choose-at-least-one-network"), "networks")
    if given.last and given.last < given.start:
        raise Unprocessable(sentence("refusals.last-day-lies-before-first"), "last")
    period = {"start": given.start.isoformat(), **({"end": given.last.isoformat()} if given.last else {})}
    kept = {name: value for name, value in row.items() if name != "location"}
    kept |= {"network": list(given.networks), "period": item(row, "period") | {"end": None} | period}
    kept["period"] = {name: value for name, value in kept["period"].items() if value is not None}
    return kept | ({"location": list(given.sites)} if given.sites else {})


def another(id: str, contract: str, sides: tuple[Json, Json], given: Part) -> Json:
    """A further row under an agreement. contract: the id of a version; sides: the payer and the provider."""
    return said(taking_part(id, contract, given.start, sides, given.networks), given)
