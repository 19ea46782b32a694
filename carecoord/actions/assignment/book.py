"""The rules of an office as the store keeps them, and as the domain asks them."""

from collections.abc import Sequence

from sqlalchemy import Connection

from carecoord.domain.assignment.rules import TRAITS, AssignmentRule
from carecoord.store.assignment import rules as kept
from carecoord.store.assignment.rules import Line


def of_offices(conn: Connection, offices: Sequence[str]) -> list[AssignmentRule]:
    """The rules of an office, also those that are off, in their order. offices: the ids of one office's copies."""
    return [_rule(line) for line in kept.of_offices(conn, offices)]


def keep(conn: Connection, office: str, rule: AssignmentRule, by: str, now: int) -> bool:
    """Keep a new rule (`seen` 0) behind the others, or a changed one in its place; returns whether it was still as it
    was seen."""
    wanted: dict[str, Sequence[str]] = {trait: sorted(rule.wanted[trait]) for trait in TRAITS if rule.wanted.get(trait)}
    letters = "-".join(rule.letters) if rule.letters else ""
    line = Line(rule.id, rule.name, rule.to, rule.spread, rule.active, wanted, letters, rule.seen)
    return kept.put(conn, office, line, by, now)


def _rule(line: Line) -> AssignmentRule:
    low, _, high = line.letters.partition("-")
    wanted = {trait: frozenset(line.wanted[trait]) for trait in TRAITS if trait in line.wanted}
    letters = (low, high) if low else None
    return AssignmentRule(line.id, line.name, line.target, line.spread, line.active, wanted, letters, line.seen)
