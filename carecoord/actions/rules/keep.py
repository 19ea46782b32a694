"""A rule written by hand, changed or ended, through the one write door; and what would be answered with it, before.

The same cells as an import's, and the same refusals by field. An imported line is not changed where it stands, for the
next import would undo it unseen: it is set aside, and the hand-written rule stands in its place. Decision 55."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from typing import Final

from auth.grant import Grant
from carecoord.actions.access.audited import refusals_noted
from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.clearance import rule_lines
from carecoord.actions.fhir import write as fhir_write
from carecoord.actions.rules import register
from carecoord.actions.rules.register import TYPE, Found, Line
from carecoord.domain.access import verbs
from carecoord.domain.access.roles import keeps_rules
from carecoord.domain.imports import rules as rows
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.rows import Fault, Row
from carecoord.domain.prior_auth.requirements import Requirement, requirement
from carecoord.domain.prior_auth.rule_book import Rule, payer_of
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json
from carecoord.domain.rules import example, written
from carecoord.domain.rules.example import Example
from carecoord.errors import Conflict, Forbidden
from carecoord.fhir import text as json
from carecoord.fhir.code_systems import canonical
from carecoord.fhir.instants import micros
from carecoord.fhir.search.query import parse
from carecoord.fhir.validation.validate import judge
from carecoord.store.prior_auth import rule_list
from carecoord.store.resources import registry_mark
from carecoord.store.search.search import find
from carecoord.words.sentence import sentence
from carecoord.world import World

_LOOKED_AT: Final = 50  # organizations that a name may mean
Texts = Mapping[str, str]  # column of `imports/rules.py` -> what its cell would hold


@dataclass(frozen=True)
class Draft:
    """What was written: the rules, or what is wrong by field. `now`, `then`: what is answered to the example without
    and with them; `ties`: rules that would say something else of the same case."""

    rules: tuple[Rule, ...] = ()
    faults: tuple[Fault, ...] = ()
    example: Example | None = None
    now: Requirement | None = None
    then: Requirement | None = None
    ties: tuple[Line, ...] = field(default=())

    @property
    def told(self) -> str:
        """The mark of what the writer was told of ties, which saving has to name."""
        said = " ".join(str(each.n) for each in self.ties)
        return sha256(said.encode()).hexdigest()[:16]


def tried(
    world: World, grant: Grant, request: str, texts: Texts, n: int | None = None, asked: Example | None = None
) -> Draft:
    """What a rule would do, written like this: a new one, or in the place of row n. `asked`: the example; None: one of
    which it speaks. Raises Forbidden, NotFound."""
    with looking(world, grant, request) as turn:
        before = _before(turn, n)
        return _tried(turn, _drafted(turn, texts, before), before, asked)


def keep(
    world: World, grant: Grant, request: str, texts: Texts, n: int | None = None, *,
    seen: str = "", told: str | None = None,
) -> Draft | int:  # fmt: skip
    """Keep a rule; the number of its row. A Draft where it can not be kept: for its faults, or for ties that the writer
    was not `told` of (None: which need not be told). Raises Forbidden, NotFound, and Conflict where the rule is not as
    it was `seen`."""
    with changing(world, grant, request) as turn, refusals_noted(turn, "update", TYPE):
        before = _before(turn, n)
        if before and (not before.stands or before.seen != seen):
            raise Conflict(sentence("rules.changed"))
        draft = _drafted(turn, texts, before)
        if draft.faults:
            return draft
        _demand(turn, draft.rules[0].payer)
        draft = _tried(turn, draft, before, None)
        if told is not None and told != draft.told:
            return draft
        return _kept(turn, draft.rules, before)


def _before(turn: Turn, n: int | None) -> Found | None:
    if n is None:
        _demand(turn, "")
        return None
    found = register.found(turn, n)
    _demand(turn, found.rule.payer)
    if not found.one:
        raise Conflict(sentence("rules.several"))
    return found


def _demand(turn: Turn, payer: str) -> None:
    if not verbs.may(turn.grant.roles, "keep-rules"):
        raise Forbidden(sentence("rules.who-keeps"))
    if not keeps_rules(turn.office(), payer):
        raise Forbidden(sentence("rules.other-payer"))
    for act in "cu":
        turn.demand(TYPE, act)


def _drafted(turn: Turn, texts: Texts, before: Found | None) -> Draft:
    """Read what was written as an import reads a row. A rule keeps its payer."""
    row = Row(1, dict(texts))
    columns = [each for each in rows.COLUMNS if each.name not in ("line", "book", *(["payer"] if before else []))]
    known = Known() if before else _named(turn, texts.get("payer", ""))
    row.read(columns, known)
    payer, called = (before.rule.payer, before.payer.name) if before else ("", "")
    if not before and not row.faults and (cover := rows.cover(row, known)):
        payer, called = payer_of(cover), cover["title"]
        if not keeps_rules(turn.office(), payer):
            row.fault("payer", sentence("rules.other-payer"))
    made = [] if row.faults else rows.build(row, {"id": "", "title": called}, payer)
    return Draft(tuple(replace(each, system=canonical(each.system)) for each in made), tuple(row.faults))


def _named(turn: Turn, said: str) -> Known:
    """The organizations that a number or a name may mean."""
    plain = " ".join(said.split()).replace("\\", "").replace(",", "\\,")
    found: dict[str, Json] = {}
    for argument in ("identifier", "name:contains") if plain else ():
        asked = parse("Organization", [(argument, plain.replace("|", "\\|"))], turn.world.base, strict=True)
        for row in find(turn.conn, asked, turn.may("s"), page_size=_LOOKED_AT).rows:
            found[row.id] = json.loads(row.body)
    return Known(found.values())


def _tried(turn: Turn, draft: Draft, before: Found | None, asked: Example | None) -> Draft:
    if draft.faults:
        return draft
    rule = draft.rules[0]
    said = asked or example.fitting(rule, local(turn.now, turn.world.base.zone))
    codes = [said.code] if said.code else []
    held = rule_lines.find(turn.conn, [rule.payer], None, codes, [said.provider])
    place = _place(before)
    rest = [each for each in held if (each.evidence.reference, each.line, each.evidence.element) != place]
    question = said.asked(rule.payer)
    found = register.tied(turn.conn, rule, place)
    return Draft(
        draft.rules, (), said, requirement(question, held), requirement(question, [*rest, *draft.rules]), found
    )


def _place(before: Found | None) -> tuple[str, str, str] | None:
    rule = before.rule if before else None
    return (rule.evidence.reference, rule.line, rule.evidence.element) if rule else None


def _kept(turn: Turn, rules: Sequence[Rule], before: Found | None) -> int:
    replaces = ""
    place = _place(before)
    if before and before.source.kind != "import" and place:
        source, line, element = place
        book = register.held_book(turn.conn, source)
        made = written.replaced(book, element, rules)
        write = fhir_write.updating(turn, TYPE, book["id"], made, before.source.version, only_new=False)
    else:
        if before and place:
            replaces = " ".join(place[:2])
            if not rule_list.set_aside(turn.conn, *place, micros(turn.now)):
                raise Conflict(sentence("rules.changed"))
            registry_mark.renew(turn.conn)
        made = written.book(turn.world.new_id(), rules, replaces)
        source, line = f"{TYPE}/{made['id']}", written.BY_HAND
        element = f"PlanDefinition.action.where(id='{line}')"
        write = fhir_write.creating(turn, TYPE, made, None, made["id"])
    judge(made, TYPE)
    fhir_write.check(turn, fhir_write.carry_out(turn, [write])[0])
    return rule_list.standing(turn.conn, source, line, element)[0].n


def system_of(code: str) -> str:
    """The code system in which a code is written, as rules keep it; empty where no system writes codes so."""
    return canonical(rows.system_of(Row(1, {}, values={"code": code})))


def ended(texts: Texts, last: date) -> dict[str, str]:
    """The cells of a rule that speaks for the last time on a day."""
    return {**texts, "ends": last.isoformat()}


def cells(found: Found) -> dict[str, str]:
    """A rule as the cells that it would be written in, all of its plans in one."""
    said = dict(rows.cells(found.rule, {"id": "", "title": ""}))
    return said | {"plan": "; ".join(sorted(each.plan for each in found.rules if each.plan))}


