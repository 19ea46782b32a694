"""Bring a table in. A row and all that it needs is kept together or not at all; the good rows are kept whatever the
others are; the same file again changes nothing. A dry run does the same and keeps nothing.

A register of agreements tells of states that were truly reached elsewhere, so their table takes them as from a service;
everything else is judged as if its bringer wrote it, and so is always whose it is and what they may write."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.access.turn import Turn, changing
from carecoord.actions.fhir import write as fhir_write
from carecoord.actions.fhir.write import ResolvedWrite
from carecoord.actions.imports import code_tables, exclusion_tables, people_tables, rate_tables, rule_books
from carecoord.actions.imports.batch import Batch, Brought, Report
from carecoord.actions.imports.tables import Line, Table
from carecoord.domain.access import verbs
from carecoord.domain.imports.headings import Mapped
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.rows import Row
from carecoord.domain.imports.sheets import Sheet
from carecoord.domain.resource.elements import Json
from carecoord.errors import Forbidden, Problem
from carecoord.fhir import text
from carecoord.fhir.validation import validate
from carecoord.store.database.engine import analyze
from carecoord.store.resources.write import Written
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence
from carecoord.world import World

IMPORTER: Final = Grant("import", scopes=resources(parse("system/*.cruds")))  # the operator at the command
LINES: Final[dict[str, Callable[[Batch], Brought]]] = {  # of the kinds whose rows are no resources
    "rules": rule_books.bring, "rates": rate_tables.bring, "people": people_tables.bring,
    "codes": code_tables.bring, "exclusions": exclusion_tables.bring,
}  # fmt: skip
_RUN: Final = 200  # rows that are kept together where all is well
_GROWN: Final = 1000  # changes after which the planner is told what the tables hold now


def bring(
    world: World, grant: Grant, request: str, sheet: Sheet, table: Table, mapped: Mapped, *,
    dry: bool = False, report: Report = lambda done, total: None,
    note: Callable[[Turn, Sequence[Written]], None] | None = None,
) -> Brought:  # fmt: skip
    """Bring a table in. `report(done, total)` is called as it goes on; `note`, in the same transaction, with what each
    run of rows has written. Raises Forbidden for a kind of table that the
    asker may not write at all, and for a service: what it may write, it writes over the API."""
    if not grant.is_operator and not verbs.may(grant.roles, sheet.verb):
        raise Forbidden(sentence("refusals.your-roles-do-not-bring"))
    if sheet.kind in LINES:
        rows = (_row(line, mapped) for line in table.lines)
        return LINES[sheet.kind](Batch(world, grant, request, sheet, rows, len(table.lines), dry, report))
    work = _Work(world, grant, request, sheet, dry, note)
    work.prepare()
    lines = table.lines
    for start in range(0, len(lines), _RUN):
        work.take([_row(line, mapped) for line in lines[start : start + _RUN]])
        report(min(start + _RUN, len(lines)), len(lines))
    if not dry and work.brought.rows["new"] + work.brought.rows["changed"] > _GROWN:
        analyze(world.engine)
    return work.brought


def stream(
    world: World, grant: Grant, request: str, sheet: Sheet, runs: Iterable[Sequence[Row]], *, dry: bool = False
) -> Brought:
    """The same for rows that come a run at a time, as long as they come, and of which none names another: nothing is
    kept in mind of a run once it is through."""
    work = _Work(world, grant, request, sheet, dry)
    work.prepare()
    for run in runs:
        work.known, work.taken = Known(), {}
        work.take(run)
    if not dry and work.brought.rows["new"] + work.brought.rows["changed"] > _GROWN:
        analyze(world.engine)
    return work.brought


def _row(line: Line, mapped: Mapped) -> Row:
    texts = {name: line.cells[place] for name, place in mapped.items() if place < len(line.cells)}
    odd = {name: line.odd[place] for name, place in mapped.items() if place in line.odd}
    return Row(line.number, texts, odd)


@dataclass
class _Work:
    world: World
    grant: Grant
    request: str
    sheet: Sheet
    dry: bool
    note: Callable[[Turn, Sequence[Written]], None] | None = None
    brought: Brought = field(default_factory=Brought)
    known: Known = field(default_factory=Known)
    taken: dict[str, int] = field(default_factory=dict)  # `Type/id` of a row's own resource -> the row

    def prepare(self) -> None:
        """Read what rows may name. Raises Forbidden."""
        with changing(self.world, self.grant, self.request, shares=False) as turn:
            for type in self.sheet.makes:
                turn.demand(type, "c")
                turn.demand(type, "u")
            for type in self.sheet.reads:
                for row in registry.every(turn.conn, type):
                    if turn.is_whole(type, "r") or turn.sees(row, "r"):
                        self.known.add(text.loads(row.body))

    def take(self, rows: Sequence[Row]) -> None:
        """Keep the good ones of some rows."""
        mark, taken = self.known.mark(), dict(self.taken)
        with self._turn() as turn:
            self._fetch(turn, rows)
            made = {row.number: self._built(turn, row) for row in rows}
            with turn.conn.begin_nested() as trial:
                problem = self._all_at_once(turn, rows, made)
                if problem or self.dry:
                    trial.rollback()
        if problem:
            self.known.back(mark)
            self.taken = taken
            self._one_by_one(rows)
        for row in rows:
            self.brought.faults += row.faults
            self.brought.rows["faulty"] += bool(row.faults)

    def _all_at_once(self, turn: Turn, rows: Sequence[Row], made: Mapping[int, list[ResolvedWrite]]) -> Problem | None:
        """Write what all rows need; what is in the way, if anything is."""
        writes = [write for row in rows for write in made[row.number]]
        try:
            written = iter(self._kept(turn, writes))
        except Problem as problem:
            return problem
        for row in rows:
            self._count([next(written) for _ in made[row.number]])
        return None

    def _one_by_one(self, rows: Sequence[Row]) -> None:
        """The same, row after row, so that one that is refused takes no other with it."""
        for row in rows:
            mark = self.known.mark()
            with self._turn() as turn:
                self._fetch(turn, [row])
                writes = self._built(turn, row)
                with turn.conn.begin_nested() as trial:
                    try:
                        self._count(self._kept(turn, writes))
                    except Problem as problem:
                        row.fault("", sentence("import.refused", why=problem.text))
                    if row.faults or self.dry:
                        trial.rollback()
            if row.faults:
                self.known.back(mark)
                self.taken = {own: n for own, n in self.taken.items() if n != row.number}

    @contextmanager
    def _turn(self) -> Iterator[Turn]:
        with changing(self.world, self.grant, self.request, shares=False) as turn:
            if self.dry:
                turn.world = replace(self.world, project=lambda *_: None)
            yield turn

    def _fetch(self, turn: Turn, rows: Iterable[Row]) -> None:
        """Read what the rows themselves may mean, of types that have too many to read them all."""
        asked = {name for row in rows for name in self.sheet.names(Row(row.number, row.texts, values=dict(row.texts)))}
        for type in {name[0] for name in asked} - {*self.sheet.reads}:
            for found in registry.identified(turn.conn, type, [name[1:] for name in asked if name[0] == type]):
                if turn.sees(found, "r"):
                    if self.known.get(f"{found.type}/{found.id}") is None:
                        self.known.add(text.loads(found.body))
                else:
                    self.known.hidden |= {name[2] for name in asked if name[0] == type}
        self._follow(turn, asked)

    def _follow(self, turn: Turn, asked: Iterable[tuple[str, str, str]]) -> None:
        """Read what refers to those that rows name."""
        for type, code, of in self.sheet.follows:
            named = {each["id"] for name in asked if name[0] == of for each in self.known.named(of, name[2])}
            for found in registry.pointing(turn.conn, [(type, code)], of, named):
                if turn.sees(found, "r") and self.known.get(f"{found.type}/{found.id}") is None:
                    self.known.add(text.loads(found.body))

    def _built(self, turn: Turn, row: Row) -> list[ResolvedWrite]:
        """What a row makes, and nothing where it is faulty."""
        row.read(self.sheet.columns, self.known)
        made = [] if row.faults else self.sheet.build(row, self.known)
        self._demand_own_side(turn, row, made)
        writes = []
        for each in made:
            for issue in validate.issues(each):
                row.fault("", sentence("import.refused", why=issue.text))
            try:
                writes.append(fhir_write.updating(turn, each["resourceType"], each["id"], each, None, only_new=False))
            except Problem as problem:
                row.fault("", sentence("import.refused", why=problem.text))
        own = next((f"{e['resourceType']}/{e['id']}" for e in made if e["resourceType"] in self.sheet.exports), "")
        if own in self.taken:
            row.fault("", sentence("import.twice", n=self.taken[own]))
        if row.faults:
            return []
        self.taken[own] = row.number
        for each in made:
            self.known.add(each)
        return writes

    def _demand_own_side(self, turn: Turn, row: Row, made: Sequence[Json]) -> None:
        if not turn.grant.is_operator and not row.faults:
            ours = {f"Organization/{id}" for id in turn.office().organizations}
            for each in made:
                owners = self.sheet.owners(each, self.known) if each["resourceType"] in self.sheet.exports else set()
                if owners and ours.isdisjoint(owners):
                    row.fault("", sentence("import.other-side"))

    def _count(self, written: Sequence[Written]) -> None:
        if not written:
            return
        outcomes = {each.outcome for each in written}
        own = next((each.outcome for each in written if each.type in self.sheet.exports), "unchanged")
        new = own == "created"
        self.brought.rows["new" if new else "unchanged" if outcomes == {"unchanged"} else "changed"] += 1
        changed = [each for each in written if each.outcome != "unchanged"]
        self.brought.kept.update(each.type for each in changed)
        self.brought.written += [(each.type, each.id, each.version) for each in changed]

    def _kept(self, turn: Turn, writes: Sequence[ResolvedWrite]) -> list[Written]:
        """Write them, and judge by what the asker may write. Raises Problem."""
        recording = turn
        if self.sheet.records:
            asked = replace(turn.grant, roles=frozenset(), fhir_user=None)
            recording = turn.by(asked)
        written = [fhir_write.check(turn, each) for each in fhir_write.carry_out(recording, writes)]
        if self.note:
            self.note(turn, written)
        return written
