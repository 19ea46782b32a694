"""What is paid under agreements: schedules of rates, and their lines."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0018"
down_revision = "0017"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rate_schedule",
        sa.Column("n", Big, autoincrement=True, nullable=False),
        *(sa.Column(name, Str, nullable=False)
          for name in ("schedule", "contract", "name", "network", "plan", "business", "currency")),
        sa.Column("recorded_at", Big, nullable=False),
        sa.Column("superseded_at", Big, nullable=False),
        sa.PrimaryKeyConstraint("n"),
    )  # fmt: skip
    op.create_index("ix_rate_schedule_contract", "rate_schedule", ["contract", "name", "superseded_at"], unique=False)
    op.create_index("ix_rate_schedule_schedule", "rate_schedule", ["schedule", "superseded_at"], unique=False)
    op.create_table(
        "rate_line",
        sa.Column("n", Big, autoincrement=True, nullable=False),
        *(sa.Column(name, Str, nullable=False) for name in ("schedule", "stem", "digest")),
        sa.Column("recorded_at", Big, nullable=False),
        sa.Column("superseded_at", Big, nullable=False),
        sa.Column("valid_from", sa.Integer(), nullable=False),
        sa.Column("valid_to", sa.Integer(), nullable=False),
        *(sa.Column(name, Str, nullable=False)
          for name in ("method", "amount", "percent", "factor", "least", "most", "reference", "system", "code",
                       "code_end", "category", "modifiers", "places", "specialties", "site", "setting", "billing")),
        sa.Column("lesser_of", sa.Boolean(), nullable=False),
        *(sa.Column(name, Str, nullable=False) for name in ("unit", "line", "page")),
        sa.PrimaryKeyConstraint("n"),
    )  # fmt: skip
    op.create_index("ix_rate_line_stem", "rate_line", ["schedule", "stem", "superseded_at"], unique=False)
