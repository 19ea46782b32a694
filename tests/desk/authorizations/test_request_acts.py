"""What a clinic does with its request at the desk: each act a move of the one table of its life, with its Provenance,
refused where the table has no such move; nothing typed is lost."""

import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader

from carecoord.actions.acts import provenance
from carecoord.fhir import text as json
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from tests.desk.authorizations.readers import ask_packet, get
from tests.desk.authorizations.test_automatic import work
from tests.desk.authorizations.test_requests import put, text
from tests.desk.conftest import Clock, House, built

DRAFT, ASKED, GRANTED, DENIED = (
    "request-order-24808", "request-order-24817", "request-order-24807", "request-order-24824",
)  # fmt: skip
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[House]:
    yield from built(story, tmp_path_factory.mktemp("asking"), clock)


@pytest.fixture
def client(house: House) -> FlaskClient:
    return house.enter("coordinator")


def form(client: FlaskClient, id: str, verb: str) -> dict[str, str]:
    page = get(client, f"/authorizations/{id}?act={verb}")
    return dict(HIDDEN.findall(page[page.index('id="act-form"') :]))


def told(client: FlaskClient, id: str, verb: str, **fields: str) -> tuple[int, str]:
    answer = client.post(f"/authorizations/{id}/{verb}", data=form(client, id, verb) | fields)
    return answer.status_code, answer.get_data(as_text=True)


def held(house: House, type: str, id: str) -> dict[str, Any]:
    with reading(house.world.engine) as conn:
        row = read.get(conn, type, id)
        assert row is not None, f"{type}/{id}"
        return json.loads(row.body)


def newest(house: House, root: str) -> dict[str, Any]:
    """The newest request in the place of one, or itself."""
    with reading(house.world.engine) as conn:
        first = read.get(conn, "Claim", root)
        assert first is not None
        claims = [json.loads(each.body) for each in read.of_patient(conn, str(first.patient), ("Claim",))]
    found = {f"Claim/{root}"}
    for _ in claims:
        found |= {f"Claim/{each['id']}" for each in claims
                  if any(part["claim"]["reference"] in found for part in each.get("related", []))}  # fmt: skip
    return max((each for each in claims if f"Claim/{each['id']}" in found), key=lambda each: str(each["created"]))


def author(house: House, resource: dict[str, Any]) -> tuple[str, str]:
    """(who, by which verb) wrote what stands."""
    version = int(resource["meta"]["versionId"])
    with reading(house.world.engine) as conn:
        act = provenance.author_of(conn, provenance.Version(resource["resourceType"], resource["id"], version))
    assert act is not None
    return act.name, act.verb


def papers(client: FlaskClient, id: str, verb: str) -> list[str]:
    return re.findall(r'name="(document-[^"]+)"', get(client, f"/authorizations/{id}?act={verb}"))


def test_a_draft_is_sent_by_a_channel_with_its_number_and_its_papers(house: House, client: FlaskClient) -> None:
    (paper, *_) = papers(client, DRAFT, "send-request")
    status, page = told(client, DRAFT, "send-request", channel="", tracking="T-1", **{paper: "1"})
    assert (status, "Choose by which way it goes." in page, 'value="T-1"' in page) == (422, True, True)
    assert told(client, DRAFT, "send-request", channel="portal", tracking="T-1", **{paper: "1"})[0] == 303
    claim = held(house, "Claim", DRAFT)
    assert claim["status"] == "active"
    assert "T-1" in [each["value"] for each in claim["identifier"]]
    document = f"DocumentReference/{paper.partition('-')[2]}"
    assert [each["valueReference"]["reference"] for each in claim["supportingInfo"]] == [document]
    assert author(house, claim) == ("Reyes, Maria", "send-request")
    page = text(get(client, f"/authorizations/{DRAFT}"))
    assert "It went by Portal." in page
    assert "Payer decides by" in page
    again = client.post(f"/authorizations/{DRAFT}/send-request", data=form_of(client, DRAFT) | {"channel": "fax"})
    assert (again.status_code, "Legal from submitted" in again.get_data(as_text=True)) == (409, True)


def form_of(client: FlaskClient, id: str) -> dict[str, str]:
    """The hidden fields of any form of a request."""
    return form(client, id, "call-payer") | {"once": "another"}


