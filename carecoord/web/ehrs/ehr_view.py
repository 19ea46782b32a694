"""The EHRs in words, as an admin reads them: how fresh, when next, what each lets us write, what it was told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from carecoord.actions.ehrs.sync_health import SyncHealth
from carecoord.actions.ehrs.upkeep import Kept, Quarrelled, Writable
from carecoord.fhir.instants import micros
from carecoord.store.ehrs.deliveries import Delivery
from carecoord.store.ehrs.ehrs import Run
from carecoord.web.ehrs.between_view import Quarrel, quarrels, why
from carecoord.web.page.labels import Chip
from carecoord.web.page.times import Times
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

STATES: Final = {
    "good": Chip(sentence("ehrs.states.good"), "green", "circle-check"),
    "late": Chip(sentence("ehrs.states.late"), "amber", "hourglass"),
    "failed": Chip(sentence("ehrs.states.failed"), "red", "circle-x"),
    "never": Chip(sentence("ehrs.states.never"), "amber", "circle-dashed"),
}
PAUSED: Final = Chip(sentence("ehrs.paused.paused"), "amber", "hourglass")
ACTS: Final[Mapping[str, str]] = Glossary(
    {
        "create": sentence("ehrs.act.create"),
        "update": sentence("ehrs.act.update"),
        "delete": sentence("ehrs.act.delete"),
    }
)


@dataclass(frozen=True)
class Bar:
    """One run: `tone` and what it says to whoever points at it."""

    tone: str
    said: str


@dataclass(frozen=True)
class Kind:
    """How far one type has come: `tone` against the goal."""

    tone: str
    said: str


@dataclass(frozen=True)
class Said:
    """A delivery: what it is of, why it is where it is, and since when."""

    key: str
    type: str
    id: str
    why: str
    when: str


@dataclass(frozen=True)
class Tally:
    """How many deliveries stand so, and which."""

    label: str
    count: int
    tone: str
    about: str


@dataclass(frozen=True)
class Disputed:
    """A conflict. `quarrel` and `case`, with what that is called: for whoever may settle it there."""

    what: str
    when: str
    case: str
    called: str
    quarrel: Quarrel | None


@dataclass(frozen=True)
class Block:
    """An EHR on the page."""

    name: str
    address: str
    state: Chip
    fresh: str
    trouble: str
    ungranted: str
    next: str
    paused: bool
    pausable: bool
    bars: Sequence[Bar]
    runs: str
    writes: Sequence[str]
    tallies: Sequence[Tally]
    refused: Sequence[Said]
    waiting: Sequence[Said]
    disputes: int
    disputed: Sequence[Disputed]
    kinds: Sequence[Kind]


def block(kept: Kept, times: Times) -> Block:
    """An EHR in words."""
    health = kept.health
    run = health.run
    return Block(
        health.ehr,
        kept.address,
        PAUSED if health.paused else STATES[health.state],
        _fresh(health, times),
        run.error if run and run.error else "",
        _ungranted(kept),
        _next(health, times),
        health.paused,
        health.every is not None,
        [_bar(each, times) for each in reversed(kept.runs)],
        _runs(kept.runs),
        [_writable(each) for each in kept.writes],
        list(_tallies(kept)),
        [_said(each, times) for each in kept.refused],
        [_said(each, times) for each in kept.waiting],
        kept.disputes,
        [_disputed(each, times) for each in kept.quarrels],
        list(_kinds(kept, times)),
    )


def _ungranted(kept: Kept) -> str:
    """What the last reading that came to its end was not allowed to ask for."""
    run = next((run for run in kept.runs if run.finished is not None), None)
    if run is None or not run.ungranted:
        return ""
    return spoken("ehrs.it-has-not-granted-us", ungranted=", ".join(run.ungranted))


def _kinds(kept: Kept, times: Times) -> Iterator[Kind]:
    """How far each type has come, what is furthest behind first."""
    last = sorted(kept.kinds.items(), key=lambda pair: (pair[1] is not None, pair[1] or times.now, pair[0]))
    for type, since in last:
        if since is None:
            yield Kind("amber", spoken("ehrs.not-read-its-end-yet", type=type))
        else:
            late = times.now - since > kept.health.goal
            yield Kind(
                "amber" if late else "",
                (
                    spoken("ehrs.kind-late", type=type, ago=times.ago(since))
                    if late
                    else spoken("ehrs.kind-as-of", type=type, ago=times.ago(since))
                ),
            )


def _fresh(health: SyncHealth, times: Times) -> str:
    goal = _length(health.goal)
    if health.good is None:
        return spoken("ehrs.nothing-was-read-its-end", goal=goal)
    return spoken(
        "ehrs.last-good-reading-goal-within", ago=times.ago(health.good), at=times.exact(micros(health.good)), goal=goal
    )


def _next(health: SyncHealth, times: Times) -> str:
    if health.every is None:
        return spoken("ehrs.it-not-read-by-itself", ehr=health.ehr)
    often = spoken("ehrs.each", n=_length(health.every))
    if health.is_running:
        return spoken("ehrs.it-being-read-now", often=often)
    if health.paused:
        return spoken("ehrs.it-not-read-until-somebody", often=often)
    if health.again is None or health.again <= times.now:
        return spoken("ehrs.next-reading-due-now", often=often)
    return spoken("ehrs.next-reading-at", again=times.exact(micros(health.again)), often=often)


def _length(lasting: timedelta) -> str:
    minutes = max(1, round(lasting.total_seconds() / 60))
    hours, rest = divmod(minutes, 60)
    return f"{minutes} min" if rest or not hours else f"{hours} h"


def _bar(run: Run, times: Times) -> Bar:
    at = times.exact(micros(run.started))
    if run.finished is None:
        return Bar("blue", spoken("ehrs.under-way", at=at))
    if run.error:
        return Bar("red", spoken("ehrs.run-failed", at=at))
    return Bar("green", spoken("ehrs.read-changed", at=at, received=f"{run.received:,}", changed=f"{run.changed:,}"))


def _runs(runs: Sequence[Run]) -> str:
    if not runs:
        return ""
    failed = sum(run.error is not None for run in runs)
    if len(runs) == 1:
        return spoken("ehrs.only-reading-so-far-failed") if failed else spoken("ehrs.only-reading-so-far-did")
    return (
        spoken("ehrs.last-readings", n=len(runs), failed=failed)
        if failed
        else spoken("ehrs.last-readings-good", n=len(runs))
    )


def _writable(one: Writable) -> str:
    if not one.lets:
        return spoken("ehrs.writes-nothing", type=one.type)
    said = ", ".join(ACTS[act] for act in one.lets)
    lacking = [ACTS[act] for act in one.lets if act not in one.asked]
    return f"{one.type}: {said}" + (spoken("ehrs.we-do-not-ask-it", lacking=", ".join(lacking)) if lacking else "")


def _tallies(kept: Kept) -> Iterator[Tally]:
    for state, label, tone in (
        ("waiting", spoken("ehrs.waiting"), "amber"),
        ("delivered", spoken("ehrs.delivered"), "green"),
        ("refused", spoken("ehrs.refused"), "red"),
        ("kept", spoken("ehrs.kept-here"), "grey"),
    ):
        of = {type: 0 for held, _, type in kept.told if held == state}
        for (held, _, type), count in kept.told.items():
            if held == state:
                of[type] += count
        about = ", ".join(f"{type} {count:,}" for type, count in sorted(of.items()))
        reasons = sorted({reason for held, reason, _ in kept.told if held == state and state == "kept"})
        about = ". ".join(filter(None, (about, *(why(kept.health.ehr, reason).rstrip(".") for reason in reasons))))
        yield Tally(label, sum(of.values()), tone, about)


def _said(one: Delivery, times: Times) -> Said:
    said = why(one.ehr, one.why, one.words).rstrip(".")
    return Said(f"{one.type}/{one.id}", one.type, one.id, said, spoken("ehrs.changed", asked=times.exact(one.asked)))


def _disputed(one: Quarrelled, times: Times) -> Disputed:
    found = quarrels(one.shared, times)
    quarrel = next((each for each in found if each.n == one.conflict.n), None)
    what = f"{one.conflict.type}, {spoken('ehrs.all-of-it') if one.conflict.element == '*' else one.conflict.element}"
    return Disputed(
        what, spoken("ehrs.found", found=times.exact(one.conflict.found)), one.case or "", one.called, quarrel
    )
