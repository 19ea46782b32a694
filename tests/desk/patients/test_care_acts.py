"""What is done with a care plan from the patient's page: each act writes its resources, its Provenance and its event
in one go, and can be taken back where the tables have a way."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from carecoord.fhir import text
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from tests.desk.conftest import NOW, House
from tests.desk.patients.test_patient_page import section

Json = dict[str, Any]
UCUM = "http://unitsofmeasure.org"
KEN = "/patients/ken-nakamura"
TEMPLATE = {
    "resourceType": "PlanDefinition", "id": "after-discharge", "status": "active", "title": "After discharge",
    "url": "https://carecoord.example/fhir/PlanDefinition/after-discharge", "version": "2",
    "goal": [{
        "id": "weight", "description": {"text": "Weight near dry weight"},
        "target": [{
            "measure": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
            "detailRange": {"high": {"value": 72, "unit": "kg", "system": UCUM, "code": "kg"}},
            "due": {"value": 6, "unit": "wk", "system": UCUM, "code": "wk"},
        }],
    }],
    "action": [
        {"id": "call", "title": "Call within two days", "timingDuration": {"value": 2, "system": UCUM, "code": "d"}},
        {"title": "Around the visit", "action": [
            {"id": "visit", "title": "Visit with the clinic",
             "timingDuration": {"value": 1, "system": UCUM, "code": "wk"}},
            {"title": "Look at the visit's report", "goalId": ["weight"], "relatedAction": [{
                "actionId": "visit", "relationship": "after-end", "offsetDuration": {
                    "value": 3, "system": UCUM, "code": "d"}}]},
        ]},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def house(acting_house: House) -> House:
    """With a template that is in force, beside the payers' books of rules."""
    store(acting_house, TEMPLATE, TEMPLATE | {"id": "retired", "title": "Retired", "status": "retired"})
    return acting_house


@pytest.fixture(scope="module")
def browser(house: House) -> FlaskClient:
    return house.enter("coordinator")


def store(house: House, *resources: Json) -> None:
    world = house.world
    changes = [Change(each["resourceType"], each["id"], each) for each in resources]
    with writing(world.engine) as conn:
        put_all(conn, changes, now=NOW, actor=Actor(None, None, None, ""), base=world.base, project=world.project)


def held(house: House, patient: str, *types: str) -> list[Json]:
    with reading(house.world.engine) as conn:
        return [text.loads(row.body) for row in read.of_patient(conn, patient, types)]


def opened(browser: FlaskClient, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def sent(browser: FlaskClient, page: str, verb: str, **fields: str) -> Any:
    """Open the form of an act and send it; the answer."""
    ask = "&".join(f"{name}={fields[name]}" for name in ("plan", "task") if name in fields)
    form = opened(browser, f"{page}?act={verb}&{ask}").split('id="act-form"')[1].split("</form>")[0]
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
    return browser.post(f"{page}/{verb}", data=hidden | fields)


def done(browser: FlaskClient, page: str, verb: str, **fields: str) -> str:
    """The page after an act that was done."""
    answer = sent(browser, page, verb, **fields)
    assert answer.status_code == 303, re.findall(r'class="faults.*?</div>', answer.get_data(as_text=True), re.S)
    return opened(browser, answer.headers["Location"])


def test_a_plan_is_started_from_a_template_with_its_tasks_and_days_and_can_be_taken_back(
    house: House, browser: FlaskClient
) -> None:
    page = opened(browser, f"{KEN}?act=start-plan")
    assert re.findall(r'<option value="([\w-]+)"', page) == ["after-discharge"]  # no rule book, nor what is retired
    before = {each["id"] for each in held(house, "ken-nakamura", "CarePlan", "Goal", "Task")}
    page = done(browser, KEN, "start-plan", template="after-discharge")
    assert "Started the plan: After discharge" in page
    made = [each for each in held(house, "ken-nakamura", "CarePlan", "Goal", "Task") if each["id"] not in before]
    due = {each["description"]: each["restriction"]["period"]["end"] for each in made if each["resourceType"] == "Task"}
    assert due == {
        "Call within two days": "2026-11-24T23:59:59-05:00",
        "Visit with the clinic": "2026-11-29T23:59:59-05:00",
        "Look at the visit's report": "2026-12-02T23:59:59-05:00",
    }
    (plan,) = [each for each in made if each["resourceType"] == "CarePlan"]
    (goal,) = [each for each in made if each["resourceType"] == "Goal"]
    assert plan["instantiatesCanonical"] == ["https://carecoord.example/fhir/PlanDefinition/after-discharge|2"]
    assert (len(plan["activity"]), goal["target"][0]["dueDate"]) == (3, "2027-01-03")
    assert "0 of 3 activities are over" in section(page, "plan")
    with reading(house.world.engine) as conn:
        events = conn.exec_driver_sql("select kind, state from event where resource = ?", (plan["id"],)).all()
    assert events == [("plan", "active")]
    act = re.search(r'data-act="([^"]+)"', page)[1]  # type: ignore[index]
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)[1]  # type: ignore[index]
    assert browser.post(f"/acts/{act}/undo", data={"csrf": csrf, "back": KEN}).status_code == 303
    assert "After discharge" not in section(opened(browser, KEN), "plan")


