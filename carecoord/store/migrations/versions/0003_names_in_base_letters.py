"""Names in base letters: strings are folded anew, and cases have columns to be sorted by and a payer's words."""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from carecoord.fhir.search.collation import fold
from carecoord.fhir.search.params import params
from carecoord.fhir.types import TYPES

revision = "0003"
down_revision = "0002"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_BATCH = 5000  # resources at a time
_DIGEST = 65  # "#" and the sha256 behind the first 400 bytes of a long value


def upgrade() -> None:
    for name in ("patient_sort", "specialty_sort", "payer_searched"):
        op.add_column("case_row", sa.Column(name, Str, server_default="", nullable=False))
    op.add_column("case_row", sa.Column("member_id", Str, nullable=True))
    for name in ("patient_name", "specialty"):
        op.drop_index(f"case_row_placer_{name}", "case_row")
    conn = op.get_bind()
    _fold_strings(conn)
    _fold_pairs(conn)
    _fold_cases(conn)
    for name in ("patient_sort", "specialty_sort"):
        op.create_index(f"case_row_placer_{name}", "case_row", ["placer", "open", name, "rid"], unique=False)


def _runs(conn: sa.Connection, table: str) -> Iterator[dict[str, int]]:
    """The row numbers of a table in runs, as the bounds of each."""
    last = conn.scalar(sa.text(f"SELECT max(rid) FROM {table}")) or 0  # noqa: S608 - our own names, here and below
    return ({"low": low, "high": low + _BATCH} for low in range(0, last + 1, _BATCH))


def _fold_strings(conn: sa.Connection) -> None:
    """The key of each string anew. Of a long one the index holds only the beginning: it is read in its resource."""
    read = sa.text("SELECT rid, key, folded, exact FROM ix_string WHERE rid >= :low AND rid < :high")
    write = sa.text(
        "UPDATE ix_string SET folded = :new WHERE rid = :rid AND key = :key AND folded = :folded AND exact = :exact"
    )
    body = sa.text("SELECT body FROM resource WHERE rid = :rid")
    for run in _runs(conn, "ix_string"):
        changed = []
        for row in conn.execute(read, run).mappings().all():
            whole = row["exact"]
            if _is_clipped(whole):
                said = msgspec.json.decode(bytes(conn.scalar(body, {"rid": row["rid"]}) or b"") or b"null")
                whole = next((each for each in _texts(said) if _clip(each) == whole), whole)
            new = _clip(fold(whole))
            if new != row["folded"]:
                changed.append({**row, "new": new})
        if changed:
            conn.execute(write, changed)


def _fold_pairs(conn: sa.Connection) -> None:
    """Strings inside composite parameters: of them only the folded form is kept, and it folds further."""
    for key, column in _string_sides():
        read = sa.text(
            f"SELECT DISTINCT {column} AS old FROM ix_pair WHERE key = :key"  # noqa: S608
        )
        write = sa.text(f"UPDATE ix_pair SET {column} = :new WHERE key = :key AND {column} = :old")  # noqa: S608
        for old in conn.scalars(read, {"key": key}).all():
            tail = old[-_DIGEST:] if _is_clipped(old) else ""
            new = fold(old.removesuffix(tail)) + tail
            if new != old:
                conn.execute(write, {"key": key, "old": old, "new": new})


def _string_sides() -> Iterator[tuple[int, str]]:
    for type in TYPES:
        for param in params(type).values():
            for column, part in zip(("code", "code2"), param.components, strict=False):
                if part.kind == "string":
                    yield param.key, column


def _fold_cases(conn: sa.Connection) -> None:
    """What the rows are sorted by at once; the words that they are found by when each is judged anew, which is due."""
    read = sa.text("SELECT rid, patient_name, specialty FROM case_row WHERE rid >= :low AND rid < :high")
    write = sa.text(
        "UPDATE case_row SET patient_sort = :name, specialty_sort = :specialty, searched = '', changes_at = 0 "
        "WHERE rid = :rid"
    )
    for run in _runs(conn, "case_row"):
        rows = [
            {"rid": rid, "name": fold(name), "specialty": fold(specialty)}
            for rid, name, specialty in conn.execute(read, run).all()
        ]
        if rows:
            conn.execute(write, rows)
    job = "INSERT INTO outbox (kind, key, payload, due_at, attempts, parked) SELECT 'refresh-cases', 'refresh-cases', "
    blob = "X''" if conn.dialect.name == "sqlite" else "''::bytea"
    fresh = "NOT EXISTS (SELECT 1 FROM outbox WHERE kind = 'refresh-cases' AND key = 'refresh-cases')"
    some = "EXISTS (SELECT 1 FROM case_row)"
    conn.execute(sa.text(f"{job}{blob}, 0, 0, {sa.false().compile(conn)} WHERE {some} AND {fresh}"))


def _clip(text: str) -> str:
    """A text as an index of this revision held it."""
    data = text.replace("\0", "").encode(errors="surrogatepass")
    if len(data) <= 500:
        return text.replace("\0", "")
    return data[:400].decode(errors="ignore") + "#" + hashlib.sha256(data).hexdigest()


def _is_clipped(text: str) -> bool:
    tail = text[-_DIGEST:]
    return len(text.encode()) > 400 and tail[:1] == "#" and all(each in "0123456789abcdef" for each in tail[1:])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
