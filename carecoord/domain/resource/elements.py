"""How the rules read a resource. A resource that was stored although it is malformed (flagged by an EHR sync) must not
stop a rule: what has the wrong shape is read as absent, and absent never proves anything."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from carecoord.domain.gates.gate import Evidence
from carecoord.fhir.code_systems import canonical

Json = dict[str, Any]


def item(element: Json, name: str) -> Json:
    """The object at a property, empty when there is none."""
    found = element.get(name)
    return found if found.__class__ is dict else {}


def items(element: Json, name: str) -> list[Json]:
    """The objects at a repeating property."""
    found = element.get(name)
    return [each for each in found if isinstance(each, dict)] if found.__class__ is list else []


def text(element: Json, name: str) -> str:
    """The string at a property, empty when there is none."""
    found = element.get(name)
    return found if found.__class__ is str else ""


def number(element: Json, name: str) -> float | None:
    """The number at a property, None when there is none."""
    found = element.get(name)
    return None if isinstance(found, bool) or not isinstance(found, (int, float, Decimal)) else float(found)


def whole(element: Json, name: str) -> int | None:
    """The whole number at a property, None when there is none."""
    found = element.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def key(resource: Json) -> str:
    """`Type/id` of a resource."""
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def target(reference: Json) -> str:
    """`Type/id` that a Reference points to on this server, empty when it points nowhere or elsewhere."""
    literal = text(reference, "reference")
    if not literal or ":" in literal or literal.startswith("#"):
        return ""
    return literal.partition("/_history/")[0]


def targets(element: Json, name: str) -> list[str]:
    """What the References at a property point to, whether it repeats or not."""
    found = element.get(name)
    each = found if isinstance(found, list) else [found]
    return [target(reference) for reference in each if isinstance(reference, dict)]


def extension(element: Json, url: str) -> Json:
    """The first extension with this url, empty when there is none."""
    if "extension" in element:
        for each in items(element, "extension"):
            if each.get("url") == url:
                return each
    return {}


def extensions(element: Json, url: str) -> list[Json]:
    """All extensions with this url."""
    return [each for each in items(element, "extension") if each.get("url") == url]


def codes(concept: Json) -> frozenset[tuple[str, str]]:
    """(system, code) of each coding, the system by its one name, whichever of its names was written."""
    return frozenset(
        [(canonical(text(each, "system")), text(each, "code").strip()) for each in items(concept, "coding")]
    )


def code_of(concept: Json, *systems: str) -> str:
    """The first code of one of these systems, or of any when none is named."""
    for coding in items(concept, "coding"):
        if not systems or canonical(text(coding, "system")) in map(canonical, systems):
            return text(coding, "code")
    return ""


def words(concept: Json) -> str:
    """What people read: the text, else a display, else a code."""
    if said := text(concept, "text"):
        return said
    found = items(concept, "coding")
    return next((said for n in ("display", "code") for c in found if (said := text(c, n))), "")


def identifiers(resource: Json) -> frozenset[str]:
    """`system|value` of each identifier that has both, the system by its one name."""
    return frozenset(found for each in items(resource, "identifier") if (found := identifier(each)))


def identifier(element: Json) -> str:
    """`system|value` of an Identifier, the system by its one name, so that copies compare equal; empty when it lacks
    either."""
    system, value = text(element, "system"), text(element, "value").strip()
    return f"{canonical(system)}|{value}" if system and value else ""


def pairs(keys: Iterable[str]) -> list[tuple[str, str]]:
    """(system, value) of each `system|value`."""
    return [(system, value) for system, _, value in (each.partition("|") for each in keys)]


def source(resource: Json) -> str:
    """The system it came from, empty when it is our own: meta.source without its `Type/id` tail."""
    return text(item(resource, "meta"), "source").partition("#")[0].rpartition(f"/{resource.get('resourceType')}/")[0]


def evidence(resource: Json, element: str = "") -> Evidence:
    """Evidence that names an element of a resource: `evidence(coverage, "period")` says `Coverage.period`."""
    kind = resource.get("resourceType")
    version = item(resource, "meta").get("versionId")
    return Evidence(key(resource), str(version) if version else None, f"{kind}.{element}" if element else str(kind))