def test_a_payer_that_asked_is_answered_with_a_paper_or_words(house: House, client: FlaskClient) -> None:
    status, page = told(client, ASKED, "answer-payer")
    assert (status, "Choose a document, or write" in page) == (422, True)
    (paper, *_) = papers(client, ASKED, "answer-payer")
    assert told(client, ASKED, "answer-payer", note="Here it is.", **{paper: "1"})[0] == 303
    page = text(get(client, f"/authorizations/{ASKED}"))
    assert "Pended" in page
    claim = held(house, "Claim", ASKED)
    document = f"DocumentReference/{paper.partition('-')[2]}"
    assert document in [each["valueReference"]["reference"] for each in claim["supportingInfo"]]
    assert ASKED not in get(client, "/authorizations?tab=info")
    with reading(house.world.engine) as conn:
        row = read.get(conn, "Claim", ASKED)
        assert row is not None
        tasks = [json.loads(each.body) for each in read.of_patient(conn, str(row.patient), ("Task",))]
    (wish,) = [each for each in tasks if each.get("reasonReference", {}).get("reference") == f"Claim/{ASKED}"]
    assert (wish["status"], author(house, wish)) == ("completed", ("Reyes, Maria", "answer-payer"))


def test_more_is_asked_of_a_granted_request_as_its_next_version(house: House, client: FlaskClient) -> None:
    status, page = told(client, GRANTED, "extend-request", note="The plan needs it.")
    assert (status, "Write the units or the last day." in page, "The plan needs it." in page) == (422, True, True)
    assert told(client, GRANTED, "extend-request", units="12", last="2027-03-31", note="The plan needs it.")[0] == 303
    claim = newest(house, GRANTED)
    assert claim["related"][0]["claim"]["reference"] == f"Claim/{GRANTED}"
    assert claim["item"][0]["quantity"]["value"] == 12
    assert claim["item"][0]["servicedPeriod"]["end"] == "2027-03-31"
    code = claim["extension"][0]["valueCodeableConcept"]["coding"][0]["code"]
    assert (code, author(house, claim)) == ("4", ("Reyes, Maria", "extend-request"))
    page = text(get(client, f"/authorizations/{GRANTED}"))
    assert "More asked for" in page
    assert GRANTED in get(client, "/authorizations?tab=due"), "the whole chain stays one row"


