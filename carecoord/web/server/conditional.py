"""Whether the client has this version already, and the dates of HTTP.

Clause: FHIR R4 http.html#cread, RFC 9110 section 13.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from werkzeug.http import http_date

from carecoord.fhir.etag import names

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def last_modified(seconds: int) -> str:
    """The HTTP date of a time in whole seconds since 1970. Remembered: many resources share the second of a load."""
    return http_date(seconds)


def unchanged(if_none_match: str | None, if_modified_since: str | None, version: int, updated: int) -> bool:
    """Whether the client already has this version, so that 304 is enough. `updated` in microseconds.

    If-None-Match goes before If-Modified-Since, which alone counts in whole seconds (RFC 9110 section 13.1.3).
    """
    if if_none_match is not None:
        return names(if_none_match, version)
    if if_modified_since is None:
        return False
    try:
        since = parsedate_to_datetime(if_modified_since)
    except (ValueError, OverflowError):  # the latter of a zone that is no number of hours
        return False  # RFC 9110: a date that can not be read is ignored
    since = since if since.tzinfo else since.replace(tzinfo=UTC)
    return updated // 1_000_000 <= int((since - _EPOCH).total_seconds())
