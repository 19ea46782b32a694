"""A span for each statement that is sent within another span: which kind, on which of our tables, how long. Never the
statement itself, nor a value."""

import re
from contextlib import ExitStack
from typing import Any, Final

from sqlalchemy import Engine, event

from carecoord import traces
from carecoord.store.database.tables import metadata

_VERB: Final = re.compile(r"\s*(?:WITH\b.*?\)\s*)?(SELECT|INSERT|UPDATE|DELETE)\b", re.IGNORECASE | re.DOTALL)
_TABLE: Final = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+\"?(\w+)", re.IGNORECASE)
_KEY: Final = "carecoord.span"


def install(engine: Engine) -> None:
    """Tell of the statements of this engine from now on. To be called only where traces are sent: a listener makes
    every statement dearer."""
    event.listen(engine, "before_cursor_execute", _before)
    event.listen(engine, "after_cursor_execute", _after)
    event.listen(engine, "handle_error", _failed)


def _before(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
    if context is None or not traces.are_inside():
        return
    verb, table = _named(statement)
    said = {"db.system.name": conn.dialect.name, "db.operation.name": verb, "db.collection.name": table}
    stack = ExitStack()
    stack.enter_context(traces.span(" ".join(filter(None, (verb, table))), "CLIENT", said))
    setattr(context, _KEY, stack)


def _after(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
    _close(context)


def _failed(happened: Any) -> None:
    _close(happened.execution_context)


def _close(context: Any) -> None:
    stack = getattr(context, _KEY, None)
    if stack is not None:
        setattr(context, _KEY, None)
        stack.close()


def _named(statement: str) -> tuple[str, str | None]:
    """The verb, and the first of our tables that stands in it."""
    verb = _VERB.match(statement)
    tables = (found for found in _TABLE.findall(statement) if found in metadata.tables)
    return verb[1].upper() if verb else "OTHER", next(tables, None)
