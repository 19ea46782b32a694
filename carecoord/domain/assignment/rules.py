"""Which new work goes to whom: rules of an office, in an order, the first that fits decides. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from carecoord.fhir.search.collation import fold

Trait = Literal["specialty", "payer", "performer", "priority", "language"]
_DASH: Final = re.compile("[-\N{EN DASH}\N{EM DASH}]")
TRAITS: Final[tuple[Trait, ...]] = get_args(Trait)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A referral that nobody has, by what rules ask of it. `traits`: the specialty folded, the payer as
    `system|value`, the id of the clinic that is asked, the priority, the first part of a language's code; empty for
    what is not known. `family`: the family name, folded."""

    case: str
    traits: Mapping[Trait, str]
    family: str
    spoken: str = ""


@dataclass(frozen=True, slots=True)
class AssignmentRule:
    """A rule of an office. `to`: an account, `Type/id` of a team, or the whole office, as `actions.acts.work` names
    them. `spread`: to whom of the team has the least open work. `wanted`: trait -> any of these, none asked where it is
    left out. `letters`: from which to which beginning of the family name, folded; None: any. `seen`: which saying of
    the rule this is."""

    id: str
    name: str
    to: str
    spread: bool = False
    active: bool = True
    wanted: Mapping[Trait, frozenset[str]] = field(default_factory=dict)
    letters: tuple[str, str] | None = None
    seen: int = 0

    def fits(self, arrival: Arrival) -> bool:
        """Whether it is about this referral: all that it asks holds."""
        if any(arrival.traits.get(trait, "") not in values for trait, values in self.wanted.items() if values):
            return False
        if self.letters is None:
            return True
        low, high = self.letters
        return bool(arrival.family) and arrival.family >= low and arrival.family[: len(high)] <= high


def deciding(rules: Iterable[AssignmentRule], arrival: Arrival) -> AssignmentRule | None:
    """The first rule in force that fits; None where none does."""
    return next((rule for rule in rules if rule.active and rule.fits(arrival)), None)


def read_letters(said: str) -> tuple[str, str] | None:
    """`A-F`, `A-Mc`, `Q`: from which beginning of a family name to which, folded; None where nothing is said. Raises
    ValueError."""
    parts = [fold(part.strip()) for part in _DASH.split(said)]
    if parts == [""]:
        return None
    if len(parts) > 2 or not all(part.isalpha() for part in parts) or parts[0] > parts[-1]:
        raise ValueError(said)
    return parts[0], parts[-1]


def least(open_cases: Mapping[str, int], among: Sequence[str]) -> str | None:
    """Who of these has the fewest open referrals; of equals the first. None for nobody."""
    return min(among, key=lambda one: open_cases.get(one, 0), default=None)
