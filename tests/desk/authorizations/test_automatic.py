"""A payer's own rule approves a request by itself: named, told as such, one in so many looked at by a person; whatever
does not fit it waits for somebody, and nothing is ever denied by it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.fhir import interactions
from carecoord.domain.prior_auth.desk import guides, second_look
from carecoord.fhir import text as json
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from carecoord.worker import loop
from tests.desk.authorizations.test_request_page import actions, answers, told
from tests.desk.conftest import Clock, House, built

BOOK, GRAFT = "rules-blue-horizon", "blue-horizon-rule-7-graft"
SYSTEM = Grant("loader", client="loader", scopes=resources(parse("system/*.cruds")))


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from built(story, tmp_path_factory.mktemp("automatic"), Clock())


def stored(house: House, type: str, id: str) -> dict[str, Any]:
    with reading(house.world.engine) as conn:
        row = read.get(conn, type, id)
        assert row is not None
        return json.loads(row.body)


def let_the_rule(house: House, *parts: dict[str, Any], papers: bool = False) -> None:
    """Let the rule about the graft approve by itself, with no paper wanted unless it is said."""
    book = stored(house, "PlanDefinition", BOOK)
    (action,) = [each for each in book["action"] if each["id"] == GRAFT]
    mark = action["extension"][0]
    mark["extension"] = [each for each in mark["extension"] if each["url"] not in ("criterion",) and (
        papers or each["url"] != "document")]  # fmt: skip
    mark["extension"] += [{"url": "automatic", "valueBoolean": True}, *parts]
    interactions.update(house.world, SYSTEM, "PlanDefinition", BOOK, book)


def ask(house: House, id: str, **changes: Any) -> None:
    """Send the request about the graft once more, as another one, the first withdrawn."""
    claim = stored(house, "Claim", "request-order-24825")
    first = claim | {"status": "cancelled"}
    if claim["status"] == "active":
        interactions.update(house.world, SYSTEM, "Claim", claim["id"], first)
    claim |= {"id": id, "status": "active", "created": "2026-11-22T14:00:00+00:00"} | changes
    claim.pop("meta")
    interactions.update(house.world, SYSTEM, "Claim", id, claim)


def work(house: House) -> None:
    while loop.once(house.world):
        pass


SAMPLED = next(f"twin-{n}" for n in range(99) if guides.sampled(f"twin-{n}", guides.Automatic(None, 90, 10)))
NOT_SAMPLED = next(f"twin-{n}" for n in range(99) if not guides.sampled(f"twin-{n}", guides.Automatic(None, 90, 10)))


def test_a_rule_approves_is_named_and_is_no_person(house: House) -> None:
    let_the_rule(house)
    ask(house, NOT_SAMPLED)
    assert answers(house, NOT_SAMPLED) == []
    work(house)
    (answer,) = answers(house, NOT_SAMPLED)
    assert actions(answer, "item") == ["A1"]
    assert guides.rule_of(answer) == "Authorization needed: vascular graft"
    assert second_look.human(answer) is False
    case = house.enter("coordinator").get("/referrals/order-24825").get_data(as_text=True)
    assert "By rule: Authorization needed: vascular graft" in case
    clerk = house.enter("payer")
    assert "Approved by a rule, not by a person" in clerk.get(f"/decisions/{NOT_SAMPLED}").get_data(as_text=True)
    assert NOT_SAMPLED not in clerk.get("/decisions?tab=sample").get_data(as_text=True)


def test_one_in_so_many_is_put_before_a_person_who_notes_what_they_found(house: House) -> None:
    let_the_rule(house)
    ask(house, SAMPLED)
    work(house)
    clerk = house.enter("payer")
    listed = clerk.get("/decisions?tab=sample").get_data(as_text=True)
    assert re.search(rf'id="request-{SAMPLED}"', listed)
    assert told(clerk, SAMPLED, "look-over", **{"look-words": "In order."})[0] == 303
    assert "In order." in clerk.get(f"/decisions/{SAMPLED}").get_data(as_text=True)
    assert SAMPLED not in clerk.get("/decisions?tab=sample").get_data(as_text=True)


@pytest.mark.parametrize(
    ("parts", "papers", "changes"),
    [
        ((), True, {}),
        (({"url": "automatic-units", "valueInteger": 1},), False, {"item": "two"}),
        ((), False, {"item": "past"}),
    ],
    ids=["a paper is missing", "more units than the rule lets", "done already"],
)
def test_what_does_not_fit_the_rule_waits_for_a_person(
    house: House, parts: tuple[dict[str, Any], ...], papers: bool, changes: dict[str, Any]
) -> None:
    let_the_rule(house, *parts, papers=papers)
    line = stored(house, "Claim", "request-order-24825")["item"][0]
    if changes.get("item") == "two":
        changes = {"item": [line | {"quantity": {"value": 2}}]}
    elif changes.get("item") == "past":
        changes = {"item": [line | {"servicedPeriod": {"start": "2026-11-01", "end": "2026-11-10"}}]}
    ask(house, NOT_SAMPLED, **changes)
    work(house)
    assert answers(house, NOT_SAMPLED) == []
    assert f'id="request-{NOT_SAMPLED}"' in house.enter("payer").get("/decisions").get_data(as_text=True)


def test_what_is_asked_for_on_another_line_of_another_request_waits_for_a_person(house: House) -> None:
    let_the_rule(house)
    line = stored(house, "Claim", "request-order-24825")["item"][0]
    foreign = {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "00001"}]}
    both = [line | {"sequence": 1, "productOrService": foreign}, line | {"sequence": 2}]
    ask(house, "twin-other", item=both)
    work(house)
    assert answers(house, "twin-other") == []
    ask(house, NOT_SAMPLED)
    work(house)
    assert answers(house, NOT_SAMPLED) == []


def test_without_such_a_rule_nothing_is_looked_at(house: House) -> None:
    ask(house, NOT_SAMPLED)
    work(house)
    assert answers(house, NOT_SAMPLED) == []
