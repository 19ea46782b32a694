"""ETags: the version of a resource as HTTP speaks of it.

Clause: FHIR R4 http.html#concurrency (`W/"<versionId>"`), RFC 9110 section 8.8.3.
"""

import re
from dataclasses import dataclass

from carecoord.errors import Invalid

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def etag(version: int) -> str:
    """The ETag of a version: `W/"3"`."""
    return f'W/"{version}"'


@dataclass(frozen=True)
class AnyOf:
    """What If-Match demands where it is not one version: any of these; with none of them, whichever there is."""

    versions: frozenset[int] = frozenset()

    def __str__(self) -> str:
        return " or ".join(map(str, sorted(self.versions))) or "any"


Expected = int | AnyOf


def expected(header: str | None, where: str = "http.If-Match") -> Expected | None:
    """The version that If-Match demands, or None without the header: one ETag, a list of them, or `*`.

    Raises Invalid for anything else: guessing here could overwrite somebody's change.
    """
    if header is None:
        return None
    if header.strip() == "*":
        return AnyOf()
    found = [_TAG.fullmatch(part.strip()) for part in header.split(",")]
    numbers = [tag[1] if tag else "" for tag in found]
    if not all(number.isascii() and number.isdigit() and len(number) <= 9 for number in numbers):
        raise Invalid(f'If-Match is ETags that we gave, such as W/"3", or *, not {header[:80]!r}.', where)
    versions = frozenset(map(int, numbers))
    return next(iter(versions)) if len(versions) == 1 else AnyOf(versions)


def holds(wanted: Expected, version: int | None) -> bool:
    """Whether the present version is one that If-Match demands; None: there is none, or it is deleted."""
    if isinstance(wanted, AnyOf):
        return version is not None and (not wanted.versions or version in wanted.versions)
    return version == wanted


def names(header: str, version: int) -> bool:
    """Whether an If-None-Match header names this version, or any (`*`)."""
    return header.strip() == "*" or str(version) in _TAG.findall(header)
