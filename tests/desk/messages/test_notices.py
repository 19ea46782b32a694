"""The mail that a message is there, by a real server: in the patient's language, to who wants it, and of nobody."""

from dataclasses import replace
from typing import Any

import pytest

from carecoord.actions.messages import notices
from carecoord.errors import Unavailable
from carecoord.fhir import text as fhir_text
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import outbox
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.world import World
from tests.desk.acts.made import made
from tests.desk.conftest import House
from tests.desk.guests.test_clinic_link import come_in, hidden, linked, row_of
from tests.desk.inbox.test_digest import Box, box
from tests.desk.messages.test_thread import Enter, clock, enter, talks, write

__all__ = ["box", "clock", "enter"]


def reachable(house: House, patient: str) -> None:
    """Let the patient have a mail address, and an old one."""
    with writing(house.world.engine) as conn:
        row = read.get(conn, "Patient", patient)
        assert row
        held = fhir_text.loads(row.body)
        telecom = [
            {"system": "email", "value": "old@home.example", "use": "old"},
            {"system": "email", "value": "elena@home.example"},
        ]
        change = Change("Patient", patient, held | {"telecom": [*held.get("telecom", []), *telecom]})
        world, actor = house.world, Actor("ehr:elm", None, None, "sync")
        put_all(conn, [change], now=world.clock(), actor=actor, base=world.base, project=world.project)


def mailing(house: House, port: int) -> World:
    settings = replace(house.world.settings, mail_url=f"smtp://127.0.0.1:{port}", mail_from="carecoord@office.example")
    return replace(house.world, settings=settings)


def test_a_patient_is_told_by_mail_in_their_language_that_a_message_is_there_and_nothing_else(
    acting_house: House, enter: Enter, box: tuple[Box, int]
) -> None:
    case, maria, (taken, port) = "order-24820", enter("coordinator"), box
    patient = row_of(acting_house, case).patient
    reachable(acting_house, patient)
    assert write(maria, case, f"Patient/{patient}", "Traiga sus medicinas, Elena.", checked="1").status_code == 303
    (talk,) = talks(acting_house, case)
    with reading(acting_house.world.engine) as conn:
        assert [row.key for row in conn.execute(outbox.select().where(outbox.c.kind == "notice"))] == [talk["id"]]
    with pytest.raises(Unavailable):
        notices.send(mailing(acting_house, 1), talk["id"])
    notices.send(acting_house.world, talk["id"])  # no mail server is named
    notices.send(mailing(acting_house, port), talk["id"])
    (letter,) = taken.letters
    assert (letter["To"], letter["Subject"]) == ("elena@home.example", "Tiene un mensaje sobre su referido")
    said: Any = letter.as_string()
    assert not [word for word in ("Elena M", "Martinez", "medicinas", "Meridian", "Fairmont", case) if word in said]


def test_who_wants_no_more_messages_is_sent_no_mail(acting_house: House, enter: Enter, box: tuple[Box, int]) -> None:
    case, maria, (taken, port) = made(acting_house, "accepted"), enter("coordinator"), box
    patient = row_of(acting_house, case).patient
    reachable(acting_house, patient)
    assert write(maria, case, f"Patient/{patient}", "Please call us.").status_code == 303
    address, _ = linked(maria, case, "patient")
    phone, _ = come_in(acting_house, address, str(row_of(acting_house, case).birth_date))
    phone.post(f"{address}/stop-messages", data=hidden(phone.get(address).get_data(as_text=True), "stop-messages"))
    notices.send(mailing(acting_house, port), talks(acting_house, case)[0]["id"])
    assert taken.letters == []
