"""The office's day on which agreements are worked, and who works them."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.desk.conftest import NOW, House


@pytest.fixture
def clock(acting_house: House) -> Any:
    """The clock of the house, at the instant at which the story stands."""
    clock: Any = acting_house.world.clock
    clock.now = NOW
    return clock


@pytest.fixture
def carla(acting_house: House, clock: Any) -> FlaskClient:
    """The contract coordinator, signed in."""
    return acting_house.enter("contracts")
