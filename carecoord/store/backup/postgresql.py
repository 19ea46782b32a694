"""A copy of a PostgreSQL database while others write it, made and put back by PostgreSQL's own programs.

Passwords travel in a file for us alone (PGPASSFILE): what stands in arguments or in the environment of a child can be
read by more people.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Final, cast

from sqlalchemy import URL, Connection, inspect, text

import auth.tables
from carecoord.errors import Unavailable
from carecoord.store.database import private_files, tables

Command = Sequence[str]

_CLIENT: Final = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-")
_REVISION: Final = "alembic_version"
_OTHERS: Final = text(
    "SELECT DISTINCT coalesce(nullif(application_name, ''), 'a program without a name') FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
_TRIGGERED: Final = text(
    "SELECT DISTINCT t.tgfoid::regprocedure::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
    "WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
)
_NOT_PUT_BACK: Final = re.compile(r"^\d+; \d+ \d+ (SCHEMA|COMMENT) - (SCHEMA )?", re.MULTILINE)


def schema(conn: Connection) -> str:
    """The schema in which our tables are."""
    return str(conn.scalar(text("SELECT current_schema()")))


def copy(conn: Connection, url: URL, to: Path) -> None:
    """Write what this transaction sees into a new file, as pg_dump's own format. conn: from `reading`. Raises
    Unavailable when pg_dump is not there, or says no."""
    snapshot = conn.scalar(text("SELECT pg_export_snapshot()"))
    wanted = ("--format=custom", "--compress=0", "--no-owner", "--no-privileges", f"--snapshot={snapshot}",
              f"--schema={_quoted(schema(conn))}", f"--file={to}")  # fmt: skip
    private_files.make_file(to)
    with _asked(url) as (name, environ):
        _done([_program("pg_dump"), *wanted, f"--dbname={name}"], environ)


def others(conn: Connection) -> list[str]:
    """The programs that have this database open besides us, by the names that they give themselves."""
    return sorted(conn.scalars(_OTHERS))


def strangers(conn: Connection, told: Sequence[str]) -> list[str]:
    """The tables of our schema that are neither this version's nor among those told: what is put back must not take
    them away."""
    ours = {*tables.metadata.tables, *auth.tables.metadata.tables, *told, _REVISION}
    return sorted({*inspect(conn).get_table_names()} - ours)


def put(conn: Connection, url: URL, copied: Path) -> None:
    """Put a copy in the place of what is there, in one transaction: all of it, or nothing. Raises Unavailable when
    PostgreSQL's programs are not there, or say no. conn: tells what there is to be taken away."""
    away = _taking_away(conn)
    conn.rollback()  # or our own look at the tables would keep them from being taken away
    with TemporaryDirectory(prefix="carecoord-restore-") as folder, _asked(url) as (name, environ):
        listed = Path(folder) / "list"
        told = _done([_program("pg_restore"), "--list", str(copied)])
        listed.write_text("\n".join(line for line in told.splitlines() if not _NOT_PUT_BACK.match(line)))
        script = [_program("pg_restore"), f"--use-list={listed}", "--no-owner", "--no-privileges", "--file=-",
                  str(copied)]  # fmt: skip
        said = Path(folder) / "said"
        with said.open("wb") as errors:
            whole = _fed(script, away, [_program("psql"), *_CLIENT, f"--dbname={name}"], environ, errors)
        if not whole:
            raise Unavailable(f"The copy was not put back, nothing was changed: {_first(said.read_text())}")


def _fed(script: Command, away: str, client: Command, environ: dict[str, str], errors: IO[bytes]) -> bool:
    """Send the client what takes away and what puts back. The transaction is committed only when all of it was sent: a
    copy that breaks off in the middle leaves what was there. Returns whether it was done."""
    sent = False
    ends: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": errors}
    with subprocess.Popen(client, env=environ, bufsize=0, **ends) as psql:  # noqa: S603 (no shell)
        to = cast(IO[bytes], psql.stdin)
        with suppress(BrokenPipeError), to:  # broken: the client gave up, and has said why
            to.write(f"BEGIN;\n{away}".encode())
            sent = not subprocess.run(script, stdout=to, stderr=errors, check=False).returncode  # noqa: S603
            to.write(b"\nCOMMIT;\n" if sent else b"\nROLLBACK;\n")
        return psql.wait() == 0 and sent


def _taking_away(conn: Connection) -> str:
    """The statements that take our tables away, and the functions that their triggers call."""
    name = _quoted(schema(conn))
    lines = [f"DROP TABLE IF EXISTS {name}.{_quoted(table)} CASCADE;" for table in inspect(conn).get_table_names()]
    lines += [f"DROP FUNCTION IF EXISTS {function} CASCADE;" for function in conn.scalars(_TRIGGERED)]
    return "\n".join([*lines, ""])


@contextmanager
def _asked(url: URL) -> Iterator[tuple[str, dict[str, str]]]:
    """The address without a password, and the environment that leads to the file with it."""
    kept = {name: value for name, value in url.query.items() if name != "password"}
    plain = url.set(drivername="postgresql", query=kept)._replace(password=None)
    secret = url.password or url.query.get("password")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CARECOORD_")}
    with TemporaryDirectory(prefix="carecoord-pgpass-") as folder:
        if secret:
            path = Path(folder) / "pgpass"
            private_files.make_file(path)
            path.write_text("*:*:*:*:" + str(secret).replace("\\", "\\\\").replace(":", "\\:") + "\n")
            environ["PGPASSFILE"] = str(path)
        yield plain.render_as_string(hide_password=False), environ


def _program(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise Unavailable(f"{name} is not on the PATH: install PostgreSQL's client programs (postgresql-client)")
    return found


def _done(command: Command, environ: dict[str, str] | None = None) -> str:
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603 (no shell)
    if ran.returncode:
        raise Unavailable(f"{Path(command[0]).name} failed: {_first(ran.stderr)}")
    return ran.stdout


def _first(said: str) -> str:
    """What a program said first: what follows is what came of it. A quoted row is left out: it may hold a patient."""
    lines = [
        line for line in said.splitlines() if line.strip() and not re.match(r"(DETAIL|CONTEXT|LINE|STATEMENT)", line)
    ]
    return lines[0][:300] if lines else "it does not say why"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
