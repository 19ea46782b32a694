"""Does this performer take part in this plan's network on this day, and under which agreement?

contracts.md 1.4: the plan gives the networks of the day; of the directory's rows for the performer the most specific
that covers the day, the site and the specialty speaks; an exclusion at an equal or finer level wins; the row's agreement
must have a version in force and the clinician or group be credentialed by then. A silent directory proves nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from carecoord.domain.agreement import Standing, Version, standing
from carecoord.domain.calendar import Days, days, first, spoken
from carecoord.domain.case import Case
from carecoord.domain.gate import Evidence
from carecoord.domain.parties import Directory, Party, Role, party
from carecoord.domain.policy import Policy
from carecoord.domain.reading import Json, evidence, extension, extensions, item, items, target, text
from carecoord.domain.referral import Performer, specialties
from carecoord.domain.terms import EXTENSION, IDENTIFIER, PLAN_NET_NETWORK

# How exactly a row names the performer; higher is more specific.
CLINICIAN_AT_SITE, CLINICIAN, GROUP_AT_SITE, GROUP, PARENT, TAX_ID = 6, 5, 4, 3, 2, 1


@dataclass(frozen=True, slots=True)
class Membership:
    """A row of the directory: who takes part, in what, where, when, under which Contract. Empty `networks`: all of the
    payer's; empty `sites` or `specialties`: all."""

    evidence: Evidence
    include: bool
    payer: Party | None
    organization: Party | None
    practitioner: Party | None
    networks: tuple[Party, ...]
    sites: tuple[Party, ...]
    specialties: frozenset[str]
    days: Days
    credentialed: date | None
    contract: str  # `Contract/id`


@dataclass(frozen=True, slots=True)
class PlanNetwork:
    """A plan and the networks it uses during these days."""

    plan: str
    payer: Party | None
    networks: tuple[Party, ...]
    days: Days
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Register:
    """What is known of networks and agreements. `numbers`: the agreement number of each `Contract/id`."""

    rows: tuple[Membership, ...]
    plans: tuple[PlanNetwork, ...]
    agreements: Mapping[str, tuple[Version, ...]]
    numbers: Mapping[str, str]
    parents: Mapping[str, Party]  # `Organization/id` -> the organization it is part of


@dataclass(frozen=True, slots=True)
class Question:
    """Who, where, for which plan and specialty."""

    performer: Performer
    site: Party | None
    payer: Party | None
    plan: str
    specialties: frozenset[str]


@dataclass(frozen=True, slots=True)
class Participation:
    """result: in | out | excluded | pending | unknown. `kind` refines it for the chip: ended, later, site, not-credentialed,
    awaited, suspended, silent, plan, contract... `until`: the first day it no longer holds."""

    result: str
    kind: str
    reason: str
    evidence: tuple[Evidence, ...] = ()
    network: str = ""
    number: str = ""
    version: str = ""
    until: date | None = None


def register(case: Case, known: Directory, roles: Mapping[str, Role], agreements: Mapping[str, tuple[Version, ...]],
             policy: Policy) -> Register:
    """Read the directory's rows of a case."""
    rows = [_affiliation(each, known, policy) for each in case.affiliations if each.get("active") is not False]
    rows += [_clinician(each, known, roles, policy) for each in case.roles
             if each.get("active") is not False and extensions(each, PLAN_NET_NETWORK)]
    plans = [network for each in case.plans if each.get("status", "active") == "active"
             for network in _plans(each, known, policy)]
    numbers = {version.key: number for number, found in agreements.items() for version in found}
    parents = {f"Organization/{o.get('id')}": above for o in case.organizations
               if o.get("partOf") and (above := party(item(o, "partOf"), known))}
    return Register(tuple(rows), tuple(plans), agreements, numbers, parents)


def _affiliation(row: Json, known: Directory, policy: Policy) -> Membership:
    return Membership(
        evidence(row, "period"), text(_mark(row, "participation-kind"), "valueCode") != "exclude",
        party(item(row, "organization"), known), party(item(row, "participatingOrganization"), known), None,
        _parties(items(row, "network"), known), _parties(items(row, "location"), known), _specialties(row),
        days(row.get("period"), policy.zone), _credentialed(row, policy),
        target(item(_mark(row, "governing-contract"), "valueReference")),
    )


