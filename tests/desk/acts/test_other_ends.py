"""Ends of a referral beside the visit: advice without one, and an order that is put right and asked anew."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from carecoord.domain.referrals import stages
from carecoord.settings import Settings
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished
from tests.desk.test_pages import text


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    var = tmp_path_factory.mktemp("ends")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    for made in furnished(Settings(var=str(var), **BUSY)):
        made.hire("doctor", "clinician", "clinic")
        yield made


def page(place: Place, case: str, who: str = "requester") -> str:
    answer = place.people[who].get(f"/referrals/{case}")
    assert answer.status_code == 200
    return text(answer.get_data(as_text=True))


def test_advice_is_the_report_and_the_loop_closes_once_it_is_read_and_told(place: Place) -> None:
    place.put(case_of("base", "in-triage", "econsult"))
    assert place.post("requester", "econsult", "advise") == 403
    assert place.post("performer", "econsult", "advise", note="Start 5 mg, no visit needed.") == 303
    task = place.held("Task", "econsult")
    assert (task["status"], stages.stage(task)) == ("completed", "advice-given")
    advice = task["output"][-1]["valueReference"]["reference"]
    shown = page(place, "econsult")
    assert "Start 5 mg, no visit needed." in shown, "the office reads it on the page"
    assert "Advice was given: no visit is needed." in shown
    assert "Next: acknowledge the report" in shown
    assert place.held("DocumentReference", advice.partition("/")[2])["type"]["coding"][0]["code"] == "11488-4"
    assert place.post("doctor", "econsult", "acknowledge") == 303
    assert place.post("requester", "econsult", "tell") == 303
    assert 'id="case-econsult"' in place.people["requester"].get("/?tab=closed").get_data(as_text=True)


def test_an_open_referral_is_its_whose_clinic_accepts_it(place: Place) -> None:
    patient, order, task = case_of("base", "sent", "open")
    del task["owner"]
    place.put([patient, order, task])
    assert place.post("performer", "open", "accept") == 303
    assert place.held("Task", "open")["owner"] == {"reference": "Organization/heart"}


def test_an_order_that_is_put_right_gives_way_to_a_new_one_with_its_papers_and_its_visit(place: Place) -> None:
    patient, order, task, visit = case_of("base", "accepted", "wrong", "booked")
    order |= {"identifier": [{"system": "urn:r", "value": "R-7"}], "priority": "routine"}
    note = {
        "resourceType": "DocumentReference", "id": "ecg", "status": "current",
        "subject": {"reference": "Patient/wrong"}, "type": {"text": "ECG"},
        "content": [{"attachment": {"title": "ECG"}}],
        "context": {"related": [{"reference": "ServiceRequest/wrong"}]},
    }  # fmt: skip
    place.put([patient, order, task, visit | {"start": "2026-12-04T09:00:00Z", "end": "2026-12-04T09:30:00Z"}, note])
    assert place.post("performer", "wrong", "replace", why="x", priority="urgent") == 403
    assert place.post("requester", "wrong", "replace", why="", priority="urgent") == 422
    assert place.post("requester", "wrong", "replace", why="Worse", reason="", note="") == 409, "nothing is different"
    sent = {"why": "It got worse", "priority": "urgent", "until": "4 Dec", "note": "Can she drive?", "reason": ""}
    answer = place.send("requester", "wrong", "replace", **sent)
    assert answer.status_code == 303
    old, ended = place.held("ServiceRequest", "wrong"), place.held("Task", "wrong")
    assert (old["status"], ended["status"], ended["statusReason"]["text"]) == ("revoked", "cancelled", "It got worse")
    listed = place.people["requester"].get("/?tab=open&q=R-7-v2").get_data(as_text=True)
    (new,) = re.findall(r'class="case" id="case-([^"]+)"', listed)
    assert str(answer.location).startswith(f"/referrals/{new}?done="), "the new one is what there is to look at"
    order = place.held("ServiceRequest", new)
    assert order["replaces"] == [{"reference": "ServiceRequest/wrong"}]
    assert (order["priority"], order["occurrencePeriod"]["end"], order["status"]) == ("urgent", "2026-12-04", "active")
    assert order["note"][-1]["text"] == "Can she drive?"
    assert order["supportingInfo"] == [{"reference": "DocumentReference/ecg"}]
    assert place.held("Appointment", "wrong")["basedOn"] == [{"reference": f"ServiceRequest/{new}"}]
    assert "ECG" in page(place, new)
    for case, said in ((new, "replaces"), ("wrong", "was replaced")):
        assert said in page(place, case)
    assert page(place, new, "performer"), "the clinic is asked anew"


def test_an_order_is_not_put_right_once_work_began(place: Place) -> None:
    place.put(case_of("base", "scheduled", "late", "booked"))
    assert place.post("requester", "late", "replace", why="x", priority="urgent") == 409
    assert 'data-verb="replace"' not in place.people["requester"].get("/?show=late").get_data(as_text=True)
