"""What is done with two records that may be of one patient: `POST /quality/VERB`, from the page of data quality."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from carecoord.actions.acts.act import Done
from carecoord.actions.patients import linkage
from carecoord.errors import NotFound
from carecoord.web.acts import submissions
from carecoord.web.acts.commands import Command
from carecoord.web.acts.forms import Reader
from carecoord.web.patients.acts_view import changed
from carecoord.web.people import sign_in
from carecoord.web.quality.screen import Screen
from carecoord.words.catalogue import spoken
from carecoord.words.sentence import sentence
from carecoord.world import World


def _other(reader: Reader) -> str:
    return reader.text("other", spoken("quality.choose-records"), most=200)


COMMANDS: Final[Mapping[str, Command]] = {
    "merge-patients": Command(_other, linkage.merge),
    "keep-patients-apart": Command(_other, linkage.keep_apart),
    "unmerge-patients": Command(_other, linkage.unmerge),
}


def blueprint(world: World) -> Blueprint:
    """The acts. A form names the record that is kept (`record`) and the other one (`other`)."""
    pages = Blueprint("quality_acts", __name__)
    sign_in.guard_forms(pages, world, lambda draft: submissions.signed_out(draft, ()))
    screen = Screen(world)

    @pages.post("/quality/<verb>")
    def act(verb: str) -> Response:
        command = COMMANDS.get(verb)
        if command is None:
            raise NotFound(sentence("acts.there-no-such-act"))
        about = linkage.about(request.form.get("record", "")[:200])
        sent = submissions.send(world, command, about, verb, changed)
        if isinstance(sent, Done):
            return redirect(f"/quality?{urlencode({'done': sent.act.id})}", 303)
        told = [fault.text for fault in sent.state.faults]
        if now := sent.state.changed:
            told.append(spoken("quality.overtaken", who=now.who, when=now.when))
        return screen.shown(" ".join(told) or sent.state.notice, sent.status)

    return pages
