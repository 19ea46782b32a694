"""Every rule by which a gate may speak, as one list: what is not here is no rule.

A rule's id is written out, so that it can be searched for, and so that a list of what somebody may see (payer_view) can
name it and be held against this one."""

from typing import Final

RULES: Final[dict[str, tuple[str, ...]]] = {  # gate -> its rules
    "coverage": (
        "coverage.none",
        "coverage.self-pay",
        "coverage.status",
        "coverage.dates",
        "coverage.ended",
        "coverage.later",
        "coverage.not-in-force",
        "coverage.excluded",
        "coverage.asked",
        "coverage.confirmed",
        "coverage.unclear",
        "coverage.benefit-period",
        "coverage.stale",
        "coverage.other-day",
        "coverage.by-period",
    ),
    "authorization": (
        "authorization.no-payer",
        "authorization.self-pay",
        "authorization.rule",
        "authorization.no-rule",
        "authorization.missing",
        "authorization.notify",
        "authorization.notified",
        "authorization.payer",
        "authorization.draft",
        "authorization.submitted",
        "authorization.pended",
        "authorization.contact",
        "authorization.error",
        "authorization.denied",
        "authorization.service",
        "authorization.unclear",
        "authorization.payer-says-none",
        "authorization.approved",
        "authorization.part-unclear",
        "authorization.performer",
        "authorization.site",
        "authorization.dates",
        "authorization.dates-unclear",
        "authorization.performer-unclear",
        "authorization.units",
        "authorization.unit-kind",
        "authorization.duration",
        "authorization.undated",
        "authorization.coverage",
        "authorization.card",
        "authorization.closed",
        "authorization.conflict",
    ),
    "agreement": (
        "agreement.self-pay",
        "agreement.no-performer",
        "agreement.no-payer",
        "agreement.plan",
        "agreement.silent",
        "agreement.network",
        "agreement.excluded",
        "agreement.excluded-in-part",
        "agreement.site",
        "agreement.specialty",
        "agreement.ended",
        "agreement.later",
        "agreement.contract",
        "agreement.suspended",
        "agreement.awaited",
        "agreement.unknown",
        "agreement.not-credentialed",
        "agreement.stale",
        "agreement.licence",
        "agreement.barred",
        "agreement.perhaps-barred",
        "agreement.locum",
        "agreement.in-network",
    ),
    "information": (
        "information.none",
        "information.attached",
        "information.failed",
        "information.unclear",
        "information.ready",
        "information.missing",
        "information.sent-for",
    ),
    "appointment": (
        "appointment.conflict",
        "appointment.done",
        "appointment.withdrawn",
        "appointment.to-call-off",
        "appointment.advice",
        "appointment.died",
        "appointment.lost",
        "appointment.booked",
        "appointment.after-approval",
        "appointment.before-approval",
        "appointment.after-agreement",
        "appointment.after-window",
        "appointment.before-window",
        "appointment.draft",
        "appointment.on-hold",
        "appointment.held",
        "appointment.waiting",
        "appointment.shut",
        "appointment.sent",
        "appointment.in-triage",
        "appointment.awaiting-information",
        "appointment.waitlisted",
        "appointment.cancel-requested",
        "appointment.patient-declines",
        "appointment.clinic-declines",
        "appointment.returned",
        "appointment.missed",
        "appointment.cancelled",
        "appointment.window-over",
        "appointment.none",
    ),
    "loop": (
        "loop.withdrawn",
        "loop.failed",
        "loop.acknowledge",
        "loop.tell",
        "loop.closed",
        "loop.visit-ahead",
        "loop.no-visit",
        "loop.report-awaited",
        "loop.report-late",
        "loop.visit-unexplained",
        "loop.conflict",
    ),
}
_BY_NAME: Final = {(gate, id.partition(".")[2]): id for gate, ids in RULES.items() for id in ids}
_GATES: Final = {id: gate for gate, ids in RULES.items() for id in ids}


def rule(gate: str, name: str) -> str:
    """The id of a gate's rule by its name within the gate. Raises LookupError for one that is not in the list."""
    if (gate, name) not in _BY_NAME:
        place = "carecoord/domain/gates/rules.py"
        raise LookupError(f"There is no rule {name!r} of the gate {gate!r}: write it into {place}.")
    return _BY_NAME[gate, name]


def gate_of(id: str) -> str:
    """The gate of a rule. Raises LookupError for one that is not in the list."""
    if id not in _GATES:
        rule(*id.partition(".")[::2])  # says so
    return _GATES[id]
