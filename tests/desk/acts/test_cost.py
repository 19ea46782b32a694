"""What an act costs, from the form that is sent to the page that answers it: counted in questions to the database and
in cases put together, for neither depends on how busy the machine is."""

import pytest
from flask.testing import FlaskClient

from carecoord.actions.clearance import assemble
from tests.desk.acts.test_work_and_contacts import CASE, opened, send
from tests.desk.conftest import House
from tests.domain.worklist.test_project import statements

SWAP = {"HX-Request": "true", "HX-Request-Type": "partial"}
MOST = 67  # questions of a note; each is a journey to a PostgreSQL that stands elsewhere


@pytest.fixture
def maria(acting_house: House) -> FlaskClient:
    return acting_house.enter("coordinator")


def noted(maria: FlaskClient, words: str) -> str:
    """A note is written once before, so that what a process reads once is read."""
    fields = opened(maria, "note")
    answer = send(maria, "note", fields | {"note": words}, **SWAP)
    assert answer.status_code == 200
    assert words in answer.text
    return answer.text


def test_an_act_and_the_page_that_answers_it_ask_the_database_few_questions(
    acting_house: House, maria: FlaskClient
) -> None:
    noted(maria, "Called, nobody there.")
    fields = opened(maria, "note")
    with statements(acting_house.world.engine) as ran:
        answer = send(maria, "note", fields | {"note": "Called again."}, **SWAP)
    assert answer.status_code == 200
    assert len(ran) <= MOST, "\n".join(ran)


def test_an_act_puts_its_case_together_once_and_its_answer_shows_that_very_case(
    acting_house: House, maria: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted(maria, "Left a message.")
    fields, made, real = opened(maria, "note"), [], assemble._put_together

    def counted(*given: object) -> object:
        made.append(given)
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(assemble, "_put_together", counted)
    answer = send(maria, "note", fields | {"note": "They call back."}, **SWAP)
    assert "They call back." in answer.text
    assert len(made) == 1
    assert CASE in answer.headers["HX-Replace-Url"]
