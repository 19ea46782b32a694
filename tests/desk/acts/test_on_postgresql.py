"""The acts of the desk on PostgreSQL: the whole way of a referral, by the forms as a browser sends them."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from carecoord.settings import Settings
from carecoord.store.database.engine import reading
from carecoord.store.database.tables import case as case_row
from carecoord.store.events.tables import event
from carecoord.store.worklist import registry
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished

CALL = {"whom": "performer|", "how": "call", "outcome": "reached", "reference": "C-1"}
TODAY = {"day": "today", "time": "8:30"}
# who, the act, what they write, and the stage of the case after it
WAY: tuple[tuple[str, str, dict[str, str], str], ...] = (
    ("requester", "send", {}, "sent"),
    ("performer", "accept", {}, "accepted"),
    ("requester", "contact", CALL, "accepted"),
    ("performer", "book", TODAY, "scheduled"),
    ("performer", "no-show", {}, "no-show"),
    ("performer", "book", {}, "scheduled"),
    ("performer", "report", {}, "report-received"),
    ("doctor", "acknowledge", {}, "report-received"),
    ("requester", "tell", {}, "report-received"),
)
# What the log of events tells of it, whose words are its own; the judgements between are told of elsewhere.
TOLD = [
    "stage draft", "stage sent", "stage accepted", "talk done", "visit booked", "stage scheduled", "visit noshow",
    "stage no-show", "visit booked", "stage scheduled", "document here", "stage report-received",
    "errand asked", "errand done", "errand asked", "errand done",
]  # fmt: skip


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[Place]:
    yield from furnished(Settings(var=str(tmp_path), database_url=database_url, **BUSY))


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_referral_goes_from_draft_to_told_on_postgresql_each_act_done_once_and_told_in_the_log(place: Place) -> None:
    place.hire("doctor", "clinician", "clinic")
    place.put(case_of("base", "draft", "long-way"))
    clock: Any = place.house.world.clock
    for n, (who, act, fields, stage) in enumerate(WAY):
        clock.now += timedelta(minutes=1)
        form = {"once": f"form-{n}", **fields}
        assert (place.post(who, "long-way", act, **form), act) == (303, act)
        assert (place.post(who, "long-way", act, **form), act) == (303, act)  # pressed twice
        assert row_of(place).stage == stage, act
    assert (row_of(place).open, row_of(place).loop_gate) == (False, "met")
    with reading(place.house.world.engine) as conn:
        told = conn.execute(select(event.c.kind, event.c.state).order_by(event.c.n)).all()
        acts = [json.loads(row.body)["activity"]["coding"][0]["code"] for row in registry.every(conn, "Provenance")]
    assert [f"{kind} {state}" for kind, state in told if kind not in ("clearance", "order")] == TOLD
    assert sorted(acts) == sorted(act for _, act, *_ in WAY)


def row_of(place: Place) -> Any:
    with reading(place.house.world.engine) as conn:
        return conn.execute(select(case_row).where(case_row.c.id == "long-way")).one()


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_an_agreement_is_drafted_signed_noticed_and_ended_on_postgresql_each_act_done_once(place: Place) -> None:
    place.hire("carla", "contracts", "clinic")
    client, csrf = place.people["carla"], place.csrf["carla"]
    clock: Any = place.house.world.clock

    def post(id: str, verb: str, **fields: str) -> str:
        clock.now += timedelta(minutes=1)
        sent = {"csrf": csrf, "once": f"{verb}-1", "back": f"/contracts/{id}", **fields}
        first, second = (client.post(f"/contracts/{id}/{verb}", data=sent) for _ in range(2))  # pressed twice
        assert (first.status_code, second.status_code, verb) == (303, 303, verb)
        assert first.location == second.location
        return str(first.location.partition("done=")[2])

    terms = {"term-scope-of-work": "Ramps", "term-insurance": "Two million", "limit": "1,000"}
    span = {"start": "2026-01-01", "last": "2026-12-31", "evergreen": "1", "ahead": "30"}
    id = post("new", "draft", kind="vendor", number="V-1", first="clinic", second="heart", **terms, **span)
    assert place.held("Contract", id)["status"] == "policy"
    post(id, "sign", **{"signer-1": "R. Ames", "day-1": "today", "signer-2": "Dr. F. Adeyemi", "day-2": ""})
    assert place.held("Contract", id)["status"] == "executed"
    post(id, "give-notice", day="today", how="letter")
    counted = re.findall(r'name="counted" value="([^"]+)"', client.post(
        f"/contracts/{id}/end", data={"csrf": csrf, "day": "30 Nov", "reason": "Done"}).get_data(as_text=True))
    last = post(id, "end", day="30 Nov", reason="Done", counted=counted[0])
    assert place.held("Contract", last)["applies"] == {"start": "2026-11-22", "end": "2026-11-30"}
    assert place.held("Contract", id)["status"] == "amended"
    assert "Last day" in client.get(f"/contracts/{id}").get_data(as_text=True)
