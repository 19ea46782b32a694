"""Does this performer take part in this plan's network on this day, and under which agreement?

contracts.md 1.4: the plan gives the networks of the day; of the directory's rows for the performer the most specific
that covers the day, the site and the specialty speaks; an exclusion at an equal or finer level wins; the row's
agreement must have a version in force and the clinician or group be credentialed by then. A silent directory proves
nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from carecoord.domain.agreements.directory import Membership, PlanNetwork, Register
from carecoord.domain.agreements.versions import Standing, State, standing
from carecoord.domain.gates.gate import Evidence
from carecoord.domain.referrals.referral import Performer
from carecoord.domain.resource.days import Days, shifted
from carecoord.domain.resource.parties import Party
from carecoord.words.sentence import Sentence, Value, dated, joined, sentence

# How exactly a row names the performer; higher is more specific.
CLINICIAN_AT_SITE, CLINICIAN, GROUP_AT_SITE, GROUP, PARENT, TAX_ID = 6, 5, 4, 3, 2, 1
CONTINUED_FOR: Final = 90  # days


@dataclass(frozen=True, slots=True)
class Question:
    """Who, where, for which plan and specialty."""

    performer: Performer
    site: Party | None
    payer: Party | None
    plan: str
    specialties: frozenset[str]


Result = Literal["in", "out", "excluded", "pending", "unknown"]
# Why: the names of the gate's rules (gates/rules.py).
Cause = Literal[
    "self-pay", "no-performer", "no-payer", "plan", "silent", "network", "excluded", "excluded-in-part", "site",
    "specialty", "ended", "later", "contract", "suspended", "awaited", "unknown", "not-credentialed", "stale",
    "licence", "barred", "perhaps-barred", "locum", "in-network",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Participation:
    """`kind` says why, by which the chip is chosen. `until`: the first day it no longer holds."""

    result: Result
    kind: Cause
    reason: Sentence
    evidence: tuple[Evidence, ...] = ()
    network: Value = ""
    number: str = ""
    version: str = ""
    until: date | None = None
    contracts: tuple[str, ...] = ()  # `Contract/id` of each version in force by which it is so
    tier: str = ""  # several, with a slash between, where rows that are as exact say different ones
    goes_on: date | None = None  # until when a patient in treatment may go on there, though the agreement has ended
    beside: Sentence | None = None  # the reason with how it lies to the visit: the payer was told of no visit


def participation(asked: Question, day: date, known: Register) -> Participation:
    """Answer for one day: a locum is judged as whom they stand in for; who may not be paid is not in, whatever the
    directory says."""
    found = _taking_part(asked, day, known)
    if found.result != "in":
        found = _standing_in(asked, day, known) or found
    return _unfit(found, asked.performer, day, known) or found if found.result == "in" else found


def _standing_in(asked: Question, day: date, known: Register) -> Participation | None:
    """In the place of a clinician who takes part, on the days and at the sites of which a row says so."""
    for row in known.rows:
        here = row.absent and row.practitioner and row.practitioner.same(asked.performer.practitioner)
        if not here or not row.include or not row.days.holds(day) or not _here(row, asked):
            continue
        whose = Performer(row.organization or asked.performer.organization, row.absent, row.evidence)
        found = _taking_part(replace(asked, performer=whose), day, known)
        if found.result == "in":
            ends = min((end for end in (row.days.end, found.until) if end), default=None)
            reason = sentence(
                "agreement.locum", who=asked.performer.practitioner.name if asked.performer.practitioner else "",
                absent=row.absent.name if row.absent else "", network=found.network, number=found.number,
            )  # fmt: skip
            return replace(found, kind="locum", reason=reason, evidence=(row.evidence, *found.evidence), until=ends)
    return None


def _taking_part(asked: Question, day: date, known: Register) -> Participation:
    plans = [
        p
        for p in known.plans
        if p.plan == asked.plan and (p.payer is None or asked.payer is None or p.payer.same(asked.payer))
    ]
    today = [p for p in plans if p.days.holds(day) and p.networks]
    if not today:
        return _no_network(asked, day, plans)
    networks = [network for p in today for network in p.networks]
    named = [(level, row) for row in known.rows if (level := exactness(row, asked.performer, known))]
    if not named:
        reason = sentence("agreement.silent", who=asked.performer.named)
        return Participation("unknown", "silent", reason, (asked.performer.evidence,), _names(networks))
    near = [(level, row) for level, row in named if _in_network(row, networks, asked)]
    return (
        _among(near, asked, day, today, known)
        if near
        else Participation(
            "out",
            "network",
            sentence("agreement.network", who=asked.performer.named, network=_names(networks)),
            (today[0].evidence, *(row.evidence for _, row in named[:3])),
            _names(networks),
        )
    )


def _no_network(asked: Question, day: date, plans: Sequence[PlanNetwork]) -> Participation:
    if not asked.plan:
        return Participation("unknown", "plan", sentence("agreement.plan.no-name"))
    evidence = tuple(p.evidence for p in plans)
    if not plans:
        return Participation("unknown", "plan", sentence("agreement.plan", plan=asked.plan))
    return Participation("unknown", "plan", sentence("agreement.plan.no-network", plan=asked.plan), evidence)


def exactness(row: Membership, performer: Performer, known: Register) -> int:
    """How exactly the row names the performer, 0 when it does not."""
    who, group = performer.practitioner, performer.organization
    if row.absent:
        return 0
    if row.practitioner:
        here = group is None or row.organization is None or row.organization.same(group)
        return (CLINICIAN_AT_SITE if row.sites else CLINICIAN) if here and row.practitioner.same(who) else 0
    if row.organization is None or group is None:
        return 0
    if row.organization.same(group):
        return GROUP_AT_SITE if row.sites else GROUP
    if any(row.organization.same(above) for above in _above(group, known)):
        return PARENT
    return TAX_ID if row.organization.taxes & group.taxes else 0


def _above(group: Party, known: Register) -> list[Party]:
    """The organizations that a group is part of, by any of its copies, nearest first."""
    found: list[Party] = []
    below = [group]
    while below:
        near = [known.parents[key] for each in below for key in sorted(each.keys) if key in known.parents]
        below = [each for each in near if not any(each.same(other) for other in (group, *found))]
        found += below
    return found


def _in_network(row: Membership, networks: Sequence[Party], asked: Question) -> bool:
    if row.networks:
        return any(each.same(network) for each in row.networks for network in networks)
    return row.payer is not None and row.payer.same(asked.payer)


def _here(row: Membership, asked: Question) -> bool | None:
    """Whether the row covers the site; None when that can not be said because no site is named."""
    if not row.sites:
        return True
    return any(each.same(asked.site) for each in row.sites) if asked.site else None


def _fits(row: Membership, asked: Question) -> bool | None:
    """Whether the row covers the specialty; None when the order names none."""
    if not row.specialties:
        return True
    return not row.specialties.isdisjoint(asked.specialties) if asked.specialties else None


def _among(
    near: Sequence[tuple[int, Membership]], asked: Question, day: date, plans: Sequence[PlanNetwork], known: Register
) -> Participation:
    """The most specific row that covers the question, unless an exclusion is as specific."""
    covering = [(level, row) for level, row in near if row.days.holds(day) and _fits(row, asked) is not False]
    includes = [pair for pair in covering if pair[1].include and _here(pair[1], asked)]
    level = max((n for n, _ in includes), default=0)
    speak = [row for n, row in includes if n == level]
    shut = [
        row
        for n, row in covering
        if not row.include and _here(row, asked) is not False and (n >= level or _carves(n, row, level, speak))
    ]
    network = _names([n for p in plans for n in p.networks])
    if shut:
        return _shut(shut, asked, network)
    if not includes:
        return _outside(near, covering, asked, day, network)
    contract = next((row.contract for _, row in includes if row.contract), "")
    found = [_under(row, row.contract or contract, asked, day, plans, known) for n, row in includes if n == level]
    best = min(found, key=lambda each: (("in", "pending", "unknown", "out").index(each.result), _late(each.until)))
    under = [each for said in found if said.result == best.result for each in said.contracts]
    tiers = sorted({said.tier for said in found if said.result == best.result and said.tier})
    return replace(best, contracts=tuple(dict.fromkeys(under)), tier=" / ".join(tiers))


def _carves(level: int, row: Membership, over: int, includes: Sequence[Membership]) -> bool:
    """Whether an exclusion takes a specialty out of what finer rows open: carved out of a whole group, it is carved out
    at each of its sites whose row opens the site without naming a specialty."""
    same = {level, over} in ({GROUP, GROUP_AT_SITE}, {CLINICIAN, CLINICIAN_AT_SITE})
    return same and bool(row.specialties) and not any(each.specialties for each in includes)


def _shut(rows: Sequence[Membership], asked: Question, network: Value) -> Participation:
    """Excluded for certain, or perhaps: where the exclusion is for some sites or specialties and the order names
    none."""
    proof = tuple(row.evidence for row in rows)
    if any(_here(row, asked) and _fits(row, asked) for row in rows):
        reason = sentence("agreement.excluded", who=asked.performer.named, network=network)
        return Participation("excluded", "excluded", reason, proof, network)
    reason = sentence("agreement.excluded-in-part", who=asked.performer.named, network=network)
    return Participation("unknown", "excluded-in-part", reason, proof, network)


def _late(until: date | None) -> int:
    return -(until or date.max).toordinal()


def _outside(
    near: Sequence[tuple[int, Membership]],
    covering: Sequence[tuple[int, Membership]],
    asked: Question,
    day: date,
    network: Value,
) -> Participation:
    """Why no row covers the question, by its nearest miss."""
    name = asked.performer.named
    elsewhere = [row for _, row in covering if row.include]
    rows = elsewhere or [row for _, row in near if row.include]
    proof = tuple(row.evidence for row in rows)
    if elsewhere:
        sites = joined(sorted({site.name for row in elsewhere for site in row.sites}) or [""])
        if asked.site is None:
            return Participation("unknown", "site", sentence("agreement.site", who=name, sites=sites), proof, network)
        reason = sentence("agreement.site.other", who=name, sites=sites, site=asked.site.name)
        return Participation("out", "site", reason, proof, network)
    ended = [row for row in rows if row.days.end and row.days.end <= day]
    later = [row for row in rows if row.days.start and row.days.start > day]
    if ended:
        last = max(ended, key=lambda row: row.days.end or date.min)
        reason = sentence("agreement.ended", who=name, network=network, day=dated(last.days.last))
        return Participation("out", "ended", reason, (last.evidence,), network, until=last.days.end)
    if later:
        begins = min(row.days.start or day for row in later)
        reason = sentence("agreement.later", who=name, network=network, day=begins)
        return Participation("out", "later", reason, proof, network)
    # Specialties are words of different vocabularies: that they differ is a doubt, not a proof.
    reason = sentence("agreement.specialty", who=name, network=network)
    return Participation("unknown", "specialty", reason, proof, network)


def _under(
    row: Membership, contract: str, asked: Question, day: date, plans: Sequence[PlanNetwork], known: Register
) -> Participation:
    """The row's agreement on the day, and the credentialing."""
    name, network = asked.performer.named, _names([n for p in plans for n in p.networks])
    versions = known.agreements.get(known.numbers.get(contract, ""), ())
    if not versions:
        reason = sentence("agreement.contract", who=name, network=network)
        return Participation("unknown", "contract", reason, (row.evidence,), network)
    number = versions[0].number
    stand = standing(number, versions, day)
    proof = (row.evidence, *stand.evidence)
    if not stand.version:
        return _not_in_force(stand, proof, network, day)
    ends = [end for end in (row.days.end, stand.until, *(p.days.end for p in plans)) if end]
    until, n, key = min(ends, default=None), stand.version.n, stand.version.key
    if row.credentialed and row.credentialed > day:
        reason = _awaits_credentials(name, row.credentialed)
        return Participation("pending", "not-credentialed", reason, proof, network, number, n, until)
    if not row.trusted.holds(day):
        reason = sentence("agreement.stale", who=name, day=dated(row.verified))
        return Participation("unknown", "stale", reason, (row.evidence,), network, number, n, until)
    ends += [end for end in (row.trusted.end,) if end]
    until = min(ends, default=None)
    proof = (*proof, *(p.evidence for p in plans))
    reason = sentence("agreement.in-network", who=name, network=network, number=number)
    if until:
        last = dated(Days(end=until).last)
        reason = sentence("agreement.in-network.until", who=name, network=network, number=number, day=last)
    return Participation("in", "in-network", reason, proof, network, number, n, until, (key,), row.tier)


