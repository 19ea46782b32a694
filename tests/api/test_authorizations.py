"""Requests for authorization at the door: who moves them from where to where, on every road; a denial takes a reason, a
human and two people."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from carecoord.domain.prior_auth.clinic import peer
from carecoord.domain.prior_auth.desk import second_look
from tests.api.conftest import Api
from tests.api.test_door import Json, answer_of, line, place, ref, told

__all__ = ["place"]


def claim(status: str = "active", id: str = "c", **more: Any) -> Json:
    return {
        "resourceType": "Claim", "id": id, "status": status, "use": "preauthorization", "created": "2026-11-20",
        "type": {"text": "professional"}, "patient": ref("Patient/p"), "provider": ref("Organization/clinic"),
        "insurer": ref("Organization/third"), "priority": {"text": "normal"}, "referral": ref("ServiceRequest/s"),
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "Card"}}],
        "item": [{"sequence": 1, "productOrService": {"text": "Echo"}}],
    } | more  # fmt: skip


@pytest.fixture
def clinic(client: Callable[..., Api], place: Api) -> Api:
    """A coordinator who asks."""
    return client("user/*.cruds", roles="coordinator", organization="clinic")


@pytest.fixture
def payer(client: Callable[..., Api], place: Api) -> Api:
    """A clerk of the payer who is asked."""
    return client("user/*.cruds", roles="payer", organization="third")


def answered(*lines: Json, id: str = "r", **more: Any) -> Json:
    return answer_of(*lines, id=id, **({"request": ref("Claim/c")} | more))


HUMAN = {"extension": [second_look.reviewer("1234567893")]}


@pytest.fixture(params=["put", "transaction", "batch"])
def write(request: pytest.FixtureRequest) -> Callable[[Api, Json], tuple[int, str]]:
    """Writes one resource by a road of the API; returns the status and the words of a refusal."""

    def single(api: Api, new: Json) -> tuple[int, str]:
        answer = api.put(f"/{new['resourceType']}/{new['id']}", new)
        return answer.status_code, told(answer) if answer.status_code >= 400 else ""

    def bundled(api: Api, new: Json) -> tuple[int, str]:
        entry = {"resource": new, "request": {"method": "PUT", "url": f"{new['resourceType']}/{new['id']}"}}
        answer = api.post("", {"resourceType": "Bundle", "type": request.param, "entry": [entry]})
        if request.param == "transaction" and answer.status_code >= 400:
            return answer.status_code, told(answer)
        made = answer.json["entry"][0]["response"]
        words = " ".join(each["diagnostics"] for each in made.get("outcome", {}).get("issue", []))
        return int(made["status"][:3]), words

    return single if request.param == "put" else bundled


def test_a_denial_by_one_person_by_a_rule_or_without_a_reason_is_refused_on_every_road(
    clinic: Api, payer: Api, place: Api, write: Callable[[Api, Json], tuple[int, str]]
) -> None:
    assert clinic.put("/Claim/c", claim()).status_code == 201
    status, words = write(payer, answered(line(1, "A3")))
    assert (status, words.partition(":")[0]) == (422, "A denial says why")
    status, words = write(payer, answered(line(1, "A3", "Not needed")))
    assert (status, words.partition(":")[0]) == (422, "A denial is never made by a rule alone")
    status, words = write(payer, answered(line(1, "A3", "Not needed"), **HUMAN))
    assert (status, words.partition(":")[0]) == (409, "A denial takes two people")
    by_rule = {"url": second_look.REVIEWER, "extension": [{"url": "wasHumanReviewedFlag", "valueBoolean": False}]}
    for api in (payer, place):  # nor may who keeps whole records write it down
        assert write(api, answered(line(1, "A3", "Not needed"), extension=[by_rule]))[0] == 422
    assert write(place, answered(line(1, "A3")))[0] == 422
    assert write(payer, answered(line(1, "A1")))[0] == 201


def test_a_proposal_of_nobody_known_to_the_desk_is_nobodys_second_look(clinic: Api, payer: Api) -> None:
    clinic.put("/Claim/c", claim())
    denial = answered(line(1, "A3", "Not needed"), **HUMAN)
    office = ref("Organization/third")
    task = second_look.proposed("t", "Claim/c", office, denial, datetime(2026, 11, 29, tzinfo=UTC), None)
    assert payer.put("/Task/t", task).status_code == 201
    assert payer.put("/ClaimResponse/r", denial).status_code == 409


def test_a_payers_own_system_answers_for_its_people_and_names_the_human_who_looked(
    clinic: Api, client: Callable[..., Api]
) -> None:
    clinic.put("/Claim/c", claim())
    system = client("system/*.cruds", roles="payer", organization="third")
    assert system.put("/ClaimResponse/r", answered(line(1, "A3", "Not needed"))).status_code == 422
    assert system.put("/ClaimResponse/r", answered(line(1, "A3", "Not needed"), **HUMAN)).status_code == 201


def test_a_denied_request_is_not_updated_but_appealed_and_an_answer_goes_to_the_newest(
    clinic: Api, payer: Api, place: Api
) -> None:
    clinic.put("/Claim/c", claim())
    place.put("/ClaimResponse/r", answered(line(1, "A3", "Not needed")))  # decided elsewhere
    update = claim(id="d", related=[{"claim": ref("Claim/c")}])
    refused = clinic.put("/Claim/d", update)
    assert (refused.status_code, told(refused)) == (
        409,
        "It is denied: there is no 'update' from there. Legal from denied: appeal, withdraw, void, inquire, "
        "peer-to-peer.",
    )  # fmt: skip
    url = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-certificationType"
    appeal = [{"url": url, "valueCodeableConcept": {"coding": [{"code": "2"}]}}]
    assert clinic.put("/Claim/d", update | {"extension": appeal}).status_code == 201
    late = payer.put("/ClaimResponse/q", answered(line(1, "A1"), id="q"))
    assert (late.status_code, told(late)) == (409, "Claim/c was replaced by Claim/d. Legal: answer Claim/d.")
    second = clinic.put("/Claim/e", claim(id="e", related=[{"claim": ref("Claim/c")}], extension=appeal))
    assert (second.status_code, told(second)) == (
        409, "Claim/c was replaced by Claim/d. Legal: update, extend or appeal Claim/d.",
    )  # fmt: skip
    granted = answered(line(1, "A1"), id="q", request=ref("Claim/d"))
    assert payer.put("/ClaimResponse/q", granted).status_code == 201


def test_what_was_withdrawn_is_not_decided_and_only_who_asks_withdraws(clinic: Api, payer: Api) -> None:
    clinic.put("/Claim/c", claim())
    assert clinic.put("/Claim/c", claim("cancelled")).status_code == 200
    refused = payer.put("/ClaimResponse/r", answered(line(1, "A1")))
    assert (refused.status_code, told(refused)) == (
        409, "It is cancelled: there is no 'approve' from there. Nothing leads on from cancelled for this side.",
    )  # fmt: skip


def test_an_update_of_what_is_not_there_is_unprocessable(clinic: Api) -> None:
    refused = clinic.put("/Claim/d", claim(id="d", related=[{"claim": ref("Claim/none")}]))
    assert refused.status_code == 422


def test_when_a_request_came_is_the_servers_word_whatever_its_sender_says(clinic: Api, place: Api) -> None:
    url = "https://carecoord.example/fhir/StructureDefinition/received"
    forged = [{"url": url, "valueInstant": "2026-01-01T00:00:00Z"}]
    sent = clinic.put("/Claim/c", claim(extension=forged)).json
    assert [each["valueInstant"][:10] for each in sent["extension"]] == [sent["meta"]["lastUpdated"][:10]]
    again = clinic.put("/Claim/c", claim(extension=forged, created="2026-11-01")).json
    assert again["extension"] == sent["extension"]
    assert place.put("/Claim/d", claim(id="d", extension=forged)).json["extension"] == forged  # as it was elsewhere


def wish(status: str = "requested", **more: Any) -> Json:
    """The payer's wish for a paper with the request."""
    code = {
        "system": "http://hl7.org/fhir/us/davinci-pas/CodeSystem/PASTempCodes", "code": "attachment-request-code",
    }  # fmt: skip
    return {
        "resourceType": "Task", "id": "w", "status": status, "intent": "order", "code": {"coding": [code]},
        "for": ref("Patient/p"), "requester": ref("Organization/third"), "owner": ref("Organization/clinic"),
        "reasonReference": ref("Claim/c"),
    } | more  # fmt: skip


