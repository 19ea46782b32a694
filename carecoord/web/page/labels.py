"""The words of the desk: each code with what people call it, its tone and its icon. Colour never stands alone.

Tones: red and amber ask for somebody, blue and violet are under way, green is good, grey has ended or not begun;
quiet is a normal state, shown without a fill."""

from dataclasses import dataclass
from typing import Any

from carecoord.domain.access.payer_view import PayerRow
from carecoord.words.catalogue import in_words


@dataclass(frozen=True)
class Chip:
    """A state as it is shown."""

    label: str
    tone: str
    icon: str


REFERRAL = {
    "draft": Chip("Draft", "grey", icon="pencil"),
    "sent": Chip("Sent", "blue", icon="send"),
    "in-triage": Chip("In triage", "violet", icon="stethoscope"),
    "awaiting-information": Chip("Awaiting info", "amber", icon="file-question-mark"),
    "awaiting-authorization": Chip("Awaiting auth", "amber", icon="hourglass"),
    "advice-given": Chip("Advice given", "green", icon="message-square"),
    "accepted": Chip("Accepted", "blue", icon="circle-check"),
    "in-progress": Chip("In progress", "blue", icon="circle-dashed"),
    "contacting-patient": Chip("Contacting", "violet", icon="phone"),
    "waitlisted": Chip("Waitlisted", "grey", icon="clock"),
    "scheduled": Chip("Scheduled", "green", icon="calendar-check"),
    "no-show": Chip("No-show", "red", icon="calendar-x"),
    "appointment-cancelled": Chip("Visit cancelled", "amber", icon="calendar-x"),
    "visit-done": Chip("Awaiting note", "violet", icon="file-text"),
    "report-received": Chip("Report received", "green", icon="file-check"),
    "declined": Chip("Declined", "red", icon="circle-x"),
    "cancel-requested": Chip("Cancel asked", "amber", icon="circle-alert"),
    "cancelled": Chip("Cancelled", "grey", icon="ban"),
    "failed": Chip("Failed", "grey", icon="circle-x"),
    "error": Chip("Entered in error", "grey", icon="circle-x"),
}
AUTHORIZATION = {
    "not-required": Chip("Not required", "quiet", icon="circle-dashed"),
    "missing": Chip("Needed", "amber", icon="circle-alert"),
    "draft": Chip("Draft", "grey", icon="pencil"),
    "submitted": Chip("Submitted", "blue", icon="send"),
    "pended": Chip("Pended", "amber", icon="circle-question-mark"),
    "approved": Chip("Approved", "green", icon="badge-check"),
    "partly": Chip("Partly approved", "amber", icon="badge-check"),
    "expiring": Chip("Expiring", "amber", icon="triangle-alert"),
    "expired": Chip("Expired", "red", icon="calendar-x"),
    "denied": Chip("Denied", "red", icon="circle-x"),
    "unknown": Chip("Unknown", "grey", icon="circle-question-mark"),
}
CONTRACT = {
    "in-network": Chip("In network", "quiet", icon="check"),
    "expiring": Chip("Expiring", "amber", icon="triangle-alert"),
    "ended": Chip("Ended", "red", icon="calendar-x"),
    "ends-before": Chip("Ends before visit", "red", icon="calendar-x"),
    "awaited": Chip("Not signed yet", "amber", icon="hourglass"),
    "out-of-network": Chip("Out of network", "red", icon="ban"),
    "excluded": Chip("Excluded", "red", icon="ban"),
    "not-credentialed": Chip("Not credentialed", "amber", icon="hourglass"),
    "unknown": Chip("Unknown", "grey", icon="circle-question-mark"),
}
GATE = {
    "met": Chip("Met", "green", icon="circle-check"),
    "not-needed": Chip("Not needed", "quiet", icon="circle-dashed"),
    "pending": Chip("Waiting", "blue", icon="hourglass"),
    "open": Chip("To do", "amber", icon="circle-alert"),
    "blocked": Chip("Blocked", "red", icon="ban"),
    "unknown": Chip("Unknown", "grey", icon="circle-question-mark"),
}
GATES = {
    "coverage": Chip("Coverage", "", icon="id-card"),
    "authorization": Chip("Authorization", "", icon="shield-check"),
    "agreement": Chip("Contract", "", icon="file-pen-line"),
    "information": Chip("Information", "", icon="paperclip"),
    "appointment": Chip("Appointment", "", icon="calendar-days"),
    "loop": Chip("Loop closure", "", icon="repeat"),
}
LACKING = {  # what a row says of an unmet gate that has no column: (gate, state) -> words
    ("coverage", "pending"): "Eligibility awaited",
    ("coverage", "open"): "Coverage to verify",
    ("coverage", "blocked"): "Coverage problem",
    ("coverage", "unknown"): "Coverage unknown",
    ("information", "pending"): "Documents awaited",
    ("information", "open"): "Documents missing",
    ("information", "blocked"): "Documents problem",
    ("information", "unknown"): "Documents unknown",
    ("appointment", "pending"): "Visit awaited",
    ("appointment", "open"): "Visit to arrange",
    ("appointment", "blocked"): "Visit at risk",
    ("appointment", "unknown"): "Visit unclear",
}
PRIORITY = {
    "routine": Chip("Routine", "", icon="check"),
    "urgent": Chip("Urgent", "urgent", icon="triangle-alert"),
    "asap": Chip("ASAP", "urgent", icon="triangle-alert"),
    "stat": Chip("STAT", "stat", icon="triangle-alert"),
}
MOVE = {
    "coordinator": Chip("Coordinator", "", icon="users"),
    "clinician": Chip("Clinician", "", icon="stethoscope"),
    "payer": Chip("Payer", "", icon="shield-check"),
    "contracts": Chip("Contract desk", "", icon="file-pen-line"),
    "performer": Chip("Receiving clinic", "", icon="building-2"),
    "patient": Chip("Patient", "", icon="user-round"),
}
RESOURCES = {  # what people call a resource that a statement rests on; others are called by their FHIR name
    "Appointment": "Appointment",
    "Claim": "Authorization request",
    "ClaimResponse": "Payer's answer",
    "Communication": "Message",
    "CommunicationRequest": "Request for information",
    "Contract": "Agreement",
    "Coverage": "Insurance card",
    "CoverageEligibilityRequest": "Eligibility question",
    "CoverageEligibilityResponse": "Eligibility answer",
    "DiagnosticReport": "Report",
    "DocumentReference": "Document",
    "Encounter": "Visit record",
    "InsurancePlan": "Plan",
    "OrganizationAffiliation": "Network directory entry",
    "PlanDefinition": "Payer's rules",
    "QuestionnaireResponse": "Answered questionnaire",
    "ServiceRequest": "Referral order",
    "Task": "Referral task",
}
# The chips of the filter bar, in order: facet -> (its name, its words; None where they come from the data).
FACETS: dict[str, tuple[str, dict[str, Chip] | None]] = {
    "referral": ("Referral", REFERRAL),
    "authorization": ("Authorization", AUTHORIZATION),
    "contract": ("Contract", CONTRACT),
    "payer": ("Payer", None),
    "priority": ("Priority", PRIORITY),
    "owner": ("Owner", None),
    "move": ("Whose move", MOVE),
    "gate": ("Requirement", GATES),
}


