"""The clinic's list of its requests for authorization: found, counted, in order, as a file, with a panel; nobody's but
its own."""

import csv
import io
import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from carecoord.actions.worklist import project
from carecoord.fhir import text as json
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from tests.desk.authorizations.readers import get, ids
from tests.desk.conftest import NOW, House

THIRTEENTH, ASKED = "request-worked-02-thirteenth-visit", "request-order-24817"
SYSTEM = Actor("loader", None, None, "request")


@pytest.fixture(scope="module")
def coordinator(house: House) -> FlaskClient:
    return house.enter("coordinator")


def counted(page: str) -> dict[str, int]:
    bar = page[page.index('<nav class="tabs"') : page.index('<nav class="figures"')]
    found = re.findall(r'href="/authorizations(?:\?tab=([a-z]+))?[^"]*"[^>]*>[^<]* <span class="count">(\d+)', bar)
    return {tab or "open": int(n) for tab, n in found}


def text(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def test_a_count_is_the_length_of_its_list_under_every_tab_with_the_same_words(coordinator: FlaskClient) -> None:
    for words in ("", "horizon", "4410-882"):
        counts = counted(get(coordinator, f"/authorizations?q={words}"))
        assert set(counts) == {"open", "due", "drafts", "info", "expiring", "limit", "outside", "denied", "all"}
        for tab, n in counts.items():
            assert len(ids(get(coordinator, f"/authorizations?tab={tab}&q={words}"))) == n, (tab, words)


def test_each_tab_holds_what_its_name_says(coordinator: FlaskClient) -> None:
    assert ids(get(coordinator, "/authorizations?tab=drafts")) == ["request-order-24808"]
    assert ids(get(coordinator, "/authorizations?tab=info")) == [ASKED, "request-worked-07-document-asked"]
    assert "request-worked-01-visit-after-approval" in ids(get(coordinator, "/authorizations?tab=outside"))
    assert THIRTEENTH in ids(get(coordinator, "/authorizations?tab=limit"))
    assert "request-order-24824" in ids(get(coordinator, "/authorizations?tab=denied"))


@pytest.mark.parametrize("words", ["Okafor", "4410-882", "C8928 Okafor"])
def test_a_request_is_found_by_patient_record_number_and_code(coordinator: FlaskClient, words: str) -> None:
    assert ASKED in ids(get(coordinator, f"/authorizations?tab=all&q={words}"))


def test_a_request_is_found_by_its_number_and_the_id_of_its_member(coordinator: FlaskClient) -> None:
    (number,) = {each["number"] for each in rows(coordinator) if each["patient_name"] == "Hussain, Bilal"}
    (member,) = {each["member_id"] for each in rows(coordinator) if each["patient_name"] == "Hussain, Bilal"}
    for words in (number, member):
        assert ids(get(coordinator, f"/authorizations?tab=all&q={words}")) == ["request-order-24807"]


def rows(client: FlaskClient, query: str = "tab=all") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(get(client, f"/authorizations.csv?{query}"))))


def test_the_file_has_the_rows_of_the_list_in_its_order(coordinator: FlaskClient) -> None:
    found = re.findall(r'class="case-link"[^>]*>([^<]+)<', get(coordinator, "/authorizations"))
    names = [unescape(each) for each in found]
    assert [each["patient_name"] for each in rows(coordinator, "")] == names
    (row,) = [each for each in rows(coordinator) if each["patient_name"] == "Hussain, Bilal"]
    expected = {"state": "Approved", "authorized": "6", "used": "0", "left": "6", "unit": "visits", "code": "S9131",
                "ends": "2027-01-02T00:00-05:00"}  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    book = coordinator.get("/authorizations.xlsx?tab=all")
    assert (book.status_code, book.data[:2]) == (200, b"PK")


def test_the_list_is_sorted_by_what_is_asked_and_the_other_way_round(coordinator: FlaskClient) -> None:
    for sort, column in (("patient", "patient_name"), ("payer", "payer_name")):
        up = [each[column] for each in rows(coordinator, f"tab=all&sort={sort}")]
        assert up == sorted(up)
        assert [each[column] for each in rows(coordinator, f"tab=all&sort=-{sort}")] == up[::-1]


