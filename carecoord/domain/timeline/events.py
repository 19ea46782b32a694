"""What each resource of a case says has happened, as one event or a few, in words. Pure, and inventing nothing: what no
resource dates is no event."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final, Literal

from carecoord.domain.agreements.versions import number_of
from carecoord.domain.prior_auth.review_action import decided, overall, reviews
from carecoord.domain.referrals import stages
from carecoord.domain.referrals.case import Case
from carecoord.domain.referrals.stages import Stage
from carecoord.domain.referrals.visits import clinic, zone_of
from carecoord.domain.resource.codes import (
    ACKNOWLEDGE,
    EXTENSION,
    FORM_WANTED,
    OBTAIN_PAPER,
    PAPER_WANTED,
    TELL,
    has,
)
from carecoord.domain.resource.days import clock, first, moment
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, key, target, text, words
from carecoord.domain.resource.parties import Directory, party
from carecoord.words.sentence import Sentence, Value, dated, sentence

Told = Callable[[Value], Sentence]
COURSE: Final[dict[Stage, Told]] = {  # stage -> what happened when the Task came there, by the performer's name
    "sent": lambda who: sentence("event.sent", who=who),
    "in-triage": lambda who: sentence("event.in-triage", who=who),
    "accepted": lambda who: sentence("event.accepted", who=who),
    "awaiting-information": lambda who: sentence("event.awaiting-information", who=who),
    "awaiting-authorization": lambda who: sentence("event.awaiting-authorization"),
    "contacting-patient": lambda who: sentence("event.contacting-patient"),
    "waitlisted": lambda who: sentence("event.waitlisted", who=who),
    "scheduled": lambda who: sentence("event.scheduled", who=who),
    "no-show": lambda who: sentence("event.no-show"),
    "appointment-cancelled": lambda who: sentence("event.appointment-cancelled"),
    "visit-done": lambda who: sentence("event.visit-done", who=who),
    "report-received": lambda who: sentence("event.report-received", who=who),
    "advice-given": lambda who: sentence("event.advice-given", who=who),
    "declined": lambda who: sentence("event.declined", who=who),
    "cancel-requested": lambda who: sentence("event.cancel-requested", who=who),
    "cancelled": lambda who: sentence("event.cancelled"),
    "failed": lambda who: sentence("event.failed"),
}
DECIDED: Final[dict[str, Told]] = {  # what a payer decided -> that it did
    "approved": lambda who: sentence("event.approved", who=who),
    "partly": lambda who: sentence("event.partly", who=who),
    "modified": lambda who: sentence("event.modified", who=who),
    "denied": lambda who: sentence("event.denied", who=who),
    "pended": lambda who: sentence("event.pended", who=who),
    "contact": lambda who: sentence("event.contact", who=who),
    "not-required": lambda who: sentence("event.not-required", who=who),
    "cancelled": lambda who: sentence("event.closed", who=who),
}
ARRIVED: Final[dict[str, Told]] = {  # Appointment.status -> what happened to the visit of a day
    "booked": lambda day: sentence("event.visit.booked", day=day),
    "pending": lambda day: sentence("event.visit.pending", day=day),
    "waitlist": lambda day: sentence("event.visit.waitlist"),
    "fulfilled": lambda day: sentence("event.visit.fulfilled", day=day),
    "noshow": lambda day: sentence("event.visit.noshow", day=day),
    "cancelled": lambda day: sentence("event.visit.cancelled", day=day),
    "arrived": lambda day: sentence("event.visit.arrived", day=day),
    "proposed": lambda day: sentence("event.visit.proposed", day=day),
    "checked-in": lambda day: sentence("event.visit.checked-in", day=day),
}
TALKS: Final[dict[str, Told]] = {  # Communication.medium -> what went to whom
    "phone": lambda to: sentence("event.talk.phone", to=to),
    "emailwrit": lambda to: sentence("event.talk", to=to),
    "smswrit": lambda to: sentence("event.talk.sms", to=to),
    "faxwrit": lambda to: sentence("event.talk.fax", to=to),
    "mailwrit": lambda to: sentence("event.talk.mail", to=to),
}

EventKind = Literal["order", "stage", "authorization", "coverage", "agreement", "visit", "talk", "document"]


@dataclass(frozen=True, slots=True)
class Event:
    """`state`: the code behind it. `what`: a sentence, or the words of the resource itself; `details` stand beside
    it."""

    at: datetime
    kind: EventKind
    state: str
    what: Value
    details: tuple[Value, ...]
    reference: str


@dataclass(frozen=True)
class Teller:
    """Turns the resources of one case into events, with the names that people know."""

    case: Case
    known: Directory
    zone: tzinfo

    def event(
        self, about: Json, at: str, *, kind: EventKind, state: str, what: Value, details: Iterable[Value] = ()
    ) -> Iterator[Event]:
        """One event, or none when nobody says when it was."""
        when = moment(at, self.zone)
        if when is not None:
            yield Event(when, kind, state, what, tuple(each for each in details if each), key(about))

    def name(self, reference: Json, otherwise: Value) -> Value:
        role = next((each for each in self.case.roles if key(each) == target(reference)), None)
        found = party(item(role, "practitioner") or item(role, "organization") if role else reference, self.known)
        return (found.name if found else "") or text(reference, "display") or otherwise

    def order(self) -> Iterator[Event]:
        order = self.case.order
        sender = self.name(item(order, "requester"), "")
        by = [sentence("event.by", who=sender)] if sender else []
        what = sentence("event.written")
        yield from self.event(
            order, text(order, "authoredOn"), kind="order", state=text(order, "status"), what=what, details=by
        )

    def task(self, versions: Sequence[Json]) -> Iterator[Event]:
        """The course of one coordinating Task: when it was made, and each change of stage that a version shows."""
        newest = versions[0]
        who = self.name(item(newest, "owner"), sentence("clinic.receiving"))
        yield from self.event(newest, text(newest, "authoredOn"), kind="stage", state="sent", what=COURSE["sent"](who))
        last: Stage = "sent"
        for each in reversed(versions):
            stage = stages.stage(each)
            if stage != last and stage in COURSE:
                why, what = words(item(each, "statusReason")), COURSE[stage](who)
                at = text(each, "lastModified")
                yield from self.event(each, at, kind="stage", state=stage, what=what, details=[why])
            last = stage

    def errand(self, task: Json) -> Iterator[Event]:
        """A Task beside the course: a paper that is wanted, the report acknowledged, the patient told."""
        code, done = item(task, "code"), task.get("status") == "completed"
        named = (
            words(item(each, "valueCodeableConcept")) or text(each, "valueString") for each in items(task, "input")
        )
        papers: Value = tuple(each for each in named if each) or sentence("papers.any")
        said: dict[tuple[str, str], tuple[Sentence | None, Sentence]] = {
            ACKNOWLEDGE: (None, sentence("event.acknowledged")),
            TELL: (None, sentence("event.told")),
            PAPER_WANTED: (sentence("event.paper-wanted", papers=papers), sentence("event.paper-sent", papers=papers)),
            FORM_WANTED: (sentence("event.form-wanted"), sentence("event.form-sent")),
            OBTAIN_PAPER: (sentence("event.asked-for", papers=papers), sentence("event.received", papers=papers)),
        }
        asked, answered = next((both for each, both in said.items() if has(code, *each)), (None, None))
        if asked:
            yield from self.event(task, text(task, "authoredOn"), kind="document", state="asked", what=asked)
        if answered and done:
            # a Task that does not say when it was done says at least when it was written
            at = text(task, "lastModified") or ("" if asked else text(task, "authoredOn"))
            yield from self.event(task, at, kind="document", state="done", what=answered)

    def claim(self, claim: Json) -> Iterator[Event]:
        fast = code_of(item(claim, "priority")) == "stat"
        drafted = claim.get("status") == "draft"
        services = tuple(
            dict.fromkeys(filter(None, (words(item(i, "productOrService")) for i in items(claim, "item"))))
        )
        what = sentence("event.submitted.expedited") if fast else sentence("event.submitted")
        if drafted:
            what = sentence("event.drafted")
        state = "draft" if drafted else "submitted"
        at = text(claim, "created")
        yield from self.event(claim, at, kind="authorization", state=state, what=what, details=[services])

    def answer(self, answer: Json) -> Iterator[Event]:
        """The payer's answer: the decision on the first line that has one, its number and its reason."""
        who = self.name(item(answer, "insurer"), sentence("role.payer"))
        answered = (*items(answer, "item"), *items(answer, "addItem"))
        states = (decided(answer, line) for line in answered)
        state = next((each for each in states if each != "unclear"), overall(answer) if not answered else "unclear")
        said = [each for part in (*answered, answer) for each in reviews(part)]
        numbers = [text(extension(each, "number"), "valueString") for each in said]
        number = next((each for each in (*numbers, text(answer, "preAuthRef")) if each), "")
        reasons = [words(item(extension(each, "reasonCode"), "valueCodeableConcept")) for each in said]
        why = next((each for each in (*reasons, text(answer, "disposition")) if each), "")
        what = DECIDED[state](who) if state in DECIDED else sentence("event.answered", who=who)
        details = [sentence("event.number", number=number) if number else "", why]
        at = text(answer, "created")
        yield from self.event(answer, at, kind="authorization", state=state, what=what, details=details)

    def visit(self, appointment: Json) -> Iterator[Event]:
        status, start = text(appointment, "status"), text(appointment, "start")
        zone = zone_of(clinic(appointment, self.known), self.zone)
        begins = moment(start, zone)
        day = dated(first(start, zone)) if begins else sentence("visit.day-unknown")
        place = next(
            (
                name
                for each in items(appointment, "participant")
                if target(item(each, "actor")).startswith("Location/") and (name := self.name(item(each, "actor"), ""))
            ),
            "",
        )
        hour = f"{clock(start, zone):%H:%M}" if begins and len(start) > 10 else ""
        details = [hour, place, words(item(appointment, "cancelationReason"))]
        over = status in ("fulfilled", "noshow", "arrived", "checked-in")
        if status in ARRIVED:
            at, what = start if over else text(appointment, "created"), ARRIVED[status](day)
            yield from self.event(appointment, at, kind="visit", state=status, what=what, details=details)

    def eligibility(self, answer: Json) -> Iterator[Event]:
        who = self.name(item(answer, "insurer"), sentence("role.payer"))
        inforce = [each.get("inforce") for each in items(answer, "insurance")]
        state = "met" if any(inforce) else "blocked" if False in inforce else "unknown"
        what = {
            "met": sentence("event.coverage.confirmed", who=who),
            "blocked": sentence("event.coverage.not-in-force", who=who),
        }.get(state, sentence("event.coverage.answered", who=who))
        at, said = text(answer, "created"), text(answer, "disposition")
        yield from self.event(answer, at, kind="coverage", state=state, what=what, details=[said])

    def talk(self, talk: Json) -> Iterator[Event]:
        medium = next((words(each) for each in items(talk, "medium")), "").lower()
        to: Value = tuple(each for each in map(self._whom, items(talk, "recipient")) if each)
        what = TALKS.get(medium, TALKS["emailwrit"])(to or sentence("patient.unnamed"))
        said = next(filter(None, (text(each, "contentString") for each in items(talk, "payload"))), "")
        state = "failed" if talk.get("status") == "not-done" else "done"
        at = text(talk, "sent") or text(talk, "received")
        yield from self.event(talk, at, kind="talk", state=state, what=what, details=[said])

    def _whom(self, reference: Json) -> Value:
        to = target(reference)
        if to.startswith("Patient/"):
            return sentence("patient.unnamed")
        return self.name(reference, sentence("family.unnamed") if to.startswith("Related") else "")

    def document(self, document: Json) -> Iterator[Event]:
        what = words(item(document, "type")) or sentence("document.unnamed")
        yield from self.event(document, text(document, "date"), kind="document", state="here", what=what)

    def report(self, report: Json) -> Iterator[Event]:
        at = text(report, "issued") or text(report, "effectiveDateTime")
        what = words(item(report, "code")) or sentence("report.unnamed")
        yield from self.event(report, at, kind="document", state="here", what=what)

    def notice(self, contract: Json) -> Iterator[Event]:
        number = number_of(contract)
        ends = text(item(contract, "applies"), "end")
        known = ends and moment(ends, self.zone)
        details = [sentence("remark.ends", day=dated(first(ends, self.zone)))] if known else []
        at = text(extension(contract, f"{EXTENSION}/notice-given"), "valueDate")
        what = sentence("event.notice", number=number)
        yield from self.event(contract, at, kind="agreement", state="notice", what=what, details=details)
