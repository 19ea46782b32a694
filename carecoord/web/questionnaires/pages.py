"""A form that a patient is asked to fill in, as a page: theirs under their link, the office's while it has them on the
telephone; and a payer's form, which the office fills in for a request: `/referrals/ID/forms/TASK`."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from auth.grant import Grant
from carecoord.actions.acts.act import Done
from carecoord.actions.questionnaires import fill
from carecoord.actions.questionnaires.fill import Blank, Filled
from carecoord.domain.questionnaires import answers
from carecoord.errors import Conflict
from carecoord.web.acts import submissions
from carecoord.web.acts.changes import changed
from carecoord.web.acts.commands import Command
from carecoord.web.acts.forms import State, submission, typed
from carecoord.web.acts.submissions import Sender
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.questionnaires.view import faults, fields
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.words.reader import DEFAULT
from carecoord.world import World

KIT = ("shown", "more", "lang")  # fields of the page, not of the form


@dataclass(frozen=True)
class Paper:
    """Who fills in which form, on which page: `template`, and `given` to it; `language`: of who reads."""

    case: str
    task: str
    grant: Grant
    language: str
    template: str
    given: dict[str, object]


class Forms:
    """Makes the page of a form, and takes what was written."""

    def __init__(self, world: World) -> None:
        self.world, self.zone = world, ZoneInfo(world.settings.timezone)

    def page(self, paper: Paper) -> Response:
        """The form as it begins, or as far as it was kept."""
        blank = self._blank(paper)
        return self._shown(paper, blank, answers.written(blank.form, blank.begun), told=False)

    def send(self, paper: Paper, done: Callable[[Done, Blank], Response], who: Callable[[], Sender]) -> Response:
        """Send it, where nothing is wrong or left to ask; else the page again, with all that was written. done: the
        answer once it is sent."""
        blank = self._blank(paper)
        said = {name: each for name, each in typed(request.form, {}).items() if name not in KIT}
        more = request.form.get("more", "")
        if more:
            count = said.get(f"{more}-n", "1")
            said[f"{more}-n"] = str(int(count) + 1 if count.isascii() and count.isdecimal() else 2)
            return self._shown(paper, blank, said, told=False, at=more)
        read = answers.read(blank.form, said, self.zone)
        unseen = read.asked - set(request.form.get("shown", "").split())
        if unseen:
            first = next((each for each in read.faults if each in unseen), min(unseen))
            return self._shown(paper, blank, said, told=False, at=first, notice=spoken("form.more-questions"))
        if read.faults:
            return self._shown(paper, blank, said, told=True, status=422)
        command = Command(lambda _: Filled(paper.task, said), fill.fill)
        sent = submissions.send(self.world, command, paper.case, "fill", changed, who=who)
        if isinstance(sent, Done):
            return done(sent, blank)
        why = sent.state.faults[0].text if sent.state.faults else spoken("form.changed")
        return self._shown(paper, blank, said, told=True, status=sent.status, notice=why)

    def keep(self, paper: Paper) -> Response:
        """Keep what stands in it, while it is written."""
        said = {name: each for name, each in typed(request.form, {}).items() if name not in KIT}
        filled = Filled(paper.task, said)
        try:
            fill.keep(self.world, paper.grant, request_id(), submission(paper.case, request.form), filled)
        except Conflict as refused:
            if refused.where != "http.act":
                raise
        at = f"{self.world.clock().astimezone(self.zone):%H:%M}"
        page = render_template("form_kept.html", told=spoken("form.kept", at=at), once=State("").id)
        return make_response(page)

    def _blank(self, paper: Paper) -> Blank:
        return fill.blank(self.world, paper.grant, request_id(), paper.case, paper.task, paper.language)

    def _shown(
        self, paper: Paper, blank: Blank, said: dict[str, str], *, told: bool, status: int = 200, at: str = "",
        notice: str = "",
    ) -> Response:  # fmt: skip
        read = answers.read(blank.form, said, self.zone)
        shown = fields(blank.form, said, read, told=told, chart=blank.chart)
        page = render_template(
            paper.template, form=blank.form, fields=shown, seen=blank.seen, faults=faults(shown),
            shown=" ".join(sorted(read.asked)), state=State("fill"), notice=notice, at=at, task=paper.task,
            root=blank.root, **paper.given,
        )  # fmt: skip
        return make_response(page, status)


def blueprint(world: World) -> Blueprint:
    """The office's page of a form."""
    pages = Blueprint("forms", __name__)
    sign_in.guard(pages, world)
    forms = Forms(world)

    def paper(id: str, task: str) -> Paper:
        back = f"/referrals/{quote(id)}"
        given: dict[str, object] = {"back": back, "home": f"{back}/forms/{quote(task)}", "times": Times}
        return Paper(id, task, sign_in.session().grant(), DEFAULT, "form.html", given)

    @pages.get("/referrals/<id>/forms/<task>")
    def show(id: str, task: str) -> Response:
        return forms.page(paper(id, task))

    @pages.post("/referrals/<id>/forms/<task>")
    def send(id: str, task: str) -> Response:
        def done(sent: Done, blank: Blank) -> Response:
            page = f"/authorizations/{quote(blank.root)}" if blank.root else f"/referrals/{quote(id)}"
            return redirect(f"{page}?done={sent.act.id}", 303)

        return forms.send(paper(id, task), done, submissions.signed_in)

    @pages.post("/referrals/<id>/forms/<task>/keep")
    def keep(id: str, task: str) -> Response:
        return forms.keep(paper(id, task))

    return pages
