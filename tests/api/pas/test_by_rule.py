"""A payer's own rules answer `Claim/$submit` at once, over the story: what a rule approves has its number in the very
answer, everything else waits for somebody."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from auth import store as auth_store
from auth.store import Token
from carecoord.actions.fhir import interactions
from carecoord.actions.prior_auth.pas import packets
from carecoord.actions.server import deep
from carecoord.domain.prior_auth.desk import guides, second_look
from carecoord.fhir.search import params
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from tests.api.conftest import Api
from tests.api.pas.conftest import decided
from tests.desk.authorizations.test_automatic import SYSTEM, let_the_rule, stored, work
from tests.desk.conftest import Clock, House, built, story

__all__ = ["story"]
Json = dict[str, Any]
CLAIM = "request-order-24825"


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from built(story, tmp_path_factory.mktemp("by_rule"), Clock())


def clinic(house: House) -> Api:
    """The clinic's own system."""
    now = house.world.seconds()
    new = Token("access", "fairmont", "fairmont", "system/*.cruds", now, now + 900, roles="coordinator",
                organization="office-fairmont")  # fmt: skip
    with writing(house.world.engine) as conn:
        return Api(Client(house.app), auth_store.issue(conn, new))


def ask(house: House) -> Any:
    """Withdraw the story's request for the graft, and ask for it anew by PAS."""
    with reading(house.world.engine) as conn:
        bundle = packets.request_bundle(house.world, conn, CLAIM)
    claim = stored(house, "Claim", CLAIM)
    interactions.update(house.world, SYSTEM, "Claim", CLAIM, claim | {"status": "cancelled"})
    for each in bundle["entry"]:
        each["fullUrl"] = each["fullUrl"].replace(house.world.base.url, "https://ehr.fairmont.example/fhir")
    bundle["entry"][0]["resource"]["status"] = "active"
    return clinic(house).post("/Claim/$submit", json.loads(json.dumps(bundle, default=float)))


def test_what_a_rule_approves_is_approved_in_the_answer(house: House) -> None:
    let_the_rule(house)
    answer = ask(house)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    told = answer.get_json()
    assert decided(told) == {1: "A1"}
    response = told["entry"][0]["resource"]
    assert response["preAuthRef"].startswith("A-")
    kept = stored(house, "ClaimResponse", response["id"])
    assert guides.rule_of(kept) == "Authorization needed: vascular graft"
    assert second_look.human(kept) is False
    assert list(deep.walk(house.world, deep.Looked())) == []  # its rows are those that judging from nothing makes
    work(house)  # the job that looks at what is sent finds it answered
    with reading(house.world.engine) as conn:
        asked = kept["request"]["reference"].split("/")
        assert len(read.referring(conn, params.key("ClaimResponse", "request"), *asked)) == 1


def test_what_no_rule_approves_waits_in_the_payers_queue(house: House) -> None:
    answer = ask(house)
    assert decided(answer.get_json()) == {1: "A4"}
    claim = stored(house, "ClaimResponse", answer.get_json()["entry"][0]["resource"]["id"])["request"]["reference"]
    page = house.enter("payer").get("/decisions").get_data(as_text=True)
    assert claim.partition("/")[2] in page
