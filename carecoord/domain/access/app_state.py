"""SMART app state: a Basic resource in which an app keeps what it must remember. Pure.

Clause: SMART App Launch 2.2 app-state.html. An app has only its own state: that of a code system which is its own, the
origin of an address that an admin registered for it, or the system that we give every app. It speaks of the patient in
the launch context, of the person who uses the app, or of nobody: then every user of the app reads it, and only an admin
changes it.
"""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from auth.grant import Grant
from auth.scopes import Alternatives, permits
from carecoord.domain.access import verbs
from carecoord.errors import Stale, TooLarge, Unprocessable
from carecoord.fhir import text
from carecoord.fhir.etag import Expected
from carecoord.fhir.search.operands import escape

TYPE: Final = "Basic"
LARGEST: Final = 256 * 1024  # bytes of a resource, as the clause has it
_LOCAL: Final = ("127.0.0.1", "localhost", "::1")  # every app of a workstation has such an origin, so it is nobody's


def systems(url: str, client: str, addresses: Iterable[str]) -> tuple[str, ...]:
    """The code systems of an app's state. `addresses`: those that are registered for it."""
    parts = (urlsplit(address) for address in addresses)
    origins = (f"{one.scheme}://{one.netloc}" for one in parts if one.hostname not in _LOCAL)
    return tuple(dict.fromkeys([f"{url}/apps/{client}", *origins]))


def ways(grant: Grant, own: tuple[str, ...], perm: str) -> Alternatives:
    """Which state an app may do this to (`perm`: a letter of cruds), as alternatives of search arguments."""
    code = ("code", ",".join(escape(system) + "|" for system in own))
    patient = ("subject", f"Patient/{grant.patient}") if grant.patient else None
    user = ("subject", str(grant.fhir_user)) if grant.fhir_user else None
    nobody = ("subject:missing", "true") if perm in "rs" or verbs.may(grant.roles, "manage-apps") else None
    about = {"patient": (patient,), "user": (patient, user, nobody)}
    return tuple(
        (*scope, subject, code)
        for level, subjects in about.items()
        for scope in permits(grant.scopes, level, TYPE, perm) or ()
        for subject in subjects
        if subject and own
    )


def judge(state: dict[str, Any]) -> None:
    """Raise Unprocessable, or TooLarge, for what no app state may be."""
    if len(text.dumps(state)) > LARGEST:
        raise TooLarge(f"App state has at most {LARGEST // 1024} KB; keep the rest elsewhere.", TYPE)
    codings = state.get("code", {}).get("coding", ())
    if len(codings) != 1 or not codings[0].get("system") or not codings[0].get("code"):
        raise Unprocessable("App state has exactly one coding, with system and code.", f"{TYPE}.code.coding")
    for extension in state.get("extension", ()):
        if set(extension) - {"id"} != {"url", "valueString"}:
            raise Unprocessable("App state is kept in extensions with a valueString.", f"{TYPE}.extension")


def demand_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Raise Stale when an update makes it the state of something else."""
    for name in ("subject", "code"):
        if before.get(name) != after.get(name):
            raise Stale(f"{name} of app state never changes; create another one instead.", f"{TYPE}.{name}")


def demand_version(expected: Expected | None) -> None:
    """Raise Stale for a change that does not say which version it changes."""
    if expected is None:
        raise Stale("Send If-Match with the ETag of the state that you read.", "http.If-Match")
