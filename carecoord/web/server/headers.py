"""Security headers of every answer (design/desk.md section 7). Nothing may frame the desk; a page under /embed/ may be
framed by the EHR that opened it, and says so itself by `policy`. Until it does, by nobody."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from flask import Flask

from carecoord.web.server.exchange import Headers, Write

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

EMBEDDED: Final = "/embed/"
LINKS: Final = "/guest/"  # whatever is asked below it, a page of ours or none: the address is a secret


def policy(*, form_action: Sequence[str] = (), frame_ancestors: Sequence[str] = ()) -> str:
    """The Content-Security-Policy of a page: our own files and nothing inline. form_action: origins beside ours that a
    form may end at, for browsers hold it against redirects too. frame_ancestors: origins that may frame the page."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            " ".join(["form-action 'self'", *form_action]),
            "base-uri 'none'",
            " ".join(["frame-ancestors", *(frame_ancestors or ("'none'",))]),
        ]
    )


CONTENT_SECURITY_POLICY = policy()
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # not no-referrer: the CSRF check wants a same-host Referer over https
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
OF_LINKS = {**ALWAYS, "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow, noarchive"}
PAGES = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# In a frame: X-Frame-Options knows no origins, so frame-ancestors alone decides. An EHR whose pages are isolated
# (Cross-Origin-Embedder-Policy) frames only what says that it is isolated too, and that it may be fetched from there.
FRAMED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
FRAMED_PAGES = {name: value for name, value in PAGES.items() if name != "X-Frame-Options"}

_VARY = ("Vary", "Cookie, HX-Request")
_NOT_KEPT = ("cache-control", ("Cache-Control", "no-store"))


def install(app: Flask, *, https: bool) -> None:
    """Add the headers to every answer of `app`, where it does not say otherwise itself. `https`: TLS stands in front,
    so say that it always will."""
    strict = [("Strict-Transport-Security", "max-age=31536000; includeSubDomains")] if https else []
    desk = _named([*ALWAYS.items(), *strict]), _named([*PAGES.items(), _VARY])
    linked = _named([*OF_LINKS.items(), *strict]), _named([*PAGES.items(), _VARY])
    framed = _named([*FRAMED.items(), *strict]), _named([*FRAMED_PAGES.items(), _VARY])
    inner = app.wsgi_app

    def secured(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        always, page = framed if path.startswith(EMBEDDED) else linked if path.startswith(LINKS) else desk

        def start(status: str, headers: Headers, exc_info: Any = None) -> Write:
            given = {name.lower(): value for name, value in headers}
            more = [*always, *(page if given.get("content-type", "").startswith("text/html") else ())]
            if not path.startswith("/assets/"):
                more.append(_NOT_KEPT)
            headers += [pair for name, pair in more if name not in given or name == "vary"]
            return start_response(status, headers, exc_info)

        return inner(environ, start)

    app.wsgi_app = secured  # type: ignore[method-assign]


def _named(headers: Iterable[tuple[str, str]]) -> list[tuple[str, tuple[str, str]]]:
    """Each under its name as it is compared."""
    return [(name.lower(), (name, value)) for name, value in headers]
