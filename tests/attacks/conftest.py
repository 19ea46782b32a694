"""One server for each database, for all attacks: what they try to change is refused, or is theirs alone. Attacks that
end a process or the database have servers of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.desk.conftest import story

from .fort import Fort, built

__all__ = ["story"]

KINDS = [
    pytest.param("sqlite", marks=pytest.mark.xdist_group("attacks-sqlite")),
    pytest.param("postgres", marks=[pytest.mark.xdist_group("attacks-postgres"), pytest.mark.postgres]),
]


@pytest.fixture(scope="session", params=KINDS)
def fort(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    new_database: Callable[[str], str],
    story: Path,
) -> Iterator[Fort]:
    """The server under attack."""
    folder = tmp_path_factory.mktemp(f"attacks-{request.param}")
    with built(request.param, folder, new_database(request.param), story) as made:
        yield made
