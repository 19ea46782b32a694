"""The admins' page of the EHRs in a real browser: no fault at any width, in both themes; paused without script."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from carecoord.actions.ehrs.sync import add_ehr, repeat
from carecoord.fhir.instants import micros
from carecoord.store.database.engine import writing
from carecoord.store.database.tables import ehr, ehr_run
from carecoord.store.ehrs import deliveries
from carecoord.store.ehrs.deliveries import Delivery
from carecoord.store.ehrs.tables import ehr_delivery
from fhir_adapters.ehr import Ehr
from tests.axe import check
from tests.desk.conftest import NOW, House

AT = micros(NOW)


def test_axe_finds_nothing_nothing_overflows_and_it_works_without_script(
    open_page: Callable[..., Any], house: House
) -> None:
    add_ehr(house.world, Ehr("northwind", "https://northwind.example/fhir"))
    repeat(house.world, "northwind", timedelta(minutes=15))
    with writing(house.world.engine) as conn:
        for error in (None, "Task: northwind: GET /fhir/Task: 503 Service Unavailable"):
            run = {"ehr": "northwind", "started": AT, "finished": AT, "received": 5, "changed": 1, "flagged": 0}
            conn.execute(ehr_run.insert().values(error=error, **run))
        said_no = "northwind: PUT /fhir/Task/" + "very-long-" * 12 + ": 409 It is completed."
        for n, (state, words) in enumerate((("refused", said_no), ("refused", ""), ("waiting", ""), ("delivered", ""))):
            one = Delivery("northwind", "Task", f"t{n}", None, "waiting", "", "", 0, AT, None, 1)
            deliveries.ask(conn, one)
            deliveries.tell(conn, one, state, "refused" if state == "refused" else "", words, NOW, 1)  # type: ignore[arg-type]
    try:
        page = open_page("/ehrs", who="admin", width=320)
        check(page)
        page.clock.install()
        page.reload()
        page.evaluate("document.querySelector('#ehrs h1').textContent = 'Before'")
        page.clock.fast_forward(31_000)
        page.get_by_role("heading", name="EHRs", exact=True).wait_for()
        plain = open_page("/ehrs", who="admin", java_script_enabled=False)
        plain.get_by_role("button", name="Pause").click()
        plain.get_by_role("button", name="Resume").wait_for()
    finally:  # the house is everybody's
        repeat(house.world, "northwind", None)
        with writing(house.world.engine) as conn:
            for table in (ehr_run, ehr_delivery):
                conn.execute(table.delete().where(table.c.ehr == "northwind"))
            conn.execute(ehr.delete().where(ehr.c.name == "northwind"))
