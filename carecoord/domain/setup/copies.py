"""Two copies of one organization that share no identifier, ours and another system's. They become one as all copies are
one: ours takes the identifiers of the other, each marked with where it is from, and gives them back when they were two
after all."""

from collections.abc import Iterable
from typing import Final

from carecoord.domain.imports.known import is_network
from carecoord.domain.resource.codes import COPY_OF
from carecoord.domain.resource.elements import (
    Json,
    extension,
    identifier,
    identifiers,
    item,
    items,
    key,
    source,
    target,
)
from carecoord.domain.resource.parties import TAXES, name
from carecoord.fhir.search.collation import fold

_NAMED: Final = "identifier"


def look_alikes(organizations: Iterable[Json]) -> list[tuple[Json, Json]]:
    """(ours, another) that are called alike, share no identifier but tax ids, and can be made one: ours no other system
    has sent, so that it is ours to write, and the other has an identifier."""
    called: dict[str, list[Json]] = {}
    for each in organizations:
        if not is_network(each) and each.get("active") is not False:
            called.setdefault(" ".join(fold(name(each)).split()), []).append(each)
    found = []
    for word, alike in called.items():
        own = [each for each in alike if not source(each)]
        for one in own if word else ():
            others = [each for each in alike if source(each) or key(each) > key(one)]
            found += [(one, each) for each in others if _shared(each) and _shared(one).isdisjoint(_shared(each))]
    return found


def joined(organizations: Iterable[Json]) -> list[tuple[Json, str]]:
    """(ours, `Organization/id` of the other) of those that were made one."""
    return [(each, to) for each in organizations for to in dict.fromkeys(map(_of, items(each, _NAMED))) if to]


def made_one(ours: Json, other: Json) -> Json:
    """Ours with the identifiers of the other."""
    held = identifiers(ours)
    mark = {"url": COPY_OF, "valueReference": {"reference": key(other)}}
    new = [each for each in items(other, _NAMED) if identifier(each) in _shared(other) - held]
    taken = [{"extension": [mark], **{n: each[n] for n in ("system", "value")}} for each in new]
    return ours | {_NAMED: [*items(ours, _NAMED), *taken]}


def apart(ours: Json, other: str) -> Json:
    """Ours without what it took from the other, `Organization/id`."""
    kept = [each for each in items(ours, _NAMED) if _of(each) != other]
    return {n: each for n, each in ours.items() if n != _NAMED} | ({_NAMED: kept} if kept else {})


def _shared(organization: Json) -> frozenset[str]:
    return frozenset(each for each in identifiers(organization) if not each.startswith(TAXES))


def _of(identifier: Json) -> str:
    """The organization from which an identifier was taken."""
    return target(item(extension(identifier, COPY_OF), "valueReference"))
