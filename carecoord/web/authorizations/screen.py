"""The pages of a payer's decisions, put together: the queue, and one request with its form."""

from dataclasses import replace
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.access.turn import looking
from carecoord.actions.acts import act as acts_act
from carecoord.actions.people import drafts as kept
from carecoord.actions.prior_auth import decide, queue
from carecoord.fhir.instants import micros
from carecoord.store.prior_auth.authorizations import MANY, Asked, Tab
from carecoord.web.acts import view as acts_view
from carecoord.web.acts.forms import State
from carecoord.web.authorizations import view
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.world import World


class Screen:
    """Puts the pages together."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.zone = ZoneInfo(world.settings.timezone)

    def queue(self) -> str:
        """The queue."""
        grant, said = sign_in.session().grant(), request.args.get("tab", "")
        tab: Tab = said if said in queue.TABS else "decide"
        words, after = request.args.get("q", "")[:100], request.args.get("after", "").partition(":")
        cursor = (int(after[0]), after[2]) if after[0].isdecimal() and after[2] else None
        found = queue.listed(self.world, grant, request_id(), Asked(micros(self.world.clock()), tab, words, cursor))
        times = Times(found.now, self.zone)
        follows = (
            urlencode({"tab": tab, "q": words, "after": f"{found.after[0]}:{found.after[1]}"}) if found.after else ""
        )
        counts = {name: f"{n}" if n < MANY else f"{MANY - 1}+" for name, n in found.counts.items()}
        tabs = [(name, view.TABS[name], counts[name]) for name in queue.TABS]
        empty = view.EMPTY[tab] if tab in view.EMPTY else spoken("decide.empty")
        return render_template(
            "decisions.html", rows=view.queue(found, times), tabs=tabs, tab=tab, words=words, follows=follows,
            empty=empty, as_of=times.stamp(), next=_next(found),
        )  # fmt: skip

    def one(self, id: str, state: State | None = None, status: int = 200) -> Response:
        """One request; state: of a form that could not be done."""
        grant, reference = sign_in.session().grant(), request_id()
        if request.method == "GET":
            queue.take(self.world, grant, reference, id)
        found = queue.one(self.world, grant, reference, id)
        times = Times(found.now, self.zone)
        with looking(self.world, grant, reference) as turn:
            by = decide.proposer(turn, found.proposal) if found.proposal else ("", "")
            done = acts_act.find(turn, act) if (act := request.args.get("done")) else None
        draft = request.args.get("draft")
        if state is None and draft and request.method == "GET":
            typed = kept.fetch(self.world, grant, draft)
            state = State(request.args.get("act", "decide"), typed) if typed else None
        page = view.page(found, state, by, grant.subject, times)
        told = replace(acts_view.undo(done, times), back="") if done else None
        return make_response(
            render_template("decision.html", page=page, id=id, done=told, decisions=view.DECISIONS, whys=view.WHYS),
            status,
        )


def _next(found: queue.Queue) -> str:
    """The id of the first request that nobody is on."""
    free = (each.root for each in found.rows if each.root not in found.on_it and each.decided is None)
    return next((root.partition("/")[2] for root in free), "")
