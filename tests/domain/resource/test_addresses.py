"""An address that somebody else wrote is no reason to fail."""

import pytest

from carecoord.domain.resource.addresses import parts


@pytest.mark.parametrize("address", ["http://[::1", "http://[x]y/", "//[", "http://a\u2100b/"])
def test_what_is_no_address_has_no_parts(address: str) -> None:
    assert (parts(address).netloc, parts(address).hostname, parts(address).path) == ("", None, "")
