"""What the measures are called, what they count and what they leave out: sentences by name."""

from collections.abc import Mapping
from typing import Final

from carecoord.domain.measures.definitions import Name, Unit
from carecoord.words.sentence import Sentence, sentence

Words = tuple[Sentence, Sentence, Sentence]  # its name; how it is counted; what is not counted

MEASURES: Final[Mapping[Name, Words]] = {
    "closed-loop": (
        sentence("measure.closed-loop"),
        sentence("measure.closed-loop.how"),
        sentence("measure.closed-loop.excluded"),
    ),
    "referral-to-visit": (
        sentence("measure.referral-to-visit"),
        sentence("measure.referral-to-visit.how"),
        sentence("measure.referral-to-visit.excluded"),
    ),
    "first-answer": (
        sentence("measure.first-answer"),
        sentence("measure.first-answer.how"),
        sentence("measure.first-answer.excluded"),
    ),
    "third-next-free": (
        sentence("measure.third-next-free"),
        sentence("measure.third-next-free.how"),
        sentence("measure.third-next-free.excluded"),
    ),
    "no-show": (
        sentence("measure.no-show"),
        sentence("measure.no-show.how"),
        sentence("measure.no-show.excluded"),
    ),
    "out-of-network": (
        sentence("measure.out-of-network"),
        sentence("measure.out-of-network.how"),
        sentence("measure.out-of-network.excluded"),
    ),
    "declined": (
        sentence("measure.declined"),
        sentence("measure.declined.how"),
        sentence("measure.declined.excluded"),
    ),
    "visit-to-report": (
        sentence("measure.visit-to-report"),
        sentence("measure.visit-to-report.how"),
        sentence("measure.visit-to-report.excluded"),
    ),
    "approved-first": (
        sentence("measure.approved-first"),
        sentence("measure.approved-first.how"),
        sentence("measure.approved-first.excluded"),
    ),
    "denied": (
        sentence("measure.denied"),
        sentence("measure.denied.how"),
        sentence("measure.denied.excluded"),
    ),
    "authorization-turnaround": (
        sentence("measure.authorization-turnaround"),
        sentence("measure.authorization-turnaround.how"),
        sentence("measure.authorization-turnaround.excluded"),
    ),
    "inside-clock": (
        sentence("measure.inside-clock"),
        sentence("measure.inside-clock.how"),
        sentence("measure.inside-clock.excluded"),
    ),
    "touches": (
        sentence("measure.touches"),
        sentence("measure.touches.how"),
        sentence("measure.touches.excluded"),
    ),
    "report-returned": (
        sentence("measure.report-returned"),
        sentence("measure.report-returned.how"),
        sentence("measure.report-returned.excluded"),
    ),
    "answer-to-contact": (
        sentence("measure.answer-to-contact"),
        sentence("measure.answer-to-contact.how"),
        sentence("measure.answer-to-contact.excluded"),
    ),
    "answer-to-booking": (
        sentence("measure.answer-to-booking"),
        sentence("measure.answer-to-booking.how"),
        sentence("measure.answer-to-booking.excluded"),
    ),
    "booking-to-visit": (
        sentence("measure.booking-to-visit"),
        sentence("measure.booking-to-visit.how"),
        sentence("measure.booking-to-visit.excluded"),
    ),
    "authorization-turnaround-expedited": (
        sentence("measure.authorization-turnaround-expedited"),
        sentence("measure.authorization-turnaround-expedited.how"),
        sentence("measure.authorization-turnaround-expedited.excluded"),
    ),
}  # fmt: skip
UNITS: Final[Mapping[Unit, Sentence]] = {
    "percent": sentence("measures.percent"),
    "days": sentence("measures.unit.days"),
    "hours": sentence("measures.unit.hours"),
    "times": sentence("measures.unit.times"),
}
FACETS: Final[Mapping[str, Sentence]] = {
    "specialty": sentence("measures.facet.specialty"),
    "clinic": sentence("measures.facet.clinic"),
    "payer": sentence("measures.facet.payer"),
    "coordinator": sentence("measures.facet.coordinator"),
    "urgency": sentence("measures.facet.urgency"),
}
STEPS: Final[Mapping[str, Sentence]] = {
    "acknowledge": sentence("measures.step.acknowledge"),
    "triage": sentence("measures.step.triage"),
    "book": sentence("measures.step.book"),
    "report": sentence("measures.step.report"),
    "acknowledge-report": sentence("measures.step.acknowledge-report"),
    "tell-patient": sentence("measures.step.tell-patient"),
}
