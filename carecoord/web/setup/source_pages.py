"""The step of the set-up by which referrals come in: an EHR connected, asked what it gives, and read for the first
time; an app let in that sends them by itself."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from auth.server.issuer import TOKEN_PATH
from auth.store import Client
from carecoord import errors
from carecoord.actions.apps import registration
from carecoord.actions.ehrs import upkeep
from carecoord.actions.setup import connection
from carecoord.actions.setup.connection import Given
from carecoord.web.acts.forms import Fault
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

SOURCES: Final = "/setup/sources"
LONGEST: Final = 64  # characters of an EHR's name
_PRIVATE: Final = re.compile(r'"[dk]"\s*:')  # the members of a key that nobody else may know (RFC 7518 6.2.2, 6.4.1)
# what an EHR gives: its name; what it means where we read it, and where not
THINGS: Final[Glossary[str, tuple[str, str, str]]] = Glossary(
    {
        "patients": (sentence("setup.thing.patients"), sentence("setup.comes"), sentence("setup.sent-or-typed")),
        "cards": (sentence("setup.thing.cards"), sentence("setup.comes"), sentence("setup.asked-of-payers")),
        "referrals": (sentence("setup.thing.referrals"), sentence("setup.comes"), sentence("setup.posted")),
        "tasks": (sentence("setup.thing.tasks"), sentence("setup.comes"), sentence("setup.kept-here")),
        "visits": (sentence("setup.thing.visits"), sentence("setup.follow-booked"), sentence("setup.written-here")),
        "slots": (sentence("setup.thing.slots"), sentence("setup.seen-booking"), sentence("setup.call-clinic")),
        "documents": (sentence("setup.thing.documents"), sentence("setup.in-charts"), sentence("setup.by-hand")),
        "people": (sentence("setup.thing.people"), sentence("setup.comes"), sentence("setup.by-table")),
        "organizations": (sentence("setup.thing.sites"), sentence("setup.comes"), sentence("setup.by-forms")),
        "claims": (sentence("setup.thing.claims"), sentence("setup.comes"), sentence("setup.we-are-source")),
    }
)
STATES: Final[Glossary[str, str]] = Glossary(
    {
        "good": sentence("setup.ehr.good"),
        "late": sentence("setup.ehr.late"),
        "failed": sentence("setup.ehr.failed"),
        "never": sentence("setup.ehr.never"),
    }
)


@dataclass(frozen=True)
class Told:
    """What the step has to tell of what was just done. given: what an EHR said of itself; silent: the name of one that
    did not answer, and why; sender: an app that was let in, token: where it gets its access tokens."""

    given: Given | None = None
    silent: tuple[str, str] | None = None
    sender: Client | None = None
    token: str = ""
    fhir: str = ""


def take(pages: Blueprint, world: World, page: Callable[..., Response]) -> None:
    """Add the step's routes. page: draws the set-up with a step open."""
    _take_ehrs(pages, world, page)
    _take_apps(pages, world, page)


def _take_ehrs(pages: Blueprint, world: World, page: Callable[..., Response]) -> None:
    @pages.post(SOURCES)
    def connect() -> Response:
        typed, user = request.form, sign_in.session().user
        said, address, client = (typed.get(field, "").strip() for field in ("name", "address", "client"))
        faults = _lacking(name=said and _short(said), address=address)
        if not faults:
            try:
                connection.connect(world, user, request_id(), _short(said), address, client)
            except errors.Conflict as taken:
                faults = [Fault("name", taken.text)]
            except errors.Invalid as refused:
                faults = [Fault("name" if refused.where == "name" else "address", refused.text)]
        if faults:
            return page("sources", 422, typed=typed, faults=faults)
        return redirect("/setup?step=sources&done=sources", 303)

    @pages.post("/setup/examine")
    def examine() -> Response:
        ehr = request.form.get("ehr", "")
        try:
            given = connection.examine(world, sign_in.session().user, request_id(), ehr)
        except (errors.BadGateway, errors.Unavailable, errors.TimedOut) as silent:
            return page("sources", sources=Told(silent=(ehr, silent.text)))
        return page("sources", sources=Told(given))

    @pages.post(f"{SOURCES}/read")
    def read() -> Response:
        upkeep.resume(world, request.form.get("ehr", ""), request_id(), sign_in.session().user)
        return redirect("/setup?step=sources&done=read", 303)


def _take_apps(pages: Blueprint, world: World, page: Callable[..., Response]) -> None:
    @pages.post(f"{SOURCES}/app")
    def add_app() -> Response:
        called, keys = (request.form.get(field, "").strip() for field in ("app", "keys"))
        faults = _lacking(app=called, keys=keys)
        if not faults:
            try:
                sender = registration.add_sender(world, sign_in.session().grant(), called, keys, request=request_id())
            except errors.Invalid as refused:
                faults = [Fault("keys", refused.text)]
            else:
                token, fhir = world.settings.url + TOKEN_PATH, world.settings.fhir_url
                return page("sources", sources=Told(sender=sender, token=token, fhir=fhir))
        # a private key, which should never have come here, is not sent back
        typed = {"app": called, "keys": "" if _PRIVATE.search(keys) else keys}
        return page("sources", 422, typed=typed, faults=faults)


def _short(said: str) -> str:
    """The name by which an EHR is kept, of what people call it: `Fairmont EHR` is `fairmont-ehr`."""
    return re.sub(r"[^a-z0-9._-]+", "-", said.lower()).strip("-._")[:LONGEST]


def _lacking(**typed: str) -> list[Fault]:
    """A fault for each field that has to say something and does not."""
    asked = {
        "name": spoken("setup.write.ehr"), "address": spoken("setup.write.address"),
        "app": spoken("setup.write.app"), "keys": spoken("setup.write.keys"),
    }  # fmt: skip
    return [Fault(field, asked[field]) for field, said in typed.items() if not said]
