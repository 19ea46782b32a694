"""A denial that comes by a file: without a reason, or by a rule as it says itself, it is not taken in, by whomever.
What is silent about who looked came about elsewhere, and is kept as it came (decision 51)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carecoord.actions.fhir import load
from carecoord.domain.prior_auth.desk import answers, second_look
from carecoord.domain.prior_auth.desk.answers import Choice
from carecoord.fhir import text as json
from tests.desk.authorizations.test_automatic import stored
from tests.desk.authorizations.test_request_page import VASCULAR
from tests.desk.authorizations.test_request_page import answers as of
from tests.desk.conftest import NOW, Clock, House, built


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from built(story, tmp_path_factory.mktemp("loaded"), Clock())


@pytest.mark.parametrize(
    ("reason", "reviewed", "taken", "why"),
    [
        ("", second_look.reviewer("1234567893"), False, "A denial says why"),
        ("Not shown", second_look.unreviewed(), False, "never made by a rule alone"),
        ("Not shown", second_look.reviewer("1234567893"), True, ""),
    ],
    ids=["without a reason", "by a rule", "with both"],
)
def test_a_denial_by_a_file_has_a_reason_and_a_human_or_is_not_taken_in(
    house: House, tmp_path: Path, reason: str, reviewed: dict[str, Any], taken: bool, why: str
) -> None:
    claim = stored(house, "Claim", VASCULAR)
    answer = answers.answered("loaded", claim, [Choice(1, "deny", reason="not-shown", said=reason)], "", NOW)
    if not reason:
        review = answer["item"][0]["adjudication"][0]["extension"][0]
        review["extension"] = [each for each in review["extension"] if each["url"] != "reasonCode"]
    answer |= {"extension": [reviewed]}
    file = tmp_path / "ClaimResponse.ndjson"
    file.write_bytes(json.dumps(answer) + b"\n")
    refusals = load.load(house.world, [file]).refusals
    assert (not refusals, why in str(refusals)) == (taken, True)
    assert len(of(house, VASCULAR)) == int(taken)
