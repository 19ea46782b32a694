"""References between the entries of one Bundle: each becomes the reference to what its entry was written as.

Clause: FHIR R4 http.html#trules ("the server SHALL replace all matching links in the bundle, whether they are found in
the resource ids, resource references, elements of type uri, url, oid, uuid, and <a href> and <img src> in the
narrative"), bundle.html#references (a relative reference is resolved against the root of its entry's fullUrl).
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from carecoord.actions.access.turn import Turn
from carecoord.actions.fhir.conditional import referred
from carecoord.errors import Invalid, Problem, Stale
from carecoord.fhir.substitution import substitute
from carecoord.fhir.types import TYPES

_NARRATIVE = re.compile(r"""\b((?:href|src)=["'])([^"']+)""")
_RESTFUL = re.compile(r"(https?://.+/)[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")
_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]+)\?(.+)", re.DOTALL)


def linked(resource: dict[str, Any], full_url: str, links: Mapping[str, str]) -> dict[str, Any]:
    """A copy whose references follow `links` (fullUrl -> Type/id)."""
    root = _RESTFUL.fullmatch(full_url)
    base = root[1] if root else ""

    def reference(text: str) -> str:
        return links.get(text) or (links.get(base + text) if base else None) or text

    def uri(text: str) -> str:
        return links.get(text, text)

    def narrative(text: str) -> str:
        return _NARRATIVE.sub(lambda match: match[1] + uri(match[2]), text) if "=" in text else text

    by = {"reference": reference, "uri": uri, "url": uri, "oid": uri, "uuid": uri, "xhtml": narrative}
    return substitute(resource, by)


def conditions(resource: dict[str, Any]) -> list[str]:
    """The conditional references of a resource: `Type?arguments`."""
    found: list[str] = []

    def note(text: str) -> str:
        if "?" in text and _CONDITIONAL.fullmatch(text):
            found.append(text)
        return text

    substitute(resource, {"reference": note})
    return found


def resolved(resource: dict[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """A copy whose conditional references are those that they are known to mean."""
    return substitute(resource, {"reference": lambda text: known.get(text, text)})


class Conditionals:
    """What conditional references mean; each is looked up once. What is asked for must be there, and be the only
    one."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._known: dict[str, str | Problem] = {}

    def __call__(self, text: str) -> str:
        """`Type/id`. Raises Stale (412) where nothing meets it or several do, Invalid where it can not be read."""
        if text not in self._known:
            try:
                self._known[text] = _found(self._turn, text)
            except Problem as problem:
                self._known[text] = type(problem)(f"The reference {text!r}: {problem.text}", "Resource")
        known = self._known[text]
        if isinstance(known, Problem):
            raise known
        return known


def _found(turn: Turn, text: str) -> str:
    kind, _, arguments = text.partition("?")
    if kind not in TYPES:
        raise Invalid("its type is not one of this server.")
    found = referred(turn, kind, parse_qsl(arguments, keep_blank_values=True), "Resource")
    if found is None:
        raise Stale("nothing meets it.")
    return f"{kind}/{found.id}"
