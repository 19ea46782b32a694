"""Where a referral is, in a patient's words: what comes next, and the steps with their days. Pure.

What came of the visit is never told here before somebody has told the patient: that a report came, was read or is late
stands in no step, so that nobody learns from a page what a person should say."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final, Literal

from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.days import local, moment
from carecoord.domain.resource.elements import text
from carecoord.words.sentence import Sentence, Value, sentence

Progress = Literal["done", "now", "later"]
_TAKEN: Final = frozenset({
    "accepted", "contacting-patient", "waitlisted", "in-progress", "scheduled", "no-show", "appointment-cancelled",
    "visit-done", "cancel-requested", "report-received", "advice-given",
})  # fmt: skip
_LOST: Final = frozenset({"cancelled", "failed", "error"})


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the way. `day`: on which it was done, or is to be."""

    progress: Progress
    said: Sentence
    day: date | None = None


def steps(case: Case, judged: Clearance, doctor: Value, clinic: Value, zone: tzinfo) -> tuple[Step, ...]:
    """The way from the order to "we called you": those that are done, the one that is under way, those to come."""
    found = list(_steps(case, judged, doctor, clinic, zone))
    first = next((n for n, (done, _, _) in enumerate(found) if not done), len(found))
    states: list[Progress] = [
        "done" if done else "now" if n == first else "later" for n, (done, _, _) in enumerate(found)
    ]
    return tuple(Step(state, said, day) for state, (_, said, day) in zip(states, found, strict=True))


def _steps(
    case: Case, judged: Clearance, doctor: Value, clinic: Value, zone: tzinfo
) -> Iterator[tuple[bool, Sentence, date | None]]:
    facts, closing, told = judged.facts, judged.facts.closing, judged.facts.closing.told.done
    referral = facts.referral
    yield True, sentence("guest.step.ordered", doctor=doctor), _day(referral.authored, zone)
    coverage, approval = judged.gate("coverage"), judged.gate("authorization")
    covered = coverage.state in ("met", "not-needed")
    yield covered, sentence("guest.step.covered") if covered else sentence("guest.step.covering"), None
    if approval.state != "not-needed":
        met = approval.state == "met"
        yield met, sentence("guest.step.approved") if met else sentence("guest.step.approving"), None
    taken = referral.stage in _TAKEN
    said = sentence("guest.step.accepted", clinic=clinic) if taken else sentence("guest.step.asked", clinic=clinic)
    yield taken, said, None
    done = facts.visits.done
    booked = judged.booking.day if judged.booking else None
    yield bool(done), sentence("guest.step.visit"), done[-1].day if done else booked
    yield told, sentence("guest.step.report", doctor=doctor), None
    yield told, sentence("guest.step.told"), _day(closing.told.at, zone) if told else None


def waiting(case: Case, judged: Clearance, clinic: Value, zone: tzinfo) -> Sentence:
    """What comes next where no visit is booked, in one sentence."""
    facts, stage = judged.facts, judged.facts.referral.stage
    if facts.closing.told.done:
        return sentence("guest.next.closed")
    if stage in _LOST or text(case.order, "status") in ("revoked", "entered-in-error"):
        return sentence("guest.next.ended")
    if facts.visits.done:
        return sentence("guest.next.after", day=facts.visits.done[-1].day)
    if stage == "draft":
        return sentence("guest.next.office")
    if stage == "declined":
        return sentence("guest.next.another")
    if stage in ("sent", "in-triage"):
        return sentence("guest.next.clinic", clinic=clinic)
    if stage == "awaiting-information":
        return sentence("guest.next.papers", clinic=clinic)
    if judged.gate("authorization").state not in ("met", "not-needed"):
        return sentence("guest.next.insurance")
    return sentence("guest.next.visit", clinic=clinic)


def approval(judged: Clearance) -> Sentence:
    """Whether the insurance has to agree, and has, in plain words. Never that it has where that is not known."""
    gate = judged.gate("authorization")
    if gate.rule == "authorization.self-pay":
        return sentence("guest.approval.self-pay")
    if gate.state == "not-needed":
        return sentence("guest.approval.none")
    if gate.state == "met":
        return sentence("guest.approval.given")
    return sentence("guest.approval.waits") if gate.state == "pending" else sentence("guest.approval.open")


def ahead(start: datetime, now: datetime, zone: tzinfo) -> Sentence:
    """How far off a visit is."""
    days = (local(start, zone) - local(now, zone)).days
    if days < 0:
        return sentence("guest.visit.over")
    if days < 2:
        return sentence("guest.visit.tomorrow") if days else sentence("guest.visit.today")
    return sentence("guest.visit.days", n=days)


def _day(at: datetime | None, zone: tzinfo) -> date | None:
    return local(at, zone) if at else None


def starts(appointment: dict[str, object], zone: tzinfo) -> datetime | None:
    """When a visit begins."""
    return moment(text(appointment, "start"), zone)
