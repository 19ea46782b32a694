"""A payer's clock at both desks: that of a request whose place another took never fires, and what a sender writes into
`created` moves none (issue 10, must-show 2)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.fhir import interactions
from tests.desk.authorizations.readers import get, ids
from tests.desk.authorizations.test_automatic import stored, work
from tests.desk.conftest import NOW, Clock, House, built

VASCULAR = "request-order-24825"
CLINIC = Grant(
    "reyes", scopes=resources(parse("user/*.cruds")), roles=frozenset({"coordinator"}), organization="office-fairmont"
)
PRIOR = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/ex-relatedclaimrelationship", "code": "prior"}]}
WEEK = timedelta(days=7)


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from built(story, tmp_path_factory.mktemp("clocks"), Clock())


def at(house: House, moment: datetime) -> None:
    clock = house.world.clock
    assert isinstance(clock, Clock)
    clock.now = moment


def asks(house: House, id: str, **changes: Any) -> None:
    """The clinic sends a request for the same service by its own app."""
    claim = stored(house, "Claim", VASCULAR)
    claim = {name: value for name, value in claim.items() if name not in ("meta", "extension")}
    interactions.update(house.world, CLINIC, "Claim", id, claim | {"id": id} | changes)


def late(house: House) -> tuple[list[str], list[str]]:
    """What is past its clock, at the desk of the payer and of the clinic."""
    payer, clinic = house.enter("payer"), house.enter("coordinator")
    return ids(get(payer, "/decisions?tab=late")), ids(get(clinic, "/authorizations?tab=late"))


def test_the_clock_of_a_request_that_was_superseded_never_fires_at_either_desk(house: House) -> None:
    first = datetime.fromisoformat(stored(house, "Claim", VASCULAR)["created"])
    changed = first + timedelta(days=6)
    at(house, changed)
    related = [{"claim": {"reference": f"Claim/{VASCULAR}"}, "relationship": PRIOR}]
    asks(house, "changed", created=changed.isoformat(), related=related)
    at(house, first + WEEK + timedelta(hours=1))
    work(house)
    assert [VASCULAR in each for each in late(house)] == [False, False], "the first one's week is over"
    at(house, changed + WEEK + timedelta(hours=1))
    work(house)
    assert [each.count(VASCULAR) for each in late(house)] == [1, 1], "once, by the clock of what is asked now"


@pytest.mark.parametrize("created", ["2025-01-01T09:00:00+00:00", "2026-11-22", "2027-06-01T09:00:00+00:00"])
def test_what_a_sender_writes_into_created_moves_no_clock(house: House, created: str) -> None:
    dated = "request-dated"
    at(house, NOW)
    asks(house, dated, created=created)
    assert [dated in each for each in late(house)] == [False, False]
    at(house, NOW + WEEK - timedelta(minutes=1))
    assert [dated in each for each in late(house)] == [False, False]
    at(house, NOW + WEEK + timedelta(minutes=1))
    assert [dated in each for each in late(house)] == [True, True]
