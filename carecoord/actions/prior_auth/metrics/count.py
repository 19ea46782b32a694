"""The reader of the log that counts for payers' metrics. It has a cursor of its own; what it has counted of a patient
is made anew, whole, whenever an event of one of their requests comes, so that an event twice read, or come late, ends
in the same rows. All of it can be thrown away and counted from the first event."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from carecoord.actions.prior_auth.metrics.payer import Insurer, insurer
from carecoord.domain.coverage.business import lines_of_business
from carecoord.domain.gates.policy import Payer
from carecoord.domain.prior_auth.metrics import facts
from carecoord.domain.prior_auth.metrics.course import Counted, counted
from carecoord.domain.prior_auth.requests import decide_by
from carecoord.domain.resource.elements import Json, item, items, key, target
from carecoord.fhir import text
from carecoord.fhir.instants import micros, moment
from carecoord.store.database import bulk, marks
from carecoord.store.database.engine import alone, reading, writing
from carecoord.store.events import log
from carecoord.store.events.log import Entry
from carecoord.store.prior_auth import counted as rows
from carecoord.store.resources import read
from carecoord.world import World

_MARK: Final = "authorization-metrics"
_KIND: Final = "authorization"
_EVENTS: Final = 2000  # read at once
_PATIENTS: Final = 500  # counted at once
_READ: Final[Mapping[str, Any]] = {"Claim": facts.of_request, "ClaimResponse": facts.of_answer}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, int]).decode


def follow(world: World) -> None:
    """Count what has come since, down to the end of the log as it is settled."""
    while _next(world):
        pass


def counted_at(conn: Connection) -> int | None:
    """When (microseconds) what is counted was counted last; None: never."""
    mark = marks.get(conn, _MARK)
    return _decode(mark)["at"] if mark else None


def anew(world: World) -> int:
    """Throw away what was counted and count it from the first event; returns of how many patients. Whoever looks
    meanwhile sees what was there before: it is one transaction."""
    end = log.horizon(world.engine)
    with writing(world.engine) as conn:
        alone(conn, _MARK)
        rows.clear(conn)
        everybody = log.patients(conn, _KIND)
        counter = _Counter(world, conn)
        for run in bulk.runs(everybody, _PATIENTS):
            counter.count(run)
        marks.put(conn, _MARK, _encode({"n": min(end, log.newest(conn)), "at": micros(world.clock())}))
    return len(everybody)


def _next(world: World) -> bool:
    """Count the next events. Whether there were any."""
    with reading(world.engine) as conn:
        mark = marks.get(conn, _MARK)
    if mark is None:
        anew(world)
        return True
    found = log.after(world.engine, _decode(mark)["n"], _EVENTS)
    if not found:
        return False
    with writing(world.engine) as conn:
        alone(conn, _MARK)
        if marks.get(conn, _MARK) != mark:
            return True  # somebody else has counted them
        concerned = sorted({each.patient for each in found if each.kind == _KIND and each.patient})
        counter = _Counter(world, conn)
        for run in bulk.runs(concerned, _PATIENTS):
            counter.count(run)
        marks.put(conn, _MARK, _encode({"n": found[-1].n, "at": micros(world.clock())}))
    return True


@dataclass
class _Counter:
    """Counts in one transaction. payers: by `Organization/id`."""

    world: World
    conn: Connection
    payers: dict[str, Insurer] = field(default_factory=dict)

    def count(self, patients: Sequence[str]) -> None:
        """Write down all that these patients' requests count."""
        happened = log.of_patients(self.conn, patients, _KIND)
        made = []
        for patient in patients:
            found = counted(self._whole(happened[patient]))
            businesses = self._businesses(found)
            made += [self._row(patient, each, businesses.get(each.claim, frozenset())) for each in found]
        rows.replace(self.conn, patients, made)

    def _row(self, patient: str, one: Counted, businesses: frozenset[str]) -> tuple[Any, ...]:
        found = self._payer(one.payer)
        whose = Payer(found.party, businesses)
        due, extended = decide_by(found.policy, moment(one.received), one.expedited, whose, one.extended)
        return (
            one.claim, one.root, patient, one.payer.partition("/")[2], one.expedited, one.received,
            micros(due) if due else None, one.decided, one.outcome, extended, one.by, one.appealed, one.redecided,
            one.appeal, one.withdrawn,
        )  # fmt: skip

    def _payer(self, reference: str) -> Insurer:
        if reference not in self.payers:
            self.payers[reference] = insurer(self.world, self.conn, reference.partition("/")[2])
        return self.payers[reference]

    def _businesses(self, found: Sequence[Counted]) -> dict[str, frozenset[str]]:
        """The lines of business of the cards that these requests are about, where a payer's policy asks for them."""
        wanted = [each.claim for each in found if any(line.business for line in self._payer(each.payer).policy.lines)]
        claims = {key(each): each for each in self._read(wanted)}
        cards = {name: target(item(next(iter(items(each, "insurance")), {}), "coverage"))
                 for name, each in claims.items()}  # fmt: skip
        held = {key(each): lines_of_business(each) for each in self._read(sorted({*cards.values()} - {""}))}
        return {name: held.get(card, frozenset()) for name, card in cards.items()}

    def _whole(self, happened: Sequence[Entry]) -> Iterator[Entry]:
        """The events, each once; of those that were written before the log kept what is counted, with that."""
        seen, lacking = set[tuple[Any, ...]](), {f"{each.type}/{each.resource}" for each in happened
                                                 if "metric" not in each.payload}  # fmt: skip
        known = {key(each): each for each in self._read(sorted(lacking))} if lacking else dict[str, Json]()
        for each in happened:
            once = (each.type, each.resource, each.version, each.before, each.state)
            if once in seen:
                continue
            seen.add(once)
            name = f"{each.type}/{each.resource}"
            if name in known and "metric" not in each.payload:
                each = replace(each, payload=each.payload | _READ[each.type](known[name]))
            yield each

    def _read(self, references: Sequence[str]) -> list[Json]:
        pairs = [(kind, id) for kind, _, id in (each.partition("/") for each in references)]
        return [text.loads(row.body) for row in read.many(self.conn, pairs)] if pairs else []
