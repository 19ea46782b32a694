"""0071 once more, for what it passed over: a licence holds, and somebody stands on a list of those excluded, as both or
either reading of a day has it that is written as midnight UTC. Whatever may lean on one is judged anew."""

from alembic import op

revision = "0076"
down_revision = "0075"
_SAID = {"Practitioner": ('"qualification"', "/exclusion"), "Organization": ("/exclusion",)}


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    holds = "position('{}'::bytea IN body) > 0" if is_postgresql else "instr(body, CAST('{}' AS BLOB)) > 0"
    of = (f"type = '{kind}' AND ({' OR '.join(map(holds.format, words))})" for kind, words in _SAID.items())
    said = f"NOT deleted AND {holds.format('T00:00')} AND (({') OR ('.join(of)}))"
    leans = f"EXISTS (SELECT 1 FROM resource WHERE {said})"  # noqa: S608 - our own words
    op.execute(f"UPDATE case_row SET changes_at = 0 WHERE {leans}")  # noqa: S608
    op.execute(
        "UPDATE case_ahead SET at = 0, version = version + 1, told = NULL "
        "WHERE rid IN (SELECT rid FROM case_row WHERE changes_at = 0)"
    )
    op.execute(f"UPDATE authorization_row SET changes_at = 0 WHERE orders = '[]' AND {leans}")  # noqa: S608
