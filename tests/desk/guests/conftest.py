"""Who makes the links of the story's referrals, and when."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.desk.conftest import NOW, House


@pytest.fixture
def clock(acting_house: House) -> Any:
    """A minute after whatever was done last."""
    clock: Any = acting_house.world.clock
    clock.now = max(clock.now, NOW) + timedelta(minutes=1)
    return clock


@pytest.fixture(scope="module")
def maria(acting_house: House) -> FlaskClient:
    return acting_house.enter("coordinator")
