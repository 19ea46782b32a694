"""A column among values of which there may be thousands: they go as one parameter, a JSON list, for both databases
bound how many parameters a statement may have."""

from typing import Any

import msgspec
from sqlalchemy import Boolean, ColumnElement, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class Among(FunctionElement[bool]):
    """The column's value is in the JSON list of that name."""

    inherit_cache = True
    name = "among"

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        super().__init__(column, bindparam(name, type_=Text()))
        self.type = Boolean()


@compiles(Among, "sqlite")
def _sqlite(among: Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = (compiler.process(part, **kw) for part in among.clauses)
    return f"({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608 - our own words; the values are bound


@compiles(Among, "postgresql")
def _postgres(among: Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = (compiler.process(part, **kw) for part in among.clauses)
    return f"({column} IN (SELECT jsonb_array_elements_text(CAST({values} AS jsonb))))"


def listed(values: list[str] | tuple[str, ...]) -> str:
    """The JSON list."""
    return msgspec.json.encode(values).decode()
