"""FHIRPath Patch: add, insert, delete, replace and move, told as a Parameters resource.

Clause: FHIR R4 fhirpatch.html. What stands beside a primitive (`_given`) moves with it.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from carecoord.errors import Invalid, Problem, Unprocessable
from carecoord.fhir.patch.paths import Place, children, element, path, table

Json = dict[str, Any]
_NEEDS: Final = {
    "add": ("path", "name", "value"),
    "insert": ("path", "index", "value"),
    "delete": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "source", "destination"),
}
_KINDS: Final = {
    "type": "valueCode", "path": "valueString", "name": "valueString", "index": "valueInteger",
    "source": "valueInteger", "destination": "valueInteger",
}  # fmt: skip


@dataclass(frozen=True)
class _Value:
    """A value as it was given: itself, what stands beside it, its datatype; of an anonymous type, the parts."""

    plain: Any
    beside: Any
    datatype: str
    parts: list[Any] | None = None


def path_patch(parameters: Json, most: int) -> Callable[[Json], Json]:
    """The operations, to be applied to a resource that may be changed. Raises Invalid for what is no such patch; what
    it gives raises Unprocessable for an operation that does not apply, naming it."""
    given = parameters.get("parameter")
    if not isinstance(given, list) or not given or len(given) > most:
        raise Invalid(f"A FHIRPath Patch has from 1 to {most} parameters named operation.", "Parameters.parameter")
    operations = [_read(one, f"Parameters.parameter[{n}]") for n, one in enumerate(given)]

    def apply(resource: Json) -> Json:
        for n, operation in enumerate(operations):
            try:
                _DO[operation["type"]](resource, operation)
            except Problem as problem:
                told = f"Operation {n} ({operation['type']} {operation['path'][:80]}): {problem.text}"
                raise Unprocessable(told, f"Parameters.parameter[{n}]") from problem
        return resource

    return apply


def _read(given: Any, where: str) -> Json:
    """One operation by the names of its parts."""
    parts = given.get("part") if isinstance(given, dict) and given.get("name") == "operation" else None
    if not isinstance(parts, list):
        raise Invalid("Each parameter of a FHIRPath Patch is named operation, and has parts.", where)
    found: Json = {}
    for part in parts:
        name = part.get("name") if isinstance(part, dict) else None
        if name in found or name not in (*_KINDS, "value"):
            raise Invalid(f"An operation has each of {', '.join(_KINDS)}, value at most once; not {name!r}.", where)
        found[name] = _value(part, where) if name == "value" else part.get(_KINDS[name])
    needs = _NEEDS.get(str(found.get("type")))
    if needs is None:
        raise Invalid(f"The type of an operation is one of {', '.join(_NEEDS)}.", where)
    for name in needs:
        wanted = int if _KINDS.get(name) == "valueInteger" else _Value if name == "value" else str
        if not isinstance(found.get(name), wanted) or isinstance(found[name], bool):
            raise Invalid(f"{found['type']} needs {name}, as {_KINDS.get(name, 'a value')}.", where)
    try:
        path(found["path"])
    except Invalid as e:
        raise Invalid(e.text, where) from e
    return found


def _value(part: Json, where: str) -> _Value:
    if "part" in part:
        if not isinstance(part["part"], list):
            raise Invalid("The parts of a value are a list.", where)
        return _Value(None, None, "", part["part"])
    names = {name.lstrip("_") for name in part if name.lstrip("_").startswith("value")}
    if len(names) != 1:
        raise Invalid("A value is given by exactly one of valueString, valueCode ..., or by parts.", where)
    name = names.pop()
    return _Value(part.get(name), part.get(f"_{name}"), name.removeprefix("value"))


def _one(resource: Json, source: str) -> Place:
    found = path(source)(resource)
    if len(found) != 1:
        raise Unprocessable(f"the path must mean one element, and means {len(found) or 'none'}.")
    return found[0]


def _add(resource: Json, operation: Json) -> None:
    place = _one(resource, operation["path"])
    inside = place.inside
    if inside is None:
        inside = _beside(place)
    owner = _owner(place, inside)
    prop = _property(owner, operation["name"], operation["value"])
    datatype, many = element(owner, prop) or ("", False)
    if many:
        _put(inside, prop, len(_listed(inside, prop)), _built(operation["value"], datatype), operation["value"].beside)
    elif children(place, operation["name"]):
        raise Unprocessable(f"there is a {operation['name']} already: replace it.")
    else:
        _set(inside, prop, None, _built(operation["value"], datatype), operation["value"].beside)


def _insert(resource: Json, operation: Json) -> None:
    inside, prop, datatype = _list(resource, operation["path"])
    count, index = len(_listed(inside, prop)), operation["index"]
    if not 0 <= index <= count:
        raise Unprocessable(f"the index must be from 0 to {count}, not {index}.")
    _put(inside, prop, index, _built(operation["value"], datatype), operation["value"].beside)


def _delete(resource: Json, operation: Json) -> None:
    found = path(operation["path"])(resource)
    if not found:
        return  # what is to be gone is not there
    if len(found) > 1:
        raise Unprocessable(f"the path must mean one element, and means {len(found)}.")
    place = found[0]
    if place.owner is None:
        raise Unprocessable("a patch can not delete the resource itself: use DELETE.")
    for name in (place.name, f"_{place.name}"):
        held = place.owner.get(name)
        if place.index is None:
            place.owner.pop(name, None)
        elif isinstance(held, list) and place.index < len(held):
            del held[place.index]


def _replace(resource: Json, operation: Json) -> None:
    place, value = _one(resource, operation["path"]), operation["value"]
    if place.owner is None:
        raise Unprocessable("a patch can not replace the resource itself: use PUT.")
    name = f"{place.choice}{value.datatype}" if place.choice and value.datatype else place.name
    built = _built(value, place.type)
    if name != place.name:
        place.owner.pop(place.name, None)
        place.owner.pop(f"_{place.name}", None)
    _set(place.owner, name, place.index, built, value.beside)


def _move(resource: Json, operation: Json) -> None:
    inside, prop, _ = _list(resource, operation["path"])
    count, source, target = len(_listed(inside, prop)), operation["source"], operation["destination"]
    if not (0 <= source < count and 0 <= target < count):
        raise Unprocessable(f"source and destination must be from 0 to {count - 1}.")
    for name in (prop, f"_{prop}"):
        if name in inside:
            held = _padded(inside, name, count)
            held.insert(target, held.pop(source))


_DO: Final = {"add": _add, "insert": _insert, "delete": _delete, "replace": _replace, "move": _move}


def _list(resource: Json, source: str) -> tuple[Json, str, str]:
    """The list that a path means: the object and property that hold it, and the datatype of its items."""
    found = path(source)(resource)
    if not found:
        before, _, name = source.rpartition(".")
        owner = _one(resource, before) if before else None
        known = element(_owner(owner, owner.inside), name) if owner and owner.inside is not None else None
        if owner is None or owner.inside is None or known is None or not known[1]:
            raise Unprocessable("the path must mean a list.")
        return owner.inside, name, known[0]
    first = found[0]
    if first.index is None or any(one.owner is not first.owner or one.name != first.name for one in found):
        raise Unprocessable("the path must mean one list.")
    assert first.owner is not None  # noqa: S101
    return first.owner, first.name, first.type


def _owner(place: Place, inside: Json) -> str:
    """The type whose elements an object holds."""
    if place.type == "Resource":
        return str(inside.get("resourceType"))
    return place.type if isinstance(place.value, dict) else "Element"


def _beside(place: Place) -> Json:
    """The object beside a primitive, made where there was none."""
    if place.owner is None or place.value is None:
        raise Unprocessable("there is nothing that could hold it.")
    made: Json = {}
    if place.index is None:
        place.owner[f"_{place.name}"] = made
    else:
        _padded(place.owner, f"_{place.name}", len(place.owner[place.name]))[place.index] = made
    return made


def _property(owner: str, name: str, value: _Value) -> str:
    """The JSON property of an element, a choice by the datatype of its value."""
    known = table(owner)
    if name in known:
        return name
    choice = f"{name}{value.datatype}"
    if value.datatype and choice in known and known[choice][5] == name:
        return choice
    if any(row[5] == name for row in known.values()):
        raise Unprocessable(f"{owner}.{name} does not take a {value.datatype or 'value of parts'}.")
    raise Unprocessable(f"{owner} has no element {name[:80]!r}.")


def _built(value: _Value, datatype: str) -> Any:
    """A value in JSON: as given, or put together from its parts."""
    if value.parts is None:
        return deepcopy(value.plain)
    made: Json = {}
    for part in value.parts:
        name = part.get("name") if isinstance(part, dict) else None
        inner = _value(part, "") if isinstance(name, str) else None
        if name is None or inner is None:
            raise Unprocessable("each part of a value has a name and a value.")
        prop = _property(datatype, name, inner)
        kind, many = element(datatype, prop) or ("", False)
        if many:
            _put(made, prop, len(_listed(made, prop)), _built(inner, kind), inner.beside)
        elif prop in made:
            raise Unprocessable(f"{name} is given twice, and does not repeat.")
        else:
            _set(made, prop, None, _built(inner, kind), inner.beside)
    return made


def _listed(owner: Json, name: str) -> list[Any]:
    held, beside = owner.get(name) or [], owner.get(f"_{name}") or []
    return held if len(held) >= len(beside) else beside


def _padded(owner: Json, name: str, count: int) -> list[Any]:
    held: list[Any] = owner.setdefault(name, [])
    held += [None] * (count - len(held))
    return held


def _put(owner: Json, name: str, index: int, value: Any, beside: Any) -> None:
    """Into a list, before what stands at that index."""
    count = len(_listed(owner, name))
    _padded(owner, name, count).insert(index, value)
    if beside is not None or f"_{name}" in owner:
        _padded(owner, f"_{name}", count).insert(index, deepcopy(beside))


def _set(owner: Json, name: str, index: int | None, value: Any, beside: Any) -> None:
    """In place of what stands there."""
    if index is not None:
        count = len(_listed(owner, name))
        _padded(owner, name, count)[index] = value
        if beside is not None or f"_{name}" in owner:
            _padded(owner, f"_{name}", count)[index] = deepcopy(beside)
        return
    for key, given in ((name, value), (f"_{name}", deepcopy(beside))):
        if given is None:
            owner.pop(key, None)
        else:
            owner[key] = given
