"""`/letters`, for admins: the words of messages and letters, of each office and in each language, what the places in
them mean, how they read for a made-up case, and what they were before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord import errors
from carecoord.actions.messages import templates
from carecoord.actions.messages.templates import Letters
from carecoord.actions.people import people
from carecoord.actions.setup import stock
from carecoord.domain.messages.templates import TEMPLATES, Fields, Own, faults, fits, shipped, written
from carecoord.store.messages.templates import Row
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import languages, say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

LETTERS: Final = "/letters"
TONGUES: Final[Mapping[str, str]] = Glossary({"en": sentence("letters.english"), "es": sentence("letters.spanish")})
PLACES: Final[Mapping[str, str]] = Glossary(
    {
        "office": sentence("letters.place.office"),
        "phone": sentence("letters.place.phone"),
        "clinic": sentence("letters.place.clinic"),
        "payer": sentence("letters.place.payer"),
        "patient": sentence("letters.place.patient"),
        "number": sentence("letters.place.number"),
        "visit": sentence("letters.place.visit"),
        "member": sentence("letters.place.member"),
        "request": sentence("letters.place.request"),
        "appeal": sentence("letters.place.appeal"),
        "due": sentence("letters.place.due"),
    }
)


@dataclass(frozen=True)
class Version:
    """What the words were. since: from when on, by whom; current: whether they are used now."""

    n: int
    words: str
    since: str
    current: bool


def blueprint(world: World) -> Blueprint:
    """The page and what its forms do."""
    pages = Blueprint("letters", __name__)
    sign_in.guard(pages, world)

    @pages.before_request
    def demand_admin() -> None:
        stock.demand(sign_in.session().grant())

    @pages.get(LETTERS)
    def show() -> Response:
        asked = request.args
        return _page(world, asked.get("of", ""), asked.get("name", ""), asked.get("language", ""))

    @pages.post(LETTERS)
    def put() -> Response:
        form, user = request.form, sign_in.session().user
        of, name, language = (form.get(field, "") for field in ("of", "name", "language"))
        words, seen = form.get("words", ""), form.get("seen", "")
        if "preview" in form:
            return _page(world, of, name, language, typed=words)
        try:
            if "shipped" in form:
                templates.give_up(world, user, request_id(), of, name=name, language=language, seen=seen)
            else:
                templates.keep(world, user, request_id(), of, name=name, language=language, words=words, seen=seen)
        except errors.Unprocessable:
            return _page(world, of, name, language, 422, typed=words)
        except errors.Conflict:
            return _page(world, of, name, language, 412, typed=words, changed=True)
        told = {"of": of, "name": name, "language": language, "done": "shipped" if "shipped" in form else "kept"}
        return redirect(f"{LETTERS}?{urlencode(told)}", 303)

    return pages


def _page(
    world: World, of: str, name: str, language: str, status: int = 200, *, typed: str | None = None,
    changed: bool = False,
) -> Response:  # fmt: skip
    user = sign_in.session().user
    offices = people.organizations(world, sign_in.session().grant(), request_id())
    of = of or user.organization or (offices[0][0] if offices else "")
    found = templates.look(world, user, of) if of else None
    about: dict[str, object] = {}
    if found and name:
        about = _letter(world, found, name, language or "en", typed)
    page = render_template(
        "letters.html", letters=found, offices=offices, titles={n: say(each.title) for n, each in TEMPLATES.items()},
        tongues=[(each, TONGUES[each]) for each in languages() if each in TONGUES], name=name, chosen=language or "en",
        changed=changed, done=request.args.get("done", ""), **about,
    )  # fmt: skip
    return make_response(page, status)


def _letter(world: World, found: Letters, name: str, language: str, typed: str | None) -> dict[str, object]:
    """One letter: its words as typed, else as they are, what is wrong with them, how they read, and its versions."""
    kept = templates.versions(world, sign_in.session().user, found.organization, name, language)
    version = request.args.get("version", "")
    again = next((row.words for row in kept.rows if str(row.n) == version), None)
    own = found.own.get((name, language))
    now = own.words if own else shipped(name, language)
    words = typed if typed is not None else again if again is not None else now
    wrong = faults(name, words) if typed is not None else []
    times = Times(world.clock(), ZoneInfo(world.settings.timezone))
    return {
        "title": say(TEMPLATES[name].title), "words": words, "faults": [say(each) for each in wrong],
        "places": [(each, PLACES[each]) for each in TEMPLATES[name].may], "seen": kept.state, "own": own is not None,
        "preview": "" if wrong else _preview(world, found, name, language, words),
        "versions": [_version(row, kept.writers, times) for row in kept.rows],
    }  # fmt: skip


def _preview(world: World, found: Letters, name: str, language: str, words: str) -> str:
    """How words read for a made-up case, in its language."""
    zone = ZoneInfo(world.settings.timezone)
    day = (world.clock().astimezone(zone) + timedelta(days=9)).replace(hour=14, minute=10)
    made_up = _made_up(found, day)
    own: Own = {(name, language): words}
    return written(name, made_up, language, own if fits(name, made_up, language, own) else {})


def _made_up(found: Letters, visit: datetime) -> Fields:
    return Fields(
        found.office, found.phone or "555-0100", "Sample Heart Clinic", "Sample Health Plan", "Sample, Ana", "R-10001",
        visit, True, "SH-100-200", "Q-10001", visit.date() + timedelta(days=60), visit.date(),
    )  # fmt: skip


def _version(row: Row, writers: Mapping[str, str], times: Times) -> Version:
    said = spoken("letters.since", at=times.exact(row.recorded_at), by=writers.get(row.by, row.by))
    return Version(row.n, row.words, said, row.current)
