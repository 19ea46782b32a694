"""What a case counts in each measure, from its events and the row that it has on the worklist. Pure, and without a now:
the same events give the same observations whenever they are read. What is not yet decided has the day on which it will
be, and is counted once that day is over. Words for each: `measure.NAME.*` in the catalogue."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from carecoord.domain.gates.policy import Policy, by_priority
from carecoord.domain.measures.course import Course, Courses
from carecoord.domain.measures.definitions import Name
from carecoord.domain.resource.days import local
from carecoord.fhir.instants import micros, moment

LOOP_DAYS: Final = 60  # in which a loop is to be closed
MINUTE: Final = 60_000_000  # microseconds
_YES: Final = (
    "accepted", "contacting-patient", "waitlisted", "in-progress", "scheduled", "no-show", "appointment-cancelled",
    "visit-done", "report-received", "advice-given",
)  # fmt: skip
_BACK: Final = ("report-received", "advice-given")
_CAME: Final = ("arrived", "checked-in", "fulfilled")
_DECIDED: Final = ("approved", "partly", "modified", "denied")
_UNKNOWN: Final = frozenset({"", "unknown", "awaited"})  # of a network: nothing is said of these
_ASKED: Final = "awaiting-information"


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that is counted. `resource`: what it is about, `Type/id`, with the step's name where several are
    counted of it. `day`: proleptic ordinal of the day that it counts for, on the office's calendar. `hit`: whether it
    is in the numerator. `value`: minutes, or a number; None where only the hit counts. `reason`: in the words of
    whoever gave one, or the name of the step."""

    measure: Name
    resource: str
    day: int
    hit: bool
    value: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the worklist's row says of the case, by the names of its columns."""

    priority: str
    agreement_state: str
    stage: str


def observed(known: Courses, row: Standing, policy: Policy) -> list[Observation]:
    """All that a case counts in any measure. `policy`: of the office that refers; its zone says which day it is."""
    return list(_Case(known, row, policy).observations())


