"""`carecoord policy …`: what is said is listed, replaced and remembered, as a table and as JSON."""

import json

from .conftest import Run


def test_a_policy_is_said_replaced_and_its_history_told(ready: Run) -> None:
    assert "Nobody has said anything" in ready("policy", "list")[1]
    shipped = json.loads(ready("policy", "list", "--shipped", "--json")[1])
    rule = {"term": "decision.standard", "whose": "payer", "value": "7 days", "source": "CMS-0057-F, 89 FR 8758"}
    assert rule in shipped
    code, out, err = ready("policy", "set", "report", "2 business days", "--from", "2026-12-01")
    assert (code, out, err) == (0, "From 2026-12-01 report of everybody is: 2 business days\n", "")
    assert ready("policy", "set", "report", "3 business days", "--from", "2026-12-01")[0] == 0
    now = json.loads(ready("policy", "list", "--json")[1])
    assert now == [
        {"of": "everybody", "term": "report", "line of business": "", "value": "3 business days", "from": "2026-12-01"}
    ]
    past = json.loads(ready("policy", "history", "--json")[1])
    assert [(each["value"], each["by"], bool(each["until"])) for each in past] == [
        ("2 business days", "operator", True), ("3 business days", "operator", False),
    ]  # fmt: skip
    assert "3 business days" in ready("policy", "list")[1]


def test_a_value_that_can_not_be_and_an_organization_that_is_not_here_are_refused_with_what_to_do(ready: Run) -> None:
    code, _, err = ready("policy", "set", "report", "soon")
    assert (code, "report can not be 'soon' here" in err) == (1, True)
    code, _, err = ready("policy", "set", "report", "2 days", "--of", "nobody")
    assert (code, "There is no such organization here." in err) == (1, True)
    assert json.loads(ready("policy", "list", "--json")[1]) == []
