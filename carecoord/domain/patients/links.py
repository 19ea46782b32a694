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
    """The two records once the first stands for both."""
    return (
        _linked(kept, {"other": {"reference": key(replaced)}, "type": "replaces"}),
        _linked(replaced, {"other": {"reference": key(kept)}, "type": "replaced-by"}),
    )


def unmerged(kept: Json, replaced: Json) -> tuple[Json, Json]:
    """The two records as if the first had never stood for both."""
    return _unlinked(kept, key(replaced)), _unlinked(replaced, key(kept))


def apart(one: Json, other: Json) -> tuple[Json, Json]:
    """The two records once it is said that they are of two people."""
    mark = [{"url": NOT_SAME, "valueBoolean": True}]
    return (
        _linked(one, {"modifierExtension": mark, "other": {"reference": key(other)}, "type": "seealso"}),
        _linked(other, {"modifierExtension": mark, "other": {"reference": key(one)}, "type": "seealso"}),
    )


def replaced_by(patient: Json) -> str:
    """The record, `Patient/id`, that stands in the place of this one; empty where none does."""
    return next((target(item(each, "other")) for each in items(patient, "link") if _is(each, "replaced-by")), "")


def replaces(patient: Json) -> list[str]:
    """The records, `Patient/id`, in whose place this one stands."""
    return [target(item(each, "other")) for each in items(patient, "link") if _is(each, "replaces")]


def _is(link: Json, type: str) -> bool:
    return text(link, "type") == type


def _linked(patient: Json, link: Json) -> Json:
    """The record with this link in the place of any other to the same one."""
    to = target(item(link, "other"))
    kept = [each for each in items(patient, "link") if target(item(each, "other")) != to]
    return patient | {"link": [*kept, link]}


def _unlinked(patient: Json, to: str) -> Json:
    kept = [each for each in items(patient, "link") if target(item(each, "other")) != to]
    bare = {name: value for name, value in patient.items() if name != "link"}
    return bare | ({"link": kept} if kept else {})
