"""Conditional interactions, once for all: which one resource do these search arguments mean?

Clause: FHIR R4 http.html#ccreate, #cond-update, #3.1.0.7.1 (conditional delete), #trules (conditional references).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from carecoord.actions.access.turn import Turn
from carecoord.domain.resource.elements import source
from carecoord.domain.resource.parties import distinct
from carecoord.errors import Invalid, Stale
from carecoord.fhir import text
from carecoord.fhir.search.query import parse
from carecoord.store.database.engine import alone
from carecoord.store.resources.read import Row
from carecoord.store.search.search import find

Pairs = Sequence[tuple[str, str]]


_COPIED: Final = frozenset({"Organization", "Practitioner", "Location"})  # what several systems tell of, each its own
_COPIES: Final = 50  # of one party that are looked at


def one(turn: Turn, type: str, pairs: Pairs, where: str) -> Row | None:
    """The resource of that type that meets the arguments, of those that the asker may find; None if there is none.

    Raises Invalid when nothing is asked, Stale (412) when several meet it. Two that ask the same at once wait for
    each other, so that of two equal conditional creates one finds what the other made.
    """
    found = _meeting(turn, type, pairs, where, 2)
    if len(found) > 1:
        raise _several(type, where)
    return found[0] if found else None


def referred(turn: Turn, type: str, pairs: Pairs, where: str) -> Row | None:
    """The resource that a conditional reference means. Copies of one party of which several systems told
    (decision 4) are one: an NPI of an EHR's clinic that is ours too means ours, else the copy that was here first. Two
    of our own are two.

    Raises as `one`."""
    copied = type in _COPIED and all(name == "identifier" for name, _ in pairs)
    found = _meeting(turn, type, pairs, where, _COPIES if copied else 2)
    if len(found) > 1:
        bodies = [text.loads(row.body) for row in sorted(found, key=lambda row: row.rid)]
        only = distinct(bodies) if copied and sum(not source(each) for each in bodies) < 2 else bodies
        if len(only) > 1:
            raise _several(type, where)
        return next(row for row in found if row.id == only[0]["id"])
    return found[0] if found else None


def _several(type: str, where: str) -> Stale:
    return Stale(f"Several resources of type {type} meet the condition; make it narrower.", where)


def _meeting(turn: Turn, type: str, pairs: Pairs, where: str, most: int) -> Sequence[Row]:
    """The resources that meet the arguments, as far as it matters how many they are."""
    if not pairs:
        raise Invalid("The condition is empty: it would mean every resource.", where)
    if not all(value for _, value in pairs):
        raise Invalid("The condition has an empty value, which would be ignored: leave it out.", where)
    turn.demand(type, "s")
    search = turn.asked(parse(type, pairs, turn.world.base, strict=True))
    if not search.criteria:
        raise Invalid("The condition names no search parameter: it would mean every resource.", where)
    alone(turn.conn, f"{type}?{sorted(pairs)}")
    return find(turn.conn, replace(search, count=most), turn.may("s")).rows