def _clinician(row: Json, known: Directory, roles: Mapping[str, Role], policy: Policy) -> Membership:
    role = roles.get(f"PractitionerRole/{row.get('id')}", Role(None, None))
    return Membership(
        evidence(row, "period"), text(_mark(row, "participation-kind"), "valueCode") != "exclude", None, role.organization,
        role.practitioner, _parties([item(e, "valueReference") for e in extensions(row, PLAN_NET_NETWORK)], known),
        _parties(items(row, "location"), known), _specialties(row), days(row.get("period"), policy.zone),
        _credentialed(row, policy), target(item(_mark(row, "governing-contract"), "valueReference")),
    )


def _mark(row: Json, name: str) -> Json:
    return extension(row, f"{EXTENSION}/{name}")


def _parties(references: Iterable[Json], known: Directory) -> tuple[Party, ...]:
    return tuple(found for found in (party(each, known) for each in references) if found)


def _specialties(row: Json) -> frozenset[str]:
    return frozenset[str]().union(*(specialties(each) for each in items(row, "specialty")))


def _credentialed(row: Json, policy: Policy) -> date | None:
    said = text(_mark(row, "credentialed-from"), "valueDate")
    try:
        return first(said, policy.zone) if said else None
    except ValueError:
        return date.max


def _plans(plan: Json, known: Directory, policy: Policy) -> list[PlanNetwork]:
    ids = [text(i, "value") for i in items(plan, "identifier")
           if i.get("system") in (None, f"{IDENTIFIER}/plan")] or [text(i, "value") for i in items(plan, "identifier")]
    parts = [plan, *items(plan, "coverage"), *items(plan, "plan")]
    networks = _parties([each for part in parts for each in items(part, "network")], known)
    owner, when = party(item(plan, "ownedBy"), known), days(plan.get("period"), policy.zone)
    return [PlanNetwork(id, owner, networks, when, evidence(plan, "network")) for id in ids if id]


def participation(asked: Question, day: date, known: Register) -> Participation:
    """Answer for one day."""
    plans = [p for p in known.plans if p.plan == asked.plan and (p.payer is None or asked.payer is None or p.payer.same(asked.payer))]
    today = [p for p in plans if p.days.holds(day) and p.networks]
    if not today:
        return _no_network(asked, day, plans)
    networks = [network for p in today for network in p.networks]
    named = [(level, row) for row in known.rows if (level := _level(row, asked, known))]
    if not named:
        reason = f"Our directory says nothing about {asked.performer.name}."
        return Participation("unknown", "silent", reason, (asked.performer.evidence,), _names(networks))
    near = [(level, row) for level, row in named if _in_network(row, networks, asked)]
    return _among(near, asked, day, today, known) if near else Participation(
        "out", "network", f"{asked.performer.name} does not take part in {_names(networks)}.",
        (today[0].evidence, *(row.evidence for _, row in named[:3])), _names(networks))


def _no_network(asked: Question, day: date, plans: Sequence[PlanNetwork]) -> Participation:
    if not asked.plan:
        return Participation("unknown", "plan", "The card names no plan, so no network can be looked up.")
    evidence = tuple(p.evidence for p in plans)
    if not plans:
        return Participation("unknown", "plan", f"Plan {asked.plan} is not in our register.")
    return Participation("unknown", "plan", f"Plan {asked.plan} has no network on {spoken(day)} in our register.", evidence)


def _level(row: Membership, asked: Question, known: Register) -> int:
    """How exactly the row names the performer, 0 when it does not."""
    who, group = asked.performer.practitioner, asked.performer.organization
    if row.practitioner:
        here = group is None or row.organization is None or row.organization.same(group)
        return (CLINICIAN_AT_SITE if row.sites else CLINICIAN) if here and row.practitioner.same(who) else 0
    if row.organization is None or group is None:
        return 0
    if row.organization.same(group):
        return GROUP_AT_SITE if row.sites else GROUP
    seen: set[str] = set()
    above = known.parents.get(group.reference)
    while above and above.reference not in seen:
        if row.organization.same(above):
            return PARENT
        seen.add(above.reference)
        above = known.parents.get(above.reference)
    return TAX_ID if row.organization.taxes & group.taxes else 0


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


def _among(near: Sequence[tuple[int, Membership]], asked: Question, day: date, plans: Sequence[PlanNetwork],
           known: Register) -> Participation:
    """The most specific row that covers the question, unless an exclusion is as specific."""
    covering = [(level, row) for level, row in near if row.days.holds(day) and _fits(row, asked) is not False]
    includes = [pair for pair in covering if pair[1].include and _here(pair[1], asked)]
    level = max((n for n, _ in includes), default=0)
    shut = [row for n, row in covering if not row.include and n >= level and _here(row, asked) is not False]
    network = _names([n for p in plans for n in p.networks])
    if shut:
        return _shut(shut, asked, network)
    if not includes:
        return _outside(near, covering, asked, day, network)
    contract = next((row.contract for _, row in includes if row.contract), "")
    found = [_under(row, row.contract or contract, asked, day, plans, known) for n, row in includes if n == level]
    return min(found, key=lambda each: (("in", "pending", "unknown", "out").index(each.result), _late(each.until)))


