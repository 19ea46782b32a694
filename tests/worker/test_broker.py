"""Later work carried by Celery over a real Redis and a real RabbitMQ: what a worker or the broker loses is done all the
same, and the outbox counts each job once."""

import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from carecoord.cli import serve
from carecoord.errors import Unavailable
from carecoord.store.database import outbox
from carecoord.store.database.engine import writing
from tests import brokers
from tests.brokers import Rabbit, Redis
from tests.ports import free_port
from tests.worker.conftest import Workshop

pytestmark = pytest.mark.xdist_group("worker")  # they wait more than they work, while other groups work
JOBS = int(os.environ.get("TEST_JOBS", "400"))  # 1000 is what we promise; the suite's time allows fewer


@pytest.fixture(params=["redis", "rabbit"])
def broker(request: pytest.FixtureRequest) -> Iterator[Redis | Rabbit]:
    if wrong := brokers.missing(request.param):
        pytest.skip(wrong)
    folder = Path(tempfile.mkdtemp(prefix="carecoord-broker-"))  # where a user who is not root may enter
    folder.chmod(0o755)
    made = Redis(folder) if request.param == "redis" else Rabbit(folder)
    yield made
    made.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
@pytest.mark.timeout(700)
def test_hundreds_of_jobs_are_done_though_a_worker_is_killed_and_the_broker_restarted(
    workshop: Workshop, broker: Redis | Rabbit
) -> None:
    with writing(workshop.engine) as conn:
        for n in range(JOBS):
            outbox.add(conn, "chime", f"n{n}", b"0.01", datetime.now(UTC))
    workshop.lease = 8
    lane = ("work", "--lane", "notify")
    first, second = (workshop.start(*lane, CARECOORD_BROKER_URL=broker.url) for _ in range(2))
    workshop.until(lambda: len({line[-1] for line in workshop.did("ended")}) == 2, 180)
    workshop.until(lambda: len(workshop.did("ended")) > 60, 120)
    first.kill()
    workshop.until(lambda: len(workshop.did("ended")) > 140, 120)
    broker.stop()
    time.sleep(1)
    broker.start()
    workshop.until(lambda: workshop.left() == 0, 300)
    ended = Counter(key for _, key, *_ in workshop.did("ended"))
    assert ended.keys() == {f"n{n}" for n in range(JOBS)}
    died = [(what, key) for what, key, *_, process in workshop.did() if int(process) == first.pid]
    begun = Counter(key for what, key in died if what == "began")
    in_its_hands = {key for key in begun if ("ended", key) not in died} | {key for _, key in died[-4:]}
    twice = {key for key, count in ended.items() if count > 1}
    assert twice <= in_its_hands, "only what the dead worker had done and could not say may have been done again"
    ways = Counter(way for *_, way, _ in workshop.did("ended"))
    assert ways["sent"] > 50, f"Celery carried them while there was a broker: {ways}"
    assert second.poll() is None


def test_while_the_broker_is_away_the_work_is_done_all_the_same(workshop: Workshop) -> None:
    nobody = f"redis://127.0.0.1:{free_port()}/0"
    workshop.add("chime", "a", "0")
    for payload in ("0.1", "0"):
        workshop.add("letter", "b", payload)
    for lane in ("notify", "deliver"):
        workshop.start("work", "--lane", lane, CARECOORD_BROKER_URL=nobody)
    workshop.until(lambda: workshop.left() == 0)
    assert {(key, payload, way) for _, key, payload, way, _ in workshop.did("ended")} == {
        ("a", "0", "taken"), ("b", "0.1", "taken"), ("b", "0", "taken"),
    }  # fmt: skip
    said = (workshop.folder / "said").read_text()
    assert said.count('"broker_away"') == 2, "each lane says it once"


def test_the_lanes_of_a_worker_give_way_as_it_does_and_no_further(workshop: Workshop) -> None:
    """Twice as nice would be the nicest that there is: on a busy machine letters would wait for ever."""
    nobody = f"redis://127.0.0.1:{free_port()}/0"
    worker = workshop.start("work", "--lane", "notify", "--lane", "deliver", CARECOORD_BROKER_URL=nobody)
    said = workshop.folder / "said"
    workshop.until(lambda: said.exists() and said.read_text().count("celery.worker.consumer") > 3)
    told = [each.read_text().split() for each in Path(f"/proc/{worker.pid}/task").glob("*/children")]
    lanes = [int(pid) for each in told for pid in each]
    nice = {os.getpriority(os.PRIO_PROCESS, pid) for pid in (worker.pid, *lanes)}
    assert (len(lanes), nice) == (2, {os.getpriority(os.PRIO_PROCESS, 0)})


def test_a_broker_without_celery_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r"pip install 'carecoord\[celery\]'"):
        serve._demand_celery()
