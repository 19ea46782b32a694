"""A person lets an app in, sees what they have let in, takes it back; and the desk launches an app.

The protocol is auth.server.authorize; here are the transactions, and whose patients may be picked.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict

from auth import store
from auth.grant import Grant
from auth.people.sessions import Session
from auth.server import authorizations, authorize, launch
from auth.server.authorizations import Authorization
from auth.server.authorize import AuthorizationAnswer, AuthorizationRequest
from auth.server.issuer import Issuer
from auth.server.server import Server
from carecoord.actions.access.audited import event, noted
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.fhir import read as fhir_read
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource import patient as person
from carecoord.domain.resource.elements import Json, item, items, key, target, text, words
from carecoord.domain.resource.present import Present
from carecoord.errors import NotFound
from carecoord.fhir import text as json
from carecoord.fhir.search.collation import fold
from carecoord.fhir.search.query import parse
from carecoord.store.audit.events import record
from carecoord.store.database.engine import reading, writing
from carecoord.store.search.patients import name_or_number
from carecoord.store.search.search import find
from carecoord.words.sentence import sentence
from carecoord.world import World

DAYS = authorize.OFFLINE_LIFE // 86_400
FOUND = 20  # patients or encounters shown to pick from
Params = MultiDict[str, str]


@dataclass(frozen=True)
class Choice:
    """A patient or an encounter to pick: its id, what it is called, and what tells it from another: a FHIR date (of
    birth; of the beginning), a code (administrative gender; status of the encounter) and an MRN."""

    id: str
    name: str
    at: str
    code: str
    mrn: str = ""


def read_request(world: World, issuer: Issuer, params: Params, who: Session | None) -> AuthorizationRequest:
    """The app's request, if it is good. Raises OAuth2Error (see auth.server.authorize.read)."""
    with reading(world.engine) as conn:
        return authorize.read(_server(world, issuer, conn), params, who.user if who else None)


def error_redirect(world: World, issuer: Issuer, error: OAuth2Error) -> str:
    """Where to send the browser so that the app learns of the error."""
    with reading(world.engine) as conn:
        return str(authorize.error_redirect(_server(world, issuer, conn), error).location)


def allow(
    world: World, issuer: Issuer, params: Params, who: Session, scope: str, picked: dict[str, str], request: str
) -> str:
    """Where to send the browser with the code. What was picked must be what the person may see: NotFound otherwise."""
    grant = who.grant()
    of = read_request(world, issuer, params, who).context.get("patient") or picked.get("patient")
    if "patient" in picked:
        patient(world, grant, picked["patient"], request)
    if "encounter" in picked:
        encounter(world, grant, picked["encounter"], of, request)
    with writing(world.engine) as conn:
        answer = AuthorizationAnswer(who.user, who.started, scope, dict(picked), who.amr)
        location = str(authorize.allow(_server(world, issuer, conn), params, answer).location)
        _record_consent(world, conn, who, params, request, _new_authorization(world, conn, who, params), of)
        return location


def refuse(world: World, issuer: Issuer, params: Params, who: Session, error: str, request: str = "") -> str:
    """Where to send the browser with the no."""
    with writing(world.engine) as conn:
        if error == "access_denied":
            _record_consent(world, conn, who, params, request, None, None)
        return str(authorize.refuse(_server(world, issuer, conn), params, who.user, error).location)


def _new_authorization(world: World, conn: Connection, who: Session, params: Params) -> Authorization | None:
    """What the person has just given the app; None where nothing was left to give."""
    now = world.seconds()
    ours = (one for one in authorizations.of_user(conn, who.user.id, now) if one.client == params.get("client_id"))
    newest = next(ours, None)
    return newest if newest and newest.granted == now else None


def _record_consent(
    world: World, conn: Connection, who: Session, params: Params, request: str, given: Authorization | None,
    patient: str | None,
) -> None:  # fmt: skip
    """Audit that a person let an app in, with what scopes, or did not."""
    client = (params.get("client_id") or "")[:200] or None
    about: dict[str, Any] = {"client": client}
    if given:
        about |= {"query": f"scope={given.scope}", "patient": patient, "launch": given.id}
    record(conn, [event(world.clock(), request, "consent" if given else "consent-refused", by=who.user, **about)])


def patients(world: World, grant: Grant, said: str, request: str) -> list[Choice]:
    """Patients that the asker may see, by the beginnings of their names or by a whole number of the record."""
    with looking(world, grant, request) as turn:
        asked = name_or_number(said) or [[("_sort", "family")]]
        found: dict[str, Choice] = {}
        for pairs in asked:
            picks = (_patient(each, turn.present()) for each in _search(turn, "Patient", pairs))
            found |= {pick.id: pick for pick in picks}
        return list(found.values())[:FOUND]


