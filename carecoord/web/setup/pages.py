"""`/setup`, for admins: what is there to work with and what lacks, step by step, and the form of each."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord import errors
from carecoord.actions.server import keys
from carecoord.actions.setup import form, sample, stock
from carecoord.actions.setup.sample import Removed
from carecoord.actions.setup.stock import Ready
from carecoord.domain.access import verbs
from carecoord.domain.resource.elements import items, text
from carecoord.domain.resource.parties import name
from carecoord.web.acts.forms import Fault
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.web.setup import source_pages
from carecoord.web.setup.forms import DONE, FORMS, LACKING, STATES, STEPS, Field
from carecoord.web.setup.source_pages import STATES as EHR_STATES
from carecoord.web.setup.source_pages import THINGS, Told
from carecoord.words.catalogue import say, spoken
from carecoord.words.sentence import sentence
from carecoord.world import World

SETUP: Final = "/setup"
SHOWN: Final = 8  # names in a line


def blueprint(world: World) -> Blueprint:
    """The page and what its forms do."""
    pages = Blueprint("setup_page", __name__)
    sign_in.guard(pages, world)

    @pages.before_request
    def demand_admin() -> None:
        stock.demand(sign_in.session().grant())

    @pages.get(SETUP)
    def show() -> Response:
        return _page(world, request.args.get("step", ""), done=DONE.get(request.args.get("done", ""), ""))

    source_pages.take(pages, world, partial(_page, world))

    @pages.post(f"{SETUP}/<step>")
    def put(step: str) -> Response:
        if step not in FORMS:
            raise errors.NotFound(sentence("setup.no-step"))
        return _put(world, step)

    _take_samples(pages, world)
    return pages


def _take_samples(pages: Blueprint, world: World) -> None:
    """Let the sample data be loaded and removed."""

    @pages.post(f"{SETUP}/sample")
    def load_sample() -> Response:
        user = sign_in.session().user
        if not user.organization:
            return _page(world, "", 409, problem=say(sentence("sample.first")))
        sample.load(world, user, request_id())
        return redirect(f"{SETUP}?done=sample", 303)

    @pages.post(f"{SETUP}/sample/remove")
    def remove_sample() -> Response:
        return _page(world, "", removed=sample.remove(world, sign_in.session().user, request_id()))


def _put(world: World, step: str) -> Response:
    asked, typed, user = FORMS[step], request.form, sign_in.session().user
    faults = [
        Fault(each.name, _wanted(each))
        for each in asked.fields
        if each.required and not typed.get(each.name, "").strip()
    ]
    if not faults:
        values = {each.name: typed.get(each.name, "") for each in asked.fields} | dict(asked.fixed)
        named = {each.name for each in asked.fields}
        refused = form.keep(world, user, request_id(), asked.kind, values)
        faults = [Fault(column if column in named else asked.fields[0].name, say(why)) for column, why in refused]
    if faults:
        return _page(world, step, 422, typed=typed, faults=faults)
    done = step
    if step == "organization" and form.settle(world, user, request_id(), typed["npi"].strip()):
        done = "settled"
    return redirect(f"{SETUP}?step={step}&done={done}", 303)


def _wanted(field: Field) -> str:
    """What to do with a field that was left empty."""
    label = say(field.label)
    label = label if label[1:2].isupper() else label[:1].lower() + label[1:]  # an NPI stays one
    return spoken("setup.choose", field=label) if field.among else spoken("setup.write", field=label)


def _page(
    world: World, step: str, status: int = 200, *, typed: Mapping[str, str] | None = None, done: str = "",
    faults: list[Fault] | None = None, sources: Told | None = None,
    removed: Removed | None = None, problem: str = "",
) -> Response:  # fmt: skip
    ready = stock.look(world, sign_in.session().grant(), request_id())
    step = step if step in STEPS else ""
    page = render_template(
        "setup.html", steps=ready.steps, words=STEPS, states=STATES, here=_here(ready), lacking=LACKING, shown=SHOWN,
        step=step, form=FORMS.get(step), choices=_choices(ready), typed=typed or {}, done=done, faults=faults or [],
        wrong={each.field: each.text for each in faults or []}, ready=ready, sources=sources or Told(), things=THINGS,
        ehr_states=EHR_STATES, jwks=keys.address(world), brings=_brings(),
        complete=sum(s.state == "done" for s in ready.steps),
        office=text(ready.offices[0], "id") if ready.offices else "", removed=removed, problem=problem,
        sampled=sample.is_here(world, sign_in.session().user, request_id()),
        loaded=request.args.get("done") == "sample",
    )  # fmt: skip
    return make_response(page, status)


def _choices(ready: Ready) -> dict[str, list[tuple[str, str]]]:
    """What can be chosen from: (id, name)."""
    named = {"offices": ready.offices, "payers": ready.payers}
    return {kind: [(text(each, "id"), name(each)) for each in found] for kind, found in named.items()}


def _brings() -> bool:
    """Whether who looks brings rules and agreements in themselves."""
    return verbs.may(sign_in.session().user.roles, "see-agreements")


def _here(ready: Ready) -> dict[str, str]:
    """What is there of each step, in a few words; empty for nothing."""
    found, payers = ready.stock, ready.stock.payers
    signed = sum(each.signed_in for each in found.workers)
    networks = len({text(net, "reference") for plan in ready.plans for net in items(plan, "network")})
    return {
        "organization": _names([each.name for each in found.offices]),
        "sites": _names(sorted(map(name, ready.sites))),
        "people": spoken("setup.signed-in", signed=signed, all=len(found.workers)) if found.workers else "",
        "payers": _names([each.name for each in payers]),
        "plans": spoken("setup.plans-and-networks", plans=len(ready.plans), networks=networks) if ready.plans else "",
        "rules": _names([each.name for each in payers if each.rules]),
        "agreements": _names([each.name for each in payers if each.agreed]),
        "sources": _names([each.name for each in found.sources]),
        "calendar": spoken("setup.calendar.said") if found.calendar else "",
        "letters": spoken("setup.letters.here") if found.letters else "",
    }


def _names(named: list[str]) -> str:
    more = len(named) - SHOWN
    told = "; ".join(named[:SHOWN])
    return spoken("setup.and-more", names=told, more=f"{more:,}") if more > 0 else told
