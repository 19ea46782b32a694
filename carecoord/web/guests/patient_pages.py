"""The page of a patient's link, in their language: where the referral is, and under it each form, `POST
/guest/TOKEN/VERB`."""

from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.acts.act import Done
from carecoord.actions.guests import patient
from carecoord.actions.guests.entry import Guest
from carecoord.actions.questionnaires.fill import Blank
from carecoord.domain.access import verbs
from carecoord.errors import NotFound
from carecoord.web.acts import submissions
from carecoord.web.acts.changes import changed
from carecoord.web.acts.forms import State
from carecoord.web.acts.submissions import Sender
from carecoord.web.guests import shell
from carecoord.web.guests.commands import OF_PATIENT
from carecoord.web.guests.patient_view import page
from carecoord.web.questionnaires.pages import Forms, Paper
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.words.sentence import sentence
from carecoord.world import World


class Patient:
    """Makes the pages of patients' links."""

    def __init__(self, world: World) -> None:
        self.world, self.zone = world, ZoneInfo(world.settings.timezone)
        self.forms = Forms(world)

    def page(self, who: Guest, token: str, state: State | None = None, status: int = 200) -> Response:
        """Where the referral is, with the form that was sent."""
        found = patient.journey(self.world, who.grant(), request_id())
        shell.speak(who.link.language)
        relative = who.name if who.link.relative else ""
        return make_response(
            render_template(
                "guest_patient.html", page=page(found, who.link.expires, self.zone, relative),
                state=state or State(request.args.get("do", "")), csrf=who.csrf,
                home=shell.home(token), told="sent" in request.args,
            ),
            status,
        )  # fmt: skip

    def act(self, who: Guest, token: str, verb: str) -> Response:
        """Do what a form asks for. What stands in its way is told in the patient's language: that it changed."""
        language = shell.speak(who.link.language)
        roles = who.grant().roles
        theirs = {name: each for name, each in OF_PATIENT.items() if verbs.may(roles, name)}
        command = next((each for name, each in theirs.items() if name == verb), None)
        if command is None:
            raise NotFound(sentence("guest.there-no-such-act"))
        sent = submissions.send(self.world, command, who.link.case, verb, changed, who=lambda: self._sender(who))
        if isinstance(sent, Done):
            asked = {"sent": "1", **({"lang": language} if language != who.link.language else {})}
            return redirect(f"{shell.home(token)}?{urlencode(asked)}", 303)
        faults = tuple(each for each in sent.state.faults if each.field == "note")
        notice = "" if faults else spoken("guest.changed")
        return self.page(who, token, State(verb, sent.state.values, faults, notice), sent.status)

    def form(self, who: Guest, token: str, task: str) -> Response:
        """A form that the patient is asked to fill in."""
        return self.forms.page(self._paper(who, token, task))

    def send_form(self, who: Guest, token: str, task: str) -> Response:
        """Send it."""
        paper = self._paper(who, token, task)

        def done(_: Done, __: Blank) -> Response:
            asked = {"sent": "1", **({"lang": paper.language} if paper.language != who.link.language else {})}
            return redirect(f"{shell.home(token)}?{urlencode(asked)}", 303)

        return self.forms.send(paper, done, lambda: self._sender(who))

    def _paper(self, who: Guest, token: str, task: str) -> Paper:
        language, home = shell.speak(who.link.language), shell.home(token)
        back = f"{home}?{urlencode({'lang': language})}" if language != who.link.language else home
        given: dict[str, object] = {"csrf": who.csrf, "home": f"{home}/forms/{quote(task)}", "back": back}
        return Paper(who.link.case, task, who.grant(), language, "guest_form.html", given)

    def _sender(self, who: Guest) -> Sender:
        shell.demand_own_form(who)
        return Sender(who.grant(who.name), own=True)
