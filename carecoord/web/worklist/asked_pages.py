"""`/asked`: the referrals that a clinic is asked for beside others, or that are for the taking."""

from zoneinfo import ZoneInfo

from flask import Blueprint, render_template

from carecoord.actions.worklist import asked, bounds
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import in_words
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """The page, behind the sign-in."""
    pages = Blueprint("asked", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    zone = ZoneInfo(world.settings.timezone)

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

    return pages
