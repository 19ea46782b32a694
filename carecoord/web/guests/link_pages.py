"""Where the office that refers makes links for those without an account: the page with those of a referral, and the
sheet with a new one, which is shown this once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from auth.grant import Grant
from carecoord.actions.acts.act import Done, Submission
from carecoord.actions.guests import links
from carecoord.actions.guests.links import Made, Wanted
from carecoord.domain.guests.links import USUAL, Audience, state, written_code
from carecoord.domain.messages.templates import fits, written
from carecoord.domain.resource.days import local
from carecoord.fhir.instants import micros
from carecoord.store.guests.links import Link
from carecoord.web.acts import submissions
from carecoord.web.acts.changes import changed
from carecoord.web.acts.commands import Command
from carecoord.web.acts.forms import Reader, State
from carecoord.web.guests import marks
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.reader import DEFAULT
from carecoord.words.sentence import sentence
from carecoord.world import World

AUDIENCES: Final[Mapping[str, str]] = Glossary(
    {
        "clinic": sentence("case.audiences.clinic"),
        "patient": sentence("case.audiences.patient"),
        "relative": sentence("case.audiences.relative"),
    }
)
STATES: Final[Mapping[str, str]] = Glossary(
    {
        "open": sentence("case.states.open"),
        "locked": sentence("case.states.locked"),
        "withdrawn": sentence("case.states.withdrawn"),
        "expired": sentence("case.states.expired"),
    }
)


@dataclass(frozen=True)
class Line:
    """A link as the page lists it. `note`: what happened with it."""

    id: str
    audience: str
    state: str
    said: str
    until: str
    note: str
    ends: bool


def blueprint(world: World) -> Blueprint:
    """`/referrals/ID/links`, and under it the end of one."""
    pages = Blueprint("links", __name__)
    sign_in.guard(pages, world)
    desk = _Links(world)

    @pages.get("/referrals/<id>/links")
    def show(id: str) -> Response:
        return desk.page(id, State("link"), 200)

    @pages.post("/referrals/<id>/links")
    def make(id: str) -> Response:
        return desk.make(id)

    @pages.post("/referrals/<id>/links/<link>/end")
    def end(id: str, link: str) -> Response:
        return desk.end(id, link)

    return pages


class _Links:
    def __init__(self, world: World) -> None:
        self.world, self.zone = world, ZoneInfo(world.settings.timezone)

    def page(self, id: str, form: State, status: int) -> Response:
        """The links of the referral, and the form of a new one."""
        found = links.of_case(self.world, sign_in.session().grant(), request_id(), id)
        now = self.world.clock()
        times, usual = Times(now, self.zone), local(now, self.zone) + USUAL["clinic"]
        lines = [self._line(each, times) for each in found.made]
        return make_response(
            render_template(
                "links.html", links=found, lines=lines, state=form, audiences=AUDIENCES, until=times.date(usual),
                home=_home(id), back=_back(id),
            ),
            status,
        )  # fmt: skip

    def make(self, id: str) -> Response:
        """Make one, and show the sheet with its secrets."""
        made: list[Made] = []

        def do(world: World, grant: Grant, request: str, submission: Submission, wanted: Wanted) -> Done:
            made.append(links.make(world, grant, request, submission, wanted))
            return made[-1].done

        sent = submissions.send(self.world, Command(_wanted, do), id, "link", changed)
        if not isinstance(sent, Done):
            return self.page(id, sent.state, sent.status)
        link = made[-1].link
        if link is None:
            said = spoken("case.that-link-was-made-already")
            return self.page(id, State("link", notice=said), 200)
        return self._sheet(id, link, made[-1])

    def end(self, id: str, link: str) -> Response:
        """End one."""

        def do(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
            return links.withdraw(world, grant, request, submission, link)

        sent = submissions.send(self.world, Command(lambda _: None, do), id, "end-link", changed)
        if not isinstance(sent, Done):
            return self.page(id, sent.state, sent.status)
        return redirect(f"{_home(id)}?{urlencode({'back': _back(id)})}", 303)

    def _sheet(self, id: str, link: Link, made: Made) -> Response:
        found = links.of_case(self.world, sign_in.session().grant(), request_id(), id)
        address = f"{self.world.settings.url}/guest/{made.token}"
        times = Times(self.world.clock(), self.zone)
        tongue = DEFAULT if link.audience == "clinic" else found.language
        name = "cover-clinic" if link.audience == "clinic" else "cover-family"
        words = written(name, found.fields, tongue, found.own if fits(name, found.fields, tongue, found.own) else {})
        page = render_template(
            "link_sheet.html", links=found, words=words, tongue=tongue, link=link, address=address,
            code=written_code(made.code),
            square=marks.square(address), bars=marks.bars(link.cover), until=_last(link, times), stamp=times.stamp(),
            home=_home(id), back=_back(id),
        )  # fmt: skip
        answer = make_response(page)
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    def _line(self, link: Link, times: Times) -> Line:
        now = state(link, micros(times.now))
        told = []
        if link.opened:
            told.append(spoken("case.first-opened", opened=times.exact(link.opened)))
        if link.locked:
            told.append(spoken("case.locked-after-wrong-answers", locked=times.exact(link.locked)))
        if link.asked:
            told.append(spoken("case.new-one-was-asked-for", asked=times.exact(link.asked)))
        if link.stopped:
            told.append(spoken("case.wants-no-more-messages"))
        note = ", ".join(told) or spoken("case.not-opened-yet")
        return Line(
            link.id, AUDIENCES[link.audience], now, STATES[now], _last(link, times), note, now in ("open", "locked")
        )


def _home(id: str) -> str:
    """The page with the links of a referral."""
    return f"/referrals/{quote(id)}/links"


def _back(id: str) -> str:
    """Where one came from: a list with the referral open, or its own page."""
    asked = sign_in.safe_next(request.values.get("back"))
    own = asked.startswith(("/?", "/waiting?", f"/referrals/{quote(id)}"))
    return asked if own else f"/referrals/{quote(id)}"


def _last(link: Link, times: Times) -> str:
    """The last day on which a link is good."""
    return times.day(link.expires - 1)


def _wanted(reader: Reader) -> Wanted | None:
    chosen, _, relative = reader.values.get("audience", "").partition(":")
    if chosen not in AUDIENCES:
        reader.fault("audience", spoken("case.choose-for-whom-link"))
    audience = cast("Audience", chosen)
    until = reader.day("until")
    if reader.faults:
        return None
    return Wanted(audience, until or reader.today + USUAL[audience], relative[:64])
