"""X12 by file, from the desk: a request goes out as a 278, its answer comes back as the payer's decision, transaction
by transaction, whole or not at all, and what came twice changes nothing."""

import io
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from auth import store
from carecoord.actions.claims import files
from carecoord.actions.fhir import interactions
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.domain.prior_auth.x12 import envelope
from carecoord.domain.resource.elements import target
from carecoord.errors import DatabaseAway
from carecoord.fhir import text as json
from carecoord.store.claims.tables import claim, x12_sent, x12_taken
from carecoord.store.database.engine import reading, writing
from carecoord.store.prior_auth.tables import authorization_row
from carecoord.store.resources import read
from carecoord.worker import loop
from tests.desk.authorizations.test_automatic import SYSTEM
from tests.desk.conftest import PASSWORD, Clock, House, built
from tests.domain.prior_auth.x12.files import REMITTANCE, STATUS, file
from tests.store.database.test_group_commit import crowding

CSRF = re.compile(r'name="csrf" value="([^"]+)"')
DRAFT, SENT = "request-order-24808", "request-order-24768"  # Petrov with Granite Care; Santos with Blue Horizon
MEMBER = "BH001-4431222"


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from built(story, tmp_path_factory.mktemp("x12"), Clock())


@pytest.fixture
def elsewhere(house: House) -> None:
    """Nobody of Blue Horizon decides here: its answers come as files."""
    with writing(house.world.engine) as conn:
        for each in store.users(conn):
            if each.organization == "office-blue-horizon":
                store.change_user(conn, replace(each, disabled=True))


def brought(client: FlaskClient, house: House, body: bytes, name: str = "in.x12") -> str:
    """A file brought in and read; its page."""
    page = client.get("/claims/files").get_data(as_text=True)
    csrf = CSRF.search(page)
    assert csrf
    sent = client.post("/claims/files", data={"csrf": csrf[1], "file": (io.BytesIO(body), name)})
    assert sent.status_code == 303, sent.get_data(as_text=True)
    while loop.once(house.world):
        pass
    return client.get(sent.headers["Location"]).get_data(as_text=True)


def states(page: str) -> list[str]:
    return re.findall(r'<span class="chip[^>]*><svg.*?</svg>([^<]+)</span> <b>', page)


def answers(house: House, id: str = SENT) -> list[dict[str, Any]]:
    with reading(house.world.engine) as conn:
        row = read.get(conn, "Claim", id)
        assert row
        assert row.patient
        found = [json.loads(each.body) for each in read.of_patient(conn, row.patient, ["ClaimResponse"])]
    return [each for each in found if each["request"]["reference"] == f"Claim/{id}"]


def rows(house: House) -> list[Any]:
    """The claims that are kept."""
    with reading(house.world.engine) as conn:
        return list(conn.execute(claim.select()))


def count(house: House, table: Any) -> int:
    with reading(house.world.engine) as conn:
        return len(conn.execute(table.select()).all())


def taken_out(client: FlaskClient, id: str = SENT, kind: str = "278") -> TestResponse:
    """A file that goes out, asked for at the request's page."""
    csrf = CSRF.search(client.get(f"/authorizations/{id}").get_data(as_text=True))
    assert csrf
    return client.post(f"/authorizations/{id}/x12/{kind}", data={"csrf": csrf[1]})


def asked(client: FlaskClient) -> str:
    """The 278 of the request, as it goes out."""
    out = taken_out(client)
    assert (out.status_code, out.mimetype) == (200, "application/edi-x12"), out.get_data(as_text=True)
    return out.get_data(as_text=True)


def answered(*bodies: str, sender: str = "BH001") -> bytes:
    """An answer from where the question went."""
    return file("278", *bodies, sender=sender)


def reply(trace: str, hcr: str = "HCR*A1*BH-991", member: str = MEMBER, *more: str) -> str:
    return "\n".join([
        f"BHT*0007*11*{trace}*20261122*1015", "HL*1**20*1", "NM1*X3*2*BLUE HORIZON*****PI*BH001", "HL*2*1*21*1",
        "NM1*1P*2*FAIRMONT*****XX*9000020013", "HL*3*2*22*1", f"NM1*IL*1*SANTOS*MARICEL****MI*{member}",
        "HL*4*3*EV*1", f"TRN*2*{trace}*9000020013", "UM*HS*I", "HL*5*4*SS*0", f"TRN*2*{trace}.1*9000020013", hcr,
        "DTP*472*RD8*20261201-20270131", *more,
    ])  # fmt: skip


