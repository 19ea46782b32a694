"""The payers' rules between their two forms: lines of a PlanDefinition, and rows of a table in which the few that bear
on an order are found at once. The write door projects each book that it changes; an import hands over lines that no
book could hold."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, tzinfo
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine

from carecoord.actions.clearance import overtaken
from carecoord.domain.gates.gate import Evidence
from carecoord.domain.prior_auth.code_ranges import normal, stem, stems
from carecoord.domain.prior_auth.rule_book import Rule, holds, imported, lines
from carecoord.domain.resource.days import Days
from carecoord.domain.resource.elements import Json, item, key, text
from carecoord.domain.worklist import registry_keys
from carecoord.fhir.code_systems import canonical
from carecoord.fhir.instants import micros
from carecoord.store.agreements import register
from carecoord.store.database import marks, outbox
from carecoord.store.prior_auth import rules
from carecoord.store.prior_auth.rules import Line
from carecoord.store.resources import registry_mark
from carecoord.store.resources.write import Touched
from carecoord.store.worklist import registry

REFRESH = "refresh-cases"  # the outbox job that judges marked rows anew
_MARK: Final = "lines of rule books"
_FORM: Final = "1"  # of the rows
_decode = msgspec.json.Decoder().decode
_read = msgspec.json.Decoder(list[Any]).decode


def note(conn: Connection, touched: Sequence[Touched], now: datetime, zone: tzinfo) -> None:
    """Write down the lines of the rule books that a write changed, in its transaction."""
    last = {f"{each.type}/{each.id}": each for each in touched if each.type == "PlanDefinition"}
    for source, each in last.items():
        _project(conn, source, str(each.version), _decode(each.after) if each.after else {}, micros(now), zone)


def take_over(
    conn: Connection, source: str, version: str | None, given: Iterable[Rule], now: datetime, *, whole: bool = True
) -> rules.Replaced:
    """Let an import's lines be these, and those that are gone end; the cases of the payers in question are judged anew
    by a worker. `source`: `PlanDefinition/id` of the cover that was written before in this transaction, with the
    extension `imported-rules` (see `domain/prior_auth/rule_book.py`), and its version. The same lines again change
    nothing. Not `whole`: some could not be read, so of what is gone only those end whose numbers these have."""
    payers = set[str]()

    def each_line() -> Iterator[Line]:
        for rule in given:
            payers.add(rule.payer)
            yield _line(rule)

    done = rules.put_rules(conn, source, version, each_line(), micros(now), whole=whole)
    if done.added or done.ended:
        _leave(conn, payers | rules.payers(conn, source), now)
    return done


def _leave(conn: Connection, payers: Iterable[str], now: datetime) -> None:
    """The rules of these payers are others by now: the worker judges anew what leans on them."""
    registry_mark.renew(conn)
    overtaken.leave(conn, registry.dependents(conn, map(registry_keys.rules_of, sorted(payers))), now)
    outbox.add(conn, REFRESH, REFRESH, b"", now)


def renew(engine: Engine, now: datetime, zone: tzinfo) -> None:
    """Write down anew the lines of every book as it stands, where they were made by an earlier version, or in another
    zone than the office's; what was known until now stays known."""
    with marks.anew(engine, _MARK, f"{_FORM} {zone}".encode()) as conn:
        if conn is None:
            return
        payers = set[str]()
        for some in register.present(conn, ("PlanDefinition",)):
            for book in (_decode(body) for _, body in some if body):
                source = key(book)
                if _project(conn, source, text(item(book, "meta"), "versionId"), book, micros(now), zone):
                    payers |= rules.payers(conn, source)
        if payers:
            _leave(conn, payers, now)


def write_past(conn: Connection, zone: tzinfo) -> None:
    """Write down the lines of every version of every book that was stored before there was a table of them, where that
    has not been done: what was known at an instant stays known."""
    for row in rules.unwritten(conn):
        book = {} if row.deleted else _decode(row.body)
        _project(conn, f"{row.type}/{row.id}", str(row.version), book, row.updated, zone)
    rules.written(conn)


def _project(conn: Connection, source: str, version: str, book: Json, at: int, zone: tzinfo) -> bool:
    """Let the lines of a book be what it says; returns whether any is another."""
    if book and imported(book) and holds(book):  # an import says what its lines are
        return False
    done = rules.put_rules(conn, source, version, map(_line, lines(book, zone)), at)
    return bool(done.added or done.ended)


def find(
    conn: Connection,
    payers: Iterable[str],
    plans: Iterable[str] | None,
    codes: Iterable[str],
    providers: Iterable[str],
    as_of: int | None = None,
) -> tuple[Rule, ...]:
    """The rules of these payers (`system|value`) that may speak of one of these codes, whatever their dates: for any
    plan or one of these (None: whichever), for any provider or an exemption of one of these; now, or as they were known
    at an instant."""
    kept = {normal(code): stems(code) for code in codes}
    return tuple(read(*each) for each in rules.find(conn, payers, kept, plans, providers, as_of))


def spares_any(
    conn: Connection, payers: Iterable[str], plans: Iterable[str] | None, codes: Iterable[str]
) -> bool:
    """Whether any of the rules that `find` would look among, as they stand now, is an exemption of some provider."""
    kept = {normal(code): stems(code) for code in codes}
    return rules.spares_any(conn, payers, kept, plans)


def of_source(conn: Connection, source: str) -> tuple[Rule, ...]:
    """Every rule of a source as it stands now."""
    return tuple(read(*each) for each in rules.of_source(conn, source))


def _line(rule: Rule) -> Line:
    """A rule as the values of `rules.KEPT`."""
    lists = (sorted(rule.modifiers), sorted(rule.places), sorted(rule.specialties), rule.papers)
    modifiers, places, specialties, papers = (msgspec.json.encode(each).decode() for each in lists)
    return (
        stem(rule.code, rule.code_end), rule.line, rule.evidence.element, rule.payer, rule.provider, rule.plan,
        rule.business, canonical(rule.system), normal(rule.code), normal(rule.code_end), modifiers, places,
        rule.setting, rule.age_from, rule.age_to, rule.sex, rule.diagnosis, rule.diagnosis_end, rule.visit_from,
        rule.network, specialties, rule.vendor, _day(rule.days.start), _day(rule.days.end), rule.lead_days, papers,
        rule.answer, rule.title, rule.origin, rule.retrieved,
    )  # fmt: skip


def read(source: str, version: str | None, line: Line) -> Rule:
    """The rule of a row."""
    said: dict[str, Any] = dict(zip(rules.KEPT, line, strict=True))
    said |= {name: frozenset(_list(said[name])) for name in ("modifiers", "places", "specialties")}
    days = Days(*(date.fromisoformat(day) if day else None for day in (said.pop("valid_from"), said.pop("valid_to"))))
    said.pop("stem")
    proof = Evidence(source, version, said.pop("element"))
    return Rule(evidence=proof, days=days, papers=tuple(_list(said.pop("papers"))), **said)


def _list(said: str) -> list[Any]:
    return [] if said == "[]" else _read(said)


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
