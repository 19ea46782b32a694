"""A store to try things on: the write door and search over one database, with a clock that we set."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from carecoord.fhir import text
from carecoord.fhir.search.query import EVERYTHING, Filter, parse
from carecoord.fhir.service_base import Base
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.resources.write import Actor, Change, Touched, Written, put_all
from carecoord.store.search.search import Page, find

BASE = "https://here.example/fhir"
HERE = Base(BASE, UTC)
START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
AMARA = Actor("amara", "desk", "clinic", "req-1")


class Store:
    """What tests do to a database."""

    base = HERE

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = START
        self.touched: list[Touched] = []

    def put_all(self, *changes: Change) -> list[Written]:
        """Write at the present time, then let a second pass."""
        with writing(self.engine) as conn:
            written = put_all(conn, changes, now=self.now, actor=AMARA, base=self.base, project=self._project)
        self.now += timedelta(seconds=1)
        return written

    def put(self, resource: dict[str, Any], **more: Any) -> Written:
        """Write one resource."""
        return self.put_all(Change(resource["resourceType"], resource["id"], resource, **more))[0]

    def delete(self, type: str, id: str, **more: Any) -> Written:
        """Delete one resource."""
        return self.put_all(Change(type, id, None, **more))[0]

    def page(self, query: str, may: Callable[[str], Filter] = lambda _: EVERYTHING) -> Page:
        """The page of a search such as `Patient?name=ann`."""
        type, _, rest = query.partition("?")
        pairs = [(name, value) for name, _, value in (pair.partition("=") for pair in rest.split("&") if pair)]
        with reading(self.engine) as conn:
            return find(conn, parse(type, pairs, self.base, strict=True), may)

    def ids(self, query: str, may: Callable[[str], Filter] = lambda _: EVERYTHING) -> list[str]:
        """The ids on that page, in order."""
        return [row.id for row in self.page(query, may).rows]

    def walk(self, query: str, may: Callable[[str], Filter] = lambda _: EVERYTHING) -> list[str]:
        """The ids on all pages."""
        page = self.page(query, may)
        ids = [row.id for row in page.rows]
        while page.next:
            page = self.page(f"{query}&_cursor={page.next}", may)
            assert page.rows
            ids += [row.id for row in page.rows]
        return ids

    def _project(self, conn: Connection, touched: Sequence[Touched], now: datetime) -> None:
        self.touched += touched


def content(body: bytes) -> dict[str, Any]:
    """What was stored, without what the store adds."""
    resource = text.loads(body)
    meta = {name: value for name, value in resource.pop("meta").items() if name not in ("versionId", "lastUpdated")}
    return {**resource, **({"meta": meta} if meta else {})}


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty store."""
    engine = open_engine(database_url)
    yield Store(engine)
    engine.dispose()
