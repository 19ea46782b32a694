"""What a payer's answer about a card says of single services, and when it was made.

Clause: FHIR R4 CoverageEligibilityResponse.insurance.item (authorizationRequired: "whether a prior authorization is
required prior to actual service delivery"; excluded: "the service is excluded from the plan"; network: whether the item
is about services in network or out of it)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, code_of, codes, item, items, text


@dataclass(frozen=True, slots=True)
class Service:
    """A service of which an answer says whether it needs an authorization, or whether the plan does not pay for it;
    None: it says nothing of that. network: `in` or `out`, where it is about either alone."""

    codes: frozenset[tuple[str, str]]
    needed: bool | None
    excluded: bool | None
    network: str

    def speaks(self, wanted: frozenset[tuple[str, str]], network: str) -> bool:
        """Whether it is about one of these services, from a performer in or out of network, or of whom nobody knows."""
        return not self.codes.isdisjoint(wanted) and (self.network == network or "" in (self.network, network))


def services(insurance: Iterable[Json]) -> tuple[Service, ...]:
    """The services that an answer names."""
    lines = [line for each in insurance for line in items(each, "item")]
    found = (
        Service(
            codes(item(line, "productOrService")), _flag(line, "authorizationRequired"), _flag(line, "excluded"),
            network if (network := code_of(item(line, "network"))) in ("in", "out") else "",
        )
        for line in lines
    )  # fmt: skip
    return tuple(each for each in found if (each.needed, each.excluded) != (None, None))


def _flag(line: Json, name: str) -> bool | None:
    return said if isinstance(said := line.get(name), bool) else None


def needed(said: Sequence[Service], wanted: frozenset[tuple[str, str]], network: str) -> bool | None:
    """Whether one of these services needs an authorization by what was said; None where nothing was said of it."""
    return _any(each.needed for each in said if each.speaks(wanted, network))


def excluded(said: Sequence[Service], wanted: frozenset[tuple[str, str]]) -> bool | None:
    """Whether the plan does not pay for one of these services in network; None where nothing was said of it."""
    return _any(each.excluded for each in said if each.speaks(wanted, "in"))


def _any(flags: Iterable[bool | None]) -> bool | None:
    told = [each for each in flags if each is not None]
    return any(told) if told else None


def made(response: Json, zone: tzinfo) -> datetime | None:
    """When an answer was made: as it says, yet not later than it came here. A wrong year would let it stand before
    whatever the payer says afterwards."""
    said, came = moment(text(response, "created"), zone), moment(text(item(response, "meta"), "lastUpdated"), zone)
    return min(said, came) if said and came else said
