"""The loop gate: the visit happened, the report came back, the clinician acknowledged it, the patient was told.

Referring is not done when the visit is: half of all loops are lost after it (referrals.md 5), so each step has its
clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from carecoord.domain.gates.gate import Action, Evidence, Gate, GateState
from carecoord.domain.gates.policy import Policy
from carecoord.domain.gates.rules import rule as rule_id
from carecoord.domain.referrals.case import Case
from carecoord.domain.referrals.referral import Referral
from carecoord.domain.referrals.visits import Booking, Visit, Visits
from carecoord.domain.resource.codes import ACKNOWLEDGE, CONSULT_NOTE, TELL, has
from carecoord.domain.resource.days import moment, when
from carecoord.domain.resource.elements import Json, evidence, item, key, targets, text
from carecoord.words.sentence import Sentence, because, dated, sentence

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
        return _gate("not-needed", sentence("loop.withdrawn"), "withdrawn", (referral.evidence,))
    if referral.stage == "failed" and not visits.done:
        return _gate(
            "blocked",
            sentence("loop.failed", why=because(referral.stage_reason)),
            "failed",
            (referral.stage_evidence,),
            Action("close-referral", "Tell the clinician and close"),
            "coordinator",
        )
    return _before_report(referral, visits, now, policy)


def _gate(
    state: GateState,
    reason: Sentence,
    rule: str,
    proof: tuple[Evidence, ...],
    action: Action | None = None,
    who: str | None = None,
    due: datetime | None = None,
    label: str | None = None,
    since: datetime | None = None,
) -> Gate:
    return Gate("loop", state, reason, rule_id("loop", rule), proof, action, who, due, label, since)


def _after_report(closing: Closing, proof: tuple[Evidence, ...], policy: Policy) -> Gate:
    at = closing.report.at
    if not closing.acknowledged.done:
        due = closing.acknowledged.due or (at + policy.acknowledge_report if at else None)
        return _gate(
            "open",
            sentence("loop.acknowledge"),
            "acknowledge",
            proof,
            Action("acknowledge-report", "Acknowledge the report"),
            "clinician",
            due,
            "Acknowledge report",
            at,
        )
    if not closing.told.done:
        due = closing.told.due or (at + policy.tell_patient if at else None)
        return _gate(
            "open",
            sentence("loop.tell"),
            "tell",
            proof,
            Action("tell-patient", "Tell the patient"),
            "coordinator",
            due,
            "Tell patient",
            at,
        )
    return _gate("met", sentence("loop.closed"), "closed", proof)


def _before_report(referral: Referral, visits: Visits, now: datetime, policy: Policy) -> Gate:
    ahead, late = visits.ahead(now, policy), visits.unexplained(now, policy)
    if ahead:
        proof, said = (ahead[0].evidence,), sentence("loop.visit-ahead", day=dated(ahead[0].day))
        return _gate("pending", said, "visit-ahead", proof, None, "performer", ahead[0].start, "Visit")
    if visits.done and not late:
        return _seen(visits.done[-1], referral, now, policy)
    if late and late[-1].start:
        return _unexplained(late[-1], late[-1].start, policy)
    return _gate("pending", sentence("loop.no-visit"), "no-visit", (referral.evidence,), None, "performer")


def _seen(last: Visit, referral: Referral, now: datetime, policy: Policy) -> Gate:
    """The patient was seen; the performer owes the report, and when it is late we ask for it."""
    due, label, proof = last.at + policy.report, "Consult note", (last.evidence,)
    if due > now:
        wait = Action("await-report", "Wait for the report")
        said = sentence("loop.report-awaited", day=dated(last.day))
        return _gate("pending", said, "report-awaited", proof, wait, "performer", due, label, last.at)
    who = referral.performer.name if referral.performer else "the performer"
    chase = Action("chase-report", f"Ask {who} for the report")
    said = sentence("loop.report-late", day=dated(last.day))
    return _gate("open", said, "report-late", proof, chase, "coordinator", due, label, last.at)


def _unexplained(booked: Booking, start: datetime, policy: Policy) -> Gate:
    said = sentence("loop.visit-unexplained", day=dated(booked.day))
    ask, due, proof = Action("confirm-visit", "Ask whether it took place"), start + policy.confirm, (booked.evidence,)
    return _gate("unknown", said, "visit-unexplained", proof, ask, "coordinator", due, "Confirm visit", start)
