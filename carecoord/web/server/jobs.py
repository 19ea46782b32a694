"""`/jobs`, for admins: later work that failed too often, why, and what can be done about it."""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from carecoord import errors
from carecoord.actions.server import jobs
from carecoord.domain.access import verbs
from carecoord.fhir.instants import moment
from carecoord.store.database.jobs import Stuck
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.world import World

JOBS: Final = "/jobs"
KINDS: Final = {  # kind of later work -> what it does, said of its key
    "sync": "Read the EHR {key}",
    "sync-patient": "Read one patient from an EHR: {key}",
    "deliver": "Tell an EHR of a change: {key}",
    "import": "Bring in the file {key}",
    "codes": "Put in the codes of {key}",
    "assign": "Give away the referral {key}, which nobody has",
    "digest": "Send the mail of the morning",
    "notice": "Tell by mail that a message is there: {key}",
    "measures": "Count for the measures",
    "refresh-cases": "Judge anew the cases whose time has come",
}
LANES: Final = {  # lane -> what goes along it
    "sync": "Reading EHRs",
    "deliver": "Telling EHRs",
    "notify": "Telling people and apps",
    "refresh": "Judging cases anew",
    "timers": "Giving work away, and counting",
    "import": "Bringing files in",
}


@dataclass(frozen=True)
class Line:
    """A job that waits for a person. why: what went wrong; helps: what would help."""

    n: int
    what: str
    why: str
    helps: str
    tried: str
    behind: str
    retriable: bool


def blueprint(world: World) -> Blueprint:
    """The page and what its forms do."""
    pages = Blueprint("jobs_page", __name__)
    sign_in.guard(pages, world)

    @pages.before_request
    def demand_admin() -> None:
        if not verbs.may(sign_in.session().user.roles, "manage-jobs"):
            raise errors.Forbidden("Later work is looked after by admins. Ask one of yours.")

    @pages.get(JOBS)
    def show() -> Response:
        return _page(world)

    @pages.post(f"{JOBS}/retry")
    def retry() -> Response:
        try:
            jobs.retry(world, _number(), request_id(), sign_in.session().user)
        except errors.NotFound:
            return _page(world, 404, gone=True)
        return _page(world, done="It will be tried again within a second, while a worker runs.")

    @pages.post(f"{JOBS}/drop")
    def drop() -> Response:
        if "sure" not in request.form:
            return _page(world, asking=_number())
        try:
            gone = jobs.drop(world, _number(), request_id(), sign_in.session().user)
        except errors.NotFound:
            return _page(world, 404, gone=True)
        return _page(world, done=f"Let go: {said(gone.kind, gone.key)}. Nobody will do it.")

    return pages


def said(kind: str, key: str) -> str:
    """What a job does."""
    return KINDS[kind].format(key=key) if kind in KINDS else f"{kind} {key}"


def line(job: Stuck, times: Times) -> Line:
    """A job in words."""
    if job.known:
        why = job.error or "It failed, and did not say why"
        helps = "It is not tried any more by itself. Once what it says is mended, trying again helps."
    else:
        why = "No worker of this version knows this kind of work"
        helps = "It was left by another version of carecoord, whose worker would do it. Here it can only be let go."
    tries = f"{job.attempts} {'try' if job.attempts == 1 else 'tries'}"
    tried = f"{tries}, the last {times.ago(moment(job.tried))}" if job.tried else tries
    behind = f"{job.behind} more of the same wait behind it, in their order" if job.behind else ""
    return Line(job.n, said(job.kind, job.key), why.rstrip("."), helps, tried, behind, job.known)


def _number() -> int:
    given = request.form.get("n", "")
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise errors.Invalid("Which job? Go back to the list and choose one.", "n")
    return int(given)


def _page(
    world: World, status: int = 200, *, asking: int | None = None, gone: bool = False, done: str = ""
) -> Response:
    found = jobs.later_work(world)
    times = Times(found.now, ZoneInfo(world.settings.timezone))
    lines = [line(each, times) for each in found.stuck]
    asked = next((each for each in lines if each.n == asking), None)
    page = render_template(
        "jobs.html", jobs=lines, lanes=[(LANES[each.lane], each) for each in found.lanes], asking=asked,
        gone=gone or (asking is not None and asked is None), done=done,
    )  # fmt: skip
    return make_response(page, status)