def test_pages_repeat_and_skip_nothing(coordinator: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from carecoord.actions.prior_auth import requests

    whole = ids(get(coordinator, "/authorizations?tab=all&sort=patient"))
    monkeypatch.setattr(requests, "SIZE", 10)
    for sort, order in (("patient", whole), ("-patient", whole[::-1])):
        seen: list[str] = []
        path = f"/authorizations?tab=all&sort={sort}"
        while path:
            page = get(coordinator, path)
            seen += ids(page)
            follows = re.search(r'rel="next" href="([^"]+)"', page)
            path = unescape(follows[1]) if follows else ""
        assert seen == order


def test_choices_narrow_the_list_to_a_payer_a_state_an_owner(coordinator: FlaskClient) -> None:
    page = get(coordinator, "/authorizations?tab=all&state=denied")
    assert {each["state"] for each in rows(coordinator, "tab=all&state=denied")} == {"Denied"}
    assert len(ids(page)) == len(rows(coordinator, "tab=all&state=denied"))
    payer = re.search(r'href="(/authorizations[^"]*payer=[^"]+)"', get(coordinator, "/authorizations"))
    assert payer is not None
    assert len({each["payer_name"] for each in rows(coordinator, unescape(payer[1]).partition("?")[2])}) == 1


def test_a_visit_outside_its_approval_says_why_and_how_far(coordinator: FlaskClient) -> None:
    page = text(get(coordinator, "/authorizations?tab=outside"))
    assert "Visit 28 Nov: Visit is 8 days past the approval" in page


def test_the_panel_tells_what_was_asked_and_what_came(coordinator: FlaskClient) -> None:
    page = get(coordinator, "/authorizations?show=request-order-24807")
    panel = text(page[page.index('id="panel"') :])
    for said in ("Hussain, Bilal", "6 visits, to 1 Jan 2027", "0 used, 0 booked, 6 left (visits)", "Ask for more"):
        assert said in panel
    assert 'aria-current="true"' in page


def test_nobody_else_sees_the_list_or_a_request(house: House, coordinator: FlaskClient) -> None:
    for who in ("outsider", "payer", "rival", "contracts", "admin", "auditor"):
        client = house.enter(who)
        listed = client.get("/authorizations?tab=all")
        assert listed.status_code == (200 if who == "outsider" else 404), who
        assert ids(listed.get_data(as_text=True)) == [], who
        for more in ("", "/evidence", "/packet"):
            assert client.get(f"/authorizations/{ASKED}{more}").status_code == 404, (who, more)
        opened = client.get(f"/authorizations?tab=all&show={ASKED}").get_data(as_text=True)
        assert "Okafor" not in opened, who
    assert coordinator.get("/authorizations/none").status_code == 404


def claim_without_order(house: House) -> dict[str, Any]:
    """A request like one of the story's, that names no order, of a patient who has none."""
    with reading(house.world.engine) as conn:
        row = read.get(conn, "Claim", "request-order-24825")
        person = read.get(conn, "Patient", str(row.patient)) if row else None
        assert row is not None
        assert person is not None
        card = next(json.loads(each.body) for each in read.of_patient(conn, str(row.patient), ("Coverage",)))
        claim, patient = json.loads(row.body), json.loads(person.body)
    who = {"reference": "Patient/lone"}
    patient |= {"id": "lone", "name": [{"family": "Alone", "given": ["Ada"]}], "identifier": [], "meta": {}}
    card |= {"id": "lone-card", "beneficiary": who, "subscriberId": "LONE-77", "identifier": [], "meta": {}}
    insurance = [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/lone-card"}}]
    claim |= {"id": "lone-request", "patient": who, "identifier": [], "meta": {}, "insurance": insurance}
    claim.pop("referral", None)
    claim["item"] = [{name: value for name, value in each.items() if name != "extension"} for each in claim["item"]]
    put(house, patient, card, claim)
    return claim


def put(house: House, *resources: dict[str, Any]) -> None:
    with writing(house.world.engine) as conn:
        changes = [Change(str(each["resourceType"]), str(each["id"]), each) for each in resources]
        put_all(conn, changes, now=NOW, actor=SYSTEM, base=house.world.base,
                project=project.projector(project.policy(house.world.settings)))  # fmt: skip


def test_a_request_without_an_order_has_a_row_a_panel_and_a_page(acting_house: House) -> None:
    house, coordinator = acting_house, acting_house.enter("coordinator")
    claim = claim_without_order(house)
    for words in ("Alone", "LONE-77"):
        assert ids(get(coordinator, f"/authorizations?tab=all&q={words}").replace("lone-request", "request-lone")) == [
            "request-lone"
        ]
    assert "Alone, Ada" in text(get(coordinator, "/authorizations?show=lone-request"))
    assert "Log a call" in text(get(coordinator, "/authorizations/lone-request"))
    assert house.enter("outsider").get("/authorizations/lone-request").status_code == 404
    put(house, claim | {"status": "entered-in-error"})
    assert "lone-request" not in get(coordinator, "/authorizations?q=Alone")
