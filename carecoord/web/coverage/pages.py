"""`/decisions/coverage`: what clinics ask a payer about its members' cards, answered by its staff, and what changes
of a card stated without a question."""

from typing import Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.access.turn import looking
from carecoord.actions.acts import act as acts_act
from carecoord.actions.acts.act import Done, Overtaken
from carecoord.actions.coverage import questions
from carecoord.actions.people import drafts as kept
from carecoord.web.acts import changes, submissions
from carecoord.web.acts import view as acts_view
from carecoord.web.acts.forms import Changed, State
from carecoord.web.acts.view import Undo
from carecoord.web.coverage import view
from carecoord.web.coverage.commands import COMMANDS
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.world import World

PATH: Final = "/decisions/coverage"


def blueprint(world: World) -> Blueprint:
    """The pages, and what their forms do."""
    pages = Blueprint("decision_coverage", __name__, template_folder="../templates")
    sign_in.guard_forms(pages, world, lambda draft: submissions.signed_out(draft, COMMANDS))
    screen = Screen(world)

    @pages.get(PATH)
    def listed() -> str:
        return screen.listed()

    @pages.get(f"{PATH}/<id>")
    def question(id: str) -> Response:
        return screen.question(id)

    @pages.get(f"{PATH}/cards/<id>")
    def card(id: str) -> Response:
        return screen.card(id)

    @pages.post(f"{PATH}/<id>/answer-eligibility")
    def answer(id: str) -> Response:
        sent = _sent(world, "answer-eligibility", questions.about(questions.ASKED, id))
        return _told(sent) if isinstance(sent, Done) else screen.question(id, sent.state, sent.status)

    @pages.post(f"{PATH}/cards/<id>/state-coverage")
    def state(id: str) -> Response:
        sent = _sent(world, "state-coverage", questions.about(questions.CARD, id))
        return _told(sent) if isinstance(sent, Done) else screen.card(id, sent.state, sent.status)

    return pages


class Screen:
    """Puts the pages together."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.zone = ZoneInfo(world.settings.timezone)

    def listed(self) -> str:
        """The questions, and the cards of the member who is looked for."""
        grant, number = sign_in.session().grant(), request.args.get("member", "")[:60]
        found = questions.desk(self.world, grant, request_id())
        cards = questions.members(self.world, grant, request_id(), number) if number else []
        times = Times(found.now, self.zone)
        return render_template(
            "cards.html", page=view.sheet(found, times), member=number, as_of=times.stamp(),
            cards=[view.card(each, times) for each in cards], done=self._done(times),
        )  # fmt: skip

    def question(self, id: str, state: State | None = None, status: int = 200) -> Response:
        """One question with its form; state: of one that could not be done."""
        now, found = questions.one(self.world, sign_in.session().grant(), request_id(), id)
        page = render_template(
            "cards_question.html", each=view.question(found, Times(now, self.zone)), id=id,
            state=state or self._state("answer-eligibility"), standings=view.STANDINGS, needed=view.NEEDED,
            back=f"{PATH}/{quote(id)}",
        )  # fmt: skip
        return make_response(page, status)

    def card(self, id: str, state: State | None = None, status: int = 200) -> Response:
        """One card with the form by which a change is stated."""
        now, found = questions.card(self.world, sign_in.session().grant(), request_id(), id)
        page = render_template(
            "cards_statement.html", card=view.card(found, Times(now, self.zone)), id=id,
            state=state or self._state("state-coverage"), changes=view.CHANGES, back=f"{PATH}/cards/{quote(id)}",
        )  # fmt: skip
        return make_response(page, status)

    def _state(self, verb: str) -> State:
        draft = request.args.get("draft")
        typed = kept.fetch(self.world, sign_in.session().grant(), draft) if draft else None
        return State(verb, typed or {})

    def _done(self, times: Times) -> Undo | None:
        act = request.args.get("done", "")
        if not act:
            return None
        with looking(self.world, sign_in.session().grant(), request_id()) as turn:
            done = acts_act.find(turn, act)
        return acts_view.undo(done, times) if done else None


def _sent(world: World, verb: str, about: str) -> Done | submissions.Again:
    return submissions.send(world, COMMANDS[verb], about, verb, _changed)


def _told(sent: Done) -> Response:
    return redirect(f"{PATH}?{urlencode({'done': sent.act.id})}", 303)


def _changed(verb: str, values: object, stale: Overtaken, times: Times) -> Changed:
    """Who was first, where a question was changed after its form was shown."""
    who, when = changes.first(stale, times, spoken("agreements.somebody-over-api-or-by"), times.stamp())
    return Changed(who, when, "", "", "")
