"""Issue 3, Audit: a hash chain over the audit rows. Whatever is done to the trail afterwards is found, and named."""

import random
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update
from sqlalchemy.exc import DatabaseError

from carecoord.store.audit import seals
from carecoord.store.audit import verify as audit_verify
from carecoord.store.audit.events import Event, Journal, keep_draining, record
from carecoord.store.audit.tables import audit, audit_patient, audit_seal
from carecoord.store.audit.verify import Mark, Verdict, verify
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import setting

ROWS = 30
GAPS = (4, 17)  # numbers that no row has: on PostgreSQL, those of transactions that were undone
TABLES = (audit, audit_patient, audit_seal, setting)


def event(n: int) -> Event:
    shown = tuple(f"p{n}-{m}" for m in range(n % 4)) if n % 4 > 1 else ()
    return Event(n, f"req-{n}", "search", 200, "amara", None, "clinic", "Patient", query=f"name={n}", patients=shown)


def add(engine: Engine, count: int, start: int = 0) -> None:
    with writing(engine) as conn:
        record(conn, [event(n) for n in range(start, start + count)])


@pytest.fixture
def settle(engine: Engine) -> Callable[[], int]:
    """Seals what is there, and lets PostgreSQL settle its numbers: each round looks whether others have ended."""

    def settled() -> int:
        return sum(seals.seal(engine) for _ in range(4))

    return settled


def look(engine: Engine, folder: Path, since: Mark | None = None) -> Verdict:
    return verify(engine, seals.noted(folder), since)


@pytest.fixture
def tamper(engine: Engine) -> Iterator[Callable[[], Any]]:
    """A transaction of somebody who owns the database, whom no trigger stops."""

    def begin() -> Any:
        return writing(engine)

    if engine.dialect.name == "sqlite":
        with writing(engine) as conn:
            for name in conn.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                conn.execute(text(f"DROP TRIGGER {name}"))
        yield begin
        return
    tables = [table.name for table in TABLES[:3]]
    for what in ("DISABLE", "ENABLE"):
        with writing(engine) as conn:
            for name in tables:
                conn.execute(text(f"ALTER TABLE {name} {what} TRIGGER ALL"))
        if what == "DISABLE":
            yield begin


@pytest.fixture
def whole(engine: Engine, settle: Callable[[], int], tmp_path: Path) -> Path:
    """A sealed trail, its head noted in the folder's file."""
    with writing(engine) as conn:
        for n in range(1, ROWS + len(GAPS) + 1):
            if n not in GAPS:
                row = {name: getattr(event(n), name) for name in seals.NAMES if name != "n"}
                conn.execute(insert(audit).values(n=n, **row))
                for patient in event(n).patients:
                    conn.execute(insert(audit_patient).values(n=n, patient=patient, at=n))
        if engine.dialect.name == "postgresql":
            conn.execute(text("SELECT setval(pg_get_serial_sequence('audit', 'n'), 1000)"))
    assert settle() == ROWS
    assert seals.note(engine, tmp_path, 1_000_000, now=True)
    found = look(engine, tmp_path)
    assert (found.rows, found.sealed, found.waiting, found.faults) == (ROWS, ROWS, 0, ())
    return tmp_path


# what somebody does to the trail: each changes it for certain


def _row(conn: Connection, rng: random.Random) -> Any:
    return rng.choice(conn.execute(select(audit).order_by(audit.c.n)).all())


def change_a_row(conn: Connection, rng: random.Random) -> None:
    row, name = _row(conn, rng), rng.choice([name for name in seals.NAMES if name != "n"])
    old = row._mapping[name]
    numbers = ("at", "version", "status")
    new: Any = (old or 0) + rng.randint(1, 9) if name in numbers else f"{old or ''}{rng.choice('xyz')}"
    conn.execute(update(audit).where(audit.c.n == row.n).values({name: new}))


def empty_a_column(conn: Connection, rng: random.Random) -> None:
    conn.execute(update(audit).where(audit.c.n == _row(conn, rng).n).values(subject=None))


