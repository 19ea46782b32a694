"""Claims as they are kept and listed, on both databases: counts and sums are their lists, pages neither repeat nor
skip, and nothing of another office is counted anywhere."""

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, get_args

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, select, update

from carecoord.store.claims import claims, files, tallies
from carecoord.store.claims.claims import Asked, Facet, Sort, Tab, Whose
from carecoord.store.claims.files import Settled
from carecoord.store.claims.tables import claim_tally
from carecoord.store.database.engine import reading, writing
from tests.domain.worklist.test_project import statements

OURS, THEIRS = Whose(("office-1",)), Whose(("office-2",))
NOW = 1_000_000_000


def row(n: int, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": f"c{n:03}", "office": "office-1", "number": f"N{n}", "payer_number": "", "payer_id": "P1",
        "payer_name": "Granite" if n % 2 else "Pinnacle", "payer": None, "patient": f"p{n}", "coverage": None,
        "authorization": None, "authorization_number": "", "visit": None, "name": f"Name {n}",
        "sort_name": f"name {n:03}", "member": f"M{n}", "provider": "", "since": "2026-11-12", "until": None,
        "code": f"C{n % 3}", "status": "denied", "said": "[]", "remarks": "[]", "charge": 10000, "paid": 0, "owed": 0,
        "denied": n * 100, "gap": 0, "expected": None, "short": 0, "agreement": None,
        "agreement_number": "AGR-1" if n % 2 else None, "doubts": "[]", "payment": "CHK", "decided": "2026-11-20",
        "due": NOW + n if n % 4 else None, "work": "open", "off": 0, "off_by": None, "received": 1, "updated": 1,
    }  # fmt: skip
    return found | more


def keep(conn: Connection, n: int, **more: Any) -> None:
    line = {"n": 1, "qualifier": "HC", "code": "C1", "modifiers": "", "units": "1", "since": None, "charge": 10000,
            "paid": 0, "allowed": 0, "expected": None, "proof": "[]", "remarks": "[]"}  # fmt: skip
    why = {"line": 1, "n": 1, "kind": "CO", "reason": "197" if n % 2 else "50", "amount": n * 100, "denies": True}
    agreed = {"line": 1, "n": 2, "kind": "CO", "reason": "45", "amount": 5, "denies": False}
    claims.keep(conn, row(n, **more), [line], [why, agreed])


@pytest.fixture
def kept(engine: Engine) -> Engine:
    with writing(engine) as conn:
        for n in range(1, 13):
            keep(conn, n)
        keep(conn, 20, office="office-2")
        keep(conn, 21, status="paid", work="closed", denied=0)
        keep(conn, 22, status="paid", doubts='["why"]', denied=0)
        keep(conn, 23, status="partly", short=500, work="asked")
    return engine


@pytest.mark.parametrize("few", [2000, 0], ids=["few mean it", "very many mean it"])
def test_counts_and_sums_are_those_of_the_list_under_every_tab_and_choice(
    kept: Engine, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "_FEW", few)
    with reading(kept) as conn:
        choices: list[dict[str, str]] = [{}, {"reason": "197"}, {"payer": "Granite"}, {"code": "C1"}, {"words": "N7"}]
        for more in choices:
            asked = Asked(NOW, "all", **more)
            totals = claims.totals(conn, OURS, asked, get_args(Tab))
            for tab in get_args(Tab):
                rows = claims.page(conn, OURS, replace(asked, tab=tab), 100)
                assert totals[tab] == (len(rows), sum(each.denied for each in rows), sum(each.short for each in rows))
        assert totals["denied"][0] == 1
        assert {tab: claims.totals(conn, OURS, Asked(NOW, "all"), [tab])[tab][0] for tab in get_args(Tab)} == {
            "denied": 13, "due": 9 + 2, "short": 1, "unmatched": 1, "second": 1, "waiting": 0, "paid": 2, "all": 15,
        }  # fmt: skip


