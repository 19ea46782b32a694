"""`/jobs` and `carecoord jobs`: what failed too often is told in words, tried again or let go, by admins alone."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update

from carecoord import app, cli
from carecoord.store.audit.tables import audit
from carecoord.store.database import kinds, marks, outbox, tables
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.web.server import jobs as page_of_jobs
from tests import later
from tests.desk.conftest import NOW, House


@pytest.fixture
def stuck(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A letter that was given up an hour ago, with another behind it; the number of the first."""
    later.install(monkeypatch)
    with writing(house.world.engine) as conn:
        for payload in (b"first", b"second"):
            outbox.add(conn, "letter", "Task/t1 <b>", payload, NOW)
        job = tables.outbox.c
        given_up = {"parked": True, "attempts": 12, "error": "city refused it: Task is locked",
                    "tried_at": int((NOW - timedelta(hours=1)).timestamp()) * 1_000_000}  # fmt: skip
        conn.execute(update(tables.outbox).where(job.payload == b"first").values(given_up))
        n = conn.scalar(select(job.n).where(job.payload == b"first"))
    yield n
    with writing(house.world.engine) as conn:
        conn.execute(delete(tables.outbox))


def csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


def post(client: FlaskClient, act: str, n: int | str, **form: str) -> Any:
    page = client.get("/account").get_data(as_text=True)
    return client.post(f"/jobs/{act}", data={"csrf": csrf(page), "n": n, **form})


def numbers(house: House) -> list[tuple[int, bool]]:
    with reading(house.world.engine) as conn:
        job = tables.outbox.c
        return [(row.n, row.parked) for row in conn.execute(select(job.n, job.parked).order_by(job.n))]


def stands(page: str) -> list[tuple[str, bool, str]]:
    """Each line of how it stands: of what, whether it is good, and what is said."""
    part = page.split('id="stands"')[1].split("</ul>")[0]
    lines = re.findall(r'<b>(.*?)</b><span class="sub( gate-note)?">.*?</svg>\s*(.*?)</span>', part, re.S)
    return [(name, not bad, said) for name, bad, said in lines]


def test_it_says_whether_a_worker_is_at_work_what_is_late_and_how_old_the_last_backup_is(acting_house: House) -> None:
    """Issue 12: what check, /readyz and /metrics judge is judged at the desk too."""
    world = replace(acting_house.world, settings=replace(acting_house.world.settings, backup_goal=24))
    admin = House(world, app.wired(world)).enter("admin")
    with writing(world.engine) as conn:
        conn.execute(delete(tables.outbox))
    assert stands(admin.get("/jobs").get_data(as_text=True)) == [
        ("Worker", False, "No worker has been heard of yet. Until one is at work, no EHR is read and nothing goes "
                          "out."),
        ("What is due", True, "Nothing is late."),
        ("Backup", False, "None was made by carecoord backup yet. It should be less than 24 hours old."),
    ]  # fmt: skip
    with writing(world.engine) as conn:
        outbox.beat(conn, NOW - timedelta(seconds=20))
        outbox.add(conn, "request-packet", "p1", b"{}", NOW - timedelta(minutes=4))
        marks.put(conn, "backup", str(int((NOW - timedelta(hours=3)).timestamp()) * 1_000_000).encode())
    assert stands(admin.get("/jobs").get_data(as_text=True)) == [
        ("Worker", True, "A worker is at work."), ("What is due", True, "Nothing is late."),
        ("Backup", True, "The last one was made 3 h ago."),
    ]  # fmt: skip
    with writing(world.engine) as conn:
        outbox.beat(conn, NOW - timedelta(minutes=7))
        outbox.add(conn, "request-packet", "p2", b"{}", NOW - timedelta(minutes=20))
        marks.put(conn, "backup", str(int((NOW - timedelta(hours=24)).timestamp()) * 1_000_000).encode())
    assert stands(admin.get("/jobs").get_data(as_text=True)) == [
        ("Worker", False, "No worker is at work: the last sign of one came 7 min ago. Until one is, no EHR is read and "
                          "nothing goes out."),
        ("What is due", False, "The longest wait began 20 min ago: Putting papers together."),
        ("Backup", False, "The last one was made 24 h ago. It should be less than 24 hours old."),
    ]  # fmt: skip


