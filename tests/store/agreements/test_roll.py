"""The register looked through: what is found by words, by tab, by party, and in which order; on both databases."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from carecoord.actions.agreements import lines
from carecoord.store.agreements import roll
from carecoord.store.agreements.roll import Asked
from carecoord.store.database.engine import reading, writing
from tests.domain.agreements.test_overview import made
from tests.domain.stories import ref
from tests.store.agreements.test_register import put

Json = dict[str, Any]
NOW = datetime(2026, 11, 27, 10, 20, tzinfo=UTC)
TODAY = date(2026, 11, 27)
BLUE = {"resourceType": "Organization", "id": "blue", "name": "Blue Horizon Health"}
RIVERSIDE = {"resourceType": "Organization", "id": "riverside", "name": "Riverside Heart Group"}
GRANITE = {"resourceType": "Organization", "id": "granite", "name": "Granite Care Alliance"}


def agreement(number: str, start: str, end: str = "", who: str = "blue", n: int = 1, **more: Any) -> Json:
    whole = made(start, end, n, **more)
    whole["identifier"][0]["value"] = number
    return whole | {"id": f"{number.lower()}-v{n}", "authority": [ref(f"Organization/{who}")]}


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Five agreements: one in each tab, two of another payer."""
    put(
        engine, NOW, BLUE, RIVERSIDE, GRANITE,
        agreement("AGR-0001", "2025-01-01", "2026-12-31", notice_days=30),  # notice by 2 Dec
        agreement("AGR-0002", "2020-03-01", "2027-02-28", evergreen=True, notice_days=10),  # notice by 19 Feb
        agreement("AGR-0003", "2024-01-01", "2028-12-31", who="granite"),
        agreement("AGR-0004", "2020-01-01", "2021-12-31", who="granite") | {"title": "Cleaning of the clinic"},
        agreement("AGR-0005", "2027-01-01", status="negotiable"),
    )  # fmt: skip
    return engine


def found(engine: Engine, **asked: Any) -> list[str]:
    with reading(engine) as conn:
        return [row.number for row in roll.page(conn, Asked(TODAY.toordinal(), **{"parties": None} | asked), 50)]


def test_each_tab_lists_what_it_counts_in_the_order_in_which_something_is_due(filled: Engine) -> None:
    expected = {
        "current": ["AGR-0001", "AGR-0002", "AGR-0003"], "notice": ["AGR-0001"], "ending": ["AGR-0001"],
        "unsigned": ["AGR-0005"], "ended": ["AGR-0004"],
        "all": ["AGR-0004", "AGR-0001", "AGR-0002", "AGR-0003", "AGR-0005"],
    }  # fmt: skip
    assert {tab: found(filled, tab=tab) for tab in expected} == expected
    with reading(filled) as conn:
        counted = roll.counts(conn, Asked(TODAY.toordinal(), None))
    assert {tab: counted[tab] for tab in expected} == {tab: len(rows) for tab, rows in expected.items()}
    assert {name: counted[name] for name in roll.BUCKETS} == {"6": 1, "12": 0, "18": 0, "24": 0, "later": 2}
    assert found(filled, bucket="later") == ["AGR-0002", "AGR-0003"]


def test_number_party_title_and_the_text_of_terms_find_an_agreement(filled: Engine) -> None:
    assert found(filled, tab="all", words=("agr", "0004")) == ["AGR-0004"]
    assert found(filled, tab="all", words=("gran",)) == ["AGR-0004", "AGR-0003"]
    assert found(filled, tab="all", words=("clean", "clinic")) == ["AGR-0004"]
    assert found(filled, words=("register",)) == ["AGR-0001", "AGR-0002", "AGR-0003"]
    assert found(filled, tab="all", words=("nothing",)) == []
    assert found(filled, tab="all", party="Organization/granite") == ["AGR-0004", "AGR-0003"]
    assert found(filled, tab="all", kind="vendor") == []


