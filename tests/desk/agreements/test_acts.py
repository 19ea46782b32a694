"""Acts on an agreement over HTTP, as a browser without scripts sends them."""

import io
import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from carecoord.domain.resource.codes import EXTENSION
from carecoord.fhir.validation.validate import judge
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from carecoord.store.worklist import registry
from tests.desk.conftest import NOW, House
from tests.domain.documents.files import pdf

pytestmark = pytest.mark.usefixtures("clock")

Json = dict[str, Any]
NOTICE = f"{EXTENSION}/notice-given"


def words(answer: TestResponse) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))).split())


def opened(client: FlaskClient, id: str, verb: str) -> dict[str, str]:
    """The hidden fields of the open form."""
    return hidden(client.get(f"/contracts/{id}?act={verb}"))


def hidden(answer: TestResponse) -> dict[str, str]:
    form = re.search(r'<form[^>]*id="act-form".*?</form>', answer.get_data(as_text=True), re.S)
    assert form, words(answer)
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
    return {name: unescape(value) for name, value in found}


def send(client: FlaskClient, id: str, verb: str, fields: dict[str, Any]) -> TestResponse:
    return client.post(f"/contracts/{id}/{verb}", data=fields)


def after(client: FlaskClient, answer: TestResponse) -> str:
    assert answer.status_code == 303, words(answer)
    page = client.get(answer.location)
    assert page.status_code == 200
    return words(page)


def stored(house: House, id: str, type: str = "Contract") -> Json:
    with reading(house.world.engine) as conn:
        row = read.get(conn, type, id)
        assert row is not None
        found: Json = json.loads(row.body)
        return found


def every(house: House, type: str) -> list[Json]:
    with reading(house.world.engine) as conn:
        return [json.loads(row.body) for row in registry.every(conn, type)]


def undo(client: FlaskClient, answer: TestResponse, csrf: str) -> TestResponse:
    act = answer.location.partition("done=")[2]
    page = answer.location.partition("?")[0]
    return client.post(f"/acts/{act}/undo", data={"csrf": csrf, "back": page})


def test_notice_is_noted_with_what_it_comes_to_and_taken_back(acting_house: House, carla: FlaskClient) -> None:
    """AGR-0115 is evergreen; its term, to 9 Aug 2026 (105 days before 22 Nov), has rolled on to 9 Aug 2027."""
    assert "Given today its last day is 9 Aug 2027" in words(carla.get("/contracts/agr-0115-v1?act=give-notice"))
    fields = opened(carla, "agr-0115-v1", "give-notice")
    answer = send(carla, "agr-0115-v1", "give-notice", fields | {"day": "20 Nov", "how": "letter", "note": "By Ava"})
    page = after(carla, answer)
    assert "Notice noted. Its last day is 9 Aug 2027." in page
    assert "Notice given 20 Nov" in page
    assert "Last day 9 Aug 2027" in page
    assert "Notice was given" not in page  # it is not offered twice
    assert {"url": NOTICE, "valueDate": "2026-11-20"} in stored(acting_house, "agr-0115-v1")["extension"]
    said = [each for each in every(acting_house, "Communication") if each.get("about") == [
        {"reference": "Contract/agr-0115-v1"}]]  # fmt: skip
    assert [(each["sent"], each["medium"][0]["coding"][0]["code"], len(each["recipient"])) for each in said] == [
        ("2026-11-20", "MAILWRIT", 2)
    ]
    assert not judge(said[0], "Communication")
    made = [each for each in every(acting_house, "Provenance") if each["id"] == said[0]["id"]]
    assert [each["entity"][-1]["what"]["reference"] for each in made] == ["Contract/agr-0115-v1"]
    assert send(carla, "agr-0115-v1", "give-notice", fields | {"day": "20 Nov", "how": "letter"}).status_code == 303
    assert len(every(acting_house, "Provenance")) == len({each["id"] for each in every(acting_house, "Provenance")})
    back = after(carla, undo(carla, answer, fields["csrf"]))
    assert "Taken back." in back
    assert "Notice was given" in back
    assert not [each for each in stored(acting_house, "agr-0115-v1")["extension"] if each["url"] == NOTICE]


def test_notice_without_a_day_or_a_way_comes_back_with_all_that_was_typed(carla: FlaskClient) -> None:
    fields = opened(carla, "agr-0118-v1", "give-notice")
    answer = send(carla, "agr-0118-v1", "give-notice", fields | {"day": "soon", "how": "", "note": "Ava knows"})
    assert answer.status_code == 422
    said = answer.get_data(as_text=True)
    assert "“soon” is no day that can be read" in words(answer)
    assert "Choose how notice was given." in words(answer)
    assert 'href="#act-day"' in said
    assert 'value="Ava knows"' in said
    ahead = send(carla, "agr-0118-v1", "give-notice", fields | {"day": "2027-01-04", "how": "fax"})
    assert (ahead.status_code, "has not come yet" in words(ahead)) == (422, True)


