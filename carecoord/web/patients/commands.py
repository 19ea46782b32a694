"""What the form of each act on a care plan says, and the act that it asks for: one row an act."""

from collections.abc import Mapping
from datetime import date
from typing import Final, cast

from carecoord.actions.care_plans import acts
from carecoord.actions.care_plans.acts import Ending, Member, Step
from carecoord.domain.care_plans.acts import Aim, End, Observed
from carecoord.domain.care_plans.measures import MEASURES
from carecoord.web.acts.commands import Command
from carecoord.web.acts.forms import Reader
from carecoord.web.patients.units import called
from carecoord.words.catalogue import spoken

ENDS: Final[tuple[End, ...]] = ("completed", "revoked")
_LONG: Final = 500


def _start(reader: Reader) -> str:
    return reader.text("template", spoken("patient.fault.template"), most=200)


def _aim(reader: Reader) -> tuple[str, Aim] | None:
    words, due = reader.text("words", spoken("patient.fault.goal"), _LONG), reader.day("due")
    low, high = number(reader, "low"), number(reader, "high")
    code, unit = _measured(reader) if reader.values.get("measure") or low is not None or high is not None else ("", "")
    if code and low is None and high is None:
        reader.fault("low", spoken("patient.fault.bounds"))
    if low is not None and high is not None and low > high:
        reader.fault("high", spoken("patient.fault.order"))
    return reader.values.get("plan", "")[:200], Aim(words, due, code, low, high, unit)


def _measured(reader: Reader) -> tuple[str, str]:
    """The measure, and one of its units: the first, where none is chosen."""
    code = reader.values.get("measure", "")
    if code not in MEASURES:
        reader.fault("measure", spoken("patient.fault.measure"))
        return "", ""
    units = MEASURES[code].units
    unit = reader.values.get("unit") or units[0]
    if unit not in units:
        told = ", ".join(map(called, units))
        reader.fault("unit", spoken("patient.fault.unit", measure=MEASURES[code].name, units=told))
    return code, unit


def number(reader: Reader, name: str) -> float | None:
    """A number, as people write it: `71.5`, `1,200`; None where none was written."""
    said = reader.text(name, most=20)
    if not said:
        return None
    plain = said.replace(",", "").replace(" ", "")
    if not plain.replace(".", "", 1).isdecimal() or not plain.isascii():
        reader.fault(name, spoken("patient.fault.number", said=said))
        return None
    return float(plain)


def _observe(reader: Reader) -> Observed | None:
    code, unit = _measured(reader)
    value = number(reader, "value")
    if value is None and not any(each.field == "value" for each in reader.faults):
        reader.fault("value", spoken("patient.fault.value"))
    on, teller = reader.past_day("on") or reader.today, reader.text("teller", most=200)
    if value is None or not code:
        return None
    if not MEASURES[code].plausible(value, unit):
        told = f"{value:g} {called(unit)}"
        reader.fault("value", spoken("patient.fault.implausible", measure=MEASURES[code].name, value=told))
    return Observed(code, value, unit, on, teller)


def _step(reader: Reader) -> Step:
    plan, reference = (reader.values.get(name, "")[:200] for name in ("plan", "reference"))
    words = reader.text("words", "" if reference else spoken("patient.fault.activity"), _LONG)
    if reference and words:
        reader.fault("words", spoken("patient.fault.both"))
    return Step(plan, reference, words, reader.values.get("owner", "")[:200], reader.day("due"))


def _finish(reader: Reader) -> tuple[str, str]:
    return reader.text("task", spoken("patient.fault.task"), most=200), reader.text("note", most=_LONG)


def _join(reader: Reader) -> Member:
    who, role = reader.text("who", spoken("patient.fault.who"), 200), reader.text("role", most=200)
    since: date = reader.any_day("since") or reader.today
    return Member(who, role, since)


def _end(reader: Reader) -> Ending:
    how = reader.values.get("how", "")
    if how not in ENDS:
        reader.fault("how", spoken("patient.fault.how"))
    needed = spoken("patient.fault.why") if how == "revoked" else ""
    why = reader.text("why", needed, _LONG)
    plan, counted = (reader.values.get(name, "")[:200] for name in ("plan", "counted"))
    return Ending(plan, cast("End", how), why, counted)


COMMANDS: Final[Mapping[str, Command]] = {
    "start-plan": Command(_start, acts.start),
    "set-goal": Command(_aim, acts.aim),
    "add-activity": Command(_step, acts.step),
    "observe": Command(_observe, acts.observe),
    "finish": Command(_finish, acts.finish),
    "join-team": Command(_join, acts.join),
    "end-plan": Command(_end, acts.end),
}
