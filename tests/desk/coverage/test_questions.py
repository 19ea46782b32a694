"""What clinics ask a payer about its members' cards, at the payer's desk: answered by its staff, once, and what changes
of a card stated without a question; nobody else's members anywhere (issue 10; worked case 9)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from carecoord.actions.acts import provenance
from carecoord.actions.fhir import interactions
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.fhir import text as json
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put
from tests.desk.authorizations.readers import get
from tests.desk.authorizations.test_automatic import SYSTEM
from tests.desk.authorizations.test_requests import text
from tests.desk.conftest import PASSWORD, Clock, House, built
from tests.domain.worklist.test_project import statements

PATH, CASE, PATIENT = "/decisions/coverage", "worked-09-stale-eligibility", "willem-achterberg"
NUMBER, CARD = "GC014-4490009", "card-4490-009"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
YES = {"standing": "in-force", "last": "31 Dec 2026", "needed": "not-said", "words": "Plan GC-MA."}


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The house, with two clerks of the payer that is asked."""
    for found in built(story, tmp_path_factory.mktemp("questions"), Clock()):
        for login in ("grange", "gale"):
            clerk = NewUser(login, f"{login.title()}, Ada", frozenset({"payer"}), "office-granite-care")
            accounts.add_user(found.world, clerk, PASSWORD)
        yield found


def fields(page: str, action: str) -> dict[str, str]:
    """What stands hidden in the form with this action."""
    at = page.index(f'action="{action}"')
    return dict(HIDDEN.findall(page[at : page.index("</form>", at)]))


def sent(client: FlaskClient, page: str, verb: str, **typed: str) -> tuple[int, str]:
    """What comes of sending the form of a page."""
    hidden = fields(get(client, page), f"{page}/{verb}")
    answer = client.post(f"{page}/{verb}", data=hidden | typed)
    return answer.status_code, text(answer.get_data(as_text=True)) if answer.status_code != 303 else ""


def ask(house: House) -> str:
    """The coordinator asks about the day of the visit; the id of the question."""
    maria = house.enter("coordinator")
    action = f"/referrals/{CASE}/check-eligibility"
    assert maria.post(action, data=fields(get(maria, f"/?show={CASE}"), action)).status_code == 303
    return str(max(held(house, "CoverageEligibilityRequest"), key=lambda each: str(each["created"]))["id"])


def held(house: House, type: str) -> list[dict[str, Any]]:
    with reading(house.world.engine) as conn:
        return [json.loads(row.body) for row in read.of_patient(conn, PATIENT, (type,))]


def synced(house: House, resource: dict[str, Any]) -> None:
    """What an EHR sends is kept though it is not whole: here a question that does not say what it is for."""
    world = house.world
    with writing(world.engine) as conn:
        put(conn, Change(resource["resourceType"], resource["id"], resource), now=world.clock(),
            actor=Actor("ehr:test", None, None, "sync"), base=world.base, project=world.project)  # fmt: skip


def coverage(house: House) -> str:
    """How the coverage of the referral stands, as the coordinator reads it."""
    page = get(house.enter("coordinator"), f"/?show={CASE}")
    (found,) = re.findall(r'gate-name">Coverage</span><span class="chip[^"]*">.*?</svg>([^<]+)<', page)
    return str(found)


def waiting(client: FlaskClient) -> list[str]:
    """The questions that wait, by id."""
    page = get(client, PATH)
    return re.findall(r'id="question-([^"]+)"', page[: page.index('id="cards-state"')])


def test_a_question_waits_at_the_desk_of_its_payer_with_its_clock_until_it_is_answered_once(house: House) -> None:
    clerk, colleague = house.enter("grange"), house.enter("gale")
    assert waiting(clerk) == []
    question = ask(house)
    assert waiting(clerk) == [question]
    assert "Coverage questions 1" in text(get(clerk, "/decisions"))
    page = text(get(clerk, f"{PATH}/{question}"))
    for said in ("Achterberg, Willem", NUMBER, "30 Nov", "Nephrology", "Fairmont Medical Group", "23 Nov 09:05"):
        assert said in page, said
    early = fields(get(colleague, f"{PATH}/{question}"), f"{PATH}/{question}/answer-eligibility")
    assert sent(clerk, f"{PATH}/{question}", "answer-eligibility", **YES)[0] == 303
    (answer,) = [each for each in held(house, "CoverageEligibilityResponse") if each["created"][:10] == "2026-11-22"]
    assert answer["request"] == {"reference": f"CoverageEligibilityRequest/{question}"}
    assert (answer["servicedDate"], answer["outcome"]) == ("2026-11-30", "complete")
    assert answer["disposition"] == "Plan GC-MA."
    assert answer["insurance"] == [{
        "coverage": {"reference": f"Coverage/{CARD}"}, "inforce": True, "benefitPeriod": {"end": "2026-12-31"},
    }]  # fmt: skip
    with reading(house.world.engine) as conn:
        act = provenance.author_of(conn, provenance.Version("CoverageEligibilityResponse", answer["id"], 1))
    assert act is not None
    assert (act.name, act.verb) == ("Grange, Ada", "answer-eligibility")
    assert waiting(clerk) == []
    assert coverage(house) == "Met"
    late = colleague.post(f"{PATH}/{question}/answer-eligibility", data=early | YES)
    said = text(late.get_data(as_text=True))
    assert (late.status_code, "Somebody has answered this question already." in said) == (409, True)


