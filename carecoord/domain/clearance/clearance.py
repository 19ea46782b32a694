"""The clearance of a case: can this patient be seen there, then, and be paid for; if not, what is missing, whose move
is it, and by when? Case -> Facts -> six gates -> one answer. Pure: the same case at the same instant gives the same
answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from carecoord.domain.agreements import gate as agreements_gate
from carecoord.domain.agreements.participation import Participation
from carecoord.domain.clearance.deadlines import changes_at, timed, working
from carecoord.domain.clearance.facts import Facts, facts
from carecoord.domain.clearance.warnings import cautions
from carecoord.domain.coverage import gate as coverage_gate
from carecoord.domain.coverage.gate import Card
from carecoord.domain.documents import gate as documents_gate
from carecoord.domain.gates.gate import RANK, Action, Gate, Span, best
from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth import gate as prior_auth_gate
from carecoord.domain.prior_auth.ruling import Matter, Ruling
from carecoord.domain.referrals import loop_gate
from carecoord.domain.referrals.case import Case
from carecoord.domain.referrals.visits import Booking
from carecoord.domain.resource.days import Days, local, midnight, shifted
from carecoord.domain.scheduling import gate as scheduling_gate
from carecoord.words.sentence import Sentence

CLEARING = ("coverage", "authorization", "agreement", "information", "appointment")  # gates that bear on being seen
URGING = ("appointment.cancel-requested", "appointment.died")  # before them no other gate is worth anybody's while


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Clearance:
    """The answer. `cleared`: the patient can be seen and paid for: a visit is booked and ahead, and every gate that
    bears on it is met, for its day or the one that was asked about. `date` is the day judged for: asked, booked or
    done; None when every day of `window` was judged. `due` is when the case begins to hurt the patient
    (deadlines.working). `changes`: days in the window from which the answer differs. `changes_at`: when time alone may
    change it."""

    gates: tuple[Gate, ...]
    cleared: bool
    closed: bool
    headline_gate: str | None
    headline: Sentence | str
    action: Action | None
    who: str | None
    due: datetime | None
    due_label: str | None
    since: datetime | None
    conflict: tuple[str, ...]
    warnings: tuple[str, ...]
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

    def gate(self, name: str) -> Gate:
        """One of the six by name."""
        return next(gate for gate in self.gates if gate.name == name)


def clear(case: Case, now: datetime, policy: Policy, on: date | None = None) -> Clearance:
    """Judge a case at an instant: for the day `on`, else for the booked day, else for every day of the window."""
    return judge(facts(case, policy), now, policy, on)


def judge(known: Facts, now: datetime, policy: Policy, on: date | None = None) -> Clearance:
    """Judge facts that have been read already."""
    booking = known.visits.booked(now, policy)
    settled = on or _settled(known, booking)
    days = [_day(known, day, booking, bool(settled), now, policy) for day in _starts(known, settled, now, policy)]
    ruled = min(days, key=lambda d: _rank(d.ruling.gate))
    where = min(days, key=lambda d: _rank(d.agreement))
    insured = min(days, key=lambda d: _rank(d.coverage))
    asks = (*known.papers.asks, *documents_gate.by_rule(known.papers, ruled.ruling.need, known.requests))
    visit = _visit(known, booking, days, ruled, where, now, policy)
    window = _window(known, now, policy)
    spread = [_spread([(d.day, d.gates[n]) for d in days], window) for n in range(3)]
    spread[1] = _disputed(spread[1], known)
    spread[2] = _offered(spread[2], where, known)
    closing = loop_gate.gate(known.referral, known.visits, known.closing, now, policy)
    gates = tuple(timed(gate, known, booking, policy) for gate in (*spread, documents_gate.gate(asks), visit, closing))
    return _answer(gates, known, now, policy, on, settled, booking, window, insured, ruled, where, asks)


def _rank(gate: Gate) -> int:
    return RANK[gate.state]


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


def _day(known: Facts, day: date, booking: Booking | None, settled: bool, now: datetime, policy: Policy) -> Day:
    card = coverage_gate.choose(known.cards, known.referral.cards, day)
    # What was known when the day was over is what counts for it: an answer does not go stale under a past visit.
    then = min(now, midnight(shifted(day, 1), policy.zone))
    visit = booking if booking and booking.day == day else None
    site = (visit.site if visit else None) or known.referral.site
    found = agreements_gate.answer(known.referral, site, card, day, known.register)
    asked = [ask.words for ask in known.papers.asks if ask.by == "payer" and ask.state != "attached"]
    matter = Matter(
        known.referral,
        card,
        known.requests,
        known.visits,
        known.rules,
        asked,
        found,
        site,
        day,
        settled,
        (visit.evidence,) if visit else (),
        now,
        policy,
        known.ledger,
    )
    return Day(
        day,
        card,
        coverage_gate.gate(card, day, then, policy),
        prior_auth_gate.ruling(matter),
        found,
        agreements_gate.gate(found, known.referral, card),
    )


def _visit(
    known: Facts, booking: Booking | None, days: Sequence[Day], ruled: Day, where: Day, now: datetime, policy: Policy
) -> Gate:
    """The appointment gate: a booked day is judged for itself, even when another day was asked about."""
    own = next((d for d in days if booking and d.day == booking.day), None)
    if booking and booking.day and not own:
        own = _day(known, booking.day, booking, True, now, policy)
    shut = days[0].shut if all(d.shut for d in days) else None
    clash = [c for c in known.conflicts if c.about == "appointment"]
    return scheduling_gate.gate(
        scheduling_gate.Matter(
            known.referral,
            known.visits,
            booking,
            (own or ruled).ruling,
            (own or where).participation,
            shut,
            known.died,
            " ".join(c.words for c in clash),
            tuple(e for c in clash for e in c.evidence),
            now,
            policy,
        )
    )


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


def _disputed(gate: Gate, known: Facts) -> Gate:
    """An authorization that two sources decide differently is not known to be given."""
    clash = [each for each in known.conflicts if each.about == "authorization"]
    if not clash or gate.unmet:
        return gate
    said, proof = " ".join(each.words for each in clash), tuple(e for each in clash for e in each.evidence)
    settle = Action("settle-conflict", "Ask which is true")
    rule, label = "authorization.conflict", "Settle conflict"
    return Gate("authorization", "unknown", said, rule, proof, settle, "coordinator", due_label=label)


def _cleared(
    by: dict[str, Gate], known: Facts, on: date | None, booking: Booking | None, now: datetime, policy: Policy
) -> bool:
    """Whether the patient can be seen and paid for on the booked day, or on the one that was asked about."""
    ahead = bool(booking and booking.start and booking.start > now)
    if not ahead or known.referral.withdrawn or known.conflicts or any(by[name].unmet for name in CLEARING):
        return False
    asked = on and booking and on != booking.day
    return not asked or bool(on and local(now, policy.zone) <= on and known.referral.window.holds(on))


def _offered(gate: Gate, where: Day, known: Facts) -> Gate:
    if gate.state != "blocked" and gate.action != agreements_gate.ANOTHER:
        return gate
    return (
        replace(gate, offers=agreements_gate.offers(known.referral, where.card, where.day, known.register))
        if where.card
        else gate
    )


def _answer(
    gates: tuple[Gate, ...],
    known: Facts,
    now: datetime,
    policy: Policy,
    on: date | None,
    settled: date | None,
    booking: Booking | None,
    window: Days,
    insured: Day,
    ruled: Day,
    where: Day,
    asks: tuple[documents_gate.Ask, ...],
) -> Clearance:
    """Put the gates together: what stands first, and what it all comes to."""
    by = {gate.name: gate for gate in gates}
    closed = (known.referral.withdrawn and not known.visits.done) or not by["loop"].unmet
    first = None if closed else _first(gates, by)
    clock = None if closed else working(gates, first, known, booking, ruled.ruling, policy)
    said = first or by["loop"]
    untils = (where.participation.until, ruled.ruling.line.days.end if ruled.ruling.line else None)
    day = settled or ruled.day
    warnings = cautions(
        gates, known, ruled.ruling, ruled.card, where.participation, day, settled is not None, now, policy
    )
    return Clearance(
        gates=gates,
        cleared=not closed and _cleared(by, known, on, booking, now, policy),
        closed=closed,
        headline_gate=first.name if first else None,
        headline=said.reason,
        action=first.action if first else None,
        who=first.who if first else None,
        due=clock.due if clock else None,
        due_label=clock.label if clock else None,
        since=clock.since if clock else None,
        conflict=tuple(c.words for c in known.conflicts),
        warnings=warnings,
        changes_at=changes_at(known, untils, settled is None, now, policy),
        changes=tuple(sorted({span.first for gate in gates for span in gate.spans[1:]})),
        date=settled,
        window=window,
        now=now,
        facts=known,
        booking=booking,
        card=insured.card,
        ruling=ruled.ruling,
        participation=where.participation,
        papers=asks,
    )


def _first(gates: Sequence[Gate], by: dict[str, Gate]) -> Gate | None:
    """The first unmet gate. One that only waits for another's move lets that one speak: a request pended for a paper is
    the paper's story, and its clock is the paper's, which ends before the payer's."""
    urging = next((gate for gate in gates if gate.rule in URGING), None)
    found = urging or next((gate for gate in gates if gate.unmet), None)
    seen: set[str] = set()
    while found and found.waits_on and found.name not in seen and by[found.waits_on].unmet:
        seen.add(found.name)
        found = by[found.waits_on]
    return found
