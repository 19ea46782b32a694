"""By which rules an office gives new work to people and teams."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0039"
down_revision = "0038"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "assignment_rule",
        sa.Column("id", Str, primary_key=True),
        sa.Column("office", Str, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", Str, nullable=False),
        sa.Column("target", Str, nullable=False),
        sa.Column("spread", sa.Boolean, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("wanted", Str, nullable=False),
        sa.Column("letters", Str, nullable=False),
        sa.Column("recorded", Big, nullable=False),
        sa.Column("by", Str, nullable=False),
    )
    op.create_index("assignment_rule_office", "assignment_rule", ["office", "position"])
