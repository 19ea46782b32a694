"""A day that is written as midnight UTC is no day of an approval or an agreement unless both readings of it agree.
Whatever leans on one is judged anew, so that no row goes on saying "cleared" by the evening before a first day."""

from alembic import op

revision = "0071"
down_revision = "0070"
_HELD = "type IN ('Claim', 'ClaimResponse', 'CoverageEligibilityResponse')"
_SHARED = "type IN ('Contract', 'InsurancePlan', 'OrganizationAffiliation', 'PractitionerRole')"


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    written = "position('T00:00'::bytea IN body) > 0" if is_postgresql else "instr(body, CAST('T00:00' AS BLOB)) > 0"
    held = f"patient IN (SELECT patient FROM resource WHERE {_HELD} AND NOT deleted AND {written})"  # noqa: S608
    shared = f"EXISTS (SELECT 1 FROM resource WHERE {_SHARED} AND NOT deleted AND {written})"  # noqa: S608
    op.execute(f"UPDATE case_row SET changes_at = 0 WHERE {held} OR {shared}")  # noqa: S608 - our own words
    op.execute(
        "UPDATE case_ahead SET at = 0, version = version + 1, told = NULL "
        "WHERE rid IN (SELECT rid FROM case_row WHERE changes_at = 0)"
    )
    op.execute(f"UPDATE authorization_row SET changes_at = 0 WHERE orders = '[]' AND ({held} OR {shared})")  # noqa: S608
