"""A question about no card that is here waits at nobody's desk: it was counted there, and could not be shown."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"


def upgrade() -> None:
    conn = op.get_bind()
    bodies = sa.text("SELECT id, patient, body FROM resource WHERE type = :kind AND NOT deleted")
    cards: dict[str, set[str]] = {}
    for id, patient, _ in conn.execute(bodies, {"kind": "Coverage"}):
        cards.setdefault(patient, set()).add(f"Coverage/{id}")
    gone = [id for id, patient, body in conn.execute(bodies, {"kind": "CoverageEligibilityRequest"})
            if not _about(json.loads(bytes(body)), cards.get(patient, set()))]  # fmt: skip
    for id in gone:
        conn.execute(sa.text("DELETE FROM eligibility_question WHERE id = :id"), {"id": id})


def _about(question: dict[str, Any], cards: set[str]) -> bool:
    named = {str((each.get("coverage") or {}).get("reference") or "") for each in question.get("insurance") or []}
    return not named.isdisjoint(cards) if named - {""} else len(cards) == 1