def test_the_reasons_say_how_many_claims_and_how_much_is_denied_by_each(kept: Engine) -> None:
    with reading(kept) as conn:
        asked = Asked(NOW, "denied")
        told = claims.choices(conn, OURS, asked, get_args(Facet))
        assert told["reason"] == [
            ("197", 7, 100 * (1 + 3 + 5 + 7 + 9 + 11 + 23)), ("50", 6, 100 * (2 + 4 + 6 + 8 + 10 + 12)),
        ]  # fmt: skip
        assert [each[0] for each in told["payer"]] == ["Granite", "Pinnacle"]
        assert told["agreement"] == [("AGR-1", 7, 5900)]
        chosen = claims.choices(conn, OURS, replace(asked, payer="Granite"), get_args(Facet))
        assert (chosen["payer"], chosen["status"]) == (told["payer"], [("denied", 6, 3600), ("partly", 1, 2300)])
        for some in claims.choices(conn, THEIRS, Asked(NOW, "all"), get_args(Facet)).values():
            assert sum(each[1] for each in some) <= 1


def test_chosen_claims_are_counted_by_one_index_in_two_statements_and_words_are_looked_for_once(kept: Engine) -> None:
    with reading(kept) as conn, statements(kept) as ran:
        claims.totals(conn, OURS, Asked(NOW, "denied", words="N7"), get_args(Tab))
        claims.choices(conn, OURS, Asked(NOW, "denied", words="N7"), get_args(Facet))
        chosen = Asked(NOW, "denied", payer="Granite", code="C1")
        claims.totals(conn, OURS, chosen, get_args(Tab))
        claims.choices(conn, OURS, chosen, get_args(Facet))
    assert len(ran) == 5, "one says which claims the words mean"
    assert [n for n, each in enumerate(ran) if "LIKE" in each] == [0]
    read = walked(kept, ran[3:])
    if kept.dialect.name == "sqlite":
        assert len(read) == len(get_args(Tab)) + len(get_args(Facet))
        rest = [each for each in read if "COVERING INDEX claim_stands" not in each]
        assert len(rest) <= 1, rest  # what is open and matched to nobody


def test_a_list_of_all_claims_is_counted_without_a_walk_through_them(kept: Engine) -> None:
    with reading(kept) as conn, statements(kept) as ran:
        for tab in ("all", "paid", "denied"):
            claims.totals(conn, OURS, Asked(NOW, tab), get_args(Tab))
            claims.choices(conn, OURS, Asked(NOW, tab), get_args(Facet))
    assert len(ran) == 6
    read = walked(kept, ran)
    assert len(read) in (0, 3), read  # what time makes due: the open ones, by their deadline
    assert all("claim_office" in each or "claim_stands" in each for each in read)


