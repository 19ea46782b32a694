"""The cases of many patients are read, judged and written together, and each is what it is by itself."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from carecoord.actions.clearance.assemble import of_patient, of_patients
from carecoord.actions.clearance.library import Library
from carecoord.actions.worklist import project
from carecoord.domain.resource.elements import key
from carecoord.store.database.engine import writing
from carecoord.store.worklist import marks
from tests.domain.stories import NOW, answered, appointment, contract, plain, ref, task
from tests.domain.worklist.test_project import RULES, Json, differences, put, rows, statements

MANY = 6
_REGISTRY = ("Organization", "Location", "InsurancePlan", "Contract", "PlanDefinition", "OrganizationAffiliation")


def copied(each: Json, n: int) -> Json:
    """The same of another patient."""

    def renamed(value: object) -> object:
        if isinstance(value, dict):
            return {name: renamed(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [renamed(inner) for inner in value]
        kind, _, id = value.partition("/") if isinstance(value, str) else ("", "", "")
        return f"{value}-{n}" if id and "/" not in id and kind.isalpha() and kind not in _REGISTRY else value

    made: Json = {name: renamed(value) for name, value in each.items()}
    return made | {"id": f"{each['id']}-{n}"}


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    """Several patients with the same story."""
    with writing(engine) as conn:
        story = plain().resources
        put(conn, *(each for each in story.values() if each["resourceType"] in _REGISTRY))
        own = [each for each in story.values() if each["resourceType"] not in _REGISTRY]
        for n in range(MANY):
            put(conn, *(copied(each, n) for each in own))
        yield conn


def asked(conn: Connection, patients: set[str]) -> int:
    """The questions to the database that judging these patients' cases takes, the registry being known."""
    project.rewrite(conn, patients, NOW, RULES)
    with statements(conn) as ran:
        project.rewrite(conn, patients, NOW, RULES)
    return len(ran)


def test_the_cases_of_many_patients_are_judged_by_no_more_questions_than_those_of_one(conn: Connection) -> None:
    assert asked(conn, {f"pat-{n}" for n in range(MANY)}) <= asked(conn, {"pat-0"})


def test_a_change_that_bears_on_many_is_written_of_all_of_them(conn: Connection) -> None:
    assert {row["agreement_gate"] for row in rows(conn).values()} == {"met"}
    put(conn, contract(end=5, evergreen=False))
    assert {row["agreement_gate"] for row in rows(conn).values()} == {"blocked"}
    assert len(rows(conn)) == MANY
    assert differences(conn, NOW) == {}


def test_what_names_no_patient_is_put_to_the_case_of_which_it_speaks(conn: Connection) -> None:
    """A Task that says nobody for whom, a bare Appointment for the order, and the clinic's answer to that one."""
    for n in (1, 2):
        bare = {name: value for name, value in task(2).items() if name != "for"}
        visit = appointment(20, "bare") | {"participant": [{"actor": ref("Location/site-a"), "status": "accepted"}]}
        put(conn, copied(bare, n), copied(visit, n))
        put(conn, copied(answered("bare", "Location/site-a"), n))
    patients = [f"pat-{n}" for n in range(4)]
    together = of_patients(Library(conn), patients)
    named = {patient: {key(each) for one in found for each in (*one.case.tasks, *one.case.appointments)}
             for patient, found in together.items()}  # fmt: skip
    assert named == {
        "pat-0": {"Task/task-1-0", "Appointment/visit-0"},
        "pat-1": {"Task/task-1-1", "Task/task-2-1", "Appointment/visit-1", "Appointment/bare-1"},
        "pat-2": {"Task/task-1-2", "Task/task-2-2", "Appointment/visit-2", "Appointment/bare-2"},
        "pat-3": {"Task/task-1-3", "Appointment/visit-3"},
    }
    for patient in patients:
        assert [each.case for each in of_patient(Library(conn), patient)] == [each.case for each in together[patient]]


def test_of_marked_rows_each_patient_is_named_once_those_first_that_people_look_at(conn: Connection) -> None:
    due = {row["sort_due"]: row["patient"] for row in rows(conn).values()}
    assert len(due) == 1, "all wait alike"
    rids = sorted(row["rid"] for row in rows(conn).values())
    marks.mark(conn, rids)
    marks.mark(conn, rids[:2])
    found = list(conn.scalars(marks.patients("most"), {"most": 4}))
    assert found == ["pat-0", "pat-1", "pat-2", "pat-3"]
