"""The clearance of a case in one line, as every page says it: from the row, so that it agrees with what is counted."""

from collections.abc import Mapping, Sequence
from typing import Any

from carecoord.domain.clearance.clearance import CLEARING
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip

WELL = ("met", "not-needed")
CLEARED = Chip("Cleared: can be seen and paid for", "green", icon="circle-check")
OVER = Chip("The time of the visit has passed", "quiet", icon="calendar-check")
CLOSED = Chip("Closed", "quiet", icon="circle-check")
ONCE = {  # the next step when nothing but the visit is missing -> what it is cleared by
    "book": "Cleared once a visit is booked",
    "rebook": "Cleared once a visit is booked",
    "confirm-slot": "Cleared once the visit is confirmed",
}


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
    return Chip(f"Not cleared: {_listed(unmet)}", "red" if blocked else "amber", "ban" if blocked else "circle-alert")


def _listed(gates: Sequence[str]) -> str:
    names = [labels.GATES[name].label.lower() for name in gates]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
