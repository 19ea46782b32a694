"""A payer decides a request at the desk: line by line, a denial by two people, two clerks on one request."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.fhir import interactions
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.domain.prior_auth.desk import second_look
from carecoord.errors import Forbidden
from carecoord.fhir import text as json
from carecoord.fhir.search import params
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from tests.desk.authorizations.readers import DIRECTOR, ids
from tests.desk.conftest import NOW, PASSWORD, Clock, House, built

VASCULAR, PAPER = "request-order-24825", "request-order-24817"
USER = resources(parse("user/*.cruds"))
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of each test's own, with a second clerk of the same payer."""
    for found in built(story, tmp_path_factory.mktemp("decisions"), Clock()):
        clerk = NewUser("calder", "Calder, Ines", DIRECTOR, "office-blue-horizon")
        accounts.add_user(found.world, clerk, PASSWORD)
        yield found


def form(client: FlaskClient, id: str) -> dict[str, str]:
    page = client.get(f"/decisions/{id}").get_data(as_text=True)
    body = page[page.index('class="act-form') :]
    return dict(HIDDEN.findall(body))


def told(client: FlaskClient, id: str, verb: str, **fields: str) -> tuple[int, str]:
    """Send the form of a verb; a decision that is held then is sent at once."""
    answer = client.post(f"/decisions/{id}/{verb}", data=form(client, id) | fields)
    send_now(client, id)
    return answer.status_code, answer.get_data(as_text=True)


def send_now(client: FlaskClient, id: str) -> None:
    page = client.get(f"/decisions/{id}").get_data(as_text=True)
    if (at := page.find(f'action="/decisions/{id}/send-decision"')) >= 0:
        body = page[at : page.index("</form>", at)]
        assert client.post(f"/decisions/{id}/send-decision", data=dict(HIDDEN.findall(body))).status_code == 303


def answers(house: House, claim: str) -> list[dict]:
    with reading(house.world.engine) as conn:
        row = read.get(conn, "Claim", claim)
        assert row is not None
        found = read.of_patient(conn, str(row.patient), ("ClaimResponse",))
        bodies = [json.loads(each.body) for each in found]
    return [each for each in bodies if each.get("request", {}).get("reference") == f"Claim/{claim}"]


MET = {"met-1-0": "yes", "met-1-1": "yes", "met-1-2": "unclear"}  # the criteria of the rule about the graft
APPROVE = {"do-1": "approve", "first-1": "2026-12-01", "last-1": "2027-01-31", **MET}
DENY = {"do-1": "deny", "reason-1": "not-shown", "words-1": "The notes do not show it.", **MET}


def test_a_request_is_approved_and_the_clinic_has_its_number(house: House) -> None:
    clerk = house.enter("payer")
    queue = clerk.get("/decisions").get_data(as_text=True)
    assert f"/decisions/{VASCULAR}" in queue
    status, _ = told(clerk, VASCULAR, "decide", **APPROVE)
    assert status == 303
    (answer,) = answers(house, VASCULAR)
    assert answer["preAuthRef"].startswith("A-")
    assert f"/decisions/{VASCULAR}" not in clerk.get("/decisions").get_data(as_text=True)
    case = house.enter("coordinator").get("/referrals/order-24825").get_data(as_text=True)
    assert answer["preAuthRef"] in case


def test_what_is_not_said_is_told_at_its_field_and_nothing_typed_is_lost(house: House) -> None:
    status, page = told(house.enter("payer"), VASCULAR, "decide", **{"do-1": "deny", "words-1": "Not shown."})
    assert (status, 'href="#act-reason-1"' in page, "Not shown." in page) == (422, True, True)
    assert answers(house, VASCULAR) == []


def test_a_denial_is_told_to_nobody_before_a_second_person_agrees(house: House) -> None:
    first, second, clinic = house.enter("payer"), house.enter("calder"), house.enter("coordinator")
    assert told(first, VASCULAR, "decide", **DENY)[0] == 303
    assert answers(house, VASCULAR) == []
    before = clinic.get("/referrals/order-24825").get_data(as_text=True)
    assert "do not show" not in before
    assert "Not shown by the papers" not in before
    own = first.get(f"/decisions/{VASCULAR}").get_data(as_text=True)
    assert "You proposed it" in own
    assert first.post(f"/decisions/{VASCULAR}/agree", data={"csrf": _csrf(own), "once": "x"}).status_code == 403
    seen = second.get(f"/decisions/{VASCULAR}").get_data(as_text=True)
    assert "Not shown by the papers" in seen
    for said in ("C1768", "1 visit, 16 Nov", "The patient is fit for surgery</bdi>: <b>", "Imaging report"):
        assert said in seen, "who agrees sees what was asked, and how it was weighed"
    assert told(second, VASCULAR, "agree")[0] == 303
    (answer,) = answers(house, VASCULAR)
    assert second_look.human(answer) is True
    assert "Not shown by the papers" in clinic.get("/referrals/order-24825").get_data(as_text=True)


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]*)"', page)
    assert found is not None
    return found[1]