@pytest.mark.usefixtures("elsewhere")
def test_a_request_goes_out_as_a_278_and_its_answer_comes_back_as_the_payers_decision(house: House) -> None:
    desk = house.enter("coordinator")
    out = asked(desk)
    assert envelope.read(out.encode()).faults == []
    assert f"TRN*1*{SENT}*" in out
    assert f"NM1*IL*1*SANTOS*MARICEL****MI*{MEMBER}~" in out
    before = len(answers(house))
    page = brought(desk, house, answered(reply(SENT, "HCR*A6*BH-991", MEMBER, "HSD*VS*12")))
    assert states(page) == ["Taken"]
    found = answers(house)
    assert len(found) == before + 1
    newest = next(each for each in found if each.get("preAuthRef") == "BH-991")
    assert newest["addItem"][0]["quantity"]["value"] == 12
    request = desk.get(f"/authorizations/{SENT}").get_data(as_text=True)
    assert "BH-991" in request
    assert f'href="/authorizations/{SENT}"' in page


@pytest.mark.usefixtures("elsewhere")
def test_what_the_database_could_not_keep_is_read_again_and_is_no_fault_of_the_file(house: House) -> None:
    desk = house.enter("coordinator")
    asked(desk)
    csrf = CSRF.search(desk.get("/claims/files").get_data(as_text=True))
    assert csrf
    sent = desk.post("/claims/files", data={"csrf": csrf[1], "file": (io.BytesIO(answered(reply(SENT))), "in.x12")})
    id = sent.headers["Location"].rpartition("/")[2]
    with crowding(house.world.engine) as crowd:
        assert isinstance(crowd.undoes(lambda: files.run(house.world, id)), DatabaseAway)
    assert states(desk.get(sent.headers["Location"]).get_data(as_text=True)) == []
    while loop.once(house.world):
        pass
    assert states(desk.get(sent.headers["Location"]).get_data(as_text=True)) == ["Taken"]


@pytest.mark.usefixtures("elsewhere")
def test_the_same_file_twice_and_the_same_numbers_in_another_file_change_nothing(house: House) -> None:
    desk = house.enter("coordinator")
    asked(desk)
    body = answered(reply(SENT))
    assert states(brought(desk, house, body)) == ["Taken"]
    held = answers(house)
    again = brought(desk, house, body)
    assert states(again) == ["Taken"]
    assert f'href="/authorizations/{SENT}"' in again  # what it was about is not lost by reading it once more
    assert states(brought(desk, house, body + b"\n")) == ["Taken before"]
    assert answers(house) == held
    other = brought(desk, house, answered(reply(SENT, "HCR*A3**0F")))
    assert states(other) == ["Not taken"]
    assert "Its numbers were used before for something else" in other
    assert answers(house) == held


@pytest.mark.usefixtures("elsewhere")
def test_a_fault_in_one_transaction_leaves_the_others_in_and_is_told_by_its_segment(house: House) -> None:
    desk = house.enter("coordinator")
    asked(desk)
    three = answered(reply("nobody"), reply(SENT), reply(SENT, "HCR*A1*X", "OTHER-1"))
    page = brought(desk, house, three)
    assert states(page) == ["Answers nothing that was sent from here", "Taken", "Not taken"]
    assert "OTHER-1, whose card the request does not have" in page
    cut = brought(desk, house, three.replace(b"SE*16*0002", b"SE*15*0002").replace(b"000000905", b"000000906"))
    assert "SE01" in cut
    assert "It says 15; there are 16 segments." in cut


@pytest.mark.usefixtures("elsewhere")
def test_a_decision_on_nobodys_line_writes_nothing(house: House) -> None:
    desk = house.enter("coordinator")
    asked(desk)
    before = answers(house)
    page = brought(desk, house, answered(reply(SENT).replace(f"{SENT}.1", f"{SENT}.7")))
    assert states(page) == ["Not taken"]
    assert "which line of the request is meant" in page
    assert answers(house) == before


def test_no_file_decides_for_a_payer_that_decides_at_its_own_desk_here(house: House) -> None:
    desk = house.enter("coordinator")
    asked(desk)
    before = answers(house)
    page = brought(desk, house, answered(reply(SENT)))
    assert states(page) == ["Not taken"]
    assert "This payer decides at its own desk here" in page
    assert answers(house) == before
    assert count(house, x12_taken) == 0


