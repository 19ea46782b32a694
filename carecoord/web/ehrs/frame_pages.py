"""The pages inside an EHR's frame, all under /embed/ (design/desk.md section 7).

    /embed/launch                     the EHR opens us; on to its sign-in by a GET redirect
    /embed/callback/<ehr>                 back from there
    /embed/check                      did the cookie come back? else a page that opens a tab of its own
    /embed/tab                        that tab
    /embed/l/<launch>/                the patient's referrals; under it one referral, the patient's own page with what
                                      is done on it, the way to a tab, the way out

What belongs to a launch stands under its id in the path, so two patients open at once never mix. Links stay in the
frame: nothing here leads to the desk.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, g, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from auth.grant import Grant
from auth.keys.fetched import KeySets
from auth.people.frame_launches import FrameLaunch
from auth.people.sessions import Session
from carecoord.actions.ehrs import launch as ehrs_launch
from carecoord.actions.ehrs import launch_cases, launch_people
from carecoord.actions.ehrs.launch import CALLBACK, LAUNCH, CallbackParameters
from carecoord.actions.worklist import worklist
from carecoord.errors import Forbidden, NotFound, Problem, Unauthorized
from carecoord.web.ehrs import frame_patient, frame_view, framing
from carecoord.web.patients.screen import Screen
from carecoord.web.referrals import view as referrals_view
from carecoord.web.server.exchange import request_id
from carecoord.web.worklist import queues
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

CHECK = "/embed/check"
TAB = "/embed/tab"
TITLES: Mapping[int, str] = Glossary(
    {
        401: sentence("embed.titles.401"),
        403: sentence("embed.titles.403"),
        404: sentence("embed.titles.404"),
        502: sentence("embed.titles.502"),
    }
)


@dataclass(frozen=True)
class LaunchSession:
    """One launch in front of the session that it belongs to."""

    id: str
    launched: FrameLaunch
    session: Session

    @property
    def home(self) -> str:
        return f"/embed/l/{self.id}/"


def blueprint(world: World, keys: KeySets) -> Blueprint:
    """The pages. `keys`: of those who sign id_tokens."""
    pages = Blueprint("embed", __name__, template_folder="../templates")
    pages.after_request(framing.protect)
    pages.register_error_handler(Problem, _problem)
    _launching(pages, world, keys)
    _checking(pages, world)
    inside = Blueprint("launched", __name__, url_prefix="/embed/l/<launch>")
    _guard(inside, world)
    _showing(inside, world)
    _working(inside, world)
    _leaving(inside, world)
    pages.register_blueprint(inside)
    return pages


def _launching(pages: Blueprint, world: World, keys: KeySets) -> None:
    @pages.get(LAUNCH)
    def launch() -> Response:
        iss = request.args.get("iss", "")
        one = ehrs_launch.ehr_of_issuer(world, iss)
        framing.framed_by(ehrs_launch.origins(world, one.name))
        begun = ehrs_launch.begin(world, one, iss, request.args.get("launch", ""))
        answer = redirect(begun.url, 303)
        framing.keep_proof(world, answer, begun.state, begun.proof)
        return answer

    @pages.get(f"{CALLBACK}<ehr>")
    def callback(ehr: str) -> Response:
        framing.framed_by(ehrs_launch.origins(world, ehr))
        state = request.args.get("state", "")
        proof = framing.proof(world, state)
        if proof is None and (framing.has_cookies(world) or not framing.in_frame()):
            # A browser that keeps cookies here would have brought the launch's own: somebody else began this one.
            raise Forbidden(spoken("embed.this-browser-did-not-begin"))
        told = request.args
        said = CallbackParameters(ehr, state, told.get("code", ""), told.get("error", ""), told.get("iss"), proof)
        kept = framing.session_cookie(world)
        came = ehrs_launch.finish(world, keys, said, kept, str(request.user_agent), request_id())
        answer = redirect(f"{CHECK}?code={came.handover}", 303)
        framing.drop_proof(world, answer, state)
        if came.cookie:
            framing.keep_session(world, answer, came.cookie)
        return answer


def _checking(pages: Blueprint, world: World) -> None:
    @pages.get(CHECK)
    def check() -> Response:
        handover = request.args.get("code", "")
        present = ehrs_launch.find_session(world, framing.session_cookie(world))
        one = ehrs_launch.ehr_of_handover(world, handover)
        if one and one.launch:
            framing.framed_by(one.launch.origins)
        id = ehrs_launch.bind_to_session(world, handover, present, request_id())
        if id is not None:
            return redirect(f"/embed/l/{id}/", 303)
        if not framing.in_frame():
            raise Forbidden(spoken("embed.your-browser-keeps-no-cookies-for"))
        return make_response(render_template("embed_lost.html", handover=handover, tab=TAB))

    @pages.post(TAB)
    def tab() -> Response:
        handover = request.form.get("code", "")
        one = ehrs_launch.ehr_of_handover(world, handover)
        if one and one.launch:
            framing.framed_by(one.launch.origins)
        framing.demand_own_page(world)
        opened = ehrs_launch.open_tab(world, handover, str(request.user_agent))
        answer = redirect(f"{CHECK}?code={opened.handover}", 303)
        framing.keep_session(world, answer, opened.cookie or "")
        return answer


def _guard(pages: Blueprint, world: World) -> None:
    """Show a launch to nobody but its own session, and take no write without its token."""

    @pages.url_value_preprocessor
    def enter(endpoint: str | None, values: dict[str, Any] | None) -> None:
        g.launch = (values or {}).pop("launch", "")

    @pages.before_request
    def demand() -> None:
        session = ehrs_launch.find_session(world, framing.session_cookie(world))
        found, own = ehrs_launch.find_launch(world, g.launch, session)
        if found:
            framing.framed_by(ehrs_launch.origins(world, found.ehr))
        if session is None:
            raise Unauthorized(spoken("embed.nobody-used-it-for-while"))
        if found is None or not own:  # in the same words: an id tells nothing to whom it is not for
            raise NotFound(spoken("embed.there-no-such-view-yours"))
        if request.method not in ("GET", "HEAD"):
            framing.demand_own_page(world, session)
        g.launch_session = LaunchSession(g.launch, found, session)


def _showing(pages: Blueprint, world: World) -> None:
    zone = ZoneInfo(world.settings.timezone)

    @pages.get("/")
    def referrals() -> Response:
        launch = _launch_session()
        grant = launch_cases.grant(launch.session, launch.id, launch.launched)
        patient = launch_cases.patient(world, grant, request_id())
        if patient is None:
            return _page(launch, "embed_unknown.html", status=404, why=_why(world, launch, zone))
        tab = "closed" if request.args.get("tab") == "closed" else "open"
        counted = queues.counts(worklist.whole(grant))
        found = launch_cases.referrals(world, grant, tab, counted, request_id())
        bar, cards = frame_view.bar(patient, found.now, zone), frame_view.listed(found, launch.home, tab, zone)
        return _page(launch, "embed_referrals.html", bar=bar, cards=cards)

    @pages.get("/referrals/<id>")
    def one(id: str) -> Response:
        launch = _launch_session()
        grant = launch_cases.grant(launch.session, launch.id, launch.launched)
        patient = launch_cases.patient(world, grant, request_id())
        if patient is None:
            raise NotFound(spoken("embed.there-no-such-referral-this"))
        shown = launch_cases.panel(world, grant, id, request_id())
        bar = frame_view.bar(patient, world.clock(), zone)
        return _page(launch, "embed_referral.html", bar=bar, panel=referrals_view.sheet(shown, zone), address=None)


def _working(pages: Blueprint, world: World) -> None:
    """The patient's own page, and what is done on it."""
    zone = ZoneInfo(world.settings.timezone)
    screen = Screen(world, zone)

    def opened() -> tuple[LaunchSession, Grant, Callable[..., Response]]:
        launch = _launch_session()
        grant = launch_cases.grant(launch.session, launch.id, launch.launched)
        patient = launch_cases.patient(world, grant, request_id())
        if patient is None:
            raise NotFound(spoken("embed.there-no-such-patient-or"))
        return launch, grant, partial(_page, launch, bar=frame_view.bar(patient, world.clock(), zone))

    @pages.get("/patient")
    def patient() -> Response:
        launch, grant, render = opened()
        return frame_patient.shown(screen, grant, launch.home, render)

    @pages.post("/patient/<verb>")
    def act(verb: str) -> Response:
        launch, grant, render = opened()
        found = frame_patient.act(world, screen, grant, launch.home, verb, render)
        return redirect(found, 303) if isinstance(found, str) else found


