"""Payers' rules by the hundred thousand: a table's rows become the lines of their books, all in one transaction.

A book is replaced as a whole: what is no longer in the table ends. Where a row is faulty nobody knows which line it
was to be, so then only those lines end whose numbers the good rows have."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.clearance import rule_lines
from carecoord.domain.access.roles import keeps_rules
from carecoord.domain.imports import rules
from carecoord.domain.imports.cells import Kind
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.rows import Fault, Row
from carecoord.domain.prior_auth.rule_book import Rule, payer_of
from carecoord.domain.resource.elements import Json
from carecoord.errors import Problem
from carecoord.fhir import text
from carecoord.store.resources.write import Written
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence
from carecoord.world import World

_REPORTED = 500  # rows between two words of how far it is


class _Register(Known):
    """What rows may name; it does not grow while they are read, so each name is looked up once."""

    def __init__(self, resources: Iterable[Json]) -> None:
        super().__init__(resources)
        self._found: dict[tuple[Kind, str], str] = {}

    def reference(self, kind: Kind, written: str) -> str:
        """As `Known.reference`."""
        if (kind, written) not in self._found:
            self._found[kind, written] = super().reference(kind, written)
        return self._found[kind, written]


@dataclass
class Books:
    """What was read of a table: each book (its cover by id) with its rules, and what is wrong."""

    covers: dict[str, Json] = field(default_factory=dict)
    rules: dict[str, list[Rule]] = field(default_factory=dict)
    rows: dict[Rule, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    _of: dict[tuple[str, str], Json | None] = field(default_factory=dict)  # by payer and name

    def take(self, row: Row, known: Known) -> None:
        """Read a row."""
        row.read(rules.COLUMNS, known)
        book = None if row.faults else self._cover(row, known)
        if book:
            place = self.rules.setdefault(self.covers.setdefault(book["id"], book)["id"], [])
            for rule in rules.build(row, book, payer_of(book)):
                before = self.rows.setdefault(_bare(rule), row.number)
                if before != row.number:
                    row.fault("", sentence("import.twice", n=before))
                else:
                    place.append(rule)
        self.faults += row.faults

    def _cover(self, row: Row, known: Known) -> Json | None:
        named = (row.get("payer"), row.get("book", ""))
        if self._of.get(named) is None:
            self._of[named] = rules.cover(row, known)
        return self._of[named]


def _bare(rule: Rule) -> Rule:
    """A rule by which it is known again: papers are JSON, and no part of what it speaks of."""
    return replace(rule, papers=()) if rule.papers else rule


def read(
    world: World, grant: Grant, request: str, rows: Iterable[Row], total: int, report: Callable[[int, int], None]
) -> Books:
    """Read a table, before anything is locked. Raises Forbidden."""
    with looking(world, grant, request) as turn:
        for act in "cu":
            turn.demand("PlanDefinition", act)
        known = _Register(
            text.loads(row.body)
            for row in registry.every(turn.conn, "Organization")
            if turn.is_whole("Organization", "r") or turn.sees(row, "r")
        )
    books = Books()
    for n, row in enumerate(rows, 1):
        books.take(row, known)
        if n % _REPORTED == 0:
            report(n, total)
    return books


def keep(
    world: World, grant: Grant, request: str, books: Books, write: Callable[[Turn, Json], Written], dry: bool
) -> Counter[str]:
    """Keep what was read: new, unchanged and ended lines. `write` keeps a cover; where the asker may not, or something
    else is in the way of it, that is a fault and none of its lines are kept."""
    done: Counter[str] = Counter()
    with changing(world, grant, request) as turn, turn.conn.begin_nested() as trial:
        for id, found in books.rules.items():
            if not found:
                continue
            first = books.rows[_bare(found[0])]
            if turn.grant.roles and not keeps_rules(turn.office(), payer_of(books.covers[id])):
                books.faults.append(Fault(first, "", sentence("import.other-side")))
                continue
            try:
                with turn.conn.begin_nested():
                    written = write(turn, books.covers[id])
            except Problem as problem:
                books.faults.append(Fault(first, "", sentence("import.refused", why=problem.text)))
                continue
            source, whole = f"PlanDefinition/{id}", not books.faults
            replaced = rule_lines.take_over(turn.conn, source, str(written.version), found, turn.now, whole=whole)
            done.update(new=replaced.added, unchanged=replaced.kept, ended=replaced.ended)
        if dry:
            trial.rollback()
    return +done


def every(turn: Turn) -> Iterator[tuple[Rule, Json]]:
    """Every line, now, of the books that the asker sees, with its book."""
    for row in registry.every(turn.conn, "PlanDefinition"):
        if turn.is_whole("PlanDefinition", "r") or turn.sees(row, "r"):
            book = text.loads(row.body)
            yield from ((rule, book) for rule in rule_lines.of_source(turn.conn, f"PlanDefinition/{row.id}"))
