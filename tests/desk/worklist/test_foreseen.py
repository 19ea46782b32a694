"""What time alone will make of a row is known ahead: at midnight the worklist shows, counts and finds each case as it
is from then on, though nothing was written; where it is not known, it says so and takes nothing for cleared."""

import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Connection, Engine, select

from carecoord import app
from carecoord.actions.worklist import foresee, project
from carecoord.actions.worklist.bounds import moments
from carecoord.actions.worklist.current import current
from carecoord.fhir.instants import micros, moment
from carecoord.store.database import jobs
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.database.tables import case
from carecoord.store.worklist import marks, registry
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.bitmaps import ahead, copies
from carecoord.store.worklist.query import CaseScope, Worklist, WorklistQuery
from carecoord.store.worklist.tables import case_ahead
from carecoord.store.worklist.tabs import DueBounds, tabs_named
from carecoord.worker import loop
from tests.desk import rows
from tests.desk.conftest import House
from tests.desk.rows import DAY, NOW, OURS, PAYER
from tests.domain.clearance.test_clearance import stories
from tests.domain.worklist.test_project import RULES, put, recomputed, twin

EVENING = datetime(2026, 12, 1, 23, 30, tzinfo=UTC)  # half past six in New York
MIDNIGHT = datetime(2026, 12, 2, 5, 0, tzinfo=UTC)  # there: several agreements and windows end
SAID = "Some cases are being judged anew."
SCOPES = (CaseScope(None), CaseScope((("placer", OURS), ("performer", OURS))), CaseScope((("payer_key", PAYER),)))
WORDS = ("oka", "book", "agenda", "visit", "chase", "cardio", "4410")


def dawned(house: House, folder: Path, name: str, *, hour: datetime) -> House:
    """A house of its own with what stands in this one, at this hour."""
    with house.world.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    place = folder / f"{name}.db"
    shutil.copyfile(str(house.world.engine.url.database), place)
    world = replace(house.world, engine=open_engine(f"sqlite:///{place}"), clock=lambda: hour)
    return House(world, app.wired(world))


@pytest.fixture
def evening(house: House, tmp_path: Path) -> Iterator[House]:
    """The house in the evening, all its rows right."""
    found = dawned(house, tmp_path, "evening", hour=EVENING)
    loop.once(found.world)
    yield found
    found.world.engine.dispose()


@pytest.fixture
def at_midnight(evening: House, tmp_path: Path) -> Iterator[Callable[[str], House]]:
    """A function that gives the house at midnight, as it was left in the evening."""
    made: list[House] = []

    def dawn(name: str) -> House:
        made.append(dawned(evening, tmp_path, name, hour=MIDNIGHT))
        return made[-1]

    yield dawn
    for each in made:
        each.world.engine.dispose()


def look_ahead(house: House) -> int:
    world, seen = house.world, 0
    rules = project.policy(world.settings)
    while found := foresee.foresee(world.engine, world.clock(), rules, 20):
        seen += found
    return seen


def told(conn: Connection, now: datetime, *, behind: bool, marked: bool = True) -> dict[Any, Any]:
    """All that the worklist says: the rows of every list in every order, and how many each has."""
    found: dict[Any, Any] = {}
    at = replace(moments(now, RULES.zone), behind=behind, marked=marked)
    for n, scope in enumerate(SCOPES):
        worklist = Worklist(conn, scope, at)
        names = sorted(tabs_named() - {"counted"})
        for tab in names:
            for sort in ("due", "-patient", "specialty"):
                listed = worklist.every(WorklistQuery(tab, sort=sort))
                found[n, tab, sort] = [plain(row) for row in listed]
        for words in WORDS:
            asked = WorklistQuery(words=words)
            found[n, words] = [row.id for row in worklist.every(asked)], worklist.tally(asked, names)
    return found


def plain(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name != "updated"}


