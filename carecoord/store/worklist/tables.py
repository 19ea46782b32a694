"""What people keep of the worklist for themselves and their teams, and what was changed in it. Times are integers:
microseconds since 1970-01-01 UTC."""

from sqlalchemy import Column, Index, Table, column

from carecoord.store.database.tables import Big, Str, metadata

saved_view = Table(
    "saved_view",
    metadata,
    Column("id", Str, primary_key=True),
    Column("account", Str, nullable=False),  # whose it is
    Column("office", Str, nullable=False),  # the Organization for which they worked
    Column("shared", Str, nullable=False),  # the team or Organization that has it too; empty: nobody
    Column("name", Str, nullable=False),
    Column("query", Str, nullable=False),  # of the worklist's address: tab, filters, search, order, columns
    Column("recorded", Big, nullable=False),
    Index("saved_view_office", "office", "account"),
)

case_change = Table(  # which case rows were changed by which transaction: see bitmaps/changes.py
    "case_change",
    metadata,
    Column("change", Big, primary_key=True, autoincrement=False),
    Column("rid", Big, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

case_mark = Table(  # which case rows a change has overtaken, by which transaction: see marks.py
    "case_mark",
    metadata,
    Column("rid", Big, primary_key=True, autoincrement=False),
    Column("change", Big, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

case_ahead = Table(  # when time alone changes a case row next, and what it will be from then on: see bitmaps/ahead.py
    "case_ahead",
    metadata,
    Column("rid", Big, primary_key=True, autoincrement=False),
    Column("at", Big),  # when; nothing where time changes nothing
    Column("version", Big, nullable=False),  # another whenever the case was judged: what was foreseen before is void
    Column("told", Str),  # what it will be, as JSON; empty where nobody can say, nothing where nobody looked yet
    Index("case_ahead_wanted", "at", "rid", sqlite_where=column("told").is_(None),
          postgresql_where=column("told").is_(None)),
    Index("case_ahead_told", "at", sqlite_where=column("told").is_not(None),
          postgresql_where=column("told").is_not(None)),
)  # fmt: skip
