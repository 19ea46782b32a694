"""Partners are told of answers: handshake, full resources, in order, until they are taken; keys are those of PAS 2.2.1.
The receiver is a real HTTP server; the clock is turned where minutes pass."""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from carecoord.actions.prior_auth.pas import notices
from carecoord.worker import loop
from carecoord.world import World
from tests.api.conftest import Api, Clock
from tests.api.pas.conftest import decide, decided, homecare, official
from tests.api.pas.receiver import Receiver, focus, told

Json = dict[str, Any]
SUBMIT = "/Claim/$submit"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"


def subscription(url: str, filter: str = "org-identifier=8189991234", **channel: Any) -> Json:
    found = deepcopy(official("Subscription-PASSubscriptionExample"))
    del found["id"]
    found["_criteria"]["extension"][0]["valueString"] = filter
    found["channel"] |= {"endpoint": url, "header": ["Authorization: Bearer partners-own"]} | channel
    return found


def subscribe(api: Api, url: str, **more: Any) -> str:
    made = api.post("/Subscription", subscription(url, **more))
    assert made.status_code == 201, made.get_data(as_text=True)
    assert made.get_json()["status"] == "requested"
    return str(made.get_json()["id"])


def worked(world: World) -> int:
    return loop.once(world)


@pytest.fixture
def receiver(receivers: Callable[[], Receiver]) -> Receiver:
    return receivers()


def test_a_handshake_makes_a_subscription_active_spec_55(partner: Api, world: World, receiver: Receiver) -> None:
    id = subscribe(partner, receiver.url)
    worked(world)
    (handshake,) = receiver.taken
    assert (handshake["resourceType"], handshake["type"]) == ("Bundle", "history")
    said = told(handshake)
    assert (said["type"], said["status"], said["events-since-subscription-start"]) == ("handshake", "requested", "0")
    assert said["topic"] == "http://hl7.org/fhir/us/davinci-pas/SubscriptionTopic/PASSubscriptionTopic"
    assert receiver.headers[0]["Authorization"] == "Bearer partners-own"
    assert receiver.headers[0]["Content-Type"] == "application/fhir+json"
    assert partner.get(f"/Subscription/{id}").get_json()["status"] == "active"


def test_an_answer_is_told_in_full_in_the_partners_names_spec_56(
    partner: Api, payer: Api, world: World, receiver: Receiver
) -> None:
    subscribe(partner, receiver.url)
    partner.post(SUBMIT, homecare())
    worked(world)
    assert receiver.kinds() == ["handshake"]  # what was answered at once is told to nobody once more
    decide(payer, "A1")
    worked(world)
    notice = receiver.taken[-1]
    said = told(notice)
    assert (said["type"], said["events-since-subscription-start"]) == ("event-notification", "1")
    bundle = focus(notice)
    assert (bundle["type"], bundle["identifier"]["value"]) == ("collection", "B56789")
    assert decided(bundle) == {1: "A1", 2: "A1"}
    response = bundle["entry"][0]["resource"]
    assert response["request"]["reference"] == "http://example.org/fhir/Claim/HomecareAuthorizationExample"
    assert {each["fullUrl"] for each in bundle["entry"][1:]} == {
        "http://example.org/fhir/Organization/UMOExample", "http://example.org/fhir/Organization/InsurerExample",
        "http://example.org/fhir/Patient/SubscriberExample",
    }  # fmt: skip


def test_one_more_answer_that_still_pends_is_told_too_spec_60(
    partner: Api, payer: Api, world: World, receiver: Receiver
) -> None:
    subscribe(partner, receiver.url)
    partner.post(SUBMIT, homecare())
    decide(payer, "A4")
    decide(payer, "A4", created="2026-11-24T10:00:00Z")
    worked(world)
    assert receiver.events == [1, 2]


def test_several_subscriptions_of_one_organization_are_all_told(
    partner: Api, payer: Api, world: World, receivers: Callable[[], Receiver]
) -> None:
    several = [receivers() for _ in range(3)]
    for n, each in enumerate(several):
        subscribe(partner, each.url, filter=f"orgIdentifier=8189991234{',8189991234' * n}")  # the example's name of it
    partner.post(SUBMIT, homecare())
    decide(payer, "A1")
    worked(world)
    assert [each.events for each in several] == [[1], [1], [1]]


