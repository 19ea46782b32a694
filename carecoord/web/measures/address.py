"""The address of the measures: span, filters, the measure whose inside is open, charts or table; all of the page stands
in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from carecoord.actions.measures.board import SPANS, Asked, Choices, checked
from carecoord.domain.measures.definitions import FACETS, MEASURES, Name
from carecoord.errors import Invalid
from carecoord.store.worklist.query import CountedIn
from carecoord.web.worklist.address import COUNTED, counted_pairs
from carecoord.words.sentence import sentence

PATH: Final = "/measures"


@dataclass(frozen=True)
class Address:
    """What is looked at, and how."""

    span: int = SPANS[0]
    choices: Choices = ()
    shown: Name | None = None
    table: bool = False

    def href(self, path: str = PATH) -> str:
        """The link to it; what is as by default is left out."""
        pairs = [("span", str(self.span))] if self.span != SPANS[0] else []
        pairs += [(name, value) for name, values in self.choices for value in values]
        pairs += [("show", str(self.shown))] if self.shown else []
        pairs += [("as", "table")] if self.table else []
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def of(self, span: int) -> "Address":
        return replace(self, span=span)

    def show(self, name: Name | None) -> "Address":
        return replace(self, shown=name)

    def drawn(self, as_table: bool) -> "Address":
        return replace(self, table=as_table)

    def chosen(self, facet: str) -> tuple[str, ...]:
        """The values of a facet that are chosen."""
        return dict(self.choices).get(facet, ())

    def toggle(self, facet: str, value: str) -> "Address":
        """With a value of a facet chosen, or no longer chosen."""
        values = self.chosen(facet)
        now = tuple(each for each in values if each != value) if value in values else (*values, value)
        return replace(self, choices=checked((dict(self.choices) | {facet: now}).items()))

    def without(self, facet: str) -> "Address":
        """With nothing of a facet chosen."""
        return replace(self, choices=tuple(pair for pair in self.choices if pair[0] != facet))


def parse(query: Mapping[str, list[str]]) -> Address:
    """The address that a query string stands for. Raises Invalid naming the parameter that can not be meant."""

    def one(name: str) -> str:
        return (query.get(name) or [""])[-1]

    if any("\0" in value for values in query.values() for value in values):
        raise Invalid(sentence("worklist.address-can-not-hold-nul"), "http.query")
    span = one("span") or str(SPANS[0])
    if span not in map(str, SPANS):
        raise Invalid(sentence("refusals.measure.span", spans=", ".join(map(str, SPANS)), given=span), "http.span")
    if one("show") and one("show") not in MEASURES:
        raise Invalid(sentence("refusals.measure.unknown", given=one("show")), "http.show")
    shown = next((name for name in MEASURES if name == one("show")), None)
    choices = checked((facet, query.get(facet, ())) for facet in FACETS)
    return Address(int(span), choices, shown, one("as") == "table")


def worklist(name: Name, asked: Asked, hits: bool = False) -> str:
    """The worklist of just the referrals that are behind a figure, or in its numerator."""
    return "/?" + urlencode(
        [("tab", COUNTED), *counted_pairs(CountedIn(name, asked.first, asked.last, hits, asked.choices))]
    )