def walked(engine: Engine, ran: Sequence[str]) -> list[str]:
    """How SQLite reads the claims for these statements; PostgreSQL reads a table of a dozen rows whole."""
    if engine.dialect.name != "sqlite":
        return []
    with reading(engine) as conn:
        plans = [conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {each}", (None,) * each.count("?")).all() for each in ran]
    return [str(row[3]) for plan in plans for row in plan if re.search(r"\b(SCAN|SEARCH) claim\b", str(row[3]))]


class Day:
    """What a seeded day brings: claims that come, come again otherwise, and change."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def claim(self, n: int) -> dict[str, Any]:
        """A row, anything of which may be otherwise than the time before."""
        pick = self.dice.choice
        denied = pick([0, 0, 100, 250])
        return row(
            n, office=pick(["office-1", "office-1", "office-2"]), payer_name=pick(["Granite", "Pinnacle", ""]),
            code=pick(["C1", "C2", ""]), agreement_number=pick([None, "AGR-1", "AGR-2"]), denied=denied,
            status=pick(["denied", "partly", "paid", "accepted"]), work=pick(["open", "asked", "closed", "appealed"]),
            short=pick([0, 0, 40]), doubts=pick(["[]", "[]", '["why"]']), due=pick([None, NOW, 4 * 10**15]),
        )  # fmt: skip

    def adjustments(self) -> list[dict[str, Any]]:
        """Some of these twice, as of two lines; none at all: those that are there stay."""
        return [
            {"line": 1, "n": n, "kind": "CO", "reason": self.dice.choice(["197", "50", "45"]),
             "amount": self.dice.choice([0, 5, 70]), "denies": self.dice.random() < 0.7}
            for n in range(self.dice.choice([0, 1, 2, 3]))
        ]  # fmt: skip

    def passes(self, conn: Connection) -> None:
        """Some claims are written."""
        for _ in range(self.dice.randrange(1, 6)):
            n = self.dice.randrange(1, 15)
            held = claims.held(conn, f"c{n:03}")
            if held is not None and self.dice.random() < 0.4:
                version = held.version + self.dice.choice([0, 0, 1])
                claims.change(conn, held.id, version, {"work": self.dice.choice(["open", "closed", "corrected"])})
            else:
                claims.keep(conn, self.claim(n), [], self.adjustments())


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_written_the_counts_of_all_are_those_of_a_walk(engine: Engine, seed: int) -> None:
    day = Day(seed)
    for n in range(12):
        with writing(engine) as conn:
            day.passes(conn)
        with reading(engine) as conn:
            assert tallies.astray(conn) == []
            if n % 3 < 2:  # what is asked of the counts is dear, and they are whole
                continue
            for whose in (OURS, THEIRS, Whose(("office-1", "office-2"), ("p3", "p5")), Whose(None, ("p2",))):
                for asked in (Asked(NOW, day.dice.choice(get_args(Tab))), Asked(NOW, "all", status="denied")):
                    totals = claims.totals(conn, whose, asked, get_args(Tab))
                    told = claims.choices(conn, whose, asked, get_args(Facet))
                    for tab in get_args(Tab):
                        rows = claims.page(conn, whose, replace(asked, tab=tab), 100)
                        assert totals[tab] == (
                            len(rows), sum(each.denied for each in rows), sum(each.short for each in rows),
                        ), (whose, tab)  # fmt: skip
                    assert {name: sorted(each) for name, each in told.items()} == counted(conn, whose, asked)


@pytest.mark.parametrize("kind", ["all", "payer", "code", "agreement", "reason"])
def test_an_office_whose_claims_are_counted_otherwise_than_they_stand_is_found(kept: Engine, kind: str) -> None:
    cell = (claim_tally.c.office == "office-1", claim_tally.c.kind == kind, claim_tally.c.status == "denied")
    with writing(kept) as conn:
        assert tallies.astray(conn) == []
        conn.execute(update(claim_tally).where(*cell).values(denied=claim_tally.c.denied + 1))
        assert tallies.astray(conn) == ["office-1"]


def test_what_a_database_of_before_holds_is_counted_when_it_is_brought_over(engine: Engine) -> None:
    """By the migration, as it would have been as it was written."""
    day, columns = Day(7), (*tallies.COLUMNS, "claims", "denied", "short")
    count = select(*(claim_tally.c[name] for name in columns)).where(claim_tally.c.claims != 0)
    with writing(engine) as conn:
        for _ in range(12):
            day.passes(conn)
        kept = set(conn.execute(count).all())
        claim_tally.drop(conn)
        with Operations.context(MigrationContext.configure(conn)):
            import_module("carecoord.store.migrations.versions.0068_claims_counted_as_they_stand").upgrade()
    with reading(engine) as conn:
        assert kept
        assert set(conn.execute(count).all()) == kept


def counted(conn: Connection, whose: Whose, asked: Asked) -> dict[str, list[tuple[str, int, int]]]:
    """The choices, by a look at each claim and its adjustments."""
    found: dict[str, dict[str, list[int]]] = {facet: {} for facet in get_args(Facet)}
    columns = {"payer": "payer_name", "code": "code", "agreement": "agreement_number", "status": "status"}
    for each in claims.page(conn, whose, asked, 100):
        said = {facet: {getattr(each, column): each.denied} for facet, column in columns.items() if facet != "status"}
        said["reason"] = {}
        for one in claims.adjustments(conn, [each.id]) if each.denied > 0 else ():
            if one.denies:
                said["reason"][one.reason] = said["reason"].get(one.reason, 0) + one.amount
        for facet, values in said.items():
            for value, cents in values.items():
                if value:
                    found[facet].setdefault(value, []).append(cents)
    for each in claims.page(conn, whose, replace(asked, status=""), 100):  # a choice does not narrow its own menu
        found["status"].setdefault(each.status, []).append(each.denied)
    return {facet: sorted((value, len(some), sum(some)) for value, some in values.items())
            for facet, values in found.items()}  # fmt: skip


def test_two_who_write_at_once_neither_wait_nor_lose_a_count(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        return  # it has one writer at a time
    with writing(engine) as conn:
        keep(conn, 1)
    with engine.connect() as first, engine.connect() as second:
        claims.keep(first, row(2, payer_name="Granite"), [], [])
        second.exec_driver_sql("SET lock_timeout = '2s'")
        claims.keep(second, row(3, payer_name="Granite"), [], [])
        claims.keep(second, row(5, payer_name="Granite"), [], [])
        first.commit()
        second.commit()
    with reading(engine) as conn:
        assert claims.totals(conn, OURS, Asked(NOW, "all"), ["all"]) == {"all": (4, 100 * (1 + 2 + 3 + 5), 0)}
        assert claims.choices(conn, OURS, Asked(NOW, "all"), ["payer"]) == {"payer": [("Granite", 4, 1100)]}


def test_pages_neither_repeat_nor_skip_in_any_order(kept: Engine) -> None:
    with reading(kept) as conn:
        for sort in get_args(Sort):
            for down in (False, True):
                asked, seen = Asked(NOW, "all", sort=sort, down=down), list[str]()
                while rows := claims.page(conn, OURS, asked, 4):
                    seen += [each.id for each in rows]
                    asked = replace(asked, after=claims.place(rows[-1], sort))
                assert sorted(seen) == sorted(each.id for each in claims.page(conn, OURS, Asked(NOW, "all"), 100))


def test_a_claim_is_known_by_its_number_whichever_copy_of_its_office_asks(kept: Engine) -> None:
    with reading(kept) as conn:
        assert [each.id for each in claims.numbered(conn, ["office-0", "office-1"], "N7")] == ["c007"]
        assert claims.numbered(conn, ["office-2"], "N7") == []


def test_a_claim_kept_again_has_its_new_lines_and_only_those_and_a_stale_change_is_none(kept: Engine) -> None:
    with writing(kept) as conn:
        claims.keep(conn, row(1, paid=50), [], [])
        assert len(claims.lines(conn, "c001")) == 1
        claims.keep(conn, row(1, paid=60), [], [{"line": 0, "n": 1, "kind": "PR", "reason": "1", "amount": 7,
                                                "denies": False}])  # fmt: skip
        assert (claims.lines(conn, "c001"), len(claims.adjustments(conn, ["c001"]))) == ([], 1)
        found = claims.one(conn, OURS, "c001")
        assert found
        assert (found.version, found.paid) == (3, 60)
        assert not claims.change(conn, "c001", 2, {"work": "closed"})
        assert claims.change(conn, "c001", 3, {"work": "closed"})
        assert claims.one(conn, THEIRS, "c001") is None
        assert claims.one(conn, Whose(("office-1",), ("p1",)), "c001") is None


def test_a_file_is_kept_once_and_what_was_taken_is_known_by_its_numbers(engine: Engine) -> None:
    about = {"offices": ("office-1",), "name": "a", "digest": b"d", "body": b"ISA", "subject": "u", "at": 1}
    with writing(engine) as conn:
        assert files.add(conn, id="f1", **about) == "f1"
        assert files.add(conn, id="f2", **about) == "f1"
        assert files.add(conn, id="f3", **about | {"offices": ("office-2",)}) == "f3"
        assert files.add(conn, id="f4", **about | {"offices": ("office-0", "office-1")}) == "f1"  # a copy of office-1
        one = Settled("835", "G|1|1|0001", b"x", "taken", None)
        files.settle(conn, "f1", 1, one)
        files.settle(conn, "f1", 1, one)
        files.take(conn, "office-1", "f1", one)
        assert files.taken(conn, ["office-2"], "835", one.control) is None
        assert files.taken(conn, ["office-0", "office-1"], "835", one.control)
        assert len(files.transactions(conn, "f1")) == 1
        sent = {"office": "office-1", "kind": "278", "about": "Claim/q", "trace": "q", "subject": "u", "at": 1}
        first, second = files.send(conn, sent), files.send(conn, sent)
        assert second == first + 1
        newest = files.by_trace(conn, ["office-0", "office-1"], "q", "278")
        assert newest
        assert newest.number == second
        assert files.by_trace(conn, ["office-2"], "q", "278") is None
        assert files.received(conn, ["office-2"], first, "R") is None
        assert files.received(conn, ["office-0", "office-1"], first, "A") == "Claim/q"


def test_the_longest_that_a_file_may_say_is_kept_and_counted_where_it_stands(engine: Engine) -> None:
    signs = random.Random(835)
    payer, code, number = ("".join(chr(signs.randrange(0x20000, 0x2A000)) for _ in range(264)) for _ in range(3))
    with writing(engine) as conn:
        keep(conn, 30, payer_name=payer, code=code, number=number)
    with reading(engine) as conn:
        found = claims.choices(conn, OURS, Asked(NOW, "all"), ("payer", "code"))
    assert found == {"payer": [(payer, 1, 3000)], "code": [(code, 1, 3000)]}