def test_the_filter_is_kept_under_the_name_that_the_guide_gives_spec_58(partner: Api, receiver: Receiver) -> None:
    id = subscribe(partner, receiver.url, filter="orgIdentifier=8189991234")
    kept = partner.get(f"/Subscription/{id}").get_json()["_criteria"]["extension"][0]
    assert kept == {"url": f"{BACKPORT}/backport-filter-criteria", "valueString": "org-identifier=8189991234"}


REFUSED = {
    "another topic": ({"criteria": "Patient?active=true"}, {}),
    "no filter": ({"_criteria": {}}, {}),
    "e-mail spec-62": ({}, {"type": "email"}),
    "websocket": ({}, {"type": "websocket"}),
    "id-only spec-56": ({}, {"_payload": {"extension": [
        {"url": f"{BACKPORT}/backport-payload-content", "valueCode": "id-only"}]}}),
    "another payload": ({}, {"payload": "text/plain"}),
    "no address": ({}, {"endpoint": "ftp://partner.example/x"}),
    "a header that is ours": ({}, {"header": ["Host: other.example"]}),
    "active at once": ({"status": "active"}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_never_be_served_is_refused(partner: Api, receiver: Receiver, name: str) -> None:
    top, channel = REFUSED[name]
    wrong = subscription(receiver.url, **channel) | top
    assert partner.post("/Subscription", wrong).status_code == 422
    assert partner.put("/Subscription/s", wrong | {"id": "s"}).status_code == 422


def test_nobody_subscribes_to_what_is_anothers_spec_59(
    partner: Api, rival: Api, payer: Api, world: World, receivers: Callable[[], Receiver]
) -> None:
    own, others = receivers(), receivers()
    mine = subscribe(partner, own.url)
    assert rival.post("/Subscription", subscription(others.url)).status_code == 403
    subscribe(rival, others.url, filter="org-identifier=9000000001")
    assert rival.get(f"/Subscription/{mine}").status_code == 404
    assert rival.get(f"/Subscription/{mine}/$status").status_code == 404
    assert rival.get("/Subscription").get_json()["total"] == 1
    assert rival.delete(f"/Subscription/{mine}").status_code == 404
    assert payer.post("/Subscription", subscription(others.url)).status_code == 403
    partner.post(SUBMIT, homecare())
    decide(payer, "A1")
    worked(world)
    assert (own.events, others.kinds()) == ([1], ["handshake"])


def test_an_identifier_of_another_system_with_the_same_value_is_anothers(
    partner: Api, rival: Api, payer: Api, api: Api, world: World, receiver: Receiver
) -> None:
    house = api.get("/Organization/rival").get_json()
    house["identifier"].append({"system": "http://rival.example/own", "value": "8189991234"})
    api.put("/Organization/rival", house)
    subscribe(rival, receiver.url)
    partner.post(SUBMIT, homecare())
    decide(payer, "A1")
    worked(world)
    assert receiver.kinds() == ["handshake"]


def test_an_address_inside_our_own_network_is_refused_where_it_is_not_allowed(partner: Api, world: World) -> None:
    for inside in ("http://10.0.0.1/x", "http://[::1]/x", "http://user@10.0.0.1/"):
        assert partner.post("/Subscription", subscription(inside)).status_code == 400, inside


def test_one_that_is_off_or_gone_is_told_nothing(partner: Api, payer: Api, world: World, receiver: Receiver) -> None:
    off, gone = subscribe(partner, receiver.url), subscribe(partner, receiver.url)
    worked(world)
    partner.post(SUBMIT, homecare())
    decide(payer, "A4")
    told_of = partner.get(f"/Subscription/{off}").get_json()
    assert partner.put(f"/Subscription/{off}", told_of | {"status": "off"}).status_code == 200
    assert partner.delete(f"/Subscription/{gone}").status_code == 204
    worked(world)
    decide(payer, "A1", created="2026-11-25T10:00:00Z")
    worked(world)
    assert receiver.kinds() == ["handshake", "handshake"]


# -- the receiver killed, slow, and away


def test_a_receiver_away_for_ten_minutes_gets_every_event_in_order(
    partner: Api, payer: Api, world: World, clock: Clock, receiver: Receiver
) -> None:
    id = subscribe(partner, receiver.url)
    partner.post(SUBMIT, homecare())
    worked(world)
    receiver.stop()  # killed
    for minute in range(10):
        decide(payer, "A4", created=f"2026-11-24T10:{minute:02}:00Z")
        worked(world)
        clock.now += timedelta(minutes=1)
    receiver.start()
    for _ in range(40):
        worked(world)
        clock.now += timedelta(minutes=1)
    assert receiver.events == list(range(1, 11))
    assert partner.get(f"/Subscription/{id}").get_json()["status"] == "active"


def test_a_receiver_that_fails_or_points_elsewhere_is_asked_again_in_order(
    partner: Api, payer: Api, world: World, clock: Clock, receiver: Receiver
) -> None:
    subscribe(partner, receiver.url)
    worked(world)
    partner.post(SUBMIT, homecare())
    decide(payer, "A4")
    decide(payer, "A1", created="2026-11-25T10:00:00Z")
    for status in (500, 302, 429):
        receiver.status = status
        worked(world)
        clock.now += timedelta(minutes=1)
    assert receiver.events == []
    receiver.status = 202
    for _ in range(3):
        worked(world)
        clock.now += timedelta(minutes=1)
    assert receiver.events == [1, 2]


def test_a_slow_receiver_holds_up_only_itself_and_gets_each_at_least_once_in_order(
    partner: Api, payer: Api, world: World, clock: Clock, receivers: Callable[[], Receiver],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(notices, "_TIMEOUT", (0.2, 0.2))
    slow, quick = receivers(), receivers()
    subscribe(partner, slow.url)
    subscribe(partner, quick.url)
    worked(world)
    partner.post(SUBMIT, homecare())
    slow.slow = 0.5
    decide(payer, "A4")
    decide(payer, "A1", created="2026-11-25T10:00:00Z")
    worked(world)
    assert quick.events == [1, 2]
    slow.slow = 0.0
    for _ in range(3):
        clock.now += timedelta(minutes=1)
        worked(world)
    once = list(dict.fromkeys(slow.events))
    assert (once, slow.events == sorted(slow.events)) == ([1, 2], True)


def test_after_the_last_try_it_is_in_error_and_goes_on_where_it_was_when_asked_again(
    partner: Api, payer: Api, world: World, clock: Clock, receiver: Receiver
) -> None:
    id = subscribe(partner, receiver.url)
    worked(world)
    partner.post(SUBMIT, homecare())
    receiver.status = 503
    decide(payer, "A4")
    for _ in range(14):
        worked(world)
        clock.now += timedelta(hours=2)
    decide(payer, "A1", created="2026-11-25T10:00:00Z")
    told_of = partner.get(f"/Subscription/{id}").get_json()
    assert told_of["status"] == "error"
    (status,) = partner.get(f"/Subscription/{id}/$status").get_json()["entry"]
    (error,) = [each for each in status["resource"]["parameter"] if each["name"] == "error"]
    assert error["valueCodeableConcept"]["text"] == "HTTP 503"
    receiver.status = 200
    assert partner.put(f"/Subscription/{id}", told_of | {"status": "requested"}).status_code == 200
    worked(world)
    assert receiver.kinds() == ["handshake", "handshake", "event-notification", "event-notification"]
    assert receiver.events == [1, 2]
    assert partner.get(f"/Subscription/{id}").get_json()["status"] == "active"


def test_the_statement_says_that_subscriptions_are_made_changed_and_deleted(partner: Api) -> None:
    rest = partner.get("/metadata").get_json()["rest"][0]
    (row,) = [each for each in rest["resource"] if each["type"] == "Subscription"]
    assert {"create", "update", "delete"} <= {each["code"] for each in row["interaction"]}
    assert row["operation"][0]["name"] == "status"
