"""What those who take part in a visit have answered to it: by the participants of the Appointment itself, and by each
AppointmentResponse. Only a no is read: it stands against what is booked, and nobody's yes makes a visit.

Clauses: FHIR R4 Appointment.participant.status, AppointmentResponse.participantStatus. Of the responses of one actor
the latest counts. One that names another time than the visit's speaks of that time. A participant who is not required
(Appointment.participant.required: optional, information-only) may stay away."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final, Literal

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, evidence, item, items, key, target, text

Answerer = Literal["patient", "clinic"]
_THEIRS: Final = ("Patient/", "RelatedPerson/")  # a relative answers for the patient
_AWAY: Final = ("optional", "information-only")


@dataclass(frozen=True, slots=True)
class Decline:
    """A no to a visit. by: the patient's side, or the clinic's: its place, room, device or clinician."""

    by: Answerer
    evidence: Evidence


def declines(appointment: Json, replies: Iterable[Json]) -> tuple[Decline, ...]:
    """Every no that stands against an Appointment. replies: the AppointmentResponses to it."""
    own = [each for each in items(appointment, "participant") if text(each, "status") == "declined"]
    found = [Decline(_side(item(each, "actor")), evidence(appointment, "participant")) for each in own if _counts(each)]
    spared = {target(item(each, "actor")) for each in items(appointment, "participant") if not _counts(each)} - {""}
    for reply in _latest(appointment, replies):
        actor = item(reply, "actor")
        if text(reply, "participantStatus") == "declined" and target(actor) not in spared:
            found.append(Decline(_side(actor), evidence(reply, "participantStatus")))
    return tuple(found)


def undated(appointment: Json, replies: Sequence[Json]) -> list[Json]:
    """The replies that say no and name no time: of the time that the visit has now."""
    found = (each for each in _latest(appointment, replies) if text(each, "participantStatus") == "declined")
    return [each for each in found if not text(each, "start")]


def _counts(participant: Json) -> bool:
    return text(participant, "required") not in _AWAY


def _side(actor: Json) -> Answerer:
    return "patient" if target(actor).startswith(_THEIRS) else "clinic"


def _latest(appointment: Json, replies: Iterable[Json]) -> Iterator[Json]:
    """The last word of each actor about the visit's own time."""
    mine = [each for each in replies if target(item(each, "appointment")) == key(appointment)]
    said = [each for each in mine if text(each, "participantStatus") != "entered-in-error" and _same(each, appointment)]
    last = {target(item(each, "actor")) or key(each): each for each in sorted(said, key=_when)}
    yield from last.values()


def _same(reply: Json, appointment: Json) -> bool:
    """Whether a reply speaks of the time of the visit: one that names none does."""
    spoken, start = text(reply, "start"), text(appointment, "start")
    return not spoken or not start or moment(spoken, UTC) == moment(start, UTC)


def _when(reply: Json) -> tuple[str, str]:
    return text(item(reply, "meta"), "lastUpdated"), key(reply)
