"""A change of the registry judges within its own transaction what nobody has to wait for, and marks the rest: who saves
the agreement of one clinic finds its cases right at once, who saves one on which hundreds lean is not kept waiting."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from carecoord.actions.worklist import project
from carecoord.store.database.engine import writing
from carecoord.store.worklist import marks, registry
from tests.domain.stories import NOW, contract, order, plain
from tests.domain.worklist.test_project import RULES, Json, differences, put, rows
from tests.domain.worklist.test_together import copied

_REGISTRY = ("Organization", "Location", "InsurancePlan", "Contract", "PlanDefinition", "OrganizationAffiliation")
ENDED = contract(end=5, evergreen=False)


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    """The registry of the plain story, and nobody's case."""
    with writing(engine) as conn:
        put(conn, *(each for each in plain().resources.values() if each["resourceType"] in _REGISTRY))
        yield conn


def own(n: int) -> list[Json]:
    """What is about one patient of the plain story: a case that leans on the agreement."""
    return [copied(each, n) for each in plain().resources.values() if each["resourceType"] not in _REGISTRY]


def another(n: int) -> Json:
    """An order of the first patient's that nobody is asked for yet: it leans on no agreement."""
    bare = {name: value for name, value in order().items() if name not in ("performer", "locationReference")}
    return copied(bare, 0) | {"id": f"another-{n}"}


def gates(conn: Connection) -> set[str]:
    return {row["agreement_gate"] for row in rows(conn).values()}


def marked(conn: Connection) -> set[str]:
    numbers = {row["rid"]: id for id, row in rows(conn).items()}
    return {numbers[rid] for rid in marks.among(conn, list(numbers))}


def test_six_cases_are_judged_with_the_change(conn: Connection) -> None:
    for n in range(6):
        put(conn, *own(n))
    put(conn, ENDED)
    assert (len(rows(conn)), gates(conn), marked(conn)) == (6, {"blocked"}, set())
    assert differences(conn, NOW) == {}


def test_seven_are_marked_and_judged_by_the_worker(conn: Connection) -> None:
    for n in range(7):
        put(conn, *own(n))
    put(conn, ENDED)
    assert gates(conn) == {"met"}
    assert marked(conn) == {f"sr-{n}" for n in range(7)}
    project.refresh(conn, NOW, RULES, 100)
    assert (gates(conn), marked(conn)) == ({"blocked"}, set())
    assert differences(conn, NOW) == {}


def test_one_that_leans_on_the_change_is_marked_where_its_patient_has_more_than_that_to_be_judged_with_it(
    conn: Connection,
) -> None:
    put(conn, *own(0), *(another(n) for n in range(5)))
    assert len(registry.dependents(conn, ["Contract/agr-1-v1"])) == 1
    put(conn, ENDED)
    assert (rows(conn)["sr-0"]["agreement_gate"], marked(conn)) == ("blocked", set())
    put(conn, another(5), contract())
    assert rows(conn)["sr-0"]["agreement_gate"] == "met", "its patient is judged for what else was written of them"
    put(conn, ENDED)
    assert marked(conn) == {"sr-0"}
    project.refresh(conn, NOW, RULES, 100)
    assert (rows(conn)["sr-0"]["agreement_gate"], marked(conn)) == ("blocked", set())
    assert differences(conn, NOW) == {}


def test_whose_cases_are_judged_for_what_else_is_written_with_the_change_are_not_left_to_the_worker(
    conn: Connection,
) -> None:
    put(conn, *(each for n in range(8) for each in own(n)), ENDED)
    assert (len(rows(conn)), gates(conn), marked(conn)) == (8, {"blocked"}, set())
    assert differences(conn, NOW) == {}