def test_of_a_question_about_the_cards_of_two_payers_each_sees_and_answers_its_own(house: House) -> None:
    card = json.loads(interactions.read(house.world, SYSTEM, "Coverage", CARD).body)
    other = card | {"id": "card-other", "payor": [{"reference": "Organization/pinnacle"}], "identifier": [
        card["identifier"][0] | {"value": "PM-OTHER"}]}  # fmt: skip
    other.pop("meta")
    interactions.update(house.world, SYSTEM, "Coverage", "card-other", other)
    clerk, question = house.enter("grange"), ask(house)
    asked = json.loads(interactions.read(house.world, SYSTEM, "CoverageEligibilityRequest", question).body)
    both = [{"focal": False, "coverage": {"reference": "Coverage/card-other"}}, *asked["insurance"]]
    interactions.update(house.world, SYSTEM, "CoverageEligibilityRequest", question, asked | {"insurance": both})
    page = text(get(clerk, f"{PATH}/{question}"))
    assert (NUMBER in page, "PM-OTHER" in page) == (True, False)
    assert sent(clerk, f"{PATH}/{question}", "answer-eligibility", **YES)[0] == 303
    (answer,) = [each for each in held(house, "CoverageEligibilityResponse") if each["created"][:10] == "2026-11-22"]
    assert [each["coverage"]["reference"] for each in answer["insurance"]] == [f"Coverage/{CARD}"]
    foreign = [{"focal": True, "coverage": {"reference": "Coverage/card-other"}}]
    third = {name: value for name, value in asked.items() if name != "meta"} | {"id": "foreign", "insurance": foreign}
    interactions.update(house.world, SYSTEM, "CoverageEligibilityRequest", "foreign", third)
    assert (waiting(clerk), clerk.get(f"{PATH}/foreign").status_code) == ([], 404)
    hidden = {"csrf": fields(get(clerk, f"{PATH}/cards/{CARD}"), f"{PATH}/cards/{CARD}/state-coverage")["csrf"]}
    late = clerk.post(f"{PATH}/foreign/answer-eligibility", data=hidden | YES)
    assert late.status_code == 404


def test_what_is_counted_is_shown_and_a_question_that_names_no_card_is_about_the_only_one(house: House) -> None:
    clerk, question = house.enter("grange"), ask(house)
    asked = json.loads(interactions.read(house.world, SYSTEM, "CoverageEligibilityRequest", question).body)
    bare = {name: value for name, value in asked.items() if name not in ("meta", "insurance", "purpose")}
    interactions.update(house.world, SYSTEM, "CoverageEligibilityRequest", question, asked | {"status": "cancelled"})
    synced(house, bare | {"id": "bare"})
    assert (waiting(clerk), "Coverage questions 1" in text(get(clerk, "/decisions"))) == (["bare"], True)
    assert NUMBER in text(get(clerk, f"{PATH}/bare"))
    card = json.loads(interactions.read(house.world, SYSTEM, "Coverage", CARD).body)
    other = card | {"id": "second", "identifier": [card["identifier"][0] | {"value": "GC014-2"}]}
    other.pop("meta")
    interactions.update(house.world, SYSTEM, "Coverage", "second", other)
    assert (waiting(clerk), "Coverage questions 1" in text(get(clerk, "/decisions"))) == ([], False)
    foreign = other | {"payor": [{"reference": "Organization/pinnacle"}]}
    interactions.update(house.world, SYSTEM, "Coverage", "second", foreign)
    assert waiting(clerk) == ["bare"]
    assert sent(clerk, f"{PATH}/bare", "answer-eligibility", **YES)[0] == 303
    (answer,) = [each for each in held(house, "CoverageEligibilityResponse") if each["created"][:10] == "2026-11-22"]
    assert (answer["purpose"], answer["request"]) == (["validation"], {"reference": "CoverageEligibilityRequest/bare"})
    assert [each["coverage"]["reference"] for each in answer["insurance"]] == [f"Coverage/{CARD}"]
    assert (waiting(clerk), "Coverage questions 1" in text(get(clerk, "/decisions"))) == ([], False)


