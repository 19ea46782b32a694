"""An EHR is taken away beside what goes on with it: nothing is kept of an EHR that is gone, and no case is stuck."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, func, select

from carecoord.actions.ehrs import upkeep
from carecoord.actions.ehrs.deliver import deliver
from carecoord.actions.ehrs.sync import add_ehr, run
from carecoord.errors import Conflict, NotFound
from carecoord.store.database import mutex
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import ehr_cursor
from carecoord.store.ehrs import ehrs, items
from carecoord.store.ehrs.tables import ehr_conflict, ehr_delivery, ehr_item
from carecoord.worker import loop
from carecoord.world import World
from fhir_adapters.writer import Writer
from tests.adapters.content import held
from tests.adapters.test_write_back import ID, PATIENT, changed, registered, there, written
from tests.adapters.test_write_back import mercy as mercy
from tests.adapters.test_write_back import ours as ours


def of_it(world: World) -> dict[str, int]:
    """How many rows there are of what is between an EHR and us."""
    with reading(world.engine) as conn:
        tables = (ehr_item, ehr_cursor, ehr_delivery, ehr_conflict)
        return {table.name: conn.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


NOTHING = {"ehr_item": 0, "ehr_cursor": 0, "ehr_delivery": 0, "ehr_conflict": 0}


def taken_away(conn: Connection) -> None:
    """As by somebody who does not ask for the lock of its readers, or whose lock was lost with a connection."""
    ehrs.leave(conn, "mercy")
    ehrs.remove(conn, "mercy")


def test_an_ehr_that_is_being_read_is_not_taken_away(ours: World) -> None:
    with mutex.held(ours.engine, "ehr mercy") as alone:
        assert alone
        with pytest.raises(Conflict, match="mercy is being read just now by another process"):
            upkeep.remove(ours, "mercy", "test")
    assert of_it(ours)["ehr_item"] == 3
    upkeep.remove(ours, "mercy", "test")
    assert of_it(ours) == NOTHING


def test_a_run_whose_ehr_is_gone_stops_and_keeps_no_page_more(world: World, mercy: World) -> None:
    add_ehr(world, registered(mercy))
    read: list[str] = []

    def report(type: str, received: int, total: int | None) -> None:
        if not read:
            with writing(world.engine) as conn:
                taken_away(conn)
        read.append(type)

    with pytest.raises(NotFound, match="There is no EHR 'mercy'"):
        run(world, "mercy", report)
    assert len(read) == 1
    assert of_it(world) == NOTHING


def test_what_is_being_told_an_ehr_that_is_gone_leaves_nothing_noted_of_it(
    ours: World, mercy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = Writer.update

    def interrupted(*given: object) -> object:
        answer = update(*given)  # type: ignore[arg-type]
        with writing(ours.engine) as conn:
            taken_away(conn)
        return answer

    changed(ours, status="on-hold")
    monkeypatch.setattr(Writer, "update", interrupted)
    with pytest.raises(NotFound, match="There is no EHR 'mercy'"):
        deliver(ours, "mercy", "Task", ID, 1)
    assert of_it(ours) == NOTHING
    assert there(mercy)["status"] == held(ours.engine, "Task")[ID]["status"] == "on-hold"


def test_a_page_under_way_is_kept_before_its_ehr_is_taken_away_and_goes_with_it(ours: World) -> None:
    with ThreadPoolExecutor(1) as pool:
        with writing(ours.engine) as conn:
            ehrs.get(conn, "mercy", lock=True)
            removal = pool.submit(upkeep.remove, ours, "mercy", "test")
            with pytest.raises(TimeoutError):
                removal.result(0.3)
            items.adopt(conn, "mercy", "Task", "t9", "ours-9")
        removal.result(10)
    assert of_it(ours) == NOTHING


def test_what_an_earlier_version_left_of_an_ehr_that_is_gone_stands_in_nobodys_way(ours: World, mercy: World) -> None:
    """A sync beside the removal kept its pages: each later act on those resources was refused as not found."""
    with writing(ours.engine) as conn:
        left = [dict(row._mapping) for row in conn.execute(select(ehr_item))]
        taken_away(conn)
        conn.execute(ehr_item.insert(), left)
    changed(ours, status="on-hold")
    fresh = {"resourceType": "Communication", "id": "news", "status": "completed"}
    written(ours, fresh | {"subject": {"reference": f"Patient/{PATIENT}"}})
    assert held(ours.engine, "Task")[ID]["status"] == "on-hold"
    assert loop.once(ours) == 0
    assert of_it(ours) == NOTHING | {"ehr_item": len(left)}
    assert there(mercy)["status"] == "accepted"
