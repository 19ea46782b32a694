"""Contract/$participation: whether a provider takes part in a plan's network on a day, under which agreement and
version, as it is known or was at any instant, as FHIR Parameters (contracts.md 1.4).

It is the decision that clearance takes, on the same rows. Who may see only some rows of the register is told nothing
that rests on another."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Asker, Turn, looking
from carecoord.actions.agreements import rate_answer
from carecoord.actions.agreements.papers import clauses
from carecoord.actions.agreements.rate_answer import Around
from carecoord.actions.clearance import asked
from carecoord.actions.clearance.library import COPIED, Library, shared
from carecoord.domain.agreements import participation, records
from carecoord.domain.agreements.directory import register
from carecoord.domain.agreements.fitness import fitness
from carecoord.domain.agreements.participation import Participation, Question, Result
from carecoord.domain.agreements.prices import Rate, Service
from carecoord.domain.agreements.records import PlanListing, Records
from carecoord.domain.agreements.versions import Version
from carecoord.domain.gates.rules import rule
from carecoord.domain.referrals.referral import Performer
from carecoord.domain.resource.codes import specialties
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import evidence, item, key, target
from carecoord.domain.resource.parties import Directory, Party, directory, party
from carecoord.errors import Invalid, NotFound
from carecoord.fhir.instants import instant, micros
from carecoord.store.resources import read
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence
from carecoord.world import World

Json = dict[str, Any]
PROVIDERS: Final = ("Organization", "Practitioner", "PractitionerRole")
WITHHELD: Final = "Not shown: this access may not read what it rests on."
_ABOVE: Final = 3  # parents of an organization that are looked for


@dataclass(frozen=True)
class _Answer:
    """What was found for the question, and whom it was about."""

    found: Participation
    records: Records
    about: Json
    name: str
    around: Around
    versions: Mapping[str, Version]  # by `Contract/id`, with what amendments inherit


def answer(world: World, asker: Asker, given: Mapping[str, str], *, request: str = "") -> Json:
    """The Parameters. given: the arguments by name (`fhir.operations`).

    Raises Invalid naming the argument, NotFound for a provider, payer, plan or place that is not here, Forbidden.
    """
    query = "&".join(f"{name}={value}" for name, value in given.items())
    with looking(world, asker, request) as turn, noted(turn, "participation", "Contract", None, query) as shown:
        for type in ("OrganizationAffiliation", "InsurancePlan"):
            turn.demand(type, "r")
        day, spelt = asked.day(given.get("date")), asked.one_spelling(given)
        if missing := [name for name in ("provider", "plan") if name not in given]:
            raise Invalid(f"{missing[0]} is needed.", f"http.{missing[0]}")
        at, on = asked.instant(spelt, turn.now, world.base.zone), day or local(turn.now, world.base.zone)
        answered = _decided(turn, Library(turn.conn, at), given, on)
        shown.append(None)
        service = rate_answer.service(given, answered.around)
        found = _withheld() if _hides(turn, answered.found, at) else _told(turn, answered, service, at)
        about = {"reference": key(answered.about), "display": answered.name}
        known_at = instant(at if at is not None else micros(turn.now))
        asking = [("date", {"valueDate": on.isoformat()}), ("asOf", {"valueInstant": known_at})]
        parts = [*found, *asking, ("provider", {"valueReference": about})]
        return {"resourceType": "Parameters", "parameter": [{"name": name, **value} for name, value in parts]}


def result(turn: Turn, given: Mapping[str, str], on: date) -> Result:
    """The bare answer on a day, as it is known now. Raises as `answer`."""
    return _decided(turn, Library(turn.conn, None), given, on).found.result


def priced(turn: Turn, given: Mapping[str, str], on: date) -> list[tuple[str, str, Rate]]:
    """What is paid on a day for the service among the arguments, under each agreement by which the provider takes part:
    `Contract/id`, its number, the rate; as far as the asker may see rates. Raises as `answer`."""
    answered = _decided(turn, Library(turn.conn, None), given, on)
    service = rate_answer.service(given, answered.around)
    if service is None or answered.found.result != "in":
        return []
    rates = ((each, rate_answer.priced(turn, service, each, answered.versions)) for each in answered.found.contracts)
    return [(each, answered.versions[each].number, rate) for each, rate in rates if rate]


def _decided(turn: Turn, library: Library, given: Mapping[str, str], on: date) -> _Answer:
    about, organizations, clinicians = _provider(library, given["provider"])
    payer = named_resource(library, "payer", given["payer"], ("Organization",)) if "payer" in given else None
    site = named_resource(library, "site", given["site"], ("Location",)) if "site" in given else None
    value, plans = plans_of(turn, library, given["plan"])
    subjects = [*organizations, *clinicians]
    rows = library.listings({key(each) for each in subjects} | shared(subjects))
    absent, theirs = library.absent(rows)
    rows = list({each.evidence: each for each in (*rows, *theirs)}.values())
    versions = library.versions(each.contract for each in rows if each.contract)
    found = Records(tuple(rows), tuple(plans), tuple(versions))
    around = [*subjects, *absent, *library.fetch(found.parties), *(each for each in (payer, site) if each)]
    around += [copy for kind in ("Organization", "Location") for copy in copies_of(library, kind, (payer, site))]
    near = {key(each): each for each in around if each["resourceType"] in COPIED}
    known = directory(near.values())
    performer = _performer(about, known)
    question = Question(
        performer,
        known[key(site)] if site else None,
        known[key(payer)] if payer else payer_of(plans, known),
        value,
        specialties({"text": given.get("specialty", "")}),
    )
    parents = (each for each in near.values() if each["resourceType"] == "Organization")
    here = register(found, known, parents, fitness(near.values(), turn.world.base.zone))
    said = participation.participation(question, on, here)
    networks = (each for used in here.plans if used.days.holds(on) for each in used.networks)
    about_it = Around(
        day=on,
        site=question.site,
        specialties=question.specialties,
        networks=frozenset[str]().union(*(each.keys for each in networks)),
        plan=value,
    )
    return _Answer(
        said,
        found,
        about,
        performer.name,
        about_it,
        {each.key: each for some in here.agreements.values() for each in some},
    )


def named_resource(library: Library, name: str, given: str, kinds: Iterable[str]) -> Json:
    """The resource that an argument names: `Type/id`, or an identifier `system|value`."""
    kind, slash, _ = given.partition("/")
    if "|" in given:
        found = [each for one in kinds for each in library.identified(one, [given])]
    elif slash and kind in kinds:
        found = library.fetch([given])
    else:
        raise Invalid(f"{name} is {' or '.join(f'{each}/id' for each in kinds)}, or system|value.", f"http.{name}")
    if not found:
        raise NotFound(f"There is no such {name} here.", f"http.{name}")
    return found[0]


def copies_of(library: Library, kind: str, of: Iterable[Json | None]) -> list[Json]:
    return library.identified(kind, shared(each for each in of if each and each["resourceType"] == kind))


def _provider(library: Library, given: str) -> tuple[Json, list[Json], list[Json]]:
    """The resource that is named, the organizations that it means with their copies and what they are part of, and the
    clinicians with theirs."""
    named = named_resource(library, "provider", given, PROVIDERS)
    role = named["resourceType"] == "PractitionerRole"
    own = library.fetch(to for each in _names(named).values() if (to := target(each))) if role else [named]
    organizations: dict[str, Json] = {}
    below = [each for each in own if each["resourceType"] == "Organization"]
    for _ in range(_ABOVE + 1):
        same = [*below, *copies_of(library, "Organization", below)]
        organizations |= {key(each): each for each in same}
        below = library.fetch(to for each in same if (to := target(item(each, "partOf"))) and to not in organizations)
    clinicians = [each for each in own if each["resourceType"] == "Practitioner"]
    clinicians += copies_of(library, "Practitioner", clinicians)
    return named, list(organizations.values()), clinicians


def _names(named: Json) -> dict[str, Json]:
    """The References by which a resource stands for an organization and a clinician."""
    if named["resourceType"] == "PractitionerRole":
        return {name: item(named, name) for name in ("organization", "practitioner")}
    return {named["resourceType"].lower(): {"reference": key(named)}}


def _performer(about: Json, known: Directory) -> Performer:
    means = _names(about)
    of, who = (party(means[name], known) if means.get(name) else None for name in ("organization", "practitioner"))
    return Performer(of, who, evidence(about))


def plans_of(turn: Turn, library: Library, given: str) -> tuple[str, list[PlanListing]]:
    """What stands on cards for the plan, and what is listed of it as far as the asker may see that."""
    value = given.strip()
    if named := given.startswith("InsurancePlan/"):
        own = records.read([named_resource(library, "plan", given, ("InsurancePlan",))], turn.world.base.zone).plans
        if not own or not turn.readable([given], library.as_of):
            raise NotFound("There is no such plan here.", "http.plan")
        value = own[0].plan
    found = library.plans([value])
    seen = turn.readable((each.evidence.reference for each in found), library.as_of)
    wanted = seen & {given} if named else seen
    return value, [each for each in found if each.evidence.reference in wanted]


def payer_of(plans: Iterable[PlanListing], known: Directory) -> Party | None:
    """Whose the plan is, where nobody said. Raises Invalid where several payers have one of that number."""
    found = [payer for each in plans if (payer := party(each.payer, known))]
    if any(not each.same(found[0]) for each in found):
        raise Invalid("Several payers have a plan of this number: name the payer.", "http.payer")
    return found[0] if found else None


def _hides(turn: Turn, found: Participation, at: int | None) -> bool:
    """Whether the answer rests on rows of the directory or plans that the asker may not see."""
    rests = {
        each.reference
        for each in found.evidence
        if each.reference.startswith(("OrganizationAffiliation/", "InsurancePlan/"))
    }
    return not rests <= turn.readable(rests, at)


def _withheld() -> list[tuple[str, Json]]:
    said = {"valueString": WITHHELD}
    return [
        ("result", {"valueCode": "unknown"}),
        ("reason", said),
        ("rule", {"valueString": rule("agreement", "unknown")}),
    ]


def _told(turn: Turn, answered: _Answer, service: Service | None, at: int | None) -> list[tuple[str, Json]]:
    found = answered.found
    parts: list[tuple[str, Json]] = [
        ("result", {"valueCode": found.result}),
        ("reason", {"valueString": say(found.reason)}),
        ("rule", {"valueString": rule("agreement", found.kind)}),
    ]
    network = say(found.network) if isinstance(found.network, Sentence) else str(found.network)
    texts = (("network", network), ("agreement", found.number), ("version", found.version))
    parts += [(name, {"valueString": text}) for name, text in texts if text]
    parts += _beside(found, answered.versions)
    under = found.contracts if found.result == "in" else ()
    if clause := clauses.taking_part(turn, answered.versions.values(), under, at):
        parts.append(("clause", {"part": clauses.parts(clause)}))
    in_force = (v for v in answered.records.versions if v.number == found.number and v.n == found.version)
    if amendment := next((each.amendment for each in in_force if each.amendment), ""):
        parts.append(("amendment", {"valueCode": amendment}))
    if found.until:
        parts.append(("until", {"valueDate": found.until.isoformat()}))
    parts += rate_answer.told(turn, service, found.contracts, answered.versions, at)
    rows = read.many(
        turn.conn, {(kind, id) for e in found.evidence for kind, _, id in [e.reference.partition("/")]}, at
    )
    if rows:
        parts.append(("freshness", {"valueInstant": instant(min(row.updated for row in rows))}))
    return parts + [
        ("evidence", {"part": _evidence(each.reference, each.version, each.element)}) for each in found.evidence
    ]


def _beside(found: Participation, versions: Mapping[str, Version]) -> list[tuple[str, Json]]:
    """The tier, where in the paper it stands, and until when a course of treatment may go on."""
    parts: list[tuple[str, Json]] = [("tier", {"valueString": found.tier})] if found.tier else []
    said = next((versions[each] for each in found.contracts if each in versions and versions[each].page), None)
    if said and found.result == "in":
        parts += [("page", {"valueString": said.page}), ("paper", {"valueReference": {"reference": said.paper}})]
    return parts + ([("continuityUntil", {"valueDate": found.goes_on.isoformat()})] if found.goes_on else [])


def _evidence(reference: str, version: str | None, element: str) -> list[Json]:
    told = [{"name": "version", "valueString": version}] if version else []
    resource = {"name": "resource", "valueReference": {"reference": reference}}
    return [resource, *told, {"name": "element", "valueString": element}]
