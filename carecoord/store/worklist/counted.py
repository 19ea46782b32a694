"""The test by which the worklist shows just the referrals that are behind a figure of a measure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, bindparam, select

from carecoord.store.database.among import Among, listed
from carecoord.store.measures.tables import observation

Pick = Callable[[str], ColumnElement[Any]]  # the column of this name, to look up by or to check


@dataclass(frozen=True)
class Counted:
    """The case is counted in a measure of these offices on these days (ordinals, both ends in), with these values of
    the facets; `hits`: in its numerator."""

    placers: tuple[str, ...]
    measure: str
    first: int
    last: int
    hits: bool = False
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    column: str = "rid"

    def blank(self) -> "Counted":
        return Counted((), "", 0, 0, self.hits, tuple((facet, ()) for facet, _ in self.choices))

    def sql(self, at: str, pick: Pick) -> ColumnElement[bool]:
        of = observation.c
        found = select(of.rid).where(
            Among(of.placer, f"{at}_placers"), of.measure == bindparam(f"{at}_measure"),
            of.day.between(bindparam(f"{at}_first"), bindparam(f"{at}_last")),
            *([of.hit.is_(True)] if self.hits else []),
            *(Among(of[facet], f"{at}_{facet}") for facet, _ in self.choices),
        )  # fmt: skip
        return pick("rid").in_(found)

    def binds(self, at: str) -> dict[str, Any]:
        chosen = {f"{at}_{facet}": listed(values) for facet, values in self.choices}
        return {
            f"{at}_placers": listed(self.placers), f"{at}_measure": self.measure, f"{at}_first": self.first,
            f"{at}_last": self.last, **chosen,
        }  # fmt: skip
