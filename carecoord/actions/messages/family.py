"""The relatives of a patient: those whom the patient lets know of a referral by a Consent in force, and the others."""

from dataclasses import dataclass

from carecoord.actions.access.turn import Turn
from carecoord.domain.messages import relatives
from carecoord.domain.resource.elements import Json, key
from carecoord.fhir import text as json
from carecoord.fhir.search import params
from carecoord.store.resources import read


@dataclass(frozen=True, slots=True)
class Family:
    """RelatedPersons: `told`, whom the patient lets know; `others`, whom nobody may tell."""

    told: tuple[Json, ...]
    others: tuple[Json, ...]


def family(turn: Turn, patient: str) -> Family:
    """The relatives of a patient, by id."""
    rows = read.referring(turn.conn, params.key("RelatedPerson", "patient"), "Patient", patient)
    known = [json.loads(row.body) for row in rows if not row.deleted]
    held = [each for each in known if each.get("active") is not False]
    said = [json.loads(row.body) for row in read.of_patient(turn.conn, patient, ["Consent"]) if not row.deleted]
    allowed = relatives.permitted(said, turn.present())
    told = tuple(each for each in held if key(each) in allowed)
    return Family(told, tuple(each for each in held if key(each) not in allowed))
