"""The rows of requests for authorization over the story: made with the cases, found by whose they are."""

import pytest
from sqlalchemy import Engine

from carecoord.store.database.engine import reading, writing
from carecoord.store.prior_auth import authorizations, lists
from carecoord.store.prior_auth.authorizations import Asked, Tab, Whose
from tests.desk.conftest import NOW, House

BH = Whose("payer", ("https://carecoord.example/id/payer|BH001",))
FAIRMONT = Whose("office", ("fairmont",))
AT = int(NOW.timestamp()) * 1_000_000


def found(engine: Engine, whose: Whose, words: str = "", tab: Tab = "all") -> list[str]:
    with reading(engine) as conn:
        rows = lists.page(conn, whose, Asked(AT, tab, words), 50)
        assert lists.counts(conn, whose, Asked(AT, tab, words), (tab,)) == {tab: len(rows)}
        return [each.root.removeprefix("Claim/request-") for each in rows]


def test_each_sees_its_own_and_finds_it_by_number_member_patient_and_code(house: House) -> None:
    engine = house.world.engine
    assert found(engine, BH, tab="decide") == ["order-24829", "order-24817", "order-24825", "worked-07-document-asked"]
    assert found(engine, BH, tab="expedited") == ["order-24829", "order-24817"]
    assert found(engine, BH, "BH-70316") == ["order-24768"]
    with reading(engine) as conn:
        row = authorizations.one(conn, BH, "Claim/request-order-24829")
        assert row is not None
        member, name = row.member_id, row.patient_name
        assert authorizations.one(conn, Whose("office", ("harborview",)), row.root) is None
    assert found(engine, BH, member) == found(engine, BH, name) == ["order-24829"]
    assert "order-24829" in found(engine, BH, "G6015")
    assert found(engine, FAIRMONT, row.mrn) == ["order-24829"]
    assert found(engine, Whose("payer", ("https://carecoord.example/id/payer|PM220",)), name) == []
    assert found(engine, Whose("payer", BH.keys, (row.patient,)), name) == [], "whom a Consent withholds"
    assert "order-24808" in found(engine, FAIRMONT, tab="due")
    assert "order-24808" not in found(engine, Whose("payer", ("https://carecoord.example/id/payer|GC014",))), "a draft"


def test_an_old_payer_learns_nothing_of_the_new_card(house: House) -> None:
    with reading(house.world.engine) as conn:
        row = authorizations.one(conn, BH, "Claim/request-worked-05-new-payer")
    assert row is not None
    assert (row.payer_name, row.payer_agreement) == ("Blue Horizon Health", None)
    assert row.member_id is None or row.member_id.startswith("BH")


COLUMNS = {
    "claim": "Claim/a", "patient": "p", "state": "submitted", "open": True, "sent": True, "number": "N-1",
    "service": "Echo", "code": "C8928", "lines": [], "orders": ["o"], "expedited": False,
    "patient_name": "Moyo, Tendai",
    "patient_sort": "moyo, tendai", "member_id": "M 1", "payer_key": "s|v", "papers": 0, "asked": 0, "attached": 0,
    "due": 5, "sort_due": 5, "parties": [["payer", "s|v"], ["placer", "clinic"]], "searched": "Moyo N-1 4490",
    "payer_searched": "Moyo N-1",
}  # fmt: skip


ASKED = {"root": "Claim/1", "patient": "p1", "state": "asked"}


@pytest.fixture
def filled(engine: Engine) -> Engine:
    with writing(engine) as conn:
        for n in (1, 2):
            own = {"root": f"Claim/{n}", "patient": f"p{n}"}
            authorizations.keep(conn, [f"p{n}"], {f"Claim/{n}": COLUMNS | own}, 1)
    return engine


def test_rows_are_kept_found_on_both_databases(filled: Engine) -> None:
    payer, office = Whose("payer", ("s|v",)), Whose("office", ("clinic",))
    with writing(filled) as conn:
        asked = Asked(1, "decide", "moyo")
        first = lists.page(conn, payer, asked, 1)
        rest = lists.page(conn, payer, Asked(1, "decide", "moyo", (first[0].sort_due, first[0].root)), 9)
        assert [each.root for each in (*first, *rest)] == ["Claim/1", "Claim/2"]
        assert lists.page(conn, payer, Asked(1, "decide", "4490"), 9) == []
        assert len(lists.page(conn, office, Asked(1, "decide", "4490"), 9)) == 2
        assert lists.counts(conn, payer, Asked(9, "late"), ("late", "decided")) == {"late": 2, "decided": 0}
        authorizations.propose(conn, "Claim/a", 7)
        authorizations.keep(conn, ["p1"], {"Claim/1": COLUMNS | ASKED}, 8)
        (row,) = authorizations.of_patient(conn, "p1")
        assert (row.state, row.proposed, row.updated) == ("asked", 7, 8)
        authorizations.take(conn, "Claim/1", "ann", "Ann", 20)
        authorizations.take(conn, "Claim/1", "bea", "Bea", 30)
        authorizations.let_go(conn, "Claim/1", "ann")
        assert {root: each.name for root, each in authorizations.on_it(conn, ["Claim/1"], 25).items()} == {
            "Claim/1": "Bea"
        }
        assert authorizations.on_it(conn, ["Claim/1"], 31) == {}
        authorizations.keep(conn, ["p1"], {}, 9)
        assert authorizations.of_patient(conn, "p1") == []
        assert [each.root for each in lists.page(conn, payer, asked, 9)] == ["Claim/2"]
