"""What is looked up by pairs of values on PostgreSQL, which keeps the plan that it made while there was little."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from carecoord.fhir.search import params
from carecoord.store.database.engine import open_engine, plan_once, reading, writing
from carecoord.store.resources import read
from carecoord.store.resources.write import Change
from carecoord.store.worklist import registry
from tests.store.conftest import Store

FEW, MANY = 400, 900
_read = text("SELECT relname, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = ANY(:names)")


def _patient(n: int) -> dict[str, Any]:
    return {
        "resourceType": "Patient", "id": f"p{n}", "identifier": [{"system": "urn:mrn", "value": f"m{n}"}],
        "managingOrganization": {"reference": f"Organization/o{n}"},
    }  # fmt: skip


def _found(conn: Connection, n: int) -> list[list[str]]:
    """Who is found by an identifier, by whom they refer to, and by their name."""
    rows = (
        registry.identified(conn, "Patient", [("urn:mrn", f"m{n}")]),
        registry.pointing(conn, [("Patient", "organization"), ("Patient", "link")], "Organization", [f"o{n}"]),
        read.many(conn, [("Patient", f"p{n}")]),
    )
    return [[row.id for row in each] for each in rows]


def _pointing(conn: Connection, n: int) -> int:
    """How many refer to an organization by either of two parameters."""
    keys = [params.key("Patient", "organization"), params.key("Patient", "link")]
    return len(registry.pointers(conn, keys, [f"o{n}"]))


def _rows_read(conn: Connection) -> dict[str, int]:
    """How many rows of each table have been fetched by its indexes."""
    return dict(conn.execute(_read, {"names": ["resource", "ix_token", "ix_reference"]}).all())


@pytest.mark.postgres
def test_what_was_planned_while_there_was_little_is_looked_up_all_the_same_among_much(
    new_database: Callable[[str], str],
) -> None:
    engine = open_engine(new_database("postgres"), kept=1)
    store = Store(engine)
    store.put_all(*(Change("Patient", f"p{n}", _patient(n)) for n in range(FEW)))
    for _ in range(4):  # the connection prepares it, and plans it once
        with writing(engine) as conn:
            plan_once(conn)
            assert _found(conn, 1) == [["p1"]] * 3
            assert _pointing(conn, 1) == 1
    store.put_all(*(Change("Patient", f"p{n}", _patient(n)) for n in range(FEW, MANY)))
    with writing(engine) as conn:
        plan_once(conn)
        before = _rows_read(conn)
        assert _found(conn, 850) == [["p850"]] * 3
        assert _pointing(conn, 850) == 1
        after = _rows_read(conn)
    # the person three times, by one identifier and one reference, which is read by itself, too
    assert {name: after[name] - before[name] for name in after} == {"resource": 3, "ix_token": 1, "ix_reference": 2}
    engine.dispose()


def test_what_has_a_nul_in_it_is_not_here_and_hides_nothing_of_what_is(store: Store) -> None:
    store.put_all(*(Change("Patient", f"p{n}", _patient(n)) for n in range(2)))
    with reading(store.engine) as conn:
        found = read.many(conn, [("Patient", "p0"), ("Patient", "\0"), ("Patient", "p1\0"), (r"\u0000", "p1")])
        assert [row.id for row in found] == ["p0"]
        several = [("urn:mrn", "m1"), ("urn:mrn", "m\0"), ("\0", "m0")]
        assert [row.id for row in registry.identified(conn, "Patient", several)] == ["p1"]
        pointing = registry.pointing(conn, [("Patient", "organization")], "Organization", ["o0", "o\0"])
        assert [row.id for row in pointing] == ["p0"]
