"""How far reading has come: when a round goes on, when a new one begins, and what it asks for."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fhir_adapters.cursor import Cursor, begin, close, loads, taken
from fhir_adapters.dialects import Incremental

DAILY = Incremental(overlap_seconds=300, sweep_hours=24, resume_minutes=60)
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def page(cursor: Cursor, at: datetime, date: datetime | None = None, next: str = "https://x/2") -> Cursor:
    return taken(Cursor(**{**vars(cursor), "next": next}), cursor, at, date)


def test_the_first_round_is_a_full_sweep() -> None:
    begun = begin(Cursor(), True, DAILY, NOW)
    assert begun == Cursor(round=1, began="2026-11-22T09:00:00Z", full=True)


def test_the_next_round_is_a_window_from_where_the_last_one_began() -> None:
    done = close(page(begin(Cursor(), True, DAILY, NOW), NOW))
    assert done == Cursor(round=1, since="2026-11-22T09:00:00Z", swept="2026-11-22T09:00:00Z")
    later = begin(done, True, DAILY, NOW + timedelta(hours=1))
    assert (later.round, later.full, later.since) == (2, False, "2026-11-22T09:00:00Z")
    assert close(later).swept == done.swept


def test_a_day_after_the_last_sweep_everything_is_read_again() -> None:
    done = close(page(begin(Cursor(), True, DAILY, NOW), NOW))
    assert begin(done, True, DAILY, NOW + timedelta(hours=24)).full


def test_without_a_window_every_round_is_a_sweep() -> None:
    done = close(page(begin(Cursor(), False, DAILY, NOW), NOW))
    assert begin(done, False, DAILY, NOW + timedelta(minutes=1)).full


def test_a_round_broken_off_lately_goes_on_and_one_long_ago_does_not() -> None:
    broken = page(begin(Cursor(), True, DAILY, NOW), NOW + timedelta(minutes=5))
    assert begin(broken, True, DAILY, NOW + timedelta(minutes=65)) == broken
    anew = begin(broken, True, DAILY, NOW + timedelta(minutes=66))
    assert (anew.round, anew.next, anew.full) == (2, "", True)


def test_the_round_began_by_whichever_clock_is_behind() -> None:
    begun = begin(Cursor(), True, DAILY, NOW)
    assert page(begun, NOW, NOW - timedelta(hours=2)).began == "2026-11-22T07:00:00Z"
    assert page(begun, NOW, NOW + timedelta(hours=2)).began == "2026-11-22T09:00:00Z"
    second = page(page(begun, NOW), NOW, NOW - timedelta(hours=2))
    assert second.began == "2026-11-22T09:00:00Z"


def test_a_state_that_can_not_be_read_means_reading_everything_again() -> None:
    for state in (None, b"", b"{", b"[]", b'{"round": "x"}'):
        assert loads(state) == Cursor()


texts = st.text(max_size=20)


@given(
    st.builds(
        Cursor, st.integers(0, 99), texts, texts, texts, texts, st.booleans(), st.integers(0, 9), st.integers(0, 9)
    )
)
def test_a_cursor_comes_back_as_it_was_stored_and_is_always_the_same_bytes(cursor: Cursor) -> None:
    assert loads(cursor.dumps()) == cursor
    assert loads(cursor.dumps()).dumps() == cursor.dumps()
