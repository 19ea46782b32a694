"""What an EHR remarks is told in the words that it has for people."""

from typing import Any

import pytest

from fhir_adapters.outcome import words

TEXT = "The client is not authorized for part of this data."


@pytest.mark.parametrize(
    ("issue", "said"),
    [
        ({"code": "suppressed", "details": {"text": TEXT, "coding": [{"display": "Not returned."}]}}, TEXT),
        ({"code": "suppressed", "details": {"coding": [{"code": "4119"}, {"display": "Break the glass."}]}},
         "Break the glass."),
        ({"code": "invalid", "diagnostics": "HAPI-0524"}, "HAPI-0524"),
        ({"code": "invalid", "details": {"text": TEXT}, "diagnostics": "E17"}, f"{TEXT} (E17)"),
        ({"code": "invalid", "details": {"text": TEXT}, "diagnostics": TEXT}, TEXT),
        ({"code": "suppressed", "details": {"coding": "odd"}}, "suppressed"),
        ({"code": "suppressed", "details": ["odd"], "diagnostics": 7}, "suppressed"),
        ({"code": 7}, ""),
        ({}, ""),
        ({"diagnostics": "x" * 900}, "x" * 300),
    ],
)  # fmt: skip
def test_an_issue_is_told_in_words_for_people(issue: dict[str, Any], said: str) -> None:
    assert words(issue) == said
