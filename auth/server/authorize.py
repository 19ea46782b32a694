"""The authorization request of an app, between its arrival and the person's answer.

Clause: RFC 6749 section 4.1.1, SMART App Launch 2.2 app-launch.html. Nothing is kept between the two: the request is
validated again when the answer comes, from the same parameters.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import Response
from werkzeug.datastructures import MultiDict

from auth import store
from auth.scopes import Scope, Special, intersect, names, parse, render
from auth.server import launch
from auth.server.authlib_models import AuthlibRequest, refuse_repeated, refuse_unprintable
from auth.server.authorizations import Authorization
from auth.server.issuer import AUTHORIZE_PATH
from auth.server.server import ACCESS_LIFE, Server

Scopes = tuple[Scope | Special, ...]

OFFLINE_LIFE: Final = 90 * 86_400  # seconds until a person is asked again at the latest
ONLINE_LIFE: Final = 43_200
FRESH: Final = 120  # seconds within which a sign-in counts as the one that prompt=login asked for


@dataclass(frozen=True)
class AuthorizationRequest:
    """A good request. `scopes` is all that may be granted; `context` comes from our own desk in an EHR launch, by
    `launched_by`, and is empty in a standalone one."""

    client: store.Client
    redirect_uri: str
    scopes: Scopes
    context: dict[str, Any]
    launched_by: str | None
    prompt: frozenset[str]
    max_age: int | None

    def needs_patient(self) -> bool:
        """Whether a patient must be chosen: launch/patient asks for it, and a patient scope means nothing without."""
        asked = _of_patient(self.scopes) or "launch/patient" in names(self.scopes)
        return asked and "patient" not in self.context

    def needs_encounter(self) -> bool:
        return "encounter" not in self.context and "launch/encounter" in names(self.scopes)

    def needs_sign_in(self, started: int, now: int) -> bool:
        """Whether a session that began then is too old for what the app asked."""
        oldest = FRESH if "login" in self.prompt else self.max_age
        return oldest is not None and now - started > max(oldest, FRESH)


@dataclass(frozen=True)
class AuthorizationAnswer:
    """The person's yes: who they are, since when and how (`amr`) signed in, the scopes they left standing, what they
    picked (`patient`, `encounter`: ids)."""

    who: store.User
    signed_in: int
    scope: str
    picked: dict[str, Any]
    amr: str = ""


@dataclass(frozen=True)
class Decision:
    """What the code will stand for."""

    authorization: Authorization
    signed_in: int
    amr: str = ""


def read(server: Server, params: MultiDict[str, str], who: store.User | None) -> AuthorizationRequest:
    """The request, if it is good; `who` is signed in. Raises OAuth2Error: one with a redirect_uri is for the app
    (`told`), one without only for the person, for nobody knows whose address it is (RFC 6749 section 4.1.2.1)."""
    grant = _grant(server, params, who)
    context, launched_by = _launched(server, grant)
    max_age = params.get("max_age", "")
    return AuthorizationRequest(
        grant.request.client.row, grant.redirect_uri, parse(grant.request.scope), context, launched_by,
        frozenset(params.get("prompt", "").split()), int(max_age) if max_age.isdecimal() else None,
    )  # fmt: skip


def allow(server: Server, params: MultiDict[str, str], answer: AuthorizationAnswer) -> Response:
    """The redirect that carries a code, or access_denied when nothing is left to grant. Raises OAuth2Error."""
    wanted = read(server, params, answer.who)
    granted = intersect(parse(answer.scope), wanted.scopes)
    context = _context(server, granted, answer.picked | wanted.context)
    if not granted or (wanted.launched_by or answer.who.id) != answer.who.id or _lacks_patient(granted, context):
        return refuse(server, params, answer.who, "access_denied")
    scope, now = render(granted), server.now
    until = now + _life(names(granted))
    given = Authorization(str(uuid4()), wanted.client.id, answer.who.id, scope, context, now, now, until)
    grant, decision = _grant(server, params, answer.who), Decision(given, answer.signed_in, answer.amr)
    redirect: Response = server.create_authorization_response(grant.request, decision, grant)
    return redirect


def refuse(server: Server, params: MultiDict[str, str], who: store.User, error: str) -> Response:
    """The redirect that tells the app no: access_denied, consent_required, interaction_required."""
    grant = _grant(server, params, who)
    return error_redirect(server, OAuth2Error(error=error, redirect_uri=grant.redirect_uri, state=params.get("state")))


def error_redirect(server: Server, error: OAuth2Error) -> Response:
    """An error as the app gets it, by redirect, the issuer named (RFC 9207 section 2)."""
    answer: Response = server.handle_error_response(None, error)
    server.execute_hook("after_create_authorization_response", answer)
    return answer


def _grant(server: Server, params: MultiDict[str, str], who: store.User | None) -> Any:
    refuse_repeated(params)
    refuse_unprintable(params, "redirect_uri", "response_type")
    return server.get_consent_grant(AuthlibRequest(server.issuer.url + AUTHORIZE_PATH, params, {}, "GET"), who)


def _launched(server: Server, grant: Any) -> tuple[dict[str, Any], str | None]:
    """The context of an EHR launch, and who started it."""
    params, wants = grant.request.payload.data, names(parse(grant.request.scope))
    if "launch" not in wants:
        return {}, None
    found = launch.find(server.conn, params.get("launch", ""), grant.request.client.row.id, server.now)
    if found is None:
        text = "The launch value is missing, over, or not of this app. Launch it again."
        raise InvalidRequestError(text, redirect_uri=grant.redirect_uri, state=params.get("state"))
    who, context = found
    return context, who


def _context(server: Server, granted: Scopes, known: dict[str, Any]) -> dict[str, Any]:
    """What the token response will add: of the context only what the scopes left standing speak of."""
    special = names(granted)
    if not special & {"launch", "launch/patient"} and not _of_patient(granted):
        known = {name: value for name, value in known.items() if name != "patient"}
    if not special & {"launch", "launch/encounter"}:
        known = {name: value for name, value in known.items() if name != "encounter"}
    return {"need_patient_banner": True, "smart_style_url": server.issuer.style_url} | known


def _of_patient(scopes: Scopes) -> bool:
    return any(isinstance(scope, Scope) and scope.level == "patient" for scope in scopes)


def _lacks_patient(granted: Scopes, context: dict[str, Any]) -> bool:
    """Whether a patient scope is left without a patient that it could mean."""
    return _of_patient(granted) and "patient" not in context


def _life(granted: frozenset[str]) -> int:
    if "offline_access" in granted:
        return OFFLINE_LIFE
    return ONLINE_LIFE if "online_access" in granted else 2 * ACCESS_LIFE
