"""Tools of the desk's tests."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event


@pytest.fixture
def explain() -> Callable[[Engine, Callable[[], Any]], str]:
    """Run something, and tell SQLite's plan of every statement that it ran."""

    def told(engine: Engine, run: Callable[[], Any]) -> str:
        ran: list[tuple[str, Any]] = []

        def note(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
            ran.append((statement, parameters))

        event.listen(engine, "before_cursor_execute", note)
        try:
            run()
        finally:
            event.remove(engine, "before_cursor_execute", note)
        with engine.connect() as conn:
            plans = [conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given).all() for sql, given in ran]
        return "\n".join(str(line[3]) for plan in plans for line in plan)

    return told
