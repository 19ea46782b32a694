"""What two versions of an agreement say differently, element by element. What is paid is no part of it: rates are for
those alone who may see rates (`desk/redline.py`)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from carecoord.domain.agreements.overview import limit_of
from carecoord.domain.agreements.parties import parties, terms
from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, text, whole, words

_DATES: Final = ("effective-from", "notice-given")
_NUMBERS: Final = ("notice-days", "renewal-months")
_OWN: Final = frozenset({"status", "amendment-type"})  # what a version is, rather than what it says


@dataclass(frozen=True, slots=True)
class Change:
    """An element that differs. `element`: its name, `term:CODE` for a term; `before`, `after`: what it says, empty for
    nothing."""

    element: str
    before: str
    after: str


def changes(before: Sequence[Json], after: Sequence[Json]) -> list[Change]:
    """All that the second version says otherwise than the first, each with what it amends and goes on with, as far back
    as that goes (`versions.amended_by`): where an amendment is silent, what it amends speaks."""
    was, now = standing(before), standing(after)
    names = dict.fromkeys((*was, *now))
    return [
        Change(name, was.get(name, ""), now.get(name, ""))
        for name in names
        if was.get(name, "") != now.get(name, "")
    ]


def unchanged(before: Sequence[Json], after: Sequence[Json]) -> dict[str, str]:
    """What both say alike, by element; as `changes`."""
    now = standing(after)
    return {name: value for name, value in standing(before).items() if now.get(name) == value}


def standing(chain: Iterable[Json]) -> dict[str, str]:
    """What holds under a version and what it amends, the version first."""
    found: dict[str, str] = {}
    for contract in reversed(list(chain)):
        found |= said(contract)
    return {name: value for name, value in found.items() if name not in _OWN}


def said(contract: Json) -> dict[str, str]:
    """What a version says, by element; an element that it does not speak of is not in it."""
    applies = item(contract, "applies")
    found = {
        "status": text(contract, "status"),
        "title": text(contract, "title"),
        "kind": code_of(item(contract, "type")),
        "starts": text(applies, "start"),
        "ends": text(applies, "end"),
        "amendment-type": text(_mark(contract, "amendment-type"), "valueCode"),
        "evergreen": _yes(_mark(contract, "evergreen").get("valueBoolean")),
        **{name: text(_mark(contract, name), "valueDate") for name in _DATES},
        **{name: str(whole(_mark(contract, name), "valueInteger") or "") for name in _NUMBERS},
        "limit": limit_of(contract),
        "parties": " ".join(sorted(parties(contract))),
    }
    for code, what in _terms(contract):
        name = f"term:{code}"
        found[name] = f"{found[name]}\n{what}" if name in found else what
    return {name: value for name, value in found.items() if value}


def _terms(contract: Json) -> Iterator[tuple[str, str]]:
    for term in terms(items(contract, "term")):
        what = text(term, "text") or text(item(term, "offer"), "text")
        if what:
            yield code_of(item(term, "type")) or words(item(term, "type")) or "term", what


def _yes(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else ""


def _mark(contract: Json, name: str) -> Json:
    return extension(contract, f"{EXTENSION}/{name}")
