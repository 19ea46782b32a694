"""Approvals are compared with a visit by more than before: modifier, place of service, the days and the site asked for,
and what was granted in the place of what was asked. Whatever leans on a payer's answer is judged anew, so that no row
goes on saying "cleared" by what was not looked at; what was foreseen of it is void."""

from alembic import op

revision = "0066"
down_revision = "0065"


def upgrade() -> None:
    answered = "patient IN (SELECT patient FROM resource WHERE type = 'ClaimResponse' AND NOT deleted)"
    op.execute(f"UPDATE case_row SET changes_at = 0 WHERE {answered}")  # noqa: S608 - our own words
    op.execute(
        "UPDATE case_ahead SET at = 0, version = version + 1, told = NULL "
        "WHERE rid IN (SELECT rid FROM case_row WHERE changes_at = 0)"
    )
    op.execute(f"UPDATE authorization_row SET changes_at = 0 WHERE orders = '[]' AND {answered}")  # noqa: S608
