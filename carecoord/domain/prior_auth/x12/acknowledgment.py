"""What the other side says of a file of ours: 999, transaction by transaction. (A TA1 stands in the envelope.)

Clause: X12 005010X231 (AK1 the group, AK2 each transaction, IK3 a segment, IK4 an element, IK5 and AK9 the result: A
taken, E taken with faults, P some taken, R, M, W, X not)."""

from dataclasses import dataclass

from carecoord.domain.prior_auth.x12.envelope import Segment, Transaction
from carecoord.domain.prior_auth.x12.loops import runs

TAKEN = frozenset({"A", "E"})


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a segment of ours, by its code (IK304) or that of its element (IK403). place: within the
    transaction, counted from ST as 1; element 0: of the segment."""

    place: str
    segment: str
    element: str
    code: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one of our transactions. kind, control: ST01 and ST02 of ours."""

    group: str
    kind: str
    control: str
    result: str
    complaints: tuple[Complaint, ...]

    @property
    def taken(self) -> bool:
        return self.result in TAKEN


def results(transaction: Transaction) -> list[Result]:
    """The result of each transaction that a 999 speaks of; of the group as such where it names none."""
    head = next((each for each in transaction.segments if each.id == "AK1"), None)
    group = head.at(2) if head else ""
    found = [_result(group, run) for run in runs(transaction.segments, "AK2")]
    whole = next((each for each in transaction.segments if each.id == "AK9"), None)
    return found or [Result(group, "", "", whole.at(1) if whole else "", ())]


def _result(group: str, run: tuple[Segment, ...]) -> Result:
    head, said, complaints = run[0], "", list[Complaint]()
    place = segment = ""
    for each in run:
        if each.id == "IK3":
            segment, place = each.at(1), each.at(2)
            complaints.append(Complaint(place, segment, "", each.at(4)))
        elif each.id == "IK4":
            complaints.append(Complaint(place, segment, each.part(1, 1), each.at(3)))
        elif each.id == "IK5":
            said = each.at(1)
    return Result(group, head.at(1), head.at(2), said, tuple(complaints))
