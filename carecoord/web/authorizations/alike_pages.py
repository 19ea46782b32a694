"""`/decisions/alike`: requests that were chosen in the queue and are alike, approved together."""

from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.acts.act import Overtaken
from carecoord.actions.acts.batch import Outcome
from carecoord.actions.prior_auth import alike, decide
from carecoord.actions.prior_auth.alike import Alike
from carecoord.domain.resource.days import local
from carecoord.web.acts.forms import Reader, State, submission, typed
from carecoord.web.acts.submissions import ANEW
from carecoord.web.authorizations import line_view, view
from carecoord.web.authorizations.commands import read_ticks
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import say, spoken
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """`GET /decisions/alike?id=A&id=B`, and the form that it shows."""
    pages = Blueprint("decisions_alike", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    zone = ZoneInfo(world.settings.timezone)

    @pages.get("/decisions/alike")
    def form() -> Response:
        return _page(world, zone, State("approve"))

    @pages.post("/decisions/alike")
    def approve() -> Response:
        session, values = sign_in.session(), typed(request.form, {})
        values = {name: value for name, value in values.items() if name != "id"}
        reader = Reader(values, local(world.clock(), zone), zone)
        last, ids = reader.any_day("last", spoken("decide.fault.last")), request.form.getlist("id")[: alike.MOST]
        lines = [int(each) for each in values.get("lines", "").split() if each.isdecimal()]
        ticks = [read_ticks(reader, n) for n in lines]
        if not ids:
            reader.fault("", spoken("decide.fault.none"))
        if not sign_in.own_session(session):
            return _page(world, zone, State("approve", values, notice=say(ANEW)), 403)
        if reader.faults or last is None:
            return _page(world, zone, State("approve", values, tuple(reader.faults)), 422)
        once = request.form.get("once", "")[:60]
        forms = [submission(decide.about(id), {"once": f"{once}-{id}", "seen": request.form.get(f"_seen.{id}", "")})
                 for id in ids]  # fmt: skip
        outcomes = alike.approve(world, session.grant(), request_id(), forms, last, ticks)
        return _told(world, zone, outcomes)

    return pages


def _page(world: World, zone: ZoneInfo, state: State, status: int = 200) -> Response:
    found = _chosen(world)
    times = Times(world.clock(), zone)
    rows = [view.page(each, None, ("", ""), ("", ""), "", times) for each in found.requests]
    page = render_template(
        "decisions_alike.html", rows=rows, odd=[each.row for each in found.odd], lost=found.lost, state=state,
        mets=line_view.METS, minutes=view.MINUTES,
    )  # fmt: skip
    return make_response(page, status)


def _chosen(world: World) -> Alike:
    return alike.chosen(world, sign_in.session().grant(), request_id(), request.values.getlist("id"))


def _told(world: World, zone: ZoneInfo, outcomes: list[Outcome]) -> Response:
    found = _chosen(world)
    names = {each.row.root.partition("/")[2]: each.row.patient_name for each in (*found.requests, *found.odd)}
    told = [(each.case, names.get(each.case, ""), *_came(each, Times(world.clock(), zone))) for each in outcomes]
    done = sum(1 for each in told if each[2])
    page = render_template("decisions_alike_done.html", told=told, done=done)
    return make_response(page, 200 if done else 409)


def _came(outcome: Outcome, times: Times) -> tuple[str, str]:
    """What was done with a request, and why it was not."""
    if outcome.done:
        return say(outcome.done.act.said), ""
    problem = outcome.problem
    if isinstance(problem, Overtaken):
        seen = view.changed("decide", {}, problem, times)
        return "", f"{spoken('acts.was-first', who=seen.who, when=seen.when)} {seen.theirs}"
    return "", problem.text if problem else ""
