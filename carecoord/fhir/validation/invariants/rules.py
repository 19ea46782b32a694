"""The invariants of R4 that are errors, each compiled when a value of its place is first judged.

Clause: FHIR R4 conformance-rules.html#constraints; HL7's own 4.0.1 expressions (definitions/rules.json.gz). One that
comes out empty is broken, as one that is false is (fhirpath.html: the empty collection stands for false), but for an
order that can not be told (order.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from carecoord.fhir.definitions import read
from carecoord.fhir.validation.invariants.compile import Compiler
from carecoord.fhir.validation.invariants.grammar import Node, parse
from carecoord.fhir.validation.invariants.triggers import trigger
from carecoord.fhir.validation.invariants.values import Scope, below, properties

# Judged by other means, or not at all, each with the reason.
ELSEWHERE: Final = {
    "dom-2": "structure.py: such a resource is not walked",
    "txt-1": "narrative.py: htmlChecks() is no function of FHIRPath's",
    "txt-2": "narrative.py",
    "ctm-1": "not judged: it needs resolve(), and a write waits for no other resource",
}

# Said in other words: where the official ones ask for every descendant, for those that the text means; where they name
# a code that R4 has not (`no-show`), with the one that it has, as R4B does.
REWORDED: Final = {
    "app-4": "cancelationReason.exists() implies (status = 'noshow' or status = 'cancelled')",
    "csd-1": "repeat(concept).code.isDistinct()",
    "que-2": "repeat(item).linkId.isDistinct()",
    "sdf-9": (
        "(snapshot | differential).element.where(path.contains('.').not()).all(label.empty() and code.empty() and "
        "requirements.empty())"
    ),
}

Holds = Callable[[Any, Scope], bool | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """An invariant at one place. triggers: properties without all of which it holds; none where it must always be
    looked at. waits: whether it speaks of the whole resource, so that it can be judged only when that has been
    walked. holds: broken is all but True; it raises nothing where the structure is good."""

    key: str
    human: str
    triggers: tuple[str, ...]
    waits: bool
    holds: Holds


@cache
def rules(place: str, type: str) -> tuple[Rule, ...]:
    """The invariants of a place, as in definitions/rules.py; type: of the values there."""
    rows: list[list[str]] = read("rules")["invariants"].get(place, [])
    return tuple(_rule(place, type, *row) for row in rows if row[0] not in ELSEWHERE)


def _rule(place: str, type: str, key: str, human: str, expression: str) -> Rule:
    human = human.rstrip(". ")
    if by_hand := _BY_HAND.get(key):
        return Rule(key, human, (by_hand[0],), False, by_hand[1])
    tree = parse(REWORDED.get(key, expression))
    types = frozenset({"Resource" if type == "DomainResource" else type})
    resource = place.split(".")[0].split(":")[0]
    holds = Compiler(types, resource if resource[0].isupper() else None).truth(tree, types)
    needed = trigger(tree)
    names = properties(types, needed).names if needed else ()
    return Rule(key, human, names, _speaks_of_more(tree), holds)


def _speaks_of_more(node: Node) -> bool:
    if node.kind == "variable" and node.name in ("%resource", "%context"):
        return True
    return any(_speaks_of_more(part) for part in (node.left, *node.arguments) if part)


def _is_contained(reference: Any, scope: Scope) -> bool:
    """ref-1. `#` alone is the resource that contains this one: as R4B words it, and dom-3 has it. What is contained may
    not have been walked yet."""
    text = reference["reference"]
    if text[:1] != "#":
        return True
    scope.local.add(text)
    if text == "#":
        return scope.root is not scope.resource
    if "contained" not in scope.of_root:
        contained = scope.root.get("contained")
        ids = (each.get("id") for each in contained if each.__class__ is dict) if contained.__class__ is list else ()
        scope.of_root["contained"] = {id for id in ids if id.__class__ is str}
    return text[1:] in scope.of_root["contained"]


def _are_used(resource: Any, scope: Scope) -> bool:
    """dom-3: what is contained is referred to from the resource, or refers to it."""
    left = [each for each in resource["contained"] if "id" in each and f"#{each['id']}" not in scope.local]
    if not left:
        return True  # nearly all: by a Reference
    named = {value for name, value in below(resource) if _may_refer(name, value)}
    return all(f"#{each['id']}" in named or any(_refers_up(n, v) for n, v in below(each)) for each in left)


def _may_refer(name: str, value: Any) -> bool:
    return value.__class__ is str and value[:1] == "#" and name not in _WORDS


def _refers_up(name: str, value: Any) -> bool:
    return _may_refer(name, value) and value == "#"


# Properties that dom-3 does not ask for a reference, but people write what they like in.
_WORDS: Final = frozenset({"div", "display", "text", "valueString", "valueMarkdown"})

_BY_HAND: Final[dict[str, tuple[str, Holds]]] = {
    "ref-1": ("reference", _is_contained),
    "dom-3": ("contained", _are_used),
}