def judged(state: Chip, gate: str) -> Chip:
    """A state beside its gate: what looks well but does not do for this visit must not look well."""
    unmet = gate not in ("met", "not-needed")
    return Chip(state.label, "amber", "triangle-alert") if unmet and state.tone in ("green", "quiet") else state


def authorized(row: Any) -> tuple[Chip, str]:
    """The authorization of a row and its note; a payer is told how it stands, not how it suits our visit."""
    state = chip(AUTHORIZATION, row.authorization_state)
    shown = state if isinstance(row, PayerRow) else judged(state, row.authorization_gate)
    return shown, in_words(row.authorization_note)


def contracted(row: Any) -> Chip:
    """The contract of a row."""
    state = chip(CONTRACT, row.agreement_state)
    return state if isinstance(row, PayerRow) else judged(state, row.agreement_gate)


def lacking(gate: str, state: str) -> str:
    """What is wanting where this gate is not met, in two words or three."""
    return LACKING.get((gate, state)) or f"{GATES[gate].label}: {chip(GATE, state).label.lower()}"


def chip(words: dict[str, Chip], code: str | None) -> Chip:
    """What a code is called; a code that nobody told us of is shown as it is."""
    return words.get(code or "unknown") or Chip(
        (code or "unknown").replace("-", " ").capitalize(), "grey", icon="circle-dashed"
    )
