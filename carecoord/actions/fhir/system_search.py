"""A search over several types at once: GET [base]?_type=Patient,Observation&_lastUpdated=...

Clause: FHIR R4 http.html#search ([base]?parameter(s)), search.html#_type: only the parameters that every type has.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Asker, Turn, looking
from carecoord.actions.fhir.read import address, part
from carecoord.actions.fhir.type_walk import Leg, walk
from carecoord.errors import Forbidden, Invalid, Issue
from carecoord.fhir import bundle
from carecoord.fhir.bundle import Found
from carecoord.fhir.search.query import CURSOR, NOTHING, parse
from carecoord.fhir.types import TYPES
from carecoord.world import World

Pairs = Sequence[tuple[str, str]]

COMMON: Final = ("_id", "_lastUpdated", "_tag", "_profile", "_security", "_source")
_RESULT: Final = ("_count", "_elements", "_summary", "_format", "_pretty")


def search_all(world: World, asker: Asker, pairs: Pairs, strict: bool, *, request: str = "") -> bytes:
    """A page of what is found, as a Bundle: type by type in the order of the table, narrowed as a search of each.

    Raises Invalid naming the argument; Forbidden where the asker may search none of the types, or not one that is
    named.
    """
    with looking(world, asker, request) as turn, noted(turn, "search-system", "", None, urlencode(pairs)) as shown:
        types = _types(turn, [value for name, value in pairs if name == "_type" and value])
        asked, warnings = _known(pairs, strict)
        base = world.settings.fhir_url
        searches = {type: turn.asked(parse(type, asked, world.base, strict=True)) for type in types}
        first = searches[types[0]]
        if first.summary == "count" or first.count == 0:
            raise Invalid("Over several types nothing is counted: search one type.", "http._summary")
        cursor = next((value for name, value in pairs if name == CURSOR), None)
        page = walk(turn, types, lambda type: Leg(searches[type], turn.may("s")), first.count, cursor)
        shown += [row.patient for row in page.rows]
        kept = [pair for pair in pairs if pair[0] != CURSOR]
        links = {"self": address(base, "", kept)}
        if page.next:
            links["next"] = address(base, "", [*kept, (CURSOR, page.next)])
        found = [Found(row.type, row.id, part(turn.told(row).body, first)) for row in page.rows]
        return bundle.searchset(base, found, links=links, warnings=warnings)


def _types(turn: Turn, named: Sequence[str]) -> tuple[str, ...]:
    """The types to look into: those that are named, else all that the asker may search."""
    wanted = {type for value in named for type in value.split(",")}
    for type in sorted(wanted - set(TYPES)):
        raise Invalid(f"_type: {type[:80]!r} is not a resource type of this server.", "http._type")
    for type in sorted(wanted):
        turn.demand(type, "s")
    types = tuple(type for type in TYPES if (type in wanted if wanted else turn.filter(type, "s") != NOTHING))
    if not types:
        raise Forbidden("A search of everything needs an access that may search something.")
    return types


def _known(pairs: Pairs, strict: bool) -> tuple[list[tuple[str, str]], list[Issue]]:
    """The arguments that every type has, and what is passed over."""
    asked, warnings = [], []
    for name, value in pairs:
        plain = name.partition(":")[0]
        if plain in COMMON or name in _RESULT:
            asked.append((name, value))
        elif name not in ("_type", CURSOR):
            told = f"Over several types one can ask for {', '.join(COMMON)}, not for {name[:80]}"
            if strict:
                raise Invalid(f"{told}: search one type.", f"http.{name[:80]}")
            warnings.append(Issue("warning", "not-supported", f"Passed over {name[:80]}: {told}.", f"http.{name[:80]}"))
    return asked, warnings