def test_a_denial_given_back_leaves_the_lines_open(house: House) -> None:
    first, second = house.enter("payer"), house.enter("calder")
    told(first, VASCULAR, "decide", **DENY)
    assert told(second, VASCULAR, "disagree")[0] == 422
    assert told(second, VASCULAR, "disagree", note="See page 2")[0] == 303
    assert told(second, VASCULAR, "decide", **APPROVE)[0] == 303


def test_the_second_of_two_clerks_gets_the_page_with_what_changed(house: House) -> None:
    first, second = house.enter("payer"), house.enter("calder")
    early = form(second, VASCULAR)
    assert "Calder, Ines is on it" in first.get("/decisions").get_data(as_text=True).replace("<bdi>", "").replace(
        "</bdi>", ""
    )
    assert told(first, VASCULAR, "decide", **APPROVE)[0] == 303
    late = second.post(f"/decisions/{VASCULAR}/decide", data=early | DENY)
    page = late.get_data(as_text=True)
    assert (late.status_code, "Okonkwo, Paul" in page, "Approved." in page, "You had chosen: Deny." in page) == (
        412, True, True, True,
    )  # fmt: skip
    assert "The notes do not show it." in page
    assert len(answers(house, VASCULAR)) == 1


def test_a_paper_is_asked_for_with_its_own_day(house: House) -> None:
    clerk = house.enter("payer")
    asked = {"do-1": "ask", "paper-1": "Duplex scan", "by-1": "+1"}
    assert told(clerk, VASCULAR, "decide", **asked)[0] == 303
    case = house.enter("coordinator").get("/referrals/order-24825").get_data(as_text=True)
    assert "Duplex scan" in case


def test_nobody_else_sees_the_queue_or_a_request(house: House) -> None:
    other = NewUser("prior", "Prior, Paz", frozenset({"payer"}), "office-pinnacle")
    accounts.add_user(house.world, other, PASSWORD)
    for who in ("prior", "rival", "coordinator", "outsider", "contracts", "admin", "clinician"):
        client = house.enter(who)
        page = client.get("/decisions")
        assert VASCULAR not in page.get_data(as_text=True)
        assert page.status_code == (200 if who == "prior" else 404)
        shown = client.get(f"/decisions/{VASCULAR}")
        assert shown.status_code == 404
        told = client.post(f"/decisions/{VASCULAR}/decide", data={**APPROVE, "csrf": "x", "lines": "1"})
        assert told.status_code in (403, 404)
    assert answers(house, VASCULAR) == []


def test_only_a_medical_director_agrees_to_a_denial_or_gives_it_back_on_every_road(house: House) -> None:
    clerk = NewUser("moss", "Moss, Ada", frozenset({"payer"}), "office-blue-horizon")
    accounts.add_user(house.world, clerk, PASSWORD)
    first, colleague, director = house.enter("payer"), house.enter("moss"), house.enter("calder")
    told(first, VASCULAR, "decide", **DENY)
    shown = colleague.get(f"/decisions/{VASCULAR}").get_data(as_text=True)
    assert "A medical director of yours agrees to it, or gives it back." in shown
    assert f"/decisions/{VASCULAR}/agree" not in shown
    for verb in ("agree", "disagree"):
        sent = colleague.post(f"/decisions/{VASCULAR}/{verb}", data={"csrf": _csrf(shown), "once": verb, "note": "No"})
        assert sent.status_code == 403, verb
    (task,) = _proposals(house)
    answer = second_look.answer(task) | {"id": "by-api", "created": NOW.isoformat()}
    answer["extension"] = [second_look.reviewer("1234567893")]
    by = Grant("moss-by-an-app", scopes=USER, roles=frozenset({"payer"}), organization="office-blue-horizon")
    with pytest.raises(Forbidden, match="medical director of the payer"):
        interactions.update(house.world, by, "ClaimResponse", "by-api", answer)
    assert VASCULAR in ids(director.get("/decisions?tab=director").get_data(as_text=True))
    interactions.update(house.world, replace(by, roles=DIRECTOR), "ClaimResponse", "by-api", answer)
    assert [each["id"] for each in answers(house, VASCULAR)] == ["by-api"]


def test_a_medical_director_who_proposes_a_denial_does_not_agree_to_it(house: House) -> None:
    director = house.enter("calder")
    told(director, VASCULAR, "decide", **DENY)
    own = director.get(f"/decisions/{VASCULAR}").get_data(as_text=True)
    assert "You proposed it" in own
    sent = director.post(f"/decisions/{VASCULAR}/agree", data={"csrf": _csrf(own), "once": "x"})
    assert sent.status_code == 403
    assert answers(house, VASCULAR) == []


def _proposals(house: House) -> list[dict]:
    with reading(house.world.engine) as conn:
        rows = read.referring(conn, params.key("Task", "focus"), "Claim", VASCULAR)
        return [json.loads(each.body) for each in rows]
