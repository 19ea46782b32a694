"""The look: the page frames (templates/), and the static files under addresses that change with their content.

A static file's address carries the start of its sha256, so browsers may keep it for a year and never ask again.
"""

import functools
import hashlib
from pathlib import Path

from flask import Blueprint, Response, abort, request, send_from_directory
from markupsafe import Markup

STATIC = Path(__file__).parent / "static"
KINDS = {".css", ".js", ".svg", ".woff2"}
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
    """`/assets/...`, the folder templates/, and `asset()` and `icon()` for every template. Register it once per app."""
    pages = Blueprint("assets", __name__, template_folder="templates")
    pages.add_app_template_global(asset)
    pages.add_app_template_global(icon)
    pages.add_url_rule("/assets/<path:path>", "static", _serve)
    return pages


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
    return answer