def remove_a_row(conn: Connection, rng: random.Random) -> None:
    conn.execute(delete(audit).where(audit.c.n == _row(conn, rng).n))


def remove_a_row_and_its_seal(conn: Connection, rng: random.Random) -> None:
    n = _row(conn, rng).n
    conn.execute(delete(audit).where(audit.c.n == n))
    conn.execute(delete(audit_seal).where(audit_seal.c.n == n))


def close_the_gap_too(conn: Connection, rng: random.Random) -> None:
    """Remove a row and its seal, and number the seals behind it anew."""
    seal = rng.randint(1, ROWS - 1)
    n = conn.scalar(select(audit_seal.c.n).where(audit_seal.c.seal == seal))
    conn.execute(delete(audit).where(audit.c.n == n))
    conn.execute(delete(audit_seal).where(audit_seal.c.seal == seal))
    for later in range(seal + 1, ROWS + 1):
        conn.execute(update(audit_seal).where(audit_seal.c.seal == later).values(seal=later - 1))


def remove_a_seal(conn: Connection, rng: random.Random) -> None:
    conn.execute(delete(audit_seal).where(audit_seal.c.seal == rng.randint(1, ROWS)))


def change_a_seal(conn: Connection, rng: random.Random) -> None:
    conn.execute(update(audit_seal).where(audit_seal.c.seal == rng.randint(1, ROWS)).values(hash=rng.randbytes(32)))


def reorder_the_seals(conn: Connection, rng: random.Random) -> None:
    one, other = rng.sample(range(1, ROWS + 1), 2)
    for before, after in ((one, -1), (other, one), (-1, other)):
        conn.execute(update(audit_seal).where(audit_seal.c.seal == before).values(seal=after))


def slip_a_row_in(conn: Connection, rng: random.Random) -> None:
    conn.execute(
        insert(audit).values(n=rng.choice(GAPS), id="false", at=1, request="r", interaction="read", status=200)
    )


def add_a_patient(conn: Connection, rng: random.Random) -> None:
    conn.execute(insert(audit_patient).values(n=_row(conn, rng).n, patient="stranger", at=1))


def hide_a_patient(conn: Connection, rng: random.Random) -> None:
    n, patient = rng.choice(conn.execute(select(audit_patient.c.n, audit_patient.c.patient)).all())
    conn.execute(delete(audit_patient).where(audit_patient.c.n == n, audit_patient.c.patient == patient))


def _set_head(conn: Connection, head: seals.Head) -> None:
    seals._keep(conn, head)


def _cut(conn: Connection, last: int) -> seals.Head:
    behind = audit_seal.c.seal > last
    numbers = conn.scalars(select(audit_seal.c.n).where(behind)).all()
    conn.execute(delete(audit).where(audit.c.n.in_(numbers)))
    conn.execute(delete(audit_seal).where(behind))
    hash = conn.scalar(select(audit_seal.c.hash).where(audit_seal.c.seal == last))
    return replace(seals.head(conn), seal=last, hash=bytes(hash) if hash else seals.GENESIS)


def cut_the_end_off(conn: Connection, rng: random.Random) -> None:
    _cut(conn, rng.randint(0, ROWS - 1))


def cut_the_end_off_and_set_the_head_back(conn: Connection, rng: random.Random) -> None:
    _set_head(conn, _cut(conn, rng.randint(0, ROWS - 1)))


def make_the_chain_anew(conn: Connection, rng: random.Random) -> None:
    """Change a row, and seal it and all behind it as we would."""
    change_a_row(conn, rng)
    hash = seals.GENESIS
    for seal, n in conn.execute(select(audit_seal.c.seal, audit_seal.c.n).order_by(audit_seal.c.seal)).all():
        row = conn.execute(select(audit).where(audit.c.n == n)).one()
        hash = seals.digest(hash, row, seals.patients_of(conn, [n]).get(n, ()))
        conn.execute(update(audit_seal).where(audit_seal.c.seal == seal).values(hash=hash))
    _set_head(conn, replace(seals.head(conn), hash=hash))


