"""How a payer's letters go out: by the way that its policy names, on paper in batches of one file, each logged when and
by whom, and nothing twice, whatever is pressed again or breaks off."""

import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader
from werkzeug.test import TestResponse

from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.policies import say
from carecoord.actions.policies.say import Change
from carecoord.actions.prior_auth.letters import batches
from carecoord.actions.prior_auth.letters import letter as letters
from carecoord.store.database.engine import reading, writing
from carecoord.store.prior_auth import letters as sendings
from carecoord.store.resources.write import Actor, put_all
from carecoord.store.resources.write import Change as Written
from tests.desk.authorizations.readers import get
from tests.desk.authorizations.test_automatic import work
from tests.desk.authorizations.test_request_page import APPROVE, STRESS, VASCULAR, answers, told
from tests.desk.conftest import NOW, PASSWORD, Clock, House, built

pytest.importorskip("weasyprint", reason="WeasyPrint is not installed")
PATH, PAYER = "/decisions/letters", "office-blue-horizon"
MODIFY = {"do-1": "modify", "units-1": "9", "last-1": "2027-01-31", "words-1": "Nine will do."}


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    for found in built(story, tmp_path_factory.mktemp("letters-out"), Clock()):
        for login, name, office in (("calder", "Calder, Ines", PAYER), ("prior", "Prior, Paz", "office-pinnacle")):
            accounts.add_user(found.world, NewUser(login, name, frozenset({"payer"}), office), PASSWORD)
        yield found


def decided(house: House) -> FlaskClient:
    """A clerk, once two requests were decided and their letters written."""
    clerk = house.enter("payer")
    assert told(clerk, VASCULAR, "decide", **APPROVE)[0] == 303
    assert told(clerk, STRESS, "decide", **MODIFY)[0] == 303
    work(house)
    return clerk


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page[page.index("<main") :]).split())


def form(client: FlaskClient, channel: str = "print") -> dict[str, str]:
    """The fields of the form that makes a batch of a way."""
    page = get(client, PATH)
    once, csrf = (re.search(rf'name="{name}" value="([^"]+)"', page) for name in ("once", "csrf"))
    return {"once": once[1] if once else "late", "csrf": csrf[1] if csrf else "", "channel": channel}


def batch_of(answer: TestResponse) -> str:
    assert answer.status_code == 303
    return answer.headers["Location"].partition("#batch-")[2]


def test_letters_are_printed_as_one_file_and_logged_once_whoever_presses_what_again(house: House) -> None:
    clerk, colleague = decided(house), house.enter("calder")
    assert "Letters to send 2" in words(get(clerk, "/decisions"))
    assert re.search(r"Printed here 2 (Nguyen|Delgado|Osei)", words(get(clerk, PATH)))
    assert "Printed here: waits for a batch" in words(get(clerk, f"/decisions/{VASCULAR}"))
    fields = form(clerk)
    first = batch_of(clerk.post(f"{PATH}/batch", data=fields))
    assert batch_of(clerk.post(f"{PATH}/batch", data=fields)) == first, "pressed twice"
    late = colleague.post(f"{PATH}/batch", data=form(colleague))
    assert (late.status_code, "No letter waits for this way any more" in late.get_data(as_text=True)) == (409, True)
    reader = PdfReader(io.BytesIO(clerk.get(f"{PATH}/{first}.pdf").get_data()))
    said = [" ".join(page.extract_text().split()) for page in reader.pages]
    assert sum("Member BH001-4420317" in each for each in said) == 1
    titles = ("Our decision about your care", "Nuestra decisión sobre su atención")  # one member reads Spanish
    assert [sum(title in each for each in said) for title in titles] == [1, 1]
    assert len(said) == 4, "each letter on a sheet of its own where both sides are printed"
    assert "Printed here: in a batch, not in the post yet" in words(get(clerk, f"/decisions/{VASCULAR}"))
    own = form(clerk)
    assert clerk.post(f"{PATH}/{first}/sent", data=own).status_code == 303
    clock = house.world.clock
    assert isinstance(clock, Clock)
    clock.now = NOW + timedelta(minutes=10)
    assert colleague.post(f"{PATH}/{first}/sent", data=form(colleague)).status_code == 303
    log = "22 Nov 09:05, Okonkwo, Paul"
    assert f"2 letters, Printed here (PDF) Made {log} In the post since {log}" in words(get(colleague, PATH))
    assert f"Printed here: in the post since {log}" in words(get(colleague, f"/decisions/{VASCULAR}"))
    work(house)
    assert "Letters to send 2" not in words(get(clerk, "/decisions"))