def test_a_value_moves_its_goal_and_is_kept_with_who_told_it(house: House, browser: FlaskClient) -> None:
    page = done(browser, KEN, "observe", measure="8480-6", value="127", teller="Mr. Nakamura, by phone")
    assert "Recorded Systolic pressure: 127 mmHg" in page
    (seen,) = [each for each in held(house, "ken-nakamura", "Observation") if each["valueQuantity"]["value"] == 127]
    assert (seen["status"], seen["performer"]) == ("final", [{"display": "Mr. Nakamura, by phone"}])
    assert seen["valueQuantity"]["code"] == "mm[Hg]"
    (goal,) = held(house, "ken-nakamura", "Goal")[:1]
    assert goal["achievementStatus"]["coding"][0]["code"] == "sustaining"
    assert goal["outcomeReference"] == [{"reference": f"Observation/{seen['id']}"}]
    assert "Kept up, last measured 22 Nov" in section(page, "plan")


@pytest.fixture(scope="module")
def kit(browser: FlaskClient) -> dict[str, str]:
    """What every form carries along."""
    form = opened(browser, f"{KEN}?act=observe").split('id="act-form"')[1].split("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


@pytest.mark.parametrize(
    ("verb", "fields", "fault"),
    [
        ("observe", {"measure": "29463-7", "value": "715", "unit": "kg"}, "715 kg can not be right for Weight."),
        ("observe", {"measure": "29463-7", "value": "71", "unit": "mm[Hg]"}, "Weight is told in kg, lb."),
        ("observe", {"measure": "29463-7", "value": "heavy"}, "“heavy” is no number."),
        ("observe", {"value": "71"}, "Choose what is measured."),
        ("set-goal", {"words": "x", "measure": "29463-7"}, "Write a lower or an upper bound"),
        ("set-goal", {"words": "x", "measure": "29463-7", "low": "9", "high": "3"}, "lies below the lower one"),
        ("set-goal", {}, "Write what is to be reached."),
        ("start-plan", {"template": "retired"}, "Choose a template that is in force."),
        ("add-activity", {"plan": "plan-4377-408"}, "Choose what there is, or write what is to be done."),
        ("add-activity", {"plan": "plan-4309-772", "words": "x"}, "Choose a care plan that goes on."),
        ("add-activity", {"plan": "plan-4377-408", "reference": "ServiceRequest/order-24760"}, "of this patient."),
        ("join-team", {"who": "nobody"}, "Choose who joins the team."),
        ("end-plan", {"plan": "plan-4377-408", "how": "revoked"}, "Say why it is given up."),
    ],
)
def test_what_can_not_be_done_comes_back_with_the_reason(
    browser: FlaskClient, kit: dict[str, str], verb: str, fields: dict[str, str], fault: str
) -> None:
    answer = browser.post(f"{KEN}/{verb}", data=kit | fields)
    assert answer.status_code == 422
    assert fault in answer.get_data(as_text=True)


def test_a_plan_grows_and_ends_with_what_hangs_on_it(house: House, browser: FlaskClient) -> None:
    plan = {"plan": "plan-4377-408"}
    done(browser, KEN, "set-goal", words="Walk a mile", **plan)
    page = done(browser, KEN, "add-activity", words="Order the scale", due="+3", **plan)
    task = re.search(r"act=finish&amp;task=(Task/[\w-]+)", page.replace("%2F", "/"))[1]  # type: ignore[index]
    page = done(browser, KEN, "finish", task=task, note="It came by mail.")
    assert "Order the scale Done" in re.sub(r" by \d+ \w+ \d+, \d\d:\d\d", "", section(page, "plan"))
    done(browser, KEN, "add-activity", words="Call on Monday", **plan)
    page = done(browser, KEN, "join-team", who="team", role="Scale at home", since="2026-11-20")
    assert "Fairmont Medical Group Scale at home since 20 Nov 2026" in section(page, "plan")
    form = opened(browser, f"{KEN}?act=end-plan&plan=plan-4377-408")
    assert "open goals 2, open tasks 1" in form
    page = done(browser, KEN, "end-plan", how="revoked", why="He moved away", **plan)
    assert "Plans that are over: 1 Chronic kidney disease Given up, 22 Nov 2026" in section(page, "plan")
    goals = {each["description"]["text"]: each["lifecycleStatus"] for each in held(house, "ken-nakamura", "Goal")
             if each["lifecycleStatus"] != "entered-in-error"}  # fmt: skip
    assert goals == {"Systolic pressure under 130": "completed", "Walk a mile": "cancelled"}
    states = {each["description"]: each["status"] for each in held(house, "ken-nakamura", "Task") if "basedOn" in each
              and each["basedOn"][0]["reference"] == "CarePlan/plan-4377-408"}  # fmt: skip
    assert states == {"Order the scale": "completed", "Call on Monday": "cancelled"}
    assert sent(browser, KEN, "set-goal", words="Again", **plan).status_code == 422


def test_the_form_of_a_plan_that_a_colleague_changed_meanwhile_is_not_saved(house: House, browser: FlaskClient) -> None:
    page = "/patients/anne-whitfield"
    form = opened(browser, f"{page}?act=add-activity").split('id="act-form"')[1].split("</form>")[0]
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
    (plan,) = held(house, "anne-whitfield", "CarePlan")
    store(house, plan | {"title": "Blood pressure, anew"})
    answer = browser.post(f"{page}/add-activity", data=hidden | {"plan": plan["id"], "words": "Call"})
    assert answer.status_code == 412
    assert "was first" in answer.get_data(as_text=True)
    assert 'value="Call"' in answer.get_data(as_text=True)


@pytest.mark.parametrize("who", ["payer", "outsider", "contracts", "auditor"])
def test_nobody_else_does_any_of_it(house: House, who: str) -> None:
    other = house.enter(who)
    csrf = re.search(r'name="csrf" value="([^"]+)"', other.get("/").get_data(as_text=True))
    answer = other.post(f"{KEN}/observe", data={"csrf": csrf[1] if csrf else "", "measure": "8480-6", "value": "120"})
    assert answer.status_code in (403, 404)
    assert not [each for each in held(house, "ken-nakamura", "Observation") if each["valueQuantity"]["value"] == 120]


def test_a_record_of_many_results_is_read_no_further_than_it_is_shown(house: House, browser: FlaskClient) -> None:
    page, ran = "/patients/amina-farah", list[str]()
    opened(browser, page)

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        ran.append(statement)

    def counted() -> int:
        ran.clear()
        event.listen(house.world.engine, "before_cursor_execute", note)
        try:
            opened(browser, page)
        finally:
            event.remove(house.world.engine, "before_cursor_execute", note)
        return len(ran)

    few = counted()
    (seen, *_) = held(house, "amina-farah", "Observation")
    days = [f"2026-{month:02}-{day:02}T08:00:00Z" for month in range(1, 11) for day in range(1, 21)]
    store(house, *(seen | {"id": f"many-{n}", "effectiveDateTime": day} for n, day in enumerate(days)))
    assert counted() <= few + 2
    shown = section(opened(browser, page), "results")
    assert "The newest 25" in shown
    assert shown.count("Hemoglobin A1c") == 25
    assert "60 values as a table" in section(opened(browser, page), "plan")
