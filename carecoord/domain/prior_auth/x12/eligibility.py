"""An X12 271, read, and as the CoverageEligibilityResponse that says the same. Pure.

Clauses: X12 005010X279A1 (EB01 what it says, EB03 of which services, EB11 whether an authorization is needed: Y, N, U;
DTP 291, 346, 347 from when until when; AAA why it was not answered); FHIR R4 coverageeligibilityresponse.html. EB11 of
U, or empty, is unknown and never "no"; a card of which nothing active or inactive is said is not said to be good."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from carecoord.domain.coverage.inquiries import purposes
from carecoord.domain.prior_auth.x12.answer import Rejection
from carecoord.domain.prior_auth.x12.envelope import Fault, Segment, Transaction, fault
from carecoord.domain.prior_auth.x12.loops import days, levels, number
from carecoord.domain.resource.elements import Json, item, key
from carecoord.words.sentence import sentence

SERVICE: Final = "https://codesystem.x12.org/005010/1365"
SAYS: Final = "https://codesystem.x12.org/005010/1390"  # EB01
REJECTED: Final = "https://codesystem.x12.org/005010/901"
_ACTIVE: Final = frozenset("12345")
_INACTIVE: Final = frozenset("678")
_NEEDED: Final = {"Y": True, "N": False}
_PERIODS: Final = ("291", "346", "307", "356")
_ENDS: Final = ("347", "357")


@dataclass(frozen=True, slots=True)
class Benefit:
    """An EB. services: X12 1365; says: EB01; needed: whether an authorization is, None where it does not say; money:
    EB07; network: EB12 (Y in, N out, else not said)."""

    says: str
    services: tuple[str, ...]
    needed: bool | None
    money: Decimal | None
    network: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Eligibility:
    """A 271. trace: ours; inforce: None where it is not said, or said both ways."""

    trace: str
    member: str
    inforce: bool | None
    first: date | None
    last: date | None
    benefits: tuple[Benefit, ...]
    rejections: tuple[Rejection, ...]


def read(transaction: Transaction) -> tuple[list[Eligibility], list[Fault]]:
    """What a 271 says of each member in it: a level of a dependent, or of a subscriber who has none below; and what is
    wrong with it, so that nothing of it is taken."""
    faults: list[Fault] = []
    found = levels(transaction.segments, faults)
    parents = {each.above[-1].number for each in found if each.kind == "23" and each.above}
    people = [each for each in found if each.kind == "23" or (each.kind == "22" and each.number not in parents)]
    sources = [Rejection(aaa.at(3), aaa.at(4), each.kind, aaa.place)
               for each in found if each.kind in ("20", "21") for aaa in each.all("AAA")]  # fmt: skip
    if not people and not sources:
        faults.append(fault(transaction.segments[0], 0, sentence("x12.fault.no-member")))
    made: list[Eligibility] = []
    for each in people:
        chain = (*each.above, each)
        traces = [one.at(2) for level in reversed(chain) for one in level.all("TRN", "2")]
        names = [who for level in reversed(chain) if (who := level.first("NM1", "IL", "03")) and who.at(8) == "MI"]
        aaa = [Rejection(one.at(3), one.at(4), level.kind, one.place) for level in chain for one in level.all("AAA")]
        benefits = _benefits(each.segments, faults)
        first, last = _period(each.segments, faults)
        said = {one.says in _ACTIVE for one in benefits if one.says in _ACTIVE | _INACTIVE}
        inforce = next(iter(said)) if len(said) == 1 else None
        made.append(Eligibility(traces[0] if traces else "", names[0].at(9) if names else "", inforce, first, last,
                                tuple(benefits), tuple(aaa)))  # fmt: skip
    return made or [Eligibility("", "", None, None, None, (), tuple(sources))], faults


def _benefits(segments: tuple[Segment, ...], faults: list[Fault]) -> list[Benefit]:
    found: list[Benefit] = []
    for n, each in enumerate(segments):
        if each.id != "EB":
            continue
        end = next((m for m in range(n + 1, len(segments)) if segments[m].id in ("EB", "LS")), len(segments))
        notes = tuple(one.at(1) for one in segments[n + 1 : end] if one.id == "MSG")
        found.append(Benefit(each.at(1), each.repeats(3), _NEEDED.get(each.at(11)), number(each, 7, faults),
                             each.at(12), notes))  # fmt: skip
    return found


def _period(segments: tuple[Segment, ...], faults: list[Fault]) -> tuple[date | None, date | None]:
    """From when until when the plan holds, by what stands before the first benefit."""
    stop = next((n for n, each in enumerate(segments) if each.id == "EB"), len(segments))
    said = {each.at(1): days(each, 2, faults) for each in segments[:stop] if each.id == "DTP"}
    span = next((said[each] for each in _PERIODS if each in said), None)
    end = next((said[each][1] for each in _ENDS if each in said), None)
    if span is None:
        return None, end
    return span[0], end or (span[1] if span[1] != span[0] else None)


def response(id: str, request: Json, card: Json, found: Eligibility, now: datetime) -> Json:
    """The CoverageEligibilityResponse that says what a 271 says to a question."""
    period = {name: day.isoformat() for name, day in (("start", found.first), ("end", found.last)) if day}
    insurance = {
        "coverage": {"reference": key(card)},
        **({"inforce": found.inforce} if found.inforce is not None else {}),
        **({"benefitPeriod": period} if period else {}),
        **({"item": [_item(each) for each in found.benefits]} if found.benefits else {}),
    }
    return {
        "resourceType": "CoverageEligibilityResponse", "id": id, "status": "active", "purpose": purposes(request),
        "patient": item(request, "patient"), "created": now.isoformat(timespec="seconds"),
        **({"servicedDate": request["servicedDate"]} if request.get("servicedDate") else {}),
        "request": {"reference": key(request)}, "outcome": "error" if found.rejections else "complete",
        "insurer": item(request, "insurer"),
        **({} if found.rejections else {"insurance": [insurance]}),
        **({"error": [{"code": {"coding": [{"system": REJECTED, "code": each.code}]}} for each in found.rejections]}
           if found.rejections else {}),
    }  # fmt: skip


def _item(benefit: Benefit) -> Json:
    network = {"Y": "in", "N": "out"}.get(benefit.network)
    return {
        **({"category": {"coding": [{"system": SERVICE, "code": each} for each in benefit.services]}}
           if benefit.services else {}),
        **({"network": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/benefit-network",
                                    "code": network}]}} if network else {}),
        "benefit": [{
            "type": {"coding": [{"system": SAYS, "code": benefit.says}]},
            **({"allowedMoney": {"value": benefit.money, "currency": "USD"}} if benefit.money is not None else {}),
        }],
        **({"authorizationRequired": benefit.needed} if benefit.needed is not None else {}),
        **({"description": " ".join(benefit.notes)} if benefit.notes else {}),
    }  # fmt: skip
