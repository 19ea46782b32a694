"""A payer's metrics over a year of made-up requests equal what a plain script counts, on both databases (issue 10, item
7 and must-show 4; `make bench` measures 100,000)."""

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from sqlalchemy import Engine, insert, select

from auth.grant import Grant
from carecoord.actions.prior_auth.metrics import board, count
from carecoord.actions.prior_auth.metrics.board import Asked
from carecoord.actions.worklist import project
from carecoord.domain.prior_auth.metrics.fields import FIELDS
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import reading, writing
from carecoord.store.events.tables import event
from carecoord.store.prior_auth.tables import authorization_counted
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.world import World
from tests.desk.authorizations.metrics_made import Year, recounted

NOW = datetime(2026, 3, 1, 15, tzinfo=UTC)
PAYER = "office-blue-horizon"
CLERK = Grant("clerk", roles=frozenset({"payer"}), organization=PAYER, name="Okonkwo, Paul")
WHOLE = Asked(date(2025, 1, 1), date(2026, 2, 28))  # what came late in the year was decided after it


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    settings = Settings(var=str(tmp_path))
    rules = project.projector(project.policy(settings))
    made = World(engine, lambda: NOW, lambda: str(uuid4()), requests.Session, settings, rules, Journal(tmp_path))
    organization = {
        "resourceType": "Organization", "id": PAYER, "name": "Blue Horizon Health",
        "identifier": [{"system": "https://carecoord.example/id/payer", "value": "BH001"}],
    }  # fmt: skip
    with writing(engine) as conn:
        put_all(conn, [Change("Organization", PAYER, organization)], now=NOW, actor=Actor(None, None, None, "t"),
                base=made.base, project=rules)  # fmt: skip
    return made


def told(world: World) -> dict[str, tuple[int, int, str]]:
    found = board.board(world, CLERK, WHOLE, "t").figures
    return {name: (each.hits, each.n, str(each.value)) for name, each in found.items()}


def test_each_field_is_what_a_plain_script_counts_whenever_the_log_is_read(world: World) -> None:
    year = Year(3000)
    events = list(year.events())
    half = len(events) // 2
    with writing(world.engine) as conn:
        conn.execute(insert(event), events[:half])
    count.follow(world)
    with writing(world.engine) as conn:
        conn.execute(insert(event), events[half:])
    count.follow(world)
    wanted = recounted(year.truths)
    assert told(world) == wanted
    assert wanted.keys() == FIELDS.keys()
    with reading(world.engine) as conn:
        followed = sorted(map(tuple, conn.execute(select(authorization_counted))))
    count.anew(world)
    with reading(world.engine) as conn:
        assert sorted(map(tuple, conn.execute(select(authorization_counted)))) == followed
    for name, field in FIELDS.items():
        hits, of, _ = wanted[name]
        assert len(board.behind(world, CLERK, WHOLE, name, "hits", "t")) == hits
        assert len(board.behind(world, CLERK, WHOLE, name, "of", "t")) == of, field.number


def test_another_payer_has_nothing_of_it(world: World) -> None:
    year = Year(300, payer="office-granite-care")
    with writing(world.engine) as conn:
        conn.execute(insert(event), list(year.events()))
    count.follow(world)
    assert len(year.truths) > 200
    assert told(world)["all"] == (0, 0, "0")
    assert told(world)["standard-approved"] == (0, 0, "None")
    assert board.board(world, CLERK, WHOLE, "t").missed == []
