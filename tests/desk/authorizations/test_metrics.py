"""A payer's yearly metrics: the page for its people with the requests behind each figure and as files, the page that
anybody may read, and what a member's app reads after a decision (issue 10, item 7)."""

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import insert

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.fhir import interactions
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.policies import say
from carecoord.actions.policies.say import Change
from carecoord.actions.prior_auth.metrics import count
from carecoord.store.database.engine import writing
from carecoord.store.events.tables import event
from carecoord.store.prior_auth import exchanges
from carecoord.store.prior_auth.exchanges import Exchange
from tests.desk.authorizations.metrics_made import Year, recounted
from tests.desk.authorizations.test_decisions import APPROVE, VASCULAR, told
from tests.desk.conftest import NOW, PASSWORD, Clock, House, built

YEAR = "/decisions/metrics?from=2025-01-01&to=2025-12-31"
PUBLIC = "/authorization-metrics/office-blue-horizon/2025"


@dataclass(frozen=True)
class Made:
    """The house with a payer's year in it."""

    house: House
    counted: dict[str, tuple[int, int, str]]


@pytest.fixture(scope="module")
def made(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    for house in built(story, tmp_path_factory.mktemp("metrics"), Clock()):
        year = Year(900)
        with writing(house.world.engine) as conn:
            conn.execute(insert(event), list(year.events()))
        for login, office in (("granite", "office-granite-care"), ("calder", "office-blue-horizon")):
            accounts.add_user(house.world, NewUser(login, login, frozenset({"payer"}), office), PASSWORD)
        count.follow(house.world)
        publish(house, "yes")
        ended = [each for each in year.truths if each.took]
        yield Made(house, recounted(ended))


def publish(house: House, value: str, name: str = "metrics-published") -> None:
    change = Change("", name, value, date(2026, 1, 1))
    say.say(house.world, None, "t", "office-blue-horizon", change, None)


def text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def rows(data: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data)))


def test_every_figure_stands_beside_its_numbers_and_how_it_is_counted(made: Made) -> None:
    clerk = made.house.enter("payer")
    page = text(clerk.get("/decisions/metrics?from=2025-01-01&to=2026-01-31").get_data(as_text=True))
    for name in ("standard-approved", "standard-overturned-of-appealed", "extended-approved"):
        hits, of, value = made.counted[name]
        assert f"{value} % {hits} of {of}" in page
    mean, median = made.counted["standard-mean"][2], made.counted["expedited-median"][2]
    assert (f"{mean} days" in page, f"{median} hours" in page) == (True, True)
    assert "of all standard requests (the denominator of the Medicaid form MCPAR)" in page
    assert "of the denied standard requests whose appeal was decided" in page
    spanish = clerk.get(YEAR, headers={"Accept-Language": "es"}).get_data(as_text=True)
    assert "Indicadores de autorizaciones" in spanish


def test_the_list_behind_a_figure_has_just_its_requests_and_leaves_as_a_file(made: Made) -> None:
    clerk = made.house.enter("payer")
    span = "from=2025-01-01&to=2026-01-31"
    for name in ("standard-denied", "expedited-approved", "extended-approved-of-extended"):
        hits, of, _ = made.counted[name]
        for part, n in (("hits", hits), ("of", of)):
            address = f"/decisions/metrics/behind.csv?{span}&show={name}&part={part}"
            assert len(rows(clerk.get(address).get_data(as_text=True))) == n + 1
    page = clerk.get(f"/decisions/metrics?{span}&show=standard-denied").get_data(as_text=True)
    assert f"Behind “Standard requests denied” {made.counted['standard-denied'][0]} " in text(page)
    figures = rows(clerk.get(f"/decisions/metrics.csv?{span}").get_data(as_text=True))
    sheet = openpyxl.load_workbook(io.BytesIO(clerk.get(f"/decisions/metrics.xlsx?{span}").get_data())).active
    assert [[str(cell.value or "") for cell in row] for row in sheet.iter_rows()] == figures
    hits, of, value = made.counted["standard-denied"]
    assert [row[0] for row in figures[1:]] == [*map(str, range(1, 9)), "8", *map(str, range(9, 16)), "15"]
    assert figures[1][2] == PUBLIC
    assert next(row for row in figures if row[1] == "Standard requests denied")[:6] == [
        "7", "Standard requests denied", value, "%", str(hits), str(of),
    ]  # fmt: skip


def test_days_are_read_and_shown_as_people_write_them(made: Made) -> None:
    clerk = made.house.enter("payer")
    page = clerk.get("/decisions/metrics?from=1+Jan+2025&to=12/31/2025").get_data(as_text=True)
    assert 'name="from" value="1 Jan 2025"' in page
    assert 'name="to" value="31 Dec 2025"' in page
    assert "/decisions/metrics.csv?from=2025-01-01&amp;to=2025-12-31" in page, "addresses keep one form of a day"
    spanish = clerk.get("/decisions/metrics?from=1+ene+2025&to=31+dic+2025", headers={"Accept-Language": "es"})
    assert 'name="from" value="1 ene 2025"' in spanish.get_data(as_text=True)


def test_days_that_can_not_be_meant_are_refused_in_words(made: Made) -> None:
    clerk = made.house.enter("payer")
    for query in ("from=2025-02-30&to=2025-03-01", "from=2025-03-01&to=2025-02-01", "from=x"):
        answer = clerk.get(f"/decisions/metrics?{query}")
        assert (answer.status_code, "the first no later than the last" in answer.get_data(as_text=True)) == (400, True)
    assert clerk.get("/decisions/metrics?show=speed").status_code == 404


