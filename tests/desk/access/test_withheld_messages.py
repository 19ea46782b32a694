"""A Consent about messages hides them and nothing else: the case stays, says so, and counts none of them."""

import json
import re
from typing import Any

from carecoord.domain.resource.codes import HL7
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from tests.desk.conftest import House
from tests.desk.test_pages import text

CASE = "order-24817"
SAID = "No voice mail, try her son"


def put(house: House, *bodies: dict[str, Any]) -> None:
    changes, world = [Change(each["resourceType"], each["id"], each) for each in bodies], house.world
    with writing(world.engine) as conn:
        actor = Actor(None, None, None, "")
        put_all(conn, changes, now=world.clock(), actor=actor, base=world.base, project=world.project)


def consent(status: str, subject: str) -> dict[str, Any]:
    kinds = [{"system": "http://hl7.org/fhir/resource-types", "code": "Communication"}]
    return {
        "resourceType": "Consent", "id": "no-messages", "status": status, "patient": {"reference": subject},
        "scope": {"coding": [{"system": f"{HL7}/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "policyRule": {"coding": [{"code": "OPTIN"}]},
        "provision": {"type": "deny", "class": kinds},
    }  # fmt: skip


def test_messages_that_a_consent_withholds_are_neither_shown_nor_counted_and_the_case_says_so(
    acting_house: House,
) -> None:
    desk = acting_house.enter("coordinator")
    with reading(acting_house.world.engine) as conn:
        row = read.get(conn, "ServiceRequest", CASE)
    assert row
    subject = json.loads(row.body)["subject"]["reference"]
    call = {
        "resourceType": "Communication", "id": "call-1", "status": "completed", "subject": {"reference": subject},
        "basedOn": [{"reference": f"ServiceRequest/{CASE}"}], "sent": "2026-11-21T15:00:00Z",
        "medium": [{"coding": [{"code": "PHONE"}]}], "payload": [{"contentString": SAID}],
        "recipient": [{"reference": subject}], "category": [{"text": "contact"}],
    }  # fmt: skip
    put(acting_house, call)

    def page(path: str) -> str:
        answer = desk.get(path)
        assert answer.status_code == 200
        return text(answer.get_data(as_text=True))

    assert SAID in page(f"/referrals/{CASE}")
    put(acting_house, consent("active", subject))
    for path in (f"/referrals/{CASE}", f"/?show={CASE}"):
        shown = page(path)
        assert SAID not in shown, path
        assert "The patient's Consent keeps messages from you" in shown, path
        assert "Okafor, Ngozi" in shown, path
    assert "contact" not in re.findall(rf'id="case-{CASE}".*?</tr>', desk.get("/").get_data(as_text=True), re.S)[0]
    put(acting_house, consent("inactive", subject))
    assert SAID in page(f"/referrals/{CASE}")
