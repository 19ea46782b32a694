"""The lists of requests where somebody has very many: found by how they stand and along indexes of their orders, they
are what a look at each of them gives."""

from dataclasses import replace
from typing import Any, get_args

import pytest
from sqlalchemy import Connection, Engine

from carecoord.store.database.engine import reading, writing
from carecoord.store.prior_auth import authorizations, lists, queues
from carecoord.store.prior_auth.authorizations import Asked, OfficeTab, Sort, Tab, Whose
from carecoord.store.prior_auth.queues import QueueTab
from tests.desk.authorizations.test_rows import COLUMNS

PAYER, OFFICE, NOBODY = Whose("payer", ("s|v",)), Whose("office", ("clinic", "elsewhere")), Whose("office", ("none",))
NOW, DAY = 100_000_000_000_000, 86_400_000_000
TODAY, FOREVER = NOW + DAY // 2, 2**63 - 1
TABS = tuple(dict.fromkeys((*get_args(QueueTab), *get_args(OfficeTab))))
GRANTED: dict[str, Any] = {"state": "approved", "decided": 7, "due": None, "sort_due": FOREVER, "ends": NOW + DAY}
LEFT = {"left": "1", "authorized": "9"}
ROWS: dict[str, dict[str, Any]] = {  # what sets each apart from a request that was just sent
    "new": {},
    "late": {"due": NOW - 5, "sort_due": NOW - 5},
    "fast": {"expedited": True},
    "asked": {"state": "asked", "office_due": NOW - 3, "sort_office": NOW - 3},
    "soon": {"state": "pended", "office_due": NOW + 3, "sort_office": NOW + 3, "attached": 1},
    "draft": {"state": "draft", "office_due": NOW + 2 * DAY, "sort_office": NOW + 2 * DAY},
    "failed": {"state": "error"},
    "appeal": {"level": 1},
    "ending": GRANTED | LEFT,
    "long": GRANTED | LEFT | {"ends": NOW + 99 * DAY, "owner": "ann", "owner_name": "Ann"},
    "endless": GRANTED | LEFT | {"ends": None},
    "over": GRANTED | {"ends": NOW - DAY, "office_due": NOW - DAY, "sort_office": NOW - DAY},
    "uncovered": GRANTED | {"ends": NOW - DAY, "outside": 1, "office_due": NOW - 9, "sort_office": NOW - 9},
    "partly": GRANTED | {"state": "partly", "ends": NOW - 1, "appeal_by": NOW + 9},
    "denied": {"state": "denied", "decided": 8, "appeal_by": NOW + 9},
    "lost": {"state": "denied", "decided": 9, "appeal_by": NOW - 9},
    "gone": {"state": "cancelled", "open": False, "decided": 9},
    "second": {"state": "pended"},
    "sample": GRANTED,
    "held": {},
    "both": {"state": "pended"},
    "theirs": {"parties": [["payer", "s|w"], ["placer", "none"]]},
    "sent on": {"parties": [["payer", "s|v"], ["placer", "clinic"], ["performer", "clinic"]]},
}


@pytest.fixture
def filled(engine: Engine) -> Engine:
    with writing(engine) as conn:
        for n, (name, own) in enumerate(ROWS.items()):
            row = COLUMNS | {
                "level": 0, "due": NOW + 50, "sort_due": NOW + 50, "sort_office": FOREVER, "root": f"Claim/{name}",
                "claim": f"Claim/{name}", "patient": name, "patient_sort": f"{n % 4}", "payer_name": f"Payer {n % 3}",
                "payer_key": f"k{n % 3}", "outside": 0,
            }  # fmt: skip
            authorizations.keep(conn, [name], {f"Claim/{name}": row | own}, 1)
        for name in ("second", "both"):
            authorizations.propose(conn, f"Claim/{name}", 3)
        for name, kind in (("sample", "sample"), ("held", "held"), ("both", "director")):
            queues.put(conn, f"Claim/{name}", kind, 3)  # type: ignore[arg-type]
        authorizations.take(conn, "Claim/fast", "ann", "Ann", NOW + 20)
    return engine


def asked(tab: Tab, **more: Any) -> Asked:
    return Asked(NOW, tab, account="ann", today=TODAY, **more)


def names(conn: Connection, whose: Whose, one: Asked, size: int) -> list[str]:
    """Every row of a list, a page at a time."""
    found: list[str] = []
    while rows := lists.page(conn, whose, one, size):
        found += [each.root.removeprefix("Claim/") for each in rows]
        one = replace(one, after=lists.place(rows[-1], one))
    return found


SEEN: tuple[tuple[Whose, dict[str, str]], ...] = (
    (PAYER, {}), (PAYER, {"state": "submitted"}), (PAYER, {"words": "moyo"}), (OFFICE, {}), (OFFICE, {"payer": "k1"}),
    (OFFICE, {"owner": "ann"}), (NOBODY, {}), (Whose("office", None), {}),
    (replace(OFFICE, withheld=("fast", "long")), {}),
)  # fmt: skip


def told(engine: Engine) -> dict[Any, Any]:
    """What all lists of everybody say, narrowed by what can be chosen; those of an office in every order."""
    found: dict[Any, Any] = {}
    with reading(engine) as conn:
        for whose, more in SEEN:
            for tab in TABS:
                for sort in (None, *get_args(Sort)) if (whose, more) == (OFFICE, {}) else (None, "due"):
                    for down in (False, True) if sort else (False,):
                        one = asked(tab, sort=sort, down=down, **more)
                        found[whose, str(more), tab, sort, down] = names(conn, whose, one, 7)
            counts = lists.counts(conn, whose, asked("all", **more), TABS)
            assert counts == {tab: len(found[whose, str(more), tab, None, False]) for tab in TABS}
    return found


def test_whoever_has_very_many_requests_finds_in_every_list_what_a_look_at_each_finds(
    filled: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = told(filled)
    monkeypatch.setattr(lists, "_SMALL", -1)
    many = told(filled)
    assert {key: (few[key], many[key]) for key in few if few[key] != many[key]} == {}
    for whose, tab, expected in (
        (PAYER, "decide", "late appeal asked both fast new second sent on soon"),
        (PAYER, "director", "both second"),
        (PAYER, "held", "held"),
        (PAYER, "mine", "fast"),
        (OFFICE, "expiring", "ending sample"),
        (OFFICE, "limit", "ending endless long"),
        (OFFICE, "outside", "uncovered"),
        (OFFICE, "denied", "denied partly"),
        (OFFICE, "past", "asked uncovered"),
        (OFFICE, "today", "soon"),
        (NOBODY, "all", "theirs"),
    ):
        assert " ".join(many[whose, "{}", tab, None, False]) == expected, tab
    due = many[OFFICE, "{}", "all", "due", False]
    assert due[:4] == ["uncovered", "asked", "soon", "draft"], "what is over stands behind, whatever was due once"
    assert many[OFFICE, "{}", "all", "due", True] == due[::-1]


def test_what_there_is_to_choose_from_is_what_the_open_rows_have(filled: Engine) -> None:
    with reading(filled) as conn:
        assert lists.choices(conn, OFFICE) == {
            "payer": [("k0", "Payer 0"), ("k1", "Payer 1"), ("k2", "Payer 2")], "owner": [("ann", "Ann")],
        }  # fmt: skip
        assert lists.choices(conn, NOBODY) == {"payer": [("k0", "Payer 0")], "owner": []}
