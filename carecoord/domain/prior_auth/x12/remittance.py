"""An X12 835, read: what a payer paid of each claim and line, and why not the rest. Pure. Amounts are decimals, never
floating; what does not add up is told, with by how much.

Clauses: X12 005010X221A1 (BPR02 = sum of CLP04 - sum of PLB; CLP03 - CLP04 = sum of the claim's CAS and those of its
lines; SVC02 - SVC03 = sum of the line's CAS; CAS: group CO, PR, OA, PI, then reason 139, amount, quantity, six times;
REF*G1 the authorization; LQ*HE remarks; AMT*B6 allowed)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from carecoord.domain.prior_auth.x12.envelope import Fault, Segment, Transaction, fault
from carecoord.domain.prior_auth.x12.loops import day, money, number, runs
from carecoord.words.sentence import sentence

_MOST: Final = 6  # reasons in one CAS
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Money not paid. group: CO who bills bears it, PR the patient does, OA, PI; reason: CARC, as it came."""

    group: str
    reason: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Service:
    """A line. qualifier, code, modifiers: as it was paid; units: paid; allowed: None where it is not said; line: our
    number of it; remarks: RARC."""

    qualifier: str
    code: str
    modifiers: tuple[str, ...]
    charge: Decimal
    paid: Decimal
    units: Decimal | None
    allowed: Decimal | None
    first: date | None
    last: date | None
    line: str
    adjustments: tuple[Adjustment, ...]
    remarks: tuple[str, ...]

    @property
    def gap(self) -> Decimal:
        """By how much charge, payment and adjustments do not add up."""
        return self.charge - self.paid - total(self.adjustments)


@dataclass(frozen=True, slots=True)
class Paid:
    """A claim of a remittance. number: ours; payer_number: theirs; status: CLP02; provider: NPI of who rendered it,
    else of who is paid; authorization: REF*G1."""

    number: str
    payer_number: str
    status: str
    charge: Decimal
    paid: Decimal
    patient_owes: Decimal
    last: str
    first: str
    member: str
    provider: str
    authorization: str
    since: date | None
    until: date | None
    adjustments: tuple[Adjustment, ...]
    remarks: tuple[str, ...]
    services: tuple[Service, ...]
    place: int

    @property
    def all(self) -> tuple[Adjustment, ...]:
        """The adjustments of the claim and of its lines."""
        return (*self.adjustments, *(one for each in self.services for one in each.adjustments))

    @property
    def gap(self) -> Decimal:
        """By how much charge, payment and adjustments do not add up: CLP03 - CLP04 - sum of CAS."""
        return self.charge - self.paid - total(self.all)


@dataclass(frozen=True, slots=True)
class Remittance:
    """An 835. check: the number of the payment (TRN02); gap: BPR02 - (sum of CLP04 - sum of PLB)."""

    payer: str
    payer_id: str
    payee: str
    check: str
    at: date | None
    amount: Decimal
    claims: tuple[Paid, ...]
    gap: Decimal


def total(adjustments: Sequence[Adjustment]) -> Decimal:
    """Their sum."""
    return sum((each.amount for each in adjustments), _ZERO)


def read(transaction: Transaction) -> tuple[Remittance, list[Fault], list[Fault]]:
    """What an 835 says; what is wrong with it, so that nothing of it is taken; and what does not add up."""
    faults: list[Fault] = []
    segments = transaction.segments
    stop = next((n for n, each in enumerate(segments) if each.id in ("LX", "CLP")), len(segments))
    end = next((n for n, each in enumerate(segments) if each.id == "PLB"), len(segments) - 1)
    head = segments[:stop]
    bpr, trn = _first(head, "BPR"), _first(head, "TRN")
    payer, payee = _first(head, "N1", "PR"), _first(head, "N1", "PE")
    if bpr is None or trn is None or not trn.at(2):
        faults.append(fault(segments[0], 0, sentence("x12.fault.no-payment")))
    claims = [_claim(run, payee.at(4) if payee else "", faults) for run in runs(segments[stop:end], "CLP")]
    amount = money(bpr, 2, faults) if bpr else _ZERO
    plb = sum((each for one in segments[end:] if one.id == "PLB" for each in _provider(one, faults)), _ZERO)
    gap = amount - (sum((each.paid for each in claims), _ZERO) - plb)
    number_ = payer.at(4) if payer and payer.at(4) else next((one.at(2) for one in head if one.id == "REF"
                                                              and one.at(1) == "2U"), "")  # fmt: skip
    made = Remittance(
        payer.at(2) if payer else "", number_, payee.at(4) if payee else "", trn.at(2) if trn else "",
        day(bpr, 16, faults) if bpr else None, amount, tuple(claims), gap,
    )  # fmt: skip
    return made, faults, list(_imbalances(made, bpr or segments[0]))


