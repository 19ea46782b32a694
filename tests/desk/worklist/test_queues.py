"""Queues for every role: by tables written by hand; and whatever happens, in any order, every open case is in a queue,
the queues add up to all that is open, and tabs, lists and exports agree."""

import csv
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from sqlalchemy import select

from carecoord.settings import Settings
from carecoord.store.database.engine import reading
from carecoord.store.database.tables import case as case_row
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import STAGES, STATUSES, Place, case_of, furnished

# Who -> the tabs that they have besides those that come with need, and which stages are in each of their own queues.
TABS = {
    "requester": ["open", "mine", "overdue", "payer", "book", "contract", "after", "closed"],
    "doc": ["open", "mine", "sign", "questions", "acknowledge", "overdue", "payer", "book", "contract", "after",
                  "closed"],
    "performer": ["open", "mine", "new", "triage", "schedule", "owed", "overdue", "payer", "book", "contract", "after",
                  "closed"],
}  # fmt: skip
QUEUES = {
    ("doc", "sign"): {"draft"}, ("doc", "questions"): {"awaiting-information"},
    ("performer", "new"): {"sent"}, ("performer", "triage"): {"in-triage"}, ("performer", "owed"): {"visit-done"},
    ("performer", "schedule"): {
        "accepted", "contacting-patient", "waitlisted", "in-progress", "no-show", "appointment-cancelled",
    },
}  # fmt: skip
BY_NEED = {"nobody", "returned", "conflict", "snoozed"}


def tabs(page: str) -> dict[str, int]:
    """The tabs of a worklist, by name, with their counts."""
    nav = page.split('aria-label="Lists"')[1].split("</nav>")[0]
    found = re.findall(r'href="/(?:\?tab=([\w-]+)[^"]*|[^"]*)"[^>]*>[^<]*<span class="count">(\d+)', nav)
    return {name or "open": int(n) for name, n in found}


def listed(place: Place, who: str, query: str) -> list[str]:
    """The ids of a whole list, by its pages."""
    client, found = place.people[who], list[str]()
    path = f"/?{query}"
    while path:
        page = client.get(path).get_data(as_text=True)
        found += re.findall(r'id="case-([^"]+)"', page)
        further = re.findall(r'rel="next" href="([^"]+)"', page)
        path = further[0].replace("&amp;", "&") if further else ""
    return found


def exported(place: Place, who: str, query: str) -> list[str]:
    text = place.people[who].get(f"/worklist.csv?{query}").get_data(as_text=True)
    return [row["number"] for row in csv.DictReader(io.StringIO(text))]


def housed(sqlite_template: Path, var: Path) -> Iterator[Place]:
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    for place in furnished(Settings(var=str(var), **BUSY)):  # type: ignore[arg-type]
        place.hire("doc", "clinician", "clinic")
        yield place


def test_each_role_has_its_queues_and_a_clinic_that_is_referred_to_its_own(
    sqlite_template: Path, tmp_path: Path
) -> None:
    for place in housed(sqlite_template, tmp_path):
        place.put([body for stage in STAGES for body in case_of("base", stage, stage)])
        for who, wanted in TABS.items():
            told = tabs(place.people[who].get("/").get_data(as_text=True))
            assert [name for name in told if name not in BY_NEED] == wanted
        for (who, tab), stages in QUEUES.items():
            assert set(listed(place, who, f"tab={tab}")) == stages
            assert tabs(place.people[who].get(f"/?tab={tab}").get_data(as_text=True))[tab] == len(stages)
        page = place.people["performer"].get("/?tab=owed").get_data(as_text=True)
        assert "Referred by clinic" in page
        assert place.people["requester"].get("/?tab=sign").status_code == 200, "a view that a clinician shares"


def happened(place: Place, chance: Random, n: int) -> None:
    """Events in any order on a few cases: their Task and visit in any state, whose they are, whether they rest."""
    for _ in range(n):
        case, side = f"case-{chance.randrange(12)}", chance.choice(("requester", "performer", "doc"))
        what = chance.random()
        if what < 0.5:
            visit = chance.choice((None, *STATUSES))
            place.put(case_of(chance.choice(("base", "bser")), chance.choice(list(STAGES)), case, visit))
        elif what < 0.7:
            sent = {"to": chance.choice(("team", "nobody such")), "until": "30 Nov", "wake": chance.choice(("", "1"))}
            place.post(side, case, chance.choice(("assign", "snooze")), **sent)
        else:
            verb = chance.choice(("accept", "decline", "ask", "answer", "withdraw", "book", "report", "tell", "note"))
            place.post(side, case, verb, once=str(uuid4()))


def check(place: Place) -> None:
    """Every open case of the office is in a queue, the queues add up, and whatever tells of a list tells the same."""
    with reading(place.house.world.engine) as conn:
        columns = (case_row.c.id, case_row.c.number, case_row.c.open, case_row.c.performer)
        rows = conn.execute(select(*columns)).all()
    numbers = {row.id: row.number for row in rows}
    for who in ("requester", "performer"):
        told = tabs(place.people[who].get("/").get_data(as_text=True))
        open_now = {row.id for row in rows if row.open and (who == "requester" or row.performer == "heart")}
        lists = {tab: listed(place, who, f"tab={tab}") for tab in told}
        assert {tab: len(found) for tab, found in lists.items()} == told
        assert sorted([*lists["open"], *lists.get("snoozed", [])]) == sorted(open_now)
        for tab in told:
            assert exported(place, who, f"tab={tab}") == [numbers[id] for id in lists[tab]]
        for facet in ("owner", "move", "referral"):
            answer = place.people[who].get(f"/worklist/options?facet={facet}").get_json()
            if facet != "owner" or who == "requester":
                assert sum(int(n) for n in answer.values()) == told["open"]


def test_whatever_happens_every_open_case_is_in_a_queue_and_all_that_tell_of_a_list_agree(
    sqlite_template: Path, tmp_path: Path
) -> None:
    for place in housed(sqlite_template, tmp_path):
        for seed in range(3):
            happened(place, Random(seed), 12)
            check(place)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_long_sequences_of_events_leave_no_case_outside_all_queues(sqlite_template: Path, tmp_path: Path) -> None:
    for place in housed(sqlite_template, tmp_path):
        for seed in range(40):
            happened(place, Random(seed), 30)
            check(place)
