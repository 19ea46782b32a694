"""`/load`: how much an office has on its hands, by person, team and stage, and the hand-over of somebody's work."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.acts.batch import Outcome
from carecoord.actions.supervision import load
from carecoord.actions.supervision.load import Office
from carecoord.errors import Unprocessable
from carecoord.store.worklist.load import Load
from carecoord.store.worklist.query import NONE
from carecoord.web.acts.forms import State
from carecoord.web.page import downloads, labels
from carecoord.web.page.labels import chip
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.sentence import spoken
from carecoord.world import World


@dataclass(frozen=True)
class Line:
    """A row: whose or which, and its counts, each with the list that has so many rows; `account`: who can hand over."""

    name: str
    open: tuple[int, str]
    overdue: tuple[int, str]
    today: tuple[int, str]
    resting: tuple[int, str]
    account: str = ""


def blueprint(world: World) -> Blueprint:
    """The page and its form."""
    pages = Blueprint("load", __name__)
    sign_in.guard(pages, world)

    @pages.get("/load")
    def show() -> Response:
        return _page(world)

    @pages.post("/load/hand-over")
    def hand_over() -> Response:
        sign_in.demand_own_request(sign_in.session())
        grant, form = sign_in.session().grant(), request.form
        try:
            found = load.hand_over(
                world, grant, request_id(), form.get("whose", ""), form.get("to", ""), form.get("once", "")
            )
        except Unprocessable as refused:
            return _page(world, fault=refused.text, status=422)
        return _page(world, outcomes=found)

    @pages.get("/load.<any(csv, xlsx):form>")
    def download(form: downloads.Form) -> Response:
        found = load.look(world, sign_in.session().grant(), request_id())
        header = [
            spoken("downloads.by"), spoken("downloads.name"), spoken("downloads.open"), spoken("downloads.overdue"),
            spoken("downloads.today"), spoken("downloads.resting"),
        ]  # fmt: skip
        by = ((spoken("downloads.by-person"), _people(found)), (spoken("downloads.by-stage"), _stages(found)))
        rows = (
            [kind, line.name, *(str(count) for count, _ in (line.open, line.overdue, line.today, line.resting))]
            for kind, lines in by for line in lines
        )  # fmt: skip
        return downloads.table("load", header, rows, form, marked=True)

    return pages


def _page(
    world: World, fault: str = "", outcomes: Sequence[Outcome] | None = None, status: int = 200
) -> Response:  # fmt: skip
    found = load.look(world, sign_in.session().grant(), request_id())
    page = render_template(
        "load.html", people=list(_people(found)), fault=fault, once=State("").id, most=load.MOST,
        stages=list(_stages(found)),
        all=_line(spoken("load.all"), found.loads, []), holders=found.holders,
        done=sum(each.done is not None for each in outcomes or ()),
        left=[each.problem.text for each in outcomes or () if each.problem], told=outcomes is not None,
    )  # fmt: skip
    return make_response(page, status)


def _stages(found: Office) -> Iterable[Line]:
    """Each stage that has open cases, in the order of the course."""
    stages = sorted({each.stage for each in found.loads}, key=lambda stage: list(labels.REFERRAL).index(stage))
    for stage in stages:
        own = [each for each in found.loads if each.stage == stage]
        yield _line(chip(labels.REFERRAL, stage).label, own, [("referral", stage)])


def _people(found: Office) -> Iterable[Line]:
    """Each who can have a referral, the latest first, then whoever else has some, and what nobody has."""
    known = {id for each in found.holders for id in each.ids}
    lines = []
    for holder in found.holders:
        own = [each for each in found.loads if each.owner in holder.ids]
        lines.append(_line(holder.name, own, [("owner", id) for id in holder.ids], holder.account))
    others = dict.fromkeys(each.owner for each in found.loads if each.owner and each.owner not in known)
    for owner in others:
        own = [each for each in found.loads if each.owner == owner]
        lines.append(
            _line(next((each.name for each in own if each.name), spoken("load.somebody")), own, [("owner", str(owner))])
        )
    yield from sorted(lines, key=lambda line: (-line.overdue[0], -line.open[0], line.name))
    yield _line(spoken("load.nobody"), [each for each in found.loads if each.owner is None], [("owner", NONE)])


def _line(name: str, loads: Iterable[Load], facets: list[tuple[str, str]], account: str = "") -> Line:
    loads = list(loads)

    def told(tab: str, n: int) -> tuple[int, str]:
        pairs = [*([("tab", tab)] if tab != "open" else []), *facets]
        return n, f"/?{urlencode(pairs)}" if pairs else "/"

    return Line(
        name,
        told("open", sum(each.awake for each in loads)),
        told("overdue", sum(each.overdue for each in loads)),
        told("today", sum(each.today for each in loads)),
        told("snoozed", sum(each.resting for each in loads)),
        account,
    )
