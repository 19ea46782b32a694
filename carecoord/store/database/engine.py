"""Open the database, give transactions, bring its tables to the present shape.

SQLite runs in WAL: readers never wait for a writer. A transaction that means to write takes the write lock at
once (BEGIN IMMEDIATE), for one that upgrades half-way fails without waiting. We begin by hand, not by SQLAlchemy's
engine events: a single listener makes every statement dearer.
"""

import hashlib
import itertools
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog
from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url, select, text
from sqlalchemy.exc import DataError, InternalError, OperationalError

from carecoord.errors import DatabaseAway, Invalid, Unavailable
from carecoord.store.database import driver, private_files, refusals, revision
from carecoord.store.database.sqlite import group_commit
from carecoord.store.database.sqlite.group_commit import BUSY_SECONDS
from carecoord.store.database.tables import setting

if TYPE_CHECKING:
    from alembic.config import Config

T = TypeVar("T")

_CONNECT_SECONDS = 10  # that a PostgreSQL has to answer a new connection
POOL = 16  # connections kept, where nobody says how many; as many again may be opened when threads crowd
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",  # safe in WAL: a power cut may lose the last commits, never the database
    f"busy_timeout = {BUSY_SECONDS * 1000}",
    "foreign_keys = ON",
    # KiB, for each connection; the rest is the file mapped into memory. With four times as much a sync of 20,000 takes
    # the same of the processor, and each connection grows by 7 MB more.
    "cache_size = -4096",
    "mmap_size = 268435456",
    # Pages. The log is emptied by the process of later work, which keeps nobody waiting (see sqlite/checkpoints.py); a
    # writer does it where there is none. At SQLite's 1,000 each 24 creates would end in it, at 10,000 each 200.
    "wal_autocheckpoint = 30000",
    "temp_store = MEMORY",
)
_ASKED_AGAIN = 2  # times that a statement is sent before a connection to PostgreSQL prepares it
_KEPT = 400  # statements that a connection keeps prepared: a page sends some sixty, each in a few shapes
# Our statements are written in the order they are to run (see statements.py); compiling a plan only costs time.
_POSTGRES_OPTIONS = "-c join_collapse_limit=1 -c jit=off"
_REPEATABLE_READ: Final = 3  # psycopg.IsolationLevel
_PLAN_ONCE = "SELECT set_config('plan_cache_mode','force_generic_plan',true), set_config('enable_seqscan','off',true)"
_AWAY = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
)
_SEEN = "seen"  # of a connection's transaction that only reads: what it has read once
_ROLLED_BACK = "40"  # PostgreSQL's class of codes for a transaction that lost against another
_log = structlog.get_logger()
_LOCK = 0x63617265  # the advisory lock that one migration at a time holds


