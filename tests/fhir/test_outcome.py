"""OperationOutcome."""

from carecoord.errors import Issue
from carecoord.fhir.outcome import outcome
from carecoord.fhir.validation.structure import walk


def test_an_issue_says_what_and_where() -> None:
    told = outcome(
        [Issue("error", "code-invalid", "No such status.", "Task.status"), Issue("warning", "value", "Odd.")]
    )
    assert told["issue"] == [
        {
            "severity": "error",
            "code": "code-invalid",
            "details": {"text": "No such status."},
            "diagnostics": "No such status.",
            "expression": ["Task.status"],
        },
        {"severity": "warning", "code": "value", "details": {"text": "Odd."}, "diagnostics": "Odd."},
    ]
    assert walk(told, "OperationOutcome") == []


def test_no_issue_means_that_all_is_well() -> None:
    told = outcome([])
    assert [issue["severity"] for issue in told["issue"]] == ["information"]
    assert walk(told, "OperationOutcome") == []
