"""Conditional interactions, once for all: which one resource do these search arguments mean?

Clause: FHIR R4 http.html#ccreate, #cond-update, #3.1.0.7.1 (conditional delete), #trules (conditional references).
"""

from collections.abc import Sequence
from dataclasses import replace

from carecoord.actions.access.turn import Turn
from carecoord.errors import Invalid, Stale
from carecoord.fhir.search.query import parse
from carecoord.store.database.engine import alone
from carecoord.store.resources.read import Row
from carecoord.store.search.search import find

Pairs = Sequence[tuple[str, str]]


def one(turn: Turn, type: str, pairs: Pairs, where: str) -> Row | None:
    """The resource of that type that meets the arguments, of those that the asker may find; None if there is none.

    Raises Invalid when nothing is asked, Stale (412) when several meet it. Two that ask the same at once wait for
    each other, so that of two equal conditional creates one finds what the other made.
    """
    if not pairs:
        raise Invalid("The condition is empty: it would mean every resource.", where)
    if not all(value for _, value in pairs):
        raise Invalid("The condition has an empty value, which would be ignored: leave it out.", where)
    turn.demand(type, "s")
    search = turn.asked(parse(type, pairs, turn.world.base, strict=True))
    if not search.criteria:
        raise Invalid("The condition names no search parameter: it would mean every resource.", where)
    alone(turn.conn, f"{type}?{sorted(pairs)}")
    found = find(turn.conn, replace(search, count=2), turn.may("s")).rows
    if len(found) > 1:
        raise Stale(f"Several resources of type {type} meet the condition; make it narrower.", where)
    return found[0] if found else None
