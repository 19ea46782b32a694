"""The desk of claims: denials by reason with their money, counts that are their lists, what is done about one, by one
person or two, and what was paid below the agreement, with the proof, for who may see rates."""

import csv
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from auth.grant import Grant
from carecoord.actions.acts.provenance import act_id
from carecoord.actions.agreements.rates import put_lines
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.domain.agreements.rates import RateLine, Schedule
from carecoord.fhir import text as json
from carecoord.store.claims.tables import claim, claim_act
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from tests.desk.claims.test_files import brought
from tests.desk.conftest import NOW, PASSWORD, Clock, House, built
from tests.domain.prior_auth.x12.files import REMITTANCE, file

OKAFOR = """BPR*I*420*C*ACH
TRN*1*CHK-77*1512345678
N1*PR*BLUE HORIZON*XV*BH001
N1*PE*RIVERSIDE HEART*XX*9000010100
LX*1
CLP*RH-1*1*600*420*0*MC*BH-CLM-1*11*1
NM1*QC*1*OKAFOR*NGOZI****MI*BH001-4410882
SVC*HC:C8928*600*420**2
DTM*472*20261112
CAS*CO*45*180
AMT*B6*420"""


@pytest.fixture(scope="module")
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of this module's own: a second insurance clerk, and Riverside Heart with one who sees rates and one who
    does not."""
    for found in built(story, tmp_path_factory.mktemp("claims"), Clock()):
        people = (("second", {"coordinator"}, "office-fairmont"), ("river", {"coordinator"}, "office-riverside-heart"),
                  ("rates", {"coordinator", "contracts"}, "office-riverside-heart"))  # fmt: skip
        for login, roles, organization in people:
            accounts.add_user(found.world, NewUser(login, login.title(), frozenset(roles), organization), PASSWORD)
        line = RateLine(method="negotiated", code="C8928", amount=Decimal("225.50"))
        with writing(found.world.engine) as conn:
            put_lines(conn, Schedule(contract="Contract/agr-0112-v1", name="Exhibit B"), [line], NOW)
        brought(found.enter("coordinator"), found, file("835", REMITTANCE))
        brought(found.enter("river"), found, file("835", OKAFOR, control="000000907"))
        yield found


def get(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.get_data(as_text=True)


def ids(page: str) -> list[str]:
    return re.findall(r'id="claim-([\w-]{36})"', page)


def id_of(house: House, number: str) -> str:
    with reading(house.world.engine) as conn:
        return str(next(each.id for each in conn.execute(claim.select()) if each.number == number))


def act(client: FlaskClient, id: str, verb: str, **fields: str) -> tuple[int, str]:
    page = get(client, f"/claims/{id}?act={verb}")
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page[page.find("act-form") :]))
    answer = client.post(f"/claims/{id}/{verb}", data=hidden | fields)
    return answer.status_code, answer.get_data(as_text=True)


def test_the_queue_of_denials_says_why_how_much_and_until_when_and_its_counts_are_its_lists(house: House) -> None:
    desk = house.enter("coordinator")
    page = get(desk, "/claims")
    assert len(ids(page)) == 2
    assert "197 No authorization, or not this one" in page
    assert "97 Paid with another service" in page
    assert "110.00 denied" in page
    for tab, n in (("denied", 2), ("unmatched", 1), ("all", 3), ("short", 0), ("second", 0), ("waiting", 0)):
        listed = get(desk, f"/claims?tab={tab}")
        assert len(ids(listed)) == n, tab
        assert re.search(rf'aria-current="page">[^<]+<span class="count">{n}<', listed), tab
    by_reason = get(desk, "/claims?reason=197")
    assert ids(by_reason) == [id_of(house, "FM-1002")]
    assert "90.00 denied" in by_reason
    assert ids(get(desk, "/claims?q=fm-1002")) == []
    assert ids(get(desk, "/claims?q=FM-1002")) == [id_of(house, "FM-1002")]
    assert len(ids(get(desk, "/claims?code=C8928&tab=all"))) == 1
    assert ids(get(desk, "/claims?sort=amount")) == [id_of(house, "FM-1002"), id_of(house, "FM-1001")]


def test_a_claim_shows_its_lines_reasons_authorization_and_the_last_day_to_appeal(house: House) -> None:
    desk = house.enter("coordinator")
    for page in (get(desk, f"/claims/{id_of(house, 'FM-1001')}"), get(desk, f"/claims?show={id_of(house, 'FM-1001')}")):
        assert "45 Above the agreed price" in page
        assert "N390" in page
        assert "/authorizations/request-order-24705" in page
    page = get(desk, f"/claims/{id_of(house, 'FM-1001')}")
    assert "31 Jan 2027" in page  # the 65th day after 27 Nov 2026
    assert "Explanation of benefits" in page


def test_the_list_as_a_file_has_the_rows_of_its_tab_with_money_for_programs(house: House) -> None:
    desk = house.enter("coordinator")
    rows = list(csv.DictReader(io.StringIO(get(desk, "/claims.csv?tab=all"))))
    assert {each["Claim"]: (each["Charged"], each["Denied"], each["Reasons of denial"]) for each in rows} == {
        "FM-1001": ("300.00", "20.00", "CO-97"), "FM-1002": ("90.00", "90.00", "CO-197"),
        "FM-1003": ("80.00", "0.00", ""),
    }  # fmt: skip
    assert "Paid short by" not in rows[0]
    assert desk.get("/claims.xlsx?tab=denied").status_code == 200


def test_a_denial_is_appealed_once_however_often_its_form_comes_and_a_stale_form_is_told(house: House) -> None:
    desk, other = house.enter("coordinator"), house.enter("second")
    id = id_of(house, "FM-1001")
    stale = get(other, f"/claims/{id}?act=correct-claim")
    page = get(desk, f"/claims/{id}?act=appeal-claim")
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page[page.find("act-form") :]))
    empty = desk.post(f"/claims/{id}/appeal-claim", data=hidden | {"reference": "APP-5"})
    assert (empty.status_code, 'value="APP-5"' in empty.get_data(as_text=True)) == (422, True)
    for _ in range(2):
        fields = hidden | {"note": "The ECG was a second visit.", "reference": "APP-5"}
        assert desk.post(f"/claims/{id}/appeal-claim", data=fields).status_code == 303
    with reading(house.world.engine) as conn:
        done = [each for each in conn.execute(claim_act.select()) if each.verb == "appeal-claim"]
    assert [(each.name, each.note) for each in done] == [("Reyes, Maria", "APP-5: The ECG was a second visit.")]
    assert id in ids(get(desk, "/claims?tab=waiting"))
    old = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', stale[stale.find("act-form") :]))
    late = other.post(f"/claims/{id}/correct-claim", data=old | {"note": "Sent anew"})
    assert late.status_code == 412
    assert "was changed meanwhile" in late.get_data(as_text=True)
    assert "Sent anew" in late.get_data(as_text=True)


def test_each_act_on_a_claim_leaves_its_provenance_also_where_its_patient_is_not_known(house: House) -> None:
    desk = house.enter("coordinator")
    brought(desk, house, file("835", REMITTANCE.replace("FM-", "FP-"), control="000000912"))
    known, unknown = id_of(house, "FP-1001"), id_of(house, "FP-1003")
    assert act(desk, known, "correct-claim", note="The modifier was missing", reference="COR-7")[0] == 303
    assert act(desk, unknown, "close-claim", note="Another office's patient")[0] == 303
    told = {each["activity"]["coding"][0]["code"]: each for each in provenances(house, known, unknown)}
    corrected, closed = told["correct-claim"], told["close-claim"]
    assert corrected["target"] == [{"reference": f"ExplanationOfBenefit/{known}/_history/1"}]
    assert corrected["reason"] == [{"text": "COR-7: The modifier was missing"}]
    assert corrected["agent"][0]["who"]["display"] == "Reyes, Maria"
    assert corrected["agent"][0]["onBehalfOf"] == {"reference": "Organization/office-fairmont"}
    number = {"system": "https://carecoord.example/id/claim", "value": "FP-1003"}
    assert closed["target"] == [{"type": "ExplanationOfBenefit", "identifier": number}]
    assert act(desk, known, "write-off", amount="20", note="Not worth it")[0] == 303
    assert len(provenances(house, known, unknown)) == 3


def provenances(house: House, *claims: str) -> list[dict[str, Any]]:
    """What was written of who acted on these claims."""
    with reading(house.world.engine) as conn:
        acts = [each for each in conn.execute(claim_act.select()) if each.claim in claims]
        forms = [each.id.partition(" ")[::2] for each in acts if each.verb not in ("277", "835")]
        found = [read.get(conn, "Provenance", act_id(Grant(by), f"claim {form}")) for by, form in forms]
        return [json.loads(each.body) for each in found if each]


def test_a_write_off_up_to_the_limit_takes_one_person_and_above_it_a_second(house: House) -> None:
    desk, other = house.enter("coordinator"), house.enter("second")
    brought(desk, house, file("835", REMITTANCE.replace("FM-", "FW-").replace("*90*", "*190*").replace("*197*90",
            "*197*190"), control="000000911"))  # fmt: skip
    small, large = id_of(house, "FW-1001"), id_of(house, "FW-1002")
    assert act(desk, small, "write-off", amount="0.001", note="x")[0] == 422
    assert act(desk, small, "write-off", amount="500", note="x")[0] == 422
    for strange in ("9e999999", "9e9999", "1e1", "nan", "Infinity", "9" * 20, "--1"):
        assert act(desk, small, "write-off", amount=strange, note="x")[0] == 422, strange
    assert act(desk, small, "write-off", amount="20.00", note="Not worth it")[0] == 303
    assert act(desk, large, "write-off", amount="190", note="Lost the appeal")[0] == 303
    assert ids(get(desk, "/claims?tab=second")) == [large]
    assert "agree-write-off" not in get(desk, f"/claims/{large}")
    page = get(other, f"/claims/{large}?act=agree-write-off")
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page[page.find("act-form") :]))
    own = desk.post(f"/claims/{large}/agree-write-off", data=hidden | {"csrf": csrf(desk)})
    assert own.status_code == 403
    assert other.post(f"/claims/{large}/agree-write-off", data=hidden).status_code == 303
    with reading(house.world.engine) as conn:
        rows = {each.id: (each.work, each.off) for each in conn.execute(claim.select())}
    assert (rows[small], rows[large]) == (("written-off", 2000), ("written-off", 19000))


def csrf(client: FlaskClient) -> str:
    return re.findall(r'name="csrf" value="([^"]+)"', get(client, "/claims/files"))[0]


def test_what_was_paid_below_the_agreement_is_shown_with_its_proof_to_who_may_see_rates(house: House) -> None:
    plain, rates = house.enter("river"), house.enter("rates")
    id = id_of(house, "RH-1")
    listed = get(plain, "/claims?tab=short")
    assert ids(listed) == [id]
    page = get(rates, f"/claims/{id}")
    assert "AGR-0112" in page
    assert "225.50 \u00d7 2 = 451.00" in page
    assert "451.00" in page
    assert "31.00 short" in get(rates, "/claims?tab=short")
    for hidden in (listed, get(plain, f"/claims/{id}"), get(plain, "/claims.csv?tab=short")):
        assert "451.00" not in hidden
        assert "225.50" not in hidden
        assert "31.00" not in hidden
    assert "It was paid below the agreement" in get(plain, f"/claims/{id}")
    assert "Paid short by" in get(rates, "/claims.csv?tab=short")


@pytest.mark.parametrize("who", ["payer", "rival", "contracts", "clinician", "auditor", "admin", "outsider", "river"])
def test_nobody_else_sees_anything_of_an_offices_claims(house: House, who: str) -> None:
    client, id = house.enter(who), id_of(house, "FM-1002")
    works = who in ("outsider", "river")
    for path in ("/claims", "/claims?tab=all&reason=197", f"/claims?show={id}", "/claims.csv?tab=all", f"/claims/{id}"):
        answer = client.get(path)
        said = answer.get_data(as_text=True)
        wanted = 200 if works and path != f"/claims/{id}" else 404
        assert answer.status_code == wanted, path
        assert "FM-1002" not in said
        assert "BRANDT" not in said
    sent = client.post(f"/claims/{id}/write-off", data={"csrf": token(client), "note": "x", "amount": "1", "seen": "1"})
    assert sent.status_code in (403, 404)


def token(client: FlaskClient) -> str:
    found = re.findall(r'name="csrf" value="([^"]+)"', client.get("/account").get_data(as_text=True))
    return found[0] if found else ""
