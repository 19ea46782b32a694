"""The list of those whom federal programs do not pay for: who of ours stands on it is marked, and unmarked from the day
on which the list does not name them any more. The list is long and ours on it are few, so only those are written."""

from collections import Counter
from collections.abc import Iterator, Mapping

from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.fhir import write as fhir_write
from carecoord.actions.imports.batch import Batch, Brought, register
from carecoord.domain.imports import exclusions
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.rows import Fault
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json, key


def bring(batch: Batch) -> Brought:
    """Bring the list in. Raises Forbidden."""
    with looking(batch.world, batch.grant, batch.request) as turn:
        for type in exclusions.TYPES:
            turn.demand(type, "u")
        known = register(turn, exclusions.TYPES)
        today = local(turn.now, batch.world.base.zone).isoformat()
    marks: dict[str, list[Json]] = {}
    ours: dict[str, Json] = {}
    days: list[str] = []
    done: Counter[str] = Counter()
    faults: list[Fault] = []
    for row in batch.each(known):
        exclusions.check(row)
        faults += row.faults
        if row.faults:
            done["faulty"] += 1
            continue
        days.append(row.get("starts").isoformat())
        found = exclusions.meant(row, known)
        done["unchanged"] += not found
        for each in found:
            ours[key(each)] = each
            marks.setdefault(key(each), []).append(exclusions.mark(row))
    changes = {name: exclusions.marked(each, marks[name]) for name, each in ours.items()}
    changes |= _gone(known, set(ours), days, today) if days and not faults else {}
    done += _keep(batch, known, changes)
    return Brought(+done, Counter(), faults)


def _gone(known: Known, named: set[str], days: list[str], today: str) -> dict[str, Json]:
    """Those who stood on the list and are not named any more, of the days that it speaks of: a month's supplement
    speaks of that month."""
    first, last = min(days), max(days)
    here = [each for type in exclusions.TYPES for each in known.every(type)]
    gone = [each for each in here if key(each) not in named and first <= (exclusions.open_since(each) or "9") <= last]
    return {key(each): exclusions.ended(each, today) for each in gone}


def _keep(batch: Batch, known: Known, changes: Mapping[str, Json]) -> Counter[str]:
    done: Counter[str] = Counter()
    with changing(batch.world, batch.grant, batch.request, shares=False) as turn, turn.conn.begin_nested() as trial:
        for name, each in changes.items():
            before = known.get(name)
            if before is not None and each == {k: v for k, v in before.items() if k != "meta"}:
                done["unchanged"] += 1
                continue
            change = fhir_write.updating(turn, each["resourceType"], each["id"], each, None, only_new=False)
            fhir_write.check(turn, fhir_write.carry_out(turn, [change])[0])
            done["new" if exclusions.open_since(each) else "ended"] += 1
        if batch.dry:
            trial.rollback()
    return done


def rows(turn: Turn) -> Iterator[Mapping[str, str]]:
    """The rows of those of ours who stand on the list."""
    known = register(turn, exclusions.TYPES)
    yield from (cells for type in exclusions.TYPES for each in known.every(type) for cells in exclusions.cells(each))
