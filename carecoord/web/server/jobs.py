"""`/jobs`, for admins: later work that failed too often, why, and what can be done about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from carecoord import errors
from carecoord.actions.server import jobs
from carecoord.actions.server.jobs import LaterWork
from carecoord.domain.access import verbs
from carecoord.fhir.instants import moment
from carecoord.store.database.jobs import Stuck
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

JOBS: Final = "/jobs"
KINDS: Final[Mapping[str, Callable[[str], str]]] = {  # kind of later work -> what it does, said of its key
    "sync": lambda key: spoken("jobs.kind.sync", key=key),
    "sync-patient": lambda key: spoken("jobs.kind.sync-patient", key=key),
    "deliver": lambda key: spoken("jobs.kind.deliver", key=key),
    "import": lambda key: spoken("jobs.kind.import", key=key),
    "x12-file": lambda key: spoken("jobs.kind.x12-file"),
    "paper": lambda key: spoken("jobs.kind.paper", key=key),
    "codes": lambda key: spoken("jobs.kind.codes", key=key),
    "assign": lambda key: spoken("jobs.kind.assign", key=key),
    "approve-by-rule": lambda key: spoken("jobs.kind.approve-by-rule", key=key),
    "decision-letter": lambda key: spoken("jobs.kind.decision-letter"),
    "intake": lambda key: spoken("jobs.kind.intake", key=key),
    "digest": lambda key: spoken("jobs.kind.digest"),
    "notice": lambda key: spoken("jobs.kind.notice", key=key),
    "release-hold": lambda key: spoken("jobs.kind.release-hold"),
    "ask-eligibility": lambda key: spoken("jobs.kind.ask-eligibility"),
    "pas-notice": lambda key: spoken("jobs.kind.pas-notice", key=key),
    "pas-send": lambda key: spoken("jobs.kind.pas-send"),
    "payer-forms": lambda key: spoken("jobs.kind.payer-forms"),
    "decision-leaves": lambda key: spoken("jobs.kind.decision-leaves"),
    "pas-inquire": lambda key: spoken("jobs.kind.pas-inquire", key=key),
    "pas-subscribe": lambda key: spoken("jobs.kind.pas-subscribe", key=key),
    "card-questions": lambda key: spoken("jobs.kind.card-questions"),
    "packet-ends": lambda key: spoken("jobs.kind.packet-ends"),
    "request-packet": lambda key: spoken("jobs.kind.request-packet"),
    "measures": lambda key: spoken("jobs.kind.measures"),
    "refresh-cases": lambda key: spoken("jobs.kind.refresh-cases"),
    "foresee-cases": lambda key: spoken("jobs.kind.foresee-cases"),
}
LANES: Final[Mapping[str, str]] = Glossary(
    {  # lane -> what goes along it
        "sync": sentence("jobs.lanes.sync"),
        "deliver": sentence("jobs.lanes.deliver"),
        "notify": sentence("jobs.lanes.notify"),
        "refresh": sentence("jobs.lanes.refresh"),
        "timers": sentence("jobs.lanes.timers"),
        "import": sentence("jobs.lanes.import"),
        "intake": sentence("jobs.lanes.intake"),
        "papers": sentence("jobs.lanes.papers"),
    }
)


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


@dataclass(frozen=True)
class Stands:
    """How a part of the server stands."""

    name: str
    good: bool
    said: str


def blueprint(world: World) -> Blueprint:
    """The page and what its forms do."""
    pages = Blueprint("jobs_page", __name__)
    sign_in.guard(pages, world)

    @pages.before_request
    def demand_admin() -> None:
        if not verbs.may(sign_in.session().user.roles, "manage-jobs"):
            raise errors.Forbidden(spoken("jobs.later-work-looked-after-by"))

    @pages.get(JOBS)
    def show() -> Response:
        return _page(world)

    @pages.post(f"{JOBS}/retry")
    def retry() -> Response:
        try:
            jobs.retry(world, _number(), request_id(), sign_in.session().user)
        except errors.NotFound:
            return _page(world, 404, gone=True)
        return _page(world, done=spoken("jobs.it-will-be-tried-again"))

    @pages.post(f"{JOBS}/drop")
    def drop() -> Response:
        if "sure" not in request.form:
            return _page(world, asking=_number())
        try:
            gone = jobs.drop(world, _number(), request_id(), sign_in.session().user)
        except errors.NotFound:
            return _page(world, 404, gone=True)
        return _page(world, done=spoken("jobs.let-go-nobody-will-do", key=said(gone.kind, gone.key)))

    return pages


def said(kind: str, key: str) -> str:
    """What a job does."""
    told = KINDS.get(kind)
    return told(key) if told else f"{kind} {key}"


def line(job: Stuck, times: Times) -> Line:
    """A job in words."""
    if job.known:
        why = job.error or spoken("jobs.it-failed-and-did-not")
        helps = spoken("jobs.it-not-tried-any-more")
    else:
        why = spoken("jobs.no-worker-this-version-knows")
        helps = spoken("jobs.it-was-left-by-another")
    tried = spoken("jobs.tries", n=job.attempts)
    if job.tried:
        tried = spoken("jobs.tries-the-last", n=job.attempts, ago=times.ago(moment(job.tried)))
    behind = spoken("jobs.wait-behind", n=job.behind) if job.behind else ""
    return Line(job.n, said(job.kind, job.key), why.rstrip("."), helps, tried, behind, job.known)


def standing(found: LaterWork, times: Times, goal: int) -> list[Stands]:
    """What `carecoord check` judges too: the worker, what is due, the backup. goal: hours that a backup may be old; 0:
    that is not looked at."""
    left = [LANES[each.lane] for each in found.lanes if each.is_left]
    due = spoken("jobs.stands.nothing-late")
    if found.late:
        due = spoken("jobs.stands.late", ago=times.ago(found.late), lanes=", ".join(left) or spoken("jobs.stands.any"))
    old = bool(goal) and (found.kept is None or found.now - found.kept >= timedelta(hours=goal))
    kept = spoken("jobs.stands.kept", ago=times.ago(found.kept)) if found.kept else spoken("jobs.stands.never-kept")
    if old:
        kept = spoken("jobs.stands.old", kept=kept, n=goal)
    return [
        Stands(spoken("jobs.stands.worker"), found.working, _worker(found, times)),
        Stands(spoken("jobs.stands.due"), found.late is None, due),
        Stands(spoken("jobs.stands.backup"), bool(found.kept) and not old, kept),
    ]


def _worker(found: LaterWork, times: Times) -> str:
    if found.working:
        return spoken("jobs.stands.working")
    if found.heard:
        return spoken("jobs.stands.silent", ago=times.ago(found.heard))
    return spoken("jobs.stands.never-heard")


def _number() -> int:
    given = request.form.get("n", "")
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise errors.Invalid(spoken("jobs.which-job-go-back-list"), "n")
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
        standing=standing(found, times, world.settings.backup_goal),
        gone=gone or (asking is not None and asked is None), done=done,
    )  # fmt: skip
    return make_response(page, status)
