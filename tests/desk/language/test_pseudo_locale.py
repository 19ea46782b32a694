"""Every page, for everyone who takes part, says nothing of ours but by the catalogue: read in the pseudo-language, no
plain word is left on it that is not others' (names, codes' displays, what somebody wrote)."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.domain.policies.shipped import TERMS
from carecoord.fhir import text as fhir_text
from carecoord.fhir.types import TYPES
from carecoord.store.database.engine import reading
from tests.desk.conftest import PASSWORD, Clock, House, built
from tests.desk.guests.test_clinic_link import come_in, linked
from tests.desk.guests.test_patient_link import BORN, ELENA
from tests.desk.language import pseudo
from tests.desk.language.crawl import Walk
from tests.desk.language.pseudo import Others, english, told

READERS = {
    "coordinator": "reyes", "clinician": "farrow", "payer": "okonkwo", "contracts": "nilsson", "auditor": "osborne",
    "admin": "whitlock", "supervisor": "senior", "clinic": "desk",
}  # fmt: skip
HIRED = {  # beside the people of every house
    "senior": (frozenset({"coordinator", "supervisor"}), "office-fairmont"),
    "desk": (frozenset({"coordinator"}), "office-bellwether-vascular"),
}
SENT = "order-24815"  # a referral of the story that its clinic has not answered yet
# What is not the database's and not ours either.
OTHERS = (
    "New York",  # where the zone of the office is named after
    "load",  # the request of the command line that brought the story in, as the audit has it
    "Accepted.",  # what the record keeps, for the clinic as well, of a yes by telephone
    *READERS.values(), "harper", "pratt",  # logins
    "launch launch/patient openid fhirUser offline_access patient/*.rs",  # scopes, the words of SMART
    "DocumentReference",  # what may not be read, as FHIR calls it
    "private_key_jwt", "client_secret_basic", "none", "system/*.rs",  # the words of OAuth and SMART for them
    "LASTNAME", "FIRSTNAME", "BUSNAME", "EXCLTYPE", "EXCLDATE", "REINDATE",  # the columns of the agency's own file
)


@pytest.fixture(scope="module")
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of this module's own, since forms are sent in it, read in the pseudo-language."""
    for made in built(story, tmp_path_factory.mktemp("language"), Clock()):
        for login, (roles, office) in HIRED.items():
            accounts.add_user(made.world, NewUser(login, login.title(), roles, office), PASSWORD)
        with pseudo.spoken():
            yield made


@pytest.fixture(scope="module")
def others(house: House) -> Others:
    return Others(phrases(house))


def phrases(house: House) -> Iterator[str]:
    """What others have said in this house."""
    yield from OTHERS
    yield from (term.source for term in TERMS.values())  # where a shipped value comes from: a rule's own number
    with reading(house.world.engine) as conn:
        for (body,) in conn.execute(text("SELECT body FROM resource WHERE NOT deleted")):
            yield from told(fhir_text.loads(body))
        for query in ("SELECT name FROM auth_user", "SELECT words FROM code_entry"):
            yield from (name for (name,) in conn.execute(text(query)) if name)


def plain(pages: Iterable[tuple[str, TestResponse]], others: Others) -> list[str]:
    """The words of ours that the pages have without the catalogue, each once with where it was met first."""
    found: dict[str, str] = {}
    for path, answer in pages:
        for each in left(path, answer, others):
            found.setdefault(each, path)
    return [f"{path}: {each}" for each, path in found.items()]


def left(path: str, answer: TestResponse, others: Others) -> Iterator[str]:
    """The words of ours on one page, or in the head of one table, that are not from the catalogue."""
    assert answer.status_code < 500, (path, answer.status_code, answer.get_data(as_text=True)[-800:])
    if answer.mimetype == "text/html":
        yield from english(answer.get_data(as_text=True), others)
    else:
        yield from (f"{cell!r}" for cell in head(answer) if others.left(cell))


def head(answer: TestResponse) -> list[str]:
    """The headings of a table that is downloaded. What stands below is the rows' own: names, numbers, days, codes."""
    if answer.mimetype == "text/csv":
        return next(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    if "spreadsheetml" not in answer.mimetype:
        return []
    sheets = openpyxl.load_workbook(io.BytesIO(answer.get_data())).worksheets
    return [sheet.title for sheet in sheets] + [str(cell.value or "") for sheet in sheets for cell in sheet[1]]


@pytest.mark.parametrize("who", READERS)
def test_no_page_has_a_word_of_ours_without_the_catalogue(house: House, others: Others, who: str) -> None:
    walk = Walk(house.app, house.enter(READERS[who]))
    if who == "auditor":  # the trail names what was written as FHIR does
        others = Others([*phrases(house), *TYPES])
    found = plain(walk.pages("/", "/account"), others)
    assert not found, "\n".join(found)
    found = plain(walk.refusals(), others)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("audience", "case", "code"), [("clinic", SENT, ""), ("patient", ELENA, BORN)])
def test_no_page_of_a_link_has_a_word_of_ours_without_the_catalogue(
    house: House, others: Others, audience: str, case: str, code: str
) -> None:
    address, own = linked(house.enter("coordinator"), case, audience)
    phone, _ = come_in(house, address, code or own)
    walk = Walk(house.app, phone, always={"lang": pseudo.LANGUAGE})
    found = plain(walk.pages(address), others)
    assert not found, "\n".join(found)
    found = plain(walk.refusals(), others)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", ["/sign-in", "/no-such-page", "/guest/none", "/invitation/none", "/sign-in/with/none"])
def test_no_page_before_the_door_has_a_word_of_ours_without_the_catalogue(
    house: House, others: Others, path: str
) -> None:
    outside: FlaskClient = house.app.test_client()
    found = plain(Walk(house.app, outside).at(path), others)
    assert not found, "\n".join(found)