def test_an_admin_reads_what_was_given_up_why_and_what_waits_behind_it(house: House, stuck: int) -> None:
    admin = house.enter("admin")
    assert 'href="/jobs"' in admin.get("/people").get_data(as_text=True)
    page = admin.get("/jobs").get_data(as_text=True)
    for said in (
        "1 waits for you", "letter Task/t1 &lt;b&gt;", "city refused it: Task is locked. 12 tries, the last 1 h ago.",
        "1 more of the same wait behind it, in their order", "Try again", "Let go",
    ):  # fmt: skip
        assert said in page, said


def test_trying_again_makes_it_due_and_is_in_the_audit(house: House, stuck: int) -> None:
    admin = house.enter("admin")
    assert "It will be tried again" in post(admin, "retry", stuck).get_data(as_text=True)
    assert numbers(house) == [(stuck, False), (stuck + 1, False)]
    assert "Nothing waits for a person" in admin.get("/jobs").get_data(as_text=True)
    twice = post(admin, "retry", stuck)
    assert twice.status_code == 404
    assert "does not wait any more" in twice.get_data(as_text=True)
    with reading(house.world.engine) as conn:
        acts = [row.interaction for row in conn.execute(select(audit.c.interaction).order_by(audit.c.n))]
    assert acts.count("job-retry") == 1


def test_letting_go_is_asked_once_more_and_frees_what_waits_behind(house: House, stuck: int) -> None:
    admin = house.enter("admin")
    asked = post(admin, "drop", stuck).get_data(as_text=True)
    assert "It is never done then" in asked
    assert numbers(house) == [(stuck, True), (stuck + 1, False)]
    assert "Let go: letter Task/t1 &lt;b&gt;" in post(admin, "drop", stuck, sure="1").get_data(as_text=True)
    assert numbers(house) == [(stuck + 1, False)]
    assert post(admin, "drop", stuck + 1, sure="1").status_code == 404, "what is still tried is not to be let go"
    assert post(admin, "drop", "all; drop table outbox", sure="1").status_code == 400


@pytest.mark.parametrize("who", ["coordinator", "clinician", "payer", "contracts", "auditor"])
def test_nobody_but_an_admin_sees_or_changes_later_work(house: House, stuck: int, who: str) -> None:
    client = house.enter(who)
    assert client.get("/jobs").status_code == 403
    assert 'href="/jobs"' not in client.get("/account").get_data(as_text=True)
    for act in ("retry", "drop"):
        assert post(client, act, stuck, sure="1").status_code == 403
    assert numbers(house) == [(stuck, True), (stuck + 1, False)]
    assert house.app.test_client().get("/jobs").status_code in (302, 303)


def test_what_another_version_left_can_only_be_let_go(house: House, stuck: int) -> None:
    with writing(house.world.engine) as conn:
        conn.execute(delete(tables.outbox).where(tables.outbox.c.n == stuck))
        gone = {"kind": "carrier-pigeon", "due_at": int((NOW - timedelta(hours=2)).timestamp()) * 1_000_000}
        conn.execute(update(tables.outbox).values(gone))
    page = house.enter("admin").get("/jobs").get_data(as_text=True)
    assert "No worker of this version knows this kind of work" in page
    assert 'action="/jobs/retry"' not in page


def test_every_kind_and_lane_has_its_words() -> None:
    assert kinds.KINDS.keys() <= page_of_jobs.KINDS.keys()
    assert kinds.LANES.keys() == page_of_jobs.LANES.keys()


def test_the_command_lists_retries_and_drops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    later.install(monkeypatch)
    monkeypatch.setenv("CARECOORD_VAR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.main(["init"]) == 0
    engine = open_engine(f"sqlite:///{tmp_path}/carecoord.db")
    with writing(engine) as conn:
        for key in ("a", "b"):
            outbox.add(conn, "letter", key, b"", datetime.now(UTC))
        conn.execute(update(tables.outbox).values(parked=True, attempts=12, error="city is locked"))
    assert cli.main(["jobs", "list"]) == 0
    assert "city is locked" in capsys.readouterr().out
    assert cli.main(["jobs", "retry", "1"]) == 0
    assert cli.main(["jobs", "drop", "1"]) == 1
    assert "No job 1 waits for a person any more" in capsys.readouterr().err
    assert cli.main(["jobs", "drop", "2"]) == 0
    with reading(engine) as conn:
        job = tables.outbox.c
        assert [tuple(row) for row in conn.execute(select(job.n, job.parked, job.attempts))] == [(1, False, 0)]
    engine.dispose()
