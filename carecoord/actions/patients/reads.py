"""What is read of one patient, each kind through the search that heeds roles and Consents, no more of it than a page
shows: a record of thousands of results is read as quickly as one of ten."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from carecoord.actions.access.turn import Turn
from carecoord.domain.access import verbs
from carecoord.domain.resource.elements import Json
from carecoord.errors import NotFound
from carecoord.fhir import text as json
from carecoord.fhir.search.query import NOTHING, parse
from carecoord.store.resources import read
from carecoord.store.search.search import find
from carecoord.words.sentence import sentence

SORTS: Final = {  # type -> the newest first
    "Condition": "-recorded-date",
    "MedicationRequest": "-authoredon",
    "MedicationStatement": "-effective",
    "AllergyIntolerance": "-date",
    "FamilyMemberHistory": "-date",
    "Observation": "-date",
    "DocumentReference": "-date",
    "Appointment": "-date",
    "AppointmentResponse": "_id",
    "Communication": "-sent",
    "CarePlan": "-date",
    "Goal": "-start-date",
    "CareTeam": "-date",
    "RelatedPerson": "_id",
    "Coverage": "_id",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """Resources, the newest first; `more`: there are others."""

    entries: Sequence[Json] = ()
    more: bool = False


def listed(turn: Turn, type: str, patient: str | Sequence[str], most: int, *asked: tuple[str, str]) -> Listed:
    """A patient's resources of a type, as far as the asker sees them; of several records of one patient, of all of
    these. asked: further search arguments."""
    if turn.filter(type, "s") == NOTHING:
        return Listed()
    ids = (patient,) if isinstance(patient, str) else patient
    pairs = [("patient", ",".join(f"Patient/{id}" for id in ids)), ("_sort", SORTS[type]), ("_total", "none"), *asked]
    page = find(turn.conn, parse(type, pairs, turn.world.base, strict=True), turn.may("s"), page_size=most)
    return Listed([json.loads(row.body) for row in page.rows], page.next is not None)


def seen(turn: Turn, id: str) -> Json:
    """The patient, as somebody sees them who works on cases whole. Raises NotFound."""
    row = read.get(turn.conn, "Patient", id)
    whole = verbs.may(turn.grant.roles, "see-whole") and turn.grant.patient in (None, id)
    if not whole or not turn.sees_there("Patient", row) or row is None or row.deleted:
        raise NotFound(sentence("refusals.there-no-such-patient-or"), "http.patient")
    found: Json = json.loads(row.body)
    return found


def is_closed(turn: Turn, type: str) -> bool:
    """Whether the asker's role sees nothing of a type."""
    return turn.filter(type, "r") == NOTHING


def is_withheld(turn: Turn, types: Sequence[str], patients: Sequence[str]) -> bool:
    """Whether a Consent of the patient, by one of these records of theirs, keeps anything from the asker that may be of
    one of these types."""
    return any(whose in patients and part.touches(types) for whose, part in turn.denied().kept.get("r", ()))
