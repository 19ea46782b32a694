"""What a payer sees of a request for authorization in its queue: one list of columns, by which every page goes."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

CELLS: Final = (  # of its queue as a file
    "number", "patient_name", "member_id", "plan_name", "service", "code", "provider", "payer_agreement_number",
    "state", "expedited", "level", "papers", "asked", "attached", "received", "due", "decided",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PayerAuthorization:
    """A row of its queue as the payer sees it: what was asked of it and what it said, no visit and no record number."""

    root: str
    claim: str
    patient: str
    state: str
    number: str | None
    service: str
    code: str
    expedited: bool
    patient_name: str
    birth_date: str | None
    gender: str | None
    member_id: str | None
    plan_name: str | None
    provider: str | None
    payer_agreement: str | None
    payer_agreement_number: str | None
    payer_agreement_until: int | None
    papers: int
    asked: int
    attached: int
    received: int | None
    due: int | None
    decided: int | None
    proposed: int | None
    extended: str | None
    level: int


def payer_authorization(row: Mapping[Any, Any]) -> PayerAuthorization:
    """What of a row of a request its payer sees."""
    return PayerAuthorization(**{one.name: row[one.name] for one in fields(PayerAuthorization)})
