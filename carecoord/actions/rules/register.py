"""The payers' rules about authorization as people look through them: whose there are, a page of one payer's, and one
with its whole key, where it came from, and what was known of it before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlalchemy import Connection

from auth.grant import Grant
from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.clearance import rule_lines
from carecoord.actions.terms import meanings as code_words
from carecoord.domain.access import verbs
from carecoord.domain.access.roles import keeps_rules
from carecoord.domain.prior_auth.code_ranges import normal, stems
from carecoord.domain.prior_auth.question import PLACE_OF_SERVICE
from carecoord.domain.prior_auth.rule_book import Rule, imported
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json, identifiers, pairs, text
from carecoord.domain.resource.parties import name
from carecoord.domain.rules import ties, written
from carecoord.domain.terms.vocabularies import ICD_10_CM
from carecoord.errors import Forbidden, NotFound
from carecoord.fhir import text as json
from carecoord.fhir.code_systems import canonical
from carecoord.store.prior_auth import rule_list
from carecoord.store.prior_auth.rule_list import Entry, Wanted
from carecoord.store.resources import read
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence
from carecoord.world import World

TYPE: Final = "PlanDefinition"
PAGE: Final = 50
_NOTED: Final = ("payer", "code", "plan", "answer", "kind", "holds")  # of what was asked, for the audit
_KNOWN: Final = 60  # rows that are looked back at
_ICD: Final = canonical(ICD_10_CM)
BESIDE: Final = 2_000  # rules among which ties are looked for
Kind = Literal["hand", "import", "book"]


@dataclass(frozen=True)
class Payer:
    """Of whom there are rules: every key (`system|value`) under which there are, the name, and the number that people
    know."""

    keys: tuple[str, ...]
    name: str
    number: str


@dataclass(frozen=True)
class Source:
    """Where a rule came from: written here by hand, a book that was imported, or one that an app wrote."""

    kind: Kind
    title: str
    version: int = 0


@dataclass(frozen=True)
class Line:
    """A rule in the list."""

    n: int
    rule: Rule
    source: Source


@dataclass(frozen=True)
class Asked:
    """What somebody looks for; `payer`: one of its keys, empty for the first; see `rule_list.Wanted`."""

    payer: str = ""
    code: str = ""
    plan: str = ""
    answer: str = ""
    kind: str = ""
    holds: str = "now"
    after: tuple[str, int] | None = None


@dataclass(frozen=True)
class Listed:
    """A page. `count`: how many there are, MANY at most. `words`: what codes mean. `keeps`: whether the asker may write
    rules of this payer."""

    payers: Sequence[Payer]
    payer: Payer | None
    lines: Sequence[Line] = ()
    count: int = 0
    more: bool = False
    words: Mapping[tuple[str, str], str] = field(default_factory=dict)
    keeps: bool = False


@dataclass(frozen=True)
class Past:
    """What was known of a rule for a while: from when until when (microseconds)."""

    since: int
    until: int
    stands: bool
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Found:
    """A rule: one for each of its plans. `past`: all that was known, the latest first. `seen`: its mark, which a change
    has to name. `one`: whether a form can say all of it. `ties`: those that say something else of the same case."""

    n: int
    payer: Payer
    rules: tuple[Rule, ...]
    source: Source
    past: tuple[Past, ...]
    seen: str
    stands: bool
    one: bool
    keeps: bool
    ties: tuple[Line, ...]
    words: Mapping[tuple[str, str], str]

    @property
    def rule(self) -> Rule:
        """What all of them say but the plan."""
        return self.rules[0]


def listed(world: World, grant: Grant, request: str, asked: Asked) -> Listed:
    """A page of a payer's rules. Raises Forbidden."""
    query = "&".join(f"{name}={said}" for name in _NOTED if (said := getattr(asked, name)))
    with looking(world, grant, request) as turn, noted(turn, "search", TYPE, None, query) as shown:
        demand(turn)
        shown.append(None)
        known = payers(turn)
        payer = next((each for each in known if asked.payer in each.keys), known[0] if known else None)
        if payer is None:
            return Listed((), None, keeps=_keeps(turn, ""))
        wanted = _wanted(turn, asked, payer)
        entries = rule_list.listed(turn.conn, wanted, PAGE + 1)
        lines = lines_of(turn.conn, entries[:PAGE])
        return Listed(
            known, payer, lines, rule_list.count(turn.conn, wanted), len(entries) > PAGE,
            meanings(turn.conn, [each.rule for each in lines]), _keeps(turn, payer.keys[0]),
        )  # fmt: skip


