"""Queues for every role: by tables written by hand; and whatever happens, in any order, every open case is in a queue,
the queues add up to all that is open, and tabs, lists and exports agree."""

import csv
import io
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, select

from carecoord.domain.inbox.kinds import signs
from carecoord.fhir.instants import FOREVER, micros
from carecoord.fhir.search.collation import fold
from carecoord.settings import Settings
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import case as case_row
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.query import FACETS, NONE, SORTS, CaseScope, Worklist, WorklistQuery
from carecoord.store.worklist.tabs import DueBounds, Own, of_kinds, tabs_named
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import STAGES, STATUSES, Place, case_of, furnished
from tests.desk.rows import DAY, NAMES

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
LISTS = sorted(tabs_named())
SEQUENCES = 5_000
OWN = Own(("ann",), (("team", of_kinds(*signs(("visit", "document")))),))  # who stands in for some of the team's


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


def judged(place: Place) -> list[dict[str, Any]]:
    """A row of every stage with a visit in every status, as the rules judge it."""
    found = []
    for profile in ("base", "bser"):
        for stage in STAGES:
            for visit in (None, *STATUSES):
                place.put(case_of(profile, stage, "case-0", visit))
                with reading(place.house.world.engine) as conn:
                    row = conn.execute(select(case_row).where(case_row.c.id == "case-0")).mappings().one()
                found.append(dict(row))
    return found


def altered(chance: Random, pool: list[dict[str, Any]], n: int, now: int) -> dict[str, Any]:
    """Case n as any of the rows of the pool, with anybody, resting or not, its clock run out or not."""
    row = chance.choice(pool)
    due = chance.choice((row["sort_due"], now - 1, now, now + DAY, FOREVER))
    name = chance.choice(NAMES)
    return row | {
        "rid": row["rid"] + n, "id": f"case-{n}", "number": f"R-{n}", "patient": f"p{n}", "patient_name": name,
        "patient_sort": fold(name), "searched": f"{name} R-{n}", "payer_searched": f"{name} R-{n}",
        "owner": chance.choice(("ann", "team", None)), "wakes_at": chance.choice((0, 0, 0, now, now + DAY)),
        "sort_due": due, "conflict": chance.random() < 0.1, "performer": chance.choice(("heart", "heart", "spine")),
    }  # fmt: skip


def filtered(chance: Random, rows: list[dict[str, Any]]) -> WorklistQuery:
    """A question with several filters, some of them with several values, mostly such as stand in the rows."""
    asked = chance.sample(sorted(FACETS), chance.randrange(1, 4))
    stand = {name: sorted({row[FACETS[name]] or NONE for row in rows}) or [NONE] for name in asked}
    facets = tuple((name, tuple(chance.sample(of, min(len(of), chance.randrange(1, 4))))) for name, of in stand.items())
    return WorklistQuery(chance.choice(LISTS), facets, chance.choice(("", "", *(name[:3] for name in NAMES))))


def fewer_show_no_less(worklist: Worklist, asked: WorklistQuery) -> None:
    """Its list is as long as it is counted, and whatever is asked for no longer, each of its rows stays."""
    shown = {row.id for row in worklist.every(asked)}
    assert len(shown) == worklist.count(asked)
    for n in range(len(asked.facets)):
        name, values = asked.facets[n]
        others = asked.facets[:n] + asked.facets[n + 1 :]
        for fewer in (replace(asked, facets=others), replace(asked, facets=(*others, (name, (*values, "other"))))):
            assert shown <= {row.id for row in worklist.every(fewer)}
    assert shown <= {row.id for row in worklist.every(replace(asked, words=""))}


def add_up(engine: Engine, rows: Iterable[dict[str, Any]], now: int, chance: Random) -> None:
    """Each side has every open case of its own once, in a list or at rest, and each count is the length of its list."""
    at = DueBounds(now, now + DAY // 2, now + 3 * DAY, now + 7 * DAY)
    with reading(engine) as conn:
        for column, office in (("placer", "clinic"), ("performer", "heart")):
            worklist = Worklist(conn, CaseScope(((column, office),)), at, OWN)
            tally, groups = worklist.tally(WorklistQuery(), LISTS)
            mine = {row["id"] for row in rows if row["open"] and row[column] == office}
            told = {tab: [row.id for row in worklist.every(WorklistQuery(tab))] for tab in ("open", "snoozed")}
            assert sorted(told["open"] + told["snoozed"]) == sorted(mine)
            assert sum(groups.values()) == tally["open"] == len(told["open"])
            for tab in chance.sample(LISTS, 4):
                listed = [row.id for row in worklist.every(WorklistQuery(tab, sort=chance.choice(list(SORTS))))]
                assert len(set(listed)) == len(listed) == tally[tab]
                assert tab in ("closed", "conflict") or set(listed) <= mine
            fewer_show_no_less(worklist, filtered(chance, list(rows)))
            stages = worklist.options(WorklistQuery(), "referral", sorted({row["stage"] for row in rows}))
            owners = worklist.options(WorklistQuery(), "owner", ("ann", "team", NONE))
            assert sum(stages.values()) == sum(owners.values()) == tally["open"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_five_thousand_sequences_of_events_leave_no_case_outside_all_queues(
    sqlite_template: Path, tmp_path: Path
) -> None:  # fmt: skip
    for place in housed(sqlite_template, tmp_path):
        pool, engine = judged(place), place.house.world.engine
        now, held = micros(place.house.world.clock()), dict[int, dict[str, Any]]()
        with writing(engine) as conn:
            worklist_rows.remove(conn, [pool[0]["rid"]])
        for seed in range(SEQUENCES):
            chance = Random(seed)
            for _ in range(chance.randrange(1, 12)):
                rows = [altered(chance, pool, chance.randrange(1, 13), now) for _ in range(chance.choice((1, 1, 2)))]
                rows = list({row["id"]: row for row in rows}.values())
                gone = [rid for rid in held if chance.random() < 0.03]
                with writing(engine) as conn:
                    worklist_rows.remove(conn, gone)
                    worklist_rows.save(conn, rows)
                held = {rid: row for rid, row in held.items() if rid not in gone}
                held |= {row["rid"]: row for row in rows}
            add_up(engine, held.values(), now + chance.choice((0, DAY, 8 * DAY)), chance)