def _awaits_credentials(who: Value, day: date) -> Sentence:
    if day < date.max:
        return sentence("agreement.not-credentialed.until", who=who, day=day)
    return sentence("agreement.not-credentialed", who=who)


_NOT_IN_FORCE: Final[dict[State, tuple[Result, Cause]]] = {
    "ended": ("out", "ended"),
    "later": ("out", "later"),
    "awaited": ("pending", "awaited"),
    "suspended": ("out", "suspended"),
    "unknown": ("unknown", "unknown"),
}


def _not_in_force(stand: Standing, proof: tuple[Evidence, ...], network: Value, day: date) -> Participation:
    """With until when a patient in treatment may go on there at the terms that ended (No Surprises Act, PHSA 2799A-3:
    90 days; who such a patient is, is for the plan to say)."""
    result, cause = _NOT_IN_FORCE[stand.state]
    under = tuple(dict.fromkeys(each.reference for each in stand.evidence))
    goes_on = shifted(stand.until, CONTINUED_FOR) if cause == "ended" and stand.until else None
    if goes_on is None or goes_on <= day:
        goes_on, under = None, ()
    return Participation(
        result, cause, stand.reason, proof, network, stand.number, "", stand.until, under, goes_on=goes_on,
        beside=stand.beside,
    )  # fmt: skip


def _names(parties: Iterable[Party]) -> Value:
    names = list(dict.fromkeys(each.name or each.reference for each in parties))
    return joined(names) if any(names) else sentence("network.unnamed")


def _unfit(found: Participation, performer: Performer, day: date, known: Register) -> Participation | None:
    """Why somebody who takes part is not to be paid on the day: on a list of those excluded, or without a licence."""
    for key, each in known.fitness.items():
        if not performer.is_called(key):
            continue
        on = [listed for listed in each.exclusions if listed.days.holds(day)]
        name, proof = performer.named, (each.evidence, *found.evidence)
        if certain := [listed for listed in on if listed.certain]:
            reason = sentence("agreement.barred", who=name, list=certain[0].name)
            return Participation("excluded", "barred", reason, proof, found.network, found.number)
        if on:
            reason = sentence("agreement.perhaps-barred", who=name, list=on[0].name)
            return Participation("unknown", "perhaps-barred", reason, proof, found.network, found.number)
        if each.licences and not any(licence.holds(day) for licence in each.licences):
            reason = sentence("agreement.licence", who=name)
            return Participation("pending", "licence", reason, proof, found.network, found.number)
    return None
