"""What stands where a Bundle writes is held still until it is written, also what came while the Bundle looked."""

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, text

from carecoord.actions.fhir import door
from carecoord.store.database.engine import lock_number, open_engine, writing
from carecoord.store.resources import read
from tests.domain.stories import task
from tests.domain.worklist.test_project import put


@pytest.mark.postgres
def test_what_is_made_by_another_while_a_bundle_looks_is_seen_and_held_too(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(new_database("postgres"))
    real, looks = read.many, 0

    def many(conn: Connection, refs: Iterable[tuple[str, str]]) -> Any:
        nonlocal looks
        looks += 1
        found = real(conn, refs)
        if looks == 1:
            with writing(engine) as other:
                put(other, task(1))
        return found

    monkeypatch.setattr(read, "many", many)
    aims: Any = [SimpleNamespace(type="Task", id=f"task-{n}", already=None, twin=None) for n in (1, 2)]
    with writing(engine) as conn:
        turn: Any = SimpleNamespace(conn=conn)
        held, versions = door.stands(turn, aims)
        assert held.keys() == {("Task", "task-1")}
        assert versions == {("Task", "task-1"): 1}
        with writing(engine) as other:
            free = text("SELECT pg_try_advisory_xact_lock(:n)")
            assert [other.scalar(free, {"n": lock_number(f"state Task/task-{n}")}) for n in (1, 2)] == [False, True]
    engine.dispose()