def test_a_colleagues_change_meanwhile_is_told_and_nothing_is_saved(acting_house: House, carla: FlaskClient) -> None:
    mine, theirs = (opened(carla, "agr-0101-v1", "give-notice") for _ in range(2))
    assert send(carla, "agr-0101-v1", "give-notice", theirs | {"day": "20 Nov", "how": "fax"}).status_code == 303
    version = stored(acting_house, "agr-0101-v1")["meta"]["versionId"]
    late = send(carla, "agr-0101-v1", "give-notice", mine | {"day": "21 Nov", "how": "letter"})
    assert late.status_code == 412
    assert "Nilsson, Carla was first" in words(late)
    assert stored(acting_house, "agr-0101-v1")["meta"]["versionId"] == version


def test_an_end_is_confirmed_after_what_hangs_on_it_is_counted(acting_house: House, carla: FlaskClient) -> None:
    """AGR-0111 lapses on 1 Dec (worked case 6); ended on 25 Nov it loses that of 28 Nov too."""
    fields = opened(carla, "agr-0111-v1", "end")
    before = stored(acting_house, "agr-0111-v1")
    first = send(carla, "agr-0111-v1", "end", fields | {"day": "25 Nov", "reason": "Both agreed"})
    assert first.status_code == 200
    said = words(first)
    assert "Open referrals 2 0 of them without a visit" in said
    assert "Booked visits after that day 2 of 2 to come" in said
    assert "The first of them 28 Nov Nov 2026 1 visit Dec 2026 1 visit" in said
    assert "It can not be taken back." in said
    assert stored(acting_house, "agr-0111-v1") == before
    counted = hidden(first)
    other = send(carla, "agr-0111-v1", "end", counted | {"day": "26 Nov", "reason": "Both agreed"})
    assert (other.status_code, "look at it again" in words(other)) == (409, True)
    answer = send(carla, "agr-0111-v1", "end", counted | {"day": "25 Nov", "reason": "Both agreed"})
    page = after(carla, answer)
    assert "Ended: its last day is 25 Nov" in page
    assert "Last day 25 Nov" in page
    assert "Undo" not in page
    new = stored(acting_house, answer.location.partition("done=")[2])
    assert not judge(new, "Contract")
    assert (new["status"], new["version"], new["applies"]) == (
        "executed", "2", {"start": "2026-11-22", "end": "2026-11-25"},
    )  # fmt: skip
    assert stored(acting_house, "agr-0111-v1") | {"status": 0, "legalState": 0, "meta": 0} == before | {
        "status": 0, "legalState": 0, "meta": 0}  # fmt: skip
    assert stored(acting_house, "agr-0111-v1")["status"] == "amended"


def test_an_end_that_is_over_counts_from_the_day_after_it(acting_house: House, carla: FlaskClient) -> None:
    """AGR-0119 began 700 days ago; it ended on 31 Oct, which is entered on 22 Nov."""
    counted = hidden(send(carla, "agr-0119-v1", "end", opened(carla, "agr-0119-v1", "end") | {
        "day": "2026-10-31", "reason": "Practice closed"}))  # fmt: skip
    page = after(carla, send(carla, "agr-0119-v1", "end", counted | {"day": "2026-10-31", "reason": "Practice closed"}))
    assert "Last day 31 Oct" in page
    assert " Ended " in page
    assert "End it" not in page


def test_a_later_last_day_than_agreed_is_no_end(carla: FlaskClient) -> None:
    fields = opened(carla, "agr-0113-v1", "end")
    late = send(carla, "agr-0113-v1", "end", fields | {"day": "2035-01-01", "reason": "x"})
    assert (late.status_code, "already. Choose an earlier one" in words(late)) == (422, True)


def test_a_document_is_judged_kept_with_its_hash_and_taken_back(acting_house: House, carla: FlaskClient) -> None:
    fields = opened(carla, "agr-0120-v1", "file")
    wrong = {"file": (io.BytesIO(b"<html><script>"), "a.pdf"), "kind": "amendment"}
    refused = carla.post("/contracts/agr-0120-v1/file", data=fields | wrong, content_type="multipart/form-data")
    assert (refused.status_code, "web page" in words(refused)) == (422, True)
    good = {"file": (io.BytesIO(pdf()), "signed.pdf"), "kind": "signed-agreement", "note": "Both signed"}
    answer = carla.post("/contracts/agr-0120-v1/file", data=fields | good, content_type="multipart/form-data")
    page = after(carla, answer)
    assert "Attached: Signed agreement." in page
    id = answer.location.partition("done=")[2]
    document = stored(acting_house, id, "DocumentReference")
    assert not judge(document, "DocumentReference")
    assert document["content"][0]["attachment"]["hash"] in page
    file = carla.get(f"/documents/{id}/1")
    assert (file.status_code, file.content_type, file.data) == (200, "application/pdf", pdf())
    for who in ("rival", "coordinator", "payer"):
        assert acting_house.enter(who).get(f"/documents/{id}/1").status_code in (403, 404), who
    assert "No document is attached" in after(carla, undo(carla, answer, fields["csrf"]))


