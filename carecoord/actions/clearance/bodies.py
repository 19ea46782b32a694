"""Stored bytes decoded: once for as long as a process remembers them. The same bytes come out as the very same object
(`domain.resource.memory`), whichever transaction reads them; nobody changes what is decoded here."""

import re
from functools import lru_cache
from typing import Any, Final

import msgspec

_KEPT: Final = 4096  # bodies
_LONG: Final = 32_768  # bytes: a document with its pages in it is decoded each time
_REFERENCE = re.compile(rb'"reference":"((?:Organization|Location|Practitioner|PractitionerRole)/[^"/]+)')
_decode = msgspec.json.Decoder().decode  # stored bytes were read strictly when they came in; here speed counts


def decoded(body: bytes) -> dict[str, Any]:
    """The resource of these bytes."""
    return _decoded(body) if len(body) <= _LONG else _decode(body)


def mentions(body: bytes) -> frozenset[str]:
    """Whom of the registry these bytes refer to, `Type/id`."""
    return _mentions(body) if len(body) <= _LONG else _mentions.__wrapped__(body)


@lru_cache(_KEPT)
def _decoded(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = _decode(body)
    return found


@lru_cache(_KEPT)
def _mentions(body: bytes) -> frozenset[str]:
    return frozenset(found.decode() for found in _REFERENCE.findall(body))