def test_a_card_is_written_by_as_many_statements_however_many_questions_there_were_about_it(house: House) -> None:
    card = json.loads(interactions.read(house.world, SYSTEM, "Coverage", CARD).body)
    asked = json.loads(interactions.read(house.world, SYSTEM, "CoverageEligibilityRequest", ask(house)).body)

    def written(order: int) -> int:
        with statements(house.world.engine) as ran:
            interactions.update(house.world, SYSTEM, "Coverage", CARD, card | {"order": order})
        return len(ran)

    written(2)
    few = written(3)
    for n in range(12):
        synced(house, {name: value for name, value in asked.items() if name != "meta"} | {"id": f"asked-{n}"})
    assert written(4) == few
    assert len(waiting(house.enter("grange"))) == 13
    foreign = card | {"payor": [{"reference": "Organization/pinnacle"}]}
    interactions.update(house.world, SYSTEM, "Coverage", CARD, foreign)
    assert waiting(house.enter("grange")) == []
    interactions.update(house.world, SYSTEM, "Coverage", CARD, card)
    assert len(waiting(house.enter("grange"))) == 13


def test_a_question_that_names_its_card_by_words_is_about_the_only_one_of_its_patient_and_nobody_elses(
    house: House,
) -> None:
    clerk, question = house.enter("grange"), ask(house)
    card = json.loads(interactions.read(house.world, SYSTEM, "Coverage", CARD).body)
    asked = json.loads(interactions.read(house.world, SYSTEM, "CoverageEligibilityRequest", question).body)
    interactions.update(house.world, SYSTEM, "Patient", "wordy", {
        "resourceType": "Patient", "id": "wordy", "name": [{"family": "Wordy"}]})  # fmt: skip
    of = {"beneficiary": {"reference": "Patient/wordy"}, "identifier": [card["identifier"][0] | {"value": "GC014-9"}]}
    for resource in (card | of | {"id": "wordy-card"}, asked | {
        "id": "wordy-asks", "patient": {"reference": "Patient/wordy"}, "insurance": [{"coverage": {"display": "GC"}}]}):
        synced(house, {name: value for name, value in resource.items() if name != "meta"})
    assert sorted(waiting(clerk)) == sorted([question, "wordy-asks"])
    page = text(get(clerk, f"{PATH}/wordy-asks"))
    assert ("GC014-9" in page, NUMBER in page) == (True, False)
    assert sent(clerk, f"{PATH}/wordy-asks", "answer-eligibility", **YES)[0] == 303
    with reading(house.world.engine) as conn:
        (answer,) = [json.loads(each.body) for each in read.of_patient(conn, "wordy", ("CoverageEligibilityResponse",))]
    assert [each["coverage"] for each in answer["insurance"]] == [{"reference": "Coverage/wordy-card"}]


@pytest.mark.parametrize(("typed", "said"), [
    ({"words": "Good"}, "Choose whether the coverage is in force on that day."),
    ({"standing": "unclear"}, "Write why it can not be said."),
    ({"standing": "in-force", "words": "Coverage is terminated."}, "The words say that the coverage is not in force"),
    ({"standing": "in-force", "first": "", "last": "29 Nov"}, "The day that is asked about is outside these days."),
    ({"standing": "in-force", "first": "2 Dec", "last": "1 Dec"}, "The last day lies before the first."),
])  # fmt: skip
def test_an_answer_that_says_nothing_or_two_things_comes_back_with_all_that_was_typed(
    house: House, typed: dict[str, str], said: str
) -> None:
    clerk, question = house.enter("grange"), ask(house)
    status, page = sent(clerk, f"{PATH}/{question}", "answer-eligibility", **{"words": "", "first": "1 Jan"} | typed)
    assert status == 422
    assert said in page
    assert waiting(clerk) == [question]
    assert coverage(house) == "Waiting"


@pytest.mark.parametrize(("typed", "gate"), [
    ({"standing": "unclear", "words": "Two members have this number."}, "Unknown"),
    ({"standing": "not-in-force", "last": "31 Oct"}, "Blocked"),
])  # fmt: skip
def test_a_payer_that_can_not_say_leaves_it_open_and_one_that_says_no_blocks_it(
    house: House, typed: dict[str, str], gate: str
) -> None:
    clerk, question = house.enter("grange"), ask(house)
    assert sent(clerk, f"{PATH}/{question}", "answer-eligibility", **typed)[0] == 303
    assert coverage(house) == gate


