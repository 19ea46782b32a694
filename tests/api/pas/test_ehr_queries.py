"""What a hook's service asks back of the EHR that calls, with the token that came along (CDS Hooks 2.0, FHIR resource
access; CRD 2.2.1 found-5), and that no EHR that does not answer fails or holds a call; on both databases."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from carecoord.store.database.engine import reading
from carecoord.store.prior_auth.pas_tables import pas_exchange
from tests.api.conftest import Api
from tests.api.pas.conftest import decide, homecare
from tests.api.pas.ehr_server import EhrServer, serving
from tests.api.pas.test_discovery import (
    CARD,
    HOOKS,
    PAYER,
    PERSON,
    Ehr,
    body,
    booked,
    bundle,
    ehr,
    order,
    registered,
    said,
)

__all__ = ["ehr"]
Json = dict[str, Any]
SEARCH = "Coverage?patient=p&status=active&_include=Coverage:payor"
SECRET = "only-for-this-call"


@pytest.fixture
def theirs() -> Iterator[EhrServer]:
    with serving(EhrServer({SEARCH: bundle(CARD, PAYER)})) as one:
        yield one


def bare(hook: str, server: str, *orders: Json) -> Json:
    """A call without any prefetch, with the way to ask for it."""
    sent = body(hook, *orders)
    del sent["prefetch"]
    access = {"access_token": SECRET, "token_type": "Bearer", "expires_in": 30, "scope": "user/*.rs", "subject": "ehr"}
    return sent | {"fhirServer": server, "fhirAuthorization": access}


@pytest.mark.parametrize("hook", HOOKS)
def test_what_did_not_come_along_is_asked_for_with_the_token_of_the_call_found_5(
    ehr: Ehr, theirs: EhrServer, hook: str
) -> None:
    wanted = booked("70553") if hook == "appointment-book" else order("70553")
    theirs.held = {SEARCH: bundle(CARD, PAYER), "ServiceRequest/o": wanted}
    (parts,) = said(ehr.call(hook, bare(hook, f"{theirs.url}/", wanted)))
    assert parts["pa-needed"] == ["auth-needed"]
    assert {token for _, token in theirs.asked} == {f"Bearer {SECRET}"}
    names = [name for name, _ in theirs.asked]
    dispatched = ["ServiceRequest/o", "Organization/x"]  # and who is to do it, whom nobody knows
    assert sorted(names) == sorted([SEARCH, "Patient/p", *(dispatched if hook == "order-dispatch" else [])])


def test_a_payer_that_the_search_leaves_out_is_read_by_its_name(ehr: Ehr, theirs: EhrServer) -> None:
    theirs.held = {SEARCH: bundle(CARD), "Organization/payer": PAYER}
    (parts,) = said(ehr.call("order-sign", bare("order-sign", theirs.url, order("99213"))))
    assert parts["pa-needed"] == ["no-auth"]
    assert [name for name, _ in theirs.asked] == [SEARCH, "Patient/p", "Organization/payer"]


def test_what_came_along_is_not_asked_for_again(ehr: Ehr, theirs: EhrServer) -> None:
    whole = body("order-sign", order("70553"))
    access = {"fhirServer": theirs.url, "fhirAuthorization": {"access_token": SECRET}}
    assert said(ehr.call("order-sign", whole | access))[0]["pa-needed"] == ["auth-needed"]
    assert theirs.asked == []


def card(answer: Any) -> str:
    """The one card of a call that could not be judged."""
    assert answer.status_code == 200, answer.get_data(as_text=True)
    told = answer.get_json()
    assert told["systemActions"] == []
    (found,) = told["cards"]
    assert found["indicator"] == "warning"
    assert 0 < len(found["summary"]) < 140
    return str(found["summary"])


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"status": 401}, "it answered 401"), ({"status": 302}, "it answered 302"), ({"status": 500}, "answered 500"),
        ({"held": {}}, "it answered 404"), ({"raw": b"<html>"}, "no FHIR resource"), ({"raw": b"[]"}, "no FHIR"),
        ({"raw": b" " * 2_000_001}, "did not answer in time"),
    ],
)  # fmt: skip
def test_an_ehr_that_refuses_gives_a_card_and_no_error(
    ehr: Ehr, theirs: EhrServer, broken: dict[str, Any], why: str
) -> None:
    for name, value in broken.items():
        setattr(theirs, name, value)
    assert why in card(ehr.call("order-sign", bare("order-sign", theirs.url, order("70553"))))


def test_an_ehr_that_is_slow_or_away_holds_no_call(ehr: Ehr, theirs: EhrServer) -> None:
    theirs.slow = 30.0
    began = time.monotonic()
    assert "did not answer in time" in card(ehr.call("order-sign", bare("order-sign", theirs.url, order("70553"))))
    assert time.monotonic() - began < 10
    gone = "http://127.0.0.1:1/fhir"
    assert "could not be reached" in card(ehr.call("order-sign", bare("order-sign", gone, order("70553"))))


@pytest.mark.parametrize("address", ["http://10.0.0.8/fhir", "http://[::1]:80/fhir", "http://a:b@127.0.0.1/fhir"])
def test_an_address_of_our_own_network_is_not_called(ehr: Ehr, address: str) -> None:
    assert "may not be called from here" in card(ehr.call("order-sign", bare("order-sign", address, order("70553"))))


@pytest.mark.parametrize("address", ["file:///etc/passwd", "gopher://127.0.0.1/", "nonsense", "http://"])
def test_an_address_that_is_none_gives_a_card(ehr: Ehr, address: str) -> None:
    assert "could not be reached" in card(ehr.call("order-sign", bare("order-sign", address, order("70553"))))


def test_only_plain_names_are_asked_for(ehr: Ehr, theirs: EhrServer) -> None:
    sent = bare("order-dispatch", theirs.url, order("70553"))
    sent["context"] |= {"dispatchedOrders": ["../admin", "ServiceRequest/..", "http://10.0.0.8/x", "ServiceRequest/o"],
                        "performer": "Organization/x?_format=xml"}  # fmt: skip
    theirs.held = {SEARCH: bundle(CARD, PAYER), "ServiceRequest/o": order("70553")}
    assert said(ehr.call("order-dispatch", sent))[0]["pa-needed"] == ["auth-needed"]
    assert [name for name, _ in theirs.asked] == [SEARCH, "ServiceRequest/o", "Patient/p"]
    strange = bare("order-sign", theirs.url, order("70553"))
    strange["context"]["patientId"] = "p&_everything=true"
    assert ehr.call("order-sign", strange).status_code == 412


def test_a_call_that_can_not_be_read_asks_nothing_and_without_a_token_it_stays_412_hook_13(
    ehr: Ehr, theirs: EhrServer
) -> None:
    sent = bare("order-sign", theirs.url, order("70553"))
    assert ehr.call("order-sign", sent | {"hook": "patient-view"}).status_code == 400
    assert ehr.call("order-sign", sent | {"fhirAuthorization": {}}).status_code == 412
    assert theirs.asked == []


def test_the_token_is_not_kept_with_the_call(ehr: Ehr, theirs: EhrServer) -> None:
    said(ehr.call("order-sign", bare("order-sign", theirs.url, order("70553"))))
    with reading(ehr.world.engine) as conn:
        (kept,) = [row for row in conn.execute(pas_exchange.select()) if row.operation == "order-sign"]
    assert SECRET.encode() not in kept.sent
    assert b"Organization/payer" in kept.sent  # what was judged is


CARDS_NUMBER = {"subscriberId": "1122334455"}  # the member of the official example, whose birth date nobody says
MEMBER = {"identifier": [{"system": "http://example.org/MIN", "value": "12345678901"}]}


def judged(one: Ehr, code: str, person: Json = MEMBER, wish: Json | None = None, **more: Any) -> Json:
    sent = body("order-sign", order(code) | (wish or {}))
    sent["prefetch"]["patient"] = PERSON | person
    sent["prefetch"]["coverage"] = bundle(CARD | more, PAYER)
    return said(one.call("order-sign", sent))[0]


def test_what_is_authorized_already_is_satisfied_with_its_number_and_wants_no_papers(
    ehr: Ehr, partner: Api, payer: Api
) -> None:
    assert judged(ehr, "G0154", **CARDS_NUMBER)["pa-needed"] == ["auth-needed"]
    assert partner.post("/Claim/$submit", homecare()).status_code in (200, 201)
    assert judged(ehr, "G0154", **CARDS_NUMBER)["pa-needed"] == ["auth-needed"]  # asked for, and not granted
    decide(payer, "A1", "AUTH0042")
    parts = judged(ehr, "G0154", **CARDS_NUMBER)
    assert (parts["pa-needed"], parts["satisfied-pa-id"]) == (["satisfied"], ["AUTH0042"])
    assert "doc-needed" not in parts
    assert judged(ehr, "G0154")["pa-needed"] == ["auth-needed"]  # a card of nobody here
    assert judged(ehr, "G0154", subscriberId="1")["pa-needed"] == ["auth-needed"]
    assert judged(ehr, "70553", **CARDS_NUMBER)["pa-needed"] == ["auth-needed"]  # another service
    other = registered(ehr.world, ehr.http, "other-ehr", "rival")
    assert judged(other, "G0154", **CARDS_NUMBER)["pa-needed"] == ["auth-needed"]  # nobody learns of anothers


def test_what_is_authorized_under_another_plan_of_the_member_satisfies_nothing_under_this_one(
    ehr: Ehr, partner: Api, payer: Api
) -> None:
    def plan(value: str) -> Json:
        kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/coverage-class", "code": "plan"}]}
        return {"class": [{"type": kind, "value": value}]}

    sent = homecare()
    (card,) = [each["resource"] for each in sent["entry"] if each["resource"]["resourceType"] == "Coverage"]
    card |= plan("GOLD")
    assert partner.post("/Claim/$submit", sent).status_code in (200, 201)
    decide(payer, "A1", "AUTH0042")
    for named, needed in (("GOLD", "satisfied"), ("SILVER", "auth-needed")):
        assert judged(ehr, "G0154", **CARDS_NUMBER, **plan(named))["pa-needed"] == [needed]


def place(code: str) -> Json:
    system = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
    return {"locationCode": [{"coding": [{"system": system, "code": code}]}]}


@pytest.mark.parametrize(
    ("wish", "needed"),
    [
        ({"occurrenceDateTime": "2027-01-15"}, "satisfied"),
        ({"occurrenceDateTime": "2027-02-01"}, "auth-needed"),
        ({"occurrencePeriod": {"start": "2027-01-20", "end": "2027-01-31"}}, "satisfied"),
        ({"occurrencePeriod": {"start": "2027-01-20", "end": "2027-03-01"}}, "auth-needed"),
        ({"occurrencePeriod": {"start": "2027-02-20"}}, "auth-needed"),
        (place("11"), "satisfied"),
        (place("22"), "auth-needed"),
    ],
)
def test_what_is_authorized_satisfies_only_what_is_ordered_for_its_days_and_its_place(
    ehr: Ehr, partner: Api, payer: Api, wish: Json, needed: str
) -> None:
    """The official request is for an office (place of service 11); the payer grants it until the end of January."""
    partner.post("/Claim/$submit", homecare())
    decide(payer, "A1", "AUTH0042", preAuthPeriod={"start": "2026-11-01", "end": "2027-01-31"})
    assert judged(ehr, "G0154", wish=wish, **CARDS_NUMBER)["pa-needed"] == [needed]


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ("2027-04-20", ("covered", "auth-needed")),
        ("2027-02-19", ("indeterminate", "indeterminate")),  # one of three months
        ("2026-11-01", ("indeterminate", "indeterminate")),  # over
    ],
)
def test_a_card_is_told_to_cover_only_what_it_says_to_hold_for_to_the_last_day(
    ehr: Ehr, ends: str, told: tuple[str, str]
) -> None:
    wish = {"occurrencePeriod": {"start": "2027-01-20", "end": "2027-04-20"}}
    parts = judged(ehr, "G0154", wish=wish, period={"start": "2026-01-01", "end": ends}, **CARDS_NUMBER)
    assert (*parts["covered"], *parts["pa-needed"]) == told


@pytest.mark.parametrize(
    ("starts", "told"),
    [("2027-01-20", "covered"), ("2027-01-21", "indeterminate"), ("2027-01-21T00:00:00Z", "indeterminate")],
)
def test_a_card_is_told_to_cover_no_day_that_only_one_reading_of_its_days_has(
    ehr: Ehr, starts: str, told: str
) -> None:
    wish = {"occurrenceDateTime": "2027-01-20"}  # by the letter its last five hours
    assert judged(ehr, "G0154", wish=wish, period={"start": starts})["covered"] == [told]


@pytest.mark.parametrize(
    ("person", "needed"),
    [
        ({"birthDate": "1980-02-03", "name": [{"family": "Smith", "given": ["Joe"]}]}, "satisfied"),
        ({"birthDate": "1980-02-03", "name": [{"family": "Smith", "given": ["Ann"]}]}, "auth-needed"),  # a twin
        ({"birthDate": "1982-05-06", "name": [{"family": "Smith", "given": ["Joe"]}]}, "auth-needed"),  # a spouse
        (MEMBER | {"birthDate": "1982-05-06"}, "auth-needed"),  # a number that is the family's
        ({}, "auth-needed"),  # nobody says who it is
    ],
)
def test_what_is_authorized_for_one_of_a_family_satisfies_nothing_of_another_with_the_same_card(
    ehr: Ehr, partner: Api, payer: Api, person: Json, needed: str
) -> None:
    sent = homecare()
    (member,) = [each["resource"] for each in sent["entry"] if each["resource"]["resourceType"] == "Patient"]
    member["birthDate"] = "1980-02-03"
    assert partner.post("/Claim/$submit", sent).status_code in (200, 201)
    decide(payer, "A1", "AUTH0042")
    assert judged(ehr, "G0154", person, **CARDS_NUMBER)["pa-needed"] == [needed]


def test_a_denial_or_a_request_that_was_taken_back_satisfies_nothing(ehr: Ehr, partner: Api, payer: Api) -> None:
    partner.post("/Claim/$submit", homecare())
    decide(payer, "A1", "AUTH0042")
    assert judged(ehr, "G0154", **CARDS_NUMBER)["pa-needed"] == ["satisfied"]
    claim = partner.get("/Claim").get_json()["entry"][0]["resource"]
    taken = partner.put(f"/Claim/{claim['id']}", claim | {"status": "cancelled"})
    assert taken.status_code == 200, taken.get_data(as_text=True)
    assert judged(ehr, "G0154", **CARDS_NUMBER)["pa-needed"] == ["auth-needed"]
