"""Histories, within a turn: of one resource, of a type, of the whole system.

Clause: FHIR R4 http.html#history (_count, _since; newest first).
"""

import base64
from collections.abc import Callable, Sequence

import msgspec

from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Turn
from carecoord.actions.claims import authorization_benefits
from carecoord.actions.fhir.read import Pairs, about, address, demand_type, known, same_person
from carecoord.actions.fhir.write import ID
from carecoord.errors import Forbidden, Invalid
from carecoord.fhir import bundle
from carecoord.fhir.bundle import Version
from carecoord.fhir.instants import FOREVER, period
from carecoord.fhir.search.query import CURSOR, EVERYTHING, NOTHING
from carecoord.fhir.service_base import Base
from carecoord.fhir.types import TYPES
from carecoord.store.resources import read
from carecoord.store.resources.read import Row
from carecoord.store.search.history import Limit, Point, changes
from carecoord.store.search.unstored import FIRST

_END = Point(FOREVER, 2**62, 2**30)
_decode = msgspec.json.Decoder(tuple[str, str, int]).decode


def versions(turn: Turn, type: str, id: str, pairs: Pairs) -> bytes:
    """The history Bundle of one resource. Raises Forbidden, NotFound, Invalid naming the argument."""
    with noted(turn, "history", type, id) as shown:
        made = authorization_benefits.one(turn, type, id)
        now = made or known(turn, type, id)
        asked = _Asked(turn, pairs)
        before = asked.place.version if asked.place else None
        rows = [made] if made else read.history(turn.conn, type, id, asked.count + 1, before)
        rows = [row for row in rows if row.updated >= asked.since]
        total = 1 if made else now.version if not asked.since and turn.filter(type, "r") == EVERYTHING else None
        asked.choose(rows, lambda row: same_person(turn, now, row))
        shown += [about(turn, row) for row in asked.chosen]
        return asked.page(f"{type}/{id}/_history", rows, total)


def changed(turn: Turn, type: str | None, pairs: Pairs) -> bytes:
    """The history Bundle of a type, or of every type, of what the asker may now read. Where something narrows that, no
    version is shown that was about somebody else, and of what is deleted only what nothing but a Consent narrowed."""
    with noted(turn, "history", type or "") as shown:
        if type:
            demand_type(type)
            turn.demand(type, "r")
        types = [name for name in ([type] if type else TYPES) if turn.filter(name, "r") != NOTHING]
        if not types:
            raise Forbidden("The history of everything needs an access that may read something.")
        asked = _Asked(turn, pairs)
        limits = {name: _limit(turn, name) for name in types if turn.filter(name, "r") != EVERYTHING}
        end = asked.place or _END
        rows = changes(turn.conn, types, asked.count + 1, end, asked.since, limits)
        if made := [row for row in authorization_benefits.versions(turn, type) if asked.since <= row.updated]:
            made = [row for row in made if _point(row) < end]
            rows = sorted((*rows, *made), key=_point, reverse=True)[: asked.count + 1]
        asked.choose(rows, lambda row: row.rid >= FIRST or row.type not in limits or _is_same(turn, row))
        shown += [about(turn, row) for row in asked.chosen]
        return asked.page(f"{type}/_history" if type else "_history", rows, None)


def _point(row: Row) -> Point:
    return Point(row.updated, row.rid, row.version)


def _limit(turn: Turn, type: str) -> Limit:
    besides = tuple(sorted(turn.kept_from("r"))) if turn.is_whole(type, "r") else None
    return Limit(turn.filter(type, "r"), besides)


def _is_same(turn: Turn, row: Row) -> bool:
    """Whether a version of a resource that may be seen was about the same person as it is now."""
    now = read.get(turn.conn, row.type, row.id)
    return now is not None and (row.version == now.version or same_person(turn, now, row))


class _Asked:
    """The arguments of a history, and the page that they give. Raises Invalid naming the one that is not understood."""

    def __init__(self, turn: Turn, pairs: Pairs) -> None:
        settings, self._turn = turn.world.settings, turn
        self._base, self._pairs = settings.fhir_url, [pair for pair in pairs if pair[0] != CURSOR]
        self.count, self.since = settings.page_size, 0
        self.place: Point | None = None
        self.chosen: list[Row] = []
        for name, value in pairs:
            if not value and name != CURSOR:
                continue  # as in a search: an empty parameter is ignored
            if name == "_count":
                self.count = max(1, min(_whole(value), settings.page_max))
            elif name == "_since":
                self.since = _since(value, turn.world.base)
            elif name == CURSOR:
                self.place = _place(turn, value)
            elif name not in ("_format", "_pretty"):
                raise Invalid(f"A history knows _count and _since, not {name[:80]!r}.", f"http.{name[:80]}")

    def choose(self, rows: Sequence[Row], shown: Callable[[Row], bool]) -> None:
        """Which of the rows go out: those of this page that the asker may see."""
        self.chosen = [self._turn.told(row) for row in rows[: self.count] if shown(row)]

    def page(self, path: str, rows: Sequence[Row], total: int | None) -> bytes:
        """The Bundle of what was chosen of the rows, of which there is one more than asked for where they go on."""
        links = {"self": address(self._base, path, self._pairs)}
        if len(rows) > self.count:
            last = rows[self.count - 1]
            links["next"] = address(self._base, path, [*self._pairs, (CURSOR, _word(last))])
        listed = (
            Version(row.type, row.id, row.version, row.updated, row.deleted, row.body, row.method)
            for row in self.chosen
        )
        return bundle.history(self._base, listed, links=links, total=total)


def _word(row: Row) -> str:
    told = msgspec.json.encode((row.type, row.id, row.version))
    return base64.urlsafe_b64encode(told).decode().rstrip("=")


def _place(turn: Turn, word: str) -> Point:
    """The version at which the page before ended. Anybody can write such a word, of any id: so one of what the asker
    may not read is answered as one of what never was."""
    try:
        type, id, version = _decode(base64.urlsafe_b64decode(word.encode() + b"=" * (-len(word) % 4)))
    except (ValueError, msgspec.MsgspecError):
        type, id, version = "", "", 0
    if made := authorization_benefits.placed(type, id, version):
        return Point(*made)
    ours = type in TYPES and ID.fullmatch(id) and 0 < version < 2**31
    now = read.get(turn.conn, type, id) if ours else None
    row = read.version(turn.conn, type, id, version) if ours and turn.sees_there(type, now) else None
    if row is None:
        raise Invalid("This link to a page is not one of ours. Start the history again.", f"http.{CURSOR}")
    return _point(row)


def _whole(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 19):
        raise Invalid(f"_count is a whole number, not {value[:80]!r}.", "http._count")
    return int(value)


def _since(value: str, base: Base) -> int:
    try:
        return period(value.replace(" ", "+"), base.zone)[0]
    except ValueError as e:
        raise Invalid(f"_since: {e}.", "http._since") from None
