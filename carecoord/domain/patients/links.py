"""Two records of patients and how they belong together: one stands for both, or they are two people. Pure.

Nothing is moved from one record to the other: each keeps its id, its numbers and whatever points at it, as the EHR that
it came from knows it, so that a merge can be taken back whole. Clause: FHIR R4 patient.html 8.1.8 (Patient.link:
replaced-by, replaces). That two are not one person is a link of type seealso with a modifierExtension, which whoever
does not know it must not read past (extensibility.html 2.4.0.1)."""

from typing import Final

from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.elements import Json, item, items, key, target, text

NOT_SAME: Final = f"{EXTENSION}/not-same-person"


def merged(kept: Json, replaced: Json) -> tuple[Json, Json]:
    """The two records once the first stands for both. Whatever else was said of how they belong together stays, so that
    it is there again once they are taken apart."""
    return _saying(kept, "replaces", key(replaced)), _saying(replaced, "replaced-by", key(kept))


def unmerged(kept: Json, replaced: Json) -> tuple[Json, Json]:
    """The two records as if the first had never stood for both."""
    return _unsaid(kept, "replaces", key(replaced)), _unsaid(replaced, "replaced-by", key(kept))


def apart(one: Json, other: Json) -> tuple[Json, Json]:
    """The two records once it is said that they are of two people."""
    mark = [{"url": NOT_SAME, "valueBoolean": True}]
    return (
        _linked(one, {"modifierExtension": mark, "other": {"reference": key(other)}, "type": "seealso"}),
        _linked(other, {"modifierExtension": mark, "other": {"reference": key(one)}, "type": "seealso"}),
    )


def replaced_by(patient: Json) -> list[str]:
    """The records, `Patient/id`, of which this one says that they stand in its place."""
    return _said(patient, "replaced-by")


def replaces(patient: Json) -> list[str]:
    """The records, `Patient/id`, in whose place this one says that it stands."""
    return _said(patient, "replaces")


def stands_for(kept: Json, replaced: Json) -> bool:
    """Whether a record stands in the place of another: only where both say so. What one alone says, an EHR, an app or
    a record that was brought in anew may have left: it mixes no two charts."""
    return key(replaced) in replaces(kept) and key(kept) in replaced_by(replaced)


def pairs(patient: Json) -> list[tuple[str, str]]:
    """What a record says of who stands for whom: (kept, replaced), `Patient/id`, itself one of the two."""
    me = key(patient)
    return [(me, to) for to in replaces(patient)] + [(to, me) for to in replaced_by(patient)]


def is_half(kept: Json, replaced: Json) -> bool:
    """Whether only one of two records says that the first stands for the second too."""
    return (key(replaced) in replaces(kept)) != (key(kept) in replaced_by(replaced))


def _said(patient: Json, type: str) -> list[str]:
    return [target(item(each, "other")) for each in items(patient, "link") if text(each, "type") == type]


def _saying(patient: Json, type: str, to: str) -> Json:
    if to in _said(patient, type):
        return patient
    return patient | {"link": [*items(patient, "link"), {"other": {"reference": to}, "type": type}]}


def _linked(patient: Json, link: Json) -> Json:
    """The record with this link in the place of any other to the same one."""
    to = target(item(link, "other"))
    kept = [each for each in items(patient, "link") if target(item(each, "other")) != to]
    return patient | {"link": [*kept, link]}


def _unsaid(patient: Json, type: str, to: str) -> Json:
    if to not in _said(patient, type):
        return patient
    links = items(patient, "link")
    kept = [each for each in links if text(each, "type") != type or target(item(each, "other")) != to]
    bare = {name: value for name, value in patient.items() if name != "link"}
    return bare | ({"link": kept} if kept else {})
