"""A claim as its payer speaks of it: how it stands, what of its money was denied, what the patient owes. Pure.

Clauses: X12 005010X221A1 (CLP02: 4 denied, 22 taken back; CAS groups CO, PR, OA, PI); X12 005010X214 (STC: WQ taken in,
U refused). That a charge is more than the agreed price (CARC 45), and the patient's own share (1, 2, 3), is no denial.
The texts of CARC and RARC are X12's: codes are kept raw, and a customer's own table gives them its words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal
from uuid import NAMESPACE_URL, uuid5

from carecoord.domain.claims.parts import BACK, DENIED
from carecoord.domain.prior_auth.x12.claim_status import Status as Said
from carecoord.domain.prior_auth.x12.remittance import Adjustment, Paid, Service

Status = Literal["accepted", "refused", "paid", "partly", "denied", "reversed", "unclear"]
UNPAID: Final = ("accepted", "refused", "unclear")  # of these a 277CA was the last to speak
TROUBLED: Final = ("refused", "partly", "denied", "reversed", "unclear")
CARC: Final = "https://x12.org/codes/claim-adjustment-reason-codes"
RARC: Final = "https://x12.org/codes/remittance-advice-remark-codes"
# CARC of what was agreed: the price (45), its parts (59, 131), sequestration (253), another payer's share (22, 23),
# capitation (24), a payment made already (94, 100).
# Of these the payer allows what it does not pay itself: others pay it, it was paid already, or the law keeps it back.
_ALLOWED: Final = frozenset({"22", "23", "94", "100", "253"})
_AGREED: Final = _ALLOWED | {"24", "45", "59", "131"}
_SHARE: Final = frozenset({"1", "2", "3", "66"})  # deductible, coinsurance, copayment


@dataclass(frozen=True, slots=True)
class Cents:
    """The money of a claim, in cents."""

    charge: int
    paid: int
    owed: int
    denied: int
    gap: int


def cents(amount: Decimal) -> int:
    """An amount in cents. Raises ValueError for parts of one: no amount of X12 has them."""
    scaled = amount * 100
    if scaled != scaled.to_integral_value():
        raise ValueError(amount)
    return int(scaled)


def claim_id(office: str, payer: str, number: str) -> str:
    """The id of a claim here: of an office, by its payer and its own number."""
    return str(uuid5(NAMESPACE_URL, f"claim {office} {payer} {number}"))


def denies(adjustment: Adjustment) -> bool:
    """Whether an adjustment denies: it is neither the agreed price nor the patient's share."""
    return adjustment.amount > 0 and adjustment.reason not in _AGREED | _SHARE


def denied(adjustments: Iterable[Adjustment]) -> Decimal:
    """How much of them is denied."""
    return sum((each.amount for each in adjustments if denies(each)), Decimal(0))


def money(paid: Paid) -> Cents:
    """The money of a claim of a remittance. Raises ValueError for parts of a cent."""
    every = (paid.charge, paid.paid, paid.patient_owes, denied(paid.all), paid.gap)
    return Cents(*map(cents, every))


def paid_status(paid: Paid) -> Status:
    """How a claim of a remittance stands."""
    if paid.status == BACK:
        return "reversed"
    lost = denied(paid.all)
    if paid.status == DENIED or (lost and paid.paid <= 0):
        return "denied"
    return "partly" if lost else "paid"


def said_status(said: Said) -> Status:
    """How a claim of a 277CA stands."""
    return "unclear" if said.accepted is None else "accepted" if said.accepted else "refused"


def allowed(service: Service) -> Decimal:
    """What the payer allows for a line: as it says, else what it paid, what it leaves to the patient as a share, and
    what others pay of it, was paid already or the law keeps back."""
    if service.allowed is not None:
        return service.allowed
    share = (each.amount for each in service.adjustments if each.group == "PR" and each.reason in _SHARE)
    agreed = (each.amount for each in service.adjustments if each.amount > 0 and each.reason in _ALLOWED)
    return service.paid + sum(share, Decimal(0)) + sum(agreed, Decimal(0))


def spelt(day: date | None) -> str | None:
    """A day as rows keep it."""
    return day.isoformat() if day else None