def whose(world: World, grant: Grant, request: str) -> list[Payer]:
    """Of whom there are rules. Raises Forbidden."""
    with looking(world, grant, request) as turn:
        demand(turn)
        return payers(turn)


def _wanted(turn: Turn, asked: Asked, payer: Payer) -> Wanted:
    code = normal(asked.code.split()[0] if asked.code.split() else "")
    return Wanted(
        payers=payer.keys, today=local(turn.now, turn.world.base.zone).isoformat(), code=code, stems=stems(code),
        plan=asked.plan, answer=asked.answer, line=written.BY_HAND if asked.kind == "hand" else "",
        exempt=asked.kind == "exempt", holds=asked.holds, after=asked.after,
    )  # fmt: skip


def one(world: World, grant: Grant, request: str, n: int) -> Found:
    """A rule by the number of one of its rows: as it stands now, also where the row is an older one. Raises Forbidden,
    NotFound."""
    with looking(world, grant, request) as turn, noted(turn, "read", TYPE) as shown:
        demand(turn)
        shown.append(None)
        return found(turn, n)


def found(turn: Turn, n: int) -> Found:
    """The same, in a turn."""
    entry = rule_list.one(turn.conn, n)
    if entry is None:
        raise NotFound(sentence("rules.gone"))
    first = _rule(entry)
    here = (entry.source, first.line, first.evidence.element)
    past = _past(rule_list.known(turn.conn, *here, _KNOWN))
    standing = rule_list.standing(turn.conn, *here)
    rules = tuple(map(_rule, standing)) or next(each.rules for each in past)
    held = held_book(turn.conn, entry.source)
    source = _source(rules[0], held)
    whose = next((each for each in payers(turn) if first.payer in each.keys), _unknown(first.payer))
    others = tied(turn.conn, rules[0], here) if standing else ()
    return Found(
        standing[0].n if standing else n, whose, rules, source, past, seen(standing), bool(standing),
        source.kind == "import" or written.is_one(held, first.evidence.element), _keeps(turn, first.payer), others,
        meanings(turn.conn, [*rules, *(each.rule for each in others)]),
    )  # fmt: skip


def seen(entries: Iterable[Entry]) -> str:
    """The mark of a rule as it was looked at: the numbers of its rows, which a change renews."""
    return " ".join(str(each.n) for each in entries)


def tied(conn: Connection, rule: Rule, but: tuple[str, str, str] | None) -> tuple[Line, ...]:
    """The rules of the payer that tie with one; `but`: source, line and element of what it replaces."""
    near = rule_list.beside(conn, rule.payer, normal(rule.code), normal(rule.code_end), BESIDE)
    others = [(each, entry) for entry in near for each in [_rule(entry)]]
    mine = [each for each, _ in others if (each.evidence.reference, each.line, each.evidence.element) != but]
    found = {id(each) for each in ties.tied(rule, mine)}
    return lines_of(conn, [entry for each, entry in others if id(each) in found])


def lines_of(conn: Connection, entries: Sequence[Entry]) -> tuple[Line, ...]:
    """Rows with where they came from."""
    ids = sorted({each.source.partition("/")[2] for each in entries})
    held = read.many(conn, [(TYPE, id) for id in ids])
    books = {f"{TYPE}/{row.id}": json.loads(row.body) for row in held if row.body}
    return tuple(
        Line(each.n, rule, _source(rule, books.get(each.source, {}))) for each in entries for rule in [_rule(each)]
    )


def by_hand(conn: Connection, payer: str, most: int) -> list[Rule]:
    """The rules of a payer that stand and were written here by hand."""
    wanted = Wanted(payers=(payer,), today="", line=written.BY_HAND, holds="any")
    return [_rule(each) for each in rule_list.listed(conn, wanted, most)]


