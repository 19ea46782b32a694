"""The registry around a case: who is named, whom they belong to, what the register and the payers' rules say of them,
by a handful of reads.

What the registry is asked for is also noted, found or not: those are the keys that the case row leans on. What a case
names of it changes seldom, however often the case is written: for the same question the answer stays on the shelf."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from carecoord.actions.clearance.bodies import mentions
from carecoord.actions.clearance.library import COPIED, Library, shared
from carecoord.actions.policies.known import EVERYBODY
from carecoord.domain.agreements.records import PlanListing, Records, every_network_of, named
from carecoord.domain.policies.lines import Line
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.referrals.case import CLINICAL, Case, Some, kinds, registry
from carecoord.domain.resource import places
from carecoord.domain.resource.codes import HL7, has
from carecoord.domain.resource.elements import codes, identifiers, item, items, key, target, targets, text
from carecoord.domain.resource.memory import remembered
from carecoord.domain.resource.parties import TAXES
from carecoord.domain.terms.everyday import compared
from carecoord.domain.worklist import registry_keys

Json = dict[str, Any]
MOST = 25  # organizations that are looked at for offers: the nearest, and the first by name, of those in network


@dataclass(frozen=True)
class Others:
    """Other performers that come along with a case: at most so many of those that may be in network on the day."""

    day: date
    most: int


@dataclass(frozen=True)
class Wanted:
    """What a case names of the registry. mentioned: everybody, `Type/id`; asked: who is to do it; sites: where the
    visit may be; payers: `Organization/id`; plans: of each card; codes: of the service."""

    mentioned: frozenset[str]
    asked: frozenset[str]
    sites: frozenset[str]
    payers: frozenset[str]
    plans: tuple[tuple[str, ...], ...]
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Around:
    """The registry around a case: its resources, by the field of Case; the payers' rules that may speak of its order,
    rows of the register, what was said of clocks and calendars, and the keys that were asked for."""

    fields: Mapping[str, Some]
    rules: tuple[Rule, ...]
    records: Records
    policies: tuple[Line, ...]
    needs: frozenset[str]


def around(library: Library, case: Case, bodies: Mapping[str, bytes], looked_for: Others | None) -> Around:
    """What the registry has around a case. bodies: the bytes of its resources, by `Type/id`. looked_for: other
    performers that come along."""
    wanted = _wanted(case, bodies)
    if looked_for:
        return _found(library, wanted, case, looked_for)
    return library.around(wanted, lambda: _found(library, wanted))


def _wanted(case: Case, bodies: Mapping[str, bytes]) -> Wanted:
    parts = [case.order, *(each for name in CLINICAL.values() for each in getattr(case, name))]
    parts += [each for other in case.others for each in (*other.appointments, *other.encounters, *other.tasks)]
    return Wanted(
        frozenset().union(*(mentions(body) for part in parts if (body := bodies.get(key(part))))),
        _asked(case),
        _sites(case),
        _payers(case),
        tuple(_plans(card) for card in case.coverages),
        tuple(sorted(code for _, code in codes(item(case.order, "code")))),
    )


def _found(library: Library, wanted: Wanted, case: Case | None = None, looked_for: Others | None = None) -> Around:
    """case, looked_for: whose other performers come along, and which."""
    people, known = _people(library, wanted)
    groups, clinicians = ({*keys, *shared(people[to] for to in keys)} for keys in _performers(wanted.asked, people))
    owners = shared([people[to] for to in wanted.payers if to in people])
    values = {plan for card in wanted.plans for plan in card}
    plans, rows = library.plans(values), library.listings(groups | clinicians)
    absent, theirs = library.absent(rows)
    rows += [each for each in theirs if each not in rows]
    clinicians |= {*map(key, absent), *shared(absent)}
    others: list[Json] = []
    if case and looked_for:
        others = _others(library, case, plans, looked_for)
        rows += library.listings(({key(each) for each in others} | shared(others)) - groups)
    versions = library.versions(each.contract for each in rows if each.contract)
    sites = {target(site) for row in rows for site in row.sites} if others else set[str]()
    where = library.places({*map(key, others), *sites}) if others else ()
    records = Records(tuple(rows), tuple(plans), tuple(versions), where)
    near = library.fetch(records.parties)
    governing = {each.contract for each in rows if each.contract}
    agreements = {each.agreement for each in versions}
    needs = known | registry_keys.asked(records.parties | governing, values, agreements, groups, clinicians, owners)
    found = {key(each): each for each in (*people.values(), *absent, *others, *near)}
    fields = registry(kinds(found.values()))
    said = library.policies(_whose((*fields["organizations"], *fields["locations"])))
    rules = _rules(library, wanted, owners, shared(people.values()))
    return Around(fields, rules, records, tuple(said), needs)


def _whose(parties: Sequence[Json]) -> set[str]:
    """Whose policies may bear on a case: of everybody around it, by every identifier."""
    ids = {each for each in shared(parties) if not each.startswith(TAXES)}
    return {EVERYBODY, *map(key, parties), *ids}


def _rules(library: Library, wanted: Wanted, payers: set[str], providers: set[str]) -> tuple[Rule, ...]:
    """The payers' rules that may speak of the order. Of a card that names no plan, nobody knows which rules pass by."""
    of_cards = {plan for each in wanted.plans for plan in each} if all(wanted.plans) else None
    return library.rules(payers, of_cards, wanted.codes, providers)


