"""The register of agreements as it is looked through: a row for each, its parties, its words in a full-text index.

What a database holds already is written into them when the server is made ready, as with the versions themselves."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0022"
down_revision = "0021"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
FTS5 = (
    "CREATE VIRTUAL TABLE agreement_words USING fts5(words, content='agreement_row', content_rowid='n', "
    "tokenize='unicode61 remove_diacritics 0', prefix='2 3')",
    "CREATE TRIGGER agreement_row_added AFTER INSERT ON agreement_row BEGIN "
    "INSERT INTO agreement_words(rowid, words) VALUES (new.n, new.words); END",
    "CREATE TRIGGER agreement_row_gone AFTER DELETE ON agreement_row BEGIN "
    "INSERT INTO agreement_words(agreement_words, rowid, words) VALUES ('delete', old.n, old.words); END",
)
GIN = "CREATE INDEX ix_agreement_row_words ON agreement_row USING gin (to_tsvector('simple'::regconfig, words))"


def upgrade() -> None:
    op.create_table(
        "agreement_row",
        sa.Column("n", Big, autoincrement=True, nullable=False),
        *(sa.Column(name, Str, nullable=False)
          for name in ("agreement", "part", "contract", "number", "title", "kind", "state", "stage", "version")),
        sa.Column("versions", sa.Integer(), nullable=False),
        sa.Column("drafts", sa.Boolean(), nullable=False),
        sa.Column("parties", Str, nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False)
          for name in ("starts", "ends", "term_ends", "notice_by", "due", "turns_on")),
        sa.Column("amount", Str, nullable=False),
        sa.Column("words", Str, nullable=False),
        sa.PrimaryKeyConstraint("n"),
    )  # fmt: skip
    op.create_index("ix_agreement_row_agreement", "agreement_row", ["agreement"], unique=False)
    op.create_index("ix_agreement_row_contract", "agreement_row", ["contract"], unique=False)
    op.create_index(
        "ix_agreement_row_stage", "agreement_row",
        ["stage", "due", "n", "kind", "drafts", "notice_by", "ends", "term_ends"], unique=False,
    )  # fmt: skip
    op.create_index("ix_agreement_row_drafts", "agreement_row", ["drafts", "due", "n"], unique=False)
    op.create_index("ix_agreement_row_due", "agreement_row", ["due", "n"], unique=False)
    op.create_index("ix_agreement_row_turns_on", "agreement_row", ["turns_on"], unique=False)
    op.create_table(
        "agreement_party",
        sa.Column("row", Big, autoincrement=False, nullable=False),
        sa.Column("key", Str, nullable=False),
        sa.Column("binds", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("row", "key"),
    )
    op.create_index("ix_agreement_party_key", "agreement_party", ["key", "binds", "row"], unique=False)
    op.create_index("ix_participation_contract", "participation", ["contract", "superseded_at"], unique=False)
    for statement in FTS5 if op.get_bind().dialect.name == "sqlite" else (GIN,):
        op.execute(statement)
