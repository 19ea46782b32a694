"""By which ways a request goes to its payer: one table. By the first we send it ourselves; for the last we write the
file that somebody hands over; of the others somebody writes down that it went. The clocks of a request are the same
whichever way it takes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.elements import Json, extension, items, text

Channel = Literal["pas", "portal", "telephone", "fax", "278"]
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
Delivery = Literal["waiting", "refused"]
CHANNEL: Final = f"{EXTENSION}/request-channel"  # of a Claim: by which way it went to the payer
DELIVERY: Final = f"{EXTENSION}/request-delivery"  # of a Claim that we send ourselves: why it is not with the payer yet


@dataclass(frozen=True, slots=True)
class Way:
    """endpoint: only where the payer has an address that takes requests from us. ours: our worker sends it; else a
    person did, and writes it down. file: choosing it writes the file that goes."""

    endpoint: bool
    ours: bool
    file: bool = False

    @property
    def followed(self) -> bool:
        """Whether what changes or ends a request goes by this way of itself."""
        return self.ours or self.file


TABLE: Final[Mapping[Channel, Way]] = MappingProxyType({
    "pas": Way(endpoint=True, ours=True),
    "portal": Way(endpoint=False, ours=False),
    "telephone": Way(endpoint=False, ours=False),
    "fax": Way(endpoint=False, ours=False),
    "278": Way(endpoint=False, ours=False, file=True),
})  # fmt: skip


def offered(endpoint: bool) -> tuple[Channel, ...]:
    """The ways that there are to a payer. endpoint: whether it has an address that takes requests from us."""
    return tuple(each for each in CHANNELS if endpoint or not TABLE[each].endpoint)


def by(claim: Json, channel: Channel) -> Json:
    """A request that goes by a channel; by one of which our worker sends it, it waits for that."""
    rest = [each for each in items(claim, "extension") if each.get("url") not in (CHANNEL, DELIVERY)]
    waits = [{"url": DELIVERY, "valueCode": "waiting"}] if TABLE[channel].ours else []
    return claim | {"extension": [*rest, {"url": CHANNEL, "valueCode": channel}, *waits]}


def channel(claim: Json) -> str:
    """By which way a request went; empty where nobody wrote it down."""
    return text(extension(claim, CHANNEL), "valueCode")


def is_file(claim: Json) -> bool:
    """Whether a request goes as a file that we write."""
    way = next((each for each in CHANNELS if each == channel(claim)), None)
    return bool(way and TABLE[way].file)


def delivery(claim: Json) -> Delivery | None:
    """Why a request that we send is not with its payer; None where it is, or went by another way."""
    said = text(extension(claim, DELIVERY), "valueCode")
    return next((each for each in get_args(Delivery) if each == said), None)


def standing(claim: Json, how: Delivery | None) -> Json:
    """The request, marked anew with how its sending stands; None: it is with the payer."""
    rest = [each for each in items(claim, "extension") if each.get("url") != DELIVERY]
    found = [*rest, {"url": DELIVERY, "valueCode": how}] if how else rest
    bare = {name: value for name, value in claim.items() if name != "extension"}
    return bare | ({"extension": found} if found else {})


def as_before(before: Json, after: Json) -> Json:
    """A request by the way of the one whose place it takes, whatever it says itself; before: empty for a new one."""
    own = [each for each in items(before, "extension") if each.get("url") in (CHANNEL, DELIVERY)]
    found = [*(each for each in items(after, "extension") if each.get("url") not in (CHANNEL, DELIVERY)), *own]
    said = items(after, "extension")
    if len(found) == len(said) and all(each in said for each in found):
        return after
    bare = {name: value for name, value in after.items() if name != "extension"}
    return bare | ({"extension": found} if found else {})


def followed(made: Json, before: Json) -> Json:
    """A request that takes the place of another goes by the way of that one, where that needs nobody's hand."""
    way = next((each for each in CHANNELS if each == channel(before)), None)
    return by(made, way) if way and TABLE[way].followed else made
