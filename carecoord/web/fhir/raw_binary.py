"""Files as themselves: a Binary sent and fetched in its own media type, in place of base64 within JSON.

Clause: FHIR R4 binary.html#rest (X-Security-Context; an Accept of a FHIR type means the resource, any other the file).
A file comes from anybody, and a browser could take it for a page of ours: so it is always to be saved, never shown.
"""

import base64
import re
from typing import Any, Final

from flask import Response

from carecoord.errors import Invalid
from carecoord.fhir import text
from carecoord.fhir.etag import etag
from carecoord.store.resources.read import Row
from carecoord.web.server.conditional import last_modified
from carecoord.web.server.negotiation import FOREIGN, READ, bare

TYPE: Final = "Binary"
CONTEXT: Final = "X-Security-Context"
_PLAIN: Final = re.compile(r"[\w.+-]+/[\w.+-]+(?: ?;[ -~]*)?", re.ASCII)
_SAVED: Final = {
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


def is_raw(content_type: str | None) -> bool:
    """Whether a body is a file itself rather than a resource. XML of FHIR is neither: it is refused as ever."""
    kind = bare(content_type or "")
    return bool(kind) and kind not in READ and kind not in FOREIGN


def resource(content_type: str, body: bytes, context: str | None, id: str | None = None) -> dict[str, Any]:
    """The Binary of a file as it was sent. context: of X-Security-Context, a reference. Raises Invalid."""
    if not _PLAIN.fullmatch(content_type):
        raise Invalid(f"{content_type[:80]!r} is no media type such as application/pdf.", "http.Content-Type")
    made: dict[str, Any] = {"resourceType": TYPE, "contentType": content_type}
    if id is not None:
        made["id"] = id
    if context:
        made["securityContext"] = {"reference": context}
    if body:
        made["data"] = base64.b64encode(body).decode()
    return made


def answer(row: Row) -> Response:
    """The file of a stored Binary."""
    stored = text.loads(row.body)
    kind = stored.get("contentType", "")
    headers = {**_SAVED, "ETag": etag(row.version), "Last-Modified": last_modified(row.updated // 1_000_000)}
    context = stored.get("securityContext", {}).get("reference")
    if isinstance(context, str) and re.fullmatch(r"[!-~]+", context):
        headers[CONTEXT] = context
    data = base64.b64decode(stored.get("data", ""))
    return Response(data, 200, headers, content_type=kind if _PLAIN.fullmatch(kind) else "application/octet-stream")
