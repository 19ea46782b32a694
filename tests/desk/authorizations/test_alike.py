"""Requests that are alike are approved together, and only approved: each by itself, the others left out by name."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from carecoord.actions.fhir import interactions
from tests.desk.authorizations.test_automatic import SYSTEM, stored
from tests.desk.authorizations.test_decisions import send_now
from tests.desk.authorizations.test_request_page import APPROVE, HIDDEN, actions, answers, told
from tests.desk.conftest import Clock, House, built

ALIKE = ("ask-1", "ask-2", "ask-3")
QUERY = "&".join(f"id={id}" for id in (*ALIKE, "request-order-24829"))


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of each test's own, with three requests for the same service."""
    for found in built(story, tmp_path_factory.mktemp("alike"), Clock()):
        claim = stored(found, "Claim", "request-order-24825")
        claim.pop("meta")
        for id in ALIKE:
            interactions.update(found.world, SYSTEM, "Claim", id, claim | {"id": id})
        yield found


def test_those_that_are_alike_are_approved_each_by_itself_and_one_answered_meanwhile_is_told(house: House) -> None:
    clerk, other = house.enter("payer"), house.enter("payer")
    page = clerk.get(f"/decisions/alike?{QUERY}").get_data(as_text=True)
    assert "Alike: 3" in page
    assert re.search(r"Not like the first one.*Delgado, Marisol", page, re.DOTALL)
    fields = [*HIDDEN.findall(page[page.index("act-form") :]), *(("id", id) for id in ALIKE)]
    lacking = clerk.post("/decisions/alike", data=_many(fields))
    assert (lacking.status_code, 'href="#act-last"' in lacking.get_data(as_text=True)) == (422, True)
    assert told(other, "ask-2", "decide", **APPROVE)[0] == 303
    ticked = [(f"met-1-{n}", "yes") for n in range(3)]
    done = clerk.post("/decisions/alike", data=_many([*fields, *ticked, ("last", "2027-01-31")]))
    said = done.get_data(as_text=True)
    assert (done.status_code, "Done for 2 of 3" in said or "2 of 3" in said) == (200, True)
    for id in ("ask-1", "ask-3"):
        assert answers(house, id) == [], "held for a while, as every decision"
        send_now(clerk, id)
        (answer,) = answers(house, id)
        assert actions(answer, "item") == ["A1"]
    assert len(answers(house, "ask-2")) == 1


def _many(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def test_who_decides_on_none_finds_no_such_page(house: House) -> None:
    for who in ("coordinator", "contracts", "auditor"):
        assert house.enter(who).get(f"/decisions/alike?{QUERY}").status_code == 404