def _others(library: Library, case: Case, plans: Sequence[PlanListing], looked_for: Others) -> list[Json]:
    """Some organizations that take part in the plan's networks on the day, those nearest to the patient first and then
    in the order of their names, with every copy of each."""
    networks, payers = (
        {id for each in found for id in (key(each), *identifiers(each))}
        for found in (
            library.copies(named(each) for plan in plans for each in plan.networks),
            library.copies(named(plan.payer) for plan in plans if plan.payer),
        )
    )
    open_to = networks | {every_network_of(each) for each in payers}
    fields = compared(item(case.order, "performerType"))
    home = places.of(case.patient) if case.patient else None
    return library.copies(library.members(open_to, fields, looked_for.day, looked_for.most, home))


def _people(library: Library, wanted: Wanted) -> tuple[Mapping[str, Json], frozenset[str]]:
    """Everybody named, whom they work for or belong to; of performers, payers and sites also every copy. The same to
    every case that names the same."""
    asked, beside, mentioned = wanted.asked, wanted.sites | wanted.payers, wanted.mentioned
    return library.people((mentioned, asked, beside), lambda: _everybody(library, asked, beside, mentioned))


def _everybody(
    library: Library, asked: Iterable[str], beside: Iterable[str], mentioned: Iterable[str]
) -> tuple[Mapping[str, Json], frozenset[str]]:
    wanted, needs, looked = set(mentioned), set[str](), set[str]()
    found: dict[str, Json] = {}
    for _ in range(2):
        for _ in range(3):  # a role's group, its parent, and the parent's parent
            new = library.fetch(sorted(wanted - looked))
            looked |= wanted
            found |= {key(each): each for each in new}
            wanted.update(*map(_named, new))
        meant = {*beside, *(to for each in _performers(asked, found) for to in each)}
        for kind in COPIED:
            ids = shared(found[to] for to in meant if to in found and to.startswith(f"{kind}/"))
            needs |= {registry_keys.identified(kind, each) for each in ids}
            wanted |= {key(each) for each in library.identified(kind, ids)}
    return found, frozenset(needs | wanted)


def _sites(case: Case) -> frozenset[str]:
    """Where the visit may be, `Location/id`."""
    actors = {target(item(each, "actor")) for visit in case.appointments for each in items(visit, "participant")}
    return frozenset(to for to in actors | set(targets(case.order, "locationReference")) if to.startswith("Location/"))


@remembered
def _named(resource: Json) -> tuple[str, ...]:
    """Whom a resource of the registry names: nearly every case names some that others do too."""
    one = (
        item(resource, name)
        for name in (
            "organization",
            "practitioner",
            "managingOrganization",
            "partOf",
        )
    )
    several = [to for name in ("network", "location") for to in targets(resource, name)]
    marked = [target(item(each, "valueReference")) for each in items(resource, "extension")]
    wanted = (*(target(each) for each in one), *several, *marked)
    return tuple([to for to in wanted if to.partition("/")[0] in ("Organization", "Location", "Practitioner")])


def _asked(case: Case) -> frozenset[str]:
    """Who is asked to do it, `Type/id`."""
    return frozenset(to for task in case.tasks for to in targets(task, "owner")) | {*targets(case.order, "performer")}


def _performers(asked: Iterable[str], people: Mapping[str, Json]) -> tuple[list[str], list[str]]:
    """Every organization and clinician that may be meant by who is asked, with copies and parents."""
    named = set(asked)
    named |= {
        to for each in named if each in people for to in _named(people[each]) if each.startswith("PractitionerRole/")
    }
    found = [people[each] for each in named if each in people]
    ids = shared(found)
    same = {to: each for to, each in people.items() if to in named or not ids.isdisjoint(identifiers(each))}
    for _ in range(3):
        same |= {to: people[to] for each in [*same.values()] for to in targets(each, "partOf") if to in people}
    groups = [to for to, each in same.items() if each["resourceType"] == "Organization"]
    return sorted(groups), sorted(to for to, each in same.items() if each["resourceType"] == "Practitioner")


def _payers(case: Case) -> frozenset[str]:
    """The payers, `Organization/id`, and every copy is found by what they share."""
    named = [to for card in case.coverages for to in targets(card, "payor")]
    return frozenset([*named, *(to for claim in case.claims for to in targets(claim, "insurer"))])


def _plans(card: Json) -> tuple[str, ...]:
    """The plans that a Coverage names."""
    classes = (each for each in items(card, "class") if has(item(each, "type"), f"{HL7}/coverage-class", "plan"))
    return tuple(plan for each in classes if (plan := text(each, "value").strip()))
