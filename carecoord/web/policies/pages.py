"""`/policies`, for admins: what offices and payers have said of clocks and calendars, from when, what holds where
nobody has said anything, and how many open cases it bears on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord import errors
from carecoord.actions.people import people
from carecoord.actions.policies import say
from carecoord.actions.policies.say import Change, Said
from carecoord.actions.worklist import project
from carecoord.domain.access import verbs
from carecoord.domain.policies.shipped import AT_SITES, TERMS
from carecoord.domain.resource.days import local
from carecoord.store.policies.lines import Row
from carecoord.web.acts import days
from carecoord.web.acts.forms import Fault
from carecoord.web.people import sign_in
from carecoord.web.policies import extension_form, vocabulary
from carecoord.web.policies.vocabulary import BUSINESSES, HOW, NAMES
from carecoord.web.server.exchange import request_id
from carecoord.words import catalogue
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

POLICIES: Final = "/policies"


@dataclass(frozen=True)
class Entry:
    """A row of the list in words."""

    n: int
    name: str
    business: str
    value: str
    since: str


def blueprint(world: World) -> Blueprint:
    """The page and what its forms do."""
    pages = Blueprint("policies_page", __name__)
    sign_in.guard(pages, world)

    @pages.before_request
    def demand_admin() -> None:
        if not verbs.may(sign_in.session().user.roles, "manage-policies"):
            raise errors.Forbidden(sentence("policies.admins"))

    @pages.get(POLICIES)
    def show() -> Response:
        return _page(world, request.args.get("of", ""), done=DONE.get(request.args.get("done", ""), ""))

    @pages.post(POLICIES)
    def put() -> Response:
        form, of = request.form, request.form.get("of", "")
        change, faults = _change(form, local(world.clock(), ZoneInfo(world.settings.timezone)))
        if change:
            try:
                say.say(world, sign_in.session().user, request_id(), of, change, form.get("seen", ""))
            except errors.Conflict:
                return _page(world, of, 412, typed=form, changed=True)
            except errors.Invalid:
                wanted = TERMS.get(change.name)
                field = "value" if wanted else "term"
                faults = [Fault(field, HOW[wanted.kind] if wanted else spoken("policies.choose-term"))]
            else:
                return redirect(f"{POLICIES}?of={of}&done=said", 303)
        return _page(world, of, 422, typed=form, faults=faults)

    @pages.post(f"{POLICIES}/extension")
    def extend() -> Response:
        return _extended(world, request.form)

    @pages.post(f"{POLICIES}/back")
    def back() -> Response:
        form, of = request.form, request.form.get("of", "")
        n = form.get("n", "")
        try:
            number = int(n) if n.isascii() and n.isdigit() else 0
            say.take_back(world, sign_in.session().user, request_id(), of, number, form.get("seen", ""))
        except errors.Conflict:
            return _page(world, of, 412, changed=True)
        return redirect(f"{POLICIES}?of={of}&done=back", 303)

    return pages


DONE: Final[Mapping[str, str]] = Glossary({
    "said": sentence("policies.done.said"),
    "back": sentence("policies.done.back"),
})  # fmt: skip


def _change(form: Mapping[str, str], today: date) -> tuple[Change | None, list[Fault]]:
    faults = []
    if form.get("term", "") not in TERMS:
        faults.append(Fault("term", spoken("policies.choose-term")))
    if form.get("business", "") not in BUSINESSES:
        faults.append(Fault("business", spoken("policies.choose-business")))
    start = _day(form.get("start", ""), today)
    if start is None:
        faults.append(Fault("start", spoken("policies.write-day")))
    if faults or start is None:
        return None, faults
    value = vocabulary.meant(form["term"], form.get("value", ""))
    return Change(form.get("business", ""), form["term"], value, start), []


def _day(said: str, today: date) -> date | None:
    """A day of the future or the past, as people write it."""
    for read in (days.read, days.read_past):
        try:
            return read(said, today).day
        except ValueError:
            continue
    return None


def _page(
    world: World, of: str, status: int = 200, *, typed: Mapping[str, str] | None = None, done: str = "",
    faults: list[Fault] | None = None, changed: bool = False, extending: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    found = say.look(world, sign_in.session().user, of)
    today, defaults = local(world.clock(), ZoneInfo(world.settings.timezone)), project.policy(world.settings).defaults
    wrong = {each.field: each.text for each in faults or []}
    page = render_template(
        "policies.html", said=found, entries=[_entry(row) for row in found.rows], wrong=wrong, faults=faults,
        offices=people.organizations(world, sign_in.session().grant(), request_id()),
        sites=people.sites(world, sign_in.session().grant(), request_id()), typed=typed or {}, done=done,
        terms=_terms(found), names=NAMES, businesses=BUSINESSES, changed=changed,
        holds={name: vocabulary.shown(name, defaults[name]) for name in TERMS}, cites=_cites, extending=extending or {},
        extension=extension_form.form(found, defaults, today, extending or {}, wrong) if found.payer else None,
    )  # fmt: skip
    return make_response(page, status)


def _extended(world: World, form: Mapping[str, str]) -> Response:
    """What came of the form of extensions."""
    of = form.get("of", "")
    user, today = sign_in.session().user, local(world.clock(), ZoneInfo(world.settings.timezone))
    found, business = say.look(world, user, of), form.get("business", "")
    start = _day(form.get("start", ""), today)
    held = _held(world, found, start or today, business)
    changes, faults = extension_form.read(form, held, business, start or today)
    if start is None:
        faults.append(Fault("begins", spoken("policies.write-day")))
    if business not in BUSINESSES:
        faults.append(Fault("line", spoken("policies.choose-business")))
    if not faults:
        try:
            say.say_together(world, user, request_id(), of, changes, form.get("seen", ""))
        except errors.Conflict:
            return _page(world, of, 412, extending=form, changed=True)
        return redirect(f"{POLICIES}?of={of}&done=said", 303)
    return _page(world, of, 422, extending=form, faults=faults)


def _held(world: World, found: Said, day: date, business: str) -> dict[str, str]:
    return extension_form.said(found, project.policy(world.settings).defaults, day, business)


def _terms(found: Said) -> list[str]:
    """What can be said here: of a payer what is a payer's, of an office what is an office's, for everybody all."""
    if found.organization.startswith(say.SITE):
        return list(AT_SITES)
    whose = {"payer", "both"} if found.payer else {"office", "both"}
    return [name for name, term in TERMS.items() if not found.organization or term.whose in whose]


def _cites(name: str) -> str:
    """Where a shipped value comes from; empty where no rule of law says it."""
    return TERMS[name].cited


def _entry(row: Row) -> Entry:
    since, name = date.fromordinal(row.valid_from), NAMES[row.name]
    business = BUSINESSES.get(row.business, row.business) if row.business else ""
    return Entry(row.n, name, business, vocabulary.shown(row.name, row.value), catalogue.say(since))