def test_a_change_of_a_card_is_stated_without_a_question_and_stated_anew(house: House) -> None:
    clerk = house.enter("grange")
    assert "No clinic here has asked about a member with this number." in text(get(clerk, f"{PATH}?member=GC014-1"))
    page = get(clerk, f"{PATH}?member={NUMBER}")
    assert f'href="{PATH}/cards/{CARD}"' in page
    status, said = sent(clerk, f"{PATH}/cards/{CARD}", "state-coverage", change="ended", words="Moved away.")
    assert (status, "Write the day." in said, "Moved away." in said) == (422, True, True)
    two = {"change": "ended", "day": "29 Nov", "last": "30 Nov"}
    status, said = sent(clerk, f"{PATH}/cards/{CARD}", "state-coverage", **two)
    assert (status, "Coverage that ends has its last day in the first field." in said) == (422, True)
    assert sent(clerk, f"{PATH}/cards/{CARD}", "state-coverage", change="ended", day="29 Nov")[0] == 303
    assert coverage(house) == "Blocked"
    (stated,) = [each for each in held(house, "CoverageEligibilityResponse") if each["created"][:10] == "2026-11-22"]
    unasked = {"system": "https://carecoord.example/id/unasked", "value": stated["id"]}
    assert stated["request"] == {"identifier": unasked}
    assert (stated["servicedPeriod"], stated["insurance"][0]["inforce"]) == ({"start": "2026-11-30"}, False)
    clock: Any = house.world.clock
    clock.now = clock.now.replace(minute=9)
    anew = {"change": "in-force", "day": "1 Nov", "last": "31 Jan 2027"}
    assert sent(clerk, f"{PATH}/cards/{CARD}", "state-coverage", **anew)[0] == 303
    assert coverage(house) == "Met"


def test_nobody_else_finds_a_question_or_a_card_or_says_anything_of_them(house: House) -> None:
    question = ask(house)
    for who in ("payer", "rival", "coordinator", "outsider", "contracts", "admin", "clinician", "auditor"):
        client = house.enter(who)
        listed = client.get(f"{PATH}?member={NUMBER}").get_data(as_text=True)
        assert "Achterberg" not in listed, who
        for page, verb in ((f"{PATH}/{question}", "answer-eligibility"), (f"{PATH}/cards/{CARD}", "state-coverage")):
            assert client.get(page).status_code == 404, who
            answer = client.post(f"{page}/{verb}", data={**YES, "change": "ended", "day": "1 Dec"})
            assert answer.status_code in (403, 404), who
    assert waiting(house.enter("grange")) == [question]


def test_a_card_that_no_clinic_asked_about_is_not_found_by_its_number(house: House) -> None:
    card = json.loads(interactions.read(house.world, SYSTEM, "Coverage", CARD).body)
    person = {"resourceType": "Patient", "id": "not-asked", "name": [{"family": "Unasked"}]}
    interactions.update(house.world, SYSTEM, "Patient", "not-asked", person)
    other = card | {"id": "card-unasked", "beneficiary": {"reference": "Patient/not-asked"}, "identifier": [
        card["identifier"][0] | {"value": "GC014-7"}]}  # fmt: skip
    other.pop("meta")
    interactions.update(house.world, SYSTEM, "Coverage", "card-unasked", other)
    clerk = house.enter("grange")
    assert "Unasked" not in get(clerk, f"{PATH}?member=GC014-7")
    assert clerk.get(f"{PATH}/cards/card-unasked").status_code == 404


def test_an_answer_by_api_takes_the_question_off_the_desk_and_one_made_in_error_puts_it_back(house: House) -> None:
    clerk, question = house.enter("grange"), ask(house)
    asked = json.loads(interactions.read(house.world, SYSTEM, "CoverageEligibilityRequest", question).body)
    answer = {
        "resourceType": "CoverageEligibilityResponse", "id": "by-api", "status": "active", "purpose": asked["purpose"],
        "patient": asked["patient"], "created": "2026-11-22T14:05:00Z", "outcome": "queued",
        "insurer": asked["insurer"], "request": {"reference": f"CoverageEligibilityRequest/{question}"},
    }  # fmt: skip
    interactions.update(house.world, SYSTEM, "CoverageEligibilityResponse", "by-api", answer)
    assert waiting(clerk) == [question], "it was put, and is not answered"
    interactions.update(house.world, SYSTEM, "CoverageEligibilityResponse", "by-api", answer | {"outcome": "complete"})
    assert waiting(clerk) == []
    wrong = answer | {"outcome": "complete", "status": "entered-in-error"}
    interactions.update(house.world, SYSTEM, "CoverageEligibilityResponse", "by-api", wrong)
    assert waiting(clerk) == [question]
