"""An EHR launches us for one patient: off to its sign-in, back with who it is, and a launch bound to a session.

    begin      /embed/launch: an `iss` that we know, and nobody else, is asked where people are let in
    arrive     /embed/callback/:  the code is exchanged, the id_token verified, the person known or let in
    settle     /embed/check:  the cookie came back, so the launch is bound to its session
    open_tab   /embed/tab:    it did not, so a tab of its own gets a session, by a value good once, for a minute

Clause: SMART App Launch 2.2 app-launch.html, "Launch App: EHR Launch". Nothing is read from the EHR's record here: the
patient is the one that sync brought under the id that follows from the EHR's.
"""

import hmac
from dataclasses import dataclass
from typing import Any, Final

import structlog

from auth import store
from auth.client import openid
from auth.client.backend import difference
from auth.client.openid import InvalidIdToken, OpenIDProvider
from auth.keys.fetched import KeySets
from auth.people import frame_launches, sessions
from auth.people.frame_launches import FrameLaunch
from auth.people.providers import FEDERATED
from auth.people.sessions import Session
from auth.store import User, digest, fresh
from carecoord.actions.access.audited import event
from carecoord.actions.ehrs import launch_client
from carecoord.actions.ehrs.launch_people import find_or_add_user
from carecoord.errors import Forbidden, Invalid, NotFound
from carecoord.store.database.engine import reading, writing
from carecoord.store.ehrs import ehrs
from carecoord.words.sentence import sentence
from carecoord.world import World
from fhir_adapters.ehr import Ehr
from fhir_adapters.identity import local_id

PURPOSE: Final = "embed"
LAUNCH: Final = "/embed/launch"
CALLBACK: Final = "/embed/callback/"  # one address for each EHR, so that no other can have its answer taken for theirs
ASSUMED: Final = {"openid", "launch"}  # shown to be granted by an id_token and a context, whatever the answer says
KEPT: Final = ("need_patient_banner", "encounter", "intent", "tenant")  # of the token response; its tokens are not

log = structlog.get_logger()


@dataclass(frozen=True)
class LaunchRedirect:
    """Where to send the browser. `proof`: for a cookie called after `state`; only who has it comes pending."""

    url: str
    state: str
    proof: str


@dataclass(frozen=True)
class CallbackParameters:
    """What came to the callback of an EHR. `proof`: of the cookie called after `state`, if the browser sent it."""

    ehr: str
    state: str
    code: str
    error: str
    iss: str | None
    proof: str | None


@dataclass(frozen=True)
class LaunchHandover:
    """A launch that the EHR has vouched for. `cookie`: a new session, or None where the one that the browser has goes
    on, or where it keeps none."""

    handover: str
    cookie: str | None


def ehr_of_issuer(world: World, iss: str) -> Ehr:
    """The EHR that launches us under this address. Raises Forbidden for any other, without asking anybody anything."""
    with reading(world.engine) as conn:
        found = [one for one in ehrs.every(conn) if one.launch and one.is_called(iss)]
    if not found:
        raise Forbidden(
            sentence("refusals.carecoord-not-registered-be-opened"),
            "http.iss",
        )
    return found[0]


def launch_address(world: World) -> str:
    """Our launch URL, the same for every EHR."""
    return f"{world.settings.url}{LAUNCH}"


def callback(world: World, name: str) -> str:
    """Our redirect URI at an EHR: what it is told when we are registered there."""
    return f"{world.settings.url}{CALLBACK}{name}"


def begin(world: World, one: Ehr, iss: str, launch: str) -> LaunchRedirect:
    """Ask the EHR where people are let in, and keep what must be known when the browser comes pending.

    `iss` is repeated to the EHR as `aud`, as it came. Raises BadGateway saying what is wrong with the EHR.
    """
    if not launch:
        raise Invalid(sentence("refusals.ehr-did-not-say-what"))
    provider, proof = launch_client.discover(world, one), fresh()
    kept = {"ehr": one.name, "proof": digest(proof).hex(), "party": launch_client.to_json(provider)}
    redirect_uri, asked = callback(world, one.name), {"aud": iss, "launch": launch}
    with writing(world.engine) as conn:
        begun = openid.start(conn, provider, redirect_uri, PURPOSE, kept, world.seconds(), **asked)
    return LaunchRedirect(begun.url, begun.state, proof)


