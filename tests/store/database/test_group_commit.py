"""Issue 11.1: SQLite's writers that crowd share one transaction; none answers before it is committed, and none takes
another down."""

import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, insert, select, text

from carecoord.errors import DatabaseAway
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.database.sqlite import group_commit
from carecoord.store.database.tables import setting

WAIT = 20  # seconds that a test waits for what must come


class Refused(Exception):
    """What a writer of these tests is refused by."""


class Crowd:
    """Writers of one process, each begun when the one before it is under way, each let go on by name."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.pool = ThreadPoolExecutor(8)
        self.answers: dict[str, Future[None]] = {}
        self.begun: dict[str, threading.Event] = {}
        self.let: dict[str, threading.Event] = {}

    def writes(self, name: str, then: Callable[[Connection], None] = lambda _: None, *, shares: bool = True) -> None:
        """Begin a writer of the row `name`, which waits there until it is let, does `then`, and ends."""
        self.begun[name], self.let[name] = threading.Event(), threading.Event()

        def write() -> None:
            with writing(self.engine, shares=shares) as conn:
                conn.execute(insert(setting).values(name=name, value=b""))
                self.begun[name].set()
                assert self.let[name].wait(WAIT)
                then(conn)

        line = group_commit._lines[self.engine.url.database]
        waiting = len(line._waiting)
        self.answers[name] = self.pool.submit(write)
        while not (self.begun[name].is_set() or len(line._waiting) > waiting):
            assert not self.answers[name].done()

    def goes_on(self, name: str) -> None:
        assert self.begun[name].wait(WAIT)
        self.let[name].set()

    def answer(self, name: str) -> BaseException | None:
        return self.answers[name].exception(WAIT)

    def undoes(self, work: Callable[[], object]) -> BaseException | None:
        """What comes of work whose first transaction is lost with the one that it shares."""
        self.writes("before")
        line = group_commit._lines[self.engine.url.database]
        answer = self.pool.submit(work)
        while not line._waiting:
            assert not answer.done()
        self.writes("undoes", undo)
        for name in ("before", "undoes"):
            self.goes_on(name)
        return answer.exception(WAIT)

    def keeps_waiting(self, work: Callable[[], object]) -> BaseException | None:
        """What comes of work that waits in vain for its turn to write."""
        self.writes("first")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(group_commit, "BUSY_SECONDS", 0.05)
            answer = self.pool.submit(work).exception(WAIT)
        self.goes_on("first")
        return answer

    def stands(self) -> set[str]:
        """The rows that others see."""
        with reading(self.engine) as conn:
            return set(conn.scalars(select(setting.c.name))) - {"secret"}


@contextmanager
def crowding(engine: Engine) -> Iterator[Crowd]:
    """Writers on this engine, who share one transaction for as long as a test takes."""
    made = Crowd(engine)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(group_commit, "_OPEN_SECONDS", WAIT)  # on a busy machine too
        yield made
    for each in made.let.values():
        each.set()
    made.pool.shutdown()


@pytest.fixture
def crowd(tmp_path: Path, sqlite_template: Path) -> Iterator[Crowd]:
    path = tmp_path / "crowd.db"
    path.write_bytes(sqlite_template.read_bytes())
    engine = open_engine(f"sqlite:///{path}")
    with crowding(engine) as made:
        yield made
    engine.dispose()


def refuse(_: Connection) -> None:
    raise Refused


def undo(conn: Connection) -> None:
    """As when the disk is full: SQLite ends the whole transaction, not the statement alone."""
    conn.connection.dbapi_connection.execute("ROLLBACK")  # type: ignore[union-attr]
    raise Refused


def test_writers_that_crowd_are_answered_once_what_they_share_is_committed(crowd: Crowd) -> None:
    crowd.writes("first")
    crowd.writes("second")
    crowd.goes_on("first")
    assert crowd.begun["second"].wait(WAIT)
    assert not crowd.answers["first"].done()
    assert crowd.stands() == set()
    crowd.goes_on("second")
    assert (crowd.answer("first"), crowd.answer("second")) == (None, None)
    assert crowd.stands() == {"first", "second"}


@pytest.mark.parametrize("refused", ["first", "second", "third"])
def test_who_is_refused_takes_nobody_down(crowd: Crowd, refused: str) -> None:
    for name in ("first", "second", "third"):
        crowd.writes(name, refuse if name == refused else lambda _: None)
    for name in ("first", "second", "third"):
        crowd.goes_on(name)
    answers = {name: type(crowd.answer(name)) for name in crowd.answers}
    assert answers == dict.fromkeys(("first", "second", "third"), type(None)) | {refused: Refused}
    assert crowd.stands() == {"first", "second", "third"} - {refused}


def test_of_a_transaction_that_can_not_be_committed_nobody_is_told_that_it_was(crowd: Crowd) -> None:
    def leave_broken(conn: Connection) -> None:
        conn.execute(text("PRAGMA defer_foreign_keys = ON"))
        conn.execute(text("CREATE TABLE child (of TEXT REFERENCES setting (name))"))
        conn.execute(text("INSERT INTO child VALUES ('nobody')"))

    crowd.writes("first")
    crowd.writes("second", refuse)
    crowd.writes("third", leave_broken)
    for name in ("first", "second", "third"):
        crowd.goes_on(name)
    assert isinstance(crowd.answer("first"), DatabaseAway)
    assert isinstance(crowd.answer("second"), DatabaseAway), "it was refused by what is no more"
    assert isinstance(crowd.answer("third"), sqlite3.IntegrityError)
    assert crowd.stands() == set()
    crowd.writes("later")
    crowd.goes_on("later")
    assert crowd.answer("later") is None
    assert crowd.stands() == {"later"}


def test_a_transaction_that_sqlite_itself_has_undone_is_kept_for_nobody(crowd: Crowd) -> None:
    crowd.writes("first")
    crowd.writes("second", undo)
    crowd.writes("third")
    for name in ("first", "second", "third"):
        crowd.goes_on(name)
    assert isinstance(crowd.answer("first"), DatabaseAway)
    assert crowd.answer("first").headers == {"Retry-After": "1"}  # type: ignore[union-attr]
    assert isinstance(crowd.answer("second"), Refused)
    assert crowd.answer("third") is None
    assert crowd.stands() == {"third"}


@pytest.mark.parametrize("alone", ["first", "second"])
def test_who_may_take_long_shares_with_nobody(crowd: Crowd, alone: str) -> None:
    crowd.writes("first", shares=alone != "first")
    crowd.writes("second", shares=alone != "second")
    crowd.goes_on("first")
    assert crowd.answer("first") is None
    assert crowd.begun["second"].wait(WAIT)
    assert crowd.stands() == {"first"}
    crowd.goes_on("second")
    assert crowd.answer("second") is None


def test_what_is_shared_for_long_is_joined_by_nobody_more(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "_OPEN_SECONDS", 0)
    crowd.writes("first")
    crowd.writes("second")
    crowd.goes_on("first")
    assert crowd.answer("first") is None
    assert crowd.stands() == {"first"}
    crowd.goes_on("second")
    assert crowd.answer("second") is None


def test_who_waits_in_vain_is_told_and_the_line_goes_on(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd.writes("first")
    monkeypatch.setattr(group_commit, "BUSY_SECONDS", 0.01)
    crowd.writes("second")
    assert isinstance(crowd.answer("second"), DatabaseAway)
    monkeypatch.undo()
    crowd.writes("third")
    crowd.goes_on("first")
    crowd.goes_on("third")
    assert (crowd.answer("first"), crowd.answer("third")) == (None, None)
    assert crowd.stands() == {"first", "third"}


@pytest.mark.parametrize("seed", range(4))
def test_of_writers_in_any_order_each_sees_those_before_it_and_what_was_answered_stands(
    tmp_path: Path, sqlite_template: Path, seed: int
) -> None:
    """Two engines are two lines, as two processes have: eight writers each count on from what stands, some are refused
    before or after, some undo a savepoint of their own, some share with nobody."""
    path = tmp_path / "any.db"
    path.write_bytes(sqlite_template.read_bytes())
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("CREATE TABLE counted (n INTEGER PRIMARY KEY, who TEXT NOT NULL)")
    engines = [open_engine(f"sqlite:///{path}"), open_engine(f"sqlite:///{tmp_path}/./any.db")]
    kept: list[str] = []

    def count(who: str, chance: random.Random) -> None:
        end = chance.choice(["keep", "keep", "keep", "refuse", "refuse early", "part"])
        try:
            with writing(engines[int(who[0]) % 2], shares=chance.random() < 0.9) as conn:
                if end == "refuse early":
                    raise Refused
                if end == "part":
                    with conn.begin_nested() as part:
                        conn.execute(text("INSERT INTO counted SELECT coalesce(max(n), 0) + 1, 'nobody' FROM counted"))
                        part.rollback()
                given = {"who": who}
                conn.execute(text("INSERT INTO counted SELECT coalesce(max(n), 0) + 1, :who FROM counted"), given)
                if end == "refuse":
                    raise Refused
        except Refused:
            return
        kept.append(who)

    def counts(writer: int) -> None:
        chance = random.Random(seed * 8 + writer)
        for turn in range(25):
            count(f"{writer}.{turn}", chance)

    with ThreadPoolExecutor(8) as pool:
        done = wait([pool.submit(counts, writer) for writer in range(8)], 120)
    assert [each.exception() for each in done.done] == [None] * 8
    with reading(engines[0]) as conn:
        rows = conn.execute(text("SELECT n, who FROM counted ORDER BY n")).all()
    assert [n for n, _ in rows] == list(range(1, len(rows) + 1)), "each saw all those before it"
    assert sorted(who for _, who in rows) == sorted(kept)
    for engine in engines:
        engine.dispose()