Write = Callable[[Api, Json], tuple[int, str]]


def test_a_payer_asks_for_a_paper_and_who_asked_for_the_authorization_answers(
    clinic: Api, payer: Api, write: Write
) -> None:
    clinic.put("/Claim/c", claim())
    assert write(clinic, wish())[0] == 403, "only the payer asks"
    assert write(payer, wish())[0] == 201
    assert write(payer, wish("completed"))[0] == 403, "and does not answer itself"
    assert write(clinic, wish("completed"))[0] == 200
    payer.put("/ClaimResponse/r", answered(line(1, "A1")))
    status, words = write(payer, wish(id="v"))
    assert (status, words.partition(" Legal")[0]) == (409, "It is approved: there is no 'ask' from there.")


def test_a_wish_that_a_decision_overtook_is_not_answered_any_more(clinic: Api, payer: Api, write: Write) -> None:
    clinic.put("/Claim/c", claim())
    payer.put("/Task/w", wish())
    payer.put("/ClaimResponse/r", answered(line(1, "A1")))
    status, words = write(clinic, wish("completed"))
    assert (status, words) == (
        409,
        "It is approved: there is no 'answer' from there. "
        "Legal from approved: update, extend, withdraw, void, inquire.",
    )


def test_a_talk_of_clinicians_is_about_what_was_refused_and_asked_by_its_two_sides(
    clinic: Api, place: Api, client: Callable[..., Api], write: Write
) -> None:
    clinic.put("/Claim/c", claim())
    now = datetime(2026, 11, 29, tzinfo=UTC)
    talk = peer.asked("t", claim(), ref("Organization/clinic"), who="Dr. A", at=None, now=now)
    status, words = write(clinic, talk)
    assert (status, words.partition(" Legal")[0]) == (409, "It is submitted: there is no 'peer-to-peer' from there.")
    place.put("/ClaimResponse/r", answered(line(1, "A3", "Not needed"), **HUMAN))
    assert write(clinic, talk)[0] == 201
    other = client("user/*.cruds", roles="coordinator", organization="elsewhere")
    assert write(other, talk | {"id": "u", "requester": ref("Organization/elsewhere")})[0] == 403


