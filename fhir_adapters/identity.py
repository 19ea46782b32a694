"""An EHR's resources under our own ids, and ours under the EHR's. Pure: an id is computed from the EHR's name and its
own id. Of what we made in the EHR the id is not so made: it carries the address that it has here as an identifier.

Clause: FHIR R4 references.html#literal (relative, absolute and version-specific references), resource.html#id.
"""

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote
from uuid import NAMESPACE_URL, UUID, uuid5

from fhir_adapters.ehr import Ehr

Json = Any
URI = "urn:ietf:rfc:3986"  # the system of identifiers that are addresses

# An id is taken as wide as EHRs write them ("_", ":", more than 64 characters), for the resource of that id gets one of
# ours all the same: a narrower pattern would keep the resource and lose what refers to it.
_PATH = re.compile(r"([A-Z][A-Za-z]{1,63})/([^/?#\s]+)(?:/_history/[^/?#\s]+)?(#.*)?")


@lru_cache(maxsize=256)
def namespace(name: str) -> UUID:
    """The namespace of the ids that the EHR of this name gets here."""
    return uuid5(NAMESPACE_URL, f"urn:carecoord:ehr:{name}")


def local_id(name: str, type: str, id: str) -> str:
    """Our id for the EHR's resource `type/id`: a lower case UUID, the same for ever."""
    return str(uuid5(namespace(name), f"{type}/{id}"))


@dataclass(frozen=True)
class Made:
    """What we made in an EHR: our ids by its type and id there. home: our own FHIR base URL, for what stands in the
    EHR and refers to what only we have."""

    ids: Mapping[tuple[str, str], str] = field(default_factory=dict)
    home: str = ""


def claim(resource: dict[str, Json], home: str) -> str | None:
    """Our id, when the resource says by an identifier that we made it."""
    start = f"{home}/{resource['resourceType']}/"
    for each in _dicts(resource.get("identifier")):
        value = each.get("value")
        if home and each.get("system") == URI and isinstance(value, str) and value.startswith(start):
            return value.removeprefix(start)
    return None


def key(type: str, id: str, home: str) -> dict[str, Json]:
    """The identifier by which we find again in an EHR what we made there: its address here."""
    return {"system": URI, "value": f"{home}/{type}/{id}"}


def localize(
    resource: dict[str, Json], ehr: Ehr, held: Container[str] = (), made: Made = Made()
) -> dict[str, Json]:
    """A copy of the EHR's resource as we keep it: id, `meta.source` and every literal reference rewritten.

    A reference to the EHR's own resources, relative or absolute, becomes the relative reference to our copy; one to a
    version becomes one to the resource, for our versions are counted apart. Contained (`#x`), urn, conditional and
    other servers' references stay. `Attachment.url` of a Binary leads to our copy if `held` has "Binary", else back to
    the EHR. What we made there has the id that it has here, and neither the identifier that tells so nor a source: it
    does not come from the EHR, and being told of it changes nothing here.
    """
    type, id = resource["resourceType"], resource["id"]
    copy: dict[str, Json] = _rewrite(resource, _Bases(ehr, held, made))
    given = copy.pop("meta", None)
    meta = {name: value for name, value in given.items() if name != "source"} if isinstance(given, dict) else {}
    if (type, id) not in made.ids:
        return {**copy, "id": local_id(ehr.name, type, id), "meta": {**meta, "source": source(ehr, type, id)}}
    copy["id"] = made.ids[type, id]
    ours = key(type, copy["id"], made.home)
    copy["identifier"] = [each for each in copy.get("identifier", []) if each != ours]
    if not copy["identifier"]:
        del copy["identifier"]
    return {**copy, **({"meta": meta} if meta else {})}


def source(ehr: Ehr, type: str, id: str) -> str:
    """What `meta.source` says of a resource: its address in the EHR."""
    return f"{ehr.base_url}/{type}/{id}"


def references(value: Json) -> frozenset[tuple[str, str]]:
    """Type and id of all that something of ours refers to here."""
    if isinstance(value, list):
        return frozenset().union(*map(references, value))
    if not isinstance(value, dict):
        return frozenset()
    inner = frozenset[tuple[str, str]]().union(*(references(each) for each in value.values()))
    named = (value.get(name) for name in ("reference", "url"))
    return inner | {found for text in named if isinstance(text, str) and (found := _relative(text))}


def globalize(value: Json, there: Mapping[tuple[str, str], str], home: str) -> Json:
    """A copy of something of ours as the EHR is told it: what it refers to by the ids of the EHR (`there`, by our type
    and id), and what the EHR does not have by its address here."""
    if isinstance(value, list):
        return [globalize(each, there, home) for each in value]
    if not isinstance(value, dict):
        return value
    copy = {}
    for name, each in value.items():
        found = _relative(each) if name in ("reference", "url") and isinstance(each, str) else None
        if found and (name == "reference" or found[0] == "Binary"):
            copy[name] = f"{found[0]}/{there[found]}" if found in there else f"{home}/{found[0]}/{found[1]}"
        else:
            copy[name] = globalize(each, there, home)
    return copy


def _relative(text: str) -> tuple[str, str] | None:
    match = _PATH.fullmatch(text)
    return (match[1], match[2]) if match else None


def _dicts(value: Json) -> list[dict[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


class _Bases:
    """One EHR's base URLs, ready to be compared with many references."""

    def __init__(self, ehr: Ehr, held: Container[str], made: Made) -> None:
        self.ehr, self.made = ehr, made
        self.keeps_binary = "Binary" in held
        self.bases = tuple(f"{base}/".lower() for base in ehr.bases)

    def reference(self, text: str) -> str:
        if self.made.home and text.startswith(f"{self.made.home}/"):
            return text.removeprefix(f"{self.made.home}/")
        found = self._own(text)
        if not found:
            return text
        type, id, fragment = found
        return f"{type}/{self.made.ids.get((type, id)) or local_id(self.ehr.name, type, id)}{fragment}"

    def attachment(self, url: str) -> str:
        if self.made.home and url.startswith(f"{self.made.home}/Binary/"):
            return url.removeprefix(f"{self.made.home}/")
        found = self._own(url)
        if not found or found[0] != "Binary":
            return url
        if self.keeps_binary:
            return f"Binary/{local_id(self.ehr.name, 'Binary', found[1])}"
        return source(self.ehr, "Binary", found[1])

    def _own(self, text: str) -> tuple[str, str, str] | None:
        """Type, id and fragment when the text names a resource of this EHR."""
        match = _PATH.fullmatch(_after(self.bases, text))
        return (match[1], unquote(match[2]), match[3] or "") if match else None


def _after(bases: Iterable[str], text: str) -> str:
    for base in bases:
        if text[: len(base)].lower() == base:
            return text[len(base) :]
    return text


def _rewrite(value: Json, bases: _Bases) -> Json:
    if isinstance(value, list):
        return [_rewrite(item, bases) for item in value]
    if not isinstance(value, dict):
        return value
    copy = {}
    for name, item in value.items():
        if isinstance(item, str):
            if name == "reference":
                item = bases.reference(item)
            elif name == "url":
                item = bases.attachment(item)
        elif isinstance(item, dict | list):
            item = _rewrite(item, bases)
        copy[name] = item
    return copy
