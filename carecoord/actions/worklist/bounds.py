"""What late, today, soon and this week mean at an instant."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from carecoord.fhir.instants import micros
from carecoord.store.worklist.tabs import DueBounds


def moments(now: datetime, zone: ZoneInfo) -> DueBounds:
    """What late, today, soon and this week mean at an instant, by the midnights of the office's time zone."""
    today = now.astimezone(zone).date()

    def end(days: int) -> int:
        return micros(datetime.combine(today + timedelta(days + 1), time(), zone).astimezone(UTC))

    return DueBounds(micros(now), end(0), end(3), end(7))
