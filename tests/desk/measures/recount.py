"""Counts the measures again from nothing but the versions that `_history` gives. It shares no line with the product:
its rules are the sentences that the page shows beside each figure, read once more and written down anew."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
ZONE = ZoneInfo("America/New_York")
YES = {"accepted", "scheduled", "visit-done", "report-received"}
ACTION = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-reviewActionCode"
DECISIONS = {"A1": "approved", "A3": "denied", "A2": "partly", "A4": None}
HOURS = {  # the clocks that are shipped, in hours, by step and priority
    ("acknowledge", "routine"): 48, ("acknowledge", "urgent"): 24, ("triage", "routine"): 72, ("triage", "urgent"): 24,
    ("book", "routine"): 120, ("book", "urgent"): 48, "report": 168, "acknowledge-report": 72, "tell-patient": 168,
}  # fmt: skip
# whose figure is a median or a mean, and of how many minutes (or calls) its unit is
LENGTHS = {
    "referral-to-visit": 1440, "first-answer": 1440, "visit-to-report": 1440, "answer-to-contact": 1440,
    "answer-to-booking": 1440, "booking-to-visit": 1440, "authorization-turnaround": 1440,
    "authorization-turnaround-expedited": 60, "touches": 1,
}  # fmt: skip


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def on(at: datetime) -> date:
    return at.astimezone(ZONE).date()


class Recount:
    """Everything that counts: (measure, case, day, whether in the numerator, value)."""

    def __init__(self, entries: list[Json], office: str, outside: set[str]) -> None:
        self.versions: dict[str, list[Json]] = defaultdict(list)
        for entry in sorted(entries, key=lambda each: int(each["resource"]["meta"]["versionId"])):
            self.versions[f"{entry['resource']['resourceType']}/{entry['resource']['id']}"].append(entry["resource"])
        self.counted: list[tuple[str, str, date, bool, int | None]] = []
        mine = f"Organization/{office}"
        for name, known in self.versions.items():
            if name.startswith("ServiceRequest/") and known[-1]["requester"].get("reference") == mine:
                self.case(name, known[-1], outside)

    def histories(self, type: str, order: str) -> list[list[Json]]:
        found = []
        for name, known in self.versions.items():
            named = [known[-1].get("focus", {}), *known[-1].get("basedOn", [])]
            if name.startswith(f"{type}/") and order in [each.get("reference") for each in named]:
                found.append(known)
        return found

    def add(self, measure: str, case: str, day: date, hit: bool, value: int | None = None) -> None:
        self.counted.append((measure, case, day, hit, value))

    def span(self, measure: str, case: str, start: datetime | None, end: datetime | None) -> None:
        if start and end and start <= end:
            self.add(measure, case, on(end), True, int((end - start).total_seconds()) // 60)

    def case(self, order: str, body: Json, outside: set[str]) -> None:
        courses, answers = [], []
        sent = answered = None
        tasks = [known for known in self.histories("Task", order) if "partOf" not in known[-1]]
        for known in tasks:
            reached = self.reached(known)
            courses.append(reached)
            sent = earliest(sent, reached["sent"])
            yes = min((at for stage, at in reached.items() if stage in YES), default=None)
            answered = earliest(answered, yes)
            answers.append((reached["sent"], yes, reached.get("declined"), reached))
        came = booked = None
        for known in self.histories("Appointment", order):
            last = known[-1]
            if last["status"] == "entered-in-error":
                continue
            booked = earliest(booked, instant(last["created"]))
            if last["status"] in ("arrived", "noshow"):
                at = instant(last["start"])
                self.add("no-show", order, on(at), last["status"] == "noshow")
                came = earliest(came, at) if last["status"] == "arrived" else came
        report = None
        for known in self.histories("DiagnosticReport", order):
            report = earliest(report, instant(known[-1]["issued"]))
        for reached in courses:
            report = earliest(report, reached.get("report-received"))
        errands = {
            known[-1]["code"]["coding"][0]["code"]: instant(known[-1]["lastModified"])
            for known in self.histories("Task", order)
            if "partOf" in known[-1] and known[-1]["status"] == "completed"
        }
        read, told = errands.get("acknowledge-report"), errands.get("tell-patient")
        closed = max(report, read, told) if report and read and told else None
        self.ends(order, body, tasks, (sent, report, closed), outside)
        contacts = [
            instant(known[-1]["sent"])
            for known in self.histories("Communication", order)
            if any(to["reference"].startswith("Patient/") for to in known[-1]["recipient"])
        ]
        contact = min((at for at in contacts if answered and at >= answered), default=None)
        self.span("referral-to-visit", order, sent, came)
        self.span("answer-to-contact", order, answered, contact)
        self.span("answer-to-booking", order, answered, booked)
        self.span("booking-to-visit", order, booked, came)
        self.span("visit-to-report", order, came, report)
        for given, yes, no, _ in answers:
            if yes or no:
                word = min(each for each in (yes, no) if each)
                self.add("declined", order, on(word), yes is None or (no is not None and no < yes))
                self.span("first-answer", order, given, word)
        if closed:
            calls = [instant(known[-1]["sent"]) for known in self.histories("Communication", order)]
            self.add("touches", order, on(closed), True, sum(at <= closed for at in calls))
        self.payers(order)
        self.clocks(order, body["priority"], answers, (answered, booked, came, report, read, told), tasks)

    def reached(self, known: list[Json]) -> dict[str, datetime]:
        """When a Task came to which stage: as it says; or when we learnt of it, where it says no other time than the
        version before."""
        found = {"sent": instant(known[-1]["authoredOn"])}
        before: Json = {}
        for version in known:
            stage = version["businessStatus"]["coding"][0]["code"]
            said = version["lastModified"] != before.get("lastModified")
            found.setdefault(stage, instant(version["lastModified"] if said else version["meta"]["lastUpdated"]))
            before = version
        return found

    def ends(
        self, order: str, body: Json, tasks: list[list[Json]],
        when: tuple[datetime | None, datetime | None, datetime | None], outside: set[str],
    ) -> None:  # fmt: skip
        sent, report, closed = when
        newest = max(tasks, key=lambda known: known[-1]["authoredOn"]) if tasks else None
        withdrawn = newest is not None and newest[-1]["status"] == "cancelled" and report is None
        if sent is None or withdrawn:
            return
        last = on(sent) + timedelta(days=60)
        self.add("closed-loop", order, last, closed is not None and on(closed) <= last)
        self.add("report-returned", order, last, report is not None and on(report) <= last)
        if newest and newest[-1]["status"] != "rejected":  # else nobody has it, and nothing is known of a network
            self.add("out-of-network", order, on(sent), body["performer"][0]["reference"] in outside)

    def payers(self, order: str) -> None:
        for name, known in self.versions.items():
            claim = known[-1]
            if not name.startswith("Claim/") or claim["referral"]["reference"] != order:
                continue
            for answer in self.versions.values():
                if answer[-1]["resourceType"] != "ClaimResponse" or answer[-1]["request"]["reference"] != name:
                    continue
                said = [(DECISIONS[code(each)], instant(each["created"])) for each in answer]
                decided = [(what, at) for what, at in said if what]
                if decided:
                    what, at = min(decided, key=lambda each: each[1])
                    fast = claim["priority"]["coding"][0]["code"] == "stat"
                    self.add("approved-first", order, on(at), what == "approved")
                    self.add("denied", order, on(at), what == "denied")
                    measure = "authorization-turnaround-expedited" if fast else "authorization-turnaround"
                    self.span(measure, order, instant(claim["created"]), at)

    def clocks(
        self, order: str, priority: str, answers: list[Any], when: tuple[datetime | None, ...], tasks: list[list[Json]]
    ) -> None:
        answered, booked, came, report, read, told = when
        newest = max(tasks, key=lambda known: known[-1]["authoredOn"]) if tasks else None
        over = newest is not None and newest[-1]["status"] == "cancelled"
        for known, (given, yes, no, reached) in zip(tasks, answers, strict=True):
            ended = known[-1]["status"] == "cancelled"
            seen = [reached.get("in-triage"), yes, no, reached.get("awaiting-information")]
            self.clock(order, "acknowledge", priority, given, least(seen), ended)
            if "awaiting-information" not in reached and "in-triage" in reached:
                self.clock(order, "triage", priority, reached["in-triage"], least([yes, no]), ended)
        self.clock(order, "book", priority, answered, booked or came, over or report is not None)
        self.clock(order, "report", "", came, report, over)
        self.clock(order, "acknowledge-report", "", report, read, over)
        self.clock(order, "tell-patient", "", report, told, over)

    def clock(
        self, order: str, step: str, priority: str, start: datetime | None, end: datetime | None, idle: bool
    ) -> None:  # fmt: skip
        if start is None or (end is None and idle):
            return
        due = start + timedelta(hours=HOURS[(step, priority) if priority else step])
        late = end is None or end > due
        self.add("inside-clock", order, on(due) if late or end is None else on(end), not late)

    def figure(self, measure: str, first: date, last: date) -> tuple[int, int, Decimal | None, set[str]]:
        """How many, how many in the numerator, the figure, and the referrals behind it."""
        mine = [each for each in self.counted if each[0] == measure and first <= each[2] <= last]
        n, hits, cases = len(mine), sum(each[3] for each in mine), {each[1] for each in mine}
        if n < 10:
            return n, hits, None, cases
        if measure not in LENGTHS:
            value = Fraction(100 * hits, n)
        elif measure == "touches":
            value = Fraction(sum(each[4] or 0 for each in mine), n)
        else:
            value = Fraction(median(Fraction(each[4] or 0) for each in mine)) / LENGTHS[measure]
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        return n, hits, exact.quantize(Decimal("0.1"), ROUND_HALF_UP), cases


def earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return least([one, other])


def least(times: list[datetime | None]) -> datetime | None:
    return min((at for at in times if at), default=None)


def code(answer: Json) -> str:
    action = answer["item"][0]["adjudication"][0]["extension"][0]["extension"]
    coded = next(each for each in action if each["url"] == ACTION)
    return str(coded["valueCodeableConcept"]["coding"][0]["code"])