def open_engine(url: str, kept: int = POOL) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://…` (psycopg 3), whose pool serves many threads. kept: connections
    that it keeps; as many again may be opened.

    Makes the folder of a SQLite file, for its owner alone. Use `reading` and `writing` for transactions, never
    `engine.begin()`.
    """
    target = make_url(url)
    pool: dict[str, Any] = {"pool_size": kept, "max_overflow": kept}
    if target.get_backend_name() == "sqlite":
        if target.database:
            private_files.make_folder(Path(target.database).parent)
        # The last one knows most pages. (PostgreSQL's take turns: what is idle for long may be cut off on the way.)
        given = {"timeout": BUSY_SECONDS, "factory": group_commit.Member}
        engine = create_engine(target, **pool, pool_use_lifo=True, connect_args=given)
        event.listen(engine, "do_connect", _private)
        event.listen(engine, "connect", _prepare)  # pool events: they cost nothing per statement
        event.listen(engine, "checkin", driver.give_up_unread)
        return engine
    if target.drivername == "postgresql":
        target = target.set(drivername="postgresql+psycopg")
    _read_once()
    given = {"options": _POSTGRES_OPTIONS, "connect_timeout": target.query.get("connect_timeout", _CONNECT_SECONDS)}
    engine = create_engine(target, **pool, connect_args=given)
    event.listen(engine, "do_connect", _in_utf8)
    event.listen(engine, "connect", _keep_statements)
    return engine


@lru_cache(maxsize=1)
def _read_once() -> None:
    """Psycopg reads a statement anew each time that it is sent, where it is long or has many values: such ones it takes
    for made by chance. Ours are of a few shapes, and the longest, the counts of the worklist, goes with every page."""
    from psycopg import _queries  # what is on SQLite has no use for it, and it takes long to load

    _queries.MAX_CACHED_STATEMENT_LENGTH, _queries.MAX_CACHED_STATEMENT_PARAMS = 65_536, 1_000
    _queries._query2pg = lru_cache(maxsize=2_000)(_queries._query2pg_nocache)


def _private(dialect: object, record: object, given: list[Any], named: dict[str, Any]) -> None:
    """SQLite makes its file, and those beside it, as the umask says: ours is there before."""
    if given and str(given[0]) not in ("", ":memory:") and not str(given[0]).startswith("file:"):
        private_files.make_file(Path(given[0]))


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _in_utf8(dialect: Dialect, record: object, given: list[Any], named: dict[str, Any]) -> Any:
    """A connection to a PostgreSQL that can keep every name. Raises DatabaseAway for one in another encoding."""
    made: Any = dialect.connect(*given, **named)
    encoding = made.info.parameter_status("server_encoding")
    if encoding == "UTF8":
        return made
    which = f"The database {made.info.dbname} at {made.info.host}:{made.info.port} has the encoding {encoding}"
    made.close()
    todo = "names would be lost. Make one with: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
    raise DatabaseAway(refusals.TEXT, cause="encoding", operator=f"{which}: {todo}")


def _keep_statements(connection: Any, _record: object) -> None:
    """To plan a statement costs PostgreSQL up to ten times what it costs to run: each connection keeps its own."""
    connection.prepare_threshold, connection.prepared_max = _ASKED_AGAIN, _KEPT


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one state of the database throughout, whatever others commit meanwhile."""
    with _connected(engine) as conn, _one_state(conn):
        raw: Any = conn.connection.dbapi_connection
        if isinstance(raw, sqlite3.Connection):
            raw.execute("BEGIN")
            yield conn
            return
        raw.isolation_level, raw.read_only = _REPEATABLE_READ, True
        try:
            yield conn
        except BaseException:
            raw.rollback()
            raise
        else:
            raw.commit()  # of nothing. After a rollback the driver forgets every statement that it has prepared
        finally:
            raw.isolation_level, raw.read_only = None, None


@contextmanager
def glancing(engine: Engine) -> Iterator[Connection]:
    """A connection for one statement that only reads, by the driver: it sees one state by itself, and no transaction is
    begun and ended for it, which for PostgreSQL are two ways there and back."""
    with _connected(engine) as conn:
        raw: Any = conn.connection.dbapi_connection
        if isinstance(raw, sqlite3.Connection):  # ours begin where we say
            yield conn
            return
        raw.autocommit = True
        try:
            yield conn
        finally:
            raw.autocommit = False


def only_reads(conn: Connection) -> bool:
    """Whether the transaction was begun by `reading`: all that it sees was committed, and stays as it is."""
    return _SEEN in conn.info


@contextmanager
def _one_state(conn: Connection) -> Iterator[None]:
    conn.info[_SEEN] = {}
    try:
        yield
    finally:
        conn.info.pop(_SEEN, None)


def once(conn: Connection, what: str, read: Callable[[Connection], T]) -> T:
    """What `read` gives: by name, read once in a transaction that only reads, for it sees one state throughout; each
    time by one that writes, for whom it may be another already."""
    seen: dict[str, Any] | None = conn.info.get(_SEEN)
    if seen is None:
        return read(conn)
    if what not in seen:
        seen[what] = read(conn)
    found: T = seen[what]
    return found


@contextmanager
def writing(engine: Engine, *, shares: bool = True) -> Iterator[Connection]:
    """A connection in a transaction that commits at the end and is undone by an exception. shares: on SQLite, with the
    other writers of this process that crowd (see sqlite/group_commit.py); what may take long shares with nobody.

    Raises errors.DatabaseAway (503, Retry-After) when the database is locked for too long, broke a deadlock at our
    cost, or is not reachable: in each case nothing was written, and the same request may be sent again.
    """
    if engine.dialect.name != "sqlite":
        with _connected(engine, writes=True) as conn, conn.begin():
            yield conn
        return
    try:
        with group_commit.writer(engine, shares=shares) as conn:
            yield conn
    except _failed() as e:
        _tell(engine, e, writes=True)
        raise


@contextmanager
def _connected(engine: Engine, writes: bool = False) -> Iterator[Connection]:
    connecting = True
    try:
        with engine.connect() as conn:
            connecting = False
            yield conn
    except _failed() as e:
        _tell(engine, e, writes, connecting)
        raise


