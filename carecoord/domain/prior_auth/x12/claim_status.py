"""An X12 277CA, read: what a payer says of each claim before it pays: taken in, or refused and why. Pure.

Clauses: X12 005010X214 (levels 20, 21, 19, PT; TRN*2 our claim number; STC: category 507, status 508, entity 98, the
day, WQ taken or U refused, the charge; REF*1K the payer's own number; DTP*472; SVC with its own STC). The texts of 507
and 508 are X12's: the codes are kept raw."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from carecoord.domain.prior_auth.x12.envelope import Fault, Segment, Transaction, fault
from carecoord.domain.prior_auth.x12.loops import Level, day, days, levels, money, runs
from carecoord.words.sentence import sentence


@dataclass(frozen=True, slots=True)
class Said:
    """A status: category, code and entity, as they came."""

    category: str
    code: str
    entity: str


@dataclass(frozen=True, slots=True)
class Status:
    """What is said of a claim. number: ours; payer_number: theirs; accepted: None where it says neither; provider: the
    NPI of who billed; codes: of the services that are named."""

    number: str
    payer_number: str
    payer: str
    payer_id: str
    provider: str
    last: str
    first: str
    member: str
    accepted: bool | None
    said: tuple[Said, ...]
    at: date | None
    charge: Decimal
    since: date | None
    until: date | None
    codes: tuple[str, ...]
    place: int


def read(transaction: Transaction) -> tuple[list[Status], list[Fault]]:
    """The status of each claim, and what is wrong. A claim without a number of ours is a fault: it is nobody's."""
    faults: list[Fault] = []
    found = levels(transaction.segments, faults)
    statuses = [_status(each, faults) for each in found if each.kind == "PT"]
    if not statuses and not faults:
        faults.append(fault(transaction.segments[0], 0, sentence("x12.fault.no-claim")))
    return [each for each in statuses if each], faults


def _status(level: Level, faults: list[Fault]) -> Status | None:
    who, trace = level.first("NM1", "QC", "IL"), level.first("TRN", "2")
    if trace is None or not trace.at(2):
        faults.append(fault(level.segments[0], 0, sentence("x12.fault.claim-number")))
        return None
    stop = next((n for n, each in enumerate(level.segments) if each.id == "SVC"), len(level.segments))
    own = [each for each in level.segments[:stop] if each.id == "STC"]
    services = [run[0] for run in runs(level.segments[stop:], "SVC")]
    if not own:
        faults.append(fault(trace, 0, sentence("x12.fault.no-status", number=trace.at(2))))
        return None
    served = next((each for each in level.segments if each.id == "DTP" and each.at(1) == "472"), None)
    since, until = days(served, 2, faults) if served else (None, None)
    payer = _named(level, "20", "PR", "AY")
    provider = _named(level, "19", "85")
    theirs = level.first("REF", "1K")
    actions = {each.at(3) for each in own}
    return Status(
        trace.at(2), theirs.at(2) if theirs else "", payer.at(3) if payer else "", payer.at(9) if payer else "",
        provider.at(9) if provider else "", who.at(3) if who else "", who.at(4) if who else "",
        who.at(9) if who and who.at(8) == "MI" else "", {"WQ": True, "U": False}.get(next(iter(actions)))
        if len(actions) == 1 else None, tuple(_said(each, n) for each in own for n in (1, 10, 11) if each.at(n)),
        day(own[0], 2, faults), money(own[0], 4, faults), since, until,
        tuple(each.part(1, 2) for each in services if each.part(1, 2)), trace.place,
    )  # fmt: skip


def _said(stc: Segment, n: int) -> Said:
    return Said(stc.part(n, 1), stc.part(n, 2), stc.part(n, 3))


def _named(level: Level, kind: str, *roles: str) -> Segment | None:
    return next((found for each in level.above if each.kind == kind and (found := each.first("NM1", *roles))), None)
