"""The desk at `/`: the worklist with its referral panel, one referral on a page of its own, and the list as a file."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from auth.grant import Grant
from carecoord.actions.ehrs import sync_health
from carecoord.actions.worklist import news
from carecoord.actions.worklist import worklist as cases
from carecoord.actions.worklist.worklist import Panel
from carecoord.domain.access import verbs
from carecoord.domain.access.payer_view import CELLS
from carecoord.errors import NotFound
from carecoord.fhir.instants import moment
from carecoord.web.agreements import pages as agreements_pages
from carecoord.web.page import calendars, downloads, labels
from carecoord.web.page.columns import headings
from carecoord.web.page.times import Times, place
from carecoord.web.people import sign_in
from carecoord.web.referrals import case_address
from carecoord.web.server.exchange import request_id
from carecoord.web.worklist import calendar, filters, notices, queues
from carecoord.web.worklist import view as worklist_view
from carecoord.web.worklist.address import parse
from carecoord.web.worklist.screen import Screen
from carecoord.words.catalogue import in_words, spoken
from carecoord.words.sentence import sentence
from carecoord.world import World

COLUMNS = (
    "number", "patient_name", "birth_date", "mrn", "specialty", "reason", "priority", "placer_name", "performer_name",
    "payer_name", "plan_name", "stage", "coverage_gate", "authorization_gate", "agreement_gate", "information_gate",
    "appointment_gate", "loop_gate", "authorization_state", "authorization_note", "agreement_state", "agreement_note",
    "cleared", "headline", "action_label", "role", "due", "due_label", "appointment", "owner_name",
)  # fmt: skip
SENTENCES = ("authorization_note", "agreement_note", "headline", "action_label", "due_label")  # kept as keys
TIMES = {"due": "due_at", "appointment": "appointment_at"}


def blueprint(world: World) -> Blueprint:
    """The pages of the desk, each behind the sign-in."""
    pages = Blueprint("desk", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    zone = ZoneInfo(world.settings.timezone)
    _tell(pages, world, zone)
    _filters(pages, world)

    @pages.get("/")
    def worklist() -> str | Answer:
        grant = sign_in.session().grant()
        if verbs.reads_only_the_trail(grant.roles):
            return redirect("/audit", 303)
        if not cases.has_cases(grant):
            return _other_desk(world, grant, zone)
        address = parse(request.args.to_dict(flat=False), queues.home(cases.whole(grant)))
        return Screen(world, zone).desk(grant, address)

    @pages.get("/referrals/<id>")
    def one(id: str) -> Answer:
        address = case_address.parse(id, request.args.to_dict(flat=False))
        return Screen(world, zone).one(sign_in.session().grant(), address)

    @pages.get("/referrals/<id>/calendar.ics")
    def dates(id: str) -> Answer:
        panel = cases.panel(world, sign_in.session().grant(), id, request_id())
        found = list(calendar.entries(panel, zone)) if isinstance(panel, Panel) else []
        if not found:
            raise NotFound(sentence("refusals.calendar.nothing"), "http.id")
        return calendars.file(panel.row.number, found, world.settings.url, panel.now)

    @pages.get("/worklist.<any(csv, xlsx):form>")
    def download(form: downloads.Form) -> Answer:
        grant = sign_in.session().grant()
        address = parse(request.args.to_dict(flat=False), queues.home(cases.whole(grant)))
        rows = cases.download(world, grant, address.asked, request_id())
        payers = cases.has_cases(grant) and not cases.whole(grant)
        header, lines = (CELLS, _payers_lines(rows, zone)) if payers else (COLUMNS, _lines(rows, zone))
        return downloads.table("worklist", headings(header), lines, form)

    return pages


def _tell(pages: Blueprint, world: World, zone: ZoneInfo) -> None:
    """What every template may say: somebody's avatar, where hours are told, a stored date as people read it."""
    pages.add_app_template_global(initials)
    pages.add_app_template_global(tint)

    pages.add_app_template_filter(labels.roles_called)
    pages.add_app_template_filter(verbs.may, "may")
    pages.add_app_template_filter(verbs.reads_only_the_trail, "only_the_trail")

    @pages.app_template_global("hours_of")
    def hours_of() -> str:
        return place(zone)

    @pages.app_template_global("stamp")
    def stamp() -> str:
        return Times(world.clock(), zone).stamp()

    @pages.app_template_filter("stored")
    def stored(said: str) -> str:
        return Times(world.clock(), zone).stored(said)


