"""The list of rules: every gate speaks by one of them, and nothing else can be made."""

import pytest

from carecoord.domain.gates.gate import NAMES, Gate
from carecoord.domain.gates.rules import RULES, rule
from carecoord.words.sentence import sentence


def test_the_rules_are_listed_for_each_of_the_six_gates_once() -> None:
    assert tuple(RULES) == NAMES
    ids = [id for listed in RULES.values() for id in listed]
    assert len(ids) == len(set(ids))
    assert all(id.startswith(f"{gate}.") for gate, listed in RULES.items() for id in listed)


def test_a_rule_is_looked_up_and_never_joined() -> None:
    assert rule("agreement", "suspended") == "agreement.suspended"
    with pytest.raises(LookupError, match=r"write it into carecoord/domain/gates/rules\.py"):
        rule("agreement", "out-of-network")


@pytest.mark.parametrize("wrong", ["agreement.out-of-network", "agreement.none", "none", ""])
def test_no_gate_speaks_by_a_rule_that_is_not_in_the_list(wrong: str) -> None:
    with pytest.raises(LookupError):
        Gate(rule=wrong, state="met", reason=sentence("loop.closed"))
    assert Gate(rule="agreement.in-network", state="met", reason=sentence("loop.closed")).name == "agreement"
