"""Where a page ended, as an opaque word that only this database can make and only the same search can use.

Clause: FHIR R4 http.html#paging (links are opaque to the client).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import msgspec

from carecoord.errors import Invalid
from carecoord.fhir.search.query import CURSOR, Search

_MARK = 16  # bytes of the signature


@dataclass(frozen=True)
class Place:
    """The sort values (None: the resource has none) and the number of the last resource sent; the total, if it was
    counted."""

    values: tuple[Any, ...]
    rid: int
    total: int | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[list[Any], int, int | None]).decode


def seal(secret: bytes, search: Search, place: Place) -> str:
    """The word to put into the link to the next page."""
    told = _encode((place.values, place.rid, place.total))
    return base64.urlsafe_b64encode(_sign(secret, search, told) + told).decode().rstrip("=")


def unseal(secret: bytes, search: Search) -> Place | None:
    """Where the search's cursor says to go on; None: at the beginning. Raises Invalid for a word that we did not make,
    or made for another search."""
    if search.cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(search.cursor.encode() + b"=" * (-len(search.cursor) % 4))
    except ValueError:
        raw = b""
    mark, told = raw[:_MARK], raw[_MARK:]
    if not hmac.compare_digest(mark, _sign(secret, search, told)):
        raise Invalid(
            "This link to a page is not one of ours, or was changed, or belongs to another search. "
            "Follow links as they are, or start the search again.",
            where=f"http.{CURSOR}",
        )
    values, rid, total = _decode(told)
    return Place(tuple(values), rid, total)


def _sign(secret: bytes, search: Search, told: bytes) -> bytes:
    return hmac.digest(secret, _encode((search.type, search.asked, told)), hashlib.sha256)[:_MARK]
