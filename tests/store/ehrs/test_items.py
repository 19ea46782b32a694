"""What an EHR holds, looked up by its ids, on both databases."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.ehrs import items

SHOWN = [
    items.Seen(f"visit-{n}", datetime(2026, 11, 30, tzinfo=UTC), f"ours-{n}", b"%d" % n) for n in range(900)
]  # fmt: skip
FEW = 400
_read = text("SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'ehr_item'")


def test_what_is_known_of_some_is_found_by_ehr_and_type(engine: Engine) -> None:
    with writing(engine) as conn:
        items.see(conn, "city", "Appointment", 3, SHOWN[:2])
        items.see(conn, "town", "Appointment", 4, SHOWN[1:3])
        items.mark_gone(conn, "city", "Appointment", ["visit-0"])
    midnight = 1_795_996_800_000_000  # 30 Nov 2026, 00:00 UTC, in microseconds
    with reading(engine) as conn:
        assert items.heard(conn, "city", "Appointment", ["visit-0", "visit-1", "visit-2"]) == {
            "visit-0": items.Heard("visit-0", "ours-0", 3, midnight, items.GONE),
            "visit-1": items.Heard("visit-1", "ours-1", 3, midnight, b"1"),
        }
        assert items.heard(conn, "city", "Slot", ["visit-1"]) == {}
        assert items.said_at(conn, "city", "Appointment", ["ours-1", "ours-2", "visit-1"]) == {"ours-1": midnight}


@pytest.mark.postgres
def test_a_first_sync_looks_each_up_by_itself_before_postgresql_has_counted_the_table(
    new_database: Callable[[str], str],
) -> None:
    engine = open_engine(new_database("postgres"), kept=1)
    page = [each.id for each in SHOWN[:100]]
    with writing(engine) as conn:
        items.see(conn, "city", "Appointment", 1, SHOWN[:FEW])
    for _ in range(8):  # the connection prepares it, and plans it for good
        with reading(engine) as conn:
            assert len(items.heard(conn, "city", "Appointment", page)) == 100
    with writing(engine) as conn:
        items.see(conn, "city", "Appointment", 1, SHOWN[FEW:])
    with reading(engine) as conn:
        before = conn.scalar(_read) or 0
        assert len(items.heard(conn, "city", "Appointment", page)) == 100
        assert (conn.scalar(_read) or 0) - before == 100
    engine.dispose()
