"""The databases that tests run on: a fresh, migrated one for each test, on SQLite and on a real PostgreSQL."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from argon2 import PasswordHasher
from hypothesis import settings
from sqlalchemy import Engine, make_url, text

from auth.people import sessions
from carecoord.store.database.engine import migrate, open_engine
from tests import postgres, quick, second
from tests.groups import gather
from tests.skips import can_browse, leave_out_soaks, pytest_sessionfinish, pytest_terminal_summary

__all__ = ["pytest_sessionfinish", "pytest_terminal_summary"]

collect_ignore_glob = [] if can_browse() else ["*/browser"]

BUSY = dict.fromkeys(("sign_in_rate", "oauth_rate", "search_rate"), "100000/minute")  # a test asks more than a person

_numbers = itertools.count()


# How long an example takes is the machine's affair, here as in CI, where Hypothesis itself has it so.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(quick.Searches())
    config.pluginmanager.register(second)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Which tests run, and which of them together."""
    leave_out_soaks(config, items)
    second.allow(items)
    gather(config, items)


@pytest.fixture(scope="session", autouse=True)
def hashing() -> Iterator[tuple[PasswordHasher, str]]:
    """What `tests.quick` spares every test; gives what the application itself hashes passwords with and checks an
    unknown login against, to the test that is about it."""
    own = (sessions._hasher, sessions._nobody)
    with pytest.MonkeyPatch.context() as patched:
        for spare in (quick.templates, quick.addresses, quick.statements, quick.hashes, quick.ends):
            spare(patched)
        quick.garbage()
        yield own


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to copy: quicker than migrating for each test."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A throwaway PostgreSQL for the session; its own database is migrated and empty, and serves as a template."""
    if postgres.programs() is None:
        pytest.skip(postgres.MISSING)
    with postgres.cluster() as url:
        _execute(url, "CREATE DATABASE template")
        template = open_engine(str(make_url(url).set(database="template")))
        migrate(template)
        template.dispose()
        yield url


DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """A function that makes a migrated, empty database of a kind (sqlite or postgres) and returns its URL."""

    def make(kind: str) -> str:
        if kind == "postgres":
            return _fresh_postgres(request.getfixturevalue("postgres_url"))
        path = tmp_path_factory.mktemp("database") / "carecoord.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"

    return make


def _fresh_postgres(server: str) -> str:
    name = f"t{next(_numbers)}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE template")
    return str(make_url(server).set(database=name))


# A new database is a thousand new files, and costs seconds where files are dear: an emptied one is as good.
_EMPTY = """DO $$ DECLARE it record; BEGIN
  PERFORM set_config('session_replication_role', 'replica', true);  -- past the triggers that keep the audit trail
  FOR it IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('DELETE FROM %I', it.tablename)
      || CASE it.tablename WHEN 'setting' THEN ' WHERE name <> ''secret''' ELSE '' END;
  END LOOP;
  PERFORM setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences WHERE schemaname = 'public';
END $$"""
_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()"""


class Emptied:
    """A database that is emptied after each test that had it, by one connection that stays: a new one would have to
    read of every table anew what it is, which takes longer than to empty it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._conn: psycopg.Connection | None = None

    def empty(self) -> None:
        """End all other connections and empty it; anew, when the test ended this connection too."""
        try:
            self._run()
        except psycopg.OperationalError:
            self.close()
            self._run()

    def _run(self) -> None:
        if self._conn is None:
            self._conn = psycopg.connect(self.url.replace("+psycopg", "", 1), autocommit=True)
        self._conn.execute(_OTHERS)
        self._conn.execute(_EMPTY)

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None


@pytest.fixture(scope="session")
def spare_postgres() -> Iterator[list[Emptied]]:
    """The emptied databases that wait for a next test."""
    spare: list[Emptied] = []
    yield spare
    for each in spare:
        each.close()


def _execute(server: str, statement: str) -> None:
    engine = open_engine(server)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text(statement))
    engine.dispose()


@pytest.fixture(params=DATABASES)
def database_url(
    request: pytest.FixtureRequest, new_database: Callable[[str], str], spare_postgres: list[Emptied]
) -> Iterator[str]:
    """A migrated, empty database of this test's own: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield new_database("sqlite")
        return
    spare = spare_postgres.pop() if spare_postgres else Emptied(new_database("postgres"))
    yield spare.url
    spare.empty()
    spare_postgres.append(spare)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on `database_url`, closed afterwards."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()
