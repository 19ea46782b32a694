"""Where a payer answered that its plan does not pay for a service, no good card clears it. Whoever has such an answer
is judged anew, so that no row goes on saying "cleared" by the card alone."""

from alembic import op

revision = "0075"
down_revision = "0074"


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    name = "excluded"
    said = f"position('{name}'::bytea IN body) > 0" if is_postgresql else f"instr(body, CAST('{name}' AS BLOB)) > 0"
    answers = f"type = 'CoverageEligibilityResponse' AND NOT deleted AND {said}"
    asked = f"patient IN (SELECT patient FROM resource WHERE {answers})"  # noqa: S608 - our own words
    op.execute(f"UPDATE case_row SET changes_at = 0 WHERE {asked}")  # noqa: S608
    op.execute(
        "UPDATE case_ahead SET at = 0, version = version + 1, told = NULL "
        "WHERE rid IN (SELECT rid FROM case_row WHERE changes_at = 0)"
    )
    op.execute(f"UPDATE authorization_row SET changes_at = 0 WHERE orders = '[]' AND {asked}")  # noqa: S608
