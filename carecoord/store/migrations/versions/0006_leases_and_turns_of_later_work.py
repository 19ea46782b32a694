"""Later work has holders who renew their lease, and kinds whose jobs of one key are done in turn."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0006"
down_revision = "0005"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("outbox") as table:
        table.drop_constraint("uq_outbox_kind_key", type_="unique")
        table.add_column(sa.Column("latest", sa.Boolean, nullable=False, server_default=sa.true()))
        table.add_column(sa.Column("revision", sa.Integer, nullable=False, server_default=sa.text("0")))
        table.add_column(sa.Column("holder", Str))
        table.add_column(sa.Column("tried_at", Big))
        table.add_column(sa.Column("relayed_until", Big))
    only = sa.text("latest")
    op.create_index(
        "ix_outbox_latest", "outbox", ["kind", "key"], unique=True, sqlite_where=only, postgresql_where=only
    )
    op.create_index("ix_outbox_turn", "outbox", ["kind", "key", "n"], unique=False)
    op.create_index("ix_outbox_kind", "outbox", ["kind", "parked", "due_at"], unique=False)
