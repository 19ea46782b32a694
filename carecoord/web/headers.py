"""Security headers of every answer (design/desk.md section 7: full pages; nothing may frame them)."""

from flask import Flask, Response, request

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


def install(app: Flask, *, https: bool) -> None:
    """Add the headers to every answer of `app`. `https`: TLS stands in front, so say that it always will."""

    @app.after_request
    def secure(answer: Response) -> Response:
        for name, value in ALWAYS.items():
            answer.headers.setdefault(name, value)
        if https:
            answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        if answer.mimetype == "text/html":
            for name, value in PAGES.items():
                answer.headers.setdefault(name, value)
            answer.vary.update(("Cookie", "HX-Request"))
        if not request.path.startswith("/assets/"):
            answer.headers.setdefault("Cache-Control", "no-store")
        return answer
