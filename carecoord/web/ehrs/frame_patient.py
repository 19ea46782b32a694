"""The page of the launch's patient inside an EHR's frame: the same blocks and the same acts as at the desk, under the
launch's own address and for its own patient alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from auth.grant import Grant
from carecoord.actions.acts.act import Done
from carecoord.errors import NotFound
from carecoord.web.acts.forms import State
from carecoord.web.acts.submissions import Sender
from carecoord.web.patients.screen import Screen
from carecoord.web.patients.submissions import send
from carecoord.words.catalogue import spoken
from carecoord.world import World

Render = Callable[..., Response]  # of a template, its status and what it is given


def shown(screen: Screen, grant: Grant, home: str, render: Render, state: State | None = None, status: int = 200
          ) -> Response:  # fmt: skip
    """The page. home: the address of the launch; state: of the form that is open. Raises NotFound."""
    told: dict[str, Any] = screen.shown(grant, grant.patient or "", home, f"{home}patient", state, linked=False)
    if told["done"]:
        told["done"] = replace(told["done"], until="")  # what takes it back belongs to the desk's own session
    return render("embed_patient.html", status=status, **told)


def act(world: World, screen: Screen, grant: Grant, home: str, verb: str, render: Render) -> Response | str:
    """Do what a form asks for; the page anew where it could not be done, else the address to go on to."""
    if not grant.patient:
        raise NotFound(spoken("embed.there-no-such-act"))
    sent = send(world, grant, grant.patient, verb, who=lambda: Sender(grant, True))
    if not isinstance(sent, Done):
        return shown(screen, grant, home, render, sent.state, sent.status)
    return f"{home}patient?{urlencode({'done': sent.act.id})}"
