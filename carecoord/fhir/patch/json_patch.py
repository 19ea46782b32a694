"""Patches: a change told as its steps, read from the three forms that it may arrive in, and applied to a copy.

Clause: FHIR R4 http.html#patch (JSON Patch, RFC 6902, and FHIRPath Patch), bundle.html (in a Bundle a JSON Patch is
the data of a Binary). Decimals keep their digits. Whether what comes out is valid is the write's to judge.
"""

import base64
import binascii
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

from jsonpatch import JsonPatch, JsonPatchException
from jsonpointer import JsonPointer, JsonPointerException

from carecoord.errors import Invalid, Issue, Unprocessable, Unsupported
from carecoord.fhir import text
from carecoord.fhir.patch.fhirpath_patch import path_patch

Json = dict[str, Any]
Patch = Callable[[Json], Json]

JSON_PATCH: Final = "application/json-patch+json"
MOST: Final = 1000  # operations of one patch
_LARGEST: Final = 100_000  # values that one patch may copy: each copy may double what there is
_OPERATIONS: Final = {
    "add": "value",
    "remove": None,
    "replace": "value",
    "move": "from",
    "copy": "from",
    "test": "value",
}
_FIXED: Final = (("resourceType",), ("id",), ("meta", "versionId"), ("meta", "lastUpdated"))
_NOWHERE: Final = (JsonPatchException, JsonPointerException, KeyError, IndexError, TypeError, ValueError)


def json_patch(operations: Any) -> Patch:
    """RFC 6902. Raises Invalid for what is no such document."""
    if not isinstance(operations, list) or not operations:
        raise Invalid("A JSON Patch is a list of operations, and not an empty one (RFC 6902).")
    if len(operations) > MOST:
        raise Invalid(f"A patch has at most {MOST} operations, not {len(operations)}. Send the whole resource by PUT.")
    for n, operation in enumerate(operations):
        _check(n, operation)

    def apply(resource: Json) -> Json:
        document, room = deepcopy(resource), _LARGEST
        for n, operation in enumerate(operations):
            try:
                room -= _copied(document, operation)
                if room < 0:
                    raise ValueError("it copies more than a resource may hold")
                document = _step(document, operation)
            except _NOWHERE as e:
                told = f"{operation['op']} {operation['path'][:80]!r}"
                raise Unprocessable(f"Operation {n} ({told}) does not apply: {_reason(e)}.") from e
        return _whole(resource, document)

    return apply


def parameters_patch(parameters: Any) -> Patch:
    """FHIRPath Patch. Raises Invalid for what is no such Parameters."""
    if not isinstance(parameters, dict) or parameters.get("resourceType") != "Parameters":
        raise Invalid(f"A patch is a Parameters resource, or a JSON Patch as {JSON_PATCH}.", "resourceType")
    operations = path_patch(parameters, MOST)
    return lambda resource: _whole(resource, operations(deepcopy(resource)))


def entry_patch(resource: Json) -> Patch:
    """The patch that an entry of a Bundle brings. Raises Invalid, or Unsupported for a Binary of something else."""
    if resource.get("resourceType") != "Binary":
        return parameters_patch(resource)
    if resource.get("contentType") != JSON_PATCH:
        raise Unsupported(f"The Binary of a PATCH holds a JSON Patch: contentType {JSON_PATCH}.", "Binary.contentType")
    try:
        data = base64.b64decode(resource.get("data", ""), validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise Invalid("The data of the Binary are not base64.", "Binary.data") from None
    return json_patch(text.values(data))


def _check(n: int, operation: Any) -> None:
    """One operation, as far as it can be judged without the resource."""
    name = operation.get("op") if isinstance(operation, dict) else None
    if not isinstance(name, str) or name not in _OPERATIONS:
        raise Invalid(f"Operation {n} needs an op: one of {', '.join(_OPERATIONS)}.")
    more = _OPERATIONS[name]
    if more and more not in operation:
        raise Invalid(f"Operation {n} ({name}) needs {more!r}.")
    for place in ("path", "from") if more == "from" else ("path",):
        try:
            JsonPointer(operation.get(place))
        except (JsonPointerException, TypeError):
            text = f"Operation {n} ({name}): {place} is a JSON Pointer such as /name/0/family."
            raise Invalid(text) from None


def _copied(document: Any, operation: Json) -> int:
    return _size(JsonPointer(operation["from"]).resolve(document)) if operation["op"] == "copy" else 0


def _size(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_size, inside))


def _step(document: Any, operation: Json) -> Any:
    """The document after one operation."""
    name, path = operation["op"], operation["path"]
    if name == "test":
        if not _is_same(JsonPointer(path).resolve(document), operation["value"]):
            raise ValueError("there is another value")
        return document
    if name == "move" and path.startswith(operation["from"] + "/"):
        raise ValueError("nothing can be moved into itself")
    if path == "" and name != "replace":
        raise ValueError("the resource itself is replaced, not added or removed")
    given = {**operation, "value": deepcopy(operation["value"])} if "value" in operation else operation
    return JsonPatch([given]).apply(document, in_place=True)


def _is_same(one: Any, other: Any) -> bool:
    """Equal as RFC 6902 section 4.6 has it: numbers by their value, but true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return bool(one == other)


def _reason(error: Exception) -> str:
    return "there is nothing there" if isinstance(error, KeyError) else str(error).rstrip(".")[:200]


def _whole(before: Json, after: Any) -> Json:
    """What came out, without the lists and objects that lost their last value: FHIR has no empty ones (json.html).

    Raises Unprocessable where it is no resource any more, or not the same one."""
    if not isinstance(after, dict):
        raise Unprocessable("A patch must leave a resource.")
    for path in _FIXED:
        if _at(before, path) != _at(after, path) and (len(path) == 1 or _at(after, path) is not None):
            told = ".".join(path)
            reason = f"{told} is the server's own: a patch can not change it."
            raise Unprocessable(reason, issues=[Issue("error", "business-rule", reason, f"{_type(before)}.{told}")])
    return {name: kept for name, value in after.items() if (kept := _pruned(value)) not in ([], {})}


def _type(resource: Json) -> str:
    return str(resource.get("resourceType"))


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: kept for name, inner in value.items() if (kept := _pruned(inner)) not in ([], {})}
    if isinstance(value, list):
        kept_items = [kept for inner in value if (kept := _pruned(inner)) not in ([], {})]
        return kept_items if any(item is not None for item in kept_items) else []
    return value
