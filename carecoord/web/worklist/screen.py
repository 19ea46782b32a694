"""The two pages on which acts are done, put together: the worklist with a panel, and one referral by itself; as a whole
page, or as the part that a swap asks for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import make_response, render_template, request
from jinja2_fragments.flask import render_block
from werkzeug.wrappers import Response

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.acts import act as acts_act
from carecoord.actions.acts import batch
from carecoord.actions.acts import work as acts_work
from carecoord.actions.acts.act import Done
from carecoord.actions.inbox import absences
from carecoord.actions.messages import messages
from carecoord.actions.people import drafts
from carecoord.actions.questionnaires import ask
from carecoord.actions.referrals import case_page
from carecoord.actions.worklist import saved_views
from carecoord.actions.worklist import worklist as cases
from carecoord.actions.worklist.worklist import Panel, PayerPanel
from carecoord.domain.access.verbs import Verb
from carecoord.domain.messages.recipients import Kind
from carecoord.errors import NotFound
from carecoord.fhir.instants import micros
from carecoord.web.acts import view as acts_view
from carecoord.web.acts.buttons import AT_HAND, BUTTONS
from carecoord.web.acts.forms import State
from carecoord.web.messages.view import Talk, talk
from carecoord.web.page.times import Times
from carecoord.web.referrals import case_view
from carecoord.web.referrals import view as referrals_view
from carecoord.web.referrals.case_address import CaseAddress
from carecoord.web.server.exchange import request_id
from carecoord.web.worklist import queues
from carecoord.web.worklist import view as worklist_view
from carecoord.web.worklist.address import COLUMNS, Address
from carecoord.web.worklist.rows import drawn
from carecoord.words.catalogue import say
from carecoord.words.sentence import sentence
from carecoord.world import World

PAGE = 25

RETURNED = sentence("worklist.returned")


@dataclass(frozen=True)
class Screen:
    """Makes the pages. `zone`: whose hours they tell."""

    world: World
    zone: ZoneInfo

    def desk(
        self, grant: Grant, address: Address, state: State | None = None, status: int = 200, done: Done | None = None
    ) -> Response:
        """The worklist. `state`: of the form that is open, where it is not a new one; `done`: what the asker has just
        done. All of the page is read in one transaction: list and panel tell of the same moment."""
        with looking(self.world, grant, request_id()) as turn:
            full, asked = cases.whole(grant), address.asked.tab
            counts = queues.counts(full, grant.roles)
            counts = (*counts, asked) if full and asked not in counts else counts
            found = cases.listed(turn, address.asked, counts, PAGE)
            done = done or self._done(turn, address.done)
            panel = self._panel(turn, address.shown, done)
            views = saved_views.seen(turn, answers=request.method == "POST")
            stood_in_for = absences.stood_in_for(turn) if asked == "mine" else []
        address = address if panel or not address.shown else replace(address, shown=None)
        state = state or self._state(grant, address.act, address.draft)
        back = address.doing(None)
        view = {
            "address": address,
            "listing": worklist_view.listing(found, address, self.zone),
            "drawn": drawn,
            "views": views,
            "stood_in_for": [each.name for each in stood_in_for if each.kinds != {"mention"}],
            "hideable": COLUMNS,
            "panel": referrals_view.sheet(panel, self.zone) if panel else None,
            "acts": self._acts(panel, grant, state, back.href(), lambda verb: back.doing(verb).href()),
            "done": self._told(done),
            "batch": [(each, BUTTONS[each]) for each in _batch(grant, address)],
            "at_hand": AT_HAND,
            "as_of": Times(found.now, self.zone).stamp(),
            "updated": f"{found.now.astimezone(self.zone):%H:%M}",
            "now": micros(found.now) // 1000,
        }
        if request.headers.get("HX-Request-Type") == "partial":
            return make_response(render_block("worklist.html", "desk", partial=True, **view), status)
        return make_response(render_template("worklist.html", **view), status)

    def one(
        self, grant: Grant, address: CaseAddress, state: State | None = None, status: int = 200,
        done: Done | None = None,
    ) -> Response:  # fmt: skip
        """One referral on a page of its own; to a payer, what it was told of it."""
        with looking(self.world, grant, request_id()) as turn:
            listed = address.listed(queues.home(cases.whole(grant)))
            page = case_page.opened(turn, address.id, address.paper, address.sheet, listed)
            done = done or self._done(turn, address.done)
        panel = page if isinstance(page, PayerPanel) else page.panel
        state, back = state or self._state(grant, address.act, address.draft), address.doing(None)
        view = {
            "address": None, "as_of": Times(panel.now, self.zone).stamp(), "done": self._told(done),
            "done_back": back.href(), "now": micros(panel.now) // 1000,
            "acts": self._acts(panel, grant, state, back.href(), lambda verb: back.doing(verb).href()),
        }  # fmt: skip
        if isinstance(page, PayerPanel):
            return make_response(render_template("referral.html", panel=referrals_view.sheet(page, self.zone), **view))
        shown = case_view.case_sheet(page, address, grant.roles, self.zone)
        view |= {"case": shown, "panel": shown.sheet, "noted": done is not None and done.act.verb == "note"}
        if request.headers.get("HX-Request-Type") == "partial":
            if status == 200 and request.headers.get("HX-Target", "").endswith("#timeline"):
                return make_response(render_template("case_timeline.html", **view))
            return make_response(render_block("case.html", "case", **view), status)
        return make_response(render_template("case.html", **view), status)

    def _panel(self, turn: Turn, shown: str | None, done: Done | None) -> Panel | PayerPanel | None:
        """The open referral. What one has just done may have taken it out of one's sight: then the list alone stands
        there, with the line that tells of it."""
        if not shown:
            return None
        try:
            return cases.opened(turn, shown)
        except NotFound:
            if done:
                return None
            raise

    def _state(self, grant: Grant, act: str | None, draft: str | None) -> State | None:
        """The form of an act, with what was typed into it before a session was over."""
        if act is None:
            return None
        typed = drafts.fetch(self.world, grant, draft) if draft else {}
        return State(act, typed, notice=say(RETURNED) if typed else "")

    def _acts(
        self, panel: Panel | PayerPanel | None, grant: Grant, state: State | None, back: str, href: Callable[[str], str]
    ) -> Any:
        if not isinstance(panel, Panel):
            return None
        giving = state is not None and state.verb == "assign" and "assign" in panel.verbs
        colleagues = acts_work.choices(self.world, grant, request_id()) if giving else ()
        talk, state = self._talk(panel, grant, state, href)
        most = self.world.settings.max_document
        giving = state is not None and state.verb == "give-form" and "give-form" in panel.verbs
        forms = ask.offered(self.world, grant, request_id(), panel.row.id) if giving else ()
        shown = acts_view.Shown(grant.subject, state, back, href, colleagues, most, talk, forms)
        return acts_view.acts(panel, Times(panel.now, self.zone), shown)

    def _talk(
        self, panel: Panel, grant: Grant, state: State | None, href: Callable[[str], str]
    ) -> tuple[Talk | None, State | None]:
        """The thread of messages, where its form is open: whoever opens it has read it. Where the
        patient is still to be told, it goes to them."""
        if state is None or state.verb != "message" or "message" not in panel.verbs:
            return None, state
        found = messages.open_thread(self.world, grant, request_id(), panel.row.id)

        def way(to: str, template: str) -> str:
            chosen = {"to": to} | ({"template": template} if template else {})
            return f"{href('message')}&{urlencode(chosen)}"

        prefer: Kind | None = "patient" if "tell" in panel.verbs else None
        asked = request.args if request.method == "GET" else {}
        return talk(found, state, asked, Times(panel.now, self.zone), href=way, prefer=prefer)

    def _done(self, turn: Turn, act: str | None) -> Done | None:
        return acts_act.find(turn, act) if act else None

    def _told(self, done: Done | None) -> acts_view.Undo | None:
        return acts_view.undo(done, Times(self.world.clock(), self.zone)) if done else None


def _batch(grant: Grant, address: Address) -> tuple[Verb, ...]:
    """The acts for the rows that are chosen: for open ones."""
    return batch.possible(grant) if address.asked.tab != "closed" else ()
