"""A payer's year of requests, made up: the events as the log keeps them, and of each request what truly happened, by
which a plain script counts. It shares no code with what is tested."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from statistics import mean, median
from typing import Any

YEAR = datetime(2025, 1, 1, 5, tzinfo=UTC)  # its midnight in New York
OUTCOMES = ("approved",) * 14 + ("denied", "denied", "partly", "modified", "not-required")
MONTH = timedelta(days=30)


@dataclass
class Truth:
    """What happened to a request. took: from receipt to the first decision; None: it was not decided in the year."""

    expedited: bool
    took: timedelta | None = None
    outcome: str = ""
    extended: bool = False
    appealed: bool = False
    won: bool = False


@dataclass
class Year:
    """n requests, always the same ones."""

    n: int
    payer: str = "office-blue-horizon"
    truths: list[Truth] = field(default_factory=list)
    _dice: random.Random = field(default_factory=lambda: random.Random(57))
    _ids: int = 0

    def events(self) -> Iterator[dict[str, Any]]:
        for n in range(self.n):
            yield from self._story(f"made-{n // 4}")

    def _story(self, patient: str) -> Iterator[dict[str, Any]]:
        dice = self._dice
        truth = Truth(expedited=dice.random() < 0.2)
        came = YEAR + timedelta(minutes=dice.randrange(330 * 24 * 60))
        kind = dice.random()
        counts = kind > 0.04
        asks = "retro" if kind < 0.02 else "submit"
        drug = 0.02 <= kind < 0.04
        claim = self._id()
        yield self._claim(patient, claim, came, truth.expedited, asks=asks, drug=drug, here=dice.random() < 0.9)
        if dice.random() < 0.05 and counts:  # changed before it was decided: still one request, and one clock
            follower = self._id()
            yield self._claim(patient, follower, came + timedelta(hours=1), truth.expedited, asks="update",
                              follows=claim)  # fmt: skip
            claim = follower
        if dice.random() < 0.02:
            yield self._event(patient, "Claim", claim, came + timedelta(hours=2), "submitted", "cancelled", {}, 2)
            self._keep(truth, counts)
            return
        if dice.random() < 0.03:
            self._keep(truth, counts)
            return
        at = came + timedelta(hours=3)
        if dice.random() < 0.08:
            truth.extended = True
            yield self._answer(patient, claim, at, "pended", extended=dice.choice(("payer", "patient")))
        longest = 80 if truth.expedited else 240
        decided = at + timedelta(minutes=dice.randrange(1, longest * 60))
        truth.took, truth.outcome = decided - came, dice.choice(OUTCOMES)
        wrong = dice.random() < 0.01
        if wrong:  # an answer that was entered in error never was
            mistaken = self._answer(patient, claim, at, "denied")
            yield mistaken
            yield {**mistaken, "before": "denied", "state": "entered-in-error", "version": 2, "payload": "{}"}
        answer = self._answer(patient, claim, decided, truth.outcome)
        yield answer
        if dice.random() < 0.05:  # it is about two orders: the log has it twice
            yield {**answer, "case_id": "another"}
        yield from self._afterwards(patient, claim, decided, truth)
        self._keep(truth, counts)

    def _afterwards(self, patient: str, claim: str, decided: datetime, truth: Truth) -> Iterator[dict[str, Any]]:
        dice = self._dice
        if truth.outcome in ("denied", "partly", "modified") and dice.random() < 0.4:
            appeal, at = self._id(), decided + timedelta(days=2)
            yield self._claim(patient, appeal, at, truth.expedited, asks="appeal", follows=claim)
            if dice.random() < 0.9:
                truth.appealed = True
                said = dice.choice(("approved", "denied", "partly"))
                truth.won = said == "approved"
                yield self._answer(patient, appeal, at + timedelta(days=9), said)
        elif truth.outcome == "approved" and dice.random() < 0.05:  # an extension is another request
            more, at = self._id(), decided + timedelta(hours=5)
            other = Truth(truth.expedited, timedelta(hours=6), "approved")
            yield self._claim(patient, more, at, truth.expedited, asks="extend", follows=claim, drug=self._drugs)
            yield self._answer(patient, more, at + timedelta(hours=6), "approved")
            self._keep(other, counts=not self._drugs)

    _drugs = False

    def _keep(self, truth: Truth, counts: bool) -> None:
        if counts and truth.took is not None:
            self.truths.append(truth)

    def _id(self) -> str:
        self._ids += 1
        return f"made-{self._ids}"

    def _claim(
        self, patient: str, id: str, at: datetime, expedited: bool, *, asks: str, follows: str = "",
        drug: bool = False, here: bool = True,
    ) -> dict[str, Any]:  # fmt: skip
        self._drugs = drug if not follows else self._drugs
        said: dict[str, Any] = {"payer": f"Organization/{self.payer}", "asks": asks}
        said |= {"received": at.isoformat()} if here else {}
        said |= {"expedited": True} if expedited else {}
        said |= {"follows": f"Claim/{follows}"} if follows else {}
        said |= {"drug": True} if drug else {}
        told = at - timedelta(days=40) if here else at  # a sender may write what it likes where we saw it come
        return self._event(patient, "Claim", id, told, "", "submitted", {"metric": said})

    def _answer(
        self, patient: str, claim: str, at: datetime, outcome: str, extended: str = ""
    ) -> dict[str, Any]:  # fmt: skip
        said = {"outcome": outcome} | ({"extended": extended} if extended else {})
        payload = {"request": f"Claim/{claim}", "by": "human", "metric": said}
        return self._event(patient, "ClaimResponse", self._id(), at, "", outcome, payload)

    def _event(
        self, patient: str, type: str, id: str, at: datetime, before: str, state: str, payload: dict[str, Any],
        version: int = 1,
    ) -> dict[str, Any]:  # fmt: skip
        micros = round(at.timestamp() * 1_000_000)
        return {
            "at": micros, "said": at.isoformat(), "recorded": micros, "subject": None, "client": None,
            "organization": None, "request": None, "patient": patient, "case_id": None, "kind": "authorization",
            "before": before, "state": state, "type": type, "resource": id, "version": version, "reason": None,
            "payload": json.dumps(payload),
        }  # fmt: skip


def recounted(truths: list[Truth]) -> dict[str, tuple[int, int, str]]:
    """(numerator, denominator, value to two decimals) of each field, by its name."""
    good = ("approved", "not-required")
    slow = [each for each in truths if not each.expedited]
    fast = [each for each in truths if each.expedited]
    bad = [each for each in slow if each.outcome not in good]
    won = [each for each in bad if each.won]
    longer = [each for each in truths if each.extended]
    longer_good = [each for each in longer if each.outcome in good]

    def share(part: list[Truth], whole: list[Truth]) -> tuple[int, int, str]:
        return len(part), len(whole), hundredth(Fraction(100 * len(part), len(whole)))

    def whole(some: list[Truth]) -> tuple[int, int, str]:
        return len(some), len(some), str(len(some))

    def length(some: list[Truth], seconds: int, average: Any) -> tuple[int, int, str]:
        times = [Fraction(each.took // timedelta(microseconds=1), 1_000_000 * seconds) for each in some if each.took]
        return len(some), len(some), hundredth(average(times))

    return {
        "standard": whole(slow), "expedited": whole(fast), "all": whole(truths),
        "standard-approved": share([each for each in slow if each.outcome in good], slow),
        "standard-denied": share(bad, slow),
        "standard-overturned": share(won, slow),
        "standard-overturned-of-appealed": share(won, [each for each in bad if each.appealed]),
        "standard-mean": length(slow, 86400, mean), "standard-median": length(slow, 86400, median),
        "expedited-approved": share([each for each in fast if each.outcome in good], fast),
        "expedited-denied": share([each for each in fast if each.outcome not in good], fast),
        "expedited-mean": length(fast, 3600, mean), "expedited-median": length(fast, 3600, median),
        "extended-approved": share(longer_good, truths),
        "extended-approved-of-extended": share(longer_good, longer),
    }  # fmt: skip


def hundredth(value: Fraction) -> str:
    """Rounded half up, as people write it."""
    n = (200 * value.numerator + value.denominator) // (2 * value.denominator)
    return f"{n // 100}.{n % 100:02}"
