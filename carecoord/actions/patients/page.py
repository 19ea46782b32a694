"""The page of one patient: open referrals by the worklist's own query and judgement, cards with the age of the payer's
answer, visits, the chart with its sources, care plans, family, social needs with the services that have room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.clearance import assemble
from carecoord.actions.clearance.library import Library
from carecoord.actions.patients import plans as patient_plans
from carecoord.actions.patients import records
from carecoord.actions.patients import talks as patient_talks
from carecoord.actions.patients.plans import Plans
from carecoord.actions.patients.reads import Listed, is_closed, is_withheld, listed, seen
from carecoord.actions.patients.talks import Talks
from carecoord.actions.referrals.patients import probe
from carecoord.actions.worklist import project, worklist
from carecoord.actions.worklist.worklist import Found
from carecoord.domain.access.payer_view import PayerRow
from carecoord.domain.clearance.facts import facts
from carecoord.domain.coverage import gate as coverage_gate
from carecoord.domain.coverage.gate import Card
from carecoord.domain.ehrs.disputes import Disputed
from carecoord.domain.gates.gate import Gate
from carecoord.domain.patients import disclosures, needs
from carecoord.domain.patients.chart import is_mistaken
from carecoord.domain.patients.disclosures import Disclosure
from carecoord.domain.patients.needs import Service
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.fhir import text as json
from carecoord.fhir.search.query import NOTHING, parse
from carecoord.store.resources import read
from carecoord.store.search.search import find
from carecoord.store.worklist import case_ids
from carecoord.store.worklist.query import WorklistQuery
from carecoord.world import World

CHART: Final = {  # block of the page -> the types in it and how many of each are shown
    "problems": (("Condition", 30),),
    "medications": (("MedicationRequest", 20), ("MedicationStatement", 10)),
    "allergies": (("AllergyIntolerance", 20),),
    "family-history": (("FamilyMemberHistory", 20),),
    "results": (("Observation", 25),),
    "documents": (("DocumentReference", 15),),
}
IN_CHART: Final = frozenset(type for parts in CHART.values() for type, _ in parts)
BLOCKS: Final = {  # block of the page -> the types of which it tells
    **{name: tuple(type for type, _ in parts) for name, parts in CHART.items()},
    "loops": ("ServiceRequest", "Task", "Claim", "ClaimResponse"),
    "coverage": ("Coverage", "CoverageEligibilityResponse"),
    "visits": ("Appointment",),
    "plan": ("CarePlan", "Goal", "CareTeam"),
    "family": ("RelatedPerson",),
    "messages": ("Communication",),
}
LOOPS: Final = 24
_VISITS: Final = 12
_SERVICES: Final = 60
_RELATIVES: Final = 20


@dataclass(frozen=True, slots=True)
class Insured:
    """A card, how sure it is for today, how many days an answer of its payer counts, and the answer itself where there
    is one that the asker may see."""

    card: Card
    gate: Gate
    lasts: int
    answer: Json | None


@dataclass(frozen=True, slots=True)
class Relative:
    """A RelatedPerson, and what they may know."""

    person: Json
    may: Disclosure


@dataclass(frozen=True)
class PatientPage:
    """`withheld`: the blocks of which a Consent may keep entries from the asker; `closed`: those that their role does
    not see; `places`: names of Locations by `Location/id`; `systems`: what EHRs are called, by base URL; `silent`: the
    patient wants no messages; `behind`: further records of theirs, in whose place this one stands, so that loops,
    visits, cards, chart, relatives and messages are of all of these; `before`: the record that stands in the place of
    this one."""

    now: datetime
    patient: Json
    loops: Found
    cards: Sequence[Insured]
    visits: Sequence[Json]
    places: Mapping[str, str]
    chart: Mapping[str, Listed]
    plans: Plans
    relatives: Sequence[Relative]
    services: Sequence[Service]
    disputes: Sequence[Disputed]
    systems: Mapping[str, str]
    withheld: frozenset[str]
    closed: frozenset[str]
    silent: bool
    roles: frozenset[str]
    talks: Talks
    behind: Sequence[Json] = ()
    before: Json | None = None


def opened(world: World, grant: Grant, id: str, tabs: Sequence[str], request: str) -> PatientPage:
    """The page. tabs: the lists of the worklist that are counted for it. Raises NotFound, in the same words, for who is
    not there and for who is not the asker's. Audited as a read of the Patient."""
    with looking(world, grant, request) as turn:
        return shown(turn, id, tabs)


def shown(turn: Turn, id: str, tabs: Sequence[str]) -> PatientPage:
    """The same in a transaction that does more."""
    with noted(turn, "read", "Patient", id) as told:
        patient = seen(turn, id)
        told.append(id)
        return _gathered(turn, patient, tabs)