@pytest.mark.usefixtures("elsewhere")
def test_an_answer_is_taken_from_where_the_question_went_alone(house: House) -> None:
    desk = house.enter("coordinator")
    assert "*ZZ*BH001          *" in asked(desk)
    before = answers(house)
    page = brought(desk, house, answered(reply(SENT), sender="FAIRMONT"))
    assert states(page) == ["Not taken"]
    assert "It comes from FAIRMONT (ISA06); the question went to BH001 (ISA08)." in page
    assert answers(house) == before
    assert states(brought(desk, house, answered(reply(SENT)))) == ["Taken"]


def test_a_271_answers_the_question_that_went_out_as_a_270(house: House) -> None:
    desk = house.enter("coordinator")
    out = taken_out(desk, "request-order-24705", "270")
    assert out.status_code == 200
    trace = re.findall(r"TRN\*1\*([^*]+)\*", out.get_data(as_text=True))[0]
    body = f"""BHT*0022*11*{trace}*20261122*1015
    HL*1**20*1
    NM1*PR*2*GRANITE CARE ALLIANCE*****PI*GC014
    HL*2*1*21*1
    NM1*1P*2*FAIRMONT*****XX*9000020013
    HL*3*2*22*0
    TRN*2*{trace}*9000020013
    NM1*IL*1*BRANDT*ELEANOR****MI*GC014-4309772
    DTP*346*D8*20260101
    EB*1**30
    EB*F**33********Y"""
    assert states(brought(desk, house, file("271", body, sender="GC014"))) == ["Taken"]
    with reading(house.world.engine) as conn:
        rows = read.of_patient(conn, "eleanor-brandt", ["CoverageEligibilityResponse"])
        found = [json.loads(row.body) for row in rows]
    newest = next(each for each in found if each["created"].startswith("2026-11-22"))
    assert newest["insurance"][0]["inforce"] is True
    assert newest["insurance"][0]["item"][1]["authorizationRequired"] is True


def test_a_draft_is_sent_first_so_that_its_clock_runs_and_then_goes_out(house: House) -> None:
    desk = house.enter("coordinator")
    refused = taken_out(desk, DRAFT)
    assert refused.status_code == 422
    assert "It is a draft: send it by 278 first" in refused.get_data(as_text=True)
    assert count(house, x12_sent) == 0
    assert act(desk, DRAFT, "send-request", channel="fax") == 303
    assert count(house, x12_sent) == 0
    out = taken_out(desk, DRAFT)
    assert out.status_code == 200
    assert "SV1*HC:J0129~" in out.get_data(as_text=True)
    assert count(house, x12_sent) == 1
    with reading(house.world.engine) as conn:
        row = conn.execute(authorization_row.select().where(authorization_row.c.claim == f"Claim/{DRAFT}")).one()
    assert row.state == "submitted"
    assert row.due


def act(client: FlaskClient, id: str, verb: str, **fields: str) -> int:
    """The form of an act on a request, sent; the status of the answer."""
    page = client.get(f"/authorizations/{id}?act={verb}").get_data(as_text=True)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page[page.index("act-form") :]))
    return client.post(f"/authorizations/{id}/{verb}", data=hidden | fields).status_code


def written(client: FlaskClient, id: str) -> list[str]:
    """The X12 files that the page of a request leads to, the latest first."""
    page = client.get(f"/authorizations/{id}").get_data(as_text=True)
    found = [client.get(href) for href in re.findall(rf'href="(/authorizations/{id}/x12/\d+)"', page)]
    assert all((each.status_code, each.mimetype) == (200, "application/edi-x12") for each in found)
    return [each.get_data(as_text=True) for each in found]


def test_choosing_the_278_writes_its_file_in_that_very_act_under_the_same_clock(house: House) -> None:
    desk = house.enter("coordinator")
    assert written(desk, DRAFT) == []
    assert act(desk, DRAFT, "send-request", channel="278") == 303
    (sent,) = written(desk, DRAFT)
    assert envelope.read(sent.encode()).faults == []
    assert "BHT*0007*13*" in sent
    assert "SV1*HC:J0129~" in sent
    page = desk.get(f"/authorizations/{DRAFT}").get_data(as_text=True)
    assert "It went by X12 278." in page
    assert "278-000000001.x12" in page
    assert "Asks for authorization" in page
    with reading(house.world.engine) as conn:
        row = conn.execute(authorization_row.select().where(authorization_row.c.claim == f"Claim/{DRAFT}")).one()
        kept = conn.execute(x12_sent.select()).one()
    assert (row.state, bool(row.due)) == ("submitted", True)
    assert (kept.about, kept.trace, kept.kind, kept.body.decode()) == (f"Claim/{DRAFT}", DRAFT, "278", sent)
    for who in ("outsider", "payer", "clinician"):
        assert house.enter(who).get(f"/authorizations/{DRAFT}/x12/{kept.number}").status_code in (403, 404), who
    assert desk.get(f"/authorizations/{SENT}/x12/{kept.number}").status_code == 404


