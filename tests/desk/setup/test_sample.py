"""Sample data: loaded for an office that has nothing yet, and removed as it was loaded."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from auth import store
from carecoord import app
from carecoord.actions.clearance.assemble import assemble
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.worklist import project
from carecoord.domain.clearance.clearance import clear
from carecoord.domain.setup import sample
from carecoord.fhir.validation.validate import judge
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from tests.desk.conftest import NOW, PASSWORD, House, opened

KEYS = sample.names(sample.sample("Organization/x", NOW.date(), NOW.tzinfo))  # type: ignore[arg-type]


@pytest.fixture
def fresh(sqlite_template: Path, tmp_path: Path) -> Iterator[House]:
    """A house with one organization of its own, an admin and a coordinator."""
    shutil.copyfile(sqlite_template, tmp_path / "carecoord.db")
    for world in opened(tmp_path, lambda: NOW):
        accounts.add_user(world, NewUser("whitlock", "Whitlock, Sam", frozenset({"admin"})), PASSWORD)
        house = House(world, app.wired(world))
        post(house.enter("admin"), "organization", name="Elm Clinic", npi="9000010089")
        with writing(world.engine) as conn:
            (admin,) = store.users(conn)
        accounts.add_user(world, NewUser("reyes", "Reyes", frozenset({"coordinator"}), admin.organization), PASSWORD)
        yield house


def post(browser: FlaskClient, path: str, **typed: str) -> str:
    token = re.findall(r'name="csrf" value="([^"]*)"', browser.get("/setup?step=organization").text)[0]
    return browser.post(f"/setup/{path}", data={"csrf": token, **typed}, follow_redirects=True).text


def bodies(house: House) -> dict[str, dict[str, object]]:
    pairs = [key.partition("/")[::2] for key in KEYS]
    with reading(house.world.engine) as conn:
        rows = read.many(conn, pairs)
    return {f"{row.type}/{row.id}": json.loads(row.body) for row in rows if not row.deleted}


def test_the_sample_is_loaded_once_shows_one_referral_cleared_and_one_not_and_goes_as_it_came(fresh: House) -> None:
    admin = fresh.enter("admin")
    assert "Load sample data" in admin.get("/setup").text
    assert "Loaded. The two referrals stand" in post(admin, "sample")
    held = bodies(fresh)
    assert sorted(held) == sorted(KEYS)
    assert {key: fault for key, each in held.items() if (fault := judge(each, str(each["resourceType"])))} == {}
    assert "The sample data is here already." in post(admin, "sample")

    policy = project.policy(fresh.world.settings)
    with reading(fresh.world.engine) as conn:
        cases = [assemble(conn, f"sample-referral-{n}") for n in (1, 2)]
    judged = [clear(case, NOW, policy) for case in cases if case]
    states = [{gate.name: gate.state for gate in each.gates} for each in judged]
    assert states[0] == {
        "coverage": "met", "authorization": "not-needed", "information": "not-needed", "agreement": "met",
        "appointment": "met", "loop": "pending",
    }  # fmt: skip
    assert states[1]["agreement"] == "blocked"
    assert "Sample" in fresh.enter("coordinator").get("/").text

    page = post(admin, "sample/remove")
    assert f"Removed: {len(KEYS)} records." in page
    assert "Changed since" not in page
    assert bodies(fresh) == {}
    assert "Loaded." in post(admin, "sample"), "it may be loaded again"