def _tell(engine: Engine, failure: Exception, writes: bool, connecting: bool = False) -> None:
    """Raise what a driver has raised in our words, where we have any."""
    shared = isinstance(failure, group_commit.Lost)
    behind = failure.__cause__ or failure if shared else failure
    cause = behind.orig or behind if isinstance(behind, OperationalError | InternalError | DataError) else behind
    if refusals.is_unstorable(cause) and not shared:
        raise Invalid(refusals.UNSTORABLE) from failure
    is_closed = writes and isinstance(cause, refusals.of_psycopg("ReadOnlySqlTransaction"))
    if not (shared or is_closed or _is_away(cause)):
        return
    asked = refusals.of_psycopg("OperationalError")
    if isinstance(cause, asked) and not (cause.sqlstate or "").startswith(_ROLLED_BACK):
        engine.dispose()  # the server went away, and the idle connections are as dead as this one
    raise _away(engine.url, cause, connecting) from failure


def _failed() -> tuple[type[Exception], ...]:
    """What a database raises that is not there, or that was given what it can not hold."""
    ours = (OperationalError, InternalError, DataError, UnicodeEncodeError, OverflowError)
    drivers = ("OperationalError", "ReadOnlySqlTransaction", "DataError")
    return *ours, sqlite3.OperationalError, group_commit.Lost, *itertools.chain(*map(refusals.of_psycopg, drivers))


def _is_away(cause: BaseException | None) -> bool:
    """Whether the database is busy, full, broken or not there, rather than asked for nonsense."""
    if isinstance(cause, sqlite3.OperationalError):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _AWAY
    return isinstance(cause, refusals.of_psycopg("OperationalError"))


def _away(url: URL, cause: BaseException, connecting: bool = False) -> DatabaseAway:
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    problem = refusals.away(url, cause, connecting)
    place = f"{url.host or ''}:{url.port or 5432}/{url.database}" if url.host else str(url.database)
    _log.error("database_not_available", error=type(cause).__name__, code=code, cause=problem.cause, place=place)
    return problem


def migrate(engine: Engine, then: Callable[[Connection], None] = lambda _: None) -> None:
    """Bring the tables of the store and of auth to the newest revision; does nothing where they are. Safe to run
    at once from several processes. Makes the database's own secret the first time. then: what is to be done besides, in
    the same transaction. Raises Unavailable, and changes nothing, where a later version made the tables."""
    from alembic import command  # takes longer to start than most commands, which migrate nothing

    with writing(engine, shares=False) as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if (present := revision.present(conn)) and not revision.is_known(present):
            raise Unavailable(revision.misfit(conn, refusals.described(engine.url)))
        command.upgrade(alembic_config(conn), "head")
        if conn.scalar(select(setting.c.value).where(setting.c.name == "secret")) is None:
            conn.execute(setting.insert(), {"name": "secret", "value": secrets.token_bytes(32)})
        then(conn)


def alembic_config(conn: Connection) -> "Config":
    """What Alembic needs to run our revisions on this connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    return config


def analyze(engine: Engine) -> None:
    """Tell the planner what the tables hold: after a big load, before the database would notice by itself."""
    with writing(engine, shares=False) as conn:
        conn.execute(text("ANALYZE"))


def plan_once(conn: Connection) -> None:
    """Until this transaction ends, let PostgreSQL take the plan that it has made of a statement for any values, along
    indexes. By itself it plans most of ours for each new value, and comes to the same: they are written in the order in
    which they are to run. SQLite does so anyway."""
    if conn.dialect.name == "postgresql":
        driver.send(conn, _PLAN_ONCE)


def alone(conn: Connection, *what: str) -> None:
    """Until this transaction ends, nobody else gets past the same words. SQLite has one writer at a time anyway."""
    if conn.dialect.name == "postgresql" and what:  # of several, in the same order everywhere
        ours: set[int] = driver.known(conn).setdefault("alone", set())  # the locks that this transaction has
        if numbers := sorted({*map(lock_number, what)} - ours):
            driver.send(conn, "SELECT pg_advisory_xact_lock(n) FROM unnest(%s::bigint[]) AS n", numbers)
            ours.update(numbers)


def lock_number(what: str) -> int:
    """The number by which PostgreSQL knows a lock on these words."""
    return int.from_bytes(hashlib.sha256(what.encode(errors="surrogatepass")).digest()[:8], "big", signed=True)


def secret(conn: Connection) -> bytes:
    """The database's own random secret (32 bytes): signs paging links. Read once per connection."""
    own: bytes | None = conn.info.get("secret")
    if own is None:
        own = conn.info["secret"] = bytes(conn.scalars(select(setting.c.value).where(setting.c.name == "secret")).one())
    return own


def plan_anew(conn: Connection) -> None:
    """Until this transaction ends, have PostgreSQL plan each statement for its values: where one value finds ten rows
    and another half of them, no plan is right for both. SQLite plans every statement once."""
    if conn.dialect.name == "postgresql":
        driver.send(conn, "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)")
