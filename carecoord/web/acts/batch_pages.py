"""One act for the referrals that were chosen in the list: `GET /chosen` shows them with its form, `POST /chosen/VERB`
does it, and says for which it was done and for which it was not, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.acts import batch
from carecoord.actions.acts import work as acts_work
from carecoord.actions.acts.act import Overtaken, Submission
from carecoord.actions.acts.batch import Chosen, Outcome
from carecoord.actions.people import drafts
from carecoord.domain.access.verbs import Verb
from carecoord.domain.resource.days import local
from carecoord.errors import NotFound
from carecoord.web.acts import view
from carecoord.web.acts.buttons import BUTTONS, TITLES
from carecoord.web.acts.changes import changed
from carecoord.web.acts.commands import COMMANDS
from carecoord.web.acts.forms import Fault, Reader, State, submission, typed
from carecoord.web.acts.submissions import ANEW
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.referrals.contacts import Callee
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

NONE: Final = sentence("acts.none")
PLAIN: Final[Mapping[str, str]] = Glossary(
    {  # acts that ask for nothing: what pressing the button does
        "send": sentence("acts.plain.send"),
        "tell": sentence("acts.plain.tell"),
    }
)


def _callees() -> list[Callee]:
    """Whom one can have called for several referrals."""
    return [
        Callee("patient", spoken("acts.patient"), None),
        Callee("performer", spoken("acts.clinic"), None),
        Callee("payer", spoken("acts.payer"), None),
    ]


@dataclass(frozen=True)
class Answer:
    """What became of one referral. `said`: what was done; `why`: why it was not; `undo`: the act that can be taken
    back."""

    name: str
    number: str
    href: str
    said: str
    why: str
    undo: str


def blueprint(world: World) -> Blueprint:
    """`GET /chosen?id=A&id=B&act=assign`: the chosen referrals, and the form of an act for all of them."""
    pages = Blueprint("batch", __name__)
    sign_in.guard(pages, world)
    batches = Batches(world)

    @pages.get("/chosen")
    def form() -> Response:
        return batches.form(request.args.get("act", ""))

    return pages


class Batches:
    """Makes the page, does the act."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.zone = ZoneInfo(world.settings.timezone)

    def form(self, verb: str) -> Response:
        """The form anew, or with what was typed before a session was over."""
        kept = request.args.get("draft")
        values = drafts.fetch(self.world, sign_in.session().grant(), kept) if kept else {}
        return self._page(State(verb, values))

    def act(self, verb: str) -> Response:
        """Do what the form asks for, for each that is chosen in it."""
        session, fields = sign_in.session(), request.form
        command = COMMANDS.get(verb)
        if command is None or verb not in batch.possible(session.grant()):
            raise NotFound(spoken("acts.there-no-such-act-for"))
        values = {name: value for name, value in typed(fields, {}).items() if name != "id"}
        if verb == "assign" and fields.get("mine"):
            values["to"] = session.grant().subject
        reader = Reader(values, local(self.world.clock(), self.zone), self.zone)
        given = command.read(reader)
        ids = fields.getlist("id")[: batch.MOST]
        if not sign_in.own_session(session):
            return self._page(State(verb, values, notice=say(ANEW)), 403)
        faults = [*reader.faults, *([] if ids else [Fault("", say(NONE))])]
        if faults:
            return self._page(State(verb, values, tuple(faults)), 422)
        forms = [_form(id, fields) for id in ids]
        outcomes = batch.perform_each(self.world, session.grant(), request_id(), forms, command.do, given)
        return self._told(verb, values, outcomes)

    def _page(self, state: State, status: int = 200) -> Response:
        grant = sign_in.session().grant()
        ids = request.values.getlist("id")
        found = batch.chosen(self.world, grant, ids, request_id())
        verbs = batch.possible(grant)
        verb = state.verb if state.verb in verbs else verbs[0]
        state = State(verb, state.values, state.faults, state.notice)
        colleagues = acts_work.choices(self.world, grant, request_id()) if verb == "assign" else ()
        form = view.Form(state, *TITLES[verb], colleagues=colleagues, callees=_callees(), touches=True)
        back = _back()
        page = render_template(
            "chosen.html", chosen=found, form=form, lost=len(set(ids)) - len(found), back=back, back_to=_called(back),
            here=f"/chosen?{urlencode([*(('id', each.id) for each in found), ('back', back)])}",
            plain=PLAIN, verbs=[(each, BUTTONS[each], _address(each, found, back)) for each in verbs],
            seen={each.id: " ".join(f"{name}:{n}" for name, n in each.seen.items()) for each in found},
        )  # fmt: skip
        return make_response(page, status)

    def _told(self, verb: str, values: Mapping[str, str], outcomes: Sequence[Outcome]) -> Response:
        grant, times = sign_in.session().grant(), Times(self.world.clock(), self.zone)
        known = {each.id: each for each in batch.chosen(self.world, grant, [o.case for o in outcomes], request_id())}
        told = [_answer(each, known.get(each.case), verb, values, times) for each in outcomes]
        done, not_done = [each for each in told if each.said], [each for each in told if each.why]
        title, back = BUTTONS[cast(Verb, verb)][0], _back()  # one of batch.possible
        page = render_template(
            "chosen_done.html", done=done, not_done=not_done, title=title, back=back, back_to=_called(back)
        )  # fmt: skip
        return make_response(page, 200 if done else 409)


def _form(case: str, fields: Mapping[str, str]) -> Submission:
    """Of one referral: the same form sent twice is the same act on it."""
    once = f"{fields.get('once', '')[:60]}-{case}"
    return submission(case, {"once": once, "seen": fields.get(f"_seen.{case}", "")})


def _answer(outcome: Outcome, known: Chosen | None, verb: str, values: Mapping[str, str], times: Times) -> Answer:
    name, number = (known.name, known.number) if known else ("A referral", "")
    href = f"/?{urlencode({'show': outcome.case})}" if known else ""
    if outcome.done:
        undo = outcome.done.act.id if outcome.done.until else ""
        return Answer(name, number, href, say(outcome.done.act.said), "", undo)
    problem = outcome.problem
    if isinstance(problem, Overtaken):
        seen = changed(verb, values, problem, times)
        why = spoken("acts.was-first-became", who=seen.who, when=seen.when, before=seen.before, theirs=seen.theirs)
        return Answer(name, number, href, "", why, "")
    return Answer(name, number, href, "", problem.text if problem else "", "")


def _address(verb: str, found: Sequence[Chosen], back: str) -> str:
    return f"/chosen?{urlencode([*(('id', each.id) for each in found), ('act', verb), ('back', back)])}"


def _called(back: str) -> str:
    """What the list is called."""
    return spoken("requests.title") if back.startswith("/authorizations") else spoken("acts.worklist")


def _back() -> str:
    """The list that the referrals were chosen in."""
    return sign_in.safe_next(request.values.get("list") or request.args.get("back"))
