"""What a process remembers of cases is true of what the other has written meanwhile: random writes by two processes in
turn leave the same rows as judging everything from nothing."""

import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from carecoord.actions.clearance.assemble import of_patient
from carecoord.actions.clearance.library import Library
from carecoord.actions.prior_auth import projection
from carecoord.actions.worklist import project as worklist_project
from carecoord.domain.worklist.judgement import judged
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.prior_auth import authorizations
from tests.domain.clearance.test_clearance import stories
from tests.domain.stories import NOW, Story, answer, appointment, claim, contract, group, plain, task
from tests.domain.worklist.test_project import RULES, changes, differences, noted, put, twin
from tests.forked import beside

Json = dict[str, Any]
Write = tuple[str, datetime, list[Json | str]]  # where, when, what
PATIENTS = ("pat", "pat-2")

pytestmark = pytest.mark.xdist_group("two processes")


def writes(pipe: Pipe) -> None:
    """In a process of its own: make each write that is told, each in a transaction, until nothing more is."""
    engines: dict[str, Any] = {}
    while (told := pipe.recv()) is not None:
        url, now, resources = told
        if url not in engines:
            engines[url] = open_engine(url)
        with writing(engines[url]) as conn:
            put(conn, *resources, now=now)
            worklist_project.refresh(conn, now, RULES, 100)
        pipe.send(True)
    for engine in engines.values():
        engine.dispose()


@pytest.fixture(scope="module")
def writers() -> Iterator[tuple[Pipe, Pipe]]:
    """Two that write, and remember from one test to the next."""
    pipes = [multiprocessing.Pipe() for _ in range(2)]
    processes = [beside(writes, theirs) for _, theirs in pipes]
    yield tuple(ours for ours, _ in pipes)  # type: ignore[misc]
    for (ours, theirs), process in zip(pipes, processes, strict=True):
        ours.send(None)
        process.join(10)
        ours.close()
        theirs.close()


def write(pipe: Pipe, told: Write) -> None:
    pipe.send(told)
    assert pipe.poll(60), "no answer"
    assert pipe.recv() is True


def told_apart(conn: Connection, now: datetime) -> list[str]:
    """The requests for authorization whose rows are not as they are judged here."""
    library, found = Library(conn), []
    for patient in PATIENTS:
        cases = [judged(each.id, each.case, now, RULES) for each in of_patient(library, patient)]
        cases += projection.alone(library, patient, cases, now, RULES).judged
        found += authorizations.differing(conn, patient, projection.made(cases, RULES))
    return found


@given(st.lists(stories(), min_size=2, max_size=3), st.randoms(use_true_random=False))
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_random_writes_of_two_processes_leave_the_rows_that_judging_from_nothing_gives(
    sqlite_template: Path, tmp_path: Path, writers, told, chance
) -> None:
    path = Path(tempfile.mkdtemp(dir=tmp_path)) / "model.db"
    shutil.copyfile(sqlite_template, path)
    follow(f"sqlite:///{path}", writers, told, chance)


@pytest.mark.postgres
def test_on_postgresql_too(new_database: Callable[[str], str], writers) -> None:
    """Stories that differ in all that is judged, written there and back."""
    plainly = plain()
    told = [
        plainly,
        plainly.with_(claim(), answer(start=-20, end=60, units=2), appointment(14)),
        plainly.with_(contract(end=5, evergreen=False), task(1, "in-progress", "scheduled")),
        plainly.with_(group(1) | {"name": "Lakeside"}, claim(), appointment(20, comment="Bring the old ECG")),
        plainly,
    ]
    follow(new_database("postgres"), writers, told, Random(11))


def follow(url: str, writers: tuple[Pipe, Pipe], told: list[Story], chance: Random) -> None:
    """One story after the other, in any order and any number of transactions, each by either of the two."""
    engine = open_engine(url)
    now, last = NOW, Story()
    for story in told:
        pending = changes(last, story)
        pending += [twin(each) for each in pending if isinstance(each, dict) and chance.random() < 0.5]
        chance.shuffle(pending)
        while pending:
            take = chance.randint(1, len(pending))
            now += timedelta(minutes=chance.choice((0, 1, 30, chance.randint(0, 60 * 24 * 3))))
            write(chance.choice(writers), (url, now, pending[:take]))
            with reading(engine) as conn:
                more = noted(conn, chance)
            write(chance.choice(writers), (url, now, list[Json | str](more)))
            with reading(engine) as conn:
                assert differences(conn, now) == {}
                assert told_apart(conn, now) == []
            pending = pending[take:]
        last = story
    engine.dispose()

