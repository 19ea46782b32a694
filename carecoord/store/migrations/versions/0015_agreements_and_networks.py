"""Agreements and networks as rows, with the days for which each holds and the time during which it was known so.

What a database holds already is written into them when the server is made ready: the days of a period are those of the
office's zone, which a migration does not know."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0015"
down_revision = "0014"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "agreement_version",
        sa.Column("rid", Big, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", Str, nullable=False),
        sa.Column("agreement", Str, nullable=False),
        sa.Column("number", Str, nullable=False),
        sa.Column("n", Str, nullable=False),
        sa.Column("status", Str, nullable=False),
        sa.Column("valid_from", sa.Integer(), nullable=False),
        sa.Column("valid_to", sa.Integer(), nullable=False),
        sa.Column("evergreen", sa.Boolean(), nullable=False),
        sa.Column("notice", sa.Integer(), nullable=True),
        sa.Column("notice_days", sa.Integer(), nullable=False),
        sa.Column("renewal_months", sa.Integer(), nullable=False),
        sa.Column("amends", Str, nullable=False),
        sa.Column("amendment", Str, nullable=False),
        sa.Column("authority", Str, nullable=False),
        sa.Column("recorded_at", Big, nullable=False),
        sa.Column("superseded_at", Big, nullable=False),
        sa.PrimaryKeyConstraint("rid", "version"),
    )
    op.create_index("ix_agreement_version_agreement", "agreement_version", ["agreement", "superseded_at"], unique=False)
    op.create_index("ix_agreement_version_id", "agreement_version", ["id", "superseded_at"], unique=False)
    op.create_table(
        "network_member",
        sa.Column("rid", Big, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("network", Str, nullable=False),
        sa.Column("specialty", Str, nullable=False),
        sa.Column("sort", Str, nullable=False),
        sa.Column("subject", Str, nullable=False),
        sa.Column("contract", Str, nullable=False),
        sa.Column("valid_from", sa.Integer(), nullable=False),
        sa.Column("valid_to", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Big, nullable=False),
        sa.Column("superseded_at", Big, nullable=False),
        sa.PrimaryKeyConstraint("rid", "version", "network", "specialty"),
    )
    op.create_index("ix_network_member_sort", "network_member", ["network", "specialty", "sort", "rid"], unique=False)
    op.create_index("ix_network_member_subject", "network_member", ["subject"], unique=False)
    op.create_table(
        "participation",
        sa.Column("rid", Big, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("type", Str, nullable=False),
        sa.Column("id", Str, nullable=False),
        sa.Column("subject", Str, nullable=False),
        sa.Column("include", sa.Boolean(), nullable=False),
        sa.Column("payer", Str, nullable=False),
        sa.Column("organization", Str, nullable=False),
        sa.Column("practitioner", Str, nullable=False),
        sa.Column("networks", Str, nullable=False),
        sa.Column("sites", Str, nullable=False),
        sa.Column("specialties", Str, nullable=False),
        sa.Column("contract", Str, nullable=False),
        sa.Column("credentialed", sa.Integer(), nullable=True),
        sa.Column("valid_from", sa.Integer(), nullable=False),
        sa.Column("valid_to", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Big, nullable=False),
        sa.Column("superseded_at", Big, nullable=False),
        sa.PrimaryKeyConstraint("rid", "version"),
    )
    op.create_index("ix_participation_subject", "participation", ["subject", "superseded_at"], unique=False)
    op.create_table(
        "plan_network",
        sa.Column("rid", Big, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("plan", Str, nullable=False),
        sa.Column("id", Str, nullable=False),
        sa.Column("payer", Str, nullable=False),
        sa.Column("networks", Str, nullable=False),
        sa.Column("valid_from", sa.Integer(), nullable=False),
        sa.Column("valid_to", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Big, nullable=False),
        sa.Column("superseded_at", Big, nullable=False),
        sa.PrimaryKeyConstraint("rid", "version", "plan"),
    )
    op.create_index("ix_plan_network_plan", "plan_network", ["plan", "superseded_at"], unique=False)
