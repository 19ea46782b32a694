"""The filter bar: each facet with its choices, the chosen ones, and what its chip says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from carecoord.store.worklist.query import NONE
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip, chip
from carecoord.web.worklist.address import Address


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    icon: str
    on: bool


@dataclass(frozen=True)
class Facet:
    name: str
    label: str
    said: str
    chosen: tuple[str, ...]
    choices: Sequence[Choice]


def facet(name: str, choices: Mapping[str, list[tuple[str, str]]], address: Address) -> Facet:
    """One chip of the filter bar. `choices`: the values of the facets whose words come from the data."""
    label, words = labels.FACETS[name]
    chosen = address.chosen(name)
    known: Mapping[str, Chip]
    if words is None:
        known = {value: Chip(said, "", "") for value, said in choices[name]}
        if name == "owner":
            known = {NONE: Chip("No owner", "", ""), **known}
    else:
        known = words if name != "gate" else {**words, NONE: Chip("All gates met", "", icon="circle-check")}
    shown = {**known, **{value: chip(dict(known), value) for value in chosen if value not in known}}
    offered = [Choice(value, said.label, said.icon, value in chosen) for value, said in shown.items()]
    said = shown[chosen[0]].label if len(chosen) == 1 else str(len(chosen)) if chosen else ""
    return Facet(name, label, said, chosen, offered)
