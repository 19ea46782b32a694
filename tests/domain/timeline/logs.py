"""The log of a story, as the store would keep it."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from typing import Any

from carecoord.actions.events.ledger import entry
from carecoord.domain.timeline.changes import changes
from carecoord.store.events.log import Entry
from carecoord.store.resources.write import Actor

Json = dict[str, Any]
LEARNT = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


def logged(*versions: Json | None, zone: tzinfo = UTC, start: int = 1) -> list[Entry]:
    """The log of one resource that went through these versions (None: it was gone), the first of them new; the first
    event has the number `start`, and each version was learnt of an hour after the one before."""
    known = next(each for each in versions if each)
    found: list[Entry] = []
    for hours, (before, after) in enumerate(pairwise((None, *versions))):
        at = int(LEARNT.timestamp() * 10**6) + hours * 3600 * 10**6
        place = (str(known["resourceType"]), str(known["id"]), hours + 1)
        for one in changes(before, after):
            made = entry(one, Actor("amara", None, None, "r"), at, zone, "pat", "sr", place)
            found.append(_numbered(made, start + len(found)))
    return found


def together(*logs: Sequence[Entry]) -> list[Entry]:
    """Several logs as one, in the order of when it was learnt."""
    whole = sorted((one for log in logs for one in log), key=lambda one: one.recorded)
    return [_numbered(one, n) for n, one in enumerate(whole, 1)]


def _numbered(made: Entry, n: int) -> Entry:
    return Entry(**{**{name: getattr(made, name) for name in Entry.__slots__}, "n": n})