def empty_everything(conn: Connection, rng: random.Random) -> None:
    for table in TABLES[:3]:
        conn.execute(delete(table))
    conn.execute(delete(setting).where(setting.c.name == "audit_head"))


DEEDS: tuple[Callable[[Connection, random.Random], None], ...] = (
    change_a_row,
    empty_a_column,
    remove_a_row,
    remove_a_row_and_its_seal,
    close_the_gap_too,
    remove_a_seal,
    change_a_seal,
    reorder_the_seals,
    slip_a_row_in,
    add_a_patient,
    hide_a_patient,
    cut_the_end_off,
    cut_the_end_off_and_set_the_head_back,
    make_the_chain_anew,
    empty_everything,
)


def test_whatever_is_done_to_the_trail_is_found(engine: Engine, whole: Path, tamper: Callable[[], Any]) -> None:
    """Model test: from one sound trail, many random deeds of each kind, by somebody who may do anything to the
    database. And put back as it was, the trail is sound again."""
    rng = random.Random(20261122)
    with reading(engine) as conn:
        kept = {table.name: [dict(row) for row in conn.execute(select(table)).mappings()] for table in TABLES}
    for deed in DEEDS:
        for _ in range(6):
            with tamper() as conn:
                deed(conn, rng)
            assert look(engine, whole).faults, f"{deed.__name__} went unnoticed"
            with tamper() as conn:
                for table in TABLES:
                    conn.execute(delete(table))
                    conn.execute(insert(table), kept[table.name])
    assert look(engine, whole).faults == ()


NAMED: list[tuple[str, Callable[[Connection], Any], str]] = [
    ("row 5 (seal 4)", lambda conn: conn.execute(update(audit).where(audit.c.n == 5).values(subject="eve")), "sealed"),
    ("row 5 (seal 4)", lambda conn: conn.execute(delete(audit).where(audit.c.n == 5)), "has been removed"),
    ("seals 3 to 5", lambda conn: conn.execute(delete(audit_seal).where(audit_seal.c.seal.in_((3, 4, 5)))), "missing"),
    ("row 4", lambda conn: slip_a_row_in(conn, random.Random(1)), "slipped in"),
    ("ends at seal 20", lambda conn: _cut(conn, 20), "the last one made was seal 30"),
    ("seal 30", lambda conn: _set_head(conn, _cut(conn, 20)), "noted on 1970-01-01T00:00:01"),
]  # fmt: skip


@pytest.mark.parametrize(("which", "deed", "what"), NAMED, ids=[what for *_, what in NAMED])
def test_what_is_wrong_is_named_by_its_number(
    engine: Engine, whole: Path, tamper: Callable[[], Any], which: str, deed: Callable[[Connection], Any], what: str
) -> None:
    with tamper() as conn:
        deed(conn)
    assert any(which in fault and what in fault for fault in look(engine, whole).faults)


def test_a_row_that_was_changed_is_the_only_one_named(engine: Engine, whole: Path, tamper: Callable[[], Any]) -> None:
    with tamper() as conn:
        conn.execute(update(audit).where(audit.c.n == 9).values(at=1))
    assert len(look(engine, whole).faults) == 1


def test_a_walk_goes_on_from_where_it_was_whole(engine: Engine, whole: Path, settle: Callable[[], int]) -> None:
    mark = look(engine, whole).mark
    add(engine, 5, start=100)
    settle()
    found = look(engine, whole, mark)
    assert (found.walked, found.faults, found.sealed) == (5, (), ROWS + 5)


def test_a_walk_from_a_mark_still_notices_what_was_removed_before_it(
    engine: Engine, whole: Path, tamper: Callable[[], Any]
) -> None:
    mark = look(engine, whole).mark
    with tamper() as conn:
        conn.execute(delete(audit).where(audit.c.n == 3))
    assert look(engine, whole, mark).faults
    assert "made anew" in look(engine, whole, replace(mark, hash="00" * 32)).faults[0]


