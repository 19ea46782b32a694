"""The worklist while the worker is behind: it says so at every width, and axe finds nothing in it."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from carecoord import app
from carecoord.store.database.engine import open_engine
from tests import axe
from tests.desk.browser.hands import let_in
from tests.desk.browser.servers import serving
from tests.desk.conftest import NOW, House


@pytest.fixture
def late(house: House, tmp_path: Path) -> Iterator[tuple[House, str]]:
    """The house a day later, no worker having run, and where it is served."""
    with house.world.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(Path(house.world.settings.var) / "carecoord.db", tmp_path / "carecoord.db")
    world = replace(
        house.world, engine=open_engine(f"sqlite:///{tmp_path}/carecoord.db"), clock=lambda: NOW + timedelta(days=1)
    )
    found = House(world, app.wired(world))
    with serving(found.app) as address:
        yield found, address
    world.engine.dispose()


def test_the_worklist_says_that_cases_are_judged_anew_in_every_look(late: tuple[House, str], browser: Any) -> None:
    there, address = late
    context = browser.new_context(base_url=address)
    let_in(context, there.enter("coordinator"))
    page = context.new_page()
    page.goto("/")
    said = page.get_by_role("status").filter(has_text="Some cases are being judged anew.")
    for width in (1440, 420, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert said.is_visible()
    axe.check(page, axe.ENDS)
    context.close()
