"""What only PostgreSQL can do wrong is tried there."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from carecoord.store.database.engine import open_engine


@pytest.fixture
def pg(new_database: Callable[[str], str]) -> Iterator[Engine]:
    """An engine on a new PostgreSQL database."""
    engine = open_engine(new_database("postgres"))
    yield engine
    engine.dispose()
