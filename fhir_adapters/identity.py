"""An EHR's resources under our own ids. Pure: an id is computed from the EHR's name and its own id, never looked up.

Clause: FHIR R4 references.html#literal (relative, absolute and version-specific references), resource.html#id.
"""

import re
from collections.abc import Container, Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote
from uuid import NAMESPACE_URL, UUID, uuid5

from fhir_adapters.ehr import Ehr

Json = Any

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


def localize(resource: dict[str, Json], ehr: Ehr, held: Container[str] = ()) -> dict[str, Json]:
    """A copy of the EHR's resource as we keep it: id, `meta.source` and every literal reference rewritten.

    A reference to the EHR's own resources, relative or absolute, becomes the relative reference to our copy; one to a
    version becomes one to the resource, for our versions are counted apart. Contained (`#x`), urn, conditional and
    other servers' references stay. `Attachment.url` of a Binary leads to our copy if `held` has "Binary", else back to
    the EHR.
    """
    type, id = resource["resourceType"], resource["id"]
    copy: dict[str, Json] = _rewrite(resource, _Bases(ehr, held))
    copy["id"] = local_id(ehr.name, type, id)
    meta = copy.get("meta")
    copy["meta"] = {**(meta if isinstance(meta, dict) else {}), "source": source(ehr, type, id)}
    return copy


def source(ehr: Ehr, type: str, id: str) -> str:
    """What `meta.source` says of a resource: its address in the EHR."""
    return f"{ehr.base_url}/{type}/{id}"


class _Bases:
    """One EHR's base URLs, ready to be compared with many references."""

    def __init__(self, ehr: Ehr, held: Container[str]) -> None:
        self.ehr = ehr
        self.keeps_binary = "Binary" in held
        self.bases = tuple(f"{base}/".lower() for base in ehr.bases)

    def reference(self, text: str) -> str:
        found = self._own(text)
        if not found:
            return text
        type, id, fragment = found
        return f"{type}/{local_id(self.ehr.name, type, id)}{fragment}"

    def attachment(self, url: str) -> str:
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
