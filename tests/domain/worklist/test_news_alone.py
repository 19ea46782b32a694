"""What changes nothing that a case is judged by is news to whoever looks at it, and judges no case anew: whether one
was is told by a row that was made wrong by hand, which only a judgement puts right."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, update

from carecoord.actions.worklist import project as worklist_project
from carecoord.errors import Issue
from carecoord.fhir.instants import micros
from carecoord.store.database.engine import writing
from carecoord.store.database.tables import case
from carecoord.store.ehrs.tables import ehr_conflict
from carecoord.store.events import log
from carecoord.store.resources.write import Actor, Change, put_all
from tests.domain.stories import NOW, answer, child, claim, order, plain, ref, task, wish
from tests.domain.worklist.test_project import HERE, RULES, differences, put, rows

Json = dict[str, Any]
LATER = NOW + timedelta(minutes=5)
NOTE = [{"text": "Spoke with the clinic"}]
WRONG = "not what was judged"


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with writing(engine) as conn:
        put(conn, *plain().resources.values(), claim(), answer(start=-20, end=60), wish(), child("tell-patient"))
        yield conn


def is_judged(conn: Connection, *resources: Json | str) -> bool:
    """Whether these writes have the case judged anew."""
    conn.execute(update(case).values(reason=WRONG))
    put(conn, *resources, now=LATER)
    right = differences(conn, LATER) == {}
    assert right or set(differences(conn, LATER)["sr"]) == {"reason"}
    return right


def test_a_note_on_a_task_is_news_of_its_case_and_judges_nothing(conn: Connection, engine: Engine) -> None:
    before, last = rows(conn)["sr"], log.newest(conn)
    assert not is_judged(conn, task() | {"note": NOTE})
    assert rows(conn)["sr"] == before | {"reason": WRONG, "updated": micros(LATER)}
    (told,) = [each for each in log.of_resources(conn, ["Task/task-1"]) if each.n > last]
    assert (told.case_id, told.patient, told.state) == ("sr", "pat", "accepted")
    assert told.payload["changed"] == ["note"]


@pytest.mark.parametrize(
    "change",
    [
        {"businessStatus": task(stage="contacting-patient")["businessStatus"]},
        {"lastModified": "2026-11-22"},
        {"note": [{"authorReference": ref("Organization/group-3"), "text": "x"}]},  # whom the registry is asked for
        {"for": ref("Patient/pat-2")},
    ],
)
def test_whatever_the_rules_read_judges_it(conn: Connection, change: Json) -> None:
    assert is_judged(conn, task() | {"note": NOTE} | change)


@pytest.mark.parametrize("noted", [wish(), child("tell-patient") | {"for": ref("Patient/pat")}])
def test_a_task_that_is_part_of_a_case_through_another_is_judged(conn: Connection, noted: Json) -> None:
    put(conn, noted)
    assert is_judged(conn, noted | {"note": NOTE})


def test_a_note_beside_a_change_that_counts_is_judged_with_it_in_either_order(conn: Connection) -> None:
    moved = task(stage="contacting-patient")
    assert is_judged(conn, task() | {"note": NOTE}, moved | {"note": NOTE})
    assert is_judged(conn, task() | {"note": NOTE}, task() | {"note": [{"text": "Once more"}]})
    assert not is_judged(conn, task() | {"note": NOTE}, task() | {"note": [{"text": "And again"}]})


def test_a_note_on_the_task_of_one_order_is_no_news_of_another(conn: Connection) -> None:
    put(conn, order(id="sr2"))
    before = rows(conn)
    put(conn, task() | {"note": NOTE}, now=LATER)
    assert rows(conn) == before | {"sr": before["sr"] | {"updated": micros(LATER)}}


def test_a_version_that_takes_a_flag_away_or_brings_one_is_judged(conn: Connection) -> None:
    def flagged(*faults: Issue) -> None:
        resource = task() | {"note": [{"text": f"{len(faults)} faults"}]}
        change = Change("Task", "task-1", resource, flags=faults)
        actor = Actor("ehr:elm", None, None, "sync-1")
        project = worklist_project.projector(RULES)
        put_all(conn, [change], now=LATER, actor=actor, base=HERE, project=project)

    for faults in ([Issue("error", "value", "No such priority.", "Task.priority")], []):
        conn.execute(update(case).values(reason=WRONG))
        flagged(*faults)
        assert rows(conn)["sr"]["reason"] == "New LBBB"


def test_where_an_ehr_and_we_say_different_things_of_anything_of_the_patients_it_is_judged(conn: Connection) -> None:
    dispute = {"ehr": "elm", "type": "Coverage", "id": "card-1", "element": "status", "patient": "pat", "base": b"{}",
               "ours": b"{}", "theirs": b"{}", "stands": "ours", "found": 1}  # fmt: skip
    conn.execute(ehr_conflict.insert().values(dispute))
    conn.execute(update(case).values(reason=WRONG))
    put(conn, task() | {"note": NOTE}, now=LATER)
    held = rows(conn)["sr"]
    assert (held["reason"], held["conflict"]) == ("New LBBB", True)
    conn.execute(ehr_conflict.update().values(settled=2))
    put(conn, task() | {"note": [{"text": "Settled"}]}, now=LATER)
    assert rows(conn)["sr"]["conflict"] is False
