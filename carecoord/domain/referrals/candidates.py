"""To whom a referral could go: each candidate as the one judgement of clearance finds it, in an order of which each
place says why. Nobody is called cleared or in network here whom `$clearance` would not call so: a candidate is the
order as it would stand with them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import inf
from typing import Final, Literal

from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.gates.gate import Gate, GateName
from carecoord.domain.referrals.track_record import TrackRecord
from carecoord.domain.resource.days import Days
from carecoord.domain.resource.parties import Party
from carecoord.fhir.search.collation import fold
from carecoord.words.sentence import Sentence, sentence

Order = Literal["cleared", "nearest", "quickest", "language"]
ORDERS: Final[tuple[Order, ...]] = ("cleared", "nearest", "quickest", "language")
NEEDED: Final[tuple[GateName, ...]] = ("coverage", "authorization", "agreement", "information")  # of a slot
KILOMETRES_OF_A_MILE: Final = 1.609344


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A clinic with the order judged as if it were theirs: on the day of `slot`, the first free one known there, or
    over the window where none is known. `speaks`: whether somebody there speaks the patient's language, None where that
    does not matter or nobody knows."""

    party: Party
    site: Party | None
    judged: Clearance
    slot: datetime | None
    day: date | None  # of the slot, in the office
    kilometres: float | None
    speaks: bool | None
    record: TrackRecord

    @property
    def cleared(self) -> bool:
        """Whether a visit in the slot could be had and paid for as things stand."""
        return self.slot is not None and not any(self.judged.gate(name).unmet for name in NEEDED)

    @property
    def in_network(self) -> bool:
        """Whether the agreement stands: nothing less than what the gate calls met, or not needed."""
        return not self.judged.gate("agreement").unmet

    @property
    def offered(self) -> bool:
        """Whether it belongs among those to choose from: in network, and nothing shuts it."""
        return self.in_network and not any(gate.state == "blocked" for gate in self.bearing)

    @property
    def bearing(self) -> tuple[Gate, ...]:
        """The gates that bear on whether it can be."""
        return tuple(self.judged.gate(name) for name in NEEDED)

    def late(self, window: Days) -> bool:
        """Whether the first slot lies behind the days that are wanted."""
        return self.day is not None and window.end is not None and self.day >= window.end


def ranked(found: Iterable[Candidate], by: Order, window: Days) -> list[Candidate]:
    """The candidates in an order; of equals the nearer, then by name."""
    return sorted(found, key=lambda each: (*_place(each, by, window), each.party.reference))


def _place(each: Candidate, by: Order, window: Days) -> tuple[float | str | bool, ...]:
    slot = each.slot.timestamp() if each.slot else inf
    away = _away(each)
    wait = inf if each.record.wait_days is None else each.record.wait_days
    name, state = fold(each.party.name), _unmet(each)
    if by == "nearest":
        return away, state, slot, name
    if by == "quickest":
        return slot, wait, state, away, name
    if by == "language":
        return not each.speaks, state, each.late(window), slot, away, name
    return not each.cleared, state, each.late(window), slot, away, name


def _unmet(each: Candidate) -> int:
    return sum(gate.unmet for gate in each.bearing)


def merits(best: Candidate, rest: Sequence[Candidate], window: Days) -> list[Sentence]:
    """Why the first stands first: what is good about it, the best first, three at most."""
    found = list[Sentence]()
    if best.cleared:
        found.append(sentence("refer.why.cleared"))
    if best.day and window.last and best.day <= window.last:
        left = (window.last - best.day).days
        inside = sentence("refer.why.inside", days=left, day=window.last)
        found.append(inside if left else sentence("refer.why.last", day=best.day))
    if best.judged.gate("authorization").state == "not-needed":
        found.append(sentence("refer.why.no-authorization"))
    if best.speaks:
        found.append(sentence("refer.why.speaks"))
    if rest and best.kilometres is not None and best.kilometres <= min(map(_away, rest)):
        found.append(sentence("refer.why.nearest"))
    return found[:3] or ([sentence("refer.why.in-network")] if best.in_network else [])


def _away(each: Candidate) -> float:
    return inf if each.kilometres is None else each.kilometres


def behind(each: Candidate, first: Candidate, by: Order, window: Days) -> Sentence:
    """The one thing that puts a candidate behind the first."""
    for name in NEEDED:
        gate = each.judged.gate(name)
        if by != "nearest" and gate.unmet and not first.judged.gate(name).unmet:
            return gate.reason
    if by == "language" and first.speaks and not each.speaks:
        return sentence("refer.behind.language")
    if by == "nearest" and first.kilometres is not None:
        if each.kilometres is None:
            return sentence("refer.behind.nowhere")
        farther = (each.kilometres - first.kilometres) / KILOMETRES_OF_A_MILE
        return sentence("refer.behind.farther", miles=f"{farther:.1f}")
    if each.day is None and first.day is not None:
        return sentence("refer.behind.no-slot")
    if each.day and each.late(window) and not first.late(window):
        return sentence("refer.behind.late", day=each.day)
    if each.day and first.day and each.day > first.day:
        return sentence("refer.behind.later", days=(each.day - first.day).days)
    return sentence("refer.behind.equal")


def shut_by(each: Candidate) -> Sentence:
    """The one thing for which it is not offered."""
    gates = sorted(each.bearing, key=lambda gate: (gate.name != "agreement", gate.state != "blocked"))
    return next((gate.reason for gate in gates if gate.unmet), sentence("refer.behind.equal"))
