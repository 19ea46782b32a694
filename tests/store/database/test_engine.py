"""The database opens, migrates to exactly the tables in code, and its transactions do what they say."""

import contextlib
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import _queries
from sqlalchemy import Connection, Engine, QueuePool, insert, select, text
from sqlalchemy.exc import InternalError, OperationalError

import auth.tables
from carecoord import effects
from carecoord.errors import Unavailable
from carecoord.settings import Settings
from carecoord.store.database import driver, revision, tables
from carecoord.store.database.engine import alone, glancing, migrate, open_engine, reading, secret, writing
from carecoord.store.database.sqlite import group_commit

WORDS = {
    "index": ("ix_agreement_row_words", "ix_code_entry_lexemes", "ix_paper_page_words"),
    "table": ("agreement_words", "code_words", "paper_words"),
    "column": ("lexemes",),
}


def test_it_migrates_to_exactly_the_tables_in_code(engine: Engine) -> None:
    def ours(name: str | None, kind: str, _: object) -> bool:
        """Words are found by a full-text index: SQLite keeps it in tables of its own making, PostgreSQL as a GIN, of
        a column that it writes itself."""
        return not (name or "").startswith(WORDS.get(kind, ("no such",)))

    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "include_name": ours})
        assert compare_metadata(context, [tables.metadata, auth.tables.metadata]) == []  # type: ignore[arg-type]
        assert revision.present(conn) == context.get_current_revision() == revision.newest()


