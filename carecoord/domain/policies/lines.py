"""What somebody has said in a policy: for whom, and from when to when."""

from dataclasses import dataclass

from carecoord.domain.resource.days import ALWAYS, Days
from carecoord.domain.resource.elements import Json, identifiers, key
from carecoord.domain.resource.parties import TAXES


@dataclass(frozen=True, slots=True)
class Line:
    """One value. organization: the key of the office or payer whose it is (`key_of`), empty: everybody's. business: the
    line of business of the payer for which it is (`coverage.business`), empty: any. days: on which a clock that starts
    goes by it."""

    organization: str
    business: str
    name: str  # of `shipped.TERMS`
    value: str
    days: Days = ALWAYS


def key_of(organization: Json) -> str:
    """What an Organization is called in a policy, whichever copy of it is looked at: an identifier that all copies
    share (the first in order, no tax id), else `Organization/id`."""
    return min((each for each in identifiers(organization) if not each.startswith(TAXES)), default=key(organization))