def test_a_request_that_a_278_can_not_say_is_not_sent_by_it_and_nothing_is_written(house: House) -> None:
    desk = house.enter("coordinator")
    with reading(house.world.engine) as conn:
        draft = json.loads(read.get(conn, "Claim", DRAFT).body)  # type: ignore[union-attr]
    draft["item"][0]["productOrService"] = {"text": "An infusion"}
    interactions.update(house.world, SYSTEM, "Claim", DRAFT, draft)
    assert act(desk, DRAFT, "send-request", channel="278") == 422
    assert count(house, x12_sent) == 0
    with reading(house.world.engine) as conn:
        assert json.loads(read.get(conn, "Claim", DRAFT).body)["status"] == "draft"  # type: ignore[union-attr]
    assert act(desk, DRAFT, "send-request", channel="fax") == 303


@pytest.mark.parametrize("verb", ["withdraw-request", "void-request"])
def test_a_request_that_went_by_278_and_is_taken_back_is_cancelled_by_a_278(house: House, verb: str) -> None:
    desk = house.enter("coordinator")
    act(desk, DRAFT, "send-request", channel="278")
    answer = cancelled(DRAFT, f"HCR*A1*GC-70999\nHL*5*4*SS*0\nTRN*2*{DRAFT}.1*9000020013\nHCR*A1*GC-70999")
    assert states(brought(desk, house, file("278", answer, sender="GC014"))) == ["Taken"]
    assert act(desk, DRAFT, verb, note="The patient moved away") == 303
    void, _ = written(desk, DRAFT) if verb == "withdraw-request" else bodies(house)
    assert envelope.read(void.encode()).faults == []
    assert f"BHT*0007*01*{DRAFT}/3*" in void
    assert "HL*4*3*EV*0~" in void
    assert f"TRN*1*{DRAFT}/3*" in void
    assert "UM*HS*3~" in void
    assert "REF*BB*GC-70999~" in void
    assert "SV1" not in void


def test_what_extends_a_request_that_went_by_278_goes_by_278_too(house: House) -> None:
    desk = house.enter("coordinator")
    act(desk, DRAFT, "send-request", channel="278")
    granted = cancelled(DRAFT, f"HCR*A1*GC-70999\nHL*5*4*SS*0\nTRN*2*{DRAFT}.1*9000020013\nHCR*A1*GC-70999")
    brought(desk, house, file("278", granted, sender="GC014"))
    assert act(desk, DRAFT, "extend-request", units="6", note="Six infusions are planned") == 303
    newest, first = bodies(house)
    assert ("UM*HS*4~" in newest, "UM*HS*I~" in first) == (True, True)
    assert "REF*BB*GC-70999~" in newest
    assert "*6~" in newest
    assert written(desk, DRAFT) == [newest, first]


def unsayable(house: House) -> None:
    """The line of the request asks for what no 278 has a place for."""
    with reading(house.world.engine) as conn:
        claim = json.loads(read.get(conn, "Claim", DRAFT).body)  # type: ignore[union-attr]
    claim["item"][0]["productOrService"] = {"text": "An infusion"}
    claim["item"][0].pop("quantity", None)
    interactions.update(house.world, SYSTEM, "Claim", DRAFT, claim)


def test_what_extends_a_request_that_went_by_278_goes_by_another_way_where_no_file_can_be_written(
    house: House
) -> None:
    desk = house.enter("coordinator")
    act(desk, DRAFT, "send-request", channel="278")
    granted = cancelled(DRAFT, f"HCR*A1*GC-70999\nHL*5*4*SS*0\nTRN*2*{DRAFT}.1*9000020013\nHCR*A1*GC-70999")
    brought(desk, house, file("278", granted, sender="GC014"))
    unsayable(house)
    wish = {"units": "6", "note": "Six infusions are planned"}
    assert act(desk, DRAFT, "extend-request", **wish, channel="278") == 422
    assert act(desk, DRAFT, "extend-request", **wish, channel="fax") == 303
    assert len(bodies(house)) == 1
    assert "It went by Fax." in desk.get(f"/authorizations/{DRAFT}").get_data(as_text=True)