def _filters(pages: Blueprint, world: World) -> None:
    @pages.get("/worklist/version")
    def version() -> Answer:
        """Whether the list, a referral or a patient has changed since the ETag: asked every few seconds while one looks
        at it."""
        case, patient = request.args.get("case", ""), request.args.get("patient", "")
        found = news.version(world, sign_in.session().grant(), case, patient)
        answer = Answer(status=204)
        answer.set_etag(str(found))
        return answer.make_conditional(request)

    @pages.get("/worklist/options")
    def options() -> Response:
        """How many rows each option of a filter's menu would give: asked when the menu is opened, not with the page."""
        grant, name = sign_in.session().grant(), request.args.get("facet", "")
        address = parse(request.args.to_dict(flat=False), queues.home(cases.whole(grant)))
        given = (*filters.fixed(name), *address.chosen(name))
        found = cases.options(world, grant, address.asked, name, given, request_id())
        return jsonify({value: worklist_view.counted(n) for value, n in found.items()})


def _other_desk(world: World, grant: Grant, zone: ZoneInfo) -> str:
    """For those who work on no cases: the register of agreements, or a word of where to go."""
    if not verbs.may(grant.roles, "see-agreements"):
        return render_template("no_cases.html", sync=_sync_line(world, grant, zone))
    return agreements_pages.register(world, grant)


def _sync_line(world: World, grant: Grant, zone: ZoneInfo) -> notices.Sync:
    """How the EHRs are doing, for whoever has no worklist to read it on."""
    outside = verbs.may(grant.roles, "see-as-payer")
    return notices.sync(sync_health.now(world), Times(world.clock(), zone), inside=not outside)


def initials(name: str) -> str:
    """At most two letters for an avatar: "Reyes, Marisol" and "Marisol Reyes" give MR."""
    last, comma, first = name.partition(",")
    words = [*first.split(), *last.split()] if comma else name.replace("Dr.", "").split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if words[1:] else words)).upper()


def tint(name: str) -> int:
    """Which of the three avatar colours a name has: always the same one."""
    return sum(ord(letter) for letter in name.casefold() if letter.isalpha()) % 3


def _payers_lines(rows: Iterator[Any], zone: ZoneInfo) -> Iterator[list[str]]:
    """The rows that a payer sees, in the words of its page."""
    for row in rows:
        said = {
            "authorization": labels.authorized(row)[0].label, "agreement": labels.contracted(row).label,
            "due": row.due_at, **{name: in_words(getattr(row, name)) for name in CELLS if name in SENTENCES},
            "priority": "" if row.priority == "routine" else labels.chip(labels.PRIORITY, row.priority).label,
        }  # fmt: skip
        cells = (said.get(name) if name in said else getattr(row, name) for name in CELLS)
        pairs = zip(CELLS, cells, strict=True)
        yield [_cell(value, zone if name in TIMES else None) for name, value in pairs]


def _lines(rows: Iterator[Any], zone: ZoneInfo) -> Iterator[list[str]]:
    """The rows as texts, times in the office's time zone."""
    for row in rows:
        found = row._mapping
        said = {name: in_words(found[name]) for name in SENTENCES}
        cells = (said[name] if name in said else found[TIMES.get(name, name)] for name in COLUMNS)
        pairs = zip(COLUMNS, cells, strict=True)
        yield [_cell(value, zone if name in TIMES else None) for name, value in pairs]


def _cell(value: Any, zone: ZoneInfo | None) -> str:
    if value is None:
        return ""
    if zone is not None:
        return moment(value).astimezone(zone).isoformat(timespec="minutes")
    if isinstance(value, bool):
        return spoken("column.yes") if value else spoken("column.no")
    return str(value)
