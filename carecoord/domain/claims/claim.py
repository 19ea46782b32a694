"""A claim as its payer speaks of it: how it stands, what of its money was denied, what the patient owes. Pure.

Clauses: X12 005010X221A1 (CLP02: 4 denied, 22 taken back; CAS groups CO, PR, OA, PI); X12 005010X214 (STC: WQ taken in,
U refused). That a charge is more than the agreed price (CARC 45), and the patient's own share (1, 2, 3), is no denial.
The texts of CARC and RARC are X12's: codes are kept raw, and a customer's own table gives them its words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final, Literal
from uuid import NAMESPACE_URL, uuid5

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
_DENIED, _BACK = "4", "22"  # CLP02


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


def together(parts: Iterable[Paid]) -> list[Paid]:
    """The claims of a remittance, each once: a payer may split one into several CLPs with numbers of its own (CLP07),
    and all of them together are the claim. What is taken back stands before what is paid instead, wherever it stood in
    the file (005010X221A1 1.10.2.8: reversal and correction)."""
    alike: dict[tuple[str, str, bool], list[Paid]] = {}
    for each in parts:
        alike.setdefault((each.number, each.member, each.status == _BACK), []).append(each)
    found = [_whole(some) if len(some) > 1 else some[0] for some in alike.values()]
    return sorted(found, key=lambda each: each.status != _BACK)


def _whole(parts: Sequence[Paid]) -> Paid:
    """Several CLPs of one claim as one: denied where each of them is."""
    first = parts[0]
    zero = Decimal(0)
    return replace(
        first, status=next((each.status for each in parts if each.status != _DENIED), first.status),
        charge=sum((each.charge for each in parts), zero), paid=sum((each.paid for each in parts), zero),
        patient_owes=sum((each.patient_owes for each in parts), zero),
        authorization=next((each.authorization for each in parts if each.authorization), ""),
        since=min((each.since for each in parts if each.since), default=None),
        until=max((each.until for each in parts if each.until), default=None),
        adjustments=tuple(one for each in parts for one in each.adjustments),
        remarks=tuple(dict.fromkeys(one for each in parts for one in each.remarks)),
        services=tuple(one for each in parts for one in each.services),
    )  # fmt: skip


def money(paid: Paid) -> Cents:
    """The money of a claim of a remittance. Raises ValueError for parts of a cent."""
    every = (paid.charge, paid.paid, paid.patient_owes, denied(paid.all), paid.gap)
    return Cents(*map(cents, every))


def paid_status(paid: Paid) -> Status:
    """How a claim of a remittance stands."""
    if paid.status == _BACK:
        return "reversed"
    lost = denied(paid.all)
    if paid.status == _DENIED or (lost and paid.paid <= 0):
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
