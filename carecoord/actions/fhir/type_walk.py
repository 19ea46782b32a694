"""One page after another of resources of several types: type by type, each in its own stable order.

A link to the next page says at which type the page before ended, and where in it; the second half is sealed by the
search itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from carecoord.actions.access.turn import Turn
from carecoord.actions.claims import authorization_benefits
from carecoord.errors import Invalid, Issue
from carecoord.fhir.search.query import Search
from carecoord.store.resources.read import Row
from carecoord.store.search.compile import May
from carecoord.store.search.search import find

_MARK = "~"  # between the type and the word of its own search, in neither of which it stands


@dataclass(frozen=True)
class Leg:
    """The part of the walk in one type: what is asked of it, and what the asker may see."""

    search: Search
    may: May


@dataclass(frozen=True)
class Walked:
    """A page: what was found, what comes with it, and the word for the next page (None: this is the last)."""

    rows: list[Row]
    included: list[Row]
    next: str | None
    issues: Sequence[Issue] = ()


def walk(
    turn: Turn, types: Sequence[str], leg: Callable[[str], Leg | None], count: int | None, word: str | None
) -> Walked:
    """A page of what the legs of these types find. leg: of a type, None to pass it by. word: of the page before.

    Raises Invalid for a word that is not of this walk.
    """
    settings = turn.world.settings
    most = max(1, min(settings.page_size if count is None else count, settings.page_max))
    start, cursor = _place(word, types)
    rows: list[Row] = []
    included: dict[int, Row] = {}
    issues: dict[Issue, None] = {}
    for type in types[types.index(start) if start else 0 :]:
        part = leg(type)
        if part is None:
            continue
        left = most - len(rows)
        search = replace(part.search, count=left or 1, cursor=cursor if type == start else None, total="none")
        beside = authorization_benefits.unstored(turn, type)
        page = find(turn.conn, search, part.may, page_max=settings.page_max, beside=beside,
                    along=authorization_benefits.along(turn, search))  # fmt: skip
        if not left:  # the page is full: was this one the last?
            if page.rows:
                return Walked(rows, list(included.values()), f"{type}{_MARK}", list(issues))
            continue
        rows += page.rows
        included |= {row.rid: row for row in page.included}
        issues |= dict.fromkeys(page.issues)
        if page.next:
            return Walked(rows, list(included.values()), f"{type}{_MARK}{page.next}", list(issues))
    return Walked(rows, list(included.values()), None, list(issues))


def _place(word: str | None, types: Sequence[str]) -> tuple[str | None, str | None]:
    if word is None:
        return None, None
    type, mark, cursor = word.partition(_MARK)
    if not mark or type not in types:
        raise Invalid("This link to a page is not one of ours. Start again from the first page.", "http._cursor")
    return type, cursor or None
