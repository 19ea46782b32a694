"""Where organizations stand, so that those near a patient are found among however many. What a database holds already
is written into it when the server is made ready."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0026"
down_revision = "0025"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "organization_place",
        sa.Column("rid", Big, autoincrement=False, nullable=False),
        sa.Column("key", Str, nullable=False),
        sa.Column("organization", Str, nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("latitude", "longitude", "x", "y", "z")),
        sa.PrimaryKeyConstraint("rid"),
    )
    op.create_index("ix_organization_place_point", "organization_place", ["latitude", "longitude"], unique=False)
    op.create_index("ix_organization_place_organization", "organization_place", ["organization"], unique=False)
    op.create_index("ix_organization_place_key", "organization_place", ["key"], unique=False)
