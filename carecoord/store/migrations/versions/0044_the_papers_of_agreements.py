"""The papers of agreements: who may find them, and the words of each page in a full-text index.

What a database holds already is read when the server is made ready, and by the worker."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0044"
down_revision = "0043"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
FTS5 = (
    "CREATE VIRTUAL TABLE paper_words USING fts5(words, content='paper_page', content_rowid='n', "
    "tokenize='unicode61 remove_diacritics 0', prefix='2 3')",
    "CREATE TRIGGER paper_page_added AFTER INSERT ON paper_page BEGIN "
    "INSERT INTO paper_words(rowid, words) VALUES (new.n, new.words); END",
    "CREATE TRIGGER paper_page_gone AFTER DELETE ON paper_page BEGIN "
    "INSERT INTO paper_words(paper_words, rowid, words) VALUES ('delete', old.n, old.words); END",
)
GIN = "CREATE INDEX ix_paper_page_words ON paper_page USING gin (to_tsvector('simple'::regconfig, words))"


def upgrade() -> None:
    op.create_table(
        "paper",
        sa.Column("document", Str, nullable=False),
        sa.Column("file", Str, nullable=False),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("document"),
    )
    op.create_table(
        "paper_reader",
        *(sa.Column(name, Str, nullable=False) for name in ("document", "contract", "office")),
        sa.PrimaryKeyConstraint("document", "contract", "office"),
    )
    op.create_index("ix_paper_reader_contract", "paper_reader", ["contract"], unique=False)
    op.create_table(
        "paper_page",
        sa.Column("n", Big, autoincrement=True, nullable=False),
        sa.Column("document", Str, nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("said", Str, nullable=False),
        sa.Column("words", Str, nullable=False),
        sa.PrimaryKeyConstraint("n"),
    )
    op.create_index("ix_paper_page_document", "paper_page", ["document", "page"], unique=False)
    for statement in FTS5 if op.get_bind().dialect.name == "sqlite" else (GIN,):
        op.execute(statement)
