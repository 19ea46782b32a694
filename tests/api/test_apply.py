"""PlanDefinition/[id]/$apply: the plan with its goals and tasks inside, and nothing written."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.conftest import Api, issues, patient

Json = dict[str, Any]
UCUM = "http://unitsofmeasure.org"
DEFINITION: Json = {
    "resourceType": "PlanDefinition", "id": "plan", "status": "active", "title": "After discharge",
    "url": "http://clinic.test/plan", "version": "1",
    "goal": [{"id": "g", "description": {"text": "Walk again"}}],
    "action": [{"title": "Call", "goalId": ["g"], "timingDuration": {"value": 1, "system": UCUM, "code": "mo"}}],
}  # fmt: skip


@pytest.fixture
def place(api: Api) -> Api:
    assert api.put("/Patient/p", patient(id="p")).status_code == 201
    assert api.put("/PlanDefinition/plan", DEFINITION).status_code == 201
    return api


def test_a_template_comes_to_a_plan_with_its_goals_and_tasks_inside(place: Api) -> None:
    answer = place.get("/PlanDefinition/plan/$apply?subject=Patient/p&practitioner=Practitioner/x")
    assert answer.status_code == 200
    plan = answer.json
    goal, task = plan["contained"]
    assert (plan["resourceType"], plan["status"], plan["subject"]) == ("CarePlan", "draft", {"reference": "Patient/p"})
    assert plan["goal"] == [{"reference": "#goal-1"}]
    assert plan["activity"] == [{"reference": {"reference": "#task-1"}}]
    assert (goal["id"], goal["lifecycleStatus"], goal["description"]) == ("goal-1", "proposed", {"text": "Walk again"})
    assert (task["status"], task["owner"], task["basedOn"]) == (
        "draft", {"reference": "Practitioner/x"}, [{"reference": "#"}],
    )  # fmt: skip
    assert task["extension"][0]["valueReference"] == {"reference": "#goal-1"}
    assert place.post("/CarePlan/$validate", plan).json["issue"][0]["severity"] in ("information", "warning")
    assert place.get("/CarePlan").json["total"] == 0
    body = {"resourceType": "Parameters", "parameter": [{"name": "subject", "valueString": "Patient/p"}]}
    assert place.post("/PlanDefinition/plan/$apply", body).json["title"] == "After discharge"
    offered = {each["type"]: each for each in place.get("/metadata").json["rest"][0]["resource"]}
    assert "apply" in [each["name"] for each in offered["PlanDefinition"]["operation"]]


@pytest.mark.parametrize(
    ("change", "query", "status", "words"),
    [
        ({}, "", 400, "subject is Patient/id"),
        ({}, "?subject=Group/g", 400, "subject is Patient/id"),
        ({}, "?subject=Patient/nobody", 404, "Patient/nobody"),
        ({}, "?subject=Patient/p&setting=x", 400, "takes subject"),
        ({"status": "draft"}, "?subject=Patient/p", 422, "Choose a template that is in force."),
        ({"action": [{"title": "Call", "condition": [{"kind": "applicability"}]}]}, "?subject=Patient/p", 422,
         "“Call” hangs on a condition"),
        ({"action": [{"title": "One", "selectionBehavior": "exactly-one", "action": [{"title": "a"}]}]},
         "?subject=Patient/p", 422, "Of “One” one has to be chosen"),
        ({"action": [{"id": "a", "title": "A", "relatedAction": [{"actionId": "a", "relationship": "after"}]}]},
         "?subject=Patient/p", 422, "“A” waits for itself"),
        ({"action": [{"title": "A", "timingDuration": {"value": 3, "system": UCUM, "code": "fortnight"}}]},
         "?subject=Patient/p", 422, "A length of time is a number of"),
    ],
)  # fmt: skip
def test_what_can_not_be_applied_is_refused_and_says_why(
    place: Api, change: Json, query: str, status: int, words: str
) -> None:
    assert place.put("/PlanDefinition/plan", DEFINITION | change).status_code == 200
    answer = place.get(f"/PlanDefinition/plan/$apply{query}")
    assert answer.status_code == status
    assert words in " ".join(each["diagnostics"] for each in issues(answer))


def test_nobody_applies_it_to_a_patient_whom_they_do_not_see(client: Callable[..., Api], place: Api) -> None:
    house = {"resourceType": "Organization", "id": "elsewhere", "name": "Elsewhere"}
    assert place.put("/Organization/elsewhere", house).status_code == 201
    stranger = client("user/*.cruds", roles="coordinator", organization="elsewhere")
    assert stranger.get("/PlanDefinition/plan/$apply?subject=Patient/p").status_code == 404
