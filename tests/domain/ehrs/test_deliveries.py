"""What of what was made here an EHR is told: not an order that is still being written."""

from typing import Any

import pytest

from carecoord.domain.ehrs.deliveries import is_told_anew

ORDER: dict[str, Any] = {"resourceType": "ServiceRequest", "id": "r"}


@pytest.mark.parametrize(
    ("resource", "told"),
    [
        (ORDER | {"status": "draft"}, False),
        (ORDER | {"status": "active"}, True),
        ({"resourceType": "Task", "id": "t", "status": "draft"}, True),
        ({"resourceType": "Patient", "id": "p"}, False),
    ],
)
def test_an_order_is_told_once_it_goes_out(resource: dict[str, Any], told: bool) -> None:
    assert is_told_anew(resource, loaded=False) is told
