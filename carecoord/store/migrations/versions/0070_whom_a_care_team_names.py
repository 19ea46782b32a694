"""Whoever ordered, referred or assisted is not taken any more for who is to do what a request asks for. Requests that
name a care team are judged anew, so that no row goes on standing by an agreement of somebody else."""

from alembic import op

revision = "0070"
down_revision = "0069"


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    names = "position('careTeam'::bytea IN body) > 0" if is_postgresql else "instr(body, CAST('careTeam' AS BLOB)) > 0"
    asked = f"patient IN (SELECT patient FROM resource WHERE type = 'Claim' AND NOT deleted AND {names})"  # noqa: S608
    op.execute(f"UPDATE case_row SET changes_at = 0 WHERE {asked}")  # noqa: S608 - our own words
    op.execute(
        "UPDATE case_ahead SET at = 0, version = version + 1, told = NULL "
        "WHERE rid IN (SELECT rid FROM case_row WHERE changes_at = 0)"
    )
    op.execute(f"UPDATE authorization_row SET changes_at = 0 WHERE orders = '[]' AND {asked}")  # noqa: S608
