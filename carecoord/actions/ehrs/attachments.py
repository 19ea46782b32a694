"""Papers that an EHR is told go along whole: it can not fetch a Binary of ours without a token."""

from collections.abc import Container
from typing import Any

from sqlalchemy import Connection

from carecoord.fhir import text
from carecoord.store.resources import read

LARGEST = 7_000_000  # characters of base64: about five megabytes; a larger one is told by its address


def inlined(conn: Connection, value: Any, there: Container[tuple[str, str]]) -> Any:
    """A copy with each Attachment whose Binary only we have holding its data instead of the address."""
    if isinstance(value, list):
        return [inlined(conn, each, there) for each in value]
    if not isinstance(value, dict):
        return value
    copy = {name: inlined(conn, each, there) for name, each in value.items()}
    kind, _, id = str(value.get("url", "")).partition("/")
    if kind == "Binary" and id and (kind, id) not in there:
        row = read.get(conn, kind, id)
        binary = text.loads(row.body) if row and row.body else {}
        if 0 < len(str(binary.get("data", ""))) <= LARGEST:
            del copy["url"]
            copy |= {"data": binary["data"], "contentType": copy.get("contentType") or binary.get("contentType")}
    return copy


def folded(conn: Connection, theirs: Any, ours: Any) -> Any:
    """What an EHR holds of ours, with our address again where it has the very data that it was told: it is our own
    word come back, and no change of the EHR's."""
    if isinstance(theirs, list) and isinstance(ours, list):
        pairs = [folded(conn, each, mine) for each, mine in zip(theirs, ours, strict=False)]
        return [*pairs, *theirs[len(pairs) :]]
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return theirs
    copy = {name: folded(conn, value, ours.get(name)) for name, value in theirs.items()}
    kind, _, id = str(ours.get("url", "")).partition("/")
    if kind != "Binary" or not isinstance(theirs.get("data"), str):
        return copy
    row = read.get(conn, kind, id)
    if row and row.body and text.loads(row.body).get("data") == theirs["data"]:
        del copy["data"]
        copy["url"] = ours["url"]
    return copy
