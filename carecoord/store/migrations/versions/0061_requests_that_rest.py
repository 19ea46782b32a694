"""A request whose referral rests is looked at next when that comes back. Rows of requests that several orders share are
made anew with their cases."""

from alembic import op

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    rests = (
        "FROM case_row WHERE case_row.patient = authorization_row.patient AND case_row.wakes_at > 0 "
        "AND case_row.touch_at IS NULL AND authorization_row.orders = '[\"' || case_row.id || '\"]'"
    )
    op.execute(
        f"UPDATE authorization_row SET touch = (SELECT max(case_row.wakes_at) {rests}) "  # noqa: S608 - our own words
        f"WHERE touch IS NULL AND EXISTS (SELECT 1 {rests})"
    )
