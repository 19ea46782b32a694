"""`/import/published`: files that others publish in a layout of their own (NPPES, in-network rates, Plan-Net), of any
length up to CARECOORD_MAX_IMPORT: uploaded straight into a folder, then tried and taken in by a worker."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, Final

from flask import Blueprint, redirect, render_template, request
from werkzeug.formparser import FormDataParser
from werkzeug.wrappers import Response as Answer

from carecoord import errors
from carecoord.actions.imports import uploads
from carecoord.actions.imports.outcomes import Outcome, outcome_of
from carecoord.actions.imports.published import uploads as published
from carecoord.domain.imports.published.kinds import PUBLISHED, kinds
from carecoord.store.imports.files import File
from carecoord.web.imports.pages import IMPORT, PUBLISHED_NAMES, SHOWN, told
from carecoord.web.people import sign_in
from carecoord.words.catalogue import in_words, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

PUBLISHED_FILES: Final = f"{IMPORT}/published"
ABOUT: Final[Mapping[str, str]] = Glossary({  # what each kind holds
    "nppes": sentence("imports.published.nppes.about"), "in-network": sentence("imports.published.in-network.about"),
    "plan-net": sentence("imports.published.plan-net.about"),
})  # fmt: skip
ASKS: Final[Mapping[str, tuple[str, str]]] = Glossary({  # what stands beside a file -> its label, and what it means
    "states": (sentence("imports.published.states"), sentence("imports.published.states.about")),
    "taxonomies": (sentence("imports.published.taxonomies"), sentence("imports.published.taxonomies.about")),
    "agreement": (sentence("imports.published.agreement"), sentence("imports.published.agreement.about")),
    "version": (sentence("imports.published.version"), sentence("imports.published.version.about")),
    "directory": (sentence("imports.published.directory"), sentence("imports.published.directory.about")),
    "whole": (sentence("imports.published.whole"), sentence("imports.published.whole.about")),
})  # fmt: skip


def blueprint(world: World) -> Blueprint:
    """The pages and what their forms do."""
    pages = Blueprint("published_import_pages", __name__)

    _make_room(pages, world)
    sign_in.guard(pages, world)

    @pages.before_request
    def demand_right() -> None:
        if not kinds(sign_in.session().grant().roles):
            raise errors.Forbidden(spoken("imports.tables-brought-in-by-contract"))

    @pages.get(PUBLISHED_FILES)
    def show() -> Answer:
        return _start(world)

    @pages.post(PUBLISHED_FILES)
    def upload() -> Answer:
        sent, grant = request.files.get("file"), sign_in.session().grant()
        if sent is None or not sent.filename:
            return _start(world, spoken("imports.published.choose"))
        sent.stream.flush()
        try:
            part = Path(sent.stream.name)
            id = published.take(world, grant, request.form.get("kind", ""), sent.filename, part)
        except errors.Invalid as refused:
            return _start(world, refused.text)
        return redirect(f"{PUBLISHED_FILES}/{id}", 303)

    @pages.get(f"{PUBLISHED_FILES}/<id>")
    def file(id: str) -> Answer:
        return _page(_own(world, id))

    @pages.post(f"{PUBLISHED_FILES}/<id>")
    def go(id: str) -> Answer:
        grant, found = sign_in.session().grant(), _own(world, id)
        try:
            published.begin(world, grant, found, request.form, dry=request.form.get("do") != "import")
        except (errors.Invalid, errors.Conflict) as refused:
            return _page(_own(world, id), refused.text)
        return redirect(f"{PUBLISHED_FILES}/{id}", 303)

    return pages


def _make_room(pages: Blueprint, world: World) -> None:
    """Let whoever may bring such a file in send a long one, straight to where it will lie; nobody else. Before the
    guard, for it reads the form."""

    @pages.before_request
    def make_room() -> None:
        if request.method == "POST" and request.path == PUBLISHED_FILES:
            session = sign_in.current(world)
            if session and kinds(frozenset(session.user.roles)):
                request.max_content_length = world.settings.max_import
                request.make_form_data_parser = lambda: _parser(world)  # type: ignore[method-assign]


def _parser(world: World) -> FormDataParser:
    def stream(*_: Any, **__: Any) -> IO[bytes]:
        return NamedTemporaryFile(prefix=published.PART, dir=published.room(world))

    most = world.settings.max_import
    return FormDataParser(stream_factory=stream, max_form_memory_size=100_000, max_content_length=most)


def _own(world: World, id: str) -> File:
    found = uploads.own(world, sign_in.session().grant(), id)
    if found.kind not in PUBLISHED:
        raise errors.NotFound(sentence("refusals.there-no-such-file-here"))
    return found


def _start(world: World, problem: str = "") -> Answer:
    grant = sign_in.session().grant()
    page = render_template(
        "import_published.html", problem=problem,
        kinds=[(kind, PUBLISHED_NAMES[kind], ABOUT[kind]) for kind in kinds(grant.roles)],
        chosen=request.values.get("kind", "") if not problem else "", most=_size(world.settings.max_import),
    )  # fmt: skip
    return Answer(page, 422 if problem else 200, content_type="text/html; charset=utf-8")


def _size(most: int) -> str:
    return f"{most / 1_000_000_000:.3g} GB" if most >= 1_000_000_000 else f"{most // 1_000_000} MB"


def _page(file: File, problem: str = "") -> Answer:
    outcome = outcome_of(file) or Outcome()
    said = dict(request.form.items()) if problem else dict(file.mapping)
    rows = outcome.rows
    page = render_template(
        "import_published_file.html", file=file, kind=PUBLISHED_NAMES[file.kind], outcome=outcome, problem=problem,
        failed=in_words(outcome.failed), asks=[(name, *ASKS[name]) for name in PUBLISHED[file.kind].asks], said=said,
        shown=told(outcome.faults[:SHOWN]), faulty=len(outcome.faults) + outcome.more, gone=outcome.gone[:SHOWN],
        good=sum(rows.get(name, 0) for name in ("new", "changed", "ended")), tried=file.state in ("tried", "kept"),
    )  # fmt: skip
    return Answer(page, 422 if problem else 200, content_type="text/html; charset=utf-8")