def certified(code: str, id: str = "d", **more: Any) -> Json:
    """A Claim in the place of the first, with what it does to it (X12 1322)."""
    url = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-certificationType"
    mark = {"url": url, "valueCodeableConcept": {"coding": [{"code": code}]}}
    return claim(id=id, related=[{"claim": ref("Claim/c")}], extension=[mark], **more)


def test_more_is_asked_of_what_was_granted_alone(clinic: Api, payer: Api, write: Write) -> None:
    clinic.put("/Claim/c", claim())
    status, words = write(clinic, certified("4"))
    assert (status, words) == (
        409,
        "It is submitted: there is no 'extend' from there. Legal from submitted: update, withdraw, void, inquire.",
    )
    payer.put("/ClaimResponse/r", answered(line(1, "A1")))
    status, words = write(clinic, certified("2"))
    assert (status, words.partition(" Legal")[0]) == (409, "It is approved: there is no 'appeal' from there.")
    assert write(clinic, certified("4"))[0] == 201


def test_what_was_made_in_error_is_void_for_good(clinic: Api, payer: Api, write: Write) -> None:
    clinic.put("/Claim/c", claim())
    assert write(payer, claim("entered-in-error"))[0] == 403
    assert write(clinic, claim("entered-in-error"))[0] == 200
    assert payer.put("/ClaimResponse/r", answered(line(1, "A1"))).status_code == 409


def test_a_look_back_is_sent_as_such_and_goes_on_like_any_other(clinic: Api, payer: Api) -> None:
    done = {"sequence": 1, "productOrService": {"text": "Echo"}, "servicedDate": "2026-01-05"}
    assert clinic.put("/Claim/c", claim(item=[done])).status_code == 201
    assert payer.put("/ClaimResponse/r", answered(line(1, "A1"))).status_code == 201