def _leaving(pages: Blueprint, world: World) -> None:
    @pages.post("/tab")
    def tab() -> Response:
        launch = _launch_session()
        handover = ehrs_launch.hand_over(world, launch.session, launch.launched)
        return _page(launch, "embed_tab.html", handover=handover, tab=TAB)

    @pages.post("/close")
    def close() -> Response:
        launch = _launch_session()
        ehrs_launch.close(world, launch.id, framing.session_cookie(world))
        answer = make_response(render_template("embed_closed.html"))
        framing.drop_session(world, answer)
        return answer


def _page(launch: LaunchSession, template: str, status: int = 200, **about: Any) -> Response:
    desk = not launch_people.has_no_other_account(launch.session.user, launch.launched.ehr)
    page = render_template(
        template, home=launch.home, ehr=launch.launched.ehr, me=launch.session.user, csrf=launch.session.csrf,
        missing=launch.launched.context.get("missing", ()), desk=desk, **about,
    )  # fmt: skip
    return make_response(page, status)


def _why(world: World, launch: LaunchSession, zone: ZoneInfo) -> frame_view.Unknown:
    run = launch_cases.last_sync(world, launch.launched.ehr)
    return frame_view.unknown(launch.launched, run, world.clock(), zone)


def _launch_session() -> LaunchSession:
    session: LaunchSession = g.launch_session
    return session


def _problem(problem: Problem) -> Response:
    """An error as a page of the frame: without a way to the desk, which can not be framed."""
    title = TITLES.get(problem.status, spoken("embed.something-went-wrong"))
    page = render_template("embed_problem.html", title=title, problem=problem, request_id=request_id())
    return make_response(page, problem.status, dict(problem.headers))
