"""What somebody without an account writes, as the resources are to be: the times that a clinic offers. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.elements import Json
from carecoord.domain.scheduling import acts

MOST: Final = 5  # times that a clinic offers


def offered(case: Case, id: str, place: str, starts: Sequence[datetime], now: datetime) -> list[Json]:
    """A visit for each time that is offered, of which the patient takes one. `id`: of the act; `place`: what the clinic
    is called."""
    made = [acts.booked(case, f"{id[:50]}-{n}", place, start, now) for n, start in enumerate(starts, 1)]
    return [_proposed(each) for each in made]


def _proposed(visit: Json) -> Json:
    """A visit to which nobody has said yes but the clinic."""
    patient, *others = visit["participant"]
    return visit | {"status": "proposed", "participant": [patient | {"status": "needs-action"}, *others]}
