"""Links by which a clinic or a patient without an account takes part in one referral."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0030"
down_revision = "0029"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "guest_link",
        sa.Column("id", Str, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("code", sa.LargeBinary()),
        *(
            sa.Column(name, Str, nullable=False)
            for name in ("audience", "case", "patient", "office", "organization", "language", "cover", "by")
        ),
        sa.Column("made", Big, nullable=False),
        sa.Column("expires", Big, nullable=False),
        sa.Column("wrong", sa.Integer(), server_default="0", nullable=False),
        *(sa.Column(name, Big) for name in ("locked", "withdrawn", "asked", "opened", "stopped")),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
        sa.UniqueConstraint("cover"),
    )
    op.create_index("ix_guest_link_case", "guest_link", ["case", "made"], unique=False)
    op.create_index("ix_guest_link_patient", "guest_link", ["patient"], unique=False)