@pytest.mark.parametrize("verb", ["withdraw-request", "void-request"])
def test_a_request_whose_cancellation_can_not_be_written_is_taken_back_all_the_same_and_that_is_said(
    house: House, verb: str
) -> None:
    desk = house.enter("coordinator")
    act(desk, DRAFT, "send-request", channel="278")
    with reading(house.world.engine) as conn:
        claim = json.loads(read.get(conn, "Claim", DRAFT).body)  # type: ignore[union-attr]
        id = target(claim["insurer"]).split("/")[1]
        payer = json.loads(read.get(conn, "Organization", id).body)  # type: ignore[union-attr]
    del payer["identifier"]
    interactions.update(house.world, SYSTEM, "Organization", payer["id"], payer)
    assert act(desk, DRAFT, verb, note="The patient moved away") == 303
    assert len(bodies(house)) == 1, "nothing of the file is left that could not be written"
    with reading(house.world.engine) as conn:
        status = json.loads(read.get(conn, "Claim", DRAFT).body)["status"]  # type: ignore[union-attr]
    assert status == ("cancelled" if verb == "withdraw-request" else "entered-in-error")


def test_a_request_that_says_278_and_has_no_file_can_be_sent_by_another_way(house: House) -> None:
    desk = house.enter("coordinator")
    act(desk, DRAFT, "send-request", channel="278")
    with writing(house.world.engine) as conn:
        conn.execute(x12_sent.delete())
    assert "act=send-request" in desk.get(f"/authorizations/{DRAFT}").get_data(as_text=True)
    unsayable(house)
    assert act(desk, DRAFT, "send-request", channel="278") == 422
    assert act(desk, DRAFT, "send-request", channel="portal") == 303
    page = desk.get(f"/authorizations/{DRAFT}").get_data(as_text=True)
    assert "It went by Portal." in page
    assert "act=send-request" not in page
    form = desk.get(f"/authorizations/{DRAFT}?act=withdraw-request").get_data(as_text=True).partition("act-form")[2]
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
    assert act(desk, DRAFT, "withdraw-request", note="The patient moved away") == 303
    again = hidden | {"once": "again", "seen": "", "channel": "278"}
    assert desk.post(f"/authorizations/{DRAFT}/send-request", data=again).status_code in (409, 412), "it is over"


def bodies(house: House) -> list[str]:
    """All files that went out, the latest first."""
    with reading(house.world.engine) as conn:
        return [each.body.decode() for each in conn.execute(x12_sent.select().order_by(x12_sent.c.number.desc()))]


def cancelled(trace: str, hcr: str) -> str:
    return "\n".join([
        f"BHT*0007*11*{trace}*20261122*1015", "HL*1**20*1", "NM1*X3*2*GRANITE CARE ALLIANCE*****PI*GC014",
        "HL*2*1*21*1", "NM1*1P*2*FAIRMONT*****XX*9000020013", "HL*3*2*22*1", "NM1*IL*1*PETROV*ANYA",
        "HL*4*3*EV*0", f"TRN*2*{trace}*9000020013", "UM*HS*3", hcr,
    ])  # fmt: skip


def test_what_a_payer_says_of_a_cancellation_decides_nothing_and_is_told_where_it_does_not_take_it(
    house: House,
) -> None:
    desk = house.enter("coordinator")
    act(desk, DRAFT, "send-request", channel="278")
    act(desk, DRAFT, "withdraw-request", note="The patient moved away")
    page = brought(desk, house, file("278", cancelled(f"{DRAFT}/3", "HCR*A3**0F"), sender="GC014"))
    assert states(page) == ["Not taken"]
    assert "The payer does not take the cancellation (A3)." in page
    page = brought(desk, house, file("278", cancelled(f"{DRAFT}/3", "HCR*A1"), sender="GC014", control="000000906"))
    assert states(page) == ["Taken"]
    assert answers(house, DRAFT) == []
    with reading(house.world.engine) as conn:
        assert json.loads(read.get(conn, "Claim", DRAFT).body)["status"] == "cancelled"  # type: ignore[union-attr]


