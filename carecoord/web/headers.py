"""Security headers of every answer (design/desk.md section 7: full pages; nothing may frame them)."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # not no-referrer: the CSRF check wants a same-host Referer over https
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PAGES = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

_PAGE = [*PAGES.items(), ("Vary", "Cookie, HX-Request")]


def install(app: Flask, *, https: bool) -> None:
    """Add the headers to every answer of `app`, where it does not say otherwise itself. `https`: TLS stands in front,
    so say that it always will."""
    always = list(ALWAYS.items())
    if https:
        always.append(("Strict-Transport-Security", "max-age=31536000; includeSubDomains"))
    inner = app.wsgi_app

    def secured(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            given = {name.lower(): value for name, value in headers}
            more = [*always, *(_PAGE if given.get("content-type", "").startswith("text/html") else ())]
            if not environ["PATH_INFO"].startswith("/assets/"):
                more.append(("Cache-Control", "no-store"))
            headers += [pair for pair in more if pair[0].lower() not in given or pair[0] == "Vary"]
            return start_response(status, headers, exc_info)

        return inner(environ, start)

    app.wsgi_app = secured  # type: ignore[method-assign]
