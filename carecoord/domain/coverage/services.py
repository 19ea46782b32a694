"""What a payer's answer about a card says of single services, and when it was made.

Clause: FHIR R4 CoverageEligibilityResponse.insurance.item (authorizationRequired: "whether a prior authorization is
required prior to actual service delivery"; network: whether the item is about services in network or out of it)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, code_of, codes, item, items, text


@dataclass(frozen=True, slots=True)
class Service:
    """A service of which an answer says whether it needs an authorization. network: `in` or `out`, where it is about
    either alone."""

    codes: frozenset[tuple[str, str]]
    needed: bool
    network: str

    def speaks(self, wanted: frozenset[tuple[str, str]], network: str) -> bool:
        """Whether it is about one of these services, from a performer in or out of network, or of whom nobody knows."""
        return not self.codes.isdisjoint(wanted) and (self.network == network or "" in (self.network, network))


def services(insurance: Iterable[Json]) -> tuple[Service, ...]:
    """The services that an answer names."""
    lines = [line for each in insurance for line in items(each, "item")]
    said = [(line, line.get("authorizationRequired"), code_of(item(line, "network"))) for line in lines]
    return tuple(
        Service(codes(item(line, "productOrService")), needed, network if network in ("in", "out") else "")
        for line, needed, network in said
        if isinstance(needed, bool)
    )


def needed(said: Sequence[Service], wanted: frozenset[tuple[str, str]], network: str) -> bool | None:
    """Whether one of these services needs an authorization by what was said; None where nothing was said of it."""
    found = [each.needed for each in said if each.speaks(wanted, network)]
    return any(found) if found else None


def made(response: Json, zone: tzinfo) -> datetime | None:
    """When an answer was made: as it says, yet not later than it came here. A wrong year would let it stand before
    whatever the payer says afterwards."""
    said, came = moment(text(response, "created"), zone), moment(text(item(response, "meta"), "lastUpdated"), zone)
    return min(said, came) if said and came else said
