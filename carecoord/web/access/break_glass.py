"""Breaking the glass, for people at the desk: find the patient, say why, read the record, end it; and the line on every
page that says that a record stands open."""

from zoneinfo import ZoneInfo

from flask import Blueprint, g, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.access import break_glass as access_break_glass
from carecoord.domain.access.break_glass import LONGEST, REASONS, SHORTEST, may_break
from carecoord.errors import Forbidden, Invalid
from carecoord.web.access.record_view import line
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import say
from carecoord.words.sentence import sentence
from carecoord.world import World

REFUSED = sentence("audit.refused")


def blueprint(world: World) -> Blueprint:
    """`/break-glass` and the record that it opens, behind the sign-in."""
    pages = Blueprint("emergency", __name__)
    sign_in.guard(pages, world)
    zone = ZoneInfo(world.settings.timezone)

    @pages.before_request
    def demand_role() -> None:
        if not may_break(sign_in.session().grant()):
            raise Forbidden(say(REFUSED))

    _tell(pages, world, zone)
    _show(pages, world, zone)

    @pages.get("/break-glass")
    def ask() -> str:
        return render_template("break_glass.html", found=None, said={}, problem=None)

    @pages.post("/break-glass")
    def search() -> Response:
        said = {name: request.form.get(name, "").strip()[:200] for name in ("mrn", "family", "birth")}
        try:
            found = access_break_glass.search(world, sign_in.session().grant(), **said, request=request_id())
        except Invalid as problem:
            return Response(render_template("break_glass.html", found=None, said=said, problem=problem), 422, HTML)
        return Response(render_template("break_glass.html", found=found, said=said, problem=None), 200, HTML)

    @pages.get("/break-glass/<id>")
    def why(id: str) -> str:
        return _form(world, id, {}, None)

    @pages.post("/break-glass/<id>")
    def open_it(id: str) -> Response:
        said = {"reason": request.form.get("reason", ""), "note": request.form.get("note", "")}
        try:
            glass = access_break_glass.break_glass(world, sign_in.session().grant(), id, **said, request=request_id())
        except Invalid as problem:
            return Response(_form(world, id, said, problem), 422, HTML)
        return redirect(f"/emergency/{glass.id}", 303)

    return pages


def _tell(pages: Blueprint, world: World, zone: ZoneInfo) -> None:
    """What every template may ask: whether the glass may be broken, and what stands open."""

    @pages.app_template_global("may_break_glass")
    def may() -> bool:
        session = g.get("session")
        return session is not None and may_break(session.grant())

    @pages.app_template_global("open_glasses")
    def standing() -> list[tuple[str, str, str]]:
        session = g.get("session")
        found = access_break_glass.standing(world, session.grant()) if session else []
        return [(one.id, one.name, f"{one.until.astimezone(zone):%H:%M}") for one in found]


def _show(pages: Blueprint, world: World, zone: ZoneInfo) -> None:
    """The record that stands open, and its end."""

    @pages.get("/emergency/<id>")
    def record(id: str) -> str:
        found = access_break_glass.record(world, sign_in.session().grant(), id, request_id())
        until = f"{found.until.astimezone(zone):%H:%M}"
        times = Times(world.clock(), zone)
        sections = [(title, [line(each, times) for each in entries]) for title, entries in found.sections]
        return render_template("broken_glass.html", record=found, sections=sections, until=until, reasons=_reasons())

    @pages.post("/emergency/<id>/end")
    def end(id: str) -> Response:
        access_break_glass.end(world, sign_in.session().grant(), id, request_id())
        return redirect("/", 303)


HTML = {"Content-Type": "text/html; charset=utf-8"}


def _form(world: World, id: str, said: dict[str, str], problem: Invalid | None) -> str:
    who = access_break_glass.patient(world, sign_in.session().grant(), id, request_id())
    limits = {"shortest": SHORTEST, "longest": LONGEST}
    return render_template("break_glass_reason.html", who=who, reasons=_reasons(), said=said, problem=problem, **limits)


def _reasons() -> dict[str, str]:
    """The reasons to choose from, in words, by their codes."""
    return {code: say(said) for code, said in REASONS.items()}
