"""What leaves both desks on paper, on PostgreSQL: a payer's letters by each way, in batches that no two clerks make of
the same letters, and the packet of a request."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from carecoord import app
from carecoord.actions.fhir import load as fhir_load
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.policies import say
from carecoord.actions.policies.say import Change
from carecoord.store.database.engine import reading
from carecoord.store.prior_auth import letters as sendings
from tests.desk.authorizations.readers import ask_packet, get
from tests.desk.authorizations.test_automatic import work
from tests.desk.authorizations.test_letters_out import MODIFY, PATH, PAYER, batch_of, form, words
from tests.desk.authorizations.test_request_acts import GRANTED
from tests.desk.authorizations.test_request_page import APPROVE, STRESS, VASCULAR, told
from tests.desk.conftest import FIXTURES, PASSWORD, Clock, House, opened

pytest.importorskip("weasyprint", reason="WeasyPrint is not installed")
ON_POSTGRESQL = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    for world in opened(tmp_path, Clock(), database_url=database_url):
        files = [*sorted((FIXTURES / "office").glob("*.ndjson")), *sorted((FIXTURES / "ehr").glob("*.ndjson"))]
        assert not fhir_load.load(world, files).refusals
        for login, name, role, office in (
            ("okonkwo", "Okonkwo, Paul", "payer", PAYER), ("calder", "Calder, Ines", "payer", PAYER),
            ("reyes", "Reyes, Maria", "coordinator", "office-fairmont"),
        ):  # fmt: skip
            accounts.add_user(world, NewUser(login, name, frozenset({role}), office), PASSWORD)
        yield House(world, app.wired(world))


def go(house: House, channel: str) -> None:
    """Letters go by this way from now on."""
    say.say_together(house.world, None, "test", PAYER, [Change("", "letter.channel", channel, date(2026, 1, 1))], None)


@ON_POSTGRESQL
def test_letters_and_a_packet_leave_the_house_on_postgresql(house: House) -> None:
    clerk, colleague = house.enter("okonkwo"), house.enter("calder")
    assert told(clerk, VASCULAR, "decide", **APPROVE)[0] == 303
    work(house)
    go(house, "mail")
    assert told(clerk, STRESS, "decide", **MODIFY)[0] == 303
    work(house)
    page = words(get(clerk, PATH))
    assert ("Printed here 1" in page, "Mail house 1" in page) == (True, True)
    printed = at_once(clerk, colleague)
    mailed = batch_of(clerk.post(f"{PATH}/batch", data=form(clerk, "mail")))
    assert clerk.get(f"{PATH}/{mailed}.pdf").get_data().startswith(b"%PDF-")
    for _ in range(2):
        assert clerk.post(f"{PATH}/{printed}/sent", data=form(clerk)).status_code == 303
    with reading(house.world.engine) as conn:
        (on_paper,) = sendings.of_root(conn, f"Claim/{VASCULAR}").values()
        (by_mail,) = sendings.of_root(conn, f"Claim/{STRESS}").values()
    assert (on_paper.channel, on_paper.batch, on_paper.sent is None, on_paper.sent_by) == (
        "print", printed, False, "Okonkwo, Paul",
    )  # fmt: skip
    assert (by_mail.channel, by_mail.batch, by_mail.sent) == ("mail", mailed, None)
    assert "Printed here 0 No letter waits for this way." in words(get(clerk, PATH))
    maria = house.enter("coordinator")
    ask_packet(maria, GRANTED)
    ask_packet(maria, GRANTED)
    work(house)
    assert maria.get(f"/authorizations/{GRANTED}/packet.pdf").get_data().startswith(b"%PDF-")


@ON_POSTGRESQL
def test_a_letter_for_the_portal_waits_for_no_batch_on_postgresql(house: House) -> None:
    go(house, "portal")
    clerk = house.enter("okonkwo")
    assert told(clerk, VASCULAR, "decide", **APPROVE)[0] == 303
    work(house)
    with reading(house.world.engine) as conn:
        (sent,) = sendings.of_root(conn, f"Claim/{VASCULAR}").values()
        assert sendings.count(conn, [PAYER], ()) == 0
    assert (sent.channel, sent.batch, sent.sent is None, sent.sent_by) == ("portal", None, False, "")


def at_once(*clerks: FlaskClient) -> str:
    """The batch that two clerks make of the same letters in the same moment: one of them gets it, one nothing."""
    forms = [form(each) for each in clerks]
    with ThreadPoolExecutor(len(clerks)) as both:
        answers = list(both.map(lambda n: clerks[n].post(f"{PATH}/batch", data=forms[n]), range(len(clerks))))
    assert sorted(each.status_code for each in answers) == [303, 409]
    return next(batch_of(each) for each in answers if each.status_code == 303)