def test_a_letter_that_is_written_again_after_a_crash_is_one_and_a_batch_that_broke_off_took_none(house: House) -> None:
    clerk = decided(house)
    (answer,) = answers(house, VASCULAR)
    letters.write(house.world, answer["id"])
    assert "Printed here 2" in words(get(clerk, PATH))
    document = letters.document_id(answer["id"])
    about: dict[str, Any] = {"payer": PAYER, "channel": "print", "made": 0, "made_by": "Okonkwo, Paul"}
    with pytest.raises(RuntimeError, match="power"):
        _broken_off(house, document, about)
    assert "Printed here 2" in words(get(clerk, PATH))
    assert "No batch was made yet" in words(get(clerk, PATH))
    with writing(house.world.engine) as conn:
        assert sendings.put_together(conn, "first", [document], **about) == 1
        assert sendings.put_together(conn, "second", [document], **about) == 0, "no letter stands in two"
    with reading(house.world.engine) as conn:
        assert sendings.one(conn, [PAYER], "second") is None


def _broken_off(house: House, document: str, about: dict[str, Any]) -> None:
    with writing(house.world.engine) as conn:
        assert sendings.put_together(conn, "broken", [document], **about) == 1
        raise RuntimeError("power")


@pytest.mark.parametrize(
    ("channel", "at_the_request", "waits"),
    [
        ("mail", "Mail house: waits for a batch", "Mail house 1"),
        ("portal", "Member's app: there since 22 Nov 09:05", "Mail house 0"),
    ],
)
def test_a_letter_goes_by_the_way_that_its_payers_policy_names(
    house: House, channel: str, at_the_request: str, waits: str
) -> None:
    said = Change("", "letter.channel", channel, date(2026, 1, 1))
    say.say_together(house.world, None, "test", PAYER, [said], None)
    clerk = house.enter("payer")
    assert told(clerk, VASCULAR, "decide", **APPROVE)[0] == 303
    work(house)
    page = words(get(clerk, PATH))
    assert "Printed here 0 No letter waits for this way." in page
    assert waits in page
    assert at_the_request in words(get(clerk, f"/decisions/{VASCULAR}")).replace("&#39;", "'")


def test_however_many_letters_wait_for_one_way_those_of_another_are_shown_and_put_together(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST", 1)
    clerk = house.enter("payer")
    assert told(clerk, VASCULAR, "decide", **APPROVE)[0] == 303
    work(house)  # for paper here: as many as go in one batch
    said = Change("", "letter.channel", "mail", date(2026, 1, 1))
    say.say_together(house.world, None, "test", PAYER, [said], None)
    assert told(clerk, STRESS, "decide", **MODIFY)[0] == 303
    work(house)
    page = words(get(clerk, PATH))
    assert ("Printed here 1" in page, "Mail house 1" in page) == (True, True)
    assert batch_of(clerk.post(f"{PATH}/batch", data=form(clerk, "mail")))
    page = words(get(clerk, PATH))
    assert ("Printed here 1" in page, "Mail house 0" in page) == (True, True)


def test_a_letter_that_is_not_in_the_file_of_its_batch_is_not_said_to_be_in_the_post(house: House) -> None:
    clerk = decided(house)
    made = batch_of(clerk.post(f"{PATH}/batch", data=form(clerk)))
    (answer,) = answers(house, VASCULAR)
    gone, world = Written("DocumentReference", letters.document_id(answer["id"]), None), house.world
    with writing(world.engine) as conn:
        by = Actor("test", None, None, "t")
        put_all(conn, [gone], now=world.clock(), actor=by, base=world.base, project=world.project)
    assert len(PdfReader(io.BytesIO(clerk.get(f"{PATH}/{made}.pdf").get_data())).pages) == 2
    assert clerk.post(f"{PATH}/{made}/sent", data=form(clerk)).status_code == 303
    with reading(house.world.engine) as conn:
        (of_gone,) = sendings.of_root(conn, f"Claim/{VASCULAR}").values()
        (of_other,) = sendings.of_root(conn, f"Claim/{STRESS}").values()
    assert (of_gone.batch, of_gone.sent) == (None, None)
    assert (of_other.batch, of_other.sent is None) == (made, False)


def test_nobody_but_the_payers_own_people_sees_its_letters_batches_or_files(house: House) -> None:
    clerk = decided(house)
    made = batch_of(clerk.post(f"{PATH}/batch", data=form(clerk)))
    other = house.enter("prior")
    assert "No batch was made yet" in words(get(other, PATH))
    assert "Osei" not in get(other, PATH)
    paths = (f"{PATH}/{made}.pdf", PATH)
    assert [other.get(path).status_code for path in paths] == [404, 200]
    assert other.post(f"{PATH}/{made}/sent", data=form(other)).status_code == 404
    for who in ("coordinator", "outsider", "clinician", "contracts", "rival", "auditor", "admin"):
        client = house.enter(who)
        assert [client.get(path).status_code for path in paths] == [404, 404], who
        token = {"csrf": _csrf(client), "channel": "print", "once": "x"}
        for path in (f"{PATH}/batch", f"{PATH}/{made}/sent"):
            assert client.post(path, data=token).status_code == 404, (who, path)
    assert "Not in the post yet" in words(get(clerk, PATH))


def _csrf(client: FlaskClient) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/account").get_data(as_text=True))
    assert found is not None
    return found[1]
