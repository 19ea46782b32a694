"""What may be read, within a turn: one resource, a version, a history, a search. Each is audited, the refused ones too.

Stored bytes go through as they are.

Clause: FHIR R4 http.html#read, #vread, #history, #search; compartmentdefinition.html.
"""

from collections.abc import Sequence
from itertools import product
from urllib.parse import urlencode

from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Turn, missing
from carecoord.actions.claims import authorization_benefits
from carecoord.actions.fhir.write import ID
from carecoord.errors import Gone, NotFound
from carecoord.fhir import bundle, elements, text
from carecoord.fhir.bundle import Found
from carecoord.fhir.etag import etag
from carecoord.fhir.search.extract import extract
from carecoord.fhir.search.params import compartment
from carecoord.fhir.search.query import CURSOR, EVERYTHING, Filter, Search, limits, parse
from carecoord.fhir.service_base import Base
from carecoord.fhir.types import TYPES
from carecoord.store.resources import read
from carecoord.store.resources.read import Row
from carecoord.store.search.search import Page, find

Pairs = Sequence[tuple[str, str]]


def present(turn: Turn, type: str, id: str) -> Row:
    """The present version. Raises Forbidden, NotFound, or Gone with the ETag of the deletion."""
    with noted(turn, "read", type, id) as shown:
        row = authorization_benefits.one(turn, type, id) or known(turn, type, id)
        if row.deleted:
            raise Gone(f"{type}/{id} has been deleted.", headers={"ETag": etag(row.version)})
        shown.append(row.patient)
        return turn.told(row)


def past(turn: Turn, type: str, id: str, number: str) -> Row:
    """A version; of what is made when it is read the present one is all there is. Raises NotFound also for one of which
    only a narrower access can not tell whether it was in scope."""
    with noted(turn, "vread", type, id) as shown:
        made = authorization_benefits.one(turn, type, id)
        if made and number == str(made.version):
            shown.append(made.patient)
            return turn.told(made)
        now = made or known(turn, type, id)
        ours = number.isascii() and number.isdigit() and len(number) <= 9
        row = read.version(turn.conn, type, id, int(number)) if ours else None
        if row is None or not same_person(turn, now, row):
            raise NotFound(f"{type}/{id} has no version {number[:20]!r}.")
        if row.deleted:
            raise Gone(f"Version {number} of {type}/{id} is its deletion.", headers={"ETag": etag(row.version)})
        shown.append(about(turn, row))
        return turn.told(row)


def searched(turn: Turn, type: str, pairs: Pairs, strict: bool, within: tuple[str, str] | None = None) -> bytes:
    """The searchset Bundle of a page. within: only the compartment of this (type, id).

    Raises Invalid naming the argument, Forbidden, NotFound for a type or compartment that is not ours.
    """
    asked = urlencode(pairs)
    with noted(turn, "search", type, query=asked) as shown:
        demand_type(type)
        turn.demand(type, "s")
        settings = turn.world.settings
        search = turn.asked(parse(type, pairs, turn.world.base, strict=strict))
        may = turn.may("s")
        if within:
            inside = _inside(within, type, turn.world.base)
            may = lambda one: _both(turn.filter(one, "s"), inside) if one == type else turn.filter(one, "s")  # noqa: E731
        sizes = {"page_size": settings.page_size, "page_max": settings.page_max}
        beside, along = authorization_benefits.unstored(turn, type), authorization_benefits.along(turn, search)
        page = find(turn.conn, search, may, **sizes, beside=beside, along=along)
        shown += [row.patient for row in (*page.rows, *page.included)]
        path = f"{within[0]}/{within[1]}/{type}" if within else type
        return _searchset(turn, search, page, path, asked if search.pairs == tuple(pairs) else urlencode(search.pairs))


def demand_type(type: str) -> None:
    if type not in TYPES:
        raise NotFound(f"{type[:80]!r} is not a resource type of this server.")


def known(turn: Turn, type: str, id: str) -> Row:
    """The present row, perhaps a deletion, of a resource that the asker may know of."""
    demand_type(type)
    turn.demand(type, "r")
    row = read.get(turn.conn, type, id) if ID.fullmatch(id) else None
    if not turn.sees_there(type, row) or row is None:
        raise missing(type, id)
    return row


def about(turn: Turn, row: Row) -> str | None:
    """Whom this very version is about: an older one may have been about somebody else than the present one. Of a
    deletion, whom the resource was about."""
    return extract(text.loads(row.body), turn.world.base).patient if row.body else row.patient


def same_person(turn: Turn, now: Row, then: Row) -> bool:
    """Whether an access that is narrowed may see an older version: not one that was about somebody else."""
    if turn.filter(now.type, "r") == EVERYTHING or now.version == then.version or then.deleted:
        return True
    return about(turn, then) == about(turn, now)


def _inside(within: tuple[str, str], type: str, base: Base) -> Filter:
    """The Filter of a compartment: any of the parameters that put the type in it."""
    owner, id = within
    if owner != "Patient" or not ID.fullmatch(id):
        raise NotFound(f"There is no operation or compartment at {owner[:80]}/{id[:80]}/{type}.")
    ways = tuple(((code, f"Patient/{id}"),) for code in compartment(type))
    if type == "Patient":
        ways = ((("_id", id),), *ways)
    if not ways:
        raise NotFound(f"A {type} is never in the compartment of a patient.")
    return limits(type, ways, base)


def _both(one: Filter, other: Filter) -> Filter:
    return tuple(a + b for a, b in product(one, other))


def _searchset(turn: Turn, search: Search, page: Page, path: str, asked: str) -> bytes:
    base = turn.world.settings.fhir_url
    links = {"self": f"{base}/{path}?{asked}" if asked else f"{base}/{path}"}
    if page.next:
        links["next"] = address(base, path, [*search.pairs, (CURSOR, page.next)])
    matches = [Found(row.type, row.id, part(turn.told(row).body, search)) for row in page.rows]
    others = [Found(row.type, row.id, turn.told(row).body) for row in page.included]
    return bundle.searchset(base, matches, others, links=links, total=page.total, warnings=page.issues)


def part(body: bytes, search: Search) -> bytes:
    """The bytes as stored, unless only a part was asked for."""
    if search.elements:
        return text.dumps(elements.elements(text.loads(body), search.elements))
    if search.summary:
        return text.dumps(elements.summary(text.loads(body), search.summary))
    return body


def address(base: str, path: str, pairs: Pairs) -> str:
    place = f"{base}/{path}" if path else base
    return f"{place}?{urlencode(pairs)}" if pairs else place
