"""A request for authorization as a row of its payer's queue: the columns of `payer_view.REQUEST`, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from carecoord.domain.access.payer_view import REQUEST


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
    return PayerAuthorization(**{name: row[name] for name in REQUEST})
