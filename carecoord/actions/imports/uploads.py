"""A table brought in at the desk: kept between the steps, tried, then taken. A large one is later work with its
progress noted; which column is which is kept for the next file with the same headings."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from auth import store
from auth.grant import Grant
from auth.people.sessions import grant_of
from carecoord.actions.imports import formats, importer, reversal, tables
from carecoord.actions.imports.batch import Brought
from carecoord.actions.imports.outcomes import TOLD, Outcome, Told, ended, kept, outcome_of
from carecoord.actions.imports.published import uploads as published
from carecoord.actions.imports.tables import Table
from carecoord.domain.access import roles, verbs
from carecoord.domain.imports import headings
from carecoord.domain.imports.headings import Mapped
from carecoord.domain.imports.published.kinds import PUBLISHED
from carecoord.domain.imports.sheets import SHEETS, Sheet
from carecoord.errors import Conflict, Forbidden, Invalid, NotFound, Problem, Unavailable
from carecoord.fhir.instants import micros, moment
from carecoord.store.database import outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.imports import files, writes
from carecoord.store.imports.files import File
from carecoord.words.catalogue import in_words, spoken
from carecoord.words.reader import DEFAULT, reading_in
from carecoord.words.sentence import dumps, sentence
from carecoord.world import World

JOB: Final = "import"
AT_ONCE: Final = 500  # rows that a person waits for
KEPT: Final = timedelta(days=7)
RECENT: Final = 10


def kinds(grant: Grant) -> list[str]:
    """The kinds of tables that somebody's roles may bring in."""

    def may(type: str) -> bool:
        return any({"c", "u"} <= set(roles.letters(role, type)) for role in grant.roles)

    return [
        kind
        for kind, sheet in SHEETS.items()
        if verbs.may(grant.roles, sheet.verb) and all(may(type) for type in sheet.makes)
    ]


def upload(world: World, grant: Grant, kind: str, name: str, body: bytes) -> str:
    """Keep a file to be brought in; returns its id. Raises Invalid for what is no table, Forbidden."""
    if kind not in kinds(grant):
        raise Forbidden(sentence("refusals.your-roles-do-not-bring-this"))
    table = formats.read(name, body)
    if not table.lines:
        raise Invalid(sentence("refusals.has-headings-and-no-rows", name=name))
    now = world.clock()
    with writing(world.engine) as conn:
        files.forget(conn, micros(now - KEPT))
        writes.forget(conn)
        said = files.mapping(conn, grant.organization or "", kind, headings.signature(table.header))
        mapped = _said(table, headings.mapped(SHEETS[kind], table.header, said))
        id = world.new_id()
        made = File(id, grant.subject, kind, name[:200], "new", True, 0, len(table.lines), mapped, b"", micros(now))
        files.add(conn, made, body)
    return id


def own(world: World, grant: Grant, id: str) -> File:
    """A file of somebody's own. Raises NotFound."""
    with reading(world.engine) as conn:
        return _own(conn, grant, id)


def recent(world: World, grant: Grant) -> list[File]:
    """The files that somebody brought lately."""
    with reading(world.engine) as conn:
        return files.of_owner(conn, grant.subject, RECENT)


def table_of(world: World, file: File) -> Table:
    """What the file holds. Raises Conflict once it is in."""
    with reading(world.engine) as conn:
        body = files.body(conn, file.id)
    if file.state in ("kept", "returning", "returned"):
        raise Conflict(sentence("refusals.this-file-in-already-bring"))
    return formats.read(file.name, body)


def begin(world: World, grant: Grant, request: str, id: str, said: Mapping[str, str], *, dry: bool) -> None:
    """Try a file, or take it in, with these columns: at once where it is short, else by a worker. said: our column ->
    its heading there; it is kept for the next file like it. Raises Invalid where a column is lacking, Conflict."""
    file = own(world, grant, id)
    if file.state == "waiting":
        raise Conflict(sentence("refusals.this-file-being-read-wait"))
    if file.kind not in kinds(grant):
        raise Forbidden(sentence("refusals.your-roles-do-not-bring-this-in"))
    table, sheet = table_of(world, file), SHEETS[file.kind]
    mapped = headings.mapped(sheet, table.header, {column.name: said.get(column.name, "") for column in sheet.columns})
    if lacking := headings.lacking(sheet, mapped):
        raise Invalid(sentence("refusals.say-which-column-holds", lacking=tuple(each.titled for each in lacking)))
    later = len(table.lines) > AT_ONCE
    state = "waiting" if later else file.state
    waiting = replace(file, state=state, dry=dry, done=0, mapping=_said(table, mapped))
    now = world.clock()
    with writing(world.engine) as conn:
        files.change(conn, waiting)
        files.keep_mapping(
            conn, grant.organization or "", file.kind, headings.signature(table.header), waiting.mapping, micros(now)
        )
        if later:
            outbox.add(conn, JOB, id, b"", now)
    if not later:
        _work(world, grant, request, waiting, table)


def run(world: World, id: str) -> None:
    """Do what waits for a worker, as who brought the file and with the roles they have now."""
    with reading(world.engine) as conn:
        file = files.get(conn, id)
        user = store.find_user(conn, file.owner) if file else None
    if file is None or file.state not in ("waiting", "returning"):
        return
    if user is None or user.disabled:
        with writing(world.engine) as conn:
            files.change(conn, ended(file, Outcome(failed=dumps(sentence("imports.nobody-any-more"))), "failed"))
        return
    with reading_in(user.language or DEFAULT):
        if file.kind in PUBLISHED:
            published.work(world, grant_of(user), file)
        elif file.state == "returning":
            _return(world, grant_of(user), JOB, file)
        else:
            _work(world, grant_of(user), JOB, file, table_of(world, file))