def _imbalances(found: Remittance, bpr: Segment) -> Iterator[Fault]:
    if found.gap:
        yield fault(bpr, 2, sentence("x12.gap.payment", gap=f"{found.gap:.2f}"))
    for each in found.claims:
        if each.gap:
            said = sentence("x12.gap.claim", number=each.number, gap=f"{each.gap:.2f}")
            yield Fault(each.place, "CLP", 0, said)
        for line in each.services:
            if line.gap:
                said = sentence("x12.gap.line", number=each.number, code=line.code, gap=f"{line.gap:.2f}")
                yield Fault(each.place, "CLP", 0, said)


def _claim(run: tuple[Segment, ...], payee: str, faults: list[Fault]) -> Paid:
    clp = run[0]
    if not clp.at(1):
        faults.append(fault(clp, 1, sentence("x12.fault.claim-number")))
    if not clp.at(2):
        faults.append(fault(clp, 2, sentence("x12.fault.no-status", number=clp.at(1))))
    stop = next((n for n, each in enumerate(run) if each.id == "SVC"), len(run))
    own = run[:stop]
    patient, insured = _first(own, "NM1", "QC"), _first(own, "NM1", "IL")
    member = next((each.at(9) for each in (patient, insured) if each and each.at(9)), "")
    who = patient or insured
    renders, authorization = _first(own, "NM1", "82"), _first(own, "REF", "G1")
    services = tuple(_service(each, faults) for each in runs(run[stop:], "SVC"))
    since, until = _span(own, "232", "233", faults)
    outcome = _first(own, "MOA") or _first(own, "MIA")
    return Paid(
        clp.at(1), clp.at(7), clp.at(2), money(clp, 3, faults), money(clp, 4, faults), money(clp, 5, faults),
        who.at(3) if who else "", who.at(4) if who else "", member,
        renders.at(9) if renders and renders.at(8) == "XX" else payee, authorization.at(2) if authorization else "",
        since or min((each.first for each in services if each.first), default=None),
        until or max((each.last for each in services if each.last), default=None),
        tuple(_adjustments(own, faults)), tuple(_remarks(outcome)), services, clp.place,
    )  # fmt: skip


def _service(run: tuple[Segment, ...], faults: list[Fault]) -> Service:
    svc = run[0]
    parts = svc.parts(1)
    only = _first(run, "DTM", "472")
    first, last = (day(only, 2, faults),) * 2 if only else _span(run, "150", "151", faults)
    allowed, line = _first(run, "AMT", "B6"), _first(run, "REF", "6R")
    units = number(svc, 5, faults) if svc.at(5) else Decimal(1)  # 835: SVC05 left out is one
    return Service(
        parts[0], svc.part(1, 2), tuple(each for each in parts[2:6] if each), money(svc, 2, faults),
        money(svc, 3, faults), units, number(allowed, 2, faults) if allowed else None, first, last,
        line.at(2) if line else "", tuple(_adjustments(run, faults)),
        tuple(each.at(2) for each in run if each.id == "LQ" and each.at(1) == "HE"),
    )  # fmt: skip


def _span(
    segments: Sequence[Segment], start: str, end: str, faults: list[Fault]
) -> tuple[date | None, date | None]:
    first, last = _first(segments, "DTM", start), _first(segments, "DTM", end)
    since = day(first, 2, faults) if first else None
    return since, (day(last, 2, faults) if last else None) or since


def _adjustments(segments: Sequence[Segment], faults: list[Fault]) -> Iterator[Adjustment]:
    for cas in (each for each in segments if each.id == "CAS"):
        for n in range(2, 2 + 3 * _MOST, 3):
            if cas.at(n) or cas.at(n + 1):
                if not cas.at(n):
                    faults.append(fault(cas, n, sentence("x12.fault.no-reason-code")))
                yield Adjustment(cas.at(1), cas.at(n), money(cas, n + 1, faults))


def _remarks(outcome: Segment | None) -> Iterator[str]:
    """The remarks of a claim: MOA03 to 07, MIA05 and 20 to 23."""
    if outcome:
        places = range(3, 8) if outcome.id == "MOA" else (5, 20, 21, 22, 23)
        yield from (each for n in places if (each := outcome.at(n)))


def _provider(plb: Segment, faults: list[Fault]) -> Iterator[Decimal]:
    """The amounts of a PLB: what is taken from the payment."""
    for n in range(4, 15, 2):
        if plb.at(n):
            yield money(plb, n, faults)


def _first(segments: Sequence[Segment], name: str, qualifier: str = "") -> Segment | None:
    found = (each for each in segments if each.id == name)
    return next((each for each in found if qualifier in ("", each.at(1))), None)