def finish(
    world: World, keys: KeySets, answer: CallbackParameters, present: str | None, agent: str, request: str
) -> LaunchHandover:
    """Take the EHR's answer. `present`: the cookie that the browser has already; its session goes on if it is the same
    person's. Without `answer.proof` no session is opened here: see `open_tab`.

    Raises Forbidden for an answer that is not to a question of this browser's, that proves nothing, or that names
    somebody who may not be let in; BadGateway where the EHR does not play its part.
    """
    now = world.seconds()
    with writing(world.engine) as conn:
        pending = openid.take_state(conn, PURPOSE, answer.state, now)
    if pending is None:
        raise Forbidden(sentence("refusals.this-launch-was-used-already"))
    if answer.proof is not None and not hmac.compare_digest(pending.data["proof"], digest(answer.proof).hex()):
        raise Forbidden(sentence("refusals.this-launch-was-begun-in"))
    if pending.data["ehr"] != answer.ehr:
        raise Forbidden(sentence("refusals.answer-came-from-another-ehr"))
    one = _launching_ehr(world, answer.ehr)
    provider = launch_client.from_json(one, pending.data["party"])
    if answer.error or not answer.code:
        said = answer.error[:80] or "no code"
        raise Forbidden(sentence("refusals.did-not-let-you-in", name=one.name, said=said))
    try:
        openid.check_issuer(provider, answer.iss)
        told = launch_client.exchange_code(world, one, provider, pending, answer.code)
        claims = openid.verify_id_token(
            told.get("id_token") or "", provider, keys, pending.nonce, now, told["access_token"]
        )
    except InvalidIdToken as refused:
        _audit(world, request, "sign-in", 403, ehr=one.name)
        log.warning("launch_unproven", ehr=one.name, request=request, text=refused.text)
        raise Forbidden(refused.text) from refused
    launched = _frame_launch(one, provider, told, request)
    try:
        who = find_or_add_user(world, one, claims)
    except Forbidden:
        _audit(world, request, "sign-in", 403, ehr=one.name)
        raise
    with writing(world.engine) as conn:
        store.purge(conn, now)
        known = sessions.find(conn, present, now, kind="embed")  # now: to be recognised may have ended it
        goes_on = answer.proof is None or (known is not None and known.user.id == who.id)
        cookie = None if goes_on else sessions.open_session(conn, who, agent, now, amr=FEDERATED, kind="embed")
        handover = frame_launches.hand_over(conn, who.id, launched, now)
    _audit(world, request, "sign-in", 200, who, ehr=one.name)
    return LaunchHandover(handover, cookie)


def bind_to_session(world: World, handover: str, present: Session | None, request: str) -> str | None:
    """Bind the launch to the session whose cookie came back, and return the launch's id; None when none of that person
    did. Raises NotFound when the handover is over."""
    now = world.seconds()
    with writing(world.engine) as conn:
        kept = frame_launches.peek(conn, handover, now)
        if kept is None:
            raise NotFound(sentence("refusals.this-launch-was-used-already"))
        if present is None or present.user.id != kept.user:
            return None
        frame_launches.take(conn, handover, now)
        id = frame_launches.start(conn, present, kept.launched, now)
    opened = kept.launched
    _audit(world, request, "launch", 200, present.user, ehr=opened.ehr, launch=id, patient=opened.patient)
    return id


def ehr_of_handover(world: World, handover: str) -> Ehr | None:
    """The EHR that a handover came from, while it is good."""
    with reading(world.engine) as conn:
        kept = frame_launches.peek(conn, handover, world.seconds())
        return _ehr(conn, kept.launched.ehr) if kept else None


