"""How a question about a card stands is true also where two write about it at once, of a patient who has no case."""

from collections.abc import Callable
from datetime import UTC
from importlib import import_module
from threading import Thread
from typing import Any

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, func, select

from carecoord.actions.coverage import projection
from carecoord.fhir.instants import micros
from carecoord.store.coverage import questions
from carecoord.store.coverage.tables import eligibility_question
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.database.tables import outbox
from tests.domain.stories import NOW, PATIENT, REGISTRY, at, coverage, eligibility, payer, plain, ref, task
from tests.domain.worklist.test_project import differences, put

NAIC = "urn:oid:2.16.840.1.113883.6.300"
QUESTION = {
    "resourceType": "CoverageEligibilityRequest", "id": "asked", "status": "active", "purpose": ["validation"],
    "patient": ref("Patient/pat"), "created": at(-9, "08:00"), "insurer": ref("Organization/payer-1"),
    "insurance": [{"coverage": ref("Coverage/card-1")}],
}  # fmt: skip


def test_a_question_that_the_update_took_for_one_about_no_card_stands_at_the_desk_again(engine: Engine) -> None:
    versioned = QUESTION | {"insurance": [{"coverage": ref("Coverage/card-1/_history/1")}]}
    bare = {name: value for name, value in QUESTION.items() if name != "insurance"} | {"id": "bare"}
    of_another = QUESTION | {"id": "others", "insurance": [{"coverage": ref("Coverage/card-2")}]}
    with writing(engine) as conn:
        put(conn, PATIENT, *REGISTRY, coverage(1), coverage(2), versioned, bare, of_another)
        questions.put(conn, "others", payer="payer-1", patient="pat", asked=1, answered=None)  # of before
        with Operations.context(MigrationContext.configure(conn)):
            import_module("carecoord.store.migrations.versions.0067_questions_about_no_card").upgrade()
        assert list(conn.scalars(select(eligibility_question.c.id))) == ["others"]
    for _ in range(2):
        projection.renew(engine, UTC)
    with writing(engine) as conn:
        assert sorted(conn.scalars(select(eligibility_question.c.id))) == ["asked", "bare"]


def test_a_question_follows_its_payer_when_that_is_found_to_be_another_and_back_again(engine: Engine) -> None:
    """The card names the EHR's copy of the payer, by a number that our own does not have yet."""
    theirs = payer(1, "ehr-") | {"identifier": [{"system": NAIC, "value": "60054"}]}
    ours = payer(1)
    both = ours | {"identifier": [*ours["identifier"], *theirs["identifier"]]}
    card = coverage() | {"payor": [ref("Organization/ehr-payer-1")]}

    def asked() -> list[str]:
        with reading(engine) as conn:
            return list(conn.scalars(select(eligibility_question.c.id)))

    def follows(wanted: int, *resources: dict[str, Any]) -> None:
        with writing(engine) as conn:
            put(conn, *resources)
            assert conn.scalar(select(func.count()).where(outbox.c.kind == projection.JOB)) == wanted
            conn.execute(outbox.delete())
        projection.look_again(engine, UTC)

    follows(1, PATIENT, *REGISTRY, theirs, card, QUESTION)
    assert asked() == []
    follows(1, both)
    assert asked() == ["asked"]
    follows(0, both | {"name": "Blue Horizon Health"})
    assert asked() == ["asked"]
    follows(1, ours)
    assert asked() == []


def answer(engine: Engine, age: int) -> None:
    with writing(engine) as conn:
        put(conn, eligibility(age, request=ref("CoverageEligibilityRequest/asked")))


@pytest.mark.postgres
def test_of_two_answers_that_are_written_at_once_the_earlier_is_told(new_database: Callable[[str], str]) -> None:
    engine = open_engine(new_database("postgres"))
    with writing(engine) as conn:
        put(conn, PATIENT, *REGISTRY, coverage(), QUESTION)
    other = Thread(target=answer, args=(engine, 5))
    with writing(engine) as conn:
        put(conn, eligibility(2, request=ref("CoverageEligibilityRequest/asked")))
        other.start()
        other.join(0.5)
        assert other.is_alive(), "it waits for the first"
    other.join()
    with writing(engine) as conn:
        (row,) = conn.execute(select(eligibility_question))
    days = (micros(NOW) - row.answered) / 86_400_000_000
    assert 4 < days < 6, "five days ago, by the one that came second"
    engine.dispose()


@pytest.mark.postgres
def test_who_makes_a_payer_another_waits_for_no_patient_while_another_who_does_waits_for_it(
    new_database: Callable[[str], str],
) -> None:
    engine = open_engine(new_database("postgres"))
    with writing(engine) as conn:
        put(conn, *plain().resources.values(), QUESTION)

    def renumbered(n: int) -> dict[str, Any]:
        return payer(n) | {"identifier": [{"system": NAIC, "value": f"6005{n}"}]}

    def first() -> None:
        with writing(engine) as conn:
            put(conn, renumbered(1))  # of whose payer the case is

    other = Thread(target=first)
    with writing(engine) as conn:
        put(conn, task() | {"note": [{"text": "Spoke with the clinic"}]})
        other.start()
        other.join(0.5)
        assert other.is_alive(), "it waits for the patient"
        put(conn, renumbered(2))
    other.join()
    with reading(engine) as conn:
        assert conn.scalar(select(func.count()).where(outbox.c.kind == projection.JOB)) == 1
        assert differences(conn, NOW) == {}
    engine.dispose()
