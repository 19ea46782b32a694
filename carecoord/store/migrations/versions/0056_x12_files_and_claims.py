"""X12 files, and the claims that payers speak of in them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0056"
down_revision = "0055"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "x12_file",
        sa.Column("id", Str, primary_key=True),
        sa.Column("office", Str, nullable=False),
        sa.Column("name", Str, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("subject", Str, nullable=False),
        sa.Column("at", Big, nullable=False),
        sa.Column("state", Str, nullable=False),
        sa.Column("faults", Str, nullable=False),
    )
    op.create_index("x12_file_office", "x12_file", ["office", "at"])
    op.create_index("x12_file_digest", "x12_file", ["office", "digest"], unique=True)
    op.create_table(
        "x12_transaction",
        sa.Column("file", Str, primary_key=True),
        sa.Column("n", sa.Integer(), primary_key=True),
        sa.Column("kind", Str, nullable=False),
        sa.Column("control", Str, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("state", Str, nullable=False),
        sa.Column("about", Str),
        sa.Column("faults", Str, nullable=False),
    )
    op.create_table(
        "x12_taken",
        sa.Column("office", Str, primary_key=True),
        sa.Column("control", Str, primary_key=True),
        sa.Column("kind", Str, primary_key=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("file", Str, nullable=False),
    )
    op.create_table(
        "x12_sent",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("office", Str, nullable=False),
        sa.Column("kind", Str, nullable=False),
        sa.Column("about", Str, nullable=False),
        sa.Column("trace", Str, nullable=False),
        sa.Column("subject", Str, nullable=False),
        sa.Column("at", Big, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("receipt", Str),
    )
    op.create_index("x12_sent_trace", "x12_sent", ["trace"])
    op.create_index("x12_sent_about", "x12_sent", ["about"])
    op.create_table(
        "claim",
        sa.Column("id", Str, primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("office", Str, nullable=False),
        sa.Column("number", Str, nullable=False),
        sa.Column("payer_number", Str, nullable=False),
        sa.Column("payer_id", Str, nullable=False),
        sa.Column("payer_name", Str, nullable=False),
        sa.Column("payer", Str),
        sa.Column("patient", Str),
        sa.Column("coverage", Str),
        sa.Column("authorization", Str),
        sa.Column("authorization_number", Str, nullable=False),
        sa.Column("visit", Str),
        sa.Column("name", Str, nullable=False),
        sa.Column("sort_name", Str, nullable=False),
        sa.Column("member", Str, nullable=False),
        sa.Column("provider", Str, nullable=False),
        sa.Column("since", Str),
        sa.Column("until", Str),
        sa.Column("code", Str, nullable=False),
        sa.Column("status", Str, nullable=False),
        sa.Column("said", Str, nullable=False),
        sa.Column("remarks", Str, nullable=False),
        sa.Column("charge", Big, nullable=False),
        sa.Column("paid", Big, nullable=False),
        sa.Column("owed", Big, nullable=False),
        sa.Column("denied", Big, nullable=False),
        sa.Column("gap", Big, nullable=False),
        sa.Column("expected", Big),
        sa.Column("short", Big, nullable=False),
        sa.Column("agreement", Str),
        sa.Column("agreement_number", Str),
        sa.Column("doubts", Str, nullable=False),
        sa.Column("payment", Str, nullable=False),
        sa.Column("decided", Str),
        sa.Column("due", Big),
        sa.Column("work", Str, nullable=False),
        sa.Column("off", Big, nullable=False),
        sa.Column("off_by", Str),
        sa.Column("received", Big, nullable=False),
        sa.Column("updated", Big, nullable=False),
    )
    op.create_index("claim_number", "claim", ["office", "number"])
    op.create_index("claim_office", "claim", ["office", "work", "due"])
    op.create_index("claim_patient", "claim", ["patient"])
    op.create_table(
        "claim_line",
        sa.Column("claim", Str, primary_key=True),
        sa.Column("n", sa.Integer(), primary_key=True),
        sa.Column("qualifier", Str, nullable=False),
        sa.Column("code", Str, nullable=False),
        sa.Column("modifiers", Str, nullable=False),
        sa.Column("units", Str),
        sa.Column("since", Str),
        sa.Column("charge", Big, nullable=False),
        sa.Column("paid", Big, nullable=False),
        sa.Column("allowed", Big),
        sa.Column("expected", Big),
        sa.Column("proof", Str, nullable=False),
        sa.Column("remarks", Str, nullable=False),
    )
    op.create_index("claim_line_code", "claim_line", ["code"])
    op.create_table(
        "claim_adjustment",
        sa.Column("claim", Str, primary_key=True),
        sa.Column("line", sa.Integer(), primary_key=True),
        sa.Column("n", sa.Integer(), primary_key=True),
        sa.Column("kind", Str, nullable=False),
        sa.Column("reason", Str, nullable=False),
        sa.Column("amount", Big, nullable=False),
        sa.Column("denies", sa.Boolean(), nullable=False),
    )
    op.create_index("claim_adjustment_reason", "claim_adjustment", ["reason", "claim"])
    op.create_table(
        "claim_act",
        sa.Column("id", Str, primary_key=True),
        sa.Column("claim", Str, nullable=False),
        sa.Column("at", Big, nullable=False),
        sa.Column("verb", Str, nullable=False),
        sa.Column("subject", Str, nullable=False),
        sa.Column("name", Str, nullable=False),
        sa.Column("amount", Big),
        sa.Column("note", Str, nullable=False),
    )
    op.create_index("claim_act_claim", "claim_act", ["claim", "at"])