def test_a_database_without_tables_is_at_no_revision(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/carecoord.db")
    with reading(engine) as conn:
        assert revision.present(conn) is None
    engine.dispose()


def test_it_keeps_its_secret_when_migrated_again(engine: Engine) -> None:
    with reading(engine) as conn:
        before = secret(conn)
    migrate(engine)
    engine.dispose()
    with reading(engine) as conn:
        assert secret(conn) == before
        assert len(before) == 32


def test_it_makes_the_folder_of_a_new_sqlite_file(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/var/deep/carecoord.db")
    migrate(engine)
    with reading(engine) as conn:
        assert conn.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert conn.execute(text("PRAGMA wal_autocheckpoint")).scalar() == 30_000
    engine.dispose()


def test_a_failed_write_leaves_nothing_behind(engine: Engine) -> None:
    def write_and_fail() -> None:
        with writing(engine) as conn:
            conn.execute(insert(tables.setting), {"name": "a", "value": b"1"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with reading(engine) as conn:
        assert conn.execute(select(tables.setting.c.name)).scalars().all() == ["secret"]


def test_a_reader_sees_one_state_throughout(engine: Engine) -> None:
    names = select(tables.setting.c.name)
    with reading(engine) as reader:
        assert len(reader.execute(names).all()) == 1
        with writing(engine) as writer:
            writer.execute(insert(tables.setting), {"name": "a", "value": b"1"})
        assert len(reader.execute(names).all()) == 1
    with reading(engine) as reader:
        assert len(reader.execute(names).all()) == 2


def test_a_connection_on_which_somebody_left_a_cursor_open_keeps_nobody_from_writing(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/carecoord.db", 1)
    migrate(engine)
    with reading(engine) as conn:
        left = conn.connection.dbapi_connection.execute("SELECT * FROM setting UNION ALL SELECT 'more', NULL")
        assert left.fetchone()
    with closing(sqlite3.connect(tmp_path / "carecoord.db")) as other, other:
        other.execute("INSERT INTO setting VALUES ('other', x'00')")
    begun = time.monotonic()
    with writing(engine) as conn:
        conn.execute(insert(tables.setting).values(name="ours", value=b""))
    assert time.monotonic() - begun < 5
    with reading(engine) as conn:
        assert {"other", "ours"} <= set(conn.scalars(select(tables.setting.c.name)))
    engine.dispose()


@pytest.mark.parametrize("way", ["the driver's cursor", "rows", "a glance", "a statement that failed"])
def test_a_reader_sees_the_newest_state_whatever_the_one_before_left_unread(tmp_path: Path, way: str) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/carecoord.db", 1)
    migrate(engine)
    two = "SELECT name FROM setting UNION ALL SELECT 'more'"
    held: list[Any] = []

    def leave() -> None:
        with (glancing if way == "a glance" else reading)(engine) as conn:
            raw = conn.connection.dbapi_connection
            held.append(conn.execute(text(two)) if way in ("rows", "a statement that failed") else raw.execute(two))
            assert held[0].fetchone()
            if way == "a statement that failed":
                conn.execute(text("SELECT 1 FROM nowhere"))

    if way == "a statement that failed":
        with pytest.raises(OperationalError) as failure:
            leave()
        held.append(failure)
    else:
        leave()
    with closing(sqlite3.connect(tmp_path / "carecoord.db")) as other, other:
        other.execute("INSERT INTO setting VALUES ('other', x'00')")
    with reading(engine) as conn:
        assert sorted(conn.scalars(select(tables.setting.c.name))) == ["other", "secret"]
    engine.dispose()


def test_a_reader_can_not_write_on_postgres_and_keeps_nothing_on_sqlite(engine: Engine) -> None:
    with contextlib.suppress(InternalError), reading(engine) as conn:
        conn.execute(insert(tables.setting), {"name": "a", "value": b"1"})
    with reading(engine) as conn:
        assert conn.execute(select(tables.setting.c.name)).scalars().all() == ["secret"]


@pytest.mark.postgres
def test_a_reader_leaves_what_it_had_postgres_plan_to_the_next_one(new_database: Callable[[str], str]) -> None:
    engine = open_engine(new_database("postgres"))
    names = select(tables.setting.c.name)
    for _ in range(3):
        with reading(engine) as conn:
            conn.execute(names).all()
    with reading(engine) as conn:
        kept = conn.scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    assert len([each for each in kept if "FROM setting" in each]) == 1
    engine.dispose()


@pytest.mark.postgres
def test_a_long_statement_is_read_once_by_the_driver_of_postgres(new_database: Callable[[str], str]) -> None:
    engine = open_engine(new_database("postgres"))
    values = {f"value_{n}": 10 for n in range(300)}
    long = text("SELECT " + " + ".join(f":{name}" for name in values))
    read: list[int] = []
    for _ in range(2):
        with reading(engine) as conn:
            assert conn.scalar(long, values) == 3_000
        read.append(_queries._query2pg.cache_info().misses)
    assert read[0] == read[1]
    engine.dispose()


@pytest.mark.parametrize("here", [True, False], ids=["in this process", "in another"])
def test_a_writer_that_waits_too_long_is_told_to_try_again(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch, here: bool
) -> None:
    path = tmp_path / "busy.db"
    path.write_bytes(sqlite_template.read_bytes())
    engine = open_engine(f"sqlite:///{path}")
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with writing(engine) if here else _elsewhere(path):
            held.set()
            release.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    monkeypatch.setattr(group_commit, "BUSY_SECONDS", 0.05)
    try:
        with pytest.raises(Unavailable) as refused, writing(engine):
            raise AssertionError("two writers at once")
        assert refused.value.status == 503
        assert refused.value.headers == {"Retry-After": "1"}
    finally:
        release.set()
        holder.join()
    with writing(engine) as conn:
        assert conn.scalar(text("SELECT 1")) == 1
    engine.dispose()


@contextmanager
def _elsewhere(path: Path) -> Iterator[None]:
    """The write lock in the hands of somebody who knows nothing of our queue."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("COMMIT")


_LOCKS = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")


@pytest.mark.postgres
def test_who_is_alone_already_asks_for_it_no_more_but_where_it_was_undone(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(new_database("postgres"), kept=1)
    asked: list[str] = []
    send = driver.send

    def counted(conn: Connection, said: str, *values: object) -> None:
        asked.append(said)
        send(conn, said, *values)

    monkeypatch.setattr(driver, "send", counted)
    for times in (3, 6):  # in each transaction anew
        with writing(engine) as conn:
            with conn.begin_nested() as trial:
                alone(conn, "a")
                trial.rollback()
            assert conn.scalar(_LOCKS) == 0
            alone(conn, "a")
            alone(conn, "a", "b")
            alone(conn, "b", "a")
            assert conn.scalar(_LOCKS) == 2
        assert len(asked) == times
    engine.dispose()


def test_a_server_that_was_restarted_costs_one_request(postgres_url: str) -> None:
    engine, other = open_engine(postgres_url), open_engine(postgres_url)

    def ask() -> None:
        with reading(engine) as conn:
            driver.first(conn, text("SELECT 1"), {})

    with reading(engine), reading(engine):  # several connections wait in the pool afterwards
        ask()
    with writing(other) as conn:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        conn.execute(text(f"{others} AND datname = current_database()"))
    with pytest.raises(Unavailable):
        ask()
    for _ in range(5):
        ask()
    engine.dispose()
    other.dispose()


def test_a_process_keeps_as_many_connections_as_its_settings_say(tmp_path: Path) -> None:
    engine = effects.world(Settings(var=str(tmp_path), database_url="postgresql://h/x", database_pool=5)).engine
    assert isinstance(engine.pool, QueuePool)
    assert engine.pool.size() == 5


def test_an_unreachable_database_is_unavailable() -> None:
    engine = open_engine("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable, match="not available"), reading(engine) as conn:
        conn.execute(text("SELECT 1"))


LEAVES = """
import sqlite3, sys
for _ in range(2):
    conn = sqlite3.connect(sys.argv[1])
    print(conn.execute("SELECT value FROM setting WHERE name = 'here'").fetchall())
    conn.close()
"""


def test_who_ends_elsewhere_takes_no_log_away_from_who_goes_on(tmp_path: Path) -> None:
    """A process that opened the file once more beside SQLite lost all its locks on it: whoever ended next, such as a
    verb of the command line, took itself for the last and deleted the write-ahead log. What was written then was in
    no file any more."""
    path = tmp_path / "carecoord.db"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    with engine.connect() as one, engine.connect() as another:  # two connections: the second opens beside the first
        for conn in (one, another):
            conn.execute(select(tables.setting.c.name)).all()
            conn.rollback()
        ended = subprocess.run([sys.executable, "-c", LEAVES, str(path)], capture_output=True, text=True, check=True)
        assert ended.stdout == "[]\n[]\n"
        raw = one.connection.dbapi_connection
        raw.execute("INSERT INTO setting (name, value) VALUES ('here', x'31')")  # type: ignore[union-attr]
        ended = subprocess.run([sys.executable, "-c", LEAVES, str(path)], capture_output=True, text=True, check=True)
        assert ended.stdout == "[(b'1',)]\n[(b'1',)]\n"
    engine.dispose()
