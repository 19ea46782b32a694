"""`/waiting/away`: saying that one is away, who stands in for which kind of what waits, and coming back."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.inbox import absences, digest, inbox
from carecoord.domain.inbox.absences import ALL
from carecoord.domain.inbox.kinds import KINDS
from carecoord.domain.resource.days import local
from carecoord.errors import Forbidden, Unprocessable
from carecoord.fhir.instants import moment
from carecoord.web.acts.forms import Fault, Reader
from carecoord.web.inbox.view import stands_in
from carecoord.web.inbox.vocabulary import KIND_WORDS
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.world import World

PATH = "/waiting/away"


def blueprint(world: World) -> Blueprint:
    """The page and its two forms."""
    pages = Blueprint("away", __name__)
    sign_in.guard(pages, world)

    @pages.before_request
    def demand_duties() -> None:
        if not inbox.has_duties_of(sign_in.session().user.roles):
            raise Forbidden(spoken("inbox.nothing-waits-for-somebody-your"), "http.role")

    @pages.get(PATH)
    def show() -> Response:
        return _page(world)

    @pages.post(PATH)
    def leave() -> Response:
        sign_in.demand_own_request(sign_in.session())
        typed = request.form.to_dict()
        span, covers, faults = _read(world, typed)
        if not faults and span:
            try:
                absences.leave(world, sign_in.session().grant(), request_id(), span, covers)
            except Unprocessable as refused:
                faults = [Fault(refused.where or "", refused.text)]
            else:
                return redirect("/waiting", 303)
        return _page(world, typed, faults, 422)

    @pages.post("/waiting/mail")
    def mail() -> Response:
        sign_in.demand_own_request(sign_in.session())
        address, wanted = request.form.get("address", "").strip(), bool(request.form.get("wanted"))
        try:
            digest.prefer(world, sign_in.session().grant(), request_id(), address, wanted)
        except Unprocessable as refused:
            return _page(world, request.form.to_dict(), [Fault("address", refused.text)], 422)
        return redirect("/waiting", 303)

    @pages.post("/waiting/back")
    def back() -> Response:
        sign_in.demand_own_request(sign_in.session())
        absences.come_back(world, sign_in.session().grant(), request_id())
        return redirect("/waiting", 303)

    return pages


def _read(world: World, typed: Mapping[str, str]) -> tuple[tuple[date, date] | None, dict[str, str], list[Fault]]:
    """The first day away and the first day back, who stands in, and what is wrong."""
    zone = ZoneInfo(world.settings.timezone)
    reader = Reader(typed, local(world.clock(), zone), zone)
    first = reader.day("from", spoken("inbox.write-first-day-on-which"))
    back = reader.day("until", spoken("inbox.write-first-day-on-which.2"))
    if not typed.get("substitute"):
        reader.fault("substitute", spoken("inbox.choose-who-stands-in"))
    named = {kind: typed.get(f"substitute-{kind}", "") for kind in KINDS}
    covers: dict[str, str] = {ALL: typed.get("substitute", ""), **{kind: to for kind, to in named.items() if to}}
    return (first, back) if first and back else None, covers, reader.faults


def _page(
    world: World, typed: Mapping[str, str] | None = None, faults: Sequence[Fault] = (), status: int = 200
) -> Response:  # fmt: skip
    grant, zone = sign_in.session().grant(), ZoneInfo(world.settings.timezone)
    away, people = absences.of_office(world, grant)
    mine = next((each for each in away if each.account == grant.subject), None)
    times = Times(world.clock(), zone)
    said: dict[str, Any] = dict(typed or {})
    preferred = digest.preference(world, grant)
    mailed = "address" in said
    if mine and typed is None:
        said = {"from": _day(mine.begins, zone), "until": _day(mine.ends, zone)}
        said |= {f"substitute-{kind}" if kind else "substitute": to for kind, (to, _) in mine.substitutes.items()}
    page = render_template(
        "inbox_away.html", typed=said, faults=faults, wrong={each.field: each.text for each in faults},
        people=[user for user in people if user.id != grant.subject],
        address=said["address"] if mailed else preferred.address, mails=bool(world.settings.mail_url),
        wanted=bool(said.get("wanted")) if mailed else preferred.wanted,
        kinds=[(kind, KIND_WORDS[kind][0]) for kind in KINDS], mine=mine,
        others=[(each.name, times.day(each.begins), times.day(each.ends), stands_in(each)) for each in away
                if each is not mine],
    )  # fmt: skip
    return make_response(page, status)


def _day(at: int, zone: ZoneInfo) -> str:
    return moment(at).astimezone(zone).date().isoformat()
