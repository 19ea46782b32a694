"""A worklist of a great many cases, as rows alone: written without the indexes, which are made anew of what stands
there then. One by one, each row would be put into thirty of them."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from sqlalchemy import Boolean, Engine, Integer

from carecoord.store.database import bulk
from carecoord.store.database.engine import analyze, writing
from carecoord.store.database.tables import Big, case, case_word
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.bitmaps import changes

_RUN = 5000


def fill(engine: Engine, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows (every column of `case_row`) that are not there yet, and the words that they are found by. A run at a
    time: a million rows at once are ten gigabytes."""
    waiting = iter(rows)
    found: list[tuple[str, int]] = []
    with writing(engine) as conn:
        indexes = [index for table in (case, case_word) for index in table.indexes]
        for index in indexes:
            index.drop(conn)
        while run := list(islice(waiting, _RUN)):
            bulk.insert(conn, case, [tuple(row[column.name] for column in case.columns) for row in run])
            changes.note(conn, [row["rid"] for row in run])  # so that the copies of running servers follow
            for row in run:
                found += [(word, row["rid"]) for word in worklist_rows.spelt(row["searched"], row["payer_searched"])]
        found.sort()  # the table is kept in this order: in another, each word would be put between others
        for words in bulk.runs(found, 10 * _RUN):
            bulk.insert(conn, case_word, words)
        for index in indexes:
            index.create(conn)
    analyze(engine)


def empty(column: Any) -> Any:
    """What stands in a column of a row of which nothing is said there."""
    if column.nullable:
        return None
    return False if isinstance(column.type, Boolean) else 0 if isinstance(column.type, Integer | type(Big)) else ""
