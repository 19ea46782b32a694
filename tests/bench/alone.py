"""A row of the benchmark measured by itself: where, and among how much, as the words of the command say."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.postgres import cluster


@dataclass(frozen=True)
class Alone:
    """folder: for what it makes. postgres: its URL, None where only SQLite is asked for or PostgreSQL is not here.
    sqlite: whether SQLite is asked for. numbers: that were said, the least first."""

    folder: Path
    postgres: str | None
    sqlite: bool
    numbers: list[int]


@contextlib.contextmanager
def alone() -> Iterator[Alone]:
    """What the command says: `sqlite` or `postgresql` for one of them, and numbers."""
    said = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="carecoord-bench-") as name, contextlib.ExitStack() as stack:
        postgres = None
        with contextlib.suppress(FileNotFoundError):
            postgres = None if "sqlite" in said else stack.enter_context(cluster(durable=True))
        numbers = sorted(int(each) for each in said if each.isdecimal())
        yield Alone(Path(name), postgres, "postgresql" not in said, numbers)


def databases(postgres: str | None, sqlite: bool) -> Mapping[str, str]:
    """What is measured: what each is called -> its URL, empty for SQLite in a folder of the server."""
    return ({"SQLite": ""} if sqlite else {}) | ({"PostgreSQL": postgres} if postgres else {})
