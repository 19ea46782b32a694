"""A code on the page of a case stands with its words, once they are here; what a partner wrote stays what it is."""

import re

from carecoord.actions.terms.expand import sought
from carecoord.store.database.engine import writing
from carecoord.store.terms import codes
from tests.desk.conftest import House

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SHOWN = re.compile(r'<p class="story"><b><bdi>([^<]+)</bdi>\.</b> <span class="codes">([^<]+)</span>')


def test_the_codes_of_a_case_stand_with_their_words(acting_house: House) -> None:
    desk = acting_house.enter("coordinator")
    before = SHOWN.search(desk.get("/referrals/order-24817").get_data(as_text=True))
    assert before
    system, code = before[2].split()
    assert system == "ICD-10"
    with writing(acting_house.world.engine) as conn:
        codes.put(conn, ICD, {code: ("What it means, made up", sought(code, "made up"), "")}, 1)
    after = SHOWN.search(desk.get("/referrals/order-24817").get_data(as_text=True))
    assert after
    assert after.groups() == (before[1], f"ICD-10 {code} What it means, made up")
