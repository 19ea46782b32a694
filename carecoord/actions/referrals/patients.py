"""Finding the patient of a new referral, who has one already or none: by one text in any order of words, among those
whom the asker's office and the patients' Consents let them see."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auth.grant import Grant
from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.clearance import assemble
from carecoord.actions.clearance.library import Library
from carecoord.actions.patients.records import behind_others
from carecoord.actions.worklist import project
from carecoord.domain.access import verbs
from carecoord.domain.clearance.facts import facts
from carecoord.domain.coverage import gate as coverage_gate
from carecoord.domain.coverage.gate import Card
from carecoord.domain.gates.gate import Gate
from carecoord.domain.referrals import twins as duplicates
from carecoord.domain.referrals.case import Case
from carecoord.domain.referrals.twins import Twin
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json, key
from carecoord.domain.resource.patient import name
from carecoord.errors import Forbidden, NotFound
from carecoord.fhir import text as json
from carecoord.fhir.search.collation import fold
from carecoord.store.referrals import patient_words
from carecoord.store.resources import read
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.search_words import asked
from carecoord.words.sentence import sentence
from carecoord.world import World

SHOWN: Final = 8  # patients that are shown of those that were found
_LOOKED_AT: Final = 1000  # words of patients that are looked at
_WORDS: Final = 8  # of what was typed


@dataclass(frozen=True)
class Hit:
    """A patient who was found. `card`, `coverage`: who pays today, and how sure that is; `open`: how many of their
    referrals are under way that the asker sees; `twins`: other records that may be theirs."""

    patient: Json
    card: Card | None
    coverage: Gate
    open: int
    twins: Sequence[tuple[Twin, Json]] = ()


@dataclass(frozen=True)
class Found:
    """Who was found: the first by name, how many there are in all, and whether even more were not looked at. `words`:
    as they were looked for."""

    hits: Sequence[Hit]
    count: int
    more: bool
    words: Sequence[str]


def demand(grant: Grant) -> None:
    """Raise Forbidden for who does not refer."""
    if not verbs.may(grant.roles, "refer") or not grant.organization:
        raise Forbidden(sentence("refusals.referrals-made-by-coordinators-and"), "http.act")


def find(world: World, grant: Grant, typed: str, request: str) -> Found:
    """Patients by what somebody typed of their names, birth date, telephone, record or member numbers."""
    demand(grant)
    words = asked(typed)[:_WORDS]
    with looking(world, grant, request) as turn, noted(turn, "search", "Patient", query="new-referral") as shown:
        ids = patient_words.patients(turn.conn, words, _LOOKED_AT)
        people = sorted(_seen(turn, ids), key=lambda each: (fold(name(each, turn.present())), str(each["id"])))
        hits = hits_of(turn, people[:SHOWN], people)
        shown.extend(str(each.patient["id"]) for each in hits)
        return Found(hits, len(people), len(ids) == _LOOKED_AT, words)


def one(turn: Turn, id: str) -> Hit:
    """One patient, as they were chosen. Raises NotFound for one whom the asker may not know of."""
    people = _seen(turn, [id])
    if not people:
        raise NotFound(sentence("refusals.there-no-such-patient-or"), "http.patient")
    return hits_of(turn, people, _born_as(turn, people[0]))[0]


def of_case(turn: Turn, case: Case) -> Hit:
    """The patient of a case that the asker sees. Raises NotFound where there is none."""
    if case.patient is None:
        raise NotFound(sentence("refusals.patient-this-referral-not-here"), "http.patient")
    return hits_of(turn, [case.patient], _born_as(turn, case.patient))[0]


def hits_of(turn: Turn, people: Sequence[Json], others: Sequence[Json]) -> list[Hit]:
    """Patients with what is told of them. others: among whom their doubles are looked for."""
    library = Library(turn.conn)
    day, rules = local(turn.now, project.policy(turn.world.settings).zone), project.policy(turn.world.settings)
    found = []
    for each in people:
        known = facts(assemble.of_order(library, probe(each)), rules)
        card = coverage_gate.choose(known.cards, (), day)
        judged = coverage_gate.gate(card, day, turn.now, known.policy)
        doubles = duplicates.twins(each, others)
        whose = {key(other): other for other in others}
        pairs = [(twin, whose[twin.other]) for twin in doubles]
        found.append(Hit(each, card, judged, _open(turn, str(each["id"])), pairs))
    library.keep()
    return found


def probe(patient: Json) -> Json:
    """An order that says nothing but whom it is for, to be judged as far as that goes."""
    return {"resourceType": "ServiceRequest", "id": "none", "status": "draft", "subject": {"reference": key(patient)}}


def _born_as(turn: Turn, patient: Json) -> list[Json]:
    """Those the asker sees who were born on the patient's day."""
    born = str(patient.get("birthDate") or "")
    return _seen(turn, patient_words.patients(turn.conn, [born], _LOOKED_AT)) if len(born) == len("YYYY-MM-DD") else []


def _seen(turn: Turn, ids: Sequence[str]) -> list[Json]:
    """Those of the patients whom the asker may find. It asks as much where there are none: how long a search takes does
    not tell that somebody of the name is another's."""
    rows = [row for row in read.many(turn.conn, [("Patient", id) for id in ids or [""]]) if not row.deleted]
    people = [json.loads(row.body) for row in turn.seen_there("Patient", rows, "s")]
    behind = behind_others(turn.conn, people)  # the one that leads shows what is theirs
    return [each for each in people if each.get("active") is not False and key(each) not in behind]


def _open(turn: Turn, patient: str) -> int:
    """How many referrals of a patient are under way, of those that the asker sees."""
    scope = turn.cases_seen()
    if patient in scope.besides:
        return 0
    held = worklist_rows.of_patient(turn.conn, patient).values()
    sides = scope.any_of
    return sum(bool(row["open"]) and (sides is None or any(row[side] == id for side, id in sides)) for row in held)
