"""The questions about cards that payers were asked, as rows: those that are here, and which of them were answered."""

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0064"
down_revision = "0063"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    table = op.create_table(
        "eligibility_question",
        sa.Column("id", Str, primary_key=True),
        sa.Column("payer", Str, nullable=False),
        sa.Column("patient", Str, nullable=False),
        sa.Column("asked", Big, nullable=False),
        sa.Column("answered", Big),
    )
    op.create_index("eligibility_question_payer", "eligibility_question", ["payer", "answered", "asked", "id"])
    op.create_index("eligibility_question_patient", "eligibility_question", ["patient", "payer"])
    answers: dict[str, int] = {}
    for _, updated, answer in _of("CoverageEligibilityResponse"):
        kind, _, id = _target(answer.get("request")).partition("/")
        said = answer.get("status") == "active" and answer.get("outcome") != "queued"
        if kind == "CoverageEligibilityRequest" and said:
            at = _micros(answer.get("created"), updated)
            answers[id] = min(at, answers.get(id, at))
    rows = []
    for id, updated, question in _of("CoverageEligibilityRequest"):
        kind, _, payer = _target(question.get("insurer")).partition("/")
        patient = _target(question.get("patient")).partition("/")[2]
        if question.get("status") == "active" and kind == "Organization" and payer and patient:
            asked = _micros(question.get("created"), updated)
            rows.append({"id": id, "payer": payer, "patient": patient, "asked": asked, "answered": answers.get(id)})
    if rows:
        op.bulk_insert(table, rows)


def _of(kind: str) -> list[tuple[str, int, dict[str, Any]]]:
    asked = sa.text("SELECT id, updated, body FROM resource WHERE type = :kind AND NOT deleted")
    found = op.get_bind().execute(asked, {"kind": kind})
    return [(id, updated, json.loads(bytes(body))) for id, updated, body in found]


def _target(reference: Any) -> str:
    return str(reference.get("reference") or "") if isinstance(reference, dict) else ""


def _micros(said: Any, otherwise: int) -> int:
    try:
        at = datetime.fromisoformat(str(said))
    except ValueError:
        return otherwise
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)