def test_at_midnight_every_list_count_and_search_is_what_it_is_once_all_is_judged_anew(
    evening: House, at_midnight: Callable[[str], House]
) -> None:
    assert look_ahead(evening) > 4, "or there would be nothing to foresee"
    unread, judged = at_midnight("unread"), at_midnight("judged")
    assert loop.once(judged.world) == 1
    with reading(unread.world.engine) as conn, reading(judged.world.engine) as other:
        assert len(worklist_rows.due(conn, micros(MIDNIGHT), 1000)) > 4
        assert worklist_rows.due(other, micros(MIDNIGHT), 1000) == []
        assert told(conn, MIDNIGHT, behind=True) == told(other, MIDNIGHT, behind=False)
        assert not Worklist(conn, SCOPES[0], replace(moments(MIDNIGHT, RULES.zone), behind=True)).is_behind()
        assert worklist_rows.waits(conn, micros(MIDNIGHT)) == (False, True), "so nobody looks for marks"
        assert told(conn, MIDNIGHT, behind=True, marked=False) == told(other, MIDNIGHT, behind=False)
    with writing(unread.world.engine) as conn:
        marks.mark(conn, worklist_rows.numbers(conn, worklist_rows.due(conn, micros(MIDNIGHT), 1)))
        assert worklist_rows.waits(conn, micros(MIDNIGHT)) == (True, True)
        assert worklist_rows.waits(conn, micros(EVENING)) == (True, False)


def test_the_page_after_midnight_shows_what_the_worker_will_write_says_nothing_of_waiting_and_writes_nothing(
    evening: House, at_midnight: Callable[[str], House]
) -> None:
    look_ahead(evening)
    unread, judged = at_midnight("unread"), at_midnight("judged")
    loop.once(judged.world)
    before = stored(unread)
    for path in ("/worklist.csv?tab=open", "/worklist.csv?tab=cleared", "/worklist.csv?tab=open&q=book"):
        shown, wanted = (each.enter("coordinator").get(path).get_data(as_text=True) for each in (unread, judged))
        assert shown == wanted
    assert SAID not in unread.enter("coordinator").get("/").get_data(as_text=True)
    assert stored(unread) == before


def test_where_nothing_was_foreseen_the_page_says_that_cases_are_judged_anew(
    evening: House, at_midnight: Callable[[str], House]
) -> None:
    assert SAID not in evening.enter("coordinator").get("/").get_data(as_text=True)
    assert SAID in at_midnight("behind").enter("coordinator").get("/").get_data(as_text=True)


def stored(house: House) -> list[Any]:
    with reading(house.world.engine) as conn:
        return [tuple(row) for table in (case, case_ahead) for row in conn.execute(select(table).order_by(table.c.rid))]


def ours(n: int, **given: Any) -> dict[str, Any]:
    return rows.row(n, **{"changes_at": NOW + DAY, "cleared": True, **given})


def save(engine: Engine, *written: dict[str, Any]) -> None:
    with writing(engine) as conn:
        worklist_rows.save(conn, written)
        ahead.note(conn, {row["rid"]: row["changes_at"] for row in written}, NOW)


def foretell(engine: Engine, *then: dict[str, Any]) -> None:
    """Say of these rows that from tomorrow on they will be so."""
    with writing(engine) as conn:
        wanted = {row.rid: row for row in ahead.wanted(conn, NOW + DAY - 1, 100)}
        for row in then:
            held = worklist_rows.of_patient(conn, row["patient"])[row["rid"]]
            ahead.keep(conn, [(wanted[row["rid"]], ahead.made(held, row, worklist_rows.spelt))])


def cleared(conn: Connection, at: int) -> list[int]:
    bounds = DueBounds(at, at + DAY, at + 3 * DAY, at + 7 * DAY, behind=True)
    return [row.rid for row in Worklist(conn, CaseScope(None), bounds).every(WorklistQuery("cleared"))]


def test_a_row_turns_at_its_instant_and_not_before(engine: Engine) -> None:
    save(engine, ours(1), ours(2), ours(3, cleared=False))
    foretell(engine, ours(1, changes_at=None), ours(2, cleared=False), ours(3, changes_at=NOW + 2 * DAY))
    with reading(engine) as conn:
        assert cleared(conn, NOW + DAY - 1) == [1, 2]
        assert cleared(conn, NOW + DAY) == [1, 3], "though nothing was written"
        assert cleared(conn, NOW + DAY - 1) == [1, 2], "of whoever asks as of before"
        assert cleared(conn, NOW + 2 * DAY) == [1], "the other has changed once more, and nobody knows how"