def returnable(world: World, file: File) -> int:
    """How much of what a file wrote can be taken back; 0 where nothing leads back from it."""
    if file.state != "kept" or file.kind not in reversal.KINDS or world.clock() >= moment(file.made) + KEPT:
        return 0
    with reading(world.engine) as conn:
        return writes.count(conn, file.id)


def take_back(world: World, grant: Grant, request: str, id: str) -> None:
    """Take an import back as a whole: at once where it wrote little, else by a worker. Raises Conflict where nothing
    leads back from it, Forbidden."""
    file = own(world, grant, id)
    if file.kind not in kinds(grant):
        raise Forbidden(sentence("refusals.your-roles-do-not-bring-this-in"))
    if not (size := returnable(world, file)):
        raise Conflict(sentence("refusals.it-can-not-be-taken"))
    returning = replace(file, state="returning", done=0)
    with writing(world.engine) as conn:
        files.change(conn, returning)
        if size > AT_ONCE:
            outbox.add(conn, JOB, id, b"", world.clock())
    if size <= AT_ONCE:
        _return(world, grant, request, returning)


def _return(world: World, grant: Grant, request: str, file: File) -> None:
    done = reversal.reverse(world, grant, request, file.id)
    told = [Told(where, 0, "", "", dumps(why)) for where, why in done.left[:TOLD]]
    outcome = Outcome(dict(done.rows), told, max(0, len(done.left) - TOLD))
    with writing(world.engine) as conn:
        files.change(conn, ended(file, outcome, "returned"), b"")


def give_up(world: World, id: str) -> None:
    """Say of a file that no worker could read to its end that it failed, so that nobody waits for it."""
    with writing(world.engine) as conn:
        file = files.get(conn, id)
        if file is not None and file.state in ("waiting", "returning"):
            said = sentence("imports.failed-here")
            files.change(conn, ended(file, Outcome(failed=dumps(said)), "failed"))


def _work(world: World, grant: Grant, request: str, file: File, table: Table) -> None:
    sheet = SHEETS[file.kind]
    mapped = headings.mapped(sheet, table.header, {c.name: file.mapping.get(c.name, "") for c in sheet.columns})

    def report(done: int, total: int) -> None:
        with writing(world.engine) as conn:
            files.progress(conn, file.id, done)

    try:
        brought = importer.bring(world, grant, request, sheet, table, mapped, dry=file.dry, report=report)
    except Unavailable:  # no fault of the table: it is tried again
        raise
    except Problem as problem:
        done = ended(file, Outcome(failed=kept(problem.said)), "failed")
    else:
        outcome = _outcome(brought, table, mapped, sheet)
        done = replace(ended(file, outcome, "tried" if file.dry else "kept"), done=file.total)
    rest = _faulty_rows(table, outcome_of(done)) if done.state == "kept" else None
    with writing(world.engine) as conn:
        files.change(conn, done, rest)
        if done.state == "kept":
            writes.add(conn, file.id, brought.written)


def faulty_rows(world: World, grant: Grant, id: str) -> bytes:
    """The rows of a file that can not be kept, as a workbook with what is wrong beside each: to be mended and brought
    again. Raises NotFound where it has none."""
    file = own(world, grant, id)
    with reading(world.engine) as conn:
        body = files.body(conn, id)
    made = body if file.state == "kept" else _faulty_rows(formats.read(file.name, body), outcome_of(file))
    if not made:
        raise NotFound(sentence("refusals.this-file-has-no-faulty"))
    return made


def _faulty_rows(table: Table, outcome: Outcome | None) -> bytes:
    from carecoord.actions.imports import workbooks  # openpyxl is dear to load

    wrong: dict[int, list[str]] = {}
    for each in outcome.faults if outcome else ():
        what = in_words(each.what)
        wrong.setdefault(each.row, []).append(f"{in_words(each.column)}: {what}" if each.column else what)
    if not wrong:
        return b""
    width = len(table.header)
    rows = (
        [*(list(line.cells) + [""] * width)[:width], "; ".join(wrong[line.number])]
        for line in table.lines
        if line.number in wrong
    )
    return workbooks.written(spoken("imports.faulty-rows.sheet"), [*table.header, spoken("imports.what-wrong")], rows)


def _outcome(brought: Brought, table: Table, mapped: Mapped, sheet: Sheet) -> Outcome:
    lines = {line.number: line for line in table.lines}
    told = []
    for fault in brought.faults[:TOLD]:
        at = mapped.get(fault.column)
        held = lines[fault.row].cells
        cell = held[at] if at is not None and at < len(held) else ""
        heading = kept(sheet.column(fault.column).titled) if fault.column else ""
        where = dumps(tables.place(table, mapped, fault))
        told.append(Told(where, fault.row, heading, cell[:80], dumps(fault.why)))
    more = max(0, len(brought.faults) - TOLD)
    return Outcome(dict(brought.rows), told, more, table.formulas)


def _own(conn: Connection, grant: Grant, id: str) -> File:
    found = files.get(conn, id)
    if found is None or found.owner != grant.subject:
        raise NotFound(sentence("refusals.there-no-such-file-here"))
    return found


def _said(table: Table, mapped: Mapped) -> dict[str, str]:
    return {name: table.header[place] for name, place in mapped.items()}
