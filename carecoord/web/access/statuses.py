"""What the statuses of records are called, by FHIR's codes of its several value sets: none means two things."""

from collections.abc import Mapping
from typing import Final

from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

STATUSES: Final[Mapping[str, str]] = Glossary(
    {
        "active": sentence("chart.status.active"),
        "inactive": sentence("chart.status.inactive"),
        "resolved": sentence("chart.status.resolved"),
        "recurrence": sentence("chart.status.recurrence"),
        "relapse": sentence("chart.status.relapse"),
        "remission": sentence("chart.status.remission"),
        "completed": sentence("chart.status.completed"),
        "stopped": sentence("chart.status.stopped"),
        "on-hold": sentence("chart.status.on-hold"),
        "cancelled": sentence("chart.status.cancelled"),
        "draft": sentence("chart.status.draft"),
        "unknown": sentence("chart.status.unknown"),
        "registered": sentence("chart.status.registered"),
        "preliminary": sentence("chart.status.preliminary"),
        "partial": sentence("chart.status.partial"),
        "final": sentence("chart.status.final"),
        "amended": sentence("chart.status.amended"),
        "corrected": sentence("chart.status.corrected"),
        "appended": sentence("chart.status.appended"),
        "entered-in-error": sentence("chart.status.entered-in-error"),
        "current": sentence("chart.status.current"),
        "superseded": sentence("chart.status.superseded"),
        "proposed": sentence("chart.status.proposed"),
        "pending": sentence("chart.status.pending"),
        "booked": sentence("chart.status.booked"),
        "arrived": sentence("chart.status.arrived"),
        "checked-in": sentence("chart.status.checked-in"),
        "fulfilled": sentence("chart.status.fulfilled"),
        "noshow": sentence("chart.status.noshow"),
        "waitlist": sentence("chart.status.waitlist"),
        "planned": sentence("chart.status.planned"),
        "triaged": sentence("chart.status.triaged"),
        "in-progress": sentence("chart.status.in-progress"),
        "onleave": sentence("chart.status.onleave"),
        "finished": sentence("chart.status.finished"),
        "not-done": sentence("chart.status.not-done"),
        "revoked": sentence("chart.status.revoked"),
        "health-unknown": sentence("chart.status.health-unknown"),
        "intended": sentence("chart.status.intended"),
        "not-taken": sentence("chart.status.not-taken"),
        "unconfirmed": sentence("chart.status.unconfirmed"),
        "provisional": sentence("chart.status.provisional"),
        "differential": sentence("chart.status.differential"),
        "confirmed": sentence("chart.status.confirmed"),
        "refuted": sentence("chart.status.refuted"),
        "mild": sentence("chart.status.mild"),
        "moderate": sentence("chart.status.moderate"),
        "severe": sentence("chart.status.severe"),
    }
)
