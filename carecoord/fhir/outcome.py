"""OperationOutcome: what was wrong, where, and what would put it right.

Clause: FHIR R4 operationoutcome.html.
"""

from collections.abc import Iterable
from typing import Any

from carecoord.errors import Issue


def outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """The OperationOutcome of these issues; of none, the one that says that all is well."""
    rows = [_issue(issue) for issue in issues]
    return {"resourceType": "OperationOutcome", "issue": rows or [_issue(_WELL)]}


_WELL = Issue("information", "informational", "All is well.")


def _issue(issue: Issue) -> dict[str, Any]:
    # The same text twice: clients of one school read `details`, those of the other `diagnostics`.
    row = {
        "severity": issue.severity,
        "code": issue.code,
        "details": {"text": issue.text},
        "diagnostics": issue.text,
    }
    return row if issue.where is None else {**row, "expression": [issue.where]}
