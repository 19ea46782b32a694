"""Why a database does not answer, in words for whoever runs the server: which one, what it said, what to do.

The words of an error of a statement may quote a patient, and are never used. An error of connecting can not: nothing
was asked yet. A password is taken out of it all the same.
"""

import re
import sqlite3
import sys
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL

from carecoord.errors import DatabaseAway
from carecoord.words.sentence import sentence

if TYPE_CHECKING:
    import psycopg

TEXT: Final = "The database is not available now. Try again in a moment."
UNSTORABLE: Final = sentence("refusals.what-no-database-holds")
_URL: Final = "correct CARECOORD_DATABASE_URL"
_CONNECTING: Final = (  # what PostgreSQL or its library says, a word for the log, and what to do
    (r"password authentication failed|no password supplied|authentication", "authentication",
     f"user or password is wrong: {_URL}"),
    (r"role .* (does not exist|is not permitted)", "authentication", f"there is no such user: {_URL}"),
    (r"no pg_hba.conf entry", "authentication", "the server lets this user in from elsewhere only (pg_hba.conf)"),
    (r"database .* does not exist", "no_such_database", f"make it (CREATE DATABASE … ENCODING 'UTF8'), or {_URL}"),
    (r"Connection refused|No such file or directory", "nobody_listens", f"start PostgreSQL there, or {_URL}"),
    (r"translate host|resolve host|getaddrinfo|Name or service", "unknown_host", f"no such host is known: {_URL}"),
    (r"timeout|timed out|unreachable|No route", "not_reachable", f"open the way through the network, or {_URL}"),
    (r"too many clients|remaining connection slots|too many connections", "too_many_connections",
     "raise its max_connections, or run fewer server processes (CARECOORD_WORKERS)"),
    (r"SSL|certificate", "tls", "TLS failed: mend sslmode and certificates in CARECOORD_DATABASE_URL"),
    (r"starting up|shutting down|recovery", "starting", "wait until it is up"),
)  # fmt: skip
_SQLITE: Final = {  # SQLite's code, a word for the log, what is wrong and what to do
    sqlite3.SQLITE_CANTOPEN: ("can_not_open", "can not be opened or made: mend its folder, or choose CARECOORD_VAR"),
    sqlite3.SQLITE_READONLY: ("read_only", "can not be written: its folder or disk is read-only for this user"),
    sqlite3.SQLITE_FULL: ("disk_full", "can not grow: the disk is full"),
    sqlite3.SQLITE_IOERR: ("disk_error", "can not be read or written: the disk fails or is full"),
    sqlite3.SQLITE_BUSY: ("locked", "is held by another writer for too long: look for a program that keeps it open"),
    sqlite3.SQLITE_LOCKED: ("locked", "is held by another writer for too long: look for a program that keeps it open"),
}


def of_psycopg(name: str) -> "tuple[type[psycopg.Error], ...]":
    """The errors of this name that PostgreSQL's driver raises: none until one is opened, for the driver takes a fifth
    as long to load as all else, and a command on SQLite has no use for it."""
    driver = sys.modules.get("psycopg")
    return (getattr(driver.errors, name),) if driver else ()


def described(url: URL) -> str:
    """Which database it is, without a password, wherever in the URL that stands."""
    return url.set(drivername=url.get_backend_name(), query={}).render_as_string(hide_password=True)


def away(url: URL, cause: BaseException, connecting: bool) -> DatabaseAway:
    """The problem to raise. connecting: nothing was asked of the database yet."""
    word, why = _why(url, cause, connecting)
    said = f"The database {described(url)} is not available: {why}."
    return DatabaseAway(TEXT, headers={"Retry-After": "1"}, cause=word, operator=said)


def is_unstorable(cause: BaseException | None) -> bool:
    """Whether the database, or its driver, was given what none of ours can hold: NUL in a text, half a character
    (surrogate), a number of more than 64 bits. Such a value comes from a request: we make none."""
    if isinstance(cause, of_psycopg("DataError")):
        return cause.sqlstate in (None, "22021", "22003")  # told by the driver, of its encoding, out of range
    return isinstance(cause, UnicodeEncodeError | OverflowError)


def _why(url: URL, cause: BaseException, connecting: bool) -> tuple[str, str]:
    if isinstance(cause, sqlite3.OperationalError):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        return _SQLITE.get(code, ("failed", f"SQLite failed ({getattr(cause, 'sqlite_errorname', 'no code')})"))
    if isinstance(cause, of_psycopg("ReadOnlySqlTransaction")):
        return "read_only", f"it takes no writes (a standby, or default_transaction_read_only): mend that, or {_URL}"
    if not isinstance(cause, of_psycopg("OperationalError")):
        return "locked", "another writer of this process holds it for too long"
    if not connecting:
        code = f" ({cause.sqlstate})" if cause.sqlstate else ""
        return "broken_off", f"the connection broke off, or the server gave up{code}; its own log says why"
    words = _words(url, str(cause))
    for pattern, word, todo in _CONNECTING:
        if re.search(pattern, words, re.IGNORECASE):
            return word, f"{words}; {todo}"
    return "not_connected", f"{words}; {_URL}"


def _words(url: URL, text: str) -> str:
    """The last line of what the library said, without its preamble; `connection failed: …: FATAL:  role "x" …`."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("Is the ")]
    words = re.sub(r".*?(FATAL|failed): +", "", lines[-1] if lines else "it says nothing", count=0)[:300]
    secrets: list[Any] = [url.password, url.query.get("password")]
    for secret in filter(None, secrets):
        words = words.replace(str(secret), "***")
    return words.rstrip(".")