def test_a_denial_is_appealed_within_its_window_alone(house: House, client: FlaskClient, clock: Clock) -> None:
    fields = {"speed": "standard", "note": "The notes show it."}
    clock.now += timedelta(days=200)
    later = house.enter("coordinator")
    late = later.post(f"/authorizations/{DENIED}/appeal", data=form_of(later, DENIED) | fields)
    assert (late.status_code, "Its last day is over." in text(late.get_data(as_text=True))) == (409, True)
    clock.now -= timedelta(days=200)
    client = house.enter("coordinator")
    assert told(client, DENIED, "appeal", **fields)[0] == 303
    claim = newest(house, DENIED)
    assert claim["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "2"
    assert claim["supportingInfo"][-1]["valueString"] == "The notes show it."
    assert author(house, claim) == ("Reyes, Maria", "appeal")
    assert "Appealed" in text(get(client, f"/authorizations/{DENIED}"))
    assert DENIED not in get(client, "/authorizations?tab=denied"), "it is with the payer again"


def test_a_renewal_is_a_draft_of_the_team_like_the_old_one(house: House, client: FlaskClient) -> None:
    assert told(client, GRANTED, "renew-request")[0] == 303
    drafts = re.findall(r'id="request-([\w-]+)"', get(client, "/authorizations?tab=drafts&q=Hussain"))
    (draft,) = drafts
    made, old = held(house, "Claim", draft), held(house, "Claim", GRANTED)
    assert (made["status"], "related" in made) == ("draft", False)
    assert made["item"][0]["productOrService"] == old["item"][0]["productOrService"]
    assert made["item"][0]["servicedPeriod"] == {"start": "2026-11-22", "end": "2027-02-20"}
    other = text(get(house.enter("clinician"), f"/authorizations/{draft}"))
    assert "Draft" in other, "whoever of the office opens it"


NEW_PAYER, DECLINED = "worked-05-new-payer", "worked-10-declined"


def begun(client: FlaskClient, case: str, once: str = "") -> tuple[int, str]:
    """What pressing "Begin a request" in the panel of a referral comes to."""
    page = get(client, f"/?show={case}")
    at = page.index(f'action="/referrals/{case}/begin-request"')
    sent = dict(HIDDEN.findall(page[at : page.index("</form>", at)]))
    answer = client.post(f"/referrals/{case}/begin-request", data=sent | ({"once": once} if once else {}))
    return answer.status_code, answer.headers.get("Location", "")


def draft_of(house: House, client: FlaskClient, words: str) -> dict[str, Any]:
    (draft,) = re.findall(r'id="request-([\w-]+)"', get(client, f"/authorizations?tab=drafts&q={words}"))
    return held(house, "Claim", draft)


def test_a_request_is_begun_from_the_referral_to_who_pays_on_the_day_of_the_visit(
    house: House, client: FlaskClient
) -> None:
    old = held(house, "Claim", f"request-{NEW_PAYER}")
    old["item"][0]["quantity"] = {"value": 12}
    put(house, old)
    assert begun(client, NEW_PAYER)[0] == 303
    made = draft_of(house, client, "Donnell")
    assert made["item"][0]["quantity"] == {"value": 12}, "as many as were asked for before"
    assert made["insurer"]["reference"] == "Organization/pinnacle"
    assert made["provider"]["reference"] == "Organization/office-fairmont"
    assert made["careTeam"][0]["provider"]["reference"] == "Organization/stonebridge-pt"
    assert made["item"][0]["servicedPeriod"] == {"start": "2027-01-01", "end": "2027-02-08"}, "while the card holds"
    page = get(client, f"/?show={NEW_PAYER}")
    assert "begin-request" not in page, "one stands now"
    assert f'href="/authorizations/{made["id"]}?act=send-request"' in page
    again = client.post(f"/referrals/{NEW_PAYER}/begin-request", data=form_of(client, GRANTED))
    assert again.status_code == 409
    for who in ("clinician", "payer", "outsider"):
        other = house.enter(who)
        assert "begin-request" not in other.get(f"/?show={DECLINED}").get_data(as_text=True), who


def test_a_request_is_begun_anew_for_whom_the_patient_goes_to_after_a_refusal(
    house: House, client: FlaskClient
) -> None:
    assert begun(client, DECLINED)[0] == 303
    made = draft_of(house, client, "Rahman")
    assert made["careTeam"][0]["provider"]["reference"] == "Organization/bellwether-vascular"
    assert made["insurer"]["reference"] == "Organization/blue-horizon"
    assert made["item"][0]["servicedPeriod"] == {"start": "2026-11-19", "end": "2027-02-17"}


def test_a_renewal_goes_to_who_pays_now_and_is_what_is_next_of_an_old_payers_approval(
    house: House, client: FlaskClient
) -> None:
    page = get(client, f"/authorizations/request-{NEW_PAYER}")
    assert re.search(r'class="button button-primary" href="[^"]*\?act=renew-request"', page)
    assert told(client, f"request-{NEW_PAYER}", "renew-request")[0] == 303
    made = draft_of(house, client, "Donnell")
    assert made["insurer"]["reference"] == "Organization/pinnacle"


def test_a_card_of_which_nobody_said_lately_that_it_is_good_is_asked_about_from_the_panel(
    house: House, client: FlaskClient
) -> None:
    case = "worked-09-stale-eligibility"
    page = get(client, f"/?show={case}")
    at = page.index(f'action="/referrals/{case}/check-eligibility"')
    sent = dict(HIDDEN.findall(page[at : page.index("</form>", at)]))
    assert client.post(f"/referrals/{case}/check-eligibility", data=sent).status_code == 303
    assert "check-eligibility" not in get(client, f"/?show={case}"), "it was asked, and answers or is called"


def test_a_visit_beyond_what_is_authorized_is_warned_of_on_its_form_before_it_is_made(
    house: House, client: FlaskClient
) -> None:
    with reading(house.world.engine) as conn:
        visits = [json.loads(row.body) for row in read.of_patient(conn, "tendai-moyo", ("Appointment",))]
    for n, each in enumerate(visit for visit in visits if visit["status"] == "booked"):
        put(house, each | {"status": "fulfilled", "start": f"2026-11-2{n}T11:00:00Z", "end": f"2026-11-2{n}T11:30:00Z"})
    page = text(get(client, "/?show=worked-02-thirteenth-visit&act=book"))
    assert page.count("All 12 authorized visits are used or booked: another needs more units first.") == 2


def test_a_request_is_withdrawn_or_void_and_then_nothing_but_a_new_one(house: House, client: FlaskClient) -> None:
    assert told(client, GRANTED, "withdraw-request")[0] == 422, "why is said"
    assert told(client, GRANTED, "withdraw-request", note="Booked elsewhere")[0] == 303
    claim = held(house, "Claim", GRANTED)
    assert (claim["status"], author(house, claim)) == ("cancelled", ("Reyes, Maria", "withdraw-request"))
    page = get(client, f"/authorizations/{GRANTED}")
    assert "Withdrawn" in text(page)
    assert 'data-verb="extend-request"' not in page
    assert told(client, DENIED, "void-request", note="Wrong patient")[0] == 303
    assert held(house, "Claim", DENIED)["status"] == "entered-in-error"
    assert DENIED not in get(client, "/authorizations")


def test_a_talk_of_clinicians_is_asked_for_held_and_written_down_once(house: House, client: FlaskClient) -> None:
    status, page = told(client, DENIED, "peer-to-peer", day="+1", time="14:30")
    assert (status, "Write who talks." in page) == (422, True)
    assert told(client, DENIED, "peer-to-peer", who="Farrow, Amelia", day="+1", time="14:30")[0] == 303
    page = text(get(client, f"/authorizations/{DENIED}"))
    assert "Asked for, not held yet" in page
    assert "Farrow, Amelia" in page
    assert told(client, DENIED, "tell-peer", result="upheld", note="They stay with it.")[0] == 303
    page = get(client, f"/authorizations/{DENIED}")
    assert "The denial stands" in text(page)
    assert 'data-verb="tell-peer"' not in page


def test_a_call_is_written_down_with_its_number_and_the_next_touch(house: House, client: FlaskClient) -> None:
    fields = {"how": "call", "outcome": "reached", "who": "Dana", "reference": "CR-99", "note": "In review",
              "touch": "+3"}  # fmt: skip
    assert told(client, ASKED, "call-payer", **fields)[0] == 303
    page = text(get(client, f"/authorizations/{ASKED}"))
    for said in ("Dana", "Reference CR-99", "In review", "Next touch"):
        assert said in page
    payer = house.enter("payer").get("/decisions/" + ASKED).get_data(as_text=True)
    assert "CR-99" not in payer, "what we wrote down of a call is ours"
    proof = text(get(client, f"/authorizations/{ASKED}/evidence"))
    assert "Call, reference CR-99" in proof


def test_a_colleague_who_was_first_is_shown_with_what_was_typed(house: House, client: FlaskClient) -> None:
    early = form(client, DRAFT, "send-request")
    assert told(client, DRAFT, "send-request", channel="fax")[0] == 303
    data = early | {"channel": "portal", "tracking": "T-2", "once": "b"}
    late = client.post(f"/authorizations/{DRAFT}/send-request", data=data)
    page = late.get_data(as_text=True)
    assert (late.status_code, "Reyes, Maria was first" in text(page)) == (412, True)


def test_a_form_acts_once_however_often_it_is_sent(house: House, client: FlaskClient) -> None:
    data = form(client, GRANTED, "renew-request")
    for _ in range(2):
        assert client.post(f"/authorizations/{GRANTED}/renew-request", data=data).status_code == 303
    assert len(re.findall(r'id="request-[\w-]+"', get(client, "/authorizations?tab=drafts&q=Hussain"))) == 1


@pytest.mark.parametrize("who", ["outsider", "payer", "contracts", "admin"])
def test_nobody_else_does_anything_with_it(house: House, client: FlaskClient, who: str) -> None:
    data = form(client, GRANTED, "withdraw-request")
    other = house.enter(who)
    page = other.get("/").get_data(as_text=True)
    csrf = re.search(r'name="csrf" value="([^"]*)"', page)
    assert csrf is not None
    sent = {**data, "csrf": csrf[1], "note": "Not mine"}
    assert other.post(f"/authorizations/{GRANTED}/withdraw-request", data=sent).status_code in (403, 404)
    assert held(house, "Claim", GRANTED)["status"] == "active"


def test_a_clinician_asks_for_a_talk_and_signs_nothing_else(house: House) -> None:
    page = get(house.enter("clinician"), f"/authorizations/{DENIED}")
    assert set(re.findall(r'data-verb="([\w-]+)"', page)) == {"peer-to-peer"}


def test_what_appeals_to_a_payer_came_to_is_told_with_how_many_and_no_rate_of_few(
    house: House, client: FlaskClient
) -> None:
    payer = text(get(client, f"/authorizations/{DENIED}"))
    assert re.search(r"has answered \d of our appeals: too few for a rate", payer)


def test_the_evidence_of_a_missed_clock_names_each_instant_and_where_it_stands(
    house: House, client: FlaskClient, clock: Clock
) -> None:
    vascular = "request-order-24825"
    early = text(get(client, f"/authorizations/{vascular}/evidence"))
    assert "Decision is due" in early
    assert "The clock still runs." in early
    assert re.search(r"\d Nov 2026, \d\d:\d\d:\d\d EST", early)
    clock.now += timedelta(days=4)
    client = house.enter("coordinator")
    page = text(get(client, f"/authorizations/{vascular}/evidence"))
    assert re.search(r"The payer is over its clock by \dd \d\dh", page)
    assert f"Claim/{vascular}, Claim." in page
    assert vascular in get(client, "/authorizations?tab=late")



def test_the_packet_is_a_pdf_of_what_is_asked_and_what_goes_with_it(house: House, client: FlaskClient) -> None:
    ask_packet(client, GRANTED)
    work(house)
    answer = client.get(f"/authorizations/{GRANTED}/packet.pdf")
    words = "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.data)).pages)
    assert answer.mimetype == "application/pdf"
    for said in ("Hussain, Bilal", "PM220-4419871", "S9131", "6 visits", "Low back pain", "Pinnacle"):
        assert said in words
    assert house.enter("outsider").get(f"/authorizations/{GRANTED}/packet.pdf").status_code == 404
