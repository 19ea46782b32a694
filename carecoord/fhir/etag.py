"""ETags: the version of a resource as HTTP speaks of it.

Clause: FHIR R4 http.html#concurrency (`W/"<versionId>"`), RFC 9110 section 8.8.3.
"""

import re

from carecoord.errors import Invalid

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def etag(version: int) -> str:
    """The ETag of a version: `W/"3"`."""
    return f'W/"{version}"'


def expected(header: str | None, where: str = "http.If-Match") -> int | None:
    """The version that If-Match demands, or None without the header.

    Raises Invalid for anything but one version: guessing here could overwrite somebody's change.
    """
    if header is None:
        return None
    found = _TAG.fullmatch(header.strip())
    number = found[1] if found else ""
    if not (number.isascii() and number.isdigit() and len(number) <= 9):
        raise Invalid(f'If-Match must be one ETag that we gave, such as W/"3", not {header[:80]!r}.', where)
    return int(number)


def names(header: str, version: int) -> bool:
    """Whether an If-None-Match header names this version, or any (`*`)."""
    return header.strip() == "*" or str(version) in _TAG.findall(header)
