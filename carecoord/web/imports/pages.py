"""`/import`, for who may bring tables in: upload, which column is which, dry run with faults by cell, import, result;
templates and exports."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

import msgspec
from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from carecoord import errors
from carecoord.actions.imports import exporter, uploads
from carecoord.actions.imports.exporter import Form
from carecoord.actions.imports.outcomes import Outcome, Told, outcome_of
from carecoord.domain.access import verbs
from carecoord.domain.imports import headings
from carecoord.domain.imports.published.kinds import PUBLISHED
from carecoord.domain.imports.published.kinds import kinds as published_kinds
from carecoord.domain.imports.sheets import SHEETS
from carecoord.store.imports.files import File
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import in_words, spoken
from carecoord.words.csv_lines import csv_line
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

IMPORT: Final = "/import"
FORMS: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
KINDS: Final[Mapping[str, tuple[str, str, str]]] = Glossary(
    {  # kind -> what it is called, what it holds, and what is unknown without it
        "organizations": (
            sentence("imports.kinds.organizations"),
            sentence("imports.kinds.organizations.about"),
            sentence("imports.kinds.organizations.without"),
        ),
        "plans": (
            sentence("imports.kinds.plans"),
            sentence("imports.kinds.plans.about"),
            sentence("imports.kinds.plans.without"),
        ),
        "clinicians": (
            sentence("imports.kinds.clinicians"),
            sentence("imports.kinds.clinicians.about"),
            sentence("imports.kinds.clinicians.without"),
        ),
        "rosters": (
            sentence("imports.kinds.rosters"),
            sentence("imports.kinds.rosters.about"),
            sentence("imports.kinds.rosters.without"),
        ),
        "agreements": (
            sentence("imports.kinds.agreements"),
            sentence("imports.kinds.agreements.about"),
            sentence("imports.kinds.agreements.without"),
        ),
        "rules": (
            sentence("imports.kinds.rules"),
            sentence("imports.kinds.rules.about"),
            sentence("imports.kinds.rules.without"),
        ),
        "rates": (
            sentence("imports.kinds.rates"),
            sentence("imports.kinds.rates.about"),
            sentence("imports.kinds.rates.without"),
        ),
        "people": (
            sentence("imports.kinds.people"),
            sentence("imports.kinds.people.about"),
            sentence("imports.kinds.people.without"),
        ),
        "codes": (
            sentence("imports.kinds.codes"),
            sentence("imports.kinds.codes.about"),
            sentence("imports.kinds.codes.without"),
        ),
        "exclusions": (
            sentence("imports.kinds.exclusions"),
            sentence("imports.kinds.exclusions.about"),
            sentence("imports.kinds.exclusions.without"),
        ),
    }
)
STATES: Final[Mapping[str, str]] = Glossary(
    {
        "new": sentence("imports.states.new"),
        "waiting": sentence("imports.states.waiting"),
        "tried": sentence("imports.states.tried"),
        "kept": sentence("imports.states.kept"),
        "failed": sentence("imports.states.failed"),
        "returning": sentence("imports.states.returning"),
        "returned": sentence("imports.states.returned"),
    }
)
PUBLISHED_NAMES: Final[Mapping[str, str]] = Glossary({
    "nppes": sentence("imports.published.nppes"), "in-network": sentence("imports.published.in-network"),
    "plan-net": sentence("imports.published.plan-net"),
})  # fmt: skip
SHOWN: Final = 100  # faults on the page; the file of faults has all


def blueprint(world: World) -> Blueprint:
    """The pages and what their forms do."""
    pages = Blueprint("import_pages", __name__)
    sign_in.guard(pages, world)

    @pages.before_request
    def demand_right() -> None:
        if not verbs.may(sign_in.session().user.roles, "import"):
            raise errors.Forbidden(spoken("imports.tables-brought-in-by-contract"))

    @pages.get(IMPORT)
    def show() -> Answer:
        return _start(world)

    @pages.post(IMPORT)
    def upload() -> Answer:
        sent, grant = request.files.get("file"), sign_in.session().grant()
        if sent is None or not sent.filename:
            return _start(world, spoken("imports.choose-file-csv-or-xlsx"))
        try:
            id = uploads.upload(world, grant, request.form.get("kind", ""), sent.filename, sent.read())
        except errors.Invalid as refused:
            return _start(world, refused.text)
        return redirect(f"{IMPORT}/{id}", 303)

    @pages.get(f"{IMPORT}/<id>")
    def file(id: str) -> Answer:
        found = uploads.own(world, sign_in.session().grant(), id)
        if found.kind in PUBLISHED:
            return redirect(f"{IMPORT}/published/{found.id}", 303)
        return _page(world, found)

    @pages.post(f"{IMPORT}/<id>")
    def go(id: str) -> Answer:
        grant = sign_in.session().grant()
        said = {name: heading for name, heading in request.form.items() if name not in ("csrf", "do")}
        if uploads.own(world, grant, id).kind in PUBLISHED:
            raise errors.NotFound(sentence("refusals.there-no-such-file-here"))
        try:
            if request.form.get("do") == "return":
                uploads.take_back(world, grant, request_id(), id)
                return redirect(f"{IMPORT}/{id}", 303)
            uploads.begin(world, grant, request_id(), id, said, dry=request.form.get("do") != "import")
        except (errors.Invalid, errors.Conflict) as refused:
            return _page(world, uploads.own(world, grant, id), refused.text)
        return redirect(f"{IMPORT}/{id}", 303)

    _files(pages, world)
    return pages


def _files(pages: Blueprint, world: World) -> None:
    @pages.get(f"{IMPORT}/<id>/faults.csv")
    def faults(id: str) -> Answer:
        found = uploads.own(world, sign_in.session().grant(), id)
        lines = [
            (spoken("imports.where"), spoken("imports.column"), spoken("imports.cell"), spoken("imports.what-wrong"))
        ]
        lines += [(each.where, each.column, each.cell, each.what) for each in told(_outcome(found).faults)]
        return _sent(
            "".join(["\ufeff", *map(csv_line, lines)]).encode(), "csv", spoken("imports.faults", name=found.name)
        )

    @pages.get(f"{IMPORT}/<id>/faulty.xlsx")
    def faulty(id: str) -> Answer:
        grant = sign_in.session().grant()
        data = uploads.faulty_rows(world, grant, id)
        return _sent(
            data,
            "xlsx",
            spoken("imports.faulty-rows", rpartition=uploads.own(world, grant, id).name.rpartition(".")[0]),
        )

    @pages.get(f"{IMPORT}/template/<kind>.<form>")
    def template(kind: str, form: str) -> Answer:
        called = KINDS[_kind(kind)][0]
        named = spoken("imports.template-named", kind=called)
        return _sent(exporter.template(SHEETS[kind], _form(form), called), form, named)

    @pages.get(f"{IMPORT}/export/<kind>.<form>")
    def export(kind: str, form: str) -> Answer:
        called, sheet = KINDS[_kind(kind)][0], SHEETS[kind]
        data = exporter.export(world, sign_in.session().grant(), request_id(), sheet, _form(form), called)
        return _sent(data, form, called)


def _kind(kind: str) -> str:
    if kind not in uploads.kinds(sign_in.session().grant()):
        raise errors.NotFound(spoken("imports.there-no-such-table-here"))
    return kind


def _form(form: str) -> Form:
    if form not in FORMS:
        raise errors.NotFound(spoken("imports.tables-come-as-csv-and"))
    return cast(Form, form)


def _sent(data: bytes, form: str, name: str) -> Response:
    safe = "".join(each if each.isalnum() or each in " .-_" else "-" for each in name.removesuffix(f".{form}"))
    answer = Response(data, content_type=FORMS[form])
    answer.headers.set("Content-Disposition", "attachment", filename=f"{safe}.{form}")
    return answer


def _start(world: World, problem: str = "") -> Answer:
    grant = sign_in.session().grant()
    page = render_template(
        "import.html", kinds=[(kind, *KINDS[kind]) for kind in uploads.kinds(grant)], problem=problem,
        recent=uploads.recent(world, grant),
        names={name: said[0] for name, said in KINDS.items()} | {**PUBLISHED_NAMES},
        published=published_kinds(grant.roles), states=STATES, chosen=request.values.get("kind", ""),
        most=world.settings.max_body // 1_000_000,
    )  # fmt: skip
    return Answer(page, 422 if problem else 200, content_type="text/html; charset=utf-8")


def _page(world: World, file: File, problem: str = "") -> Answer:
    sheet, header = SHEETS[file.kind], []
    if file.state not in ("kept", "returning", "returned"):
        header = list(dict.fromkeys(each for each in uploads.table_of(world, file).header if each))
    said = dict(file.mapping) if not problem else dict(request.form.items())
    taken = {headings.plain(each) for each in said.values()}
    outcome = _outcome(file)
    page = render_template(
        "import_file.html",
        file=file,
        kind=KINDS[file.kind][0],
        columns=sheet.columns,
        header=header,
        said=said,
        unread=[each for each in header if headings.plain(each) not in taken],
        outcome=outcome,
        failed=in_words(outcome.failed),
        problem=problem,
        returnable=uploads.returnable(world, file),
        shown=told(outcome.faults[:SHOWN]),
        faulty=len(outcome.faults) + outcome.more,
        tried=file.state in ("tried", "kept"),
        good=sum(count for name, count in outcome.rows.items() if name in ("new", "changed", "ended")),
    )
    return Answer(page, 422 if problem else 200, content_type="text/html; charset=utf-8")


def told(faults: Sequence[Told]) -> list[Told]:
    """The faults as their reader reads them."""
    said = ("where", "column", "what")
    return [msgspec.structs.replace(each, **{name: in_words(getattr(each, name)) for name in said}) for each in faults]


def _outcome(file: File) -> Outcome:
    return outcome_of(file) or Outcome()
