"""`/decisions/metrics`: a payer's yearly metrics (CMS-0057-F) for its own people, with the requests behind each figure,
the clocks that were missed, and what was exchanged by PAS; all of it as files."""

from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.prior_auth.metrics import board
from carecoord.actions.prior_auth.metrics.board import Asked, Part
from carecoord.domain.prior_auth.metrics.fields import FIELDS, FieldName
from carecoord.errors import Invalid, NotFound
from carecoord.fhir import text
from carecoord.fhir.instants import micros
from carecoord.web.acts.days import read_any
from carecoord.web.authorizations import metrics_view as view
from carecoord.web.page import downloads
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.words.sentence import say, sentence
from carecoord.world import World

YEARS = 3  # that are offered by one press


def blueprint(world: World) -> Blueprint:
    """The page and its files."""
    pages = Blueprint("authorization_metrics", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    zone = ZoneInfo(world.settings.timezone)

    @pages.get(view.PATH)
    def show() -> str:
        return _page(world, zone)

    @pages.get(f"{view.PATH}.<any(csv, xlsx):form>")
    def file(form: downloads.Form) -> Response:
        found = board.board(world, sign_in.session().grant(), _asked(world), request_id())
        header = [say(each) for each in view.FIGURE_COLUMNS]
        return downloads.table("authorization-metrics", header, view.figure_lines(found), form)

    @pages.get(f"{view.PATH}/<any(behind, missed):what>.<any(csv, xlsx):form>")
    def requests(what: str, form: downloads.Form) -> Response:
        grant, asked, times = sign_in.session().grant(), _asked(world), Times(world.clock(), zone)
        if what == "behind":
            name, part = _shown()
            if name is None:
                raise NotFound(spoken("metrics.nobody"))
            found = board.behind(world, grant, asked, name, part, request_id())
        else:
            found = list(board.board(world, grant, asked, request_id()).missed)
        rows, header = (view.cells(each, times) for each in found), [say(each) for each in view.REQUEST_COLUMNS]
        return downloads.table(f"authorization-metrics-{what}", header, rows, form)

    @pages.get(f"{view.PATH}/exchanges.ndjson")
    def exchanges() -> Response:
        found = board.exchanged(world, sign_in.session().grant(), _asked(world), request_id())
        named = {"Content-Disposition": 'attachment; filename="pas-metric-data.ndjson"', "Cache-Control": "no-store"}
        return Response(b"".join(text.dumps(each) + b"\n" for each in found), mimetype="application/x-ndjson",
                        headers=named)  # fmt: skip

    return pages


def _page(world: World, zone: ZoneInfo) -> str:
    grant, asked, (name, part) = sign_in.session().grant(), _asked(world), _shown()
    found = board.board(world, grant, asked, request_id())
    times = Times(found.now, zone)
    shown = board.behind(world, grant, asked, name, part, request_id()) if name else []
    this = found.now.astimezone(zone).year
    years = [board.year(world, each) for each in range(this, this - YEARS, -1)]
    counted = sentence("metrics.counted", at=times.exact(micros(found.counted))) if found.counted else None
    return render_template(
        "metrics.html", found=found, rows=view.figure_rows(found.figures, asked), asked=asked, shown=name, part=part,
        years=[(each.first.year, view.PATH + view.address(each), each.first == asked.first and each.last == asked.last)
               for each in years],
        title=view.title(name, part) if name else "", behind=view.request_rows(shown, times),
        missed=view.request_rows(found.missed, times), columns=[say(each) for each in view.REQUEST_COLUMNS],
        query=view.address(asked), query_behind=view.address(asked, show=name or "", part=part),
        counted=say(counted) if counted else spoken("metrics.not-counted"), as_of=times.stamp(),
        links=view.links(found),
    )  # fmt: skip


def _asked(world: World) -> Asked:
    """The days and the plan that the address names. Raises Invalid."""
    first, last, plan = (request.args.get(name, "") for name in ("from", "to", "plan"))
    whole = board.year(world)
    if not first and not last:
        return Asked(whole.first, whole.last, plan[:200])
    try:
        days = read_any(first, whole.last).day, read_any(last, whole.last).day
    except ValueError:
        raise Invalid(sentence("metrics.fault.days"), "http.from") from None
    if days[0] > days[1] or "\0" in plan:
        raise Invalid(sentence("metrics.fault.days"), "http.from")
    return Asked(*days, plan[:200])


def _shown() -> tuple[FieldName | None, Part]:
    """The figure whose requests the address asks for, and which of them. Raises NotFound."""
    said: str = request.args.get("show", "")
    name: FieldName | None = next((each for each in FIELDS if each == said), None)
    if said and name is None:
        raise NotFound(spoken("metrics.nobody"))
    part: Part = "of" if request.args.get("part") == "of" else "hits"
    return name, part
