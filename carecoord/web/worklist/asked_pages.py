"""`/asked`: the referrals that a clinic is asked for beside others, or that are for the taking."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, g, render_template
from werkzeug.wrappers import Response

from carecoord.actions.worklist import asked, bounds
from carecoord.web.page import downloads
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import in_words
from carecoord.words.sentence import spoken
from carecoord.world import World

AGAIN: Final = timedelta(minutes=1)  # after which an office that was never asked is looked up once more


def blueprint(world: World) -> Blueprint:
    """The page, behind the sign-in."""
    pages = Blueprint("asked", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    zone = ZoneInfo(world.settings.timezone)

    _tell(pages, world)

    @pages.get("/asked")
    def look() -> str:
        now = world.clock()
        rows = asked.every(world, sign_in.session().grant(), request_id(), bounds.moments(now, zone))
        times = Times(now, zone)
        shown = [
            {"row": row, "headline": in_words(row.headline), "due": times.exact(row.due_at) if row.due_at else ""}
            for row in rows
        ]  # fmt: skip
        return render_template("asked.html", rows=shown, as_of=times.stamp())

    @pages.get("/asked.<any(csv, xlsx):form>")
    def download(form: downloads.Form) -> Response:
        now = world.clock()
        times = Times(now, zone)
        header = [
            spoken("downloads.number"), spoken("downloads.patient"), spoken("downloads.specialty"),
            spoken("downloads.reason"), spoken("downloads.referred-by"), spoken("downloads.stands"),
            spoken("downloads.due"),
        ]  # fmt: skip
        rows = (
            [row.number, row.patient_name, row.specialty, row.reason, row.placer_name or "", in_words(row.headline),
             times.exact(row.due_at) if row.due_at else ""]
            for row in asked.every(world, sign_in.session().grant(), request_id(), bounds.moments(now, zone))
        )  # fmt: skip
        return downloads.table("asked", header, rows, form, marked=True)

    return pages


def _tell(pages: Blueprint, world: World) -> None:
    """What the rail may ask: whether the reader's office is one that is asked. An office that was asked once is."""
    asked_once: set[str | None] = set()
    not_asked: dict[str | None, datetime] = {}  # office -> when it was looked up last

    @pages.app_template_global("is_asked")
    def is_asked() -> bool:
        session, now = g.get("session"), world.clock()
        if session is None:
            return False
        office = session.grant().organization
        if office not in asked_once and not_asked.get(office, now - AGAIN) <= now - AGAIN:
            if asked.ever(world, session.grant(), request_id()):
                asked_once.add(office)
            else:
                not_asked[office] = now
        return office in asked_once