def set_aside(conn: Connection, source: str, hand: Iterable[Rule]) -> list[Rule]:
    """The lines of an imported book that were set aside for one of these rules by hand and of which nothing has stood
    since, as they were then: what is gone because a table did not have it is not among them."""
    places: dict[str, set[str]] = {}
    ids = {rule.evidence.reference.partition("/")[2] for rule in hand}
    for row in read.many(conn, [(TYPE, id) for id in ids]):
        book, line = written.in_place_of(json.loads(row.body))
        if book == source:
            places.setdefault(line, set()).add(f"{TYPE}/{row.id}")
    begun = rule_list.begun(conn, {each for all_ in places.values() for each in all_})
    entries: dict[str, list[Entry]] = {}
    for entry in rule_list.of_lines(conn, source, places):
        entries.setdefault(_rule(entry).line, []).append(entry)
    found: list[Rule] = []
    for line, known in entries.items():
        last = max(each.known_to for each in known)
        if last in {begun.get(each) for each in places[line]}:
            found += [_rule(each) for each in known if each.known_to == last]
    return found


def _source(rule: Rule, book: Json) -> Source:
    kind: Kind = "hand" if rule.line == written.BY_HAND else "import" if imported(book) else "book"
    version = str(book.get("meta", {}).get("versionId", ""))
    return Source(kind, text(book, "title"), int(version) if version.isdigit() else 0)


def _past(entries: Sequence[Entry]) -> tuple[Past, ...]:
    spans: dict[tuple[int, int], list[Entry]] = {}
    for each in entries:
        spans.setdefault((each.known_from, each.known_to), []).append(each)
    return tuple(
        Past(since, until, rows[0].stands, tuple(map(_rule, rows))) for (since, until), rows in spans.items()
    )


def _rule(entry: Entry) -> Rule:
    return rule_lines.read(entry.source, entry.version, entry.line)


def held_book(conn: Connection, source: str) -> Json:
    """The PlanDefinition of a source; nothing where it is deleted."""
    row = read.get(conn, TYPE, source.partition("/")[2])
    return json.loads(row.body) if row and not row.deleted else {}


def payers(turn: Turn) -> list[Payer]:
    """Of whom there are rules, by name, the asker's own first; one that is known by several numbers once."""
    keys = rule_list.payers(turn.conn)
    known = [json.loads(row.body) for row in registry.identified(turn.conn, "Organization", pairs(keys))]
    grouped: dict[str, list[str]] = {}
    for each in keys:
        called = next((name(one) for one in known if each in identifiers(one)), each.rpartition("|")[2])
        grouped.setdefault(called, []).append(each)
    ours = set(turn.office().identifiers)
    found = [Payer(tuple(all_), called, all_[0].rpartition("|")[2]) for called, all_ in grouped.items()]
    return sorted(found, key=lambda each: (ours.isdisjoint(each.keys), each.name.casefold()))


def _unknown(key: str) -> Payer:
    return Payer((key,), key.rpartition("|")[2], key.rpartition("|")[2])


def _keeps(turn: Turn, payer: str) -> bool:
    return verbs.may(turn.grant.roles, "keep-rules") and keeps_rules(turn.office(), payer)


def meanings(conn: Connection, rules: Iterable[Rule]) -> Mapping[tuple[str, str], str]:
    """What the codes of rules mean, as far as they are here."""
    wanted: list[tuple[str, str]] = []
    for rule in rules:
        wanted += [(rule.system, rule.code), (rule.system, rule.code_end)]
        wanted += [(_ICD, rule.diagnosis), (_ICD, rule.diagnosis_end)]
        wanted += [(PLACE_OF_SERVICE, each) for each in rule.places]
    return code_words.meanings(conn, wanted)


def demand(turn: Turn) -> None:
    """Raise Forbidden for whoever may not look at rules."""
    if not verbs.may(turn.grant.roles, "see-rules"):
        raise Forbidden(sentence("rules.whose-work"))
    turn.demand(TYPE, "s")