def test_a_payers_desk_keeps_papers_of_its_own_that_the_other_side_is_not_shown(
    acting_house: House, carla: FlaskClient
) -> None:
    rival = acting_house.enter("rival")
    given = {"file": (io.BytesIO(pdf()), "memo.pdf"), "kind": "correspondence", "note": "Our floor"}
    answer = rival.post("/contracts/agr-0114-v1/file", data=opened(rival, "agr-0114-v1", "file") | given)
    assert "Our floor" in after(rival, answer)
    id = answer.location.partition("done=")[2]
    assert rival.get(f"/documents/{id}/1").data == pdf()
    assert carla.get(f"/documents/{id}/1").status_code == 404
    assert "Our floor" not in words(carla.get("/contracts/agr-0114-v1"))


@pytest.mark.parametrize("who", ["coordinator", "clinician", "payer", "auditor", "admin"])
def test_no_other_role_does_any_of_it(acting_house: House, who: str) -> None:
    client = acting_house.enter(who)
    csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/account").get_data(as_text=True))
    assert csrf
    for verb in ("give-notice", "end", "file"):
        fields = {"csrf": csrf[1], "day": "20 Nov", "how": "fax", "reason": "x", "counted": "x", "kind": "amendment"}
        if verb == "file":
            fields["file"] = (io.BytesIO(pdf()), "a.pdf")  # type: ignore[assignment]
        answer = client.post(f"/contracts/agr-0121-v1/{verb}", data=fields)
        assert answer.status_code == 403, (verb, words(answer))


def test_another_payers_agreement_is_acted_on_as_one_that_is_not_there(acting_house: House) -> None:
    rival = acting_house.enter("rival")
    fields = opened(rival, "agr-0116-v1", "end") | {"day": "25 Nov", "reason": "x", "how": "fax"}
    for id in ("agr-0121-v1", "agr-9999-v1"):
        for verb in ("give-notice", "end"):
            assert send(rival, id, verb, fields).status_code == 404, (id, verb)


def test_a_form_that_comes_without_a_session_comes_back_after_the_sign_in(acting_house: House, clock: Any) -> None:
    client = acting_house.enter("contracts")
    fields = opened(client, "agr-0103-v2", "give-notice") | {"day": "20 Nov", "how": "fax", "note": "Kept"}
    clock.now = NOW + timedelta(hours=20)
    answer = send(client, "agr-0103-v2", "give-notice", fields)
    assert answer.status_code == 303
    assert answer.location.startswith("/sign-in?next=%2Fcontracts%2Fagr-0103-v2")


def test_who_takes_part_is_written_row_by_row_and_of_this_payer_and_provider_alone(
    acting_house: House, carla: FlaskClient
) -> None:
    """AGR-0120: Granite and Beacon Therapy, at all sites. A second row opens another network for half a year."""
    fields = opened(carla, "agr-0120-v1", "affiliate")
    assert fields["row"] == "OrganizationAffiliation/agr-0120-include"
    other = {"row": "", "start": "2027-01-01", "last": "2027-06-30"}
    for wrong, told in (
        ({"network-office-bh-broad": "1"}, "Choose networks of this payer."),
        ({"network-office-gc-community": "1", "site-office-parkside-main-street": "1"}, "sites of this provider"),
        ({}, "Choose at least one network"),
        ({"network-office-gc-community": "1", "last": "2026-12-31"}, "The last day lies before the first."),
        ({"network-office-gc-community": "1", "row": "OrganizationAffiliation/agr-0101-include"}, "no longer there"),
    ):
        answer = send(carla, "agr-0120-v1", "affiliate", fields | other | wrong)
        assert (answer.status_code, told in words(answer)) == (422, True), told
    answer = send(carla, "agr-0120-v1", "affiliate", fields | other | {"network-office-gc-community": "1"})
    page = after(carla, answer)
    assert "Who takes part is noted: Granite Community Network." in page
    assert "Granite Community Network All sites; until 30 Jun 2027" in page
    new = stored(acting_house, answer.location.partition("done=")[2], "OrganizationAffiliation")
    assert not judge(new, "OrganizationAffiliation")
    assert (new["period"], new["participatingOrganization"]["reference"]) == (
        {"start": "2027-01-01", "end": "2027-06-30"}, "Organization/office-beacon-therapy",
    )  # fmt: skip
    assert "Which row" in words(carla.get("/contracts/agr-0120-v1?act=affiliate"))
    rival = acting_house.enter("rival")
    theirs = send(rival, "agr-0120-v1", "affiliate", opened(rival, "agr-0116-v1", "affiliate") | other)
    assert theirs.status_code == 404
