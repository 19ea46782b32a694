"""The look: the page frames (templates/), and the static files under addresses that change with their content.

A static file's address carries the start of its sha256, so browsers may keep it for a year and never ask again. Text
goes out gzipped to who takes it: a file holds no secret and reflects nothing, unlike a page (BREACH).
"""

import functools
import gzip
import hashlib
from pathlib import Path
from typing import NamedTuple

from flask import Blueprint, Response, abort, request, send_from_directory
from markupsafe import Markup

from carecoord.web.page import language
from carecoord.web.page.scripts import script_words

STATIC = Path(__file__).parents[1] / "static"
KINDS = {".css", ".js", ".svg", ".woff2"}
PACKED = {".css", ".js", ".svg"}  # a font is compressed already
SPRITE = "vendor/lucide-1.62.0/sprite.svg"
YEAR = 31_536_000


@functools.cache
def asset(path: str) -> str:
    """The address of a static file, e.g. `/assets/app.css?v=3f0c9a1b22d4`. KeyError-like failure: FileNotFoundError."""
    return f"/assets/{path}?v={hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]}"


@functools.cache
def icon(name: str, label: str = "") -> Markup:
    """An icon of the sprite. Without a label it is decoration, hidden from screen readers."""
    heard = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon" {}><use href="{}#{}"/></svg>').format(heard, asset(SPRITE), name)


def blueprint() -> Blueprint:
    """`/assets/...`, the folder templates/, and `asset()`, `icon()`, `say()` for every template. Register it once per
    app."""
    pages = Blueprint("assets", __name__, template_folder="../templates")
    pages.record_once(lambda registered: language.install(registered.app))
    pages.add_app_template_global(asset)
    pages.add_app_template_global(icon)
    pages.add_app_template_global(script_words)
    pages.add_url_rule("/assets/<path:path>", "static", _serve)
    return pages


class Packed(NamedTuple):
    """A static file, gzipped. tag: its ETag, another one than the plain file's."""

    body: bytes
    tag: str


@functools.lru_cache(maxsize=256)
def _packed(path: Path, changed: int) -> Packed:
    """The file as it was at `changed` (nanoseconds)."""
    body = gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)
    return Packed(body, hashlib.sha256(body).hexdigest()[:32])


def _serve(path: str) -> Response:
    if Path(path).suffix not in KINDS:
        abort(404)
    answer = send_from_directory(STATIC, path, max_age=YEAR)
    # the font is asked for by app.css, without a hash: its folder's name carries the version
    if "v" in request.args or path.startswith("vendor/"):
        answer.cache_control.immutable = True
        answer.cache_control.public = True
    else:
        answer.cache_control.max_age = 0
    if Path(path).suffix in PACKED:
        answer.vary.add("Accept-Encoding")
        if request.accept_encodings["gzip"] > 0 and "Range" not in request.headers:
            _pack(answer, STATIC / path)
    return answer


def _pack(answer: Response, path: Path) -> None:
    """The same file, gzipped (RFC 9110 section 8.4.1.3)."""
    packed = _packed(path, path.stat().st_mtime_ns)
    answer.close()
    answer.direct_passthrough = False
    answer.status_code = 200
    answer.set_data(packed.body)
    answer.content_encoding = "gzip"
    answer.headers.pop("Accept-Ranges", None)
    answer.set_etag(packed.tag)
    answer.make_conditional(request)
