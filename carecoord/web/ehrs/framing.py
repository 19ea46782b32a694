"""What differs in an EHR's frame: the cookies, who may frame a page, and how a write is known to be our own page's.

A cookie of a frame is SameSite=None, so it comes along with whatever another site sends; Partitioned, so that browsers
keep it at all, and only for that EHR's pages. The desk's cookie is another one, and neither opens what the other does.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from flask import g, request
from werkzeug.wrappers import Response

from auth.people.sessions import Session, is_csrf
from carecoord import errors
from carecoord.web.server.headers import policy
from carecoord.words.catalogue import spoken
from carecoord.world import World

COOKIE: Final = "cc-embed"
PROOF_LIFE: Final = 600  # seconds, as long as the state that it belongs to
FRAMES: Final = ("iframe", "frame", "embed", "object")


def session_cookie(world: World) -> str | None:
    """The value of the embedded session's cookie."""
    return request.cookies.get(_name(world, COOKIE))


def keep_session(world: World, answer: Response, value: str) -> None:
    """Set it."""
    _set(world, answer, COOKIE, value)


def drop_session(world: World, answer: Response) -> None:
    """Take it away."""
    _set(world, answer, COOKIE, "", life=0)


def proof(world: World, state: str) -> str | None:
    """What shows that this browser began the launch with this state."""
    return request.cookies.get(_name(world, _of(state)))


def keep_proof(world: World, answer: Response, state: str, value: str) -> None:
    """Set it. A cookie for each launch: two that begin at once must not take it from each other."""
    _set(world, answer, _of(state), value, life=PROOF_LIFE)


def drop_proof(world: World, answer: Response, state: str) -> None:
    """Take it away."""
    _set(world, answer, _of(state), "", life=0)


def has_cookies(world: World) -> bool:
    """Whether the browser sent any cookie of ours from before, and so keeps them here."""
    return any(name.startswith(_name(world, COOKIE)) for name in request.cookies)


def in_frame() -> bool:
    """Whether the browser says that this page goes into a frame; an old one that says nothing may mean one."""
    return request.headers.get("Sec-Fetch-Dest", FRAMES[0]) in FRAMES


def framed_by(origins: Sequence[str]) -> None:
    """Let these origins frame the answer to this request."""
    g.framed_by = tuple(origins)


def protect(answer: Response) -> Response:
    """Say in the answer who may frame it: whoever `framed_by` named, else nobody."""
    answer.headers["Content-Security-Policy"] = policy(frame_ancestors=g.get("framed_by", ()))
    return answer


def demand_own_page(world: World, session: Session | None = None) -> None:
    """Raise Forbidden for a write that another site's page sent: it must come from our own origin and, where there is a
    session, carry its token (design/desk.md section 7)."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    own = origin == _origin(world) if origin is not None else site == "same-origin"
    if not own or site not in (None, "same-origin"):
        raise errors.Forbidden(spoken("embed.this-form-not-from-our"), "http.origin")
    if session is not None and not is_csrf(session.csrf, request.form.get("csrf")):
        raise errors.Forbidden(spoken("embed.this-form-not-from-this"), "http.csrf")


def _origin(world: World) -> str:
    scheme, _, rest = world.settings.url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _of(state: str) -> str:
    return f"{COOKIE}-{hashlib.sha256(state.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _name(world: World, name: str) -> str:
    return f"__Host-{name}" if world.settings.secure_cookies else name


def _set(world: World, answer: Response, name: str, value: str, life: int | None = None) -> None:
    """Without TLS a browser takes no SameSite=None; then frames work only on the EHR's own site, as in development."""
    secure = world.settings.secure_cookies
    answer.set_cookie(
        _name(world, name), value, path="/", max_age=life, httponly=True, secure=secure,
        samesite="None" if secure else "Lax", partitioned=secure,
    )  # fmt: skip
