"""The measures counted on PostgreSQL: from the first event, as new ones come, and anew, each time the same."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from carecoord.actions.measures import count
from carecoord.settings import Settings
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished

DAY = "2026-11-20T15:00:00Z"


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[Place]:
    yield from furnished(Settings(var=str(tmp_path), database_url=database_url, **BUSY))


def answered(place: Place) -> list[str]:
    """How many of how many answers of clinics were a no, as the file of the page has it for 30 days."""
    text = place.people["requester"].get("/measures.csv").get_data(as_text=True)
    row = next(each for each in csv.reader(io.StringIO(text)) if each[0].startswith("Declined"))
    return row[2:4]


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_what_is_counted_from_the_log_stands_on_the_page_and_is_the_same_counted_anew(place: Place) -> None:
    count.follow(place.house.world)
    assert answered(place) == ["0", "0"]
    for stage, id in (("accepted", "a"), ("accepted", "b"), ("accepted", "c"), ("declined", "d")):
        place.put([body | {"lastModified": DAY} if body["resourceType"] == "Task" else body
                   for body in case_of("base", stage, id)])  # fmt: skip
    count.follow(place.house.world)
    assert answered(place) == ["1", "4"]
    assert count.anew(place.house.world) == 4
    assert answered(place) == ["1", "4"]
