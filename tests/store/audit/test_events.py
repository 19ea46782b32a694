"""Nothing that happened is lost or counted twice, whoever dies when."""

import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from carecoord.errors import Unavailable
from carecoord.store.audit import events as audit_events
from carecoord.store.audit.events import Event, Journal, keep_draining, keep_handing_over, record
from carecoord.store.audit.seals import head
from carecoord.store.audit.tables import audit as table
from carecoord.store.database.engine import reading, writing


def event(n: int = 0) -> Event:
    return Event(at=1_000_000 + n, request=f"req-{n}", interaction="read", status=200, subject="amara", type="Patient")


def requests(engine: Engine) -> list[str]:
    with reading(engine) as conn:
        return list(conn.scalars(select(table.c.request).order_by(table.c.at)))


def test_events_reach_the_table_whole(engine: Engine, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    told = ("amara", "desk", "clinic", "Patient", "ngozi", 3, "ngozi")
    whole = Event(7, "r", "search", 200, *told, "name=\0ü", "launch", "emergency")
    journal.append(whole)
    assert journal.drain(engine) == 1
    with reading(engine) as conn:
        row = conn.execute(select(table)).one()
    assert tuple(row)[1:] == (
        *(whole.id, 7, "r", "amara", "desk", "clinic", "search", "Patient", "ngozi", 3, "ngozi", "name=ü", 200),
        *("launch", "emergency"),
    )
    assert list((tmp_path / "journal").iterdir()) == []


def test_a_file_drained_twice_counts_once(engine: Engine, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for n in range(3):
        journal.append(event(n))
    (file,) = tmp_path.iterdir()
    copy = file.read_bytes()
    journal.drain(engine)
    (tmp_path / "audit-1-again.jsonl").write_bytes(copy)  # as if we had died between the commit and the removal
    assert journal.drain(engine) == 3
    assert requests(engine) == ["req-0", "req-1", "req-2"]


def test_the_same_event_recorded_twice_counts_once(engine: Engine) -> None:
    with writing(engine) as conn:
        record(conn, [event(), one := event(1)])
    with writing(engine) as conn:
        record(conn, [one])
    assert requests(engine) == ["req-0", "req-1"]


def test_a_killed_process_leaves_its_events_to_the_next(engine: Engine, tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from carecoord.store.audit.events import Event, Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for n in range(100): journal.append(Event(n, f'req-{n}', 'read', 200))\n"
        "print('written', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert other.stdout
    assert other.stdout.readline() == "written\n"
    mine = Journal(tmp_path)
    assert mine.drain(engine) == 0, "the file of a living process is its own"
    other.send_signal(signal.SIGKILL)
    other.wait(10)
    other.stdout.close()
    assert mine.drain(engine) == 100
    assert len(requests(engine)) == 100


def test_what_a_living_process_hands_over_is_drained_by_another_and_it_goes_on_in_a_new_file(
    engine: Engine, tmp_path: Path
) -> None:
    serving, working = Journal(tmp_path), Journal(tmp_path)
    serving.append(event())
    serving.append(event(1))
    assert working.drain(engine) == 0, "it is being written to"
    serving.hand_over()
    serving.append(event(2))
    assert working.drain(engine) == 2
    assert requests(engine) == ["req-0", "req-1"]
    serving.hand_over()
    serving.hand_over()
    assert working.drain(engine) == 1
    assert requests(engine) == ["req-0", "req-1", "req-2"]
    assert list(tmp_path.glob("audit-*")) == []


def test_who_serves_leaves_the_journal_to_the_worker_and_drains_what_nobody_takes_or_is_left_at_its_end(
    engine: Engine, tmp_path: Path
) -> None:
    journal, working, stop = Journal(tmp_path), Journal(tmp_path), threading.Event()
    given = (journal, engine, lambda: datetime.now(UTC), stop, 0.01, 0.5)
    serving = threading.Thread(target=keep_handing_over, args=given)
    serving.start()
    journal.append(event())
    while not working.drain(engine):
        time.sleep(0.005)
    assert requests(engine) == ["req-0"]
    journal.append(event(1))
    time.sleep(0.1)
    assert requests(engine) == ["req-0"], "a worker has half a second"
    while len(requests(engine)) < 2:
        time.sleep(0.05)
    journal.append(event(2))
    stop.set()
    serving.join(30)
    assert requests(engine) == ["req-0", "req-1", "req-2"]
    with reading(engine) as conn:
        assert head(conn).seal >= 2


def test_half_a_line_of_a_lost_machine_costs_only_itself(engine: Engine, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(event())
    (file,) = tmp_path.iterdir()
    torn = file.read_bytes() + b'{"at":12,"requ'
    (tmp_path / "audit-1-torn.jsonl").write_bytes(torn.replace(b"req-0", b"req-9"))
    journal.drain(engine)
    assert len(requests(engine)) == 1, "both lines have one id"


def test_many_threads_write_and_one_drains(engine: Engine, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    stop = threading.Event()
    drainer = threading.Thread(target=keep_draining, args=(journal, engine, lambda: datetime.now(UTC), stop, 0.01))
    drainer.start()

    def write(start: int) -> None:
        for n in range(start, start + 200):
            journal.append(event(n))
            time.sleep(0.0001)

    writers = [threading.Thread(target=write, args=(n * 200,)) for n in range(4)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    drainer.join(30)
    assert requests(engine) == [f"req-{n}" for n in range(800)]


def test_a_database_that_is_away_loses_nothing(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.append(event())

    def away(engine: Engine) -> None:
        raise Unavailable("not now")

    with monkeypatch.context() as patch:
        patch.setattr(audit_events, "writing", away)
        with pytest.raises(Unavailable):
            journal.drain(engine)
    journal.append(event(1))
    assert journal.drain(engine) == 2
    assert requests(engine) == ["req-0", "req-1"]


FULL = """
import resource, sys
from pathlib import Path
from carecoord.errors import Unavailable
from carecoord.store.audit.events import Event, Journal
journal, n, endless = Journal(Path(sys.argv[1])), 0, resource.RLIM_INFINITY
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, endless))
try:
    while True:
        journal.append(Event(n, f"req-{n}", "read", 200))
        n += 1
except Unavailable:
    print(n)
resource.setrlimit(resource.RLIMIT_FSIZE, (endless, endless))
journal.append(Event(n, f"req-{n}", "read", 200))
"""


def test_what_finds_no_room_is_refused_and_leaves_no_half_line(engine: Engine, tmp_path: Path) -> None:
    """The half that went to the disk stood before the next event on one line: neither could be read, and both were
    gone from the trail. The read had been answered."""
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], check=True, capture_output=True, text=True)
    count = int(done.stdout.splitlines()[-1])
    assert count > 1
    assert Journal(tmp_path).drain(engine) == count + 1
    assert requests(engine) == [f"req-{n}" for n in range(count + 1)]


def test_a_child_process_writes_to_a_file_of_its_own(engine: Engine, tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from carecoord.store.audit.events import Event, Journal\n"
        "journal = Journal(Path(sys.argv[1])); journal.append(Event(0, 'req-0', 'read', 200))\n"
        "if os.fork() == 0: journal.append(Event(1, 'req-1', 'read', 200)); os._exit(0)\n"
        "os.wait(); journal.append(Event(2, 'req-2', 'read', 200))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    assert len(list(tmp_path.iterdir())) == 2
    Journal(tmp_path).drain(engine)
    assert requests(engine) == ["req-0", "req-1", "req-2"]
