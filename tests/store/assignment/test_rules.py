"""An office's rules for new work are kept in their order, and a stale saying changes nothing."""

from dataclasses import replace

from sqlalchemy import Engine

from carecoord.store.assignment import rules
from carecoord.store.assignment.rules import Line
from carecoord.store.database.engine import writing

WANTED = {"specialty": ["cardiology", "nephrology"], "language": ["es"]}


def test_rules_come_back_as_they_were_said_in_their_order_and_apart_by_office(engine: Engine) -> None:
    heart = Line("1", "Heart", "ann", True, True, WANTED, "a-f")
    rest = Line("2", "Rest", "team", False, False, {}, "")
    with writing(engine) as conn:
        assert rules.put(conn, "clinic", heart, "chief", 10)
        assert rules.put(conn, "clinic", rest, "chief", 11)
        assert rules.put(conn, "other", Line("3", "Theirs", "x", False, False, {}, ""), "chief", 12)
        kept = [replace(heart, seen=10), replace(rest, seen=11)]
        assert rules.of_offices(conn, ["clinic"]) == kept
        assert rules.in_force(conn) == {"clinic"}
        rules.reorder(conn, "clinic", ["2", "1"])
        assert rules.of_offices(conn, ["clinic"]) == kept[::-1]


def test_a_rule_is_changed_by_who_saw_it_as_it_is_and_let_go_by_its_own_office(engine: Engine) -> None:
    rule = Line("1", "Heart", "ann", False, True, {}, "")
    with writing(engine) as conn:
        rules.put(conn, "clinic", rule, "chief", 10)
        assert rules.put(conn, "clinic", replace(rule, name="Hearts", seen=10), "chief", 20)
        assert not rules.put(conn, "clinic", replace(rule, name="Late", seen=10), "chief", 30)
        assert not rules.put(conn, "other", replace(rule, name="Theirs", seen=20), "chief", 30)
        assert [each.name for each in rules.of_offices(conn, ["clinic"])] == ["Hearts"]
        assert not rules.remove(conn, "other", "1")
        assert rules.remove(conn, "clinic", "1")
        assert rules.of_offices(conn, ["clinic"]) == []
