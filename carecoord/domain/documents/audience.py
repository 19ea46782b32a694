"""Which office sees a document that was attached at the desk: whoever attached it, and those to whom it was sent. A
document that came another way is seen as everything of its patient is.

It stands in the document's security labels, so that every road that reads it (search, read, chain, export, the page)
keeps to it by the index alone. Clause: FHIR R4 security-labels.html."""

from collections.abc import Iterable
from typing import Final

from carecoord.domain.resource.codes import CANONICAL, CONSULT_NOTE, has
from carecoord.domain.resource.elements import Json, item, items, text

_SHARING: Final = f"{CANONICAL}/CodeSystem/document-sharing"
_OFFICE: Final = f"{CANONICAL}/CodeSystem/document-office"  # its codes: the ids of the Organizations that see it
_LISTED: Final = "listed"  # only the offices that it names see it
_HELD: Final = {"requester": "requester-holds", "performer": "performer-holds"}  # by that side alone, so far


def listed(document: Json, offices: Iterable[str], held: str = "") -> Json:
    """The document as these offices alone see it; those that saw it before go on seeing it. held: the side of the
    referral that has it alone; empty: both do."""
    meta = item(document, "meta")
    others = [each for each in items(meta, "security") if text(each, "system") not in (_SHARING, _OFFICE)]
    seen = sorted({*_offices(document), *offices})
    marks = [_LISTED, *([_HELD[held]] if held else [])]
    labels = [{"system": _SHARING, "code": code} for code in marks] + [{"system": _OFFICE, "code": id} for id in seen]
    return document | {"meta": meta | {"security": [*others, *labels]}}


def origin(provenance: Json, made: Iterable[Json]) -> Json:
    """The Provenance of resources, as only those offices see it that see each document among them."""
    offices = [_offices(each) for each in made if is_listed(each)]
    return listed(provenance, set.intersection(*offices)) if offices else provenance


def is_listed(document: Json) -> bool:
    """Whether only the offices that it names see it."""
    return _marked(document, _LISTED)


def sendable(documents: Iterable[Json], offices: Iterable[str], to: str) -> list[Json]:
    """Those that these offices see, and can send to another: what is listed and has not gone there, and what is not
    listed, of which nobody can tell whether it was sent."""
    ours = frozenset(offices)
    return [each for each in documents if is_seen(each, ours) and not (is_listed(each) and is_seen(each, [to]))]


def consult_notes(documents: Iterable[Json], offices: Iterable[str]) -> list[Json]:
    """The clinic's own consult notes that it has not sent."""
    ours = frozenset(offices)
    return [
        each for each in documents if is_kept(each) and is_seen(each, ours) and has(item(each, "type"), *CONSULT_NOTE)
    ]


def is_seen(document: Json, offices: Iterable[str]) -> bool:
    """Whether one of these offices sees it, as far as the document itself says."""
    return not is_listed(document) or not _offices(document).isdisjoint(offices)


def is_kept(document: Json) -> bool:
    """Whether the clinic has it alone: for the office that refers it is not there."""
    return _marked(document, _HELD["performer"])


def is_sent(document: Json) -> bool:
    """Whether both sides of the referral have it."""
    return not any(_marked(document, code) for code in _HELD.values())


def ways(offices: Iterable[str]) -> tuple[tuple[tuple[str, str], ...], ...]:
    """The documents that these offices see, as alternatives of search arguments."""
    named = ",".join(f"{_OFFICE}|{id}" for id in offices)
    free = (("_security:not", f"{_SHARING}|{_LISTED}"),)
    return (free, (("_security", named),)) if named else (free,)


def _marked(document: Json, code: str) -> bool:
    labels = items(item(document, "meta"), "security")
    return any((text(each, "system"), text(each, "code")) == (_SHARING, code) for each in labels)


def _offices(document: Json) -> set[str]:
    labels = items(item(document, "meta"), "security")
    return {text(each, "code") for each in labels if text(each, "system") == _OFFICE}
