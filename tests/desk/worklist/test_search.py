"""The desk finds a case by whatever stands on its row or panel, however it is typed; a payer by what it sees."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import case
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.query import CaseScope, Worklist, WorklistQuery
from carecoord.store.worklist.search_words import asked
from carecoord.store.worklist.tabs import DueBounds
from tests.desk import rows
from tests.desk.conftest import House
from tests.desk.rows import DAY, NOW, OURS

AT = DueBounds(NOW, NOW + DAY // 2, NOW + 4 * DAY, NOW + 7 * DAY)


@pytest.fixture(scope="module")
def desks(house: House) -> dict[str, FlaskClient]:
    """Browsers that stay signed in: every sign-in is a row of the trail that other tests of this house count."""
    return {who: house.enter(who) for who in ("coordinator", "payer")}


def numbers(desks: dict[str, FlaskClient], who: str, said: str) -> list[str]:
    """The numbers of the cases that somebody finds, open or closed, on the first page."""
    client = desks[who]
    found: list[str] = []
    for tab in ("open", "closed"):
        page = client.get("/", query_string={"q": said, "tab": tab}).get_data(as_text=True)
        found += re.findall(r"Choose [^<]*, (R-\d+)<", page)
    return found


OKAFOR = "R-24817"
TYPED = [  # what stands on the row and the panel of R-24817, as people type it
    "okafor", "Okafor, Ngozi", "ngozi okafor", "R-24817", "r-24817", "24817", "4410-882", "4410882", "4410 882",
    "1965-01-15", "01/15/1965", "1/15/1965", "15 Jan 1965", "15 January 1965", "Jan 15, 1965", "january 15 1965",
    "15.1.1965", "01-15-1965", "19650115", "01151965", "okafor 01/15/1965",
    "555-0200", "5550200", "555 0200", "(555) 0200", "555.0200",
    "cardiology okafor", "LBBB", "riverside", "Farrow okafor", "Reyes okafor", "urgent okafor", "AGR-0112 okafor",
    "Blue Horizon okafor", "okafor N", "O N 24817",
]  # fmt: skip


@pytest.mark.parametrize("said", TYPED)
def test_a_coordinator_finds_a_case_by_what_its_row_or_panel_shows(desks: dict[str, FlaskClient], said: str) -> None:
    assert OKAFOR in numbers(desks, "coordinator", said)


@pytest.mark.parametrize(
    "said",
    ["GC-70313", "gc70313", "70313", "GC014-4309772", "gc0144309772", "Mensah brandt", "Patel brandt",
     "AGR-0106 brandt", "home health brandt", "Evergreen brandt"],
)  # fmt: skip
def test_it_is_found_by_authorization_member_requester_owner_agreement_and_service(
    desks: dict[str, FlaskClient], said: str
) -> None:
    assert "R-24760" in numbers(desks, "coordinator", said)


@pytest.mark.parametrize("said", ["21 Jan 1965", "1965-02-20", "555-0299", "4410-883", "okafor dermatology"])
def test_nobody_is_found_by_what_stands_nowhere(desks: dict[str, FlaskClient], said: str) -> None:
    assert OKAFOR not in numbers(desks, "coordinator", said)


@pytest.mark.parametrize(
    "said", ["okafor", "R-24817", "riverside okafor", "1965-01-15", "15 Jan 1965", "urgent okafor"]
)
def test_a_payer_finds_a_request_by_what_it_is_shown(desks: dict[str, FlaskClient], said: str) -> None:
    assert OKAFOR in numbers(desks, "payer", said)


@pytest.mark.parametrize("said", ["LBBB", "555-0200", "Reyes", "Farrow", "Fairmont", "AGR-0112"])
def test_a_payer_finds_nothing_by_what_only_the_clinics_know(desks: dict[str, FlaskClient], said: str) -> None:
    assert OKAFOR not in numbers(desks, "payer", said)


def test_all_of_one_specialty_are_found_by_its_name(house: House, desks: dict[str, FlaskClient]) -> None:
    with reading(house.world.engine) as conn:
        every = conn.scalars(select(case.c.number).where(case.c.open, case.c.specialty == "Cardiology")).all()
    lines = desks["coordinator"].get("/worklist.csv?q=cardiology").get_data(as_text=True).splitlines()
    assert len(every) == 14
    assert {line.partition(",")[0] for line in lines} >= set(every)


@pytest.fixture
def named(engine: Engine) -> Engine:
    names = (
        "Łukasiewicz, Żaneta", "Ødegård, Bjørn", "Đặng, Thị Hoà", "O’Brien, Séan", "王, 伟", "Müller, Jörg",
        "Straße, Günther", "İnce, Şule", "Æsop, Þór", "van der Berg, Anna Maria", "de la Cruz, José", "Álvarez, Ana",
        "Ng, Ý", "Zimmer, Eva",
    )  # fmt: skip
    with writing(engine) as conn:
        worklist_rows.save(conn, [rows.row(rid, patient_name=name) for rid, name in enumerate(names, 1)])
    return engine


def found(engine: Engine, words: str = "", sort: str = "due") -> list[str]:
    with reading(engine) as conn:
        listed = Worklist(conn, CaseScope((("placer", OURS),)), AT).every(WorklistQuery(words=words, sort=sort))
        return [row.patient_name.partition(",")[0] for row in listed]


def test_patients_are_sorted_among_their_letter(named: Engine) -> None:
    assert found(named, sort="patient") == [
        "Æsop", "Álvarez", "Đặng", "de la Cruz", "İnce", "Łukasiewicz", "Müller", "Ng", "O’Brien", "Ødegård", "Straße",
        "van der Berg", "Zimmer", "王",
    ]  # fmt: skip
    assert found(named, sort="-patient") == found(named, sort="patient")[::-1]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("lukasiewicz", "Łukasiewicz"), ("odegard", "Ødegård"), ("dang", "Đặng"), ("aesop", "Æsop"), ("thor", "Æsop"),
        ("O'Brien", "O’Brien"), ("O`Brien", "O’Brien"), ("obrien", "O’Brien"), ("o brien", "O’Brien"),
        ("O’Brien", "O’Brien"), ("strasse", "Straße"), ("STRASSE", "Straße"), ("ince", "İnce"), ("INCE", "İnce"),
        ("王", "王"), ("y ng", "Ng"), ("van der berg", "van der Berg"),
    ],
)  # fmt: skip
def test_a_name_is_found_as_it_is_typed(named: Engine, said: str, name: str) -> None:
    assert name in found(named, said)


def test_one_letter_finds_those_whose_word_begins_so(named: Engine) -> None:
    assert found(named, "z") == ["Łukasiewicz", "Zimmer"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("13/01/1980", ["1980-01-13"]), ("1980/3/4", ["1980-03-04"]), ("Sept 4, 1980", ["1980-09-04"]),
        ("4th of may", ["4th", "of", "may"]), ("may 1980", ["may", "1980"]), ("99/99/1980", ["1980-99-99"]),
        ("+1 (312) 555-0200", ["13125550200"]), ("312-555-0200", ["3125550200"]), ("0004567", ["0004567"]),
        ("4410-8", ["4410-8"]), ("BH-70103", ["bh-70103"]), ("", []), (" , ", []), ("'", []),
    ],
)  # fmt: skip
def test_a_question_is_read_as_words_dates_and_numbers(said: str, words: list[str]) -> None:
    assert asked(said) == words
