"""What somebody without an account writes, as the resources are to be: the times that a clinic offers, whether the
patient comes. Pure.

Clause: FHIR R4 appointmentresponse.html: the word of one who takes part, about the time that it names."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.elements import Json, key
from carecoord.domain.scheduling import acts

MOST: Final = 5  # times that a clinic offers


def offered(case: Case, id: str, place: str, starts: Sequence[datetime], now: datetime) -> list[Json]:
    """A visit for each time that is offered, of which the patient takes one. `id`: of the act; `place`: what the clinic
    is called."""
    made = [acts.booked(case, f"{id[:50]}-{n}", place, start, now) for n, start in enumerate(starts, 1)]
    return [_proposed(each) for each in made]


def reply(visit: Json, id: str, patient: str, status: str, words: str = "") -> Json:
    """What a patient (by id) answers to a visit: `accepted`, or `declined` in their words."""
    return {
        "resourceType": "AppointmentResponse",
        "id": id,
        "appointment": {"reference": key(visit)},
        **{name: visit[name] for name in ("start", "end") if name in visit},
        "actor": {"reference": f"Patient/{patient}"},
        "participantStatus": status,
        **({"comment": words} if words else {}),
    }


def _proposed(visit: Json) -> Json:
    """A visit to which nobody has said yes but the clinic."""
    patient, *others = visit["participant"]
    return visit | {"status": "proposed", "participant": [patient | {"status": "needs-action"}, *others]}
