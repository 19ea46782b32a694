"""A request as its payer holds it, on paper: what came with it, what was answered, the letters; nothing that the payer
was not sent, and nothing that its people have not said outside."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carecoord.actions.fhir import interactions
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from tests.desk.authorizations.readers import DIRECTOR, get
from tests.desk.authorizations.test_automatic import SYSTEM, stored, work
from tests.desk.authorizations.test_packet import made, sheets, stands, two_pages
from tests.desk.authorizations.test_request_page import DENY, MET, STRESS, VASCULAR, told
from tests.desk.conftest import PASSWORD, Clock, House, built

pytest.importorskip("weasyprint", reason="WeasyPrint is not installed")
MODIFY = {"do-1": "modify", "units-1": "3", "last-1": "2027-01-31", "words-1": "Three will do.", **MET}


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of each test's own, whose request about the graft came with a letter; a scan stayed in the chart."""
    for found in built(story, tmp_path_factory.mktemp("payer-packet"), Clock()):
        accounts.add_user(found.world, NewUser("calder", "Calder, Ines", DIRECTOR, "office-blue-horizon"), PASSWORD)
        claim = stored(found, "Claim", VASCULAR)
        for id, called, kind, data in (
            ("p-letter", "Surgeon letter", "application/pdf", two_pages()),
            ("p-kept", "Scan that stayed", "text/plain; charset=utf-8", b"Never sent to anybody."),
        ):  # fmt: skip
            put(found, claim, id, {"type": {"text": called}, "content": [
                {"attachment": {"contentType": kind, "data": base64.b64encode(data).decode()}}]})  # fmt: skip
        sent = {"sequence": 90, "category": {"coding": [{"code": "attachment"}]},
                "valueReference": {"reference": "DocumentReference/p-letter"}}  # fmt: skip
        claim["supportingInfo"] = [*claim.get("supportingInfo", ()), sent]
        interactions.update(found.world, SYSTEM, "Claim", VASCULAR, claim)
        yield found


def put(house: House, claim: dict[str, Any], id: str, more: dict[str, Any]) -> None:
    """Put a document into the patient's chart, about the order of the request."""
    document = {"resourceType": "DocumentReference", "id": id, "status": "current", "subject": claim["patient"],
                "date": "2026-11-20T10:00:00-05:00",
                "context": {"related": [{"reference": "ServiceRequest/order-24825"}]}}  # fmt: skip
    interactions.update(house.world, SYSTEM, "DocumentReference", id, document | more)


def words(house: House, who: str = "payer", request: str = VASCULAR) -> list[str]:
    return sheets(made(house, house.enter(who), request, "decisions"))


def test_it_says_what_was_asked_and_answered_and_has_the_documents_and_the_letter_behind_it(house: House) -> None:
    before = words(house)
    for said in ("Blue Horizon", "Osei, Kwame", "BH001-4420317", "Q-24825", "HCPCS C1768", "not decided"):
        assert said in before[0], said
    first, last = (int(n) for n in re.findall(r"Surgeon letter[^:]*: pages (\d) to (\d)", before[0])[0])
    assert ("Surgeon's letter" in before[first - 1], "Second leaf" in before[last - 1]) == (True, True)
    clerk = house.enter("payer")
    assert told(clerk, VASCULAR, "decide", **MODIFY)[0] == 303
    work(house)
    assert "has changed since" in stands(clerk, VASCULAR, "decisions")
    assert clerk.get(f"/decisions/{VASCULAR}/packet.pdf").status_code == 303, "that one is handed out no more"
    after = words(house)
    for said in ("Approved otherwise", "3 visits", "31 Jan 2027", "Three will do."):
        assert said in after[0], said
    at = int(re.findall(r": page (\d)", after[0])[-1])
    assert "Three will do." in after[at - 1], "the letter"
    assert [re.findall(r"\d / \d", each)[-1] for each in after] == ["1 / 4", "2 / 4", "3 / 4", "4 / 4"]


def test_it_holds_nothing_that_the_payer_was_not_sent(house: House) -> None:
    person = stored(house, "Patient", stored(house, "Claim", VASCULAR)["patient"]["reference"].partition("/")[2])
    secrets = [each["value"] for each in (*person["identifier"], *person.get("telecom", ()))]
    secrets += [line for each in person.get("address", ()) for line in each.get("line", ())]
    secrets += ["Scan that stayed", "Never sent", "24825-", "ELM", "Delgado"]
    page = get(house.enter("payer"), f"/decisions/{VASCULAR}/packet")
    for said in (" ".join(words(house)), re.sub(r'(href|action|hx-get)="[^"]*"', "", page)):
        assert "Osei, Kwame" in said
        assert [each for each in secrets if each in said] == []


def test_what_its_people_propose_ask_or_have_not_sent_is_on_no_paper(house: House) -> None:
    clerk = house.enter("payer")
    told(clerk, VASCULAR, "ask-director", **{"director-words": "Is 4.8 cm enough?"})
    told(clerk, VASCULAR, "decide", **DENY)
    work(house)
    said = " ".join((*words(house), get(clerk, f"/decisions/{VASCULAR}/packet")))
    assert [each for each in ("4.8 cm", "The notes do not show it", "Denied", "Okonkwo proposes") if each in said] == []
    assert "not decided" in said
    assert told(house.enter("calder"), VASCULAR, "agree")[0] == 303
    work(house)
    assert "The notes do not show it." in " ".join(words(house))


def test_a_document_that_the_clinic_takes_back_is_in_it_no_more(house: House) -> None:
    assert "Surgeon letter" in words(house)[0]
    letter = stored(house, "DocumentReference", "p-letter")
    interactions.update(house.world, SYSTEM, "DocumentReference", "p-letter", letter | {"status": "entered-in-error"})
    clerk = house.enter("payer")
    assert "has changed since" in stands(clerk, VASCULAR, "decisions")
    assert "Surgeon letter" not in " ".join(words(house))


def test_each_has_their_own_and_nobody_of_another_office_has_any(house: House) -> None:
    words(house)
    colleague = house.enter("calder")
    assert "Not made yet" in stands(colleague, VASCULAR, "decisions"), "two colleagues have two made"
    assert colleague.get(f"/decisions/{VASCULAR}/packet.pdf").status_code == 303
    for who in ("coordinator", "outsider", "contracts", "rival"):
        client = house.enter(who)
        (token,) = re.findall(r'name="csrf" value="([^"]+)"', client.get("/account").get_data(as_text=True))[:1]
        for path in (f"/decisions/{VASCULAR}/packet", f"/decisions/{VASCULAR}/packet.pdf"):
            assert client.get(path).status_code == 404, (who, path)
        asked = client.post(f"/decisions/{VASCULAR}/packet", data={"csrf": token})
        assert asked.status_code == 404, who
    payer = house.enter("payer")
    assert payer.get(f"/authorizations/{VASCULAR}/packet.pdf").status_code == 404, "the clinic's is the clinic's"
    assert payer.get(f"/decisions/{STRESS}/packet").status_code == 200