def test_a_long_chain_is_walked_and_sealed_in_steps(
    engine: Engine, tmp_path: Path, settle: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "BATCH", 7)
    monkeypatch.setattr(audit_verify, "STEP", 5)
    add(engine, 50)
    assert seals.seal(engine, most=14) == 14
    assert look(engine, tmp_path).waiting == 36
    assert settle() == 36
    told: list[tuple[int, int]] = []
    assert verify(engine, (), tell=lambda done, of: told.append((done, of))).faults == ()
    assert told[0] == (5, 50)
    assert told[-1] == (50, 50)


def test_a_row_that_commits_late_gets_its_seal_too(engine: Engine, tmp_path: Path, settle: Callable[[], int]) -> None:
    """PostgreSQL gives numbers out before the commit: a slow writer's row has a lower number than rows sealed already.
    (SQLite has one writer at a time.)"""
    if engine.dialect.name == "sqlite":
        return
    with engine.connect() as slow, slow.begin():
        record(slow, [event(1)])
        add(engine, 3, start=10)
        assert settle() == 3
        assert settle() == 0
        with reading(engine) as conn:
            assert seals.head(conn).settled == 0, "a lower number may still come"
    assert settle() == 1
    settle()
    with reading(engine) as conn:
        assert seals.head(conn).settled == 4
        assert conn.scalars(select(audit_seal.c.n).order_by(audit_seal.c.seal)).all() == [2, 3, 4, 1]
    assert look(engine, tmp_path).faults == ()


def test_many_sealers_at_once_make_one_chain(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoLock:
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(seals, "_lock", NoLock())  # as if each were a process of its own
    monkeypatch.setattr(seals, "BATCH", 3)
    add(engine, 60)
    sealers = [threading.Thread(target=seals.seal, args=(engine,)) for _ in range(4)]
    for each in sealers:
        each.start()
    for each in sealers:
        each.join(60)
    seals.seal(engine)
    with reading(engine) as conn:
        numbers = conn.scalars(select(audit_seal.c.seal).order_by(audit_seal.c.seal)).all()
        assert numbers == list(range(1, 61))
        assert conn.scalar(select(func.count(audit_seal.c.n.distinct()))) == 60
    assert look(engine, tmp_path).faults == ()


def test_the_head_is_noted_now_and_then_for_the_owner_alone(engine: Engine, tmp_path: Path) -> None:
    add(engine, 2)
    seals.seal(engine)
    folder = tmp_path / "audit"
    assert seals.note(engine, folder, 10**15)
    assert stat.S_IMODE((folder / seals.FILE).stat().st_mode) == 0o600
    assert not seals.note(engine, folder, 10**15 + seals.NOTED_EVERY), "it has not gone on"
    add(engine, 2, start=5)
    seals.seal(engine)
    assert not seals.note(engine, folder, 10**15 + seals.NOTED_EVERY - 1), "too soon"
    assert seals.note(engine, folder, 10**15 + seals.NOTED_EVERY)
    assert [each.seal for each in seals.noted(folder)] == [2, 4]
    (folder / seals.FILE).write_text("nonsense\n")
    with pytest.raises(ValueError, match="can not be read"):
        seals.noted(folder)


def test_the_drainer_seals_what_it_drained_and_what_writes_left(engine: Engine, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(event(3))
    add(engine, 1, start=50)
    stop = threading.Event()
    stop.set()
    keep_draining(journal, engine, lambda: datetime(2026, 11, 22, tzinfo=UTC), stop, 0.01)
    assert [each.seal for each in seals.noted(tmp_path)] == [2]
    assert look(engine, tmp_path).sealed == 2


@pytest.mark.parametrize("table", [audit, audit_patient, audit_seal], ids=lambda table: str(table.name))
def test_the_database_refuses_to_change_or_remove_a_row_of_the_trail(engine: Engine, whole: Path, table: Any) -> None:
    first = table.columns.values()[0]
    for statement in (delete(table), update(table).values({first.name: first})):
        with pytest.raises(DatabaseError, match="only ever added to"), writing(engine) as conn:
            conn.execute(statement)
    assert look(engine, whole).faults == ()
