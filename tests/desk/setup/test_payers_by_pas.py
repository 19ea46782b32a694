"""`/setup/pas`: a payer is added with the newest guide chosen, what is wrong is said at its own field, and nobody but
an administrator has the page."""

import re

from flask.testing import FlaskClient

from tests.desk.conftest import House

TYPED = {"payer": "office-blue-horizon", "address": "https://pas.example/fhir", "office": "office-fairmont",
         "client": "fairmont", "pas": "2.0.1"}  # fmt: skip


def post(admin: FlaskClient, path: str = "", **typed: str) -> tuple[int, str]:
    token = re.findall(r'name="csrf" value="([^"]*)"', admin.get("/setup/pas").text)[0]
    answer = admin.post(f"/setup/pas{path}", data={"csrf": token, **typed})
    return answer.status_code, answer.text


def test_a_payer_is_added_on_either_guide_and_taken_away_again(acting_house: House) -> None:
    admin = acting_house.enter("admin")
    page = admin.get("/setup/pas").text
    versions = re.findall(r'<select id="pas".*?</select>', page, re.DOTALL)[0]
    assert re.findall(r"<option[^>]*>([^<]*)<", versions) == ["2.2.1", "2.0.1"], "the newest is first"
    assert post(admin, **TYPED)[0] == 303
    page = admin.get("/setup/pas").text
    assert "PAS 2.0.1" in page
    assert "What waits to be sent (0) goes another way" in page
    assert post(admin, "/remove", payer="office-blue-horizon")[0] == 303
    assert "PAS 2.0.1" not in admin.get("/setup/pas").text


def test_what_is_wrong_is_said_at_its_own_field_and_what_was_typed_is_kept(acting_house: House) -> None:
    admin = acting_house.enter("admin")
    status, page = post(admin, **TYPED | {"pas": "9.9"})
    assert status == 422
    assert 'id="pas-fault"' in page
    assert 'value="https://pas.example/fhir"' in page
    status, page = post(admin, **TYPED | {"address": ""})
    assert (status, 'id="address-fault"' in page) == (422, True)


def test_nobody_but_an_administrator_has_the_page(acting_house: House) -> None:
    for who in ("coordinator", "payer", "contracts", "auditor"):
        assert acting_house.enter(who).get("/setup/pas").status_code == 403, who
