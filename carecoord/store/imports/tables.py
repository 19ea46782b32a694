"""The tables of what is brought in: a file between its upload and its end, and which of its columns is which of ours.

Times are integers: microseconds since 1970-01-01 UTC.
"""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table

from carecoord.store.database.tables import Big, Str, metadata

import_file = Table(
    "import_file",
    metadata,
    Column("id", Str, primary_key=True),
    Column("owner", Str, nullable=False),  # the account of whoever brought it: nobody else sees it
    Column("kind", Str, nullable=False),
    Column("name", Str, nullable=False),
    Column("body", LargeBinary, nullable=False),  # as it came; once it is in, its faulty rows as XLSX
    Column("state", Str, nullable=False),  # new | waiting | tried | kept | failed | returning | returned
    Column("dry", Boolean, nullable=False),  # whether what waits, or was done last, keeps nothing
    Column("done", Integer, nullable=False),  # rows
    Column("total", Integer, nullable=False),
    Column("mapping", Str, nullable=False),  # JSON: our column -> its heading there
    Column("outcome", LargeBinary, nullable=False),  # JSON: what became of it, or would
    Column("made", Big, nullable=False),
    Index("ix_import_file_made", "made"),
)

import_write = Table(  # what a file wrote, in its order
    "import_write",
    metadata,
    Column("file", Str, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("type", Str, nullable=False),
    Column("id", Str, nullable=False),
    Column("version", Integer, nullable=False),
)

import_mapping = Table(
    "import_mapping",
    metadata,
    Column("organization", Str, primary_key=True),  # whose habit it is; empty: of who belongs to none
    Column("kind", Str, primary_key=True),
    Column("signature", Str, primary_key=True),  # of the headings
    Column("mapping", Str, nullable=False),
    Column("made", Big, nullable=False),
)
