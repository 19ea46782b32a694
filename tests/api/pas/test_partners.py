"""Who sees what of a partner's request: each principal by each road, and nothing of others anywhere."""

from collections.abc import Callable
from typing import Any

import pytest

from carecoord.world import World
from tests.api.conftest import Api
from tests.api.pas.conftest import LONG, decide, homecare
from tests.api.pas.receiver import Receiver
from tests.api.pas.test_more_information import PLAN, sent, wish
from tests.api.pas.test_subscriptions import subscribe, worked

Json = dict[str, Any]
TYPES = ("Claim", "ClaimResponse", "Patient", "Coverage", "ServiceRequest", "DocumentReference", "Task", "Subscription")
SEES = {  # principal -> of which types they see what the partner's request made
    "partner": set(TYPES),
    "payer": set(TYPES) - {"Subscription"},
    "rival": set(),
    "other payer": set(),
    "another's patient": set(),
    "contracts of the rival": set(),
}


@pytest.fixture
def principals(client: Callable[..., Api], partner: Api, rival: Api, payer: Api, api: Api) -> dict[str, Api]:
    api.put("/Patient/stranger", {"resourceType": "Patient", "id": "stranger", "name": [{"family": "Else"}]})
    return {
        "partner": partner,
        "payer": payer,
        "rival": rival,
        "other payer": client("system/*.cruds", roles="payer", organization="other-payer", life=LONG),
        "another's patient": client("patient/*.cruds", patient="stranger", fhir_user="Patient/stranger", life=LONG),
        "contracts of the rival": client("user/*.cruds", roles="contracts", organization="rival", life=LONG),
    }


@pytest.fixture
def made(partner: Api, payer: Api, world: World, api: Api, receivers: Callable[[], Receiver]) -> dict[str, list[str]]:
    """A request with its answers, the paper that was asked for and sent, and a subscription: the ids by type."""
    subscribe(partner, receivers().url)
    assert partner.post("/Claim/$submit", homecare()).status_code == 200
    wish(payer, PLAN)
    assert partner.post("/$submit-attachment", sent()).status_code == 200
    decide(payer, "A1")
    worked(world)
    found = {}
    for type in TYPES:
        rows = api.get(f"/{type}").get_json()["entry"]
        found[type] = [each["resource"]["id"] for each in rows if each["resource"]["id"] != "stranger"]
    return found


@pytest.mark.parametrize("who", SEES)
def test_each_sees_their_own_by_every_road_and_nothing_of_others(
    principals: dict[str, Api], made: dict[str, list[str]], who: str
) -> None:
    asker = principals[who]
    for type, ids in made.items():
        assert ids, type
        may = type in SEES[who]
        listed = asker.get(f"/{type}")
        entries = listed.get_json().get("entry", []) if listed.status_code == 200 else []
        shown = {each["resource"]["id"] for each in entries}
        assert shown & set(ids) == (set(ids) if may else set()), (who, type)
        for id in ids:
            assert (asker.get(f"/{type}/{id}").status_code == 200) is may, (who, type)
            assert (asker.get(f"/{type}/{id}/_history").status_code == 200) is may, (who, type)
            entry = {"request": {"method": "GET", "url": f"{type}/{id}"}}
            batch = asker.post("", {"resourceType": "Bundle", "type": "batch", "entry": [entry]}).get_json()
            assert batch["entry"][0]["response"]["status"].startswith("200") is may, (who, type)


@pytest.mark.parametrize("who", [name for name in SEES if name not in ("partner", "payer")])
def test_nobody_else_answers_asks_or_ends_anything_of_it(
    principals: dict[str, Api], made: dict[str, list[str]], who: str, api: Api
) -> None:
    asker = principals[who]
    (claim,), (subscription,) = made["Claim"], made["Subscription"]
    before = {type: api.get(f"/{type}").get_json()["total"] for type in TYPES}
    answer = api.get(f"/ClaimResponse/{made['ClaimResponse'][0]}").get_json()
    forged = {name: value for name, value in answer.items() if name not in ("id", "meta")}
    entry = {"resource": forged, "request": {"method": "POST", "url": "ClaimResponse"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    for refused in (
        asker.post("/ClaimResponse", forged),
        asker.post("", bundle),
        asker.post("/Claim/$submit", homecare("B2")),
        asker.post("/Claim/$inquire", homecare("B3")),
        asker.post("/$submit-attachment", sent()),
        asker.get(f"/Subscription/{subscription}/$status"),
        asker.delete(f"/Subscription/{subscription}"),
        asker.delete(f"/Claim/{claim}"),
    ):
        assert 400 <= refused.status_code < 500, refused.get_data(as_text=True)
    assert {type: api.get(f"/{type}").get_json()["total"] for type in TYPES} == before
