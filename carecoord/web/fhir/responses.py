"""HTTP answers of the FHIR API: stored bytes with the headers of the standard around them.

Clause: FHIR R4 http.html#versions (ETag, Last-Modified), #create (Location; after an update, and after a create whose
condition found something, as well: clients know the id by it alone), #ops (Prefer: return=).
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from flask import Response

from carecoord.errors import Issue
from carecoord.fhir import elements, text
from carecoord.fhir.etag import etag
from carecoord.fhir.outcome import outcome
from carecoord.store.resources.read import Row
from carecoord.store.resources.write import Written
from carecoord.web.server.conditional import last_modified, unchanged
from carecoord.web.server.negotiation import ANSWER, Wish

_DONE = {
    "created": "has been created",
    "updated": "has been updated",
    "unchanged": "is as it was: nothing to do",
    "deleted": "has been deleted",
}


class Answer(NamedTuple):
    """An answer with a body, and its headers but the length: as it goes out. To make the framework's own of it and to
    take that apart again takes as long as to look a resource up."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def response(self) -> Response:
        """The same, for the framework."""
        return Response(self.body, self.status, self.headers)


def answer(body: bytes, wish: Wish, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A body of JSON."""
    if wish.pretty and body:
        body = msgspec.json.format(body, indent=2)
    return Answer(status, [("Content-Type", ANSWER), *(headers.items() if headers else ())], body)


def resource(row: Row, wish: Wish, conditions: Mapping[str, str], part: Mapping[str, str] | None) -> Answer | Response:
    """A version of a resource, or 304 for a client that has it. part: the query, for `_elements` and `_summary`."""
    headers = {"ETag": etag(row.version), "Last-Modified": last_modified(row.updated // 1_000_000)}
    if "HTTP_IF_NONE_MATCH" in conditions or "HTTP_IF_MODIFIED_SINCE" in conditions:
        known, since = conditions.get("HTTP_IF_NONE_MATCH"), conditions.get("HTTP_IF_MODIFIED_SINCE")
        if unchanged(known, since, row.version, row.updated):
            return Response(status=304, headers=headers)
    return answer(_part(row.body, part) if part else row.body, wish, 200, headers)


def written(one: Written, wish: Wish, base_url: str) -> Answer | Response:
    """What came of a create or an update."""
    headers = {"ETag": etag(one.version), "Last-Modified": last_modified(one.updated // 1_000_000)}
    status = 201 if one.outcome == "created" else 200
    headers["Location"] = f"{base_url}/{one.type}/{one.id}/_history/{one.version}"
    if wish.returning != "OperationOutcome":
        headers["Content-Location"] = headers["Location"]
    if wish.returning == "minimal":
        return Response(status=status, headers=headers)
    return answer(_told(one) if wish.returning == "OperationOutcome" else one.body, wish, status, headers)


def deleted(one: Written | None, wish: Wish) -> Answer | Response:
    """What came of a delete; None or version 0: there was nothing."""
    headers = {"ETag": etag(one.version)} if one and one.version else {}
    if one and wish.returning == "OperationOutcome":
        return answer(_told(one), wish, 200, headers)
    return Response(status=204, headers=headers)


def _told(one: Written) -> bytes:
    words = _DONE[one.outcome] if one.version else "never was here: nothing to do"
    return text.dumps(outcome([Issue("information", "informational", f"{one.type}/{one.id} {words}.")]))


def _part(body: bytes, query: Mapping[str, str]) -> bytes:
    if "_elements" in query:
        names = [name for name in query["_elements"].split(",") if name]
        return text.dumps(elements.elements(text.loads(body), names))
    if "_summary" in query:
        return text.dumps(elements.summary(text.loads(body), query["_summary"]))
    return body
