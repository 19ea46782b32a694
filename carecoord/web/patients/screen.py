"""The page of one patient, put together."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flask import make_response, render_template
from werkzeug.wrappers import Response

from auth.grant import Grant
from carecoord.actions.patients import page as patient_page
from carecoord.domain.access import verbs
from carecoord.web.page.times import Times
from carecoord.web.patients import view
from carecoord.web.server.exchange import request_id
from carecoord.web.worklist.view import counts
from carecoord.world import World


@dataclass(frozen=True)
class Screen:
    """Makes the page. `zone`: whose hours it tells."""

    world: World
    zone: ZoneInfo

    def one(self, grant: Grant, id: str) -> Response:
        """The page of a patient."""
        found = patient_page.opened(self.world, grant, id, counts(True), request_id())
        times = Times(found.now, self.zone)
        return make_response(
            render_template(
                "patient.html", rail="Patients", page=view.page(found, "/", times), as_of=times.stamp(),
                refers=verbs.may(grant.roles, "refer") and bool(grant.organization),
            )
        )  # fmt: skip
