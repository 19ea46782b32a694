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
from carecoord.web.policies import extension_form
from carecoord.web.server.exchange import request_id
from carecoord.world import World

POLICIES: Final = "/policies"
BUSINESSES: Final = {
    "": "All",
    "commercial": "Commercial",
    "exchange": "Exchange",
    "self-funded": "Self-funded",
    "medicare": "Medicare",
    "medicare-advantage": "Medicare Advantage",
    "medicaid": "Medicaid",
    "chip": "CHIP",
    "workers-compensation": "Workers' compensation",
}
_STEPS: Final = {
    "send": "Send a drafted referral",
    "acknowledge": "The performer opens it",
    "triage": "The performer accepts or declines",
    "submit": "Send a request for authorization",
    "settle": "Settle coverage, agreement, papers",
    "book": "Book after acceptance",
    "reroute": "Send elsewhere after a decline",
    "window": "To be seen, where the order does not say",
}
NAMES: Final = {
    "decision.expedited": "Payer decides, expedited",
    "decision.standard": "Payer decides, standard",
    "extension.standard": "Standard decision may be extended by",
    "extension.expedited": "Expedited decision may be extended by",
    "extension.by": "Who may have a decision extended",
    "extension.ground": "On what ground it may be extended",
    "appeal": "Appeal a denial within",
    "peer-to-peer": "Peer-to-peer talk within",
    "eligibility-age": "An eligibility answer is good for",
    "eligibility-reply": "Payer answers on eligibility within",
    "information-lead": "Papers are due before the payer's clock by",
    "channel": "How the payer wants to be asked",
    "visit-lead": "Everything is settled before a visit by",
    "expiring": "What ends shows as expiring before by",
    "confirm": "Outcome of a visit is known within",
    "report": "Report comes within",
    "acknowledge-report": "Report is acknowledged within",
    "tell-patient": "Patient is told within",
    **{f"{step}.{each}": f"{said}: {each}" for step, said in _STEPS.items() for each in (
        "stat", "asap", "urgent", "routine")},
    "hold": "A clinic's free time is held for at most",
    "patient-cancels": "A patient's app calls a visit off",
    "approval-steps": "Steps by which a draft agreement is approved",
    "approval-step": "Each of these steps within",
    "calendar.week": "Days of work",
    "calendar.hours": "Hours of work",
    "calendar.holidays": "Holidays of",
    "calendar.closed": "Closed on",
    "calendar.zone": "Time zone",
}  # fmt: skip
HOW: Final = {
    "clock": "Write a length, such as 72 hours, 7 days, 2 business days or 8 business hours.",
    "lead": "Write a number of days, such as 30 days; only papers may count in hours, such as 24 hours.",
    "words": "Write at most 200 characters, such as Portal, or fax 555-0100.",
    "week": "Write days of the week, such as Mon-Fri.",
    "hours": "Write hours, such as 08:00-17:00.",
    "place": "Write a country or state by its ISO code, such as US or US-NY; nothing for no holidays.",
    "days": "Write days as 2026-12-24, with commas between them.",
    "choice": "Of a patient's app: write at-once, or ask-first, then the office calls it off. Of an extension: either, "
    "patient, payer or nobody.",
    "zone": "Write a zone, such as America/Chicago.",
}


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
            raise errors.Forbidden("Policies are set by admins. Ask one of yours.")

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
                faults = [Fault(field, HOW[wanted.kind] if wanted else "Choose what is to be said.")]
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


_WHEN: Final = "Write a day, such as 1 Jan 2027, 2026-12-01 or today."
_BUSINESS: Final = "Choose a line of business from the list."
DONE: Final = {
    "said": "Saved. The cases that lean on it are judged anew now.",
    "back": "Taken back. The cases that lean on it are judged anew now.",
}


def _change(form: Mapping[str, str], today: date) -> tuple[Change | None, list[Fault]]:
    faults = []
    if form.get("term", "") not in TERMS:
        faults.append(Fault("term", "Choose what is to be said."))
    if form.get("business", "") not in BUSINESSES:
        faults.append(Fault("business", _BUSINESS))
    start = _day(form.get("start", ""), today)
    if start is None:
        faults.append(Fault("start", _WHEN))
    if faults or start is None:
        return None, faults
    return Change(form.get("business", ""), form["term"], form.get("value", ""), start), []


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
        terms=_terms(found), names=NAMES, businesses=BUSINESSES, changed=changed, shipped=TERMS,
        holds=defaults, extending=extending or {},
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
        faults.append(Fault("begins", _WHEN))
    if business not in BUSINESSES:
        faults.append(Fault("line", _BUSINESS))
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


def _entry(row: Row) -> Entry:
    since, name = date.fromordinal(row.valid_from), NAMES[row.name]
    business = BUSINESSES.get(row.business, row.business)
    return Entry(row.n, name, business, row.value or "Nothing", f"{since.day} {since:%b %Y}")
