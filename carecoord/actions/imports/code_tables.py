"""Codes from a table: new ones come in, and those that are here get the row's words. What a table does not name stays:
it may be a part of its system."""

from collections import Counter
from collections.abc import Iterator, Mapping

from carecoord.actions.access.turn import Turn, changing
from carecoord.actions.imports.batch import Batch, Brought
from carecoord.actions.terms.expand import sought
from carecoord.domain.imports import codes
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.rows import Fault
from carecoord.fhir.instants import micros
from carecoord.store.terms import codes as held
from carecoord.words.sentence import sentence


def bring(batch: Batch) -> Brought:
    """Bring a table of codes in."""
    read: dict[str, dict[str, tuple[str, str]]] = {}
    rows: dict[tuple[str, str], int] = {}
    faults: list[Fault] = []
    done: Counter[str] = Counter()
    for row in batch.each(Known()):
        system = "" if row.faults else codes.system(row)
        code, until = str(row.get("code", "")).upper(), row.get("until")
        if system and (before := rows.setdefault((system, code), row.number)) != row.number:
            row.fault("", sentence("import.twice", n=before))
        if row.faults:
            faults += row.faults
            done["faulty"] += 1
        else:
            read.setdefault(system, {})[code] = (row.get("words"), until.isoformat() if until else "")
    with changing(batch.world, batch.grant, batch.request, shares=False) as turn, turn.conn.begin_nested() as trial:
        for system, entries in read.items():
            here = {code: (words, until) for code, words, until in held.every(turn.conn, system)}
            fresh = {code: said for code, said in entries.items() if here.get(code) != said}
            new = sum(code not in here for code in fresh)
            done.update(new=new, changed=len(fresh) - new, unchanged=len(entries) - len(fresh))
            kept = {code: (words, sought(code, words), until) for code, (words, until) in fresh.items()}
            held.put(turn.conn, system, kept, micros(turn.now))
        if batch.dry:
            trial.rollback()
    return Brought(+done, Counter(), faults)


def rows(turn: Turn) -> Iterator[Mapping[str, str]]:
    """The row of every code that was brought in."""
    names = {url: name for name, url in codes.HERE.items()}
    for system in held.systems(turn.conn):
        for code, words, until in held.every(turn.conn, system):
            yield {"system": names[system], "code": code, "words": words, "until": until}
