"""Several clients at the same moment: nothing is made twice, nobody's change is lost, and nobody sees a 500."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from werkzeug.test import Client

from carecoord import app
from carecoord.world import World
from tests.api.conftest import Api, patient, referral

CROWD = 8


def together(world: World, api: Api, act: Callable[[Api, int], Any]) -> list[Any]:
    """What each of a crowd gets, all acting at once, each with a connection of their own."""
    wired = app.wired(world)
    with ThreadPoolExecutor(CROWD) as pool:
        return list(pool.map(lambda n: act(Api(Client(wired), api.token), n), range(CROWD)))


def test_a_conditional_create_makes_one_however_many_ask(world: World, api: Api) -> None:
    mine = patient(identifier=[{"system": "s", "value": "1"}])
    told = together(world, api, lambda one, n: one.post("/Patient", mine, If_None_Exist="identifier=s|1"))
    assert Counter(answer.status_code for answer in told) == {201: 1, 200: CROWD - 1}
    assert len({answer.get_json()["id"] for answer in told}) == 1


def test_of_several_changes_to_one_version_one_wins(world: World, api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))

    def change(one: Api, n: int) -> int:
        return one.put("/Patient/p", patient(id="p", multipleBirthInteger=n + 1), If_Match='W/"1"').status_code

    assert Counter(together(world, api, change)) == {200: 1, 412: CROWD - 1}
    assert api.get("/Patient/p").headers["ETag"] == 'W/"2"'


def test_no_change_is_lost_and_no_version_is_skipped(world: World, api: Api) -> None:
    def change(one: Api, n: int) -> int:
        return one.put("/Patient/p", patient(id="p", multipleBirthInteger=n + 1)).status_code

    told = Counter(together(world, api, change))
    assert set(told) <= {201, 200, 409}  # 409: somebody else created it in the same instant; to be sent again
    assert told[201] == 1
    history = api.get("/Patient/p/_history").get_json()
    assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == [
        str(n) for n in range(told[201] + told[200], 0, -1)
    ]


def test_transactions_that_cross_each_other_all_come_through(world: World, api: Api) -> None:
    """They name the same resources in opposite orders, which would deadlock if locks were taken in that order."""
    ids = ["a", "b", "c", "d"]

    def transact(one: Api, n: int) -> int:
        order = ids if n % 2 else ids[::-1]
        entries = [_put(patient(id=id, multipleBirthInteger=n + 1)) for id in order]
        entries.append({"resource": referral("Patient/a"), "request": {"method": "POST", "url": "ServiceRequest"}})
        return one.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries}).status_code

    for id in ids:
        api.put(f"/Patient/{id}", patient(id=id))
    assert together(world, api, transact) == [200] * CROWD
    assert api.get("/ServiceRequest?_summary=count").get_json()["total"] == CROWD
    births = {api.get(f"/Patient/{id}").get_json()["multipleBirthInteger"] for id in ids}
    assert len(births) == 1


def _put(resource: dict[str, Any]) -> dict[str, Any]:
    return {"resource": resource, "request": {"method": "PUT", "url": f"Patient/{resource['id']}"}}
