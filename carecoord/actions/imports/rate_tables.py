"""What is paid, by the hundred thousand lines: a table's rows become the lines of their schedules, all in one
transaction. A schedule is replaced as a whole, with its differences; where a row is faulty nothing that stands ends but
what a good row says anew."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.agreements import rates as held
from carecoord.actions.imports.batch import Batch, Brought, register
from carecoord.domain.agreements.rates import RateLine, Schedule
from carecoord.domain.imports import rates
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.rows import Fault, Row
from carecoord.domain.resource.elements import Json
from carecoord.words.sentence import sentence

_READS = ("Location", "Organization", "Contract")
_PAGE = 5000  # lines read at once


@dataclass
class _Tables:
    lines: dict[Schedule, dict[rates.Key, RateLine]] = field(default_factory=dict)
    rows: dict[tuple[Schedule, rates.Key], int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def take(self, row: Row, known: Known) -> None:
        """Take a row whose cells were read."""
        schedule = None if row.faults else rates.schedule(row, known)
        line = rates.build(row) if schedule else None
        if schedule and line:
            key = rates.key(line)
            before = self.rows.setdefault((schedule, key), row.number)
            if before == row.number:
                self.lines.setdefault(schedule, {})[key] = line
            else:
                row.fault("", sentence("import.twice", n=before))
        self.faults += row.faults


def bring(batch: Batch) -> Brought:
    """Bring a table of rates in. Raises Forbidden."""
    with looking(batch.world, batch.grant, batch.request) as turn:
        turn.demand("Contract", "u")
        known = register(turn, _READS)
    tables = _Tables()
    for row in batch.each(known):
        tables.take(row, known)
    done: Counter[str] = Counter()
    with changing(batch.world, batch.grant, batch.request, shares=False) as turn, turn.conn.begin_nested() as trial:
        for schedule, lines in tables.lines.items():
            if not turn.grant.is_operator and not turn.sees_rates(schedule.contract):
                first = next(row for (of, _), row in tables.rows.items() if of == schedule)
                tables.faults.append(Fault(first, "agreement", sentence("import.other-side")))
                continue
            standing = () if not tables.faults else _standing(turn, schedule)
            kept = {rates.key(line): line for line in standing} | lines
            replaced = held.put_lines(turn.conn, schedule, kept.values(), turn.now)
            done.update(new=replaced.added, ended=replaced.ended, unchanged=len(lines) - replaced.added)
        if batch.dry:
            trial.rollback()
    done["faulty"] = len({fault.row for fault in tables.faults})
    return Brought(+done, Counter(), tables.faults)


def _standing(turn: Turn, schedule: Schedule) -> Iterator[RateLine]:
    key, after = held.key_of(schedule), None
    of = held.Held(schedule, key, 0)
    while found := held.lines(turn, of, _PAGE, after):
        yield from (line for _, line in found)
        after = found[-1][0]


def rows(turn: Turn) -> Iterator[Mapping[str, str]]:
    """The row of every line, now, of the agreements whose rates the asker sees."""
    known = register(turn, _READS)
    for contract in known.every("Contract"):
        if not turn.grant.is_operator and not turn.sees_rates(f"Contract/{contract['id']}"):
            continue
        yield from _of_version(turn, contract, known)


def of_versions(turn: Turn, contracts: Iterable[Json]) -> Iterator[Mapping[str, str]]:
    """The same of these versions of agreements, which the asker reads."""
    known = register(turn, ("Location", "Organization"))
    for contract in contracts:
        if turn.sees_rates(f"Contract/{contract['id']}"):
            yield from _of_version(turn, contract, known)


def _of_version(turn: Turn, contract: Json, known: Known) -> Iterator[Mapping[str, str]]:
    for schedule in held.of_contract(turn.conn, f"Contract/{contract['id']}"):
        yield from (rates.cells(schedule, line, contract, known) for line in _standing(turn, schedule))