def _shut(rows: Sequence[Membership], asked: Question, network: str) -> Participation:
    """Excluded for certain, or perhaps: where the exclusion is for some sites or specialties and the order names none."""
    proof = tuple(row.evidence for row in rows)
    if any(_here(row, asked) and _fits(row, asked) for row in rows):
        return Participation("excluded", "excluded", f"{asked.performer.name} is excluded from {network}.", proof, network)
    reason = f"{asked.performer.name} is excluded from {network} in part: name the site and the specialty."
    return Participation("unknown", "excluded-in-part", reason, proof, network)


def _late(until: date | None) -> int:
    return -(until or date.max).toordinal()


def _outside(near: Sequence[tuple[int, Membership]], covering: Sequence[tuple[int, Membership]], asked: Question,
             day: date, network: str) -> Participation:
    """Why no row covers the question, by its nearest miss."""
    name = asked.performer.name
    elsewhere = [row for _, row in covering if row.include]
    rows = elsewhere or [row for _, row in near if row.include]
    proof = tuple(row.evidence for row in rows)
    if elsewhere:
        sites = " and ".join(sorted({site.name for row in elsewhere for site in row.sites}))
        if asked.site is None:
            return Participation("unknown", "site", f"{name} takes part at {sites} only: name the site of the visit.", proof, network)
        return Participation("out", "site", f"{name} takes part at {sites} only, not at {asked.site.name}.", proof, network)
    ended = [row for row in rows if row.days.end and row.days.end <= day]
    later = [row for row in rows if row.days.start and row.days.start > day]
    if ended:
        last = max(ended, key=lambda row: row.days.end or date.min)
        reason = f"{name} takes part in {network} until {spoken(last.days.last)} only."
        return Participation("out", "ended", reason, (last.evidence,), network, until=last.days.end)
    if later:
        reason = f"{name} takes part in {network} from {spoken(min(row.days.start or day for row in later))} only."
        return Participation("out", "later", reason, proof, network)
    # Specialties are words of different vocabularies: that they differ is a doubt, not a proof.
    reason = f"{name} is listed in {network} for other specialties than this order's."
    return Participation("unknown", "specialty", reason, proof, network)


def _under(row: Membership, contract: str, asked: Question, day: date, plans: Sequence[PlanNetwork],
           known: Register) -> Participation:
    """The row's agreement on the day, and the credentialing."""
    name, network = asked.performer.name, _names([n for p in plans for n in p.networks])
    number = known.numbers.get(contract, "")
    stand = standing(number, known.agreements.get(number, ()), day) if number else None
    if stand is None:
        reason = f"{name} is listed in {network}, but no agreement is on file."
        return Participation("unknown", "contract", reason, (row.evidence,), network)
    proof = (row.evidence, *stand.evidence)
    if not stand.version:
        return _not_in_force(stand, proof, network)
    ends = [end for end in (row.days.end, stand.until, *(p.days.end for p in plans)) if end]
    until, n = min(ends, default=None), stand.version.n
    if row.credentialed and row.credentialed > day:
        when = f" until {spoken(row.credentialed)}" if row.credentialed < date.max else ""
        return Participation("pending", "not-credentialed", f"{name} is not credentialed{when}.", proof, network, number, n, until)
    ending = f", until {spoken(Days(end=until).last)}" if until else ""
    return Participation("in", "in-network", f"{name} is in {network} under agreement {number}{ending}.",
                         (*proof, *(p.evidence for p in plans)), network, number, n, until)


def _not_in_force(stand: Standing, proof: tuple[Evidence, ...], network: str) -> Participation:
    result = {"awaited": "pending", "unknown": "unknown"}.get(stand.state, "out")
    before = ", before the visit" if stand.state == "ended" else ", after the visit" if stand.state == "later" else ""
    return Participation(result, stand.state, f"{stand.reason}{before}.", proof, network, stand.number, until=stand.until)


def _names(parties: Iterable[Party]) -> str:
    return " and ".join(dict.fromkeys(each.name or each.reference for each in parties)) or "the network"
