"""A column among values: they go as one parameter, a JSON list, for both databases bound how many parameters a
statement may have, and a statement whose text is always the same can go straight to the driver."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Boolean, ColumnElement, Integer, Select, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import NullType

_NUL: Final = r"\u0000"  # as JSON writes it


class Among(FunctionElement[bool]):
    """The column's value is in the JSON list of that name. What SQLAlchemy takes for a function that gives a boolean it
    compares with 1 for SQLite, and then no index is used: this one is a test already, and so is its contrary."""

    inherit_cache = True
    name = "among"

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        super().__init__(column, bindparam(name, type_=Text()))
        self.type = Boolean()

    def self_group(self, against: OperatorType | None = None) -> "Among":
        return self

    def _negate(self) -> ColumnElement[bool]:
        return UnaryExpression(self, operator=operators.inv, type_=NullType())  # type: ignore[arg-type]


@compiles(Among, "sqlite")
def _sqlite(among: Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = (compiler.process(part, **kw) for part in among.clauses)
    return f"({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608 - our own words; the values are bound


@compiles(Among, "postgresql")
def _postgres(among: Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = (compiler.process(part, **kw) for part in among.clauses)
    return f"({column} IN (SELECT jsonb_array_elements_text(CAST({values} AS jsonb))))"


class OneOf(FunctionElement[Any]):
    """The same of a few values, each of which is looked up in an index of the column. Of no type: what is a boolean to
    SQLAlchemy it compares with 1 for SQLite, and then no index is used. So it can not be negated."""

    inherit_cache = True
    name = "one_of"

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        super().__init__(column, bindparam(name, type_=Text()))
        self.whole = isinstance(column.type, Integer | BigInteger)
        self.type = NullType()


compiles(OneOf, "sqlite")(_sqlite)


@compiles(OneOf, "postgresql")
def _few(few: OneOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = (compiler.process(part, **kw) for part in few.clauses)
    each = f"jsonb_array_elements_text(CAST({values} AS jsonb))" + ("::bigint" if few.whole else "")
    return f"({column} = ANY(ARRAY(SELECT {each})))"


class InRows(FunctionElement[Any]):
    """The column's value is one that a statement finds: that is asked first, and each value of it is looked up in an
    index of the column. Of no type, as `OneOf`."""

    inherit_cache = True
    name = "in_rows"

    def __init__(self, column: ColumnElement[Any], found: Select[Any]) -> None:
        super().__init__(column, found.scalar_subquery())
        self.type = NullType()


@compiles(InRows, "sqlite")
def _in(among: InRows, compiler: SQLCompiler, **kw: Any) -> str:
    column, found = (compiler.process(part, **kw) for part in among.clauses)
    return f"({column} IN {found})"


@compiles(InRows, "postgresql")
def _any(among: InRows, compiler: SQLCompiler, **kw: Any) -> str:
    column, found = (compiler.process(part, **kw) for part in among.clauses)
    return f"({column} = ANY(ARRAY{found}))"


def listed(values: Sequence[str] | Sequence[int] | Sequence[tuple[str | int, str]]) -> str:
    """The JSON list. Without what has a NUL in it: nothing that is kept has, and PostgreSQL takes no list with one."""
    whole = msgspec.json.encode(values).decode()
    return whole if _NUL not in whole else msgspec.json.encode([each for each in values if not _has_nul(each)]).decode()


def _has_nul(value: object) -> bool:
    return any(map(_has_nul, value)) if isinstance(value, tuple) else isinstance(value, str) and "\0" in value
