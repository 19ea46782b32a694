"""The words of the desk: each code with what people call it, its tone and its icon. Colour never stands alone.

Tones: red and amber ask for somebody, blue and violet are under way, green is good, grey has ended or not begun;
quiet is a normal state, shown without a fill."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from carecoord.domain.access.payer_view import PayerRow
from carecoord.words.catalogue import in_words, say
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import Sentence, sentence


@dataclass(frozen=True)
class Chip:
    """A state as it is shown. `called`: the sentence that names it, or the words of others."""

    called: Sentence | str
    tone: str
    icon: str

    @property
    def label(self) -> str:
        """What it is called, in the words of whoever reads."""
        return say(self.called)


REFERRAL = {
    "draft": Chip(sentence("labels.referral.draft"), "grey", icon="pencil"),
    "sent": Chip(sentence("labels.referral.sent"), "blue", icon="send"),
    "in-triage": Chip(sentence("labels.referral.in-triage"), "violet", icon="stethoscope"),
    "awaiting-information": Chip(sentence("labels.referral.awaiting-information"), "amber", icon="file-question-mark"),
    "awaiting-authorization": Chip(sentence("labels.referral.awaiting-authorization"), "amber", icon="hourglass"),
    "advice-given": Chip(sentence("labels.referral.advice-given"), "green", icon="message-square"),
    "accepted": Chip(sentence("labels.referral.accepted"), "blue", icon="circle-check"),
    "in-progress": Chip(sentence("labels.referral.in-progress"), "blue", icon="circle-dashed"),
    "contacting-patient": Chip(sentence("labels.referral.contacting-patient"), "violet", icon="phone"),
    "waitlisted": Chip(sentence("labels.referral.waitlisted"), "grey", icon="clock"),
    "scheduled": Chip(sentence("labels.referral.scheduled"), "green", icon="calendar-check"),
    "no-show": Chip(sentence("labels.referral.no-show"), "red", icon="calendar-x"),
    "appointment-cancelled": Chip(sentence("labels.referral.appointment-cancelled"), "amber", icon="calendar-x"),
    "visit-done": Chip(sentence("labels.referral.visit-done"), "violet", icon="file-text"),
    "report-received": Chip(sentence("labels.referral.report-received"), "green", icon="file-check"),
    "declined": Chip(sentence("labels.referral.declined"), "red", icon="circle-x"),
    "cancel-requested": Chip(sentence("labels.referral.cancel-requested"), "amber", icon="circle-alert"),
    "cancelled": Chip(sentence("labels.referral.cancelled"), "grey", icon="ban"),
    "failed": Chip(sentence("labels.referral.failed"), "grey", icon="circle-x"),
    "error": Chip(sentence("labels.referral.error"), "grey", icon="circle-x"),
}
AUTHORIZATION = {
    "not-required": Chip(sentence("labels.authorization.not-required"), "quiet", icon="circle-dashed"),
    "missing": Chip(sentence("labels.authorization.missing"), "amber", icon="circle-alert"),
    "draft": Chip(sentence("labels.authorization.draft"), "grey", icon="pencil"),
    "submitted": Chip(sentence("labels.authorization.submitted"), "blue", icon="send"),
    "pended": Chip(sentence("labels.authorization.pended"), "amber", icon="circle-question-mark"),
    "approved": Chip(sentence("labels.authorization.approved"), "green", icon="badge-check"),
    "partly": Chip(sentence("labels.authorization.partly"), "amber", icon="badge-check"),
    "expiring": Chip(sentence("labels.authorization.expiring"), "amber", icon="triangle-alert"),
    "expired": Chip(sentence("labels.authorization.expired"), "red", icon="calendar-x"),
    "denied": Chip(sentence("labels.authorization.denied"), "red", icon="circle-x"),
    "unknown": Chip(sentence("labels.authorization.unknown"), "grey", icon="circle-question-mark"),
}
CONTRACT = {
    "in-network": Chip(sentence("labels.contract.in-network"), "quiet", icon="check"),
    "expiring": Chip(sentence("labels.contract.expiring"), "amber", icon="triangle-alert"),
    "ended": Chip(sentence("labels.contract.ended"), "red", icon="calendar-x"),
    "ends-before": Chip(sentence("labels.contract.ends-before"), "red", icon="calendar-x"),
    "awaited": Chip(sentence("labels.contract.awaited"), "amber", icon="hourglass"),
    "out-of-network": Chip(sentence("labels.contract.out-of-network"), "red", icon="ban"),
    "excluded": Chip(sentence("labels.contract.excluded"), "red", icon="ban"),
    "not-credentialed": Chip(sentence("labels.contract.not-credentialed"), "amber", icon="hourglass"),
    "unknown": Chip(sentence("labels.contract.unknown"), "grey", icon="circle-question-mark"),
}
GATE = {
    "met": Chip(sentence("labels.gate.met"), "green", icon="circle-check"),
    "not-needed": Chip(sentence("labels.gate.not-needed"), "quiet", icon="circle-dashed"),
    "pending": Chip(sentence("labels.gate.pending"), "blue", icon="hourglass"),
    "open": Chip(sentence("labels.gate.open"), "amber", icon="circle-alert"),
    "blocked": Chip(sentence("labels.gate.blocked"), "red", icon="ban"),
    "unknown": Chip(sentence("labels.gate.unknown"), "grey", icon="circle-question-mark"),
}
GATES = {
    "coverage": Chip(sentence("labels.gates.coverage"), "", icon="id-card"),
    "authorization": Chip(sentence("labels.gates.authorization"), "", icon="shield-check"),
    "agreement": Chip(sentence("labels.gates.agreement"), "", icon="file-pen-line"),
    "information": Chip(sentence("labels.gates.information"), "", icon="paperclip"),
    "appointment": Chip(sentence("labels.gates.appointment"), "", icon="calendar-days"),
    "loop": Chip(sentence("labels.gates.loop"), "", icon="repeat"),
}
ROLES: Mapping[str, str] = Glossary(
    {
        "coordinator": sentence("labels.roles.coordinator"),
        "clinician": sentence("labels.roles.clinician"),
        "supervisor": sentence("labels.roles.supervisor"),
        "payer": sentence("labels.roles.payer"),
        "medical-director": sentence("labels.roles.medical-director"),
        "contracts": sentence("labels.roles.contracts"),
        "auditor": sentence("labels.roles.auditor"),
        "admin": sentence("labels.roles.admin"),
    }
)
LACKING: Mapping[tuple[str, str], str] = Glossary(
    {  # what a row says of an unmet gate that has no column: (gate, state) -> words
        ("coverage", "pending"): sentence("labels.lacking.coverage-pending"),
        ("coverage", "open"): sentence("labels.lacking.coverage-open"),
        ("coverage", "blocked"): sentence("labels.lacking.coverage-blocked"),
        ("coverage", "unknown"): sentence("labels.lacking.coverage-unknown"),
        ("information", "pending"): sentence("labels.lacking.information-pending"),
        ("information", "open"): sentence("labels.lacking.information-open"),
        ("information", "blocked"): sentence("labels.lacking.information-blocked"),
        ("information", "unknown"): sentence("labels.lacking.information-unknown"),
        ("appointment", "pending"): sentence("labels.lacking.appointment-pending"),
        ("appointment", "open"): sentence("labels.lacking.appointment-open"),
        ("appointment", "blocked"): sentence("labels.lacking.appointment-blocked"),
        ("appointment", "unknown"): sentence("labels.lacking.appointment-unknown"),
    }
)
PRIORITY = {
    "routine": Chip(sentence("labels.priority.routine"), "", icon="check"),
    "urgent": Chip(sentence("labels.priority.urgent"), "urgent", icon="triangle-alert"),
    "asap": Chip(sentence("labels.priority.asap"), "urgent", icon="triangle-alert"),
    "stat": Chip(sentence("labels.priority.stat"), "stat", icon="triangle-alert"),
}
MOVE = {
    "coordinator": Chip(sentence("labels.move.coordinator"), "", icon="users"),
    "clinician": Chip(sentence("labels.move.clinician"), "", icon="stethoscope"),
    "payer": Chip(sentence("labels.move.payer"), "", icon="shield-check"),
    "contracts": Chip(sentence("labels.move.contracts"), "", icon="file-pen-line"),
    "performer": Chip(sentence("labels.move.performer"), "", icon="building-2"),
    "patient": Chip(sentence("labels.move.patient"), "", icon="user-round"),
}
RESOURCES: Mapping[str, str] = Glossary(
    {  # what people call a resource that a statement rests on; others are called by their FHIR name
        "Appointment": sentence("labels.resources.Appointment"),
        "Claim": sentence("labels.resources.Claim"),
        "ClaimResponse": sentence("labels.resources.ClaimResponse"),
        "Communication": sentence("labels.resources.Communication"),
        "CommunicationRequest": sentence("labels.resources.CommunicationRequest"),
        "Contract": sentence("labels.resources.Contract"),
        "Coverage": sentence("labels.resources.Coverage"),
        "CoverageEligibilityRequest": sentence("labels.resources.CoverageEligibilityRequest"),
        "CoverageEligibilityResponse": sentence("labels.resources.CoverageEligibilityResponse"),
        "DiagnosticReport": sentence("labels.resources.DiagnosticReport"),
        "DocumentReference": sentence("labels.resources.DocumentReference"),
        "Encounter": sentence("labels.resources.Encounter"),
        "InsurancePlan": sentence("labels.resources.InsurancePlan"),
        "OrganizationAffiliation": sentence("labels.resources.OrganizationAffiliation"),
        "PlanDefinition": sentence("labels.resources.PlanDefinition"),
        "QuestionnaireResponse": sentence("labels.resources.QuestionnaireResponse"),
        "ServiceRequest": sentence("labels.resources.ServiceRequest"),
        "Task": sentence("labels.resources.Task"),
    }
)
# The chips of the filter bar, in order: facet -> (its name, its words; None where they come from the data).
FACETS: Mapping[str, tuple[str, Mapping[str, Chip] | None]] = Glossary(
    {
        "referral": (sentence("labels.facets.referral"), REFERRAL),
        "authorization": (sentence("labels.facets.authorization"), AUTHORIZATION),
        "contract": (sentence("labels.facets.contract"), CONTRACT),
        "payer": (sentence("labels.facets.payer"), None),
        "priority": (sentence("labels.facets.priority"), PRIORITY),
        "owner": (sentence("labels.facets.owner"), None),
        "move": (sentence("labels.facets.move"), MOVE),
        "gate": (sentence("labels.facets.gate"), GATES),
    }
)


def roles_called(roles: Iterable[str]) -> str:
    """What somebody is here, each role by its name."""
    return ", ".join(ROLES.get(role, role) for role in sorted(roles))


def judged(state: Chip, gate: str) -> Chip:
    """A state beside its gate: what looks well but does not do for this visit must not look well."""
    unmet = gate not in ("met", "not-needed")
    return Chip(state.called, "amber", "triangle-alert") if unmet and state.tone in ("green", "quiet") else state


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
