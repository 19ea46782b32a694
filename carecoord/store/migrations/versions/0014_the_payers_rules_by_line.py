"""The payers' rules about authorization, a row for each line of their books.

A database that has books already says in `setting` that their lines are still to be written down: that takes the rules
that read a book, which the store does not know. Whoever migrates does it in the same transaction."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0014"
down_revision = "0013"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "authorization_rule",
        sa.Column("n", Big, autoincrement=True, nullable=False),
        sa.Column("source", Str, nullable=False),
        sa.Column("version", Str, nullable=True),
        sa.Column("recorded_from", Big, nullable=False),
        sa.Column("recorded_to", Big, nullable=False),
        sa.Column("stem", Str, nullable=False),
        sa.Column("line", Str, nullable=False),
        sa.Column("element", Str, nullable=False),
        sa.Column("payer", Str, nullable=False),
        sa.Column("provider", Str, nullable=False),
        sa.Column("plan", Str, nullable=False),
        sa.Column("business", Str, nullable=False),
        sa.Column("system", Str, nullable=False),
        sa.Column("code", Str, nullable=False),
        sa.Column("code_end", Str, nullable=False),
        sa.Column("modifiers", Str, nullable=False),
        sa.Column("places", Str, nullable=False),
        sa.Column("setting", Str, nullable=False),
        sa.Column("age_from", sa.Integer(), nullable=True),
        sa.Column("age_to", sa.Integer(), nullable=True),
        sa.Column("sex", Str, nullable=False),
        sa.Column("diagnosis", Str, nullable=False),
        sa.Column("diagnosis_end", Str, nullable=False),
        sa.Column("visit_from", sa.Integer(), nullable=True),
        sa.Column("network", Str, nullable=False),
        sa.Column("specialties", Str, nullable=False),
        sa.Column("vendor", Str, nullable=False),
        sa.Column("valid_from", Str, nullable=True),
        sa.Column("valid_to", Str, nullable=True),
        sa.Column("lead_days", sa.Integer(), nullable=True),
        sa.Column("papers", Str, nullable=False),
        sa.Column("answer", Str, nullable=False),
        sa.Column("title", Str, nullable=False),
        sa.Column("origin", Str, nullable=False),
        sa.Column("retrieved", Str, nullable=False),
        sa.PrimaryKeyConstraint("n"),
    )
    op.create_index(
        "ix_authorization_rule_key",
        "authorization_rule",
        ["payer", "stem", "plan", "provider", "recorded_to"],
        unique=False,
    )
    op.create_index("ix_authorization_rule_source", "authorization_rule", ["source", "recorded_to"], unique=False)
    empty = "X''" if op.get_bind().dialect.name == "sqlite" else "''::bytea"
    some = "WHERE EXISTS (SELECT 1 FROM resource WHERE type = 'PlanDefinition')"
    op.execute(f"INSERT INTO setting (name, value) SELECT 'rules_to_write', {empty} {some}")