def patient(world: World, grant: Grant, id: str, request: str) -> Choice:
    """The patient, if the asker may see them. Raises NotFound."""
    with looking(world, grant, request) as turn:
        return _patient(json.loads(fhir_read.present(turn, "Patient", id).body), turn.present())


def encounters(world: World, grant: Grant, patient_id: str, request: str) -> list[Choice]:
    """The patient's encounters, latest first."""
    with looking(world, grant, request) as turn:
        asked = [("patient", f"Patient/{patient_id}"), ("_sort", "-date")]
        return [_encounter(found) for found in _search(turn, "Encounter", asked)]


def encounter(world: World, grant: Grant, id: str, patient_id: str | None, request: str) -> Choice:
    """The encounter, if the asker may see it and it is this patient's. Raises NotFound."""
    with looking(world, grant, request) as turn:
        found = json.loads(fhir_read.present(turn, "Encounter", id).body)
        if patient_id and target(item(found, "subject")) != f"Patient/{patient_id}":
            raise NotFound(sentence("refusals.encounter-not-patient", id=id, patient_id=patient_id))
        return _encounter(found)


def own_authorizations(world: World, who: Session) -> list[Authorization]:
    """The apps that this person has let in."""
    with reading(world.engine) as conn:
        return authorizations.of_user(conn, who.user.id, world.seconds())


def revoke(world: World, who: Session, id: str, request: str = "") -> None:
    """End one of the person's own authorizations, its tokens at once. Raises NotFound for what is not theirs."""
    with writing(world.engine) as conn:
        found = authorizations.find(conn, id, world.seconds())
        if found is None or found.user != who.user.id:
            raise NotFound(sentence("refusals.there-no-such-permission-yours"))
        authorizations.revoke(conn, id)
        at = world.clock()
        record(conn, [event(at, request, "token-revoked", by=who.user, client=found.client, launch=id)])


def launchable_apps(world: World) -> list[store.Client]:
    """The apps that the desk can launch."""
    with reading(world.engine) as conn:
        found = [app for app in store.clients(conn) if app.launch_url and not app.disabled]
    return sorted(found, key=lambda app: fold(app.name))


def start_app(world: World, issuer: Issuer, who: Session, client_id: str, referral: str, request: str) -> str:
    """Where to send the browser to start an app on a referral: its patient and the referral itself as context.

    Raises NotFound for an app that is not there or a referral that the person may not see.
    """
    with looking(world, who.grant(), request) as turn:
        order = json.loads(fhir_read.present(turn, *order_named(referral)).body)
    context = _context(order)
    with writing(world.engine) as conn:
        app = store.find_client(conn, client_id)
        if app is None or app.disabled or not app.launch_url:
            raise NotFound(sentence("refusals.there-no-such-app-launch"))
        value = launch.start(conn, app, who.user.id, context, world.seconds())
    return launch.address(issuer, app, value)


def _context(order: Json) -> dict[str, Any]:
    """What the token response will say: SMART 2.2 fhirContext is a list of objects, each with a relative reference."""
    shown = [{"reference": key(order)}]
    context: dict[str, Any] = {"need_patient_banner": True, "fhirContext": shown}
    for name, element, type in (("patient", "subject", "Patient"), ("encounter", "encounter", "Encounter")):
        kind, _, id = target(item(order, element)).partition("/")
        if kind == type and id:
            context[name] = id
    return context


def _search(turn: Turn, type: str, pairs: list[tuple[str, str]]) -> list[Json]:
    with noted(turn, "search", type, query=urlencode(pairs)) as shown:
        turn.demand(type, "s")
        page = find(turn.conn, parse(type, pairs, turn.world.base, strict=True), turn.may("s"), page_size=FOUND)
        shown += [row.patient for row in page.rows]
        return [json.loads(row.body) for row in page.rows]


def _patient(found: Json, present: Present) -> Choice:
    name, mrn = person.name(found, present) or "No name", person.record_number(found, present)
    return Choice(str(found["id"]), name, person.birth_date(found), text(found, "gender"), mrn)


def _encounter(found: Json) -> Choice:
    kinds = [words(each) for each in items(found, "type")] + [text(item(found, "class"), "display")]
    called, began = next(filter(None, kinds), "Encounter"), text(item(found, "period"), "start")
    return Choice(str(found["id"]), called, began, text(found, "status"))


def _server(world: World, issuer: Issuer, conn: Connection) -> Server:
    return Server(issuer, conn, world.seconds())
