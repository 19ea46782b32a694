"""An EHR is taken away beside what goes on with it: nothing is kept of an EHR that is gone, and no case is stuck."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from carecoord import cli
from carecoord.actions.ehrs import upkeep
from carecoord.actions.ehrs.deliver import deliver
from carecoord.actions.ehrs.sync import add_ehr, run
from carecoord.errors import Conflict, NotFound
from carecoord.store.database import mutex
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import ehr_cursor
from carecoord.store.ehrs import deliveries, ehrs, items
from carecoord.store.ehrs.deliveries import Delivery, State
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


def removed(world: World) -> None:
    """As by an admin who has seen what it means."""
    upkeep.remove(world, "mercy", upkeep.leaving(world, "mercy"), "test")


def taken_away(conn: Connection) -> None:
    """As by somebody who does not ask for the lock of its readers, or whose lock was lost with a connection."""
    ehrs.leave(conn, "mercy")
    ehrs.remove(conn, "mercy")


def test_an_ehr_that_is_being_read_is_not_taken_away(ours: World) -> None:
    with mutex.held(ours.engine, "ehr mercy") as alone:
        assert alone
        with pytest.raises(Conflict, match="mercy is being read just now by another process"):
            removed(ours)
    assert of_it(ours)["ehr_item"] == 3
    removed(ours)
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

    def interrupted(*given: Any) -> Any:
        answer = update(*given)
        with writing(ours.engine) as conn:
            taken_away(conn)
        return answer

    changed(ours, status="on-hold")
    monkeypatch.setattr(Writer, "update", interrupted)
    with pytest.raises(NotFound, match="There is no EHR 'mercy'"):
        deliver(ours, "mercy", "Task", ID, 1)
    assert of_it(ours) == NOTHING
    assert there(mercy)["status"] == held(ours.engine, "Task")[ID]["status"] == "on-hold"


def test_a_page_under_way_is_kept_before_its_ehr_is_taken_away_and_is_seen_before_it_goes(ours: World) -> None:
    shown = upkeep.leaving(ours, "mercy")
    with ThreadPoolExecutor(1) as pool:
        with writing(ours.engine) as conn:
            ehrs.get(conn, "mercy", lock=True)
            removal = pool.submit(upkeep.remove, ours, "mercy", shown, "test")
            with pytest.raises(TimeoutError):
                removal.result(0.3)
            items.adopt(conn, "mercy", "Task", "t9", "ours-9")
        with pytest.raises(Conflict, match="What mercy leaves behind has changed since it was shown"):
            removal.result(10)
    assert of_it(ours)["ehr_item"] == 4
    removed(ours)
    assert of_it(ours) == NOTHING


def delivered(world: World, counts: Mapping[State, int]) -> None:
    """So many changes of ours, that came so far."""
    with writing(world.engine) as conn:
        for state, count in counts.items():
            for n in range(count):
                deliveries.ask(conn, Delivery("mercy", "Task", f"{state}-{n}", None, state, "", "", 0, n, None, 1))


def test_all_that_is_forgotten_of_an_ehr_is_said_and_it_stays_where_that_has_changed_since(
    ours: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However much waits, and what was refused, kept here or told as well: each is counted, and each is forgotten."""
    delivered(ours, {"waiting": 1001, "refused": 3, "kept": 2, "delivered": 4})
    shown = upkeep.leaving(ours, "mercy")
    assert shown.told == {"waiting": 1001, "refused": 3, "kept": 2, "delivered": 4}
    changed(ours, status="on-hold")
    with pytest.raises(Conflict, match="nothing was removed"):
        upkeep.remove(ours, "mercy", shown, "test")
    assert of_it(ours)["ehr_delivery"] == 1011
    for name, value in {"VAR": ours.settings.var, "DATABASE_URL": str(ours.engine.url.render_as_string(False))}.items():
        monkeypatch.setenv(f"CARECOORD_{name}", value)
    assert cli.main(["ehr", "remove", "mercy", "--yes"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    became = "1002 still to be told, 3 that it refused, 2 kept here, 4 told."
    assert f"what became of each change of ours that was to be told: {became}" in said
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
