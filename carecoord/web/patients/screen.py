"""The page of one patient, put together: what is known of them, what can be done with their plan, the open form."""

from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import make_response, render_template, request
from jinja2_fragments.flask import render_block
from werkzeug.wrappers import Response

from auth.grant import Grant
from carecoord.actions.access.turn import looking
from carecoord.actions.acts import act as acts_act
from carecoord.actions.care_plans.offers import Offers, offers
from carecoord.actions.messages import messages
from carecoord.actions.patients import page as patient_page
from carecoord.actions.people import drafts
from carecoord.actions.worklist import worklist
from carecoord.actions.worklist.worklist import Panel
from carecoord.domain.access import verbs
from carecoord.fhir.instants import micros
from carecoord.web.acts import view as acts_view
from carecoord.web.acts.forms import State
from carecoord.web.page.times import Times
from carecoord.web.patients import acts_view as care_acts
from carecoord.web.patients import talk_view, view
from carecoord.web.patients.talk_view import VERBS, TalkForm
from carecoord.web.server.exchange import request_id
from carecoord.web.worklist.queues import counts
from carecoord.web.worklist.screen import RETURNED
from carecoord.words.catalogue import say
from carecoord.world import World

CHOSEN: Final = ("plan", "task", "measure")  # what the address of a form may say of it


@dataclass(frozen=True)
class Screen:
    """Makes the page. `zone`: whose hours it tells."""

    world: World
    zone: ZoneInfo

    def one(self, grant: Grant, id: str, state: State | None = None, status: int = 200) -> Response:
        """The page of a patient at the desk. state: of the form that is open, where it is no new one."""
        shown = self.shown(grant, id, "/", f"/patients/{id}", state)
        refers = verbs.may(grant.roles, "refer") and bool(grant.organization)
        view = {"rail": "Patients", "refers": refers, **shown}
        if request.headers.get("HX-Request-Type") == "partial":
            return make_response(render_block("patient.html", "patient", **view), status)
        return make_response(render_template("patient.html", **view), status)

    def shown(
        self, grant: Grant, id: str, home: str, back: str, state: State | None = None, *, linked: bool = True
    ) -> dict[str, Any]:
        """What the blocks and the acts of the page need. home: below which referrals have their pages; back: the
        address of this page; linked: whether records and files may be opened from here."""
        state = state or self._state(grant)
        told: Offers | None = None
        panel: Panel | None = None
        with looking(self.world, grant, request_id()) as turn:
            found = patient_page.shown(turn, id, counts(True))
            if state and state.verb in care_acts.offered(found):
                told = offers(turn, id)
            about = talk_view.case_of(found, state.verb, _wanted(state)) if state and state.verb in VERBS else ""
            if state and state.verb == "contact" and about and isinstance(seen := worklist.opened(turn, about), Panel):
                panel = seen
            done = acts_act.find(turn, request.args["done"]) if request.args.get("done") else None
        times = Times(found.now, self.zone)
        talking: TalkForm | None = None
        if state and panel:
            talking = talk_view.calling(found, panel, state, back, times)
        elif state and state.verb == "message" and about:
            thread = messages.open_thread(self.world, grant, request_id(), about)
            talking = talk_view.writing(found, thread, state, request.args, back, times)
        return {
            "page": view.page(found, home, times, linked=linked), "as_of": times.stamp(), "address": None,
            "acts": care_acts.acts(found, told, state, back), "done_back": back,
            "talk": talk_view.view(found, home, back, times), "talking": talking,
            "done": acts_view.undo(done, times) if done else None, "now": micros(found.now) // 1000,
        }  # fmt: skip

    def _state(self, grant: Grant) -> State | None:
        """The form that the address asks for, with what was typed into it before a session was over."""
        act, draft = request.args.get("act"), request.args.get("draft")
        if request.method != "GET" or not act:
            return None
        typed = drafts.fetch(self.world, grant, draft) if draft else {}
        chosen = {name: request.args[name][:200] for name in CHOSEN if request.args.get(name)}
        return State(act, typed or chosen, notice=say(RETURNED) if typed else "")


def _wanted(state: State) -> str:
    """The case that a form is about, as it was sent or as its address says."""
    return state.value("about") or request.args.get("about", "")[:200]
