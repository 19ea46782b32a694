"""`/authorization-metrics/PAYER/YEAR`: a payer's metrics of a year for anybody, without an account: figures alone.

Clause: CMS-0057-F (42 CFR 422.122(c) and its like): publicly accessible, at no cost, and without an account."""

import hashlib
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.prior_auth.metrics import published
from carecoord.actions.prior_auth.metrics.board import PUBLIC
from carecoord.web.authorizations import metrics_view
from carecoord.web.page.times import Times
from carecoord.world import World

AGE: Final = 3600  # seconds that anybody may keep the page without asking


def blueprint(world: World) -> Blueprint:
    """The one page. It knows nobody: who is signed in reads what everybody reads."""
    pages = Blueprint("published_metrics", __name__, template_folder="../templates")
    zone = ZoneInfo(world.settings.timezone)

    @pages.get(f"{PUBLIC}/<payer>/<int:year>")
    def show(payer: str, year: int) -> Response:
        found = published.published(world, payer, year)
        body = render_template(
            "published_metrics.html", found=found, rows=metrics_view.figure_rows(found.figures, None), payer=payer,
            counted=Times(world.clock(), zone).exact(found.counted), me=None,
        )  # fmt: skip
        answer = make_response(body)
        answer.set_etag(hashlib.sha256(body.encode()).hexdigest()[:32])
        answer.headers["Cache-Control"] = f"public, max-age={AGE}"
        answer.headers["Vary"] = "Accept-Language"
        return answer.make_conditional(request)

    return pages
