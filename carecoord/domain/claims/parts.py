"""A claim as all that its remittances said of it leaves it. A payer may split one claim into parts, told in one file
or in several: they add up. What is decided anew takes the place of what was decided before; what is taken back is gone.
Pure.

Clauses: X12 005010X221A1 (CLP01 our number, CLP02 22 taken back, CLP07 the payer's own number of each part, REF*6R our
number of a line; 1.10.2.8, reversal and correction)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from carecoord.domain.prior_auth.x12.remittance import Paid, Service

BACK: Final = "22"  # CLP02
DENIED: Final = "4"


def apart(parts: Iterable[Paid]) -> list[list[Paid]]:
    """The CLPs of a remittance by the claim that they are of; claims of which something is taken back stand first."""
    alike: dict[tuple[str, str], list[Paid]] = {}
    for each in parts:
        alike.setdefault((each.number, each.member), []).append(each)
    return sorted(alike.values(), key=lambda some: all(each.status != BACK for each in some))


def heard(parts: Sequence[Paid]) -> list[Paid]:
    """What one remittance says of one claim: what it takes back, then what it decides, each as one."""
    split = ([each for each in parts if (each.status == BACK) is back] for back in (True, False))
    return [whole(some) for some in split if some]


def standing(told: Iterable[Sequence[Paid]]) -> Paid:
    """The claim after all that was told of it. told: of each remittance its CLPs of this claim, the oldest first, at
    least one. What is taken back stands before what is paid instead, wherever it stood in the file."""
    kept: list[Paid] = []
    gone: list[Paid] = []
    for some in told:
        back, new = ([each for each in some if (each.status == BACK) is is_back] for is_back in (True, False))
        for each in back:
            kept = _without(kept, each)
        kept = [each for each in kept if not any(_is_same(each, one) for one in new)] + new
        gone = back or gone
    return whole(kept or gone)


def whole(parts: Sequence[Paid]) -> Paid:
    """Several CLPs of one claim as one: denied where each of them is."""
    first = parts[0]
    if len(parts) == 1:
        return first
    zero = Decimal(0)
    return replace(
        first, status=next((each.status for each in parts if each.status != DENIED), first.status),
        charge=sum((each.charge for each in parts), zero), paid=sum((each.paid for each in parts), zero),
        patient_owes=sum((each.patient_owes for each in parts), zero),
        authorization=next((each.authorization for each in parts if each.authorization), ""),
        since=min((each.since for each in parts if each.since), default=None),
        until=max((each.until for each in parts if each.until), default=None),
        adjustments=tuple(one for each in parts for one in each.adjustments),
        remarks=tuple(dict.fromkeys(one for each in parts for one in each.remarks)),
        services=tuple(one for each in parts for one in each.services),
    )  # fmt: skip


def _without(kept: Sequence[Paid], back: Paid) -> list[Paid]:
    """What is left once a part is taken back; nothing where it can not be told which one is meant."""
    left = [each for each in kept if not _is_same(each, back)]
    return left if len(left) < len(kept) else []


def _is_same(before: Paid, after: Paid) -> bool:
    """Whether two CLPs decide the same part of a claim: by their lines, where both have some; a payer numbers what it
    decides anew as it likes."""
    if before.services and after.services:
        return any(_is_same_line(one, other) for one in before.services for other in after.services)
    numbered = bool(before.payer_number) and before.payer_number == after.payer_number
    return numbered or abs(before.charge) == abs(after.charge)


def _is_same_line(one: Service, other: Service) -> bool:
    if one.line and other.line:
        return one.line == other.line
    return _billed(one) == _billed(other)


def _billed(line: Service) -> tuple[object, ...]:
    return line.code, line.modifiers, line.first, abs(line.charge)  # what is taken back is charged below zero
