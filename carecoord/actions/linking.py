"""References between the entries of one Bundle: each becomes the reference to what its entry was written as.

Clause: FHIR R4 http.html#trules ("the server SHALL replace all matching links in the bundle, whether they are found in
the resource ids, resource references, elements of type uri, url, oid, uuid, and <a href> and <img src> in the
narrative"), bundle.html#references (a relative reference is resolved against the root of its entry's fullUrl).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from carecoord.actions.matching import one
from carecoord.actions.permission import Turn
from carecoord.errors import Invalid, Problem, Stale
from carecoord.fhir.substitution import substitute
from carecoord.fhir.types import TYPES

Conditional = Callable[[str], str]

_NARRATIVE = re.compile(r"""\b((?:href|src)=["'])([^"']+)""")
_RESTFUL = re.compile(r"(https?://.+/)[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")
_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]+)\?(.+)", re.DOTALL)


def linked(
    resource: dict[str, Any], full_url: str, links: Mapping[str, str], conditional: Conditional
) -> dict[str, Any]:
    """A copy whose references follow `links` (fullUrl -> Type/id); those of the form `Type?arguments` go through
    `conditional`."""
    root = _RESTFUL.fullmatch(full_url)
    base = root[1] if root else ""

    def reference(text: str) -> str:
        found = links.get(text) or (links.get(base + text) if base else None)
        if found or "?" not in text or not _CONDITIONAL.fullmatch(text):
            return found or text
        return conditional(text)

    def uri(text: str) -> str:
        return links.get(text, text)

    def narrative(text: str) -> str:
        return _NARRATIVE.sub(lambda match: match[1] + uri(match[2]), text) if "=" in text else text

    by = {"reference": reference, "uri": uri, "url": uri, "oid": uri, "uuid": uri, "xhtml": narrative}
    return substitute(resource, by)


def conditionals(turn: Turn) -> Conditional:
    """Resolves conditional references; each is looked up once. What is asked for must be there, and be the only one."""
    known: dict[str, str] = {}

    def resolve(text: str) -> str:
        if text not in known:
            try:
                known[text] = _found(turn, text)
            except Problem as problem:
                raise type(problem)(f"The reference {text!r}: {problem.text}", "Resource") from problem
        return known[text]

    return resolve


def _found(turn: Turn, text: str) -> str:
    kind, _, arguments = text.partition("?")
    if kind not in TYPES:
        raise Invalid("its type is not one of this server.")
    found = one(turn, kind, parse_qsl(arguments, keep_blank_values=True), "Resource")
    if found is None:
        raise Stale("nothing meets it.")
    return f"{kind}/{found.id}"
