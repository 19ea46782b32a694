"""Joins that are made in the order in which they are written, and rows found by pairs of values."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Join, Select, Table, Text, and_, bindparam, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import FromLinter, SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType


class Then(Join):
    """A join whose left side is read first. PostgreSQL joins in the order of writing anyway (see engine.py)."""

    inherit_cache = True


@compiles(Then, "sqlite")
def _cross_join(join: Then, compiler: SQLCompiler, from_linter: FromLinter | None = None, **kw: Any) -> str:
    if from_linter:
        from_linter.edges.update(itertools.product(join.left._from_objects, join.right._from_objects))
    kw |= {"asfrom": True, "from_linter": from_linter}
    left, right = compiler.process(join.left, **kw), compiler.process(join.right, **kw)
    on: Any = join.onclause
    return f"{left} CROSS JOIN {right} ON {compiler.process(on, from_linter=from_linter)}"


class _Pairs(FunctionElement[Any]):
    """The pairs of the JSON list `:pairs`, as rows."""

    inherit_cache = True
    name = "pairs"
    type = NullType()

    def __init__(self) -> None:
        super().__init__(bindparam("pairs", type_=Text()))


@compiles(_Pairs, "sqlite")
def _each(pairs: _Pairs, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each({compiler.process(pairs.clauses, **kw)})"


@compiles(_Pairs, "postgresql")
def _elements(pairs: _Pairs, compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(pairs.clauses, **kw)} AS jsonb))"


class Listed(FunctionElement[Any]):
    """The texts of a JSON list of that name, as rows."""

    inherit_cache = True
    name = "listed"
    type = Text()

    def __init__(self, name: str) -> None:
        super().__init__(bindparam(name, type_=Text()))


@compiles(Listed, "sqlite")
def _texts(listed: Listed, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each({compiler.process(listed.clauses, **kw)})"


@compiles(Listed, "postgresql")
def _text_elements(listed: Listed, compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_array_elements_text(CAST({compiler.process(listed.clauses, **kw)} AS jsonb))"


class _Half(FunctionElement[Any]):
    """The text at a place, 0 or 1, of a pair."""

    inherit_cache = True
    name = "half"
    type = NullType()

    def __init__(self, pair: ColumnElement[Any], place: int) -> None:
        super().__init__(pair, literal_column(str(place)))


@compiles(_Half, "sqlite")
def _extracted(half: _Half, compiler: SQLCompiler, **kw: Any) -> str:
    pair, place = (compiler.process(part, **kw) for part in half.clauses)
    return f"json_extract({pair}, '$[{place}]')"


@compiles(_Half, "postgresql")
def _picked(half: _Half, compiler: SQLCompiler, **kw: Any) -> str:
    pair, place = (compiler.process(part, **kw) for part in half.clauses)
    return f"({pair} ->> {place})"


def paired(columns: Sequence[ColumnElement[Any]], table: Table, one: str, two: str) -> Select[Any]:
    """The rows whose columns `one` and `two` are a pair of the list `:pairs`. Each pair is looked up by itself: of a
    condition on pairs SQLite makes a walk through the whole table."""
    pair = _Pairs().table_valued("value", name="pair")
    first, second = (_Half(pair.c.value, place) for place in (0, 1))
    return select(*columns).select_from(Then(pair, table, and_(table.c[one] == first, table.c[two] == second)))


def listed_pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """The JSON list."""
    return msgspec.json.encode(list(pairs)).decode()
