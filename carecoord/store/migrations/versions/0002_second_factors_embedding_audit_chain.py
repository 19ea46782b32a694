"""Second factors embedding audit chain."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0002"
down_revision = "0001"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit_patient",
        sa.Column("n", Big, autoincrement=False, nullable=False),
        sa.Column("patient", Str, nullable=False),
        sa.Column("at", Big, nullable=False),
        sa.PrimaryKeyConstraint("n", "patient"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audit_patient_patient", "audit_patient", ["patient", "at"], unique=False)
    op.create_table(
        "audit_seal",
        sa.Column("seal", Big, autoincrement=False, nullable=False),
        sa.Column("n", Big, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seal"),
        sa.UniqueConstraint("n"),
    )
    op.create_table(
        "break_glass",
        sa.Column("id", Str, nullable=False),
        sa.Column("subject", Str, nullable=False),
        sa.Column("patient", Str, nullable=False),
        sa.Column("reason", Str, nullable=False),
        sa.Column("note", Str, nullable=False),
        sa.Column("started", Big, nullable=False),
        sa.Column("expires", Big, nullable=False),
        sa.Column("ended", Big, nullable=True),
        sa.Column("reviewed", Big, nullable=True),
        sa.Column("reviewer", Str, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_break_glass_started", "break_glass", ["started"], unique=False)
    op.create_index("ix_break_glass_subject", "break_glass", ["subject", "patient", "expires"], unique=False)
    op.create_table(
        "directive",
        sa.Column("rid", Big, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("rid"),
    )
    _find_directives()
    op.create_table(
        "auth_embedded",
        sa.Column("id", Str, nullable=False),
        sa.Column("session", sa.LargeBinary(), nullable=False),
        sa.Column("ehr", Str, nullable=False),
        sa.Column("patient", Str, nullable=True),
        sa.Column("context", Str, nullable=False),
        sa.Column("made", Big, nullable=False),
        sa.Column("expires", Big, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_auth_embedded_expires", "auth_embedded", ["expires"], unique=False)
    op.create_index("ix_auth_embedded_session", "auth_embedded", ["session"], unique=False)
    op.create_table(
        "auth_identity",
        sa.Column("issuer", Str, nullable=False),
        sa.Column("subject", Str, nullable=False),
        sa.Column("user", Str, nullable=False),
        sa.Column("added", Big, nullable=False),
        sa.Column("seen", Big, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject"),
    )
    op.create_index("ix_auth_identity_user", "auth_identity", ["user"], unique=False)
    op.create_table(
        "auth_invitation",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("user", Str, nullable=False),
        sa.Column("by", Str, nullable=True),
        sa.Column("made", Big, nullable=False),
        sa.Column("expires", Big, nullable=False),
        sa.Column("used", Big, nullable=True),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("ix_auth_invitation_expires", "auth_invitation", ["expires"], unique=False)
    op.create_index("ix_auth_invitation_user", "auth_invitation", ["user"], unique=False)
    op.create_table(
        "auth_passkey",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("user", Str, nullable=False),
        sa.Column("name", Str, nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("count", Big, nullable=False),
        sa.Column("made", Big, nullable=False),
        sa.Column("used", Big, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_auth_passkey_user", "auth_passkey", ["user"], unique=False)
    op.create_table(
        "auth_pending",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", Str, nullable=False),
        sa.Column("user", Str, nullable=True),
        sa.Column("data", Str, nullable=False),
        sa.Column("expires", Big, nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("ix_auth_pending_expires", "auth_pending", ["expires"], unique=False)
    op.create_table(
        "auth_provider",
        sa.Column("id", Str, nullable=False),
        sa.Column("name", Str, nullable=False),
        sa.Column("issuer", Str, nullable=False),
        sa.Column("client", Str, nullable=False),
        sa.Column("secret_file", Str, nullable=True),
        sa.Column("organization", Str, nullable=True),
        sa.Column("roles", Str, server_default="", nullable=False),
        sa.Column("disabled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("added", Big, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("issuer"),
    )
    op.create_table(
        "auth_recovery",
        sa.Column("user", Str, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("used", Big, nullable=True),
        sa.PrimaryKeyConstraint("user", "hash"),
    )
    op.create_table(
        "auth_totp",
        sa.Column("user", Str, nullable=False),
        sa.Column("secret", Str, nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("step", Big, nullable=False),
        sa.Column("made", Big, nullable=False),
        sa.PrimaryKeyConstraint("user"),
    )
    op.add_column("audit", sa.Column("launch", Str, nullable=True))
    op.add_column("audit", sa.Column("emergency", Str, nullable=True))
    op.create_index("ix_audit_subject", "audit", ["subject", "at"], unique=False)
    op.create_index("ix_audit_client", "audit", ["client", "at"], unique=False)
    op.create_index("ix_audit_interaction", "audit", ["interaction", "at"], unique=False)
    broken = sa.text("emergency IS NOT NULL")
    op.create_index("ix_audit_emergency", "audit", ["at"], sqlite_where=broken, postgresql_where=broken)
    opened = sa.text("interaction IN ('consent', 'launch')")
    op.create_index("ix_audit_launch", "audit", ["launch"], sqlite_where=opened, postgresql_where=opened)
    _keep_the_trail()
    op.add_column("auth_client", sa.Column("pending", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("auth_client", sa.Column("metadata", Str, nullable=True))
    op.add_column("auth_client", sa.Column("registration", sa.LargeBinary(), nullable=True))
    op.add_column("auth_code", sa.Column("amr", Str, server_default="", nullable=False))
    op.add_column("auth_key", sa.Column("purpose", Str, server_default="id_token", nullable=False))
    op.add_column("auth_session", sa.Column("kind", Str, server_default="desk", nullable=False))
    op.add_column("auth_session", sa.Column("amr", Str, server_default="pwd", nullable=False))
    op.add_column("auth_session", sa.Column("proved", Big, server_default="0", nullable=False))
    op.add_column("auth_user", sa.Column("seen", Big, nullable=True))


_TRAIL = ("audit", "audit_patient", "audit_seal")
_REFUSED = "the audit trail is only ever added to"


def _keep_the_trail() -> None:
    """Rows of the trail are added, never changed nor removed: by mistake, that is. Who owns the database can drop a
    trigger; what was done then, the chain of seals tells."""
    if op.get_bind().dialect.name == "sqlite":
        for table in _TRAIL:
            for what in ("UPDATE", "DELETE"):
                refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
                op.execute(f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} {refuse}")
        return
    op.execute(
        "CREATE FUNCTION refuse_to_change_the_trail() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
    )
    for table in _TRAIL:
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_trail()"
        )


def _find_directives() -> None:
    """Consents that are here already and may forbid something: too many rather than too few, for each is read again."""
    says = "instr(body, {})" if op.get_bind().dialect.name == "sqlite" else "position({} in body)"
    words = ["CAST('\"deny\"' AS BLOB)", "CAST('OPTOUT' AS BLOB)"]
    if op.get_bind().dialect.name != "sqlite":
        words = ["'\"deny\"'::bytea", "'OPTOUT'::bytea"]
    found = " OR ".join(f"{says.format(word)} > 0" for word in words)
    chosen = f"type = 'Consent' AND NOT deleted AND ({found})"
    op.execute(f"INSERT INTO directive SELECT rid FROM resource WHERE {chosen}")  # noqa: S608 - our own words
    mark = "randomblob(16)" if op.get_bind().dialect.name == "sqlite" else "decode(md5(random()::text), 'hex')"
    op.execute(f"INSERT INTO setting SELECT 'directives', {mark} WHERE EXISTS (SELECT 1 FROM directive)")  # noqa: S608
