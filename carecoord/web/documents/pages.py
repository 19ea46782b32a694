"""Pages that show what is stored: a document's file, nothing in it run, and a resource as a readable text."""

import re
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec
from flask import Blueprint, Response, render_template, request

from carecoord.actions.documents import open
from carecoord.domain.resource.elements import Json, text
from carecoord.domain.resource.patient import name
from carecoord.fhir import text as fhir_text
from carecoord.web.page import labels
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.world import World

# What a browser shows without running anything of it; all else is kept as a file, whatever it says that it is.
SHOWN: Final = {"text/plain", "application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"}
_CLOSED: Final = "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; frame-ancestors 'none'"
_CHARSET: Final = re.compile(r"charset=\"?(utf-8|iso-8859-1|windows-1252|us-ascii)\"?", re.IGNORECASE)
_ENDINGS: Final = {"text/plain": ".txt", "application/pdf": ".pdf", "text/html": ".html", "text/xml": ".xml"}


def blueprint(world: World) -> Blueprint:
    """`/documents/ID/N` and `/record/TYPE/ID`, each behind the sign-in, access and audit as of a FHIR read."""
    pages = Blueprint("documents", __name__)
    sign_in.guard(pages, world)

    @pages.get("/documents/<id>/<int:n>")
    def file(id: str, n: int) -> Response:
        return answer(open.file(world, sign_in.session().grant(), id, n, request_id()))

    @pages.get("/record/<type>/<id>")
    def record(type: str, id: str) -> str:
        version = request.args.get("version", "")
        row = open.resource(world, sign_in.session().grant(), type, id, version, request_id())
        found = fhir_text.loads(row.body)
        times = Times(world.clock(), ZoneInfo(world.settings.timezone))
        return render_template(
            "record.html", called=labels.RESOURCES.get(type, type), reference=f"{type}/{id}", version=row.version,
            changed=times.exact(row.updated), name=_called(found), element=request.args.get("element", "")[:200],
            body=msgspec.json.format(row.body, indent=2).decode(),
        )  # fmt: skip

    return pages


def answer(found: open.File) -> Response:
    """A file as it is sent to a browser: shown where nothing in it can run, else to be kept."""
    kind = found.content_type.partition(";")[0].strip().lower()
    shown = kind in SHOWN
    stem = re.sub(r"[^\w .,()-]+", "_", found.title).strip(" .") or "document"
    named = stem if "." in stem else stem + _ENDINGS.get(kind, "")
    way = "inline" if shown else "attachment"
    charset = _CHARSET.search(found.content_type)
    told = f"{kind}; charset={charset[1] if charset else 'utf-8'}" if kind == "text/plain" else kind
    sent = Response(found.data, content_type=told if shown else "application/octet-stream")
    plain = re.sub(r"[^ -~]|[\"\\]", "_", named)
    sent.headers["Content-Disposition"] = f"{way}; filename=\"{plain}\"; filename*=UTF-8''{quote(named)}"
    # A PDF is drawn by the browser's own viewer, which a sandbox would keep out.
    sent.headers["Content-Security-Policy"] = _CLOSED if kind == "application/pdf" else f"sandbox; {_CLOSED}"
    sent.headers["X-Frame-Options"] = "DENY"
    return sent


def _called(resource: Json) -> str:
    """What a person or a place is called; empty for what has no name."""
    return (
        name(resource) if isinstance(resource.get("name"), list) else text(resource, "name") or text(resource, "title")
    )