def test_claims_of_an_835_and_a_277ca_are_kept_and_a_stranger_is_shown_and_not_guessed(house: House) -> None:
    desk = house.enter("coordinator")
    page = brought(desk, house, file("835", REMITTANCE))
    assert states(page) == ["Taken"]
    assert states(brought(desk, house, file("277", STATUS))) == ["Taken"]
    with reading(house.world.engine) as conn:
        rows = {each.number: each for each in conn.execute(claim.select())}
    assert {n: (each.status, each.patient) for n, each in rows.items()} == {
        "FM-1001": ("partly", "eleanor-brandt"), "FM-1002": ("denied", "eleanor-brandt"),
        "FM-1003": ("paid", None), "FM-1004": ("refused", "eleanor-brandt"),
    }  # fmt: skip
    first = rows["FM-1001"]
    assert (first.charge, first.paid, first.owed, first.denied, first.gap) == (30000, 18000, 2000, 2000, 0)
    assert first.authorization == "Claim/request-order-24705"
    with reading(house.world.engine) as conn:
        benefit = read.get(conn, "ExplanationOfBenefit", first.id)
        assert benefit
    told = json.loads(benefit.body)
    assert (told["use"], told["outcome"], told["payment"]["amount"]["value"]) == ("claim", "partial", 180)
    unmatched = desk.get("/claims?tab=unmatched").get_data(as_text=True)
    assert "UNKNOWN, PERSON" in unmatched
    assert "Matched to nobody" in unmatched
    opened = desk.get(f"/claims/{rows['FM-1003'].id}").get_data(as_text=True)
    assert "No card here that your office may see has the number 0000001." in opened


def test_a_remittance_that_does_not_add_up_is_taken_and_told(house: House) -> None:
    desk = house.enter("coordinator")
    page = brought(desk, house, file("835", REMITTANCE.replace("CAS*CO*45*50", "CAS*CO*45*40")))
    assert states(page) == ["Taken"]
    assert "Claim FM-1001: charge less payment and adjustments differ by 10.00." in page
    listed = desk.get("/claims?tab=all&q=FM-1001").get_data(as_text=True)
    id = re.findall(r'id="claim-([\w-]+)"', listed)[0]
    assert "Charge, payment and adjustments differ by 10.00." in desk.get(f"/claims/{id}").get_data(as_text=True)


def test_what_was_told_of_a_remittance_stays_when_its_file_is_read_once_more(house: House) -> None:
    desk = house.enter("coordinator")
    body = file("835", REMITTANCE.replace("CAS*CO*45*50", "CAS*CO*45*40"))
    told = "Claim FM-1001: charge less payment and adjustments differ by 10.00."
    assert told in brought(desk, house, body)
    assert told in brought(desk, house, body)


def test_a_name_that_no_index_holds_is_told_and_the_rest_of_its_file_taken(house: House) -> None:
    named = re.search(r"N1\*PR\*([^*~]+)", REMITTANCE)
    assert named
    long = "".join(random.Random(835).choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=6000))
    strange = file("835", REMITTANCE.replace(named[1], long))
    page = brought(house.enter("coordinator"), house, strange + b"\n" + file("277", STATUS, control="000000906"))
    assert states(page) == ["Not taken", "Taken"]
    assert "longer than the 264 characters" in page


def test_a_remittance_with_one_bad_amount_leaves_nothing_half_written(house: House) -> None:
    desk = house.enter("coordinator")
    bad = REMITTANCE.replace("CAS*CO*197*90", "CAS*CO*197*90.005")
    page = brought(desk, house, file("835", bad, REMITTANCE.replace("FM-", "FN-")))
    assert states(page) == ["Not taken", "Taken"]
    assert "An amount has parts of a cent." in page
    with reading(house.world.engine) as conn:
        numbers = {each.number for each in conn.execute(claim.select())}
    assert numbers == {"FN-1001", "FN-1002", "FN-1003"}
    assert count(house, x12_taken) == 1


def test_a_999_says_at_our_file_what_the_other_side_finds_wrong(house: House) -> None:
    desk = house.enter("coordinator")
    number = re.findall(r"IEA\*1\*(\d+)", asked(desk))[0]
    body = f"AK1*HI*{int(number)}*005010X217\nAK2*278*0001\nIK3*HI*14*2000*8\nIK5*R*5\nAK9*R*1*1*0"
    page = brought(desk, house, file("999", body))
    assert "refuses segment 14 of ours (HI" in page
    with reading(house.world.engine) as conn:
        assert [each.receipt for each in conn.execute(x12_sent.select())] == ["R"]


def test_a_receipt_of_a_number_that_nobody_has_leaves_the_file_read(house: House) -> None:
    desk = house.enter("coordinator")
    number = int(re.findall(r"IEA\*1\*(\d+)", asked(desk))[0])
    for said in ("9" * 30, "9" * 5000, f"{number:09}"):
        body = file("835", REMITTANCE).replace(b"GS*HP", f"TA1*{said}*261129*1015*A*000~\nGS*HP".encode())
        assert states(brought(desk, house, body)) in (["Taken"], ["Taken before"])
    group = f"AK1*HI*{'9' * 30}*005010X217\nAK2*278*0001\nIK5*A\nAK9*A*1*1*1"
    assert states(brought(desk, house, file("999", group))) == ["Answers nothing that was sent from here"]
    with reading(house.world.engine) as conn:
        assert [each.receipt for each in conn.execute(x12_sent.select())] == ["A"]


