"""Joins that are made in the order in which they are written, and rows found by pairs of values."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Join,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    literal_column,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import FromLinter, SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeEngine

from carecoord.store.database.among import listed


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


class Each(Then):
    """The same, where each row of the left side looks up its own on the right, which is a table: of one that is small
    yet PostgreSQL would read all, and goes on so while it keeps the plan, however the table grows."""

    inherit_cache = True


@compiles(Each, "postgresql")
def _lateral(join: Each, compiler: SQLCompiler, from_linter: FromLinter | None = None, **kw: Any) -> str:
    if from_linter:
        from_linter.edges.update(itertools.product(join.left._from_objects, join.right._from_objects))
    left, right = (compiler.process(side, **kw | {"asfrom": True}) for side in (join.left, join.right))
    on: Any = join.onclause  # behind the fence: what stands outside of it is asked of what was found
    found = f"SELECT * FROM {right} WHERE {compiler.process(on)} OFFSET 0"  # noqa: S608 - our own words; values are bound
    return f"{left} CROSS JOIN LATERAL ({found}) AS {right}"


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
    # It expects ten elements of an array, and a hundred of a JSON list: for so many it would rather read all of a table
    # that is small yet, and goes on so while it keeps the plan.
    each = f"jsonb_array_elements(CAST({compiler.process(pairs.clauses, **kw)} AS jsonb))"
    return f"(SELECT unnest(ARRAY(SELECT {each})) AS value)"


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


def paired(
    columns: Sequence[ColumnElement[Any]], table: Table, one: str, two: str, *also: ColumnElement[bool],
    locked: bool = False,
) -> Select[Any]:  # fmt: skip
    """The rows whose columns `one` and `two` are a pair of the list `:pairs`, and that pass the other tests. Each pair
    is looked up by itself: of a condition on pairs SQLite makes a walk through the whole table. locked: for a statement
    that locks the rows, in an order of its own."""
    pair = _Pairs().table_valued("value", name="pair")
    halves = (_Half(pair.c.value, place) for place in (0, 1))
    first, second = (_as(table.c[name].type, half) for name, half in zip((one, two), halves, strict=True))
    on = and_(table.c[one] == first, table.c[two] == second, *also)
    return select(*columns).select_from((Then if locked else Each)(pair, table, on))


def _as(kind: TypeEngine[Any], half: _Half) -> ColumnElement[Any]:
    """Half of a pair as a column of this type has it."""
    return cast(half, kind) if isinstance(kind, Integer) else half


def listed_pairs(pairs: Iterable[tuple[str | int, str]]) -> str:
    """The JSON list."""
    return listed(list(pairs))
