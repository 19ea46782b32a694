"""Rows that a change of the registry has overtaken, before the worker has judged them anew: no page and no answer of
the API says "cleared" by what stands in them, and each shows already what will stand there."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from auth import store
from auth.store import Token
from carecoord.actions.worklist import project
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import case
from carecoord.store.worklist import marks, registry
from carecoord.worker import loop
from tests.desk.conftest import NOW, House
from tests.desk.worklist.test_foreseen import SAID, dawned
from tests.domain.worklist.test_project import put

PANEL = "Cleared: can be seen and paid for"


@pytest.fixture
def overtaken(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """The house a moment after every agreement was cancelled, all that lean on one being left to the worker."""
    monkeypatch.setattr(project, "AT_ONCE", 0)
    found = dawned(house, tmp_path, "overtaken", hour=NOW)
    loop.once(found.world)
    with writing(found.world.engine) as conn:
        agreements = [json.loads(row.body) for row in registry.every(conn, "Contract")]
        put(conn, *(each | {"status": "cancelled"} for each in agreements))
    yield found
    found.world.engine.dispose()


def lost(house: House) -> list[str]:
    """The ids of the open cases whose rows say that they are cleared, and that are to be judged anew."""
    with reading(house.world.engine) as conn:
        rows = conn.execute(select(case.c.rid, case.c.id).where(case.c.cleared, case.c.open).order_by(case.c.id)).all()
        marked = marks.among(conn, [row.rid for row in rows])
        return [row.id for row in rows if row.rid in marked]


def listed(client: FlaskClient, tab: str) -> dict[str, dict[str, str]]:
    """The rows of a list, by the number of the referral: in which order they stand the worker says."""
    told = client.get(f"/worklist.csv?tab={tab}").get_data(as_text=True)
    return {row["number"]: row for row in csv.DictReader(io.StringIO(told.lstrip("\ufeff")))}


def figure(client: FlaskClient) -> tuple[int, str]:
    """How many are cleared, as the worklist says above its rows, and that page."""
    page = client.get("/").get_data(as_text=True)
    counted = re.search(r'Cleared</span>\s*<span class="figure-value[^>]*>(\d+)<', page)
    assert counted, page[:2000]
    return int(counted[1]), page


def answered(house: House, ids: list[str]) -> dict[str, Any]:
    """What `$clearance` answers of each."""
    world, client = house.world, house.app.test_client()
    with writing(world.engine) as conn:
        now = world.seconds()
        token = store.issue(conn, Token("access", "tester", "tester", "system/*.cruds", now, now + 3600))
    sent = {"Authorization": f"Bearer {token}"}
    return {id: client.get(f"/fhir/ServiceRequest/{id}/$clearance", headers=sent).get_json() for id in ids}


def cleared(answer: Any) -> bool:
    return bool(next(each["valueBoolean"] for each in answer["parameter"] if each["name"] == "cleared"))


def test_clearance_is_judged_anew_itself_and_is_what_it_is_after_the_worker(overtaken: House) -> None:
    ids = lost(overtaken)
    assert len(ids) > 2, "or there would be nothing to be wrong about"
    before = answered(overtaken, ids)
    assert lost(overtaken) == ids, "who asks writes nothing"
    assert not any(map(cleared, before.values()))
    assert loop.once(overtaken.world) == 1
    assert lost(overtaken) == []
    assert answered(overtaken, ids) == before


def test_a_marked_row_is_on_no_list_of_the_cleared_and_the_page_says_that_cases_are_judged_anew(
    overtaken: House,
) -> None:
    client, ids = overtaken.enter("coordinator"), lost(overtaken)
    (number, page), rows = figure(client), listed(client, "cleared")
    assert SAID in page
    assert number == len(rows)
    loop.once(overtaken.world)
    (after, page), judged = figure(client), listed(client, "cleared")
    assert SAID not in page
    assert (after, judged) == (number, rows)
    assert ids, "or there would be nothing to be wrong about"


def test_each_row_and_panel_shows_what_the_worker_will_write(overtaken: House) -> None:
    client, ids = overtaken.enter("coordinator"), lost(overtaken)
    shown = listed(client, "open")
    panels = {id: client.get(f"/referrals/{id}") for id in ids}
    mine = {id: answer.get_data(as_text=True) for id, answer in panels.items() if answer.status_code == 200}
    assert mine, "or there would be nothing to be wrong about"
    assert not any(PANEL in panel for panel in mine.values())
    loop.once(overtaken.world)
    assert listed(client, "open") == shown