def test_whoever_is_narrowed_to_a_party_finds_and_counts_nothing_of_another(filled: Engine) -> None:
    granite = ("Organization/granite",)
    assert found(filled, tab="all", parties=granite) == ["AGR-0004", "AGR-0003"]
    assert found(filled, tab="all", parties=granite, words=("blue",)) == []
    assert found(filled, tab="all", parties=()) == []
    named_in_an_offer_alone = found(filled, tab="all", parties=("Organization/riverside",))
    assert named_in_an_offer_alone == ["AGR-0004", "AGR-0001", "AGR-0002", "AGR-0003", "AGR-0005"]
    assert found(filled, tab="all", parties=("Organization/meridian",)) == []
    with reading(filled) as conn:
        counted = roll.counts(conn, Asked(TODAY.toordinal(), granite))
        assert roll.one(conn, "agr-0001-v1", granite) is None
        held = roll.one(conn, "agr-0003-v1", granite)
    assert (counted["all"], counted["current"], counted["ended"], counted["notice"]) == (2, 1, 1, 0)
    assert held is not None
    assert held.number == "AGR-0003"


def test_of_many_agreements_is_found_what_is_found_of_few(filled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long list is not read first: it is walked in the order of what is due."""
    granite = ("Organization/granite",)
    asked = [
        Asked(TODAY.toordinal(), whose, tab, words)
        for whose in (None, (), granite) for tab in roll.TABS for words in ((), ("gran",), ("agr", "0004"), ("no",))
    ]  # fmt: skip

    def all_of_it() -> list[tuple[list[str], dict[str, int]]]:
        with reading(filled) as conn:
            return [([row.number for row in roll.page(conn, one, 9)], roll.counts(conn, one)) for one in asked]

    few = all_of_it()
    monkeypatch.setattr(roll, "_FEW", 0)
    assert all_of_it() == few
    assert any(numbers for numbers, _ in few)


def test_counting_stops_where_nobody_counts_on(filled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll, "MANY", 2)
    with reading(filled) as conn:
        every = roll.counts(conn, Asked(TODAY.toordinal(), None))
        named = roll.counts(conn, Asked(TODAY.toordinal(), None, words=("agr",)))
    assert every == named
    assert (every["all"], every["notice"]) == (2, 1)


def test_pages_go_on_behind_the_last_row(filled: Engine) -> None:
    with reading(filled) as conn:
        first = roll.page(conn, Asked(TODAY.toordinal(), None, "all"), 2)
        rest = roll.page(conn, Asked(TODAY.toordinal(), None, "all", after=(first[-1].due, first[-1].n)), 9)
    assert [row.number for row in (*first, *rest)] == ["AGR-0004", "AGR-0001", "AGR-0002", "AGR-0003", "AGR-0005"]


def test_a_new_version_a_new_name_and_a_new_day_change_the_line(filled: Engine) -> None:
    put(filled, NOW, agreement("AGR-0003", "2026-11-01", "2026-12-15", who="granite", n=2))
    assert found(filled, tab="ending") == ["AGR-0001", "AGR-0003"]
    put(filled, NOW, GRANITE | {"name": "Basalt Alliance"})
    lines.turn(filled, TODAY)
    assert found(filled, tab="all", words=("basalt",)) == ["AGR-0004", "AGR-0003"]
    assert found(filled, tab="all", words=("granite",)) == []
    lines.turn(filled, date(2026, 12, 16))
    with reading(filled) as conn:
        ended = roll.page(conn, Asked(date(2026, 12, 16).toordinal(), None, "ended"), 9)
    assert [row.number for row in ended] == ["AGR-0004", "AGR-0003"]
    put(filled, NOW, "Contract/agr-0005-v1")
    assert "AGR-0005" not in found(filled, tab="all")


def test_what_is_stored_already_becomes_lines_when_the_server_is_made_ready(filled: Engine) -> None:
    with writing(filled) as conn:
        roll.clear(conn)
    lines.renew(filled, UTC)
    lines.turn(filled, TODAY)
    assert found(filled) == ["AGR-0001", "AGR-0002", "AGR-0003"]


def test_a_patients_own_contract_is_no_agreement_of_the_register(engine: Engine) -> None:
    patient = {"resourceType": "Patient", "id": "p", "name": [{"family": "Okafor"}]}
    put(engine, NOW, patient, agreement("AGR-0009", "2025-01-01") | {"subject": [ref("Patient/p")]})
    assert found(engine, tab="all") == []
