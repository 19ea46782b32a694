"""The systems of values that name none: a `code` element has that of its value set, a boolean that of special values.

Clause: FHIR R4 search.html#token ("code: (implicit)", "boolean: the implicit system is
http://terminology.hl7.org/CodeSystem/special-values").
"""

from functools import cache
from itertools import product

from carecoord.fhir.definitions import read
from carecoord.fhir.search.operands import Code, Operand, Pair
from carecoord.fhir.search.params import Component, Param, Path

_SPECIAL = ("http://terminology.hl7.org/CodeSystem/special-values", "http://hl7.org/fhir/special-values")
_LANGUAGES = {"urn:ietf:bcp:47": None}  # bound, though not by a required binding

Systems = dict[str, frozenset[str] | None]


def widened(param: Param, operand: Operand) -> tuple[Operand, ...]:
    """What a search must compare with to mean this operand of a token or composite parameter: index rows of values
    that name no system carry none, so the codes of an implied one are asked for as they are."""
    match operand:
        case Code():
            return _codes(param.type, param.paths, operand)
        case Pair(first, second):
            sides = (
                _codes(param.type, _whole(param, part), side) if isinstance(side, Code) else (side,)
                for part, side in zip(param.components, (first, second), strict=True)
            )
            return tuple(Pair(*both) for both in product(*sides))
        case _:
            return (operand,)


def _whole(param: Param, part: Component) -> tuple[Path, ...]:
    return tuple(Path((*to.steps, *on.steps), on.datatype) for to in param.paths for on in part.paths)


def _codes(type: str, paths: tuple[Path, ...], asked: Code) -> tuple[Code, ...]:
    system = asked.system
    known = [known[system] for path in paths if system in (known := _systems(type, path))] if system else []
    if not known:
        return (asked,)
    if asked.code is not None:
        is_one = any(codes is None or asked.code in codes for codes in known)
        return (Code("", asked.code),) if is_one else (asked,)
    listed = frozenset().union(*(codes for codes in known if codes))
    return (Code("", None),) if None in known else tuple(Code("", code) for code in sorted(listed))


@cache
def _systems(type: str, path: Path) -> Systems:
    """The systems of the values at a path that name none, each with its codes, or None where HL7 publishes none. No
    parameter of R4's has both such paths and others."""
    if path.datatype == "boolean":
        return {system: frozenset(("true", "false")) for system in _SPECIAL}
    if path.datatype != "code":
        return {}
    table, owner, binding = read("structures"), type, None
    for step in path.steps:
        if step[0] != "?":
            owner, _, _, _, binding, _ = table["elements"][owner][step]
    if binding is None:
        return dict(_LANGUAGES) if path.steps[-1] == "language" else {}
    rows = table["codes"].get(binding, {})
    return {system: None if codes is None else frozenset(codes) for system, codes in rows.items()}