def test_a_split_claim_is_one_claim_and_a_reversal_behind_its_correction_does_not_undo_it(house: House) -> None:
    desk = house.enter("coordinator")
    split = REMITTANCE.replace("FM-1002*4", "FM-1001*4")
    assert states(brought(desk, house, file("835", split))) == ["Taken"]
    (whole,) = [each for each in rows(house) if each.number == "FM-1001"]
    assert (whole.charge, whole.paid, whole.owed, whole.denied, whole.status) == (39000, 18000, 2000, 11000, "partly")
    back = """CLP*FM-1003*22*-80*-50*0*MC*GC-CLM-79*11*1
    NM1*QC*1*UNKNOWN*PERSON****MI*0000001
    CAS*CO*45*-30"""
    newer = REMITTANCE.replace("20261127", "20261128") + f"\n{back}"
    assert states(brought(desk, house, file("835", newer, control="000000907"))) == ["Taken"]
    assert {each.number: each.status for each in rows(house)}["FM-1003"] == "paid"


def test_an_older_word_of_a_277ca_closes_no_newer_refusal_and_hides_no_payment(house: House) -> None:
    desk = house.enter("coordinator")
    brought(desk, house, file("277", STATUS))
    older = STATUS.replace("STC*A7:562:85*20261128*U", "STC*A2:20:PR*20261120*WQ").replace("20261128*WQ", "20261120*U")
    assert states(brought(desk, house, file("277", older, control="000000908"))) == ["Taken"]
    assert {each.number: (each.status, each.work) for each in rows(house)} == {
        "FM-1001": ("accepted", "closed"), "FM-1004": ("refused", "open"),
    }  # fmt: skip
    brought(desk, house, file("835", REMITTANCE, control="000000909"))  # of the day before what the 277CA says
    assert {each.number: each.status for each in rows(house)}["FM-1001"] == "partly"


def test_an_office_with_two_copies_takes_a_remittance_once(house: House) -> None:
    with reading(house.world.engine) as conn:
        copy = json.loads(read.get(conn, "Organization", "office-fairmont").body)  # type: ignore[union-attr]
    copy["id"] = "a-copy-of-fairmont"
    interactions.update(house.world, SYSTEM, "Organization", copy["id"], copy)
    accounts.add_user(house.world, NewUser("copy", "Copy", frozenset({"coordinator"}), copy["id"]), PASSWORD)
    desk, other = house.enter("coordinator"), house.enter("copy")
    body = file("835", REMITTANCE)
    assert states(brought(desk, house, body)) == ["Taken"]
    held = {each.id: (each.number, each.paid) for each in rows(house)}
    assert states(brought(other, house, body)) == ["Taken"]
    assert states(brought(other, house, body + b"\n")) == ["Taken before"]
    assert states(brought(other, house, file("835", REMITTANCE, control="000000906"))) == ["Taken"]
    assert {each.id: (each.number, each.paid) for each in rows(house)} == held
    asked(desk)
    assert f'href="/authorizations/{SENT}"' in brought(other, house, file("278", reply(SENT)))  # found by its trace


def test_a_test_file_is_told_and_not_taken(house: House) -> None:
    desk = house.enter("coordinator")
    page = brought(desk, house, file("835", REMITTANCE).replace(b"*0*P*:", b"*0*T*:"))
    assert states(page) == ["Not taken"]
    assert count(house, claim) == 0


def test_what_is_no_x12_file_is_refused_at_once_and_a_file_is_its_offices_alone(house: House) -> None:
    desk, other = house.enter("coordinator"), house.enter("outsider")
    page = desk.get("/claims/files").get_data(as_text=True)
    csrf = CSRF.search(page)
    assert csrf
    refused = desk.post("/claims/files", data={"csrf": csrf[1], "file": (io.BytesIO(b"a,b\n1,2\n"), "a.csv")})
    assert refused.status_code == 422
    assert "An interchange begins with ISA" in refused.get_data(as_text=True)
    brought(desk, house, file("835", REMITTANCE), "secret.835")
    (id,) = re.findall(r'/claims/files/([\w-]+)"', desk.get("/claims/files").get_data(as_text=True))
    assert desk.get(f"/claims/files/{id}/original").data == file("835", REMITTANCE)
    for path in (f"/claims/files/{id}", f"/claims/files/{id}/original"):
        assert other.get(path).status_code == 404
    assert "secret.835" not in other.get("/claims/files").get_data(as_text=True)
    for who in ("payer", "contracts", "clinician", "auditor", "admin"):
        assert house.enter(who).get("/claims/files").status_code in (403, 404)
        assert house.enter(who).get(f"/claims/files/{id}/original").status_code in (403, 404)