def open_tab(world: World, handover: str, agent: str) -> LaunchHandover:
    """A session for whoever shows the handover, in the tab or the frame where it was shown; and the next handover, to
    see whether the cookie comes back this time. Raises NotFound when it is over."""
    now = world.seconds()
    with writing(world.engine) as conn:
        kept = frame_launches.take(conn, handover, now)
        who = store.find_user(conn, kept.user) if kept else None
        if kept is None or who is None or who.disabled:
            raise NotFound(sentence("refusals.this-button-works-once-for"))
        cookie = sessions.open_session(conn, who, agent, now, amr=FEDERATED, kind="embed")
        return LaunchHandover(frame_launches.hand_over(conn, who.id, kept.launched, now), cookie)


def hand_over(world: World, session: Session, launched: FrameLaunch) -> str:
    """A handover for a tab beside the frame, which goes on being good."""
    with writing(world.engine) as conn:
        return frame_launches.hand_over(conn, session.user.id, launched, world.seconds())


def find_session(world: World, cookie: str | None) -> Session | None:
    """The embedded session of a cookie, its use noted, or None. A session of the desk is none."""
    if not cookie:
        return None
    now = world.seconds()
    with reading(world.engine) as conn:
        found = sessions.find(conn, cookie, now, kind="embed")
    if found and found.stale(now):
        with writing(world.engine) as conn:
            sessions.touch(conn, found, now)
    return found


def find_launch(world: World, id: str, session: Session | None) -> tuple[FrameLaunch | None, bool]:
    """The launch of this id, and whether it is this session's to see."""
    now = world.seconds()
    with reading(world.engine) as conn:
        found = frame_launches.find(conn, id, now)
        owner = frame_launches.owner(conn, id, session, now) if found and session else None
    if session and owner is not None and owner != session.hash:
        with writing(world.engine) as conn:
            frame_launches.move(conn, id, session)
    return found, owner is not None


def close(world: World, id: str, cookie: str | None) -> None:
    """End a launch and the session that it is shown in."""
    with writing(world.engine) as conn:
        frame_launches.end(conn, id)
        sessions.end_session(conn, cookie)


def origins(world: World, name: str) -> tuple[str, ...]:
    """The pages that may frame what an EHR opened."""
    with reading(world.engine) as conn:
        one = _ehr(conn, name)
    return one.launch.origins if one and one.launch else ()


def _frame_launch(one: Ehr, provider: OpenIDProvider, told: dict[str, Any], request: str) -> FrameLaunch:
    """The context of the token response, its patient under our id; and what was not granted, for the page to say."""
    said = told.get("scope")
    granted = said if isinstance(said, str) and said.strip() else provider.scope
    missing = [scope for scope in difference(provider.scope, granted).missing if scope not in ASSUMED]
    if missing:
        log.warning("launch_scopes", ehr=one.name, request=request, asked=provider.scope, missing=missing)
    patient = told.get("patient")
    known = patient.removeprefix("Patient/") if isinstance(patient, str) else ""
    context = {name: told[name] for name in KEPT if name in told} | {"missing": missing}
    return FrameLaunch(one.name, local_id(one.name, "Patient", known) if known else None, context)


def _launching_ehr(world: World, name: str) -> Ehr:
    with reading(world.engine) as conn:
        one = _ehr(conn, name)
    if one is None or one.launch is None:
        raise Forbidden(sentence("refusals.this-ehr-may-not-open"))
    return one


def _ehr(conn: Any, name: str) -> Ehr | None:
    try:
        return ehrs.get(conn, name)
    except NotFound:
        return None


def _audit(
    world: World, request: str, interaction: str, status: int, who: User | None = None, *, ehr: str, **about: Any
) -> None:
    """That somebody came stands in the trail as a sign-in; what they were shown, as a launch with its id and patient,
    under which everything is noted that is read in it."""
    world.journal.append(event(world.clock(), request, interaction, status, by=who, query=f"ehr={ehr}", **about))
