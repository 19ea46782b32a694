"""The queues of a payer on both databases: each tab has its rows, and its count is how many those are."""

from typing import Any, get_args

import pytest
from sqlalchemy import Engine

from carecoord.store.database.engine import writing
from carecoord.store.prior_auth import authorizations, lists, queues
from carecoord.store.prior_auth.authorizations import Asked, Whose
from carecoord.store.prior_auth.queues import QueueTab
from tests.desk.authorizations.test_rows import COLUMNS

PAYER = Whose("payer", ("s|v",))
ROWS: dict[str, dict[str, Any]] = {  # what sets each apart from a standard request that was just sent
    "new": {},
    "late": {"due": 5},
    "fast": {"expedited": True},
    "longer": {"extended": "patient", "state": "pended"},
    "asked": {"state": "asked", "asked": 1},
    "in": {"state": "pended", "asked": 1, "attached": 1},
    "appeal": {"level": 1},
    "decided": {"state": "approved", "decided": 7},
    "second": {"state": "pended"},
    "director": {"state": "pended"},
    "sample": {"state": "approved", "decided": 8},
    "kept": {},
}
TABS: dict[str, str] = {
    "decide": "new late fast longer asked in appeal second director",
    "mine": "fast",
    "new": "new late fast appeal",
    "expedited": "fast",
    "standard": "new late longer asked in appeal second director",
    "extended": "longer",
    "asked": "asked",
    "answered": "in",
    "second": "second",
    "director": "director second",
    "appeals": "appeal",
    "sample": "sample",
    "held": "kept",
    "late": "late",
    "decided": "decided sample",
}


@pytest.fixture
def filled(engine: Engine) -> Engine:
    with writing(engine) as conn:
        for name, own in ROWS.items():
            row = COLUMNS | {"level": 0, "due": 50, "claim": f"Claim/{name}", "root": f"Claim/{name}", "patient": name}
            authorizations.keep(conn, [name], {f"Claim/{name}": row | own}, 1)
        authorizations.propose(conn, "Claim/second", 3)
        queues.put(conn, "Claim/director", "director", 3)
        queues.put(conn, "Claim/sample", "sample", 3)
        queues.put(conn, "Claim/kept", "held", 3)
        queues.put(conn, "Claim/new", "director", 3)
        queues.put(conn, "Claim/new", "director", None)
        authorizations.take(conn, "Claim/fast", "ann", "Ann", 20)
        authorizations.take(conn, "Claim/late", "bea", "Bea", 20)
    return engine


def test_every_tab_has_its_rows_and_a_count_of_them(filled: Engine) -> None:
    assert set(TABS) == set(get_args(QueueTab))
    with writing(filled) as conn:
        for tab, names in TABS.items():
            asked = Asked(10, tab, account="ann")  # type: ignore[arg-type] (a key of the table)
            found = {each.root.removeprefix("Claim/") for each in lists.page(conn, PAYER, asked, 50)}
            assert found == set(names.split()), tab
            assert lists.counts(conn, PAYER, asked, (tab,)) == {tab: len(found)}  # type: ignore[arg-type]
        assert queues.steps(conn, ["Claim/new", "Claim/sample"]) == {"Claim/sample": {"sample"}}
        assert lists.page(conn, Whose("payer", ("s|other",)), Asked(10, "decide"), 9) == []


def test_a_payer_whose_book_lets_rules_approve_is_found_by_its_requests(filled: Engine) -> None:
    claims = ["Claim/new", "Claim/fast", "Claim/none"]
    with writing(filled) as conn:
        assert queues.approved_by_rules(conn, claims) == set()
        queues.let_rules_approve(conn, "PlanDefinition/b", "s|v")
        assert queues.approved_by_rules(conn, claims) == {"Claim/new", "Claim/fast"}
        queues.let_rules_approve(conn, "PlanDefinition/b", "")
        assert queues.approved_by_rules(conn, claims) == set()
        assert queues.root_of(conn, "Claim/new") == "Claim/new"
        assert queues.root_of(conn, "Claim/none") is None
        assert [each.root for each in authorizations.of_member(conn, PAYER, "fast")] == ["Claim/fast"]
