"""Links and messages on PostgreSQL: a clinic comes in, accepts and writes; what was written is read, once."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from carecoord.settings import Settings
from carecoord.store.database.engine import reading
from carecoord.store.guests import links as kept
from carecoord.store.messages import receipts
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished
from tests.desk.guests.test_clinic_link import answer, come_in, linked, stored
from tests.desk.test_pages import text


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[Place]:
    yield from furnished(Settings(var=str(tmp_path), database_url=database_url, **BUSY))


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_clinic_takes_part_by_its_link_on_postgresql(place: Place) -> None:
    place.put(case_of("base", "sent", "far"))
    house, office = place.house, place.people["requester"]
    clock: Any = house.world.clock
    address, code = linked(office, "far")
    for said in ("no", "nor", "neither"):
        assert come_in(house, address, said)[1].status_code == 401
    phone, entered = come_in(house, address, code)
    assert entered.status_code == 303
    clock.now += timedelta(minutes=1)
    sent = answer(phone, address, "accept", **{"time-1": "Mon 30 Nov 15:00"})
    assert sent.status_code == 303, text(sent.get_data(as_text=True))
    assert answer(phone, address, "message", note="Send the old films, please.").status_code == 303
    page = office.get("/referrals/far/messages").get_data(as_text=True)
    assert "Send the old films, please." in page
    (talk,) = [each for each in stored(house, "Communication", "far") if "films" in str(each)]
    with reading(house.world.engine) as conn:
        first = receipts.of(conn, {talk["id"]})
        assert list(first[talk["id"]]) == ["Organization/clinic"]
        assert kept.of_case(conn, "far")[0].wrong == 0
    clock.now += timedelta(minutes=1)
    assert re.search("Read by clinic", text(office.get("/referrals/far/messages").get_data(as_text=True)))
    with reading(house.world.engine) as conn:
        assert receipts.of(conn, {talk["id"]}) == first
