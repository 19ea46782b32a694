"""By which way a payer's letters go out, in which batch, when and by whom. Letters of before stand in none: whether
and how they went nobody wrote down."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0057"
down_revision = "0056"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "letter_sending",
        sa.Column("document", Str, primary_key=True),
        sa.Column("payer", Str, nullable=False),
        sa.Column("root", Str, nullable=False),
        sa.Column("patient", Str, nullable=False),
        sa.Column("channel", Str, nullable=False),
        sa.Column("kind", Str, nullable=False),
        sa.Column("written", Big, nullable=False),
        sa.Column("batch", Str),
        sa.Column("sent", Big),
        sa.Column("sent_by", Str, nullable=False),
    )
    op.create_index("letter_sending_waiting", "letter_sending", ["payer", "batch", "channel", "written"])
    op.create_index("letter_sending_root", "letter_sending", ["root"])
    op.create_table(
        "letter_batch",
        sa.Column("id", Str, primary_key=True),
        sa.Column("payer", Str, nullable=False),
        sa.Column("channel", Str, nullable=False),
        sa.Column("made", Big, nullable=False),
        sa.Column("made_by", Str, nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column("sent", Big),
        sa.Column("sent_by", Str, nullable=False),
    )
    op.create_index("letter_batch_payer", "letter_batch", ["payer", "made"])
