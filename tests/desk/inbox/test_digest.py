"""The mail of the morning, by a real mail server: once on a working day when the office opens, to those who want it,
and without a word of any patient."""

import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as modern
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from carecoord.actions.inbox import digest
from carecoord.errors import Unavailable
from carecoord.settings import Settings
from carecoord.store.database.engine import reading
from carecoord.store.database.jobs import waiting
from carecoord.world import World
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished

SUNDAY = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
EARLY, OPEN = datetime(2026, 11, 23, 12, 59, tzinfo=UTC), datetime(2026, 11, 23, 13, 0, tzinfo=UTC)


class Box:
    """Takes what comes, and refuses one address."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("gone@"):
            return "550 no such box"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        message = BytesParser(policy=modern).parsebytes(content)
        assert isinstance(message, EmailMessage)
        self.letters.append(message)
        return "250 OK"


@pytest.fixture
def box() -> Iterator[tuple[Box, int]]:
    made = Box()
    with socket.socket() as free:  # its own first look at itself wants to know the port
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(made, hostname="127.0.0.1", port=port)
    controller.start()
    yield made, port
    controller.stop()


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    var = tmp_path_factory.mktemp("digest")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    for place in furnished(Settings(var=str(var), **BUSY)):  # type: ignore[arg-type]
        place.put([body for stage in ("cancel-requested", "accepted") for body in case_of("base", stage, stage)])
        yield place


def mailing(place: Place, now: datetime, port: int, login: str = "") -> World:
    url = f"smtp://{login}127.0.0.1:{port}"
    settings = replace(place.house.world.settings, mail_url=url, mail_from="carecoord@office.example")
    return replace(place.house.world, settings=settings, clock=lambda: now)


def prefer(place: Place, who: str, **sent: str) -> int:
    return place.people[who].post("/waiting/mail", data={"csrf": place.csrf[who], **sent}).status_code


def test_it_goes_out_once_when_the_office_opens_to_those_who_want_it_and_tells_of_nobody(
    place: Place, box: tuple[Box, int]
) -> None:
    taken, port = box
    assert prefer(place, "requester", address="no address", wanted="1") == 422
    assert prefer(place, "requester", address="requester@office.example", wanted="1") == 303
    assert prefer(place, "performer", address="gone@office.example", wanted="1") == 303
    for now in (SUNDAY, EARLY):
        digest.send(mailing(place, now, port))
    assert taken.letters == []
    for _ in range(2):
        digest.send(mailing(place, OPEN, port))
    (letter,) = taken.letters
    assert (letter["To"], letter["From"]) == ("requester@office.example", "carecoord@office.example")
    assert (letter["Subject"], letter["Auto-Submitted"]) == ("carecoord: 2 due by tonight", "auto-generated")
    text = letter.get_content()
    assert "Overdue: 2\nDue today: 0\nAll that waits for you: 2\n" in text.replace("\r\n", "\n")
    assert f"{place.house.world.settings.url}/waiting" in text
    whole = letter.as_string()
    assert not [word for word in ("Made", "Up", "cancel-requested", "accepted", "heart", "clinic") if word in whole]


def test_whoever_wants_none_is_sent_none_and_no_password_goes_out_in_the_open(
    place: Place, box: tuple[Box, int]
) -> None:
    taken, port = box
    tuesday = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
    assert prefer(place, "requester", address="requester@office.example", wanted="1") == 303
    with pytest.raises(Unavailable):
        digest.send(mailing(place, tuesday, port, login="u:p@"))
    with pytest.raises(Unavailable):
        digest.send(mailing(place, tuesday, 1))
    assert prefer(place, "requester", address="requester@office.example") == 303
    digest.send(mailing(place, tuesday, port))
    assert taken.letters == []


def test_a_worker_looks_whose_morning_it_is_where_mail_can_be_sent_and_is_asked_once(place: Place) -> None:
    for world, wanted in ((place.house.world, False), (mailing(place, SUNDAY, 25), True)):
        for _ in range(2):
            digest.order(world)
        with reading(world.engine) as conn:
            assert (digest.JOB in waiting(conn, digest.JOB)) is wanted
