"""What a colleague changed while somebody wrote, in the words of the form: what it was, what it is, what one wrote."""

from collections.abc import Mapping

from carecoord.actions.acts.act import Overtaken
from carecoord.domain.referrals import stages
from carecoord.domain.resource.elements import Json, item, text
from carecoord.web.acts.forms import Changed
from carecoord.web.page import labels
from carecoord.web.page.labels import chip
from carecoord.web.page.times import Times
from carecoord.words.catalogue import spoken

_WRITTEN = {"assign": "to_name", "snooze": "until", "contact": "touch"}  # verb -> the field that stands against it


def changed(verb: str, values: Mapping[str, str], stale: Overtaken, times: Times) -> Changed:
    """Who, when, theirs and yours."""
    who, when = first(stale, times, spoken("acts.somebody-over-api-or-in"), updated(stale))
    before, theirs = (_said(verb, each, times) for each in (stale.before, stale.now))
    return Changed(who, when, before, theirs, values.get(_WRITTEN.get(verb, ""), ""))


def first(stale: Overtaken, times: Times, somebody: str, written: str) -> tuple[str, str]:
    """Who was first, and when. somebody, written: what is said of who did not do it by an act here, and since when what
    they wrote stands, as it is stored."""
    if stale.act is None:
        return somebody, times.stored(written)
    return stale.act.name, f"{stale.act.at.astimezone(times.zone):%H:%M}"


def updated(stale: Overtaken) -> str:
    """Since when what is there now stands, as it is stored."""
    return text(item(stale.now or {}, "meta"), "lastUpdated")


def _said(verb: str, task: Json | None, times: Times) -> str:
    """What of a Task the form is about."""
    period = item(item(task or {}, "restriction"), "period")
    if verb == "assign":
        return text(item(task or {}, "owner"), "display") or spoken("acts.nobody")
    if verb not in _WRITTEN:
        return _state(task) if task else spoken("acts.nothing")
    day = text(period, "start" if verb == "snooze" else "end")
    return times.stored(day) if day else spoken("acts.no-day")


def _state(resource: Json) -> str:
    """How a Task or a visit stands, in the desk's words."""
    if resource.get("resourceType") == "Appointment":
        return spoken("acts.visit", status=text(resource, "status"))
    return chip(labels.REFERRAL, stages.stage(resource)).label
