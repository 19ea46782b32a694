"""What each resource of a case says has happened, as one event or a few, in words. Pure, and inventing nothing: what no
resource dates is no event."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from carecoord.domain.agreements.versions import number_of
from carecoord.domain.prior_auth.review_action import decided, overall, reviews
from carecoord.domain.referrals import stages
from carecoord.domain.referrals.case import Case
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
from carecoord.domain.resource.days import clock, first, moment, spoken
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, key, target, text, words
from carecoord.domain.resource.parties import Directory, party

COURSE = {  # stage -> what happened when the Task came there; {who} is the performer
    "sent": "Sent to {who}",
    "in-triage": "{who} opened the referral",
    "accepted": "{who} accepted",
    "awaiting-information": "{who} asked for information",
    "awaiting-authorization": "Waiting for the payer",
    "contacting-patient": "Contacting the patient",
    "waitlisted": "{who} put the patient on the waitlist",
    "scheduled": "{who} scheduled the visit",
    "no-show": "The patient did not come",
    "appointment-cancelled": "The visit was cancelled",
    "visit-done": "{who} saw the patient",
    "report-received": "{who} sent the report",
    "advice-given": "{who} gave advice",
    "declined": "{who} declined",
    "cancel-requested": "Asked {who} to cancel",
    "cancelled": "Referral withdrawn",
    "failed": "Could not be carried out",
}
DECIDED = {
    "approved": "{who} approved the request",
    "partly": "{who} approved part of the request",
    "modified": "{who} approved with changes",
    "denied": "{who} denied the request",
    "pended": "{who} pended the request",
    "contact": "{who} asks for a call",
    "not-required": "{who}: none is needed",
    "cancelled": "{who} closed the request",
}
ARRIVED = {
    "booked": "Visit booked for {day}",
    "pending": "Visit held for {day}",
    "waitlist": "Put on the waitlist",
    "fulfilled": "Visit of {day} took place",
    "noshow": "The patient did not come on {day}",
    "cancelled": "Visit of {day} cancelled",
    "arrived": "The patient arrived on {day}",
    "proposed": "Visit proposed for {day}",
    "checked-in": "The patient checked in on {day}",
}

@dataclass(frozen=True, slots=True)
class Event:
    """`kind`: order, stage, authorization, coverage, agreement, visit, talk, document. `state`: the code behind it."""

    at: datetime
    kind: str
    state: str
    what: str
    detail: str
    reference: str


@dataclass(frozen=True)
class Teller:
    """Turns the resources of one case into events, with the names that people know."""

    case: Case
    known: Directory
    zone: tzinfo

    def event(self, at: str, kind: str, state: str, what: str, detail: str, about: Json) -> Iterator[Event]:
        """One event, or none when nobody says when it was."""
        when = moment(at, self.zone)
        if when is not None:
            yield Event(when, kind, state, what[:1].upper() + what[1:], detail, key(about))

    def name(self, reference: Json, otherwise: str) -> str:
        role = next((each for each in self.case.roles if key(each) == target(reference)), None)
        found = party(item(role, "practitioner") or item(role, "organization") if role else reference, self.known)
        return (found.name if found else "") or text(reference, "display") or otherwise

    def order(self) -> Iterator[Event]:
        order = self.case.order
        sender = self.name(item(order, "requester"), "")
        yield from self.event(
            text(order, "authoredOn"),
            "order",
            text(order, "status"),
            "Referral written",
            f"By {sender}" if sender else "",
            order,
        )

    def task(self, versions: Sequence[Json]) -> Iterator[Event]:
        """The course of one coordinating Task: when it was made, and each change of stage that a version shows."""
        newest = versions[0]
        who = self.name(item(newest, "owner"), "the receiving clinic")
        yield from self.event(text(newest, "authoredOn"), "stage", "sent", COURSE["sent"].format(who=who), "", newest)
        last = "sent"
        for each in reversed(versions):
            stage = stages.stage(each)
            if stage != last and stage in COURSE:
                why = words(item(each, "statusReason"))
                yield from self.event(
                    text(each, "lastModified"), "stage", stage, COURSE[stage].format(who=who), why, each
                )
            last = stage

    def errand(self, task: Json) -> Iterator[Event]:
        """A Task beside the course: a paper that is wanted, the report acknowledged, the patient told."""
        code, done = item(task, "code"), task.get("status") == "completed"
        wanted = (
            ", ".join(
                filter(
                    None,
                    (
                        words(item(each, "valueCodeableConcept")) or text(each, "valueString")
                        for each in items(task, "input")
                    ),
                )
            )
            or "a document"
        )
        said = {
            ACKNOWLEDGE: ("", "Report acknowledged"),
            TELL: ("", "Patient told"),
            PAPER_WANTED: (f"Payer asked for {wanted}", f"{wanted} sent to the payer"),
            FORM_WANTED: ("Payer asked for a form", "Form sent to the payer"),
            OBTAIN_PAPER: (f"{wanted} asked for", f"{wanted} received"),
        }
        asked, answered = next((both for each, both in said.items() if has(code, *each)), ("", ""))
        if asked:
            yield from self.event(text(task, "authoredOn"), "document", "asked", asked, "", task)
        if answered and done:
            # a Task that does not say when it was done says at least when it was written
            at = text(task, "lastModified") or ("" if asked else text(task, "authoredOn"))
            yield from self.event(at, "document", "done", answered, "", task)

    def claim(self, claim: Json) -> Iterator[Event]:
        fast = ", expedited" if code_of(item(claim, "priority")) == "stat" else ""
        drafted = claim.get("status") == "draft"
        services = ", ".join(
            dict.fromkeys(filter(None, (words(item(i, "productOrService")) for i in items(claim, "item"))))
        )
        what = "Authorization drafted" if drafted else f"Authorization submitted{fast}"
        state = "draft" if drafted else "submitted"
        yield from self.event(text(claim, "created"), "authorization", state, what, services, claim)

    def answer(self, answer: Json) -> Iterator[Event]:
        """The payer's answer: the decision on the first line that has one, its number and its reason."""
        who = self.name(item(answer, "insurer"), "The payer")
        answered = (*items(answer, "item"), *items(answer, "addItem"))
        states = (decided(answer, line) for line in answered)
        state = next((each for each in states if each != "unclear"), overall(answer) if not answered else "unclear")
        said = [each for part in (*answered, answer) for each in reviews(part)]
        numbers = [text(extension(each, "number"), "valueString") for each in said]
        number = next((each for each in (*numbers, text(answer, "preAuthRef")) if each), "")
        reasons = [words(item(extension(each, "reasonCode"), "valueCodeableConcept")) for each in said]
        why = next((each for each in (*reasons, text(answer, "disposition")) if each), "")
        what = DECIDED.get(state, "{who} answered").format(who=who)
        detail = " · ".join(filter(None, (f"Number {number}" if number else "", why)))
        yield from self.event(text(answer, "created"), "authorization", state, what, detail, answer)

    def visit(self, appointment: Json) -> Iterator[Event]:
        status, start = text(appointment, "status"), text(appointment, "start")
        zone = zone_of(clinic(appointment, self.known), self.zone)
        begins = moment(start, zone)
        day = spoken(first(start, zone)) if begins else "a day to be found"
        place = next(
            (
                name
                for each in items(appointment, "participant")
                if target(item(each, "actor")).startswith("Location/") and (name := self.name(item(each, "actor"), ""))
            ),
            "",
        )
        hour = f"{clock(start, zone):%H:%M}" if begins and len(start) > 10 else ""
        detail = " · ".join(filter(None, (hour, place, words(item(appointment, "cancelationReason")))))
        over = status in ("fulfilled", "noshow", "arrived", "checked-in")
        what = ARRIVED.get(status, "").format(day=day)
        if what:
            yield from self.event(
                start if over else text(appointment, "created"), "visit", status, what, detail, appointment
            )

    def eligibility(self, answer: Json) -> Iterator[Event]:
        who = self.name(item(answer, "insurer"), "The payer")
        inforce = [each.get("inforce") for each in items(answer, "insurance")]
        state = "met" if any(inforce) else "blocked" if False in inforce else "unknown"
        what = {"met": "{who} confirmed the coverage", "blocked": "{who}: coverage not in force"}.get(
            state, "{who} answered on coverage"
        )
        yield from self.event(
            text(answer, "created"), "coverage", state, what.format(who=who), text(answer, "disposition"), answer
        )

    def talk(self, talk: Json) -> Iterator[Event]:
        medium = next((words(each) for each in items(talk, "medium")), "").lower()
        to = ", ".join(filter(None, (self._whom(each) for each in items(talk, "recipient"))))
        how = {
            "phone": "Call to {to}",
            "emailwrit": "Message to {to}",
            "smswrit": "Text to {to}",
            "faxwrit": "Fax to {to}",
            "mailwrit": "Letter to {to}",
        }.get(medium, "Message to {to}")
        said = next(filter(None, (text(each, "contentString") for each in items(talk, "payload"))), "")
        state = "failed" if talk.get("status") == "not-done" else "done"
        at = text(talk, "sent") or text(talk, "received")
        yield from self.event(at, "talk", state, how.format(to=to or "the patient"), said, talk)

    def _whom(self, reference: Json) -> str:
        to = target(reference)
        return (
            "the patient"
            if to.startswith("Patient/")
            else self.name(reference, "the family" if to.startswith("Related") else "")
        )

    def document(self, document: Json) -> Iterator[Event]:
        yield from self.event(
            text(document, "date"), "document", "here", words(item(document, "type")) or "Document", "", document
        )

    def report(self, report: Json) -> Iterator[Event]:
        at = text(report, "issued") or text(report, "effectiveDateTime")
        yield from self.event(at, "document", "here", words(item(report, "code")) or "Report", "", report)

    def notice(self, contract: Json) -> Iterator[Event]:
        number = number_of(contract)
        ends = text(item(contract, "applies"), "end")
        detail = f"Ends {spoken(first(ends, self.zone))}" if ends and moment(ends, self.zone) else ""
        at = text(extension(contract, f"{EXTENSION}/notice-given"), "valueDate")
        yield from self.event(at, "agreement", "notice", f"Notice given on contract {number}", detail, contract)
