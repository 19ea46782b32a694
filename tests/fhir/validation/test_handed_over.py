"""Resources that foreign validators were asked about (28 Nov 2026): those that R4 has, and those that it has not.

One line of JSON each, with a name. The invariants of single types are not among those refused:
test_invariants.py has them.
"""

from pathlib import Path
from typing import Any

import pytest

from carecoord.errors import Unprocessable
from carecoord.fhir.text import loads
from carecoord.fhir.validation.validate import judge

FOLDER = Path(__file__).parent / "handed_over"


def handed_over(name: str) -> list[Any]:
    lines = [loads(line) for line in (FOLDER / f"{name}.ndjson").read_bytes().splitlines()]
    return [pytest.param(line["resource"], id=line["key"]) for line in lines]


@pytest.mark.parametrize("resource", handed_over("taken"))
def test_what_r4_has_is_taken(resource: dict[str, Any]) -> None:
    judge(resource, resource["resourceType"])


@pytest.mark.parametrize("resource", handed_over("refused"))
def test_what_r4_has_not_is_refused_and_says_where(resource: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable) as refused:
        judge(resource, resource["resourceType"])
    assert all(issue.where and issue.text for issue in refused.value.all_issues())
