"""Whether a new version of a resource of the registry is news to the cases that lean on it. Directories and agreements
come again and again with nothing else in them than a tag or a note: nobody's case stands otherwise for that."""

from dataclasses import replace
from datetime import tzinfo

from carecoord.domain.agreements.versions import Version, version_of
from carecoord.domain.resource.elements import Json


def is_news(before: Json, after: Json, zone: tzinfo) -> bool:
    """Whether a case may be judged otherwise by the version after. It never is for what `meta` says of the resource
    itself; and of an agreement it is judged by what the register reads of it alone."""
    if before.get("resourceType") == after.get("resourceType") == "Contract":
        return _read(before, zone) != _read(after, zone)
    return _said(before) != _said(after)


def _read(contract: Json, zone: tzinfo) -> Version:
    """What the register reads, whichever version of the resource it stands in."""
    return replace(version_of(contract, zone), written=None)


def _said(resource: Json) -> Json:
    return {name: value for name, value in resource.items() if name != "meta"}
