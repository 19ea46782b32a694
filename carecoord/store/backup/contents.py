"""What a database holds, in numbers by which a copy of it can be told from half a copy."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, func, inspect, select

import auth.tables
from carecoord.store.audit import seals
from carecoord.store.database import revision, tables


@dataclass(frozen=True)
class Contents:
    """The revision of the tables, how many rows each has, and the end of the audit's chain of seals (hash in hex)."""

    revision: str
    rows: dict[str, int] = field(default_factory=dict)
    seal: int = 0
    hash: str = ""


def contents(conn: Connection) -> Contents | None:
    """What this connection's database holds; None where it has no tables of ours. Tables that this version does not
    know (or the database not yet) are not counted."""
    found = revision.present(conn)
    if found is None:
        return None
    present = {*inspect(conn).get_table_names()}
    ours = [*tables.metadata.sorted_tables, *auth.tables.metadata.sorted_tables]
    rows = {each.name: conn.scalar(select(func.count()).select_from(each)) or 0
            for each in ours if each.name in present}  # fmt: skip
    head = seals.head(conn) if "setting" in present else seals.Head()
    return Contents(found, rows, head.seal, head.hash.hex())


def differences(told: Contents, found: Contents | None) -> list[str]:
    """In what a database is not what is told of it; nothing when it is."""
    if found is None:
        return ["it has no tables"]
    odd = [f"{name}: {count:,} rows told, {found.rows[name]:,} there"
           for name, count in sorted(told.rows.items())
           if name in found.rows and found.rows[name] != count]  # fmt: skip
    lacking = sorted(told.rows.keys() - found.rows.keys())
    odd += [f"the table {name} is not there" for name in lacking]
    if (told.revision, told.seal, told.hash) != (found.revision, found.seal, found.hash):
        odd.append(f"told: revision {told.revision}, seal {told.seal}; there: {found.revision}, {found.seal}")
    return odd
