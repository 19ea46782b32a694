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
from carecoord.domain.access.payer_view import QUEUE_CELLS
from carecoord.domain.prior_auth import lifecycle
from carecoord.fhir.instants import micros
from carecoord.store.prior_auth.authorizations import Asked, Tab
from carecoord.web.acts import view as acts_view
from carecoord.web.acts.forms import State
from carecoord.web.authorizations import line_view, queue_view, view
from carecoord.web.authorizations.conflict_view import DECISIONS
from carecoord.web.page import downloads
from carecoord.web.page.columns import headings
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

    def asked(self) -> Asked:
        """What the address asks for."""
        said, words = request.args.get("tab", ""), request.args.get("q", "")[:100]
        tab: Tab = said if said in (*queue.TABS, *queue.FIGURES) else "decide"
        after = request.args.get("after", "").partition(":")
        cursor = (int(after[0]), after[2]) if after[0].isdecimal() and after[2] else None
        return Asked(micros(self.world.clock()), tab, words, cursor, sign_in.session().grant().subject)

    def queue(self) -> str:
        """The queue."""
        grant, asked = sign_in.session().grant(), self.asked()
        found = queue.listed(self.world, grant, request_id(), asked)
        times = Times(found.now, self.zone)
        address = {"tab": asked.tab, "q": asked.words}
        follows = urlencode(address | {"after": f"{found.after[0]}:{found.after[1]}"}) if found.after else ""
        return render_template(
            "decisions.html", groups=queue_view.groups(found, times), tabs=queue_view.tabs(found.counts), tab=asked.tab,
            figures=queue_view.figures(found.counts), columns=queue_view.COLUMNS, words=asked.words, follows=follows,
            empty=queue_view.EMPTY.get(asked.tab) or spoken("decide.empty"), as_of=times.stamp(), next=_next(found),
            file=urlencode(address), total=found.counts[asked.tab], names=queue_view.NAMES, letters=found.letters,
            questions=found.questions,
        )  # fmt: skip

    def file(self, form: downloads.Form) -> Response:
        """The queue as a file: every row of its tab."""
        rows = queue.download(self.world, sign_in.session().grant(), request_id(), replace(self.asked(), after=None))
        times = Times(self.world.clock(), self.zone)
        return downloads.table("decisions", headings(QUEUE_CELLS), queue_view.lines(rows, times), form)

    def one(self, id: str, state: State | None = None, status: int = 200) -> Response:
        """One request; state: of a form that could not be done."""
        grant, reference = sign_in.session().grant(), request_id()
        if request.method == "GET":
            queue.take(self.world, grant, reference, id)
        found = queue.one(self.world, grant, reference, id)
        times = Times(found.now, self.zone)
        with looking(self.world, grant, reference) as turn:
            by, decided = (decide.proposer(turn, each) if each else ("", "") for each in (found.proposal, found.held))
            done = acts_act.find(turn, act) if (act := request.args.get("done")) else None
        draft = request.args.get("draft")
        if state is None and draft and request.method == "GET":
            typed = kept.fetch(self.world, grant, draft)
            state = State(request.args.get("act", "decide"), typed) if typed else None
        page = view.page(found, state, by, decided, grant.subject, times)
        told = replace(acts_view.undo(done, times), back="") if done else None
        return make_response(
            render_template(
                "decision.html", page=page, id=id, done=told, decisions=DECISIONS, whys=view.WHYS,
                mets=line_view.METS, askers=view.ASKERS, peers=view.PEERS,
            ),
            status,
        )  # fmt: skip


def _next(found: queue.Queue) -> str:
    """The id of the first request that nobody is on and that can be decided: no paper that was asked for is missing."""
    ready = (each for each in found.rows if each.state in lifecycle.UNDECIDED and each.attached >= each.asked)
    left = (each for each in ready if "held" not in found.steps.get(each.claim, ()))
    return next((each.root.partition("/")[2] for each in left if each.root not in found.on_it), "")
