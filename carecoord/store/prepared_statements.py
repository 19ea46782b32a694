"""Statements that a connection to PostgreSQL has prepared, sent by libpq itself.

Psycopg makes a cursor for each statement, reads its text again and waits by turns of its own: three times of the
processor what it takes to send the name of a statement with its values, and to read the rows. Which statements are
prepared, and under what names, stays psycopg's to say: what it has not prepared goes its way, and so does all that is
not asked through `store/database/driver` and `bulk`. Transactions and errors are the connection's, as ever.
"""

import select
import sqlite3
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

Values = Mapping[str, Any] | Sequence[Any] | None
Said = tuple[bytes, Any, Any]  # the name of a prepared statement, its values as they are sent, and their formats

_KEPT: Final = "_carecoord_prepared"  # of psycopg's connection: its `_Prepared`
_BINARY: Final = 1  # of a result: bytes come as they are, in place of twice as many letters


class Rows:
    """What a statement gave, as a cursor hands it out."""

    __slots__ = ("_rows",)

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row, or None."""
        return self._rows[0] if self._rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Every row."""
        return self._rows


def execute(raw: Any, text: str, values: Values = None) -> Any:
    """Send a statement in its own words on a driver's connection, SQLite's too. Its rows by `fetchone` or `fetchall`.
    Raises what the driver raises."""
    if isinstance(raw, sqlite3.Connection):
        return raw.execute(text) if values is None else raw.execute(text, values)
    found = _prepared(raw).rows(text, values)
    return raw.execute(text, values, binary=True) if found is None else Rows(found)


def together(raw: Any, asked: Sequence[tuple[str, Values]]) -> None:
    """Send statements to PostgreSQL whose rows nobody looks at, one behind the other and without waiting for each.
    Raises what the driver raises for the first that fails; no later one has done anything then."""
    if len(asked) == 1:
        execute(raw, *asked[0])
    elif asked and _prepared(raw).all(asked) is None:
        with raw.pipeline():
            for text, values in asked:
                raw.execute(text, values, binary=True)


def answers(raw: Any, asked: Sequence[tuple[str, Values]]) -> list[list[tuple[Any, ...]]] | None:
    """The rows of each of these statements, sent to PostgreSQL one behind the other without waiting for each; None
    where one of them is not prepared, and nothing was sent. Raises what the driver raises for the first that fails."""
    return _prepared(raw).all(asked)


def _prepared(raw: Any) -> "_Prepared":
    found: _Prepared | None = getattr(raw, _KEPT, None)
    if found is None:
        found = _Prepared(raw)
        setattr(raw, _KEPT, found)
    return found


@lru_cache(maxsize=2_000)
def _read(text: str, given: bool) -> tuple[bytes, Any, Any]:
    """A statement in PostgreSQL's words, the formats of its values, and their names in their order. Without values
    nothing in it stands for one."""
    from psycopg import _queries  # what is on SQLite has no use for it, and it takes long to load

    return _queries._query2pg_nocache(text.encode(), "utf-8")[:3] if given else (text.encode(), (), None)


class _Prepared:
    """A connection's own."""

    def __init__(self, raw: Any) -> None:
        from psycopg import errors, pq
        from psycopg.adapt import Transformer

        self._raw, self._link, self._transformer = raw, raw.pgconn, Transformer(raw)
        self._errors, self._broken = errors, pq.ConnStatus.BAD
        self._idle, self._within = pq.TransactionStatus.IDLE, pq.TransactionStatus.INTRANS
        self._rows, self._done = pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK
        self._end, self._off = pq.ExecStatus.PIPELINE_SYNC, pq.PipelineStatus.OFF

    def rows(self, text: str, values: Values) -> list[tuple[Any, ...]] | None:
        """The rows; None where the statement is not prepared, and nothing was sent."""
        said = self._said(text, values)
        if said is None or not self._is_free():
            return None
        if begin := self._begin():
            return self._sent([said], begin)[0]
        return self._loaded(self._checked(self._link.exec_prepared(*said, _BINARY)))

    def _loaded(self, result: Any) -> list[tuple[Any, ...]]:
        if result.status != self._rows:
            return []
        self._transformer.set_pgresult(result)
        try:
            found: list[tuple[Any, ...]] = self._transformer.load_rows(0, result.ntuples, tuple)
        finally:
            self._transformer.set_pgresult(None)
        return found

    def all(self, asked: Sequence[tuple[str, Values]]) -> list[list[tuple[Any, ...]]] | None:
        """The rows of each of these, if all are prepared; else nothing is sent."""
        said = [found for text, values in asked if (found := self._said(text, values))]
        return self._sent(said, self._begin()) if len(said) == len(asked) and self._is_free() else None

    def _sent(self, said: Sequence[Said], begin: bytes) -> list[list[tuple[Any, ...]]]:
        """The rows of these, in one way there and back. begin: what begins their transaction, if anything has to."""
        link = self._link
        link.enter_pipeline_mode()
        try:
            if begin:
                link.send_query_params(begin, None)
            for each in said:
                link.send_query_prepared(*each, _BINARY)
            link.pipeline_sync()
            results = self._results()
        except BaseException:
            link.finish()  # nobody could tell any more which answer is whose
            raise
        link.exit_pipeline_mode()
        found = [self._loaded(self._checked(result)) for result in results]
        return found[1:] if begin else found

    def _said(self, text: str, values: Values) -> Said | None:
        query, formats, order = _read(text, values is not None)
        given: Any = values or ()
        if isinstance(values, Mapping):
            given = [values[name] for name in order or ()]
        if len(given) != len(formats):
            return None  # psycopg says what is wrong with it; its C reads past the end of what it is given
        # As psycopg knows it: by its words and the types of its values.
        sent = self._transformer.dump_sequence(given, formats) if given else None
        key = query, (self._transformer.types or ()) if given else ()
        # A later psycopg may keep them elsewhere: then it sends all itself.
        names: Any = getattr(getattr(self._raw, "_prepared", None), "_names", {})
        name = names.get(key)
        if name is None:
            return None
        names.move_to_end(key)
        return name, sent, self._transformer.formats if given else None

    def _is_free(self) -> bool:
        """Whether a statement may be sent: of what else the matter is, psycopg tells."""
        link = self._link
        return link.pipeline_status == self._off and link.transaction_status in (self._idle, self._within)

    def _begin(self) -> bytes:
        """What begins a transaction, where psycopg would begin one."""
        if self._link.transaction_status != self._idle or self._raw.autocommit:
            return b""
        words: bytes = self._raw._get_tx_start_command()
        return words

    def _results(self) -> list[Any]:
        """What the statements on their way came to: other threads go on while we wait."""
        link = self._link
        found: list[Any] = []
        while link.flush():
            self._wait(select.POLLIN | select.POLLOUT)
        while True:
            while link.is_busy():
                self._wait(select.POLLIN)
            result = link.get_result()
            if result is None:  # the end of one statement's
                if link.status == self._broken:
                    raise self._errors.OperationalError(link.get_error_message())
            elif result.status == self._end:
                return found
            else:
                found.append(result)

    def _wait(self, what: int) -> None:
        """Until the socket is ready, and take in what has come. (`select.select` knows no file above 1,023.)"""
        waiting = select.poll()
        waiting.register(self._link.socket, what)
        waiting.poll()
        self._link.consume_input()

    def _checked(self, result: Any) -> Any:
        if result.status == self._rows or result.status == self._done:
            return result
        if self._link.status == self._broken:
            raise self._errors.OperationalError(self._link.get_error_message())
        raise self._errors.error_from_result(result, encoding="utf-8")