def _gathered(turn: Turn, patient: Json, tabs: Sequence[str]) -> PatientPage:
    id, behind = str(patient["id"]), records.behind(turn, patient)
    ids = (id, *(str(each["id"]) for each in behind))
    chart = {name: _chart(turn, ids, parts) for name, parts in CHART.items()}
    visits = listed(turn, "Appointment", ids, _VISITS).entries
    library, loops = Library(turn.conn), _loops(turn, ids, tabs)
    return PatientPage(
        turn.now, patient, loops, [card for each in (patient, *behind) for card in _cards(turn, library, each)], visits,
        _places(turn, visits), chart, patient_plans.plans(turn, id),
        [kin for each in ids for kin in _relatives(turn, each)], _services(turn, chart["problems"].entries),
        [each for one in ids for each in library.disputes(one) if each.type in IN_CHART],
        library.systems, frozenset(name for name, types in BLOCKS.items() if is_withheld(turn, types, ids)),
        frozenset(name for name, types in BLOCKS.items() if all(is_closed(turn, each) for each in types)),
        records.has_stopped(turn.conn, id), turn.grant.roles,
        patient_talks.talks(turn, ids, whole(loops), visits), behind, records.before(turn, patient),
    )  # fmt: skip


def whole(loops: Found) -> list[Row[Any]]:
    """The referrals that the asker sees whole."""
    return [row for row in loops.rows if not isinstance(row, PayerRow)]


def _loops(turn: Turn, patients: Sequence[str], tabs: Sequence[str]) -> Found:
    cases = tuple(case for id in patients for case in case_ids.of_patient(turn.conn, id))
    ids = cases or ("",)  # an empty list of ids would mean every case
    return worklist.listed(turn, WorklistQuery("open", only=ids), tabs, LOOPS)


def _chart(turn: Turn, id: Sequence[str], parts: Sequence[tuple[str, int]]) -> Listed:
    found = [listed(turn, type, id, most) for type, most in parts]
    entries = [each for one in found for each in one.entries if not is_mistaken(each)]
    return Listed(entries, any(one.more for one in found))


def _cards(turn: Turn, library: Library, patient: Json) -> list[Insured]:
    """The cards that the asker may read, today's first. By the judgement of every case: where a Consent keeps any of
    what that rests on, there is none."""
    if str(patient["id"]) in turn.cases_withheld():
        return []
    rules = project.policy(turn.world.settings)
    known, day = facts(assemble.of_order(library, probe(patient)), rules), local(turn.now, rules.zone)
    names = {each.key for each in known.cards} | {
        each.answers[0].evidence.reference for each in known.cards if each.answers
    }
    rows = read.many(turn.conn, [(type, id) for type, _, id in (name.partition("/") for name in sorted(names))])
    mine = {f"{row.type}/{row.id}": row for row in turn.seen(rows, "r")}
    found = []
    for card in (each for each in known.cards if each.key in mine):
        answer = mine.get(card.answers[0].evidence.reference) if card.answers else None
        lasts = known.policy.length("eligibility-age", turn.now, card.insurer).days
        judged = coverage_gate.gate(card, day, turn.now, known.policy)
        found.append(Insured(card, judged, lasts, json.loads(answer.body) if answer else None))
    return sorted(found, key=lambda each: (not each.card.active(day), each.card.order))


def _places(turn: Turn, visits: Sequence[Json]) -> dict[str, str]:
    """Names of the places of visits, as they are known here or as the visit tells them."""
    actors = [item(part, "actor") for visit in visits for part in items(visit, "participant")]
    told = {target(each): text(each, "display") for each in actors if target(each)}
    rows = read.many(turn.conn, [("Location", to.partition("/")[2]) for to in told if to.startswith("Location/")])
    return told | {f"Location/{row.id}": text(json.loads(row.body), "name") for row in rows if not row.deleted}


def _relatives(turn: Turn, id: str) -> list[Relative]:
    people = [e for e in listed(turn, "RelatedPerson", id, _RELATIVES).entries if e.get("active") is not False]
    if not people:
        return []
    # Read whole, whoever asks: a Consent that the asker does not see forbids all the same.
    consents = [json.loads(row.body) for row in read.of_patient(turn.conn, id, ["Consent"])]
    present = turn.present()
    return [Relative(each, disclosures.disclosure(key(each), consents, present)) for each in people]


def _services(turn: Turn, problems: Sequence[Json]) -> list[Service]:
    """The services of the directory that meet one of the patient's social needs."""
    wanted = sorted({domain for each in needs.needs(problems) for domain in needs.domains(each)})
    if not wanted or turn.filter("HealthcareService", "s") == NOTHING:
        return []
    codes = ",".join(f"{needs.DOMAINS}|{each}" for each in wanted)
    asked = parse("HealthcareService", [("service-category", codes), ("active:not", "false")], turn.world.base,
                  strict=True)  # fmt: skip
    rows = find(turn.conn, asked, turn.may("s"), page_size=_SERVICES).rows
    return needs.ranked(needs.service(json.loads(row.body)) for row in rows)
