"""Payers' rules by the hundred thousand: a table's rows become the lines of their books, all in one transaction.

A book is replaced as a whole: what is no longer in the table ends. Where a row is faulty nobody knows which line it
was to be, so then only those lines end whose numbers the good rows have.

Rules that were written by hand stay (decision 55): a row that says the same is not kept twice, and it is counted how
many of them tie with the table, so that neither is used unseen. A line that was set aside for one of them stays so
until the table says something new of it, and both are counted: `aside`, and `revived`, which are among the new."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.clearance import rule_lines
from carecoord.actions.fhir import write as fhir_write
from carecoord.actions.imports.batch import Batch, Brought
from carecoord.actions.imports.batch import register as known_of
from carecoord.actions.rules import register
from carecoord.domain.access.roles import keeps_rules
from carecoord.domain.gates.gate import Evidence
from carecoord.domain.imports import rules
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.rows import Fault, Row
from carecoord.domain.prior_auth.code_ranges import normal
from carecoord.domain.prior_auth.rule_book import Rule, payer_of
from carecoord.domain.resource.elements import Json
from carecoord.errors import Problem
from carecoord.fhir import text
from carecoord.fhir.code_systems import canonical
from carecoord.store.resources.write import Written
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence

_BY_HAND: Final = 500  # rules of a payer that are compared with its table
_EVER: Final = 100_000  # … and that may stand in the place of a line of it
_NOWHERE: Final = Evidence("", None, "")


@dataclass
class Books:
    """What was read of a table: each book (its cover by id) with its rules, and what is wrong."""

    covers: dict[str, Json] = field(default_factory=dict)
    rules: dict[str, list[Rule]] = field(default_factory=dict)
    rows: dict[Rule, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    _of: dict[tuple[str, str], Json | None] = field(default_factory=dict)  # by payer and name

    def take(self, row: Row, known: Known) -> None:
        """Take a row whose cells were read."""
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


def bring(batch: Batch) -> Brought:
    """Bring a table of rules in. Raises Forbidden."""
    books = _read(batch)
    done = _keep(batch, books)
    if faulty := len({fault.row for fault in books.faults}):
        done["faulty"] = faulty
    return Brought(done, Counter({"PlanDefinition": len(books.covers)}), books.faults)


def _read(batch: Batch) -> Books:
    """The books of a table, before anything is locked."""
    with looking(batch.world, batch.grant, batch.request) as turn:
        for act in "cu":
            turn.demand("PlanDefinition", act)
        known = known_of(turn, ("Organization",))
    books = Books()
    for row in batch.each(known):
        books.take(row, known)
    return books


def _keep(batch: Batch, books: Books) -> Counter[str]:
    """Keep what was read: new, unchanged and ended lines. Where the asker may not keep a cover, or something else is in
    the way of it, that is a fault and none of its lines are kept."""
    done: Counter[str] = Counter()
    with changing(batch.world, batch.grant, batch.request, shares=False) as turn, turn.conn.begin_nested() as trial:
        for id, found in books.rules.items():
            if not found:
                continue
            first = books.rows[_bare(found[0])]
            if not turn.grant.is_operator and not keeps_rules(turn.office(), payer_of(books.covers[id])):
                books.faults.append(Fault(first, "", sentence("import.other-side")))
                continue
            try:
                with turn.conn.begin_nested():
                    written = _write(turn, books.covers[id])
            except Problem as problem:
                books.faults.append(Fault(first, "", sentence("import.refused", why=problem.text)))
                continue
            source, whole = f"PlanDefinition/{id}", not books.faults
            hand = register.by_hand(turn.conn, payer_of(books.covers[id]), _EVER)
            kept = _beside_hand(turn, source, found, hand, done)
            hand = hand[:_BY_HAND]
            replaced = rule_lines.take_over(turn.conn, source, str(written.version), kept, turn.now, whole=whole)
            done["tied"] += sum(_ties(turn, each, source) for each in hand)
            done.update(new=replaced.added, unchanged=replaced.kept, ended=replaced.ended)
        if batch.dry:
            trial.rollback()
    return +done


def _beside_hand(
    turn: Turn, source: str, found: list[Rule], hand: Sequence[Rule], done: Counter[str]
) -> list[Rule]:
    """Which of these lines are kept beside the rules by hand, and how many are not for what reason. What the office set
    aside stays so until the table says something new of it: else the next table would undo unseen what it did."""
    if not hand:
        return found
    said = {_key(each) for each in hand[:_BY_HAND]}
    kept = [each for each in found if _key(each) not in said]
    done["unchanged"] += len(found) - len(kept)
    before = register.set_aside(turn.conn, source, hand)
    aside, lines = {_key(each) for each in before}, {each.line for each in before}
    coming = [each for each in kept if _key(each) not in aside] if aside else kept
    done["aside"] += len(kept) - len(coming)
    done["revived"] += sum(each.line in lines for each in coming)
    return coming


def _key(rule: Rule) -> tuple[Rule, str]:
    """What a rule says, wherever it stands and whoever says so."""
    same = replace(rule, evidence=_NOWHERE, line="", title="", origin="", retrieved="", papers=())
    code, code_end = normal(rule.code), normal(rule.code_end)
    return replace(same, system=canonical(rule.system), code=code, code_end=code_end), repr(rule.papers)


def _ties(turn: Turn, rule: Rule, source: str) -> bool:
    """Whether a rule ties with a line of a source."""
    place = (rule.evidence.reference, rule.line, rule.evidence.element)
    return any(each.rule.evidence.reference == source for each in register.tied(turn.conn, rule, place))


def _write(turn: Turn, cover: Json) -> Written:
    change = fhir_write.updating(turn, cover["resourceType"], cover["id"], cover, None, only_new=False)
    return fhir_write.check(turn, fhir_write.carry_out(turn, [change])[0])


def rows(turn: Turn) -> Iterator[Mapping[str, str]]:
    """The row of every line, now, of the books that the asker sees."""
    for row in registry.every(turn.conn, "PlanDefinition"):
        if turn.is_whole("PlanDefinition", "r") or turn.sees(row, "r"):
            book = text.loads(row.body)
            lines = rule_lines.of_source(turn.conn, f"PlanDefinition/{row.id}")
            yield from (rules.cells(rule, book) for rule in lines)
