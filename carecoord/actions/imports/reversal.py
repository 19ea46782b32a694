"""An import taken back as a whole, for seven days and by whoever brought it: what it made is deleted, what it changed
is as it was before. What somebody has changed since, or leans on now, stays and is told.

What is no resource (rules, rates, codes) is taken back by the table before. A version of an agreement that came in as
signed is not deleted: it stays as entered in error, so that what was known of it before stays known."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, changing
from carecoord.actions.fhir import write as fhir_write
from carecoord.actions.fhir.write import ResolvedWrite
from carecoord.domain.agreements import states
from carecoord.domain.agreements.desk.drafts import stated
from carecoord.errors import Problem
from carecoord.fhir import text
from carecoord.store.database import bulk
from carecoord.store.database.engine import reading
from carecoord.store.imports import writes
from carecoord.store.imports.writes import Made
from carecoord.store.resources import read
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World

KINDS: Final = frozenset({"organizations", "plans", "clinicians", "rosters", "agreements"})
Span = tuple[str, str, int, int]  # type, id, the first and the last version of the import
_RUN: Final = 200  # resources that are taken back together


@dataclass
class Reversed:
    """What became of it. rows: `returned` and `left`; left: (`Type/id`, why it stays)."""

    rows: Counter[str] = field(default_factory=Counter)
    left: list[tuple[str, Sentence]] = field(default_factory=list)


def reverse(world: World, grant: Grant, request: str, file: str) -> Reversed:
    """Take back what a file wrote, the last first, so that nothing is deleted that another of its rows leans on."""
    with reading(world.engine) as conn:
        made = _spans(writes.of_file(conn, file))
    done = Reversed()
    for run in bulk.runs(made, _RUN):
        with changing(world, grant, request, shares=False) as turn:
            for each in run:
                why = _taken_back(turn, each)
                done.rows["left" if why else "returned"] += 1
                if why:
                    done.left.append((f"{each[0]}/{each[1]}", why))
    return done


def _spans(made: Iterable[Made]) -> list[Span]:
    """Of each resource the first and the last version that the import made of it, as it came last."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for type, id, version in made:
        _, last = found.get((type, id), (0, version))
        found[type, id] = (version, last)
    return [(*about, *versions) for about, versions in found.items()]


def _taken_back(turn: Turn, span: Span) -> Sentence | None:
    """Why one stays; None once it is taken back."""
    type, id, first, last = span
    now = read.get(turn.conn, type, id)
    if now is None or now.version != last:
        return sentence("import.back.changed")
    before = read.version(turn.conn, type, id, first - 1) if first > 1 else None
    gone = before is None or before.deleted
    if gone and (other := writes.referrer(turn.conn, type, id)):
        return sentence("import.back.leaned-on", other=other)
    try:
        with turn.conn.begin_nested():
            turn.demand_row(now, "u")
            if gone and type == "Contract" and states.signed(present := text.loads(now.body)):
                void = stated(present, "entered-in-error")
                write = fhir_write.updating(turn, type, id, void, None, only_new=False)
            elif before is None or before.deleted:
                write = ResolvedWrite(type, id, None, None, method="DELETE")
            else:
                write = fhir_write.updating(turn, type, id, text.loads(before.body), None, only_new=False)
            fhir_write.carry_out(_recording(turn), [write])
    except Problem as problem:
        return sentence("import.refused", why=problem.text)
    return None


def _recording(turn: Turn) -> Turn:
    """Who may bring a table in and change what it made may take away what it made: nobody has gone on from there."""
    own = replace(turn.grant, roles=frozenset(), fhir_user=None)
    return turn.by(own)
