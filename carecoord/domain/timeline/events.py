"""What the log says of a case, put into sentences that people read. Pure, and inventing nothing: what began when nobody
says is no event."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final, Literal, Protocol

from carecoord.domain.contacts.attempts import is_note
from carecoord.domain.ehrs import disputes
from carecoord.domain.referrals.case import Case
from carecoord.domain.referrals.visits import clinic, zone_of
from carecoord.domain.resource.codes import WORK
from carecoord.domain.resource.days import clock, first, moment
from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.domain.resource.parties import Directory, party
from carecoord.fhir import instants
from carecoord.words.sentence import Sentence, Value, dated, sentence

MISTAKEN: Final = "entered-in-error"
Told = Callable[[Value], Sentence]
COURSE: Final[dict[str, Told]] = {  # stage -> what happened when the Task came there, by the performer's name
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
    "withdrawn": lambda who: sentence("event.taken-back", who=who),
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
MOVED: Final[dict[str, Told]] = dict.fromkeys(  # Appointment.status -> what it means that only the day changed
    ("booked", "pending", "proposed"), lambda day: sentence("event.visit.moved", day=day)
)
OF_HELD: Final[dict[str, Told]] = ARRIVED | {"cancelled": lambda day: sentence("event.visit.given-back", day=day)}
REPLIES: Final[dict[str, Callable[[Value, Value], Sentence]]] = {  # participantStatus -> what who answered to a day
    "accepted": lambda who, day: sentence("event.reply.accepted", who=who, day=day),
    "declined": lambda who, day: sentence("event.reply.declined", who=who, day=day),
    "tentative": lambda who, day: sentence("event.reply.tentative", who=who, day=day),
}
TALKS: Final[dict[str, Told]] = {  # Communication.medium -> what went to whom
    "phone": lambda to: sentence("event.talk.phone", to=to),
    "emailwrit": lambda to: sentence("event.talk", to=to),
    "smswrit": lambda to: sentence("event.talk.sms", to=to),
    "faxwrit": lambda to: sentence("event.talk.fax", to=to),
    "mailwrit": lambda to: sentence("event.talk.mail", to=to),
}

EventKind = Literal["order", "stage", "authorization", "coverage", "agreement", "visit", "talk", "document", "conflict"]


@dataclass(frozen=True, slots=True)
class Event:
    """`state`: the code behind it. `what`: a sentence, or the words of the resource itself; `details` stand beside
    it. `by`: who did it, as the log knows them, `ehr:name` for an EHR; empty where nobody did."""

    at: datetime
    kind: EventKind
    state: str
    what: Value
    details: tuple[Value, ...]
    reference: str
    by: str = ""


class Logged(Protocol):
    """An event as the log keeps it: see `changes.Occurrence`, and `store/events/log.Entry`. at: microseconds."""

    @property
    def n(self) -> int: ...
    @property
    def at(self) -> int: ...
    @property
    def said(self) -> str | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def before(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def resource(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def payload(self) -> Json: ...
    @property
    def subject(self) -> str | None: ...


_Words = tuple[EventKind, Value, tuple[Value, ...]]  # the mark it gets, the sentence, and what stands beside it


@dataclass(frozen=True)
class Teller:
    """Turns what the log says of one case into sentences, with the names that people know. What was said in a
    Communication the log does not repeat: it is read in the case."""

    case: Case
    known: Directory
    zone: tzinfo
    inner: bool = False  # also what is the referring office's own: to whom of it the work was given

    def tell(self, one: Logged) -> Event | None:
        """What happened; None for what is no news to people: an element changed and nothing else, or something began
        and nobody says when."""
        if one.before == one.state and "was" not in one.payload and not _given(one):
            return None
        if not one.before and not one.said:
            return None
        words = _TOLD.get(one.kind, _nothing)(self, one)
        if words is None:
            return None
        kind, what, details = words
        shown = tuple(each for each in details if each)
        return Event(self._when(one), kind, one.state, what, shown, f"{one.type}/{one.resource}", one.subject or "")

    def _when(self, one: Logged) -> datetime:
        """A day without an hour begins at the midnight of the zone that is the office's today."""
        day = moment(one.said, self.zone) if one.said and len(one.said) <= 10 else None
        return day or instants.moment(one.at)

    def _name(self, one: Logged, which: str, otherwise: Value) -> Value:
        return self._named(item(one.payload, which), otherwise)

    def _named(self, reference: Json, otherwise: Value) -> Value:
        role = next((each for each in self.case.roles if key(each) == target(reference)), None)
        found = party(item(role, "practitioner") or item(role, "organization") if role else reference, self.known)
        return (found.name if found else "") or text(reference, "display") or otherwise

    def order(self, one: Logged) -> _Words | None:
        """The order, when it was written."""
        if one.before:
            return None
        sender = self._name(one, "by", "")
        return "order", sentence("event.written"), (sentence("event.by", who=sender) if sender else "",)

    def stage(self, one: Logged) -> _Words | None:
        """The course of a coordinating Task."""
        who = self._name(one, "who", sentence("clinic.receiving"))
        return ("stage", COURSE[one.state](who), (one.reason or "",)) if one.state in COURSE else None

    def errand(self, one: Logged) -> _Words | None:
        """A Task beside the course: a paper that is wanted, the report acknowledged, the patient told."""
        wanted = one.payload.get("wanted")
        papers: Value = tuple(wanted) if wanted else sentence("papers.any")
        said: dict[tuple[str, str], Sentence] = {
            ("acknowledge", "done"): sentence("event.acknowledged"),
            ("tell", "done"): sentence("event.told"),
            ("paper", "asked"): sentence("event.paper-wanted", papers=papers),
            ("paper", "done"): sentence("event.paper-sent", papers=papers),
            ("form", "asked"): sentence("event.form-wanted"),
            ("form", "done"): sentence("event.form-sent"),
            ("obtain", "asked"): sentence("event.asked-for", papers=papers),
            ("obtain", "done"): sentence("event.received", papers=papers),
        }
        what = said.get((text(one.payload, "errand"), one.state))
        if self.inner and _given(one) and (whom := self._name(one, "who", "")):
            return "order", sentence("assignment.given", whom=whom), ()
        return ("document", what, ()) if what else None

    def authorization(self, one: Logged) -> _Words | None:
        """A request for authorization, or the payer's answer with its number and its reason."""
        if one.type == "Claim":
            fast = one.payload.get("fast")
            what = {
                "draft": sentence("event.drafted"),
                "submitted": sentence("event.submitted.expedited") if fast else sentence("event.submitted"),
                "cancelled": sentence("event.request-withdrawn"),
            }.get(one.state)
            services = tuple(one.payload.get("services", ())) if one.state != "cancelled" else ()
            return ("authorization", what, (services,)) if what else None
        if one.state in ("draft", "deleted", MISTAKEN):
            return None
        who, number = self._name(one, "who", sentence("role.payer")), text(one.payload, "number")
        what = DECIDED[one.state](who) if one.state in DECIDED else sentence("event.answered", who=who)
        numbered = sentence("event.number", number=number) if number and one.state != "withdrawn" else ""
        rule = text(one.payload, "rule")
        ruled = (sentence("event.by-rule", rule=rule),) if rule else ()
        return "authorization", what, (numbered, one.reason or "", *ruled)

    def visit(self, one: Logged) -> _Words | None:
        """An Appointment, with its day and hour on the clock of its place."""
        start, places = text(one.payload, "start"), items(one.payload, "at")
        site = {"participant": [{"actor": each} for each in places]}
        zone = zone_of(clinic(site, self.known), self.zone)
        begins = moment(start, zone)
        day: Value = dated(first(start, zone)) if begins else sentence("visit.day-unknown")
        place = next((name for each in places if (name := self._named(each, ""))), "")
        hour = f"{clock(start, zone):%H:%M}" if begins and len(start) > 10 else ""
        told = MOVED if one.before == one.state else OF_HELD if one.before in ("pending", "proposed") else ARRIVED
        return ("visit", told[one.state](day), (hour, place, one.reason or "")) if one.state in told else None

    def reply(self, one: Logged) -> _Words | None:
        """What somebody who takes part answered to a visit, of the day that it has now."""
        visit = next((each for each in self.case.appointments if key(each) == text(one.payload, "visit")), None)
        start = text(visit, "start") if visit else ""
        zone = zone_of(clinic(visit, self.known), self.zone) if visit else self.zone
        day: Value = dated(first(start, zone)) if moment(start, zone) else sentence("visit.day-unknown")
        who = self._whom(item(one.payload, "who")) or sentence("clinic.receiving")
        return ("visit", REPLIES[one.state](who, day), (one.reason or "",)) if one.state in REPLIES else None

    def coverage(self, one: Logged) -> _Words | None:
        """The payer's answer whether a card is good."""
        who = self._name(one, "who", sentence("role.payer"))
        what = {
            "met": sentence("event.coverage.confirmed", who=who),
            "blocked": sentence("event.coverage.not-in-force", who=who),
            "unknown": sentence("event.coverage.answered", who=who),
        }.get(one.state)
        return ("coverage", what, (one.reason or "",)) if what else None

    def talk(self, one: Logged) -> _Words | None:
        """A call, a message, a letter, with what was said."""
        if one.state not in ("done", "failed"):
            return None
        to: Value = tuple(each for each in map(self._whom, items(one.payload, "to")) if each)
        told = TALKS.get(text(one.payload, "medium").lower(), TALKS["emailwrit"])(to or sentence("patient.unnamed"))
        present: Json = next((each for each in self.case.talks if each.get("id") == one.resource), {})
        if is_note(present):  # which went to nobody
            told = sentence("event.answer") if items(present, "about") else sentence("event.note")
        said = next(filter(None, (text(each, "contentString") for each in items(present, "payload"))), "")
        return "talk", told, (said,)

    def _whom(self, reference: Json) -> Value:
        to = target(reference)
        if to.startswith("Patient/"):
            return sentence("patient.unnamed")
        return self._named(reference, sentence("family.unnamed") if to.startswith("Related") else "")

    def document(self, one: Logged) -> _Words | None:
        """A document or a report that came."""
        unnamed = sentence("report.unnamed") if one.type == "DiagnosticReport" else sentence("document.unnamed")
        name = text(one.payload, "name") or unnamed
        return ("document", name, ()) if one.state == "here" else None

    def conflict(self, one: Logged) -> _Words | None:
        """What an EHR and we said differently, settled by somebody."""
        ehr, what = text(one.payload, "ehr"), disputes.named(one.type)
        told = {
            "ours": sentence("event.settled.ours", ehr=ehr, what=what),
            "theirs": sentence("event.settled.theirs", ehr=ehr, what=what),
        }.get(one.state)
        both = (disputes.value(item(one.payload, side), self.zone) for side in ("ours", "theirs"))
        said = sentence("event.settled.both", ehr=ehr, ours=next(both), theirs=next(both))
        return ("conflict", told, (said, sentence("event.by", who=text(one.payload, "by")))) if told else None

    def agreement(self, one: Logged) -> _Words | None:
        """Notice given on the contract that the case stands on."""
        if one.state != "notice":
            return None
        ends = text(one.payload, "ends")
        known = ends and moment(ends, self.zone)
        details = (sentence("remark.ends", day=dated(first(ends, self.zone))),) if known else ()
        return "agreement", sentence("event.notice", number=text(one.payload, "number")), details


def _nothing(_teller: Teller, _one: Logged) -> None:
    return None


def _given(one: Logged) -> bool:
    """Whether the work on the referral was given to somebody."""
    begun = not one.before or "owner" in one.payload.get("changed", ())
    return one.payload.get("errand") == WORK[1] and begun and bool(item(one.payload, "who"))


_TOLD: Final[dict[str, Callable[[Teller, Logged], _Words | None]]] = {
    "order": Teller.order,
    "stage": Teller.stage,
    "errand": Teller.errand,
    "authorization": Teller.authorization,
    "visit": Teller.visit,
    "reply": Teller.reply,
    "coverage": Teller.coverage,
    "talk": Teller.talk,
    "document": Teller.document,
    "agreement": Teller.agreement,
    "conflict": Teller.conflict,
}