class _Case:
    def __init__(self, known: Courses, row: Standing, policy: Policy) -> None:
        self.row, self.policy, self.known = row, policy, known
        self.tasks, self.visits = known.of("stage"), known.of("visit")
        self.sent = _first(each.first.get("sent") for each in self.tasks)
        self.answered = _first(each.earliest(_YES) for each in self.tasks)
        self.booked = _first(each.first.get("booked") for each in self.visits)
        came = _first(each.earliest(_CAME) for each in self.visits)
        self.came = came if came is not None else _first(each.first.get("visit-done") for each in self.tasks)
        self.report = _first(
            [*(each.reports for each in known.of("document")), *(each.earliest(_BACK) for each in self.tasks)]
        )
        ends = [self.report, known.done("acknowledge"), known.done("tell")]
        self.closed = max(at for at in ends if at is not None) if None not in ends else None
        self.withdrawn = row.stage == "cancelled" and self.report is None

    def observations(self) -> Iterator[Observation]:
        yield from self._loop()
        yield from self._stages()
        for visit in self.visits:
            yield from self._visit(visit)
        for task in self.tasks:
            yield from self._answer(task)
        yield from self._authorizations()
        yield from self._clocks()
        if self.closed is not None:
            calls = sum(1 for each in self.known.of("talk") if each.first.get("done", self.closed + 1) <= self.closed)
            yield Observation("touches", "", self._day(self.closed), True, calls)

    def _day(self, at: int) -> int:
        return local(moment(at), self.policy.zone).toordinal()

    def _loop(self) -> Iterator[Observation]:
        """Whether it was closed in time; counted for the day on which the time is over."""
        if self.sent is None or self.withdrawn:
            return
        last = self._day(self.sent) + LOOP_DAYS
        yield Observation("closed-loop", "", last, self.closed is not None and self._day(self.closed) <= last)
        yield Observation("report-returned", "", last, self.report is not None and self._day(self.report) <= last)
        if self.row.agreement_state not in _UNKNOWN:
            outside = self.row.agreement_state == "out-of-network"
            yield Observation("out-of-network", "", self._day(self.sent), outside)

    def _stages(self) -> Iterator[Observation]:
        contact = _first(at for at in self._contacts() if self.answered is not None and at >= self.answered)
        yield from self._length("referral-to-visit", self.sent, self.came)
        yield from self._length("answer-to-contact", self.answered, contact)
        yield from self._length("answer-to-booking", self.answered, self.booked)
        yield from self._length("booking-to-visit", self.booked, self.came)
        yield from self._length("visit-to-report", self.came, self.report)

    def _contacts(self) -> Iterator[int]:
        for talk in self.known.of("talk"):
            to = (str(each.get("reference", "")) for each in talk.payload.get("to", ()))
            if "done" in talk.first and any(each.startswith("Patient/") for each in to):
                yield talk.first["done"]
        yield from (each.first["contacting-patient"] for each in self.tasks if "contacting-patient" in each.first)

    def _length(
        self, name: Name, start: int | None, end: int | None, resource: str = ""
    ) -> Iterator[Observation]:  # fmt: skip
        if start is not None and end is not None and start <= end:
            yield Observation(name, resource, self._day(end), True, (end - start) // MINUTE)

    def _visit(self, visit: Course) -> Iterator[Observation]:
        came, missed = visit.earliest(_CAME), visit.first.get("noshow")
        at = came if came is not None else missed
        if at is not None:
            reason = visit.reasons.get("noshow", "") if came is None else ""
            yield Observation("no-show", visit.reference, self._day(at), came is None, None, reason)

    def _answer(self, task: Course) -> Iterator[Observation]:
        sent, yes, no = task.first.get("sent"), task.earliest(_YES), task.first.get("declined")
        word = _first((yes, no))
        if word is None:
            return
        refused = yes is None or (no is not None and no < yes)
        reason = task.reasons.get("declined", "") if refused else ""
        yield Observation("declined", task.reference, self._day(word), refused, None, reason)
        yield from self._length("first-answer", sent, word, task.reference)

    def _authorizations(self) -> Iterator[Observation]:
        """Of each request what the payer decided first, and how long that took."""
        answers = self.known.of("authorization", "ClaimResponse/")
        for claim in self.known.of("authorization", "Claim/"):
            asked = claim.first.get("submitted")
            own = [each for each in answers if each.payload.get("request") == claim.reference]
            decided = _first(each.earliest(_DECIDED) for each in own)
            if asked is None or decided is None:
                continue
            said = {state for each in own for state, at in each.first.items() if at == decided and state in _DECIDED}
            reasons = [each.reasons[state] for each in own for state in sorted(said) if state in each.reasons]
            approved = said == {"approved"}
            reason = "" if approved else next(iter(reasons), "")
            yield Observation("approved-first", claim.reference, self._day(decided), approved, None, reason)
            refused = "denied" in said
            why = next((each.reasons["denied"] for each in own if "denied" in each.reasons), "") if refused else ""
            yield Observation("denied", claim.reference, self._day(decided), refused, None, why)
            fast = bool(claim.payload.get("fast"))
            name: Name = "authorization-turnaround-expedited" if fast else "authorization-turnaround"
            yield from self._length(name, asked, decided, claim.reference)

    def _clocks(self) -> Iterator[Observation]:
        """Each step that had a clock: done in time, or not. One that nobody need do any more is not counted."""
        over = self.row.stage in ("cancelled", "failed")
        for task in self.tasks:
            given = task.first.get("sent")
            seen = task.earliest(("in-triage", *_YES, "declined", _ASKED))
            word = task.earliest((*_YES, "declined"))
            ended = task.state in ("cancelled", "failed")
            yield from self._clock("acknowledge", task.reference, given, seen, ended)
            if _ASKED not in task.first:  # what is asked for meanwhile stops this clock
                yield from self._clock("triage", task.reference, task.first.get("in-triage"), word, ended)
        booked = self.booked if self.booked is not None else self.came
        yield from self._clock("book", "", self.answered, booked, over or self.report is not None)
        yield from self._clock("report", "", self.came, self.report, over)
        yield from self._clock("acknowledge-report", "", self.report, self.known.done("acknowledge"), over)
        yield from self._clock("tell-patient", "", self.report, self.known.done("tell"), over)

    def _clock(
        self, step: str, resource: str, start: int | None, end: int | None, idle: bool
    ) -> Iterator[Observation]:  # fmt: skip
        if start is None or (end is None and idle):
            return
        began = moment(start)
        name = by_priority(step, self.row.priority) if step in ("acknowledge", "triage", "book") else step
        due = self.policy.after(began, name)
        if due <= began:
            return  # nobody set a time
        late = end is None or end > micros(due)
        day = self._day(micros(due)) if late or end is None else self._day(end)
        yield Observation("inside-clock", f"{resource}#{step}", day, not late, None, step)


def _first(times: Iterable[int | None]) -> int | None:
    return min((at for at in times if at is not None), default=None)
