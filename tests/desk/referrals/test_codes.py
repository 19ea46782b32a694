"""A code on the page of a case stands with its words, once they are here; what a partner wrote stays what it is."""

import re

from carecoord.actions.terms.expand import sought
from carecoord.store.database.engine import writing
from carecoord.store.terms import codes
from tests.desk.conftest import House

HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
SERVICE = "Cardiology, consult and treat"  # as its EHR wrote it
WORDS = "Echocardiography, made-up words"
SHOWN = re.compile(r'id="panel-order">([^<]+?) <span class="codes">([^<]+)</span>')


def test_the_codes_of_a_case_stand_with_their_words(acting_house: House) -> None:
    for who in ("coordinator", "payer"):
        page = acting_house.enter(who).get("/referrals/worked-01-visit-after-approval").get_data(as_text=True)
        assert SHOWN.findall(page) == [(SERVICE, "HCPCS C8928")]
    with writing(acting_house.world.engine) as conn:
        codes.put(conn, HCPCS, {"C8928": (WORDS, sought("C8928", WORDS), "")}, 1)
    for who in ("coordinator", "payer"):
        page = acting_house.enter(who).get("/referrals/worked-01-visit-after-approval").get_data(as_text=True)
        assert SHOWN.findall(page) == [(SERVICE, f"HCPCS C8928 {WORDS}")]
