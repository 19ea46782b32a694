"""The words that patients are found by, also those who have no referral. What a database holds already is written into
it when the server is made ready."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0028"
down_revision = "0027"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "patient_word",
        sa.Column("word", Str, nullable=False),
        sa.Column("rid", Big, autoincrement=False, nullable=False),
        sa.Column("patient", Str, nullable=False),
        sa.PrimaryKeyConstraint("word", "rid"),
        sqlite_with_rowid=False,
    )
    op.create_index("patient_word_patient", "patient_word", ["patient", "word"], unique=False)
    op.create_index("patient_word_rid", "patient_word", ["rid"], unique=False)
