"""The telephone numbers of people and organizations that can be called today."""

from collections.abc import Iterable

from carecoord.domain.resource.elements import Json, text, whole
from carecoord.domain.resource.present import Present

_UNRANKED = 1000


def telephones(telecom: Iterable[Json], present: Present) -> list[Json]:
    """The ContactPoints among these by which somebody is called or sent a short message now, the preferred one first:
    no number of old, and none whose period is over or still to come (R4 datatypes.html#ContactPoint)."""
    calls = [each for each in telecom if text(each, "system") in ("phone", "sms") and text(each, "value").strip()]
    today = [each for each in calls if text(each, "use") != "old" and present.holds(each)]
    return sorted(today, key=lambda each: whole(each, "rank") or _UNRANKED)
