"""The clearance of a case: can this patient be seen there, then, and be paid for; if not, what is missing, whose move
is it, and by when? Case -> Facts -> six gates -> one answer. Pure: the same case at the same instant gives the same
answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import reduce
from typing import Final

from carecoord.domain.agreements import gate as agreements_gate
from carecoord.domain.agreements.participation import Participation
from carecoord.domain.clearance.deadlines import changes_at, timed, working
from carecoord.domain.clearance.facts import Facts, facts
from carecoord.domain.clearance.warnings import cautions
from carecoord.domain.coverage import exclusions
from carecoord.domain.coverage import gate as coverage_gate
from carecoord.domain.coverage.gate import Card
from carecoord.domain.documents import gate as documents_gate
from carecoord.domain.gates.gate import RANK, Action, Evidence, Gate, GateName, Mover, Span, best
from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth import gate as prior_auth_gate
from carecoord.domain.prior_auth.ruling import GateInput, Ruling
from carecoord.domain.referrals import loop_gate
from carecoord.domain.referrals.case import Case
from carecoord.domain.referrals.visits import Booking
from carecoord.domain.resource.days import Days, local, midnight, shifted
from carecoord.domain.scheduling import gate as scheduling_gate
from carecoord.domain.scheduling.gate_input import GateInput as VisitInput
from carecoord.domain.scheduling.standing_visits import TO_CALL_OFF
from carecoord.words.sentence import Sentence, sentence

# The gates that bear on being seen.
CLEARING: Final[tuple[GateName, ...]] = ("coverage", "authorization", "agreement", "information", "appointment")
IN_DISPUTE: Final = "loop.conflict"
# Before them no other gate is worth anybody's while.
URGING = ("appointment.cancel-requested", "appointment.died", TO_CALL_OFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The three gates that depend on the date, judged for one."""

    day: date
    card: Card | None
    coverage: Gate
    ruling: Ruling
    participation: Participation
    agreement: Gate

    @property
    def gates(self) -> tuple[Gate, Gate, Gate]:
        """In the order of the desk."""
        return self.coverage, self.ruling.gate, self.agreement

    @property
    def shut(self) -> Gate | None:
        """The gate that no visit gets past on this day, as things stand."""
        return next((g for g in self.gates if g.state == "blocked" or g.rule == "authorization.dates"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """The answer. `cleared`: the patient can be seen and paid for: a visit is booked and ahead, and every gate that
    bears on it is met, for its day or the one that was asked about. `date` is the day judged for: asked, booked or
    done; None when every day of `window` was judged. `due` is when the case begins to hurt the patient
    (deadlines.working). `changes`: days in the window from which the answer differs. `changes_at`: when time alone may
    change it."""

    gates: tuple[Gate, ...]
    cleared: bool
    closed: bool
    headline_gate: GateName | None
    headline: Sentence
    action: Action | None
    who: Mover | None
    due: datetime | None
    due_label: Sentence | None
    since: datetime | None
    conflict: tuple[Sentence, ...]
    cautions: tuple[Sentence, ...]
    changes_at: datetime | None
    changes: tuple[date, ...]
    date: date | None
    window: Days
    now: datetime
    facts: Facts
    booking: Booking | None
    card: Card | None
    ruling: Ruling
    participation: Participation
    papers: tuple[documents_gate.Ask, ...]

    def gate(self, name: GateName) -> Gate:
        """One of the six by name."""
        return next(gate for gate in self.gates if gate.name == name)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The cautions in English, for tests and whoever stands outside."""
        return tuple(str(each) for each in self.cautions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Facts as they are judged at an instant: for `settled`, the day there is to judge for, or else for each day in
    `window`. `on`: the day that was asked about. insured, ruled, where: of the days the best for the coverage, the
    authorization and the agreement."""

    known: Facts
    now: datetime
    policy: Policy
    on: date | None
    settled: date | None
    booking: Booking | None
    window: Days
    days: Sequence[Day]
    insured: Day
    ruled: Day
    where: Day


def clear(case: Case, now: datetime, policy: Policy, on: date | None = None) -> Clearance:
    """Judge a case at an instant: for the day `on`, else for the booked day, else for every day of the window."""
    return judge(facts(case, policy), now, on)


def judge(known: Facts, now: datetime, on: date | None = None) -> Clearance:
    """Judge facts that have been read already."""
    policy = known.policy
    booking = known.visits.booked(now, policy)
    settled = on or _settled(known, booking)
    days = [judged_day(known, day, booking, bool(settled), now, policy) for day in _starts(known, settled, now, policy)]
    hearing = Hearing(
        known=known, now=now, policy=policy, on=on, settled=settled, booking=booking,
        window=_window(known, now, policy), days=days, insured=min(days, key=lambda day: RANK[day.coverage.state]),
        ruled=min(days, key=lambda day: RANK[day.ruling.gate.state]),
        where=min(days, key=lambda day: RANK[day.agreement.state]),
    )  # fmt: skip
    asks = (*known.papers.asks, *documents_gate.by_rule(known.papers, hearing.ruled.ruling.need, known.requests))
    spread = [_spread([(d.day, d.gates[n]) for d in days], hearing.window) for n in range(3)]
    spread[1] = _disputed(spread[1], "authorization.conflict", known)
    spread[2] = _offered(spread[2], hearing.where, known)
    closing = _disputed(loop_gate.gate(known.referral, known.visits, known.closing, now, policy), IN_DISPUTE, known)
    found = (*spread, documents_gate.gate(asks), _visit(hearing), closing)
    payer = hearing.insured.card.insurer if hearing.insured.card else None
    return _answer(tuple(timed(gate, known, booking, policy, payer) for gate in found), asks, hearing)


def insured(known: Facts, now: datetime) -> Card | None:
    """The card by which `judge` judges, and nothing else of what that finds."""
    policy = known.policy
    settled = _settled(known, known.visits.booked(now, policy))
    days = [_covered(known, day, now, policy) for day in _starts(known, settled, now, policy)]
    return min(days, key=lambda each: RANK[each[1].state])[0]


def _settled(known: Facts, booking: Booking | None) -> date | None:
    """The day there is to judge for, when there is one."""
    if booking:
        return booking.day
    return known.visits.done[-1].day if known.visits.done else None


def _window(known: Facts, now: datetime, policy: Policy) -> Days:
    """The days that are left to choose from; once the window is over there is today, and it is late already."""
    today = local(now, policy.zone)
    asked = known.referral.window
    left = asked.clip(Days(today, None))
    return left if asked.end and not left.empty else Days(today, shifted(today, 1))


def _starts(known: Facts, settled: date | None, now: datetime, policy: Policy) -> list[date]:
    """The days to judge: between two edges nothing changes, so the first of each stretch stands for all of it."""
    if settled:
        return [settled]
    window = _window(known, now, policy)
    begin = window.start or local(now, policy.zone)
    return sorted({begin} | {day for day in known.edges if window.holds(day)})


def judged_day(known: Facts, day: date, booking: Booking | None, settled: bool, now: datetime, policy: Policy) -> Day:
    """The gates of one day, for the visit that is booked on it where that is given."""
    card, coverage = _covered(known, day, now, policy)
    visit = booking if booking and booking.day == day else None
    site = (visit.site if visit else None) or known.referral.site
    found = agreements_gate.answer(known.referral, site, card, day, known.register)
    asked = [ask.words for ask in known.papers.asks if ask.by == "payer" and ask.state != "attached"]
    matter = GateInput(
        referral=known.referral, card=card, requests=known.requests, visits=known.visits, rules=known.rules,
        known=known.known, asked=asked, participation=found, site=site, day=day, settled=settled,
        visit=(visit.evidence,) if visit else (), now=now, policy=policy, ledger=known.ledger,
    )  # fmt: skip
    return Day(
        day=day, card=card, coverage=coverage, ruling=prior_auth_gate.ruling(matter), participation=found,
        agreement=agreements_gate.gate(found, known.referral, card),
    )  # fmt: skip


def _covered(known: Facts, day: date, now: datetime, policy: Policy) -> tuple[Card | None, Gate]:
    """The card of a day, and what the coverage comes to by it."""
    card = coverage_gate.choose(known.cards, known.referral.cards, day)
    # What was known when the day was over is what counts for it: an answer does not go stale under a past visit.
    then = min(now, midnight(shifted(day, 1), policy.zone))
    gate = coverage_gate.gate(card, day, then, policy)
    shut = exclusions.gate(card, known.referral.codes, day, policy) if card and not gate.unmet else None
    return card, shut or gate


def _visit(hearing: Hearing) -> Gate:
    """The appointment gate: a booked day is judged for itself, even when another day was asked about."""
    known, booking, days = hearing.known, hearing.booking, hearing.days
    own = next((d for d in days if booking and d.day == booking.day), None)
    if booking and booking.day and not own:
        own = judged_day(known, booking.day, booking, True, hearing.now, hearing.policy)
    said, proof = _clash(known, "appointment")
    matter = VisitInput(
        referral=known.referral, visits=known.visits, booking=booking, ruling=(own or hearing.ruled).ruling,
        participation=(own or hearing.where).participation, shut=days[0].shut if all(d.shut for d in days) else None,
        died=known.died, conflict=said, conflict_evidence=proof, now=hearing.now, policy=hearing.policy,
    )  # fmt: skip
    return scheduling_gate.gate(matter)


def _clash(known: Facts, about: GateName) -> tuple[Sentence | None, tuple[Evidence, ...]]:
    """What sources contradict each other in about a gate, and where they say so; nothing where they agree."""
    clash = [each for each in known.conflicts if each.about == about]
    proof = tuple(evidence for each in clash for evidence in each.evidence)
    return (reduce(_after, (each.words for each in clash)) if clash else None), proof


def _after(first: Sentence, last: Sentence) -> Sentence:
    return sentence("both", first=first, last=last)


def _spread(judged: Sequence[tuple[date, Gate]], window: Days) -> Gate:
    """The best of the days speaks, and says where the answer differs."""
    gate = best(gate for _, gate in judged)
    spans = _spans(judged, window)
    return replace(gate, spans=spans) if spans else gate


def _spans(judged: Sequence[tuple[date, Gate]], window: Days) -> tuple[Span, ...]:
    """Where the answer differs inside the window; nothing when it does not."""
    if len({gate.state for _, gate in judged}) < 2:
        return ()
    found: list[Span] = []
    for n, (day, gate) in enumerate(judged):
        end = judged[n + 1][0] if n + 1 < len(judged) else window.end
        last = shifted(end, -1) if end else day
        if found and (found[-1].state, found[-1].reason) == (gate.state, gate.reason):
            found[-1] = replace(found[-1], last=last)
        else:
            found.append(Span(day, last, gate.state, gate.reason))
    return tuple(found)


def _disputed(gate: Gate, rule: str, known: Facts) -> Gate:
    """An authorization that two sources decide differently is not known to be given; nor is a loop known to be closed
    while an EHR and we say different things of the referral."""
    said, proof = _clash(known, gate.name)
    if said is None or (gate.unmet and rule != IN_DISPUTE):
        return gate
    return Gate(
        rule=rule,
        state="unknown",
        reason=said,
        evidence=proof,
        action=scheduling_gate.SETTLE,
        who="coordinator",
        due_label=sentence("due.settle-conflict"),
    )


def _cleared(by: Mapping[GateName, Gate], hearing: Hearing) -> bool:
    """Whether the patient can be seen and paid for on the booked day, or on the one that was asked about."""
    known, booking, on, now = hearing.known, hearing.booking, hearing.on, hearing.now
    ahead = bool(booking and booking.start and booking.start > now)
    if not ahead or known.referral.withdrawn or known.conflicts or any(by[name].unmet for name in CLEARING):
        return False
    asked = on and booking and on != booking.day
    return not asked or bool(on and local(now, hearing.policy.zone) <= on and known.referral.window.holds(on))


def offering(found: Clearance) -> bool:
    """Whether others to whom the order could go belong into the answer, if they are among what was judged."""
    return _wants_another(found.gate("agreement"))


def _wants_another(gate: Gate) -> bool:
    return gate.state == "blocked" or gate.action == agreements_gate.ANOTHER


def _offered(gate: Gate, where: Day, known: Facts) -> Gate:
    if where.card is None or not _wants_another(gate):
        return gate
    found = agreements_gate.offers(known.referral, where.card, where.day, known.register, known.home)
    return replace(gate, offers=found)


def _answer(gates: tuple[Gate, ...], asks: tuple[documents_gate.Ask, ...], hearing: Hearing) -> Clearance:
    """Put the gates together: what stands first, and what it all comes to."""
    known, now, policy, settled = hearing.known, hearing.now, hearing.policy, hearing.settled
    ruled, part = hearing.ruled, hearing.where.participation
    by = {gate.name: gate for gate in gates}
    ended = (known.referral.withdrawn and not known.visits.done) or not by["loop"].unmet
    disputed = by["loop"].rule == IN_DISPUTE  # whether it is withdrawn is what may be in dispute
    stands = by["appointment"].rule == TO_CALL_OFF and not disputed  # a visit of it is still somebody's move
    closed = ended and not disputed and not stands
    over = (ended and not stands) or known.referral.stage == "advice-given"  # advice needs neither visit nor approval
    first = None if closed else by["loop"] if over else _first(gates, by)
    clock = None if closed else working(gates, first, known, hearing.booking, ruled.ruling, policy)
    untils = (part.until, ruled.ruling.line.days.end if ruled.ruling.line else None)
    return Clearance(
        gates=gates,
        cleared=not closed and _cleared(by, hearing),
        closed=closed,
        headline_gate=first.name if first else None,
        headline=(first or by["loop"]).reason,
        action=first.action if first else None,
        who=first.who if first else None,
        due=clock.due if clock else None,
        due_label=clock.label if clock else None,
        since=clock.since if clock else None,
        conflict=tuple(c.words for c in known.conflicts),
        cautions=_cautions(gates, hearing),
        changes_at=changes_at(known, untils, settled is None, now, policy),
        changes=tuple(sorted({span.first for gate in gates for span in gate.spans[1:]})),
        date=settled, window=hearing.window, now=now, facts=known, booking=hearing.booking,
        card=hearing.insured.card, ruling=ruled.ruling, participation=part, papers=asks,
    )  # fmt: skip


def _cautions(gates: tuple[Gate, ...], hearing: Hearing) -> tuple[Sentence, ...]:
    ruled, settled = hearing.ruled, hearing.settled
    return cautions(
        gates, hearing.known, ruling=ruled.ruling, card=ruled.card, participation=hearing.where.participation,
        day=settled or ruled.day, settled=settled is not None, now=hearing.now, policy=hearing.policy,
    )  # fmt: skip


def _first(gates: Sequence[Gate], by: Mapping[GateName, Gate]) -> Gate | None:
    """The first unmet gate. One that only waits for another's move lets that one speak: a request pended for a paper is
    the paper's story, and its clock is the paper's, which ends before the payer's."""
    urging = next((gate for gate in gates if gate.rule in URGING), None)
    found = urging or next((gate for gate in gates if gate.unmet), None)
    seen: set[str] = set()
    while found and found.waits_on and found.name not in seen and by[found.waits_on].unmet:
        seen.add(found.name)
        found = by[found.waits_on]
    return found
