"""Why a database refuses us is said to whoever runs the server (F7 of operations.md), and never its password."""

import sqlite3

import psycopg
import pytest
from sqlalchemy import Engine, make_url, select, text

from carecoord.errors import DatabaseAway, Invalid
from carecoord.store.audit.tables import audit
from carecoord.store.database import refusals
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.database.tables import setting

URL = make_url("postgresql+psycopg://cc:hush@db.example:5433/care?password=other")
AT = 'connection failed: connection to server at "10.0.0.9", port 5433 failed: '


@pytest.mark.parametrize(
    ("said", "cause", "todo"),
    [
        (f'{AT}FATAL:  password authentication failed for user "cc"', "authentication", "user or password is wrong"),
        (f"{AT}fe_sendauth: no password supplied", "authentication", "user or password is wrong"),
        (f'{AT}FATAL:  role "cc" does not exist', "authentication", "no such user"),
        (f'{AT}FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "cc"', "authentication", "pg_hba.conf"),
        (f'{AT}FATAL:  database "care" does not exist', "no_such_database", "CREATE DATABASE"),
        (f"{AT}Connection refused\n\tIs the server running on that host?", "nobody_listens", "start PostgreSQL"),
        ("failed to resolve host 'db.example': Name or service not known", "unknown_host", "no such host is known"),
        ("connection timeout expired", "not_reachable", "the network"),
        (f"{AT}FATAL:  sorry, too many clients already", "too_many_connections", "max_connections"),
        (f"{AT}server does not support SSL, but SSL was required", "tls", "sslmode"),
        (f"{AT}FATAL:  etwas mit hush und other", "not_connected", "etwas mit *** und ***"),
    ],
)
def test_what_postgresql_says_when_it_lets_nobody_in_is_passed_on(said: str, cause: str, todo: str) -> None:
    problem = refusals.away(URL, psycopg.OperationalError(said), connecting=True)
    assert problem.cause == cause
    assert problem.operator.startswith("The database postgresql://cc:***@db.example:5433/care is not available: ")
    assert todo in problem.operator
    assert "hush" not in problem.operator
    assert "other" not in problem.operator
    assert str(problem) == "The database is not available now. Try again in a moment.", "all that a client is told"


def test_the_words_of_a_failed_statement_are_never_passed_on() -> None:
    """They may quote the values it was given: a patient's."""
    problem = refusals.away(URL, psycopg.OperationalError("out of memory: Okafor, Grace"), connecting=False)
    assert "Okafor" not in problem.operator
    assert problem.cause == "broken_off"


def test_a_sqlite_file_that_can_not_be_opened_is_named_with_its_path() -> None:
    engine = open_engine("sqlite:////proc/self/carecoord.db")
    with pytest.raises(DatabaseAway) as refused, reading(engine) as conn:
        conn.execute(text("SELECT 1"))
    assert refused.value.cause == "can_not_open"
    assert "sqlite:////proc/self/carecoord.db is not available: can not be opened" in refused.value.operator


def test_each_code_of_sqlite_has_its_word() -> None:
    error = sqlite3.OperationalError("attempt to write a readonly database")
    error.sqlite_errorcode = sqlite3.SQLITE_READONLY_DBMOVED
    problem = refusals.away(make_url("sqlite:////srv/care/carecoord.db"), error, connecting=False)
    assert (problem.cause, "/srv/care/carecoord.db" in problem.operator) == ("read_only", True)


@pytest.mark.parametrize("value", ["a\0b", "\ud800", 2**80], ids=["NUL", "half a character", "80 bits"])
def test_what_no_database_holds_is_the_askers_fault(engine: Engine, value: str | int) -> None:
    """PostgreSQL holds no NUL, neither holds half a character: a page that was asked for one answered 500."""
    column = setting.c.name if isinstance(value, str) else audit.c.n
    if value == "a\0b" and engine.dialect.name == "sqlite":
        with reading(engine) as conn:
            assert conn.scalar(select(column).where(column == value)) is None
        return
    with pytest.raises(Invalid, match="can not be stored"), reading(engine) as conn:
        conn.scalar(select(column).where(column == value))
    with pytest.raises(Invalid, match="can not be stored"), writing(engine) as conn:
        conn.scalar(select(column).where(column == value))