def test_a_claim_whose_card_comes_later_is_matched_anew_and_stays_the_same_claim(house: House) -> None:
    desk = house.enter("coordinator")
    brought(desk, house, file("835", REMITTANCE.replace("GC014-4309772", "GC014-777")))
    with reading(house.world.engine) as conn:
        (before,) = [each for each in conn.execute(claim.select()) if each.number == "FM-1001"]
        card = json.loads(read.get(conn, "Coverage", "card-4309-772").body)  # type: ignore[union-attr]
    assert before.patient is None
    card["identifier"] = [{"system": "https://carecoord.example/id/member", "value": "GC014-777"}]
    interactions.update(house.world, SYSTEM, "Coverage", "card-4309-772", card)
    page = desk.get(f"/claims/{before.id}").get_data(as_text=True)
    csrf = CSRF.search(page)
    assert csrf
    assert "Match it anew" in page
    assert desk.post(f"/claims/{before.id}/match", data={"csrf": csrf[1]}).status_code == 303
    with reading(house.world.engine) as conn:
        (after,) = [each for each in conn.execute(claim.select()) if each.number == "FM-1001"]
    assert (after.id, after.patient, after.doubts) == (before.id, "eleanor-brandt", "[]")
    assert "Match it anew" not in desk.get(f"/claims/{before.id}").get_data(as_text=True)
    assert house.enter("outsider").post(f"/claims/{before.id}/match").status_code in (403, 404)


def test_matching_anew_takes_nothing_of_what_was_refused_in_the_same_file(house: House) -> None:
    desk = house.enter("coordinator")
    gone = REMITTANCE.replace("GC014-4309772", "GC014-777")
    test = file("835", gone.replace("FM-1001*1*300*180*20", "FM-1001*1*300*1*20"), control="000000906")
    page = brought(desk, house, file("835", gone) + b"\n" + test.replace(b"*0*P*:", b"*0*T*:"))
    assert states(page) == ["Taken", "Not taken"]
    (before,) = [each for each in rows(house) if each.number == "FM-1001"]
    csrf = CSRF.search(desk.get(f"/claims/{before.id}").get_data(as_text=True))
    assert csrf
    assert desk.post(f"/claims/{before.id}/match", data={"csrf": csrf[1]}).status_code == 303
    (after,) = [each for each in rows(house) if each.number == "FM-1001"]
    assert (before.paid, after.paid) == (18000, 18000)


def test_a_part_in_a_second_file_is_added_and_a_part_decided_anew_replaces_itself_alone(house: House) -> None:
    desk = house.enter("coordinator")
    brought(desk, house, file("835", REMITTANCE))
    head, _, rest = REMITTANCE.partition("CLP*FM-1001")
    part = rest[rest.index("CLP*FM-1002") : rest.index("CLP*FM-1003")].replace("FM-1002", "FM-1001")
    second = head.replace("CHK-5531", "CHK-5532").replace("20261127", "20261128") + part
    assert states(brought(desk, house, file("835", second, control="000000906"))) == ["Taken"]
    both = (39000, 18000, 2000, 11000, "partly", "CHK-5532")

    def stands() -> tuple[object, ...]:
        (row,) = [each for each in rows(house) if each.number == "FM-1001"]
        return row.charge, row.paid, row.owed, row.denied, row.status, row.payment

    assert stands() == both
    id = next(each.id for each in rows(house) if each.number == "FM-1001")
    page = desk.get(f"/claims/{id}").get_data(as_text=True)
    assert set(re.findall(r"CHK-553\d", page.split('id="claim-events"')[1])) == {"CHK-5531", "CHK-5532"}
    csrf = CSRF.search(desk.get("/claims/files").get_data(as_text=True))
    assert csrf
    assert desk.post(f"/claims/{id}/match", data={"csrf": csrf[1]}).status_code == 303
    assert stands() == both
    anew = second.replace("CHK-5532", "CHK-5533").replace("20261128", "20261129").replace("*4*90*0*", "*1*90*60*")
    anew = anew.replace("SVC*HC:99213*90*0**0", "SVC*HC:99213*90*60").replace("CAS*CO*197*90", "CAS*CO*45*30")
    brought(desk, house, file("835", anew, control="000000907"))
    assert stands() == (39000, 24000, 2000, 2000, "partly", "CHK-5533")
