"""What a statement puts to rows without looking for them by it: columns and tests that shall lead to no index."""

from typing import Any

from sqlalchemy import Boolean, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal


class Beside(ColumnElement[Any]):
    """A column that is only checked, never looked up by. Left alone, SQLite may take any index that begins alike; a
    unary plus keeps it from that (sqlite.org/optoverview.html, "disqualifying terms"). PostgreSQL needs no telling."""

    inherit_cache = True
    _traverse_internals = [("column", InternalTraversal.dp_clauseelement)]  # noqa: RUF012 - as SQLAlchemy reads it

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column
        self.type = column.type


@compiles(Beside)
def _as_it_is(element: Beside, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.column, **kw)


@compiles(Beside, "sqlite")
def _with_a_plus(element: Beside, compiler: SQLCompiler, **kw: Any) -> str:
    return "+" + compiler.process(element.column, **kw)


class Only(ColumnElement[bool]):
    """A test that rows are only put to. PostgreSQL, left alone, looks for an index of each; of what it can not look at
    it takes half of the rows to pass, and goes on along the index that leads."""

    inherit_cache = True
    type = Boolean()
    _traverse_internals = [("test", InternalTraversal.dp_clauseelement)]  # noqa: RUF012 - as SQLAlchemy reads it

    def __init__(self, test: ColumnElement[bool]) -> None:
        self.test = test

    def self_group(self, against: operators.OperatorType | None = None) -> "Only":
        return self  # a test already: it is compared with no 1 for SQLite


@compiles(Only)
def _the_test(element: Only, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.test.self_group(against=operators.and_), **kw)


@compiles(Only, "postgresql")
def _unseen(element: Only, compiler: SQLCompiler, **kw: Any) -> str:
    return f"coalesce({compiler.process(element.test, **kw)}, false)"
