"""The filter bar: each facet with its choices, the chosen ones, and what its chip says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from carecoord.store.worklist.query import NONE
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip, chip
from carecoord.web.worklist.address import Address
from carecoord.words.sentence import sentence


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


_NOTHING = {
    "owner": Chip(sentence("worklist.nothing.owner"), "", ""),
    "gate": Chip(sentence("worklist.nothing.gate"), "", icon="circle-check"),
}


def fixed(name: str) -> tuple[str, ...]:
    """The options of a facet that do not come from the data; none for a name that is no facet's."""
    _, words = labels.FACETS.get(name, ("", None))
    return (*(words or ()), *([NONE] if name in _NOTHING else []))


def facet(name: str, choices: Mapping[str, list[tuple[str, str]]], address: Address) -> Facet:
    """One chip of the filter bar. `choices`: the values of the facets whose words come from the data."""
    label, words = labels.FACETS[name]
    chosen = address.chosen(name)
    known = {**(words or {value: Chip(said, "", "") for value, said in choices[name]})}
    if name in _NOTHING:
        known = {**known, NONE: _NOTHING[name]} if words else {NONE: _NOTHING[name], **known}
    shown = {**known, **{value: chip(dict(known), value) for value in chosen if value not in known}}
    offered = [Choice(value, said.label, said.icon, value in chosen) for value, said in shown.items()]
    said = shown[chosen[0]].label if len(chosen) == 1 else str(len(chosen)) if chosen else ""
    return Facet(name, label, said, chosen, offered)
