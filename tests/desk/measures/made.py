"""A made-up year of an office: some referrals with all that may become of them, told in the order in which it was
learnt, which is not the order in which it happened. The same seed makes the same history."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Json = dict[str, Any]
OFFICE = "quarry-hill"
OURS = "https://carecoord.example/fhir/CodeSystem"
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"
BEGIN = datetime(2026, 6, 1, 13, 0, tzinfo=UTC)
END = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
STEPS = 4  # loads, each with at most one version of a resource
# whose patients, to which clinic; by hand: whether the clinic is in the network of their plans
PAIRS = (
    (
        "granite-care",
        ("eleanor-brandt", "siobhan-reilly", "miriam-goldberg", "haruto-ueda", "mads-larsen"),
        "riverside-heart",
        True,
    ),
    ("blue-horizon", ("nadia-rahman", "kwame-osei", "luc-desrosiers", "ingrid-halvorsen"), "bellwether-vascular", True),
    (
        "pinnacle",
        ("beatriz-oliveira", "leila-ahmadi", "tyrell-washington", "joao-almeida", "tendai-moyo"),
        "northgate-digestive",
        False,
    ),
)
STATUS = {
    "sent": "requested", "in-triage": "received", "awaiting-information": "received", "accepted": "accepted",
    "scheduled": "in-progress", "visit-done": "in-progress", "declined": "rejected", "cancelled": "cancelled",
    "report-received": "completed",
}  # fmt: skip


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Year:
    """Gathers (learnt, version) pairs."""

    def __init__(self, cards: dict[str, str], seed: int = 9) -> None:
        """cards: patient -> card."""
        self.dice, self.cards = random.Random(seed), cards
        self.told: list[tuple[datetime, Json]] = []
        self.learnt: dict[str, datetime] = {}

    def hours(self, low: int, high: int) -> timedelta:
        return timedelta(minutes=self.dice.randint(low * 60, high * 60))

    def tell(self, at: datetime, resource: Json) -> None:
        late = self.hours(24, 24 * 25) if self.dice.random() < 0.15 else timedelta(minutes=1)
        name = f"{resource['resourceType']}/{resource['id']}"
        self.learnt[name] = max(at + late, self.learnt.get(name, BEGIN))  # of one resource no version overtakes another
        self.told.append((self.learnt[name], resource))

    def make(self, count: int) -> list[tuple[datetime, list[Json]]]:
        for n in range(count):
            self.referral(n)
        return list(self.loads())

    def referral(self, n: int) -> None:
        dice, (payer, patients, clinic, _) = self.dice, PAIRS[n % len(PAIRS)]
        patient = patients[n // len(PAIRS) % len(patients)]
        sent = BEGIN + timedelta(minutes=dice.randint(0, 125 * 1440))
        self.order, self.whose, self.clinic = f"q-{n}", {"reference": f"Patient/{patient}"}, clinic
        card = {"reference": f"Coverage/{self.cards[patient]}"}
        self.told.append((BEGIN, {
            "resourceType": "ServiceRequest", "id": self.order, "status": "active", "intent": "order",
            "identifier": [{"system": "https://carecoord.example/id/referral", "value": f"Q-{n}"}],
            "priority": dice.choice(["routine", "routine", "urgent"]), "subject": self.whose,
            "authoredOn": stamp(sent - timedelta(hours=1)), "requester": {"reference": f"Organization/{OFFICE}"},
            "performer": [{"reference": f"Organization/{clinic}"}], "code": {"text": "Consult"},
            "performerType": {"text": "Cardiology" if n % 3 < 2 else "GI"}, "insurance": [card],
        }))  # fmt: skip
        if dice.random() < 0.6:
            self.authorization(n, sent, payer, card)
        task, kind = f"q-{n}-task", dice.random()
        steps = [("sent", sent)]
        seen = sent + self.hours(1, 80)
        if dice.random() < 0.8:
            steps.append(("in-triage", seen))
        if kind < 0.12:
            steps.append(("declined", seen + self.hours(1, 90)))
        elif kind < 0.2:
            steps.append(("cancelled", seen + self.hours(1, 90)))
        elif kind > 0.27:  # the others nobody has answered
            if dice.random() < 0.2:
                steps.append(("awaiting-information", seen + self.hours(1, 40)))
            steps.append(("accepted", seen + self.hours(41, 160)))
            steps += self.after(n, steps[-1][1])
        self.task(task, steps, dice.choice(["No capacity", "Not our service"]))
        if kind < 0.06:  # and is sent to another
            again = steps[-1][1] + self.hours(2, 60)
            self.task(f"{task}-2", [("sent", again), ("accepted", again + self.hours(3, 50))], "")

    def task(self, id: str, steps: list[tuple[str, datetime]], why: str) -> None:
        for stage, at in steps:
            more: Json = {"statusReason": {"text": why}} if stage == "declined" else {}
            if stage == "report-received":
                more = {
                    "output": [
                        {
                            "type": {"text": "Report"},
                            "valueReference": {"reference": f"DiagnosticReport/{self.order}-report"},
                        }
                    ]
                }
            self.tell(at, {
                "resourceType": "Task", "id": id, "status": STATUS[stage], "intent": "order",
                "businessStatus": {"coding": [{"system": f"{OURS}/referral-stage", "code": stage}]},
                "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
                "focus": {"reference": f"ServiceRequest/{self.order}"}, "for": self.whose,
                "requester": {"reference": f"Organization/{OFFICE}"},
                "owner": {"reference": f"Organization/{self.clinic}"},
                "authoredOn": stamp(steps[0][1]), "lastModified": stamp(at), **more,
            })  # fmt: skip

    def after(self, n: int, accepted: datetime) -> Iterator[tuple[str, datetime]]:
        """What follows a yes: calls, visits, the report and what is done with it; gives the Task's further stages."""
        dice = self.dice
        for call in range(dice.randint(0, 4)):
            at = accepted + self.hours(1, 400)
            self.tell(at, {
                "resourceType": "Communication", "id": f"{self.order}-call-{call}", "status": "completed",
                "subject": self.whose, "basedOn": [{"reference": f"ServiceRequest/{self.order}"}],
                "recipient": [self.whose if dice.random() < 0.7 else {"reference": f"Organization/{self.clinic}"}],
                "sent": stamp(at), "payload": [{"contentString": "Called."}],
            })  # fmt: skip
        if dice.random() < 0.1:
            return
        booked = accepted + self.hours(1, 200)
        start = (booked + self.hours(30, 600)).replace(second=0)
        yield "scheduled", booked
        ends, kind = "arrived", dice.random()
        if kind < 0.2:
            ends = "noshow"
        elif kind < 0.28:
            ends = "entered-in-error"
        elif kind < 0.34:
            return self.visit(0, booked, start, "booked")
        self.visit(0, booked, start, ends)
        if ends != "arrived":
            booked, start = start + timedelta(days=1), start + timedelta(days=9)
            self.visit(1, booked, start, "arrived")
        if dice.random() < 0.15:
            return None
        report = start + self.hours(5, 400)
        self.tell(report, {
            "resourceType": "DiagnosticReport", "id": f"{self.order}-report", "status": "final",
            "code": {"text": "Consult note"}, "subject": self.whose, "issued": stamp(report),
            "basedOn": [{"reference": f"ServiceRequest/{self.order}"}],
        })  # fmt: skip
        yield "report-received", report + timedelta(minutes=20)
        for errand in ("acknowledge-report", "tell-patient"):
            done = report + self.hours(2, 240)
            for status, at in (("requested", report), ("completed", done))[: 1 if dice.random() < 0.15 else 2]:
                self.tell(at, {
                    "resourceType": "Task", "id": f"{self.order}-{errand}", "status": status, "intent": "order",
                    "code": {"coding": [{"system": f"{OURS}/referral-task", "code": errand}]}, "for": self.whose,
                    "focus": {"reference": f"ServiceRequest/{self.order}"}, "authoredOn": stamp(report),
                    "partOf": [{"reference": f"Task/{self.order}-task"}], "lastModified": stamp(at),
                })  # fmt: skip

    def visit(self, which: int, booked: datetime, start: datetime, ends: str) -> None:
        for status in dict.fromkeys(("booked", ends)):
            why = {"cancelationReason": {"text": "No ride"}} if status == "noshow" else {}
            self.tell(booked if status == "booked" else start + timedelta(hours=1), {
                "resourceType": "Appointment", "id": f"{self.order}-visit-{which}", "status": status,
                "basedOn": [{"reference": f"ServiceRequest/{self.order}"}], "created": stamp(booked),
                "start": stamp(start), "end": stamp(start + timedelta(minutes=30)), **why,
                "participant": [{"actor": self.whose, "status": "accepted"}],
            })  # fmt: skip

    def authorization(self, n: int, sent: datetime, payer: str, card: Json) -> None:
        asked, fast = sent + self.hours(1, 50), self.dice.random() < 0.3
        codes = ["A1", "A1", "A3", "A2"] if self.dice.random() < 0.8 else ["A4"]
        insurance = [{"sequence": 1, "focal": True, "coverage": card}]
        both: Json = {
            "use": "preauthorization",
            "patient": self.whose,
            "insurance": insurance,
            "insurer": {"reference": f"Organization/{payer}"},
            "type": {
                "coding": [{"code": "professional", "system": "http://terminology.hl7.org/CodeSystem/claim-type"}]
            },
        }
        line = {"sequence": 1, "productOrService": {"text": "Consult"}, "extension": [{
            "url": f"{PAS}/extension-requestedService",
            "valueReference": {"reference": f"ServiceRequest/{self.order}"}}]}  # fmt: skip
        self.told.append((asked, {
            "resourceType": "Claim", "id": f"{self.order}-claim", "status": "active", "created": stamp(asked), **both,
            "provider": {"reference": f"Organization/{OFFICE}"}, "item": [line],
            "priority": {"coding": [{"code": "stat" if fast else "normal"}]},
            "referral": {"reference": f"ServiceRequest/{self.order}"},
        }))  # fmt: skip
        first = self.dice.choice(codes)
        answers = [first] if first != "A4" or self.dice.random() < 0.5 else ["A4", "A1"]
        at = asked
        for code in answers:
            at += self.hours(4, 190)
            action = {"url": f"{PAS}/extension-reviewAction", "extension": [{
                "url": f"{PAS}/extension-reviewActionCode", "valueCodeableConcept": {"coding": [
                    {"system": "https://codesystem.x12.org/005010/306", "code": code}]}}]}  # fmt: skip
            self.tell(at, {
                "resourceType": "ClaimResponse", "id": f"{self.order}-answer", "status": "active", **both,
                "created": stamp(at), "outcome": "complete", "disposition": "Seen",
                "request": {"reference": f"Claim/{self.order}-claim"},
                "item": [{"itemSequence": 1, "adjudication": [{"extension": [action], "category": {"coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/adjudication", "code": "submitted"}]}}]}],
            })  # fmt: skip

    def loads(self) -> Iterator[tuple[datetime, list[Json]]]:
        """What is learnt together: the versions of one resource in different loads, in their order."""
        width = (END - BEGIN) / STEPS
        waiting = sorted((each for each in self.told if each[0] <= END), key=lambda each: each[0])
        step = 0
        while waiting:
            step += 1
            now = max(BEGIN + step * width, BEGIN) if step <= STEPS else END + timedelta(hours=step)
            here: dict[str, Json] = {}
            later: list[tuple[datetime, Json]] = []
            for learnt, one in waiting:
                name = f"{one['resourceType']}/{one['id']}"
                before = any(f"{each['resourceType']}/{each['id']}" == name for _, each in later)
                if learnt <= now and name not in here and not before:
                    here[name] = one
                else:
                    later.append((learnt, one))
            yield now, list(here.values())
            waiting = later


def write(path: Path, resources: list[Json]) -> Path:
    """As NDJSON."""
    path.write_text("".join(json.dumps(each) + "\n" for each in resources))
    return path