def test_missed_clocks_are_listed_with_when_they_ran_out(made: Made) -> None:
    clerk = made.house.enter("payer")
    found = rows(clerk.get("/decisions/metrics/missed.csv?from=2025-01-01&to=2025-12-31").get_data(as_text=True))
    header, lines = found[0], found[1:]
    assert (header[7], header[8]) == ("To be decided by", "Decided")
    assert lines, "the made-up payer is late at times"
    page = text(clerk.get(YEAR).get_data(as_text=True))
    assert f"Clocks missed {len(lines)}" in page


def test_figures_are_for_those_who_decide_and_of_their_own_payer_alone(made: Made, house: House) -> None:
    for who in ("coordinator", "clinician", "contracts", "auditor", "admin", "outsider"):
        for path in ("/decisions/metrics", "/decisions/metrics.csv", "/decisions/metrics/missed.csv",
                     "/decisions/metrics/behind.csv?show=all", "/decisions/metrics/exchanges.ndjson"):  # fmt: skip
            assert house.enter(who).get(path).status_code == 404, (who, path)
    other = made.house.enter("granite").get(YEAR).get_data(as_text=True)
    assert "made-" not in other
    assert rows(made.house.enter("granite").get("/decisions/metrics.csv?from=2025-01-01&to=2025-12-31")
                .get_data(as_text=True))[5][2] == "0"  # fmt: skip


def test_anybody_reads_the_figures_of_a_year_that_is_over_and_nothing_else(made: Made) -> None:
    publish(made.house, "https://payer.example/items", "metrics-items")
    anybody = made.house.app.test_client()
    answer = anybody.get(PUBLIC)
    page = answer.get_data(as_text=True)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=3600")
    assert "Set-Cookie" not in answer.headers
    assert "Blue Horizon Health" in page
    assert 'href="https://payer.example/items"' in page
    assert anybody.get(PUBLIC, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert "made-" not in page
    links = set(re.findall(r'href="(/[^"]*)"', page)) - set(re.findall(r'href="(/assets/[^"]*)"', page))
    assert links == set(), "it leads nowhere else"
    for who in ("payer", "coordinator"):
        assert made.house.enter(who).get(PUBLIC).get_data() == answer.get_data(), "who is signed in reads the same"
    for path in ("/authorization-metrics/office-blue-horizon/2026", "/authorization-metrics/office-granite-care/2025",
                 "/authorization-metrics/office-fairmont/2025", "/authorization-metrics/nobody/2025",
                 "/authorization-metrics/office-blue-horizon/1999"):  # fmt: skip
        assert anybody.get(path).status_code == 404, path


def test_small_figures_are_left_out_of_the_public_page(story: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    for house in built(story, tmp_path_factory.mktemp("few"), Clock()):
        with writing(house.world.engine) as conn:
            conn.execute(insert(event), list(Year(30).events()))
        count.follow(house.world)
        assert house.app.test_client().get(PUBLIC).status_code == 404, "nothing is published before the payer says so"
        publish(house, "yes")
        page = text(house.app.test_client().get(PUBLIC).get_data(as_text=True))
        assert "Expedited requests fewer than 11: not shown" in page
        assert "All requests fewer than 11: not shown" in page
        publish(house, "no")
        assert house.app.test_client().get(PUBLIC).status_code == 404


def test_what_was_exchanged_by_pas_is_told_as_metric_data_of_this_payer(made: Made) -> None:
    def kept(id: str, payer: str) -> Exchange:
        metric = {"payerId": payer, "source": "payer-api", "exchange": [{"type": "submit", "http": 200}]}
        at = round(NOW.timestamp() * 1_000_000)
        return Exchange(id, at, 9, True, "submit", "2.2.1", "p", id, b"", 200, None, {}, b"", b"", metric)

    with writing(made.house.world.engine) as conn:
        exchanges.keep(conn, kept("own", "https://carecoord.example/id/payer|BH001"))
        exchanges.keep(conn, kept("other", "https://carecoord.example/id/payer|GC014"))
    answer = made.house.enter("payer").get("/decisions/metrics/exchanges.ndjson")
    found = [json.loads(line) for line in answer.get_data(as_text=True).splitlines()]
    assert [(each["payerId"].partition("|")[2], each["exchange"][0]["type"]) for each in found] == [("BH001", "submit")]


def test_a_members_app_reads_a_decision_as_soon_as_it_is_given(made: Made) -> None:
    """CMS-0057-F, 42 CFR 422.119(b)(1)(iv): within a business day. Here in the transaction of the decision: no worker
    has run, and no time has passed."""
    assert told(made.house.enter("payer"), VASCULAR, "decide", **APPROVE)[0] == 303
    member = Grant("m", "app", resources(parse("patient/*.rs")), patient="kwame-osei", fhir_user="Patient/kwame-osei")
    bundle = interactions.search(made.house.world, member, "ClaimResponse", [("_count", "200")])
    found = [each["resource"] for each in json.loads(bundle)["entry"]]
    answer = next(each for each in found if each["request"]["reference"] == f"Claim/{VASCULAR}")
    assert answer["preAuthRef"].startswith("A-")
