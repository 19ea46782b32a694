"""What may be read, within a turn: one resource, a version, a history, a search. Each is audited, the refused ones too.

Stored bytes go through as they are.

Clause: FHIR R4 http.html#read, #vread, #history, #search; compartmentdefinition.html.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from urllib.parse import urlencode

from carecoord.actions.permission import Turn, missing
from carecoord.actions.writes import ID
from carecoord.errors import Gone, Invalid, NotFound, Problem
from carecoord.fhir import bundle, elements, text
from carecoord.fhir.bundle import Found, Version
from carecoord.fhir.etag import etag
from carecoord.fhir.extract import extract
from carecoord.fhir.instants import micros, period
from carecoord.fhir.params import compartment
from carecoord.fhir.query import CURSOR, EVERYTHING, Filter, Search, limits, parse
from carecoord.fhir.types import TYPES
from carecoord.store import read
from carecoord.store.audit import Event
from carecoord.store.read import Row
from carecoord.store.search import Page, find

Pairs = Sequence[tuple[str, str]]


def present(turn: Turn, type: str, id: str) -> Row:
    """The present version. Raises Forbidden, NotFound, or Gone with the ETag of the deletion."""
    with noted(turn, "read", type, id):
        return _present(turn, type, id)


def past(turn: Turn, type: str, id: str, number: str) -> Row:
    """A version. Raises NotFound also for one of which only a narrower access can not tell whether it was in scope."""
    with noted(turn, "vread", type, id):
        now = _known(turn, type, id)
        ours = number.isascii() and number.isdigit() and len(number) <= 9
        row = read.version(turn.conn, type, id, int(number)) if ours else None
        if row is None or not _same_person(turn, now, row):
            raise NotFound(f"{type}/{id} has no version {number[:20]!r}.")
        if row.deleted:
            raise Gone(f"Version {number} of {type}/{id} is its deletion.", headers={"ETag": etag(row.version)})
        return row


def versions(turn: Turn, type: str, id: str, pairs: Pairs) -> bytes:
    """The history Bundle of one resource, newest first. Arguments: _count, _since, and the cursor of our own links."""
    with noted(turn, "history", type, id):
        now = _known(turn, type, id)
        asked = _History(turn, pairs)
        rows = read.history(turn.conn, type, id, asked.count + 1, asked.before)
        rows = [row for row in rows if row.updated >= asked.since]
        shown = [row for row in rows[: asked.count] if _same_person(turn, now, row)]
        links = asked.links(f"{type}/{id}/_history", rows[asked.count - 1].version if len(rows) > asked.count else None)
        total = now.version if not asked.since and turn.filter(type, "r") == EVERYTHING else None
        listed = (Version(r.type, r.id, r.version, r.updated, r.deleted, r.body) for r in shown)
        return bundle.history(turn.world.settings.fhir_url, listed, links=links, total=total)


def searched(turn: Turn, type: str, pairs: Pairs, strict: bool, within: tuple[str, str] | None = None) -> bytes:
    """The searchset Bundle of a page. within: only the compartment of this (type, id).

    Raises Invalid naming the argument, Forbidden, NotFound for a type or compartment that is not ours.
    """
    with noted(turn, "search", type, query=urlencode(pairs)):
        _demand_type(type)
        turn.demand(type, "s")
        settings = turn.world.settings
        search = parse(type, pairs, strict=strict, base_url=settings.fhir_url)
        may = turn.may("s")
        if within:
            inside = _inside(within, type, settings.fhir_url)
            may = lambda one: _both(turn.filter(one, "s"), inside) if one == type else turn.filter(one, "s")  # noqa: E731
        sizes = {"page_size": settings.page_size, "page_max": settings.page_max}
        page = find(turn.conn, search, may, **sizes)
        path = f"{within[0]}/{within[1]}/{type}" if within else type
        return _searchset(turn, search, page, path)


@contextmanager
def noted(turn: Turn, interaction: str, type: str, id: str | None = None, query: str | None = None) -> Iterator[None]:
    """Audit what happens inside, done or refused."""
    status = 500
    try:
        yield
        status = 200
    except Problem as problem:
        status = problem.status
        raise
    finally:
        grant, patient = turn.grant, id if type == "Patient" else None
        turn.world.journal.append(
            Event(
                micros(turn.now), turn.request, interaction, status, grant.subject, grant.client, grant.organization,
                type, id, None, patient, query,
            )
        )  # fmt: skip


def _demand_type(type: str) -> None:
    if type not in TYPES:
        raise NotFound(f"{type[:80]!r} is not a resource type of this server.")


def _known(turn: Turn, type: str, id: str) -> Row:
    """The present row, perhaps a deletion, of a resource that the asker may know of."""
    _demand_type(type)
    turn.demand(type, "r")
    row = read.get(turn.conn, type, id) if ID.fullmatch(id) else None
    if row is None or not turn.sees(row, "r"):
        raise missing(type, id)
    return row


def _present(turn: Turn, type: str, id: str) -> Row:
    row = _known(turn, type, id)
    if row.deleted:
        raise Gone(f"{type}/{id} has been deleted.", headers={"ETag": etag(row.version)})
    return row


def _same_person(turn: Turn, now: Row, then: Row) -> bool:
    """Whether an access that is narrowed may see an older version: not one that was about somebody else."""
    if turn.filter(now.type, "r") == EVERYTHING or now.version == then.version or then.deleted:
        return True
    base = turn.world.settings.fhir_url
    return extract(text.loads(then.body), base).patient == extract(text.loads(now.body), base).patient


def _inside(within: tuple[str, str], type: str, base_url: str) -> Filter:
    """The Filter of a compartment: any of the parameters that put the type in it."""
    owner, id = within
    if owner != "Patient" or not ID.fullmatch(id):
        raise NotFound(f"There is no operation or compartment at {owner[:80]}/{id[:80]}/{type}.")
    ways = tuple(((code, f"Patient/{id}"),) for code in compartment(type))
    if type == "Patient":
        ways = ((("_id", id),), *ways)
    if not ways:
        raise NotFound(f"A {type} is never in the compartment of a patient.")
    return limits(type, ways, base_url)


def _both(one: Filter, other: Filter) -> Filter:
    return tuple(a + b for a, b in product(one, other))


def _searchset(turn: Turn, search: Search, page: Page, path: str) -> bytes:
    base = turn.world.settings.fhir_url
    pairs = list(search.pairs)
    links = {"self": _url(base, path, pairs)}
    if page.next:
        links["next"] = _url(base, path, [*pairs, (CURSOR, page.next)])
    matches = [Found(row.type, row.id, _part(row.body, search)) for row in page.rows]
    others = [Found(row.type, row.id, row.body) for row in page.included]
    return bundle.searchset(base, matches, others, links=links, total=page.total, warnings=page.issues)


def _part(body: bytes, search: Search) -> bytes:
    """The bytes as stored, unless only a part was asked for."""
    if search.elements:
        return text.dumps(elements.elements(text.loads(body), search.elements))
    if search.summary:
        return text.dumps(elements.summary(text.loads(body), search.summary))
    return body


def _url(base: str, path: str, pairs: Pairs) -> str:
    return f"{base}/{path}?{urlencode(pairs)}" if pairs else f"{base}/{path}"


class _History:
    """The arguments of a history. Raises Invalid naming the one that is not understood."""

    def __init__(self, turn: Turn, pairs: Pairs) -> None:
        settings = turn.world.settings
        self._base, self._pairs = settings.fhir_url, [pair for pair in pairs if pair[0] != CURSOR]
        self.count, self.since = settings.page_size, 0
        self.before: int | None = None
        for name, value in pairs:
            if name == "_count":
                self.count = max(1, min(_whole(name, value), settings.page_max))
            elif name == "_since":
                self.since = _since(value)
            elif name == CURSOR:
                self.before = _whole(name, value)
            elif name not in ("_format", "_pretty"):
                raise Invalid(f"A history knows _count and _since, not {name[:80]!r}.", f"http.{name[:80]}")

    def links(self, path: str, last: int | None) -> dict[str, str]:
        """The links of a page that ends at version `last`; None: no more."""
        links = {"self": _url(self._base, path, self._pairs)}
        if last is not None:
            links["next"] = _url(self._base, path, [*self._pairs, (CURSOR, str(last))])
        return links


def _whole(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise Invalid(f"{name} is a whole number, not {value[:80]!r}.", f"http.{name}")
    return int(value)


def _since(value: str) -> int:
    try:
        return period(value.replace(" ", "+"))[0]
    except ValueError as e:
        raise Invalid(f"_since: {e}.", "http._since") from None
