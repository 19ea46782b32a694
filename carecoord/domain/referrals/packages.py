"""What goes with a referral: the papers that a specialty wants, held against the chart. The table is packages.toml."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from carecoord.domain.resource.codes import LOINC
from carecoord.domain.resource.elements import Json, codes, item, items, key, text
from carecoord.fhir.search.collation import fold

TYPES: Final = ("DocumentReference", "DiagnosticReport", "Observation", "MedicationRequest", "AllergyIntolerance")
WHOLE: Final = ("MedicationRequest", "AllergyIntolerance")  # of which the clinic sees all, and nothing is chosen
_GONE: Final = frozenset({"entered-in-error", "superseded", "cancelled", "stopped", "completed"})
_DATES: Final = ("date", "issued", "effectiveDateTime", "recordedDate", "authoredOn")


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper that is wanted. `found`: where the chart has it, `Type/id`, empty where it does not; `day`: its date,
    ISO; `old`: it is older than is wanted; `count`: how many there are, of what goes along whole (medicines)."""

    name: str
    found: str = ""
    day: str = ""
    old: bool = False
    count: int = 0


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "packages.toml").read_text())


def names() -> Sequence[str]:
    """Every paper of the table."""
    return tuple(_table()["paper"])


def called(name: str) -> str:
    """What people call a paper."""
    return str(_table()["paper"][name]["name"])


def specialties() -> Sequence[str]:
    """The beginnings of words by which specialties are known."""
    return tuple(each for package in _table()["package"] for each in package["for"])


def wanted(specialty: str) -> list[str]:
    """The names of the papers that a specialty wants."""
    said = re.findall(r"\w+", fold(specialty))
    packages = (
        each["wants"]
        for each in _table()["package"]
        if any(word == start or (len(start) > 2 and word.startswith(start)) for word in said for start in each["for"])
    )
    return list(dict.fromkeys([*_table()["every"], *next(packages, [])]))


def held_against(specialty: str, chart: Iterable[Json], today: date) -> list[Paper]:
    """The papers of a specialty, each with the newest that the chart has of it."""
    held = [each for each in chart if text(each, "status") not in _GONE and not _is_over(each)]
    return [_of(name, held, today) for name in wanted(specialty)]


def _of(name: str, chart: Sequence[Json], today: date) -> Paper:
    said = _table()["paper"][name]
    fitting = list(_fitting(said, chart))
    if "type" in said:
        newest = max((_day(each) for each in fitting), default="")
        return Paper(name, key(fitting[0]) if fitting else "", newest, count=len(fitting))
    if not fitting:
        return Paper(name)
    best = max(fitting, key=lambda each: (_day(each), each["resourceType"] == "DocumentReference"))
    day, days = _day(best), said.get("days")
    old = bool(days and day and day < (today - timedelta(days=days)).isoformat())
    return Paper(name, key(best), day, old, 1)


def _fitting(said: dict[str, Any], chart: Sequence[Json]) -> Iterator[Json]:
    for each in chart:
        if "type" in said:
            if each.get("resourceType") == said["type"]:
                yield each
        elif any(system == LOINC and code in said["loinc"] for system, code in codes(item(each, "type" if each.get(
            "resourceType") == "DocumentReference" else "code"))):  # fmt: skip
            yield each


def _day(resource: Json) -> str:
    """The day of its own: of a document that of the file, where it says one."""
    made = next((text(item(each, "attachment"), "creation") for each in items(resource, "content")), "")
    return (made or next((text(resource, name) for name in _DATES if text(resource, name)), ""))[:10]


def _is_over(resource: Json) -> bool:
    """Whether an allergy is resolved or refuted."""
    states = (item(resource, name) for name in ("clinicalStatus", "verificationStatus"))
    said = {text(each, "code") for state in states for each in items(state, "coding")}
    return not said.isdisjoint({"resolved", "inactive", "refuted", "entered-in-error"})
