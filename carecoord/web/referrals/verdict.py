"""The clearance of a case in one line, as every page says it: from the row, so that it agrees with what is counted."""

from collections.abc import Mapping, Sequence
from typing import Any

from carecoord.domain.clearance.clearance import CLEARING
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

WELL = ("met", "not-needed")
CLEARED = Chip(sentence("case.cleared.cleared-can-be-seen-and"), "green", icon="circle-check")
OVER = Chip(sentence("case.over.time-visit-has-passed"), "quiet", icon="calendar-check")
CLOSED = Chip(sentence("case.closed.closed"), "quiet", icon="circle-check")
ONCE: Mapping[str, str] = Glossary(
    {  # the next step when nothing but the visit is missing -> what it is cleared by
        "book": sentence("case.once.book"),
        "rebook": sentence("case.once.rebook"),
        "confirm-slot": sentence("case.once.confirm-slot"),
    }
)


def verdict(row: Mapping[str, Any]) -> Chip:
    """`row`: of the worklist (store.tables.case). Never green beside a gate that is not met."""
    states = {name: row[f"{name}_gate"] for name in CLEARING}
    unmet = [name for name, state in states.items() if state not in WELL]
    if not row["open"]:
        return CLOSED
    if row["cleared"] and not unmet:
        return CLEARED
    if not unmet:
        return OVER
    if unmet == ["appointment"] and row["action"] in ONCE:
        return Chip(ONCE[row["action"]], "blue", icon="calendar-days")
    blocked = "blocked" in states.values()
    return Chip(
        spoken("case.not-cleared", unmet=_listed(unmet)),
        "red" if blocked else "amber",
        "ban" if blocked else "circle-alert",
    )


def _listed(gates: Sequence[str]) -> str:
    names = [labels.GATES[name].label.lower() for name in gates]
    return say(sentence("and", first=", ".join(names[:-1]), last=names[-1])) if names[1:] else names[0]