def test_what_was_foreseen_of_a_case_is_void_once_it_is_judged_anew(engine: Engine) -> None:
    save(engine, ours(1), ours(2))
    foretell(engine, ours(1, changes_at=None), ours(2, changes_at=None))
    with writing(engine) as conn:
        ahead.note(conn, {1: NOW + DAY}, NOW)  # judged, and found to be as it was
    with reading(engine) as conn:
        assert cleared(conn, NOW + DAY) == [2]
        assert [row.rid for row in ahead.wanted(conn, NOW + DAY - 1, 10)] == [1]


def test_what_is_judged_anew_while_it_is_being_foreseen_is_not_taken_from_what_was_read_before(engine: Engine) -> None:
    save(engine, ours(1))
    with reading(engine) as conn:
        (wanted,) = ahead.wanted(conn, NOW + DAY - 1, 10)
        held = worklist_rows.of_patient(conn, "patient-1")[1]
    with writing(engine) as conn:
        ahead.note(conn, {1: NOW + DAY}, NOW)
    with writing(engine) as conn:
        ahead.keep(conn, [(wanted, ahead.made(held, ours(1, changes_at=None), worklist_rows.spelt))])
    with reading(engine) as conn:
        assert ahead.of(conn, [1], NOW + DAY) == {}


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_whoever_foresees_waits_for_nobody_who_writes_and_keeps_nothing_of_what_they_write(engine: Engine) -> None:
    save(engine, ours(1), ours(2))
    with reading(engine) as conn:
        first, second = ahead.wanted(conn, NOW + DAY - 1, 10)
        held = worklist_rows.of_patient(conn, "patient-1")[1]
    then = ahead.made(held, ours(1, changes_at=None), worklist_rows.spelt)
    with writing(engine) as slow:
        ahead.note(slow, {1: NOW + DAY}, NOW)
        with writing(engine) as conn:
            ahead.keep(conn, [(first, then), (second, then)])
    with reading(engine) as conn:
        assert list(ahead.of(conn, [1, 2], NOW + DAY)) == [2]


def test_the_copy_for_midnight_is_made_ahead_follows_what_is_written_and_is_asked_from_then_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "_CROWD", 2)
    strikes = NOW + DAY
    save(engine, ours(1), ours(2), ours(3))
    foretell(engine, *(ours(n, changes_at=None) for n in (1, 2, 3)))
    with reading(engine) as conn:
        assert cleared(conn, strikes - 9) == [1, 2, 3]
    followed(engine, strikes - 9)
    soon = copies._held(engine).soon.copy
    assert soon is not None
    save(engine, ours(2, specialty="Spine", specialty_sort="spine"), ours(4))
    foretell(engine, ours(4, changes_at=None))
    followed(engine, strikes - 8)
    with reading(engine) as conn:
        assert cleared(conn, strikes - 1) == [1, 2, 3, 4]
        assert copies._held(engine).copy is not soon
        past = ref(copies._held(engine).copy)
        assert cleared(conn, strikes) == [1, 3, 4], "of the second nobody knows any more"
        assert copies._held(engine).copy is soon
    assert past() is not None, "to let it go takes as long as a page: nobody waits for that"
    copies.follow(engine, strikes)
    assert past() is None


def followed(engine: Engine, at: int) -> None:
    copies.follow(engine, at)
    for thread in [each for each in threading.enumerate() if each.name == "case-rows"]:
        thread.join(30)


def test_a_row_is_found_by_the_words_that_it_will_have_and_no_more_by_those_that_it_had(engine: Engine) -> None:
    save(engine, ours(1, searched="Booking Okafor booklet", payer_searched="Okafor"), ours(2, searched="Okafor book"))
    then = {"searched": "Bookend Okafor visit", "payer_searched": "Okafor visit", "changes_at": None}
    foretell(engine, ours(1, **then), ours(2, searched="Okafor bo", changes_at=None))
    late = DueBounds(NOW + DAY, NOW + 2 * DAY, NOW + 3 * DAY, NOW + 7 * DAY, behind=True)
    with reading(engine) as conn:
        worklist = Worklist(conn, CaseScope(None), late)
        payers = Worklist(conn, CaseScope((("payer_key", PAYER),)), late)

        def found(words: str, of: Worklist = worklist) -> list[int]:
            return [row.rid for row in of.every(WorklistQuery(words=words))]

        assert [found(words) for words in ("bo", "book", "booke", "booki", "bookl", "visit", "okafor")] == [
            [1, 2], [1], [1], [], [], [1], [1, 2],
        ]  # fmt: skip
        assert (found("visit", payers), found("booke", payers), found("okafor", payers)) == ([1], [], [1, 2])


