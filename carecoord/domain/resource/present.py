"""What is of the present by its Period: a name, an identifier, a telephone number.

Clause: FHIR R4 datatypes.html#Period ("If the end of the period is a date such as 2012-02-03, then the period includes
any time on 2012-02-03"); decision 24: a day that tells no zone is the office's.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from carecoord.domain.resource.elements import Json, item, text
from carecoord.fhir.instants import EVER, FOREVER, micros, period


@dataclass(frozen=True)
class Present:
    """now: aware. zone: of the days that name none."""

    now: datetime
    zone: tzinfo

    def holds(self, element: Json) -> bool:
        """Whether the element is of the present; one whose Period nobody can read is."""
        starts, ends = self._bounds(element)
        return starts <= micros(self.now) < ends

    def turns(self, element: Json) -> list[int]:
        """The instants to come (microseconds) at which the element begins or ends to be of the present."""
        return [at for at in self._bounds(element) if micros(self.now) < at < FOREVER]

    def _bounds(self, element: Json) -> tuple[int, int]:
        said = item(element, "period")
        try:
            starts = period(text(said, "start"), self.zone)[0] if text(said, "start") else EVER
            ends = period(text(said, "end"), self.zone)[1] if text(said, "end") else FOREVER
        except ValueError:
            return EVER, FOREVER
        return starts, ends


def ends(element: Json) -> bool:
    """Whether the element says a day, or an instant, on which it is over."""
    return bool(text(item(element, "period"), "end"))
