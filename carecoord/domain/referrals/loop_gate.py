"""The loop gate: the visit happened, the report came back, the clinician acknowledged it, the patient was told.

Referring is not done when the visit is: half of all loops are lost after it (referrals.md 5), so each step has its
clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from carecoord.domain.documents.audience import is_kept
from carecoord.domain.gates.gate import Action, Evidence, Gate
from carecoord.domain.gates.policy import Policy
from carecoord.domain.referrals.case import Case
from carecoord.domain.referrals.referral import Referral
from carecoord.domain.referrals.visits import Booking, Visit, Visits
from carecoord.domain.resource.codes import ACKNOWLEDGE, CONSULT_NOTE, TELL, has
from carecoord.domain.resource.days import moment, when
from carecoord.domain.resource.elements import Json, evidence, item, key, targets, text
from carecoord.words.sentence import because, dated, sentence

FINAL = {"final", "amended", "corrected", "appended"}


@dataclass(frozen=True, slots=True)
class Step:
    """A thing that has been done: when and by what evidence; `due` what its Task allows when it is still to do."""

    done: bool
    at: datetime | None
    due: datetime | None
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class Closing:
    """What followed the visit."""

    report: Step
    acknowledged: Step
    told: Step


def closing(case: Case, policy: Policy) -> Closing:
    """Read the report and the two Tasks that close the loop."""
    me, zone = key(case.order), policy.zone
    found: list[tuple[str, Evidence]] = []
    found += [
        (text(r, "issued") or text(r, "effectiveDateTime"), evidence(r, "status"))
        for r in case.reports
        if text(r, "status") in FINAL
    ]
    found += [
        (text(d, "date"), evidence(d, "type"))
        for d in case.documents
        if text(d, "status") == "current"
        and has(item(d, "type"), *CONSULT_NOTE)
        and not is_kept(d)
        and me in targets(item(d, "context"), "related")
    ]
    found.sort(key=lambda each: (when(each[0], zone), each[1].reference))
    report = Step(True, moment(found[0][0], zone), None, found[0][1]) if found else Step(False, None, None, None)
    return Closing(report, _child(case.tasks, ACKNOWLEDGE, policy), _child(case.tasks, TELL, policy))


def _child(tasks: Sequence[Json], code: tuple[str, str], policy: Policy) -> Step:
    mine = [
        t for t in tasks if has(item(t, "code"), *code) and text(t, "status") not in ("cancelled", "entered-in-error")
    ]
    done = next((t for t in mine if text(t, "status") == "completed"), None)
    task = done or (mine[0] if mine else None)
    if task is None:
        return Step(False, None, None, None)
    due = moment(text(item(item(task, "restriction"), "period"), "end"), policy.zone)
    return Step(done is not None, moment(text(task, "lastModified"), policy.zone), due, evidence(task, "status"))


def gate(referral: Referral, visits: Visits, closing: Closing, now: datetime, policy: Policy) -> Gate:
    """Judge how far the loop has come."""
    proof = tuple(step.evidence for step in (closing.report, closing.acknowledged, closing.told) if step.evidence)
    if closing.report.done:
        return _after_report(closing, proof, policy)
    if referral.withdrawn and not visits.done:
        said = sentence("loop.withdrawn")
        return Gate(rule="loop.withdrawn", state="not-needed", reason=said, evidence=(referral.evidence,))
    if referral.stage == "failed" and not visits.done:
        return Gate(
            rule="loop.failed",
            state="blocked",
            reason=sentence("loop.failed", why=because(referral.stage_reason)),
            evidence=(referral.stage_evidence,),
            action=Action("close-referral", sentence("do.close-referral")),
            who="coordinator",
        )
    return _before_report(referral, visits, now, policy)


def _after_report(closing: Closing, proof: tuple[Evidence, ...], policy: Policy) -> Gate:
    at = closing.report.at
    if not closing.acknowledged.done:
        return Gate(
            rule="loop.acknowledge",
            state="open",
            reason=sentence("loop.acknowledge"),
            evidence=proof,
            action=Action("acknowledge-report", sentence("do.acknowledge-report")),
            who="clinician",
            due=closing.acknowledged.due or (policy.after(at, "acknowledge-report") if at else None),
            due_label=sentence("due.acknowledge-report"),
            since=at,
        )
    if not closing.told.done:
        return Gate(
            rule="loop.tell",
            state="open",
            reason=sentence("loop.tell"),
            evidence=proof,
            action=Action("tell-patient", sentence("do.tell-patient")),
            who="coordinator",
            due=closing.told.due or (policy.after(at, "tell-patient") if at else None),
            due_label=sentence("due.tell-patient"),
            since=at,
        )
    return Gate(rule="loop.closed", state="met", reason=sentence("loop.closed"), evidence=proof)


def _before_report(referral: Referral, visits: Visits, now: datetime, policy: Policy) -> Gate:
    ahead, late = visits.ahead(now, policy), visits.unexplained(now, policy)
    if ahead:
        return Gate(
            rule="loop.visit-ahead",
            state="pending",
            reason=sentence("loop.visit-ahead", day=dated(ahead[0].day)),
            evidence=(ahead[0].evidence,),
            who="performer",
            due=ahead[0].start,
            due_label=sentence("due.visit"),
        )
    if visits.done and not late:
        return _seen(visits.done[-1], referral, now, policy)
    if late and late[-1].start:
        return _unexplained(late[-1], late[-1].start, policy)
    said = sentence("loop.no-visit")
    return Gate(rule="loop.no-visit", state="pending", reason=said, evidence=(referral.evidence,), who="performer")


def _seen(last: Visit, referral: Referral, now: datetime, policy: Policy) -> Gate:
    """The patient was seen; the performer owes the report, and when it is late we ask for it."""
    late = policy.after(last.at, "report")
    owed = partial(
        Gate,
        evidence=(last.evidence,),
        due=late,
        due_label=sentence("due.report"),
        since=last.at,
    )
    if late > now:
        wait = Action("await-report", sentence("do.await-report"))
        said = sentence("loop.report-awaited", day=dated(last.day))
        return owed(rule="loop.report-awaited", state="pending", reason=said, action=wait, who="performer")
    who = referral.performer.named if referral.performer else sentence("performer.unnamed")
    chase = Action("chase-report", sentence("do.chase-report", who=who))
    said = sentence("loop.report-late", day=dated(last.day))
    return owed(rule="loop.report-late", state="open", reason=said, action=chase, who="coordinator")


def _unexplained(booked: Booking, start: datetime, policy: Policy) -> Gate:
    return Gate(
        rule="loop.visit-unexplained",
        state="unknown",
        reason=sentence("loop.visit-unexplained", day=dated(booked.day)),
        evidence=(booked.evidence,),
        action=Action("confirm-visit", sentence("do.confirm-visit")),
        who="coordinator",
        due=policy.after(start, "confirm"),
        due_label=sentence("due.confirm-visit"),
        since=start,
    )
