"""Policies as rows: heard by the cases that lean on them and by no others, as they were known at an instant; who may
say them, and who has said what."""

from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import requests
from sqlalchemy import Engine, select

from auth.store import User
from carecoord.actions.clearance.assemble import assemble
from carecoord.actions.policies import say as acts
from carecoord.actions.policies.say import Change
from carecoord.actions.worklist import project as worklist_project
from carecoord.domain.clearance.clearance import clear
from carecoord.domain.gates.policy import Policy
from carecoord.errors import Conflict, Forbidden, Invalid, NotFound
from carecoord.fhir.instants import micros
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import case
from carecoord.store.prior_auth.tables import authorization_row
from carecoord.store.worklist import marks
from carecoord.world import World
from tests.domain.stories import NOW, book, claim, payer, plain, rule
from tests.store.prior_auth.test_rules import put

ANNA = User("anna", "anna", "Anna Admin", frozenset({"admin"}))
CARLA = User("carla", "carla", "Carla", frozenset({"coordinator"}))
NEW_YORK = ZoneInfo("America/New_York")
LONG = Change("", "decision.standard", "14 days", date(2026, 1, 1))


@pytest.fixture
def house(engine: Engine, tmp_path: Path) -> World:
    """A request that waits for the payer 1, of Friday 20 Nov 2026, 10:00 in New York: due in 7 days, the 27th. Its
    clock goes on a minute whenever it is looked at."""
    story = plain().without("Appointment/visit").with_(book(rule()), claim(sent=-2), payer(2))
    put(engine, *story.resources.values())
    minutes = count(1)
    settings, rules = Settings(var=str(tmp_path)), worklist_project.projector(Policy())
    return World(
        engine, lambda: NOW + timedelta(minutes=next(minutes)), lambda: str(uuid4()), requests.Session, settings, rules,
        Journal(tmp_path / "audit"),
    )  # fmt: skip


def due(world: World, at: int | None = None) -> datetime | None:
    with reading(world.engine) as conn:
        found = assemble(conn, "sr", at)
    assert found
    return clear(found, NOW, Policy()).gate("authorization").due


def day(n: int, month: int = 11) -> datetime:
    return datetime(2026, month, n, 10, tzinfo=NEW_YORK)


def stale(engine: Engine) -> int:
    with reading(engine) as conn:
        return len(marks.among(conn, list(conn.scalars(select(case.c.rid)))))


def say(world: World, organization: str, change: Change, user: User = ANNA) -> None:
    seen = acts.look(world, ANNA, organization).state
    acts.say(world, user, "request", organization, change, seen)


@pytest.mark.parametrize("whose", ["payer-1", ""])
def test_what_is_said_of_a_payer_is_heard_by_requests_whose_order_is_not_here(house: World, whose: str) -> None:
    put(house.engine, "ServiceRequest/sr")
    due_ = select(authorization_row.c.due)
    with reading(house.engine) as conn:
        assert conn.scalar(due_) == micros(day(27))
    say(house, whose, LONG)
    worklist_project.refresh_due(house)
    with reading(house.engine) as conn:
        assert conn.scalar(due_) == micros(day(4, 12))


def test_what_is_said_of_a_payer_is_heard_by_its_cases_whichever_copy_it_was_said_of(house: World) -> None:
    assert due(house) == day(27)
    assert acts.look(house, ANNA, "office-payer-1").affected == 1
    say(house, "office-payer-1", LONG)
    assert stale(house.engine) == 1
    with writing(house.engine) as conn:
        worklist_project.refresh(conn, NOW, Policy(), 10)
    assert stale(house.engine) == 0
    assert due(house) == day(4, month=12)


def test_what_is_said_of_another_payer_moves_nothing(house: World) -> None:
    say(house, "payer-2", LONG)
    assert acts.look(house, ANNA, "payer-2").affected == 0
    assert (stale(house.engine), due(house)) == (0, day(27))


def test_what_is_said_for_everybody_is_heard_by_all_cases(house: World) -> None:
    say(house, "", LONG)
    assert acts.look(house, ANNA, "").affected == 1
    assert (stale(house.engine), due(house)) == (1, day(4, month=12))


def test_what_was_known_before_stays_known_as_it_was(house: World) -> None:
    before = micros(house.clock())
    say(house, "payer-1", LONG)
    said = micros(house.clock())
    (row,) = acts.look(house, ANNA, "payer-1").rows
    acts.take_back(house, ANNA, "request", "payer-1", row.n, acts.look(house, ANNA, "payer-1").state)
    assert [due(house, at) for at in (before - 1, said, None)] == [day(27), day(4, month=12), day(27)]


def test_the_same_day_is_said_once_and_another_day_beside_it(house: World) -> None:
    for value, start in (("14 days", 1), ("10 days", 1), ("9 days", 25)):
        say(house, "payer-1", Change("", "decision.standard", value, date(2026, 11, start)))
    found = acts.look(house, ANNA, "payer-1").rows
    assert [(row.value, date.fromordinal(row.valid_from).day) for row in found] == [("9 days", 25), ("10 days", 1)]
    assert due(house) == day(20) + timedelta(days=10)


def test_who_saw_an_older_policy_changes_nothing(house: World) -> None:
    seen = acts.look(house, ANNA, "payer-1").state
    say(house, "payer-1", LONG)
    with pytest.raises(Conflict):
        acts.say(house, ANNA, "request", "payer-1", Change("", "appeal", "60 days", date(2026, 1, 1)), seen)
    (row,) = acts.look(house, ANNA, "payer-1").rows
    with pytest.raises(Conflict):
        acts.take_back(house, ANNA, "request", "payer-1", row.n, seen)
    assert len(acts.look(house, ANNA, "payer-1").rows) == 1


def test_only_admins_say_anything_and_only_of_whom_there_is_and_what_can_be(house: World) -> None:
    with pytest.raises(Forbidden):
        say(house, "payer-1", LONG, CARLA)
    with pytest.raises(Forbidden):
        acts.look(house, CARLA, "payer-1")
    with pytest.raises(NotFound):
        acts.look(house, ANNA, "nobody")
    for change in (Change("", "appeal", "soon", date(2026, 1, 1)), Change("", "wit", "1 day", date(2026, 1, 1))):
        with pytest.raises(Invalid):
            say(house, "payer-1", change)
    with pytest.raises(Invalid):
        say(house, "group-1", Change("medicaid", "appeal", "60 days", date(2026, 1, 1)))
    with reading(house.engine) as conn:
        assert not conn.execute(select(audit.c.n).where(audit.c.interaction == "policy-say")).all()


def test_every_change_is_in_the_trail(house: World) -> None:
    say(house, "payer-1", LONG)
    with reading(house.engine) as conn:
        (row,) = conn.execute(select(audit.c.subject, audit.c.query).where(audit.c.interaction == "policy-say")).all()
    assert row[0] == "anna"
    assert row[1] == "https://carecoord.example/id/payer|P1  decision.standard=14 days from 2026-01-01"
