"""Addresses as others wrote them: in a resource, in a parameter, in a header."""

from urllib.parse import SplitResult, urlsplit

_NONE = urlsplit("")


def parts(address: str) -> SplitResult:
    """The parts of an address; all empty for what is none, such as `http://[x`, of which the library makes an error."""
    try:
        return urlsplit(address)
    except ValueError:
        return _NONE
