"""What a patient's Consent keeps from the asker of a case that they see all the same: a part without which the case is
judged as it is. It is not there, not counted, and the page says that it is withheld."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Row

from carecoord.actions.access.turn import Turn
from carecoord.domain.access.consent_filter import is_of
from carecoord.domain.referrals.case import Case
from carecoord.store.worklist.rows import with_columns

_TOLD: Final = {"contacts": 0, "told_at": None}  # columns of a row that tell of what was said


def without(turn: Turn, case: Case, patient: str) -> Case:
    """The case without what is withheld of it."""
    parts = turn.denied().apart(patient)
    if not parts:
        return case
    talks = tuple(each for each in case.talks if not any(is_of(part, each) for part in parts))
    gone = {str(each.get("id")) for each in case.talks} - {str(each.get("id")) for each in talks}
    return replace(
        case,
        talks=talks,
        disputes=tuple(each for each in case.disputes if each.type != "Communication" or each.id not in gone),
    )


def rows(turn: Turn, found: Sequence[Row[Any]]) -> list[Row[Any]]:
    """The rows without what they tell of that: nearly always as they are."""
    kept = turn.denied().talks()
    return [with_columns(row, _TOLD) if row.patient in kept else row for row in found] if kept else list(found)
