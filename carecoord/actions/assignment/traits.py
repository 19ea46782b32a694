"""What rules may ask of a referral, read from its row and its patient."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row

from carecoord.domain.assignment.rules import Arrival
from carecoord.domain.resource.elements import Json, item, items, text, words
from carecoord.fhir import text as json
from carecoord.store.resources import read


def arrivals(conn: Connection, rows: Iterable[Row[Any]]) -> list[Arrival]:
    """The referrals of these rows, in their order."""
    rows = list(rows)
    found = read.many(conn, sorted({("Patient", row.patient) for row in rows}))
    spoken = {each.id: language(json.loads(each.body)) for each in found if not each.deleted}
    return [_arrival(row, spoken.get(row.patient, ("", ""))) for row in rows]


def language(patient: Json) -> tuple[str, str]:
    """The language that a patient prefers, else the only one: the first part of its code and what it is called; empty
    where it is not known."""
    said = items(patient, "communication")
    only = said[0] if len(said) == 1 else {}
    chosen = item(next((each for each in said if each.get("preferred") is True), only), "language")
    codes = (text(each, "code") for each in items(chosen, "coding"))
    code = next((each.partition("-")[0].lower() for each in codes if each), "")
    return code, words(chosen) or code


def _arrival(row: Row[Any], spoken: tuple[str, str]) -> Arrival:
    return Arrival(
        row.id,
        {"specialty": row.specialty_sort, "payer": row.payer_key or "", "performer": row.performer or "",
         "priority": row.priority, "language": spoken[0]},
        row.patient_sort.partition(",")[0].strip(), spoken[1],
    )  # fmt: skip