@given(stories(), stories())
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_rows_as_read_an_instant_after_time_has_changed_them_are_those_that_are_judged_from_nothing_then(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, story: Any, other: Any
) -> None:
    monkeypatch.setattr(ahead, "HORIZON", 400 * DAY)
    path = Path(tempfile.mkdtemp(dir=tmp_path)) / "model.db"
    shutil.copyfile(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    now = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
    with writing(engine) as conn:
        put(conn, *story.resources.values(), now=now)
        put(conn, *(twin(each) for each in other.resources.values() if twin(each)["id"] != each["id"]), now=now)
    for _ in range(3):
        while foresee.foresee(engine, now, RULES):
            pass
        with reading(engine) as conn:
            turns = [at for at in conn.scalars(select(case.c.changes_at)) if at is not None]
        if not turns:
            break
        now = moment(min(turns)) + timedelta(microseconds=1)
        with reading(engine) as conn:
            worklist = Worklist(conn, CaseScope(None), replace(moments(now, RULES.zone), behind=True))
            read = [row for tab in ("open", "snoozed", "closed") for row in worklist.every(WorklistQuery(tab))]
            shown = {row.id: plain(row) for row in current(conn, read, now, RULES, behind=True)}
            wanted = recomputed(conn, now)
        assert shown.keys() == wanted.keys()
        assert {id: {name: shown[id][name] for name in row} for id, row in wanted.items()} == wanted
        with writing(engine) as conn:
            project.refresh(conn, now, RULES, 100)
    engine.dispose()


@pytest.mark.parametrize("at_once", [0, 10_000], ids=["marked", "judged at once"])
def test_nothing_is_cleared_at_midnight_by_an_agreement_that_was_ended_after_it_was_foreseen(
    evening: House, at_midnight: Callable[[str], House], monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(project, "AT_ONCE", at_once)
    look_ahead(evening)
    before = cleared_at_midnight(at_midnight("before"), behind=True)
    with writing(evening.world.engine) as conn:
        ended = [json.loads(row.body) | {"status": "cancelled"} for row in registry.every(conn, "Contract")]
        put(conn, *ended, now=EVENING)
    unread, judged = at_midnight("unread"), at_midnight("judged")
    loop.once(judged.world)
    wanted = cleared_at_midnight(judged, behind=False)
    assert wanted < before, "or nothing would lean on what has ended"
    assert cleared_at_midnight(unread, behind=True) <= wanted
    look_ahead(evening)
    assert cleared_at_midnight(at_midnight("looked again"), behind=True) <= wanted


def test_nobody_is_called_to_look_ahead_while_cases_are_to_be_judged_anew(
    at_midnight: Callable[[str], House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second worker would take the job, let it go and be called again, over and over while the first one judges."""
    monkeypatch.setattr(ahead, "HORIZON", 400 * DAY)
    world = at_midnight("called").world

    def called() -> list[str]:
        foresee.call_for(world)
        with reading(world.engine) as conn:
            assert ahead.wanted(conn, micros(MIDNIGHT), 1)
            return list(jobs.waiting(conn, foresee.JOB))

    assert called() == []
    loop.once(world)
    assert called() == [foresee.JOB]


def cleared_at_midnight(house: House, *, behind: bool) -> set[str]:
    at = replace(moments(MIDNIGHT, RULES.zone), behind=behind)
    with reading(house.world.engine) as conn:
        rows_ = list(Worklist(conn, SCOPES[0], at).every(WorklistQuery("cleared")))
        return {row.id for row in current(conn, rows_, MIDNIGHT, RULES, behind=behind)}
