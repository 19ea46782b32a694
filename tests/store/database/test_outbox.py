"""Later work is done at least once, in time, and given up to a person rather than for ever."""

import threading
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select

from carecoord.fhir.instants import micros
from carecoord.store.database import outbox, tables
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.outbox import LONGEST_WAIT, TRIES, Job

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def add(engine: Engine, key: str, payload: bytes = b"{}", due: datetime = NOW) -> None:
    with writing(engine) as conn:
        outbox.add(conn, "notify", key, payload, due)


def claim(engine: Engine, now: datetime = NOW, limit: int = 10) -> list[Job]:
    with writing(engine) as conn:
        return outbox.claim(conn, now, limit)


def fail(engine: Engine, job: Job, now: datetime) -> None:
    with writing(engine) as conn:
        outbox.failed(conn, job, "no route to host\0", now)


def test_what_is_due_is_claimed_once_and_longest_due_first(engine: Engine) -> None:
    for n, key in enumerate("cab"):
        add(engine, key, due=NOW - timedelta(minutes=n))
    add(engine, "later", due=NOW + timedelta(seconds=1))
    assert [job.key for job in claim(engine, limit=2)] == ["b", "a"]
    assert [job.key for job in claim(engine)] == ["c"]
    assert claim(engine) == []


def test_a_claim_of_a_dead_worker_runs_out(engine: Engine) -> None:
    add(engine, "a")
    (first,) = claim(engine)
    assert claim(engine, NOW + timedelta(seconds=outbox.CLAIM - 1)) == []
    (second,) = claim(engine, NOW + timedelta(seconds=outbox.CLAIM))
    assert (first.attempts, second.attempts) == (1, 2)
    with writing(engine) as conn:
        outbox.done(conn, first)  # it was not dead after all, but the job is another's now
    assert claim(engine, NOW + timedelta(days=1)) != []


def test_a_job_that_is_done_is_gone(engine: Engine) -> None:
    add(engine, "a")
    (job,) = claim(engine)
    with writing(engine) as conn:
        outbox.done(conn, job)
    assert claim(engine, NOW + timedelta(days=1)) == []


def test_adding_a_job_again_replaces_it(engine: Engine) -> None:
    add(engine, "a", b"old", NOW + timedelta(days=1))
    add(engine, "a", b"new")
    (job,) = claim(engine)
    assert job.payload == b"new"


def test_a_job_added_again_while_it_is_being_done_is_done_once_more(engine: Engine) -> None:
    add(engine, "a", b"old")
    (job,) = claim(engine)
    add(engine, "a", b"new")
    with writing(engine) as conn:
        outbox.done(conn, job)
    (again,) = claim(engine, NOW + timedelta(seconds=1))
    assert (again.payload, again.attempts) == (b"new", 1)


def test_failures_wait_twice_as_long_each_time_and_are_parked_at_last(engine: Engine) -> None:
    add(engine, "a")
    now, waits = NOW, []
    for n in range(1, TRIES + 1):
        (job,) = claim(engine, now)
        assert job.attempts == n
        fail(engine, job, now)
        wait = min(2**n, LONGEST_WAIT)
        assert claim(engine, now + timedelta(seconds=wait) - timedelta(microseconds=1)) == []
        now += timedelta(seconds=wait)
        waits.append(wait)
    assert waits[:4] == [2, 4, 8, 16]
    assert waits[-1] == LONGEST_WAIT
    assert claim(engine, now + timedelta(days=365)) == []
    with reading(engine) as conn:
        (given_up,) = outbox.parked(conn)
    assert (given_up.kind, given_up.key, given_up.error) == ("notify", "a", "no route to host")
    with writing(engine) as conn:
        assert outbox.revive(conn, now, n=given_up.n) == 1
    (job,) = claim(engine, now)
    assert job.attempts == 1


def test_workers_that_claim_at_once_share_the_work(engine: Engine) -> None:
    for n in range(40):
        add(engine, str(n))
    taken: list[str] = []

    def work() -> None:
        while jobs := claim(engine, limit=3):
            taken.extend(job.key for job in jobs)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sorted(taken, key=int) == [str(n) for n in range(40)]


def test_a_job_of_a_transaction_that_fails_never_was(engine: Engine) -> None:
    class Oops(Exception):
        pass

    try:
        with writing(engine) as conn:
            outbox.add(conn, "notify", "a", b"{}", NOW)
            raise Oops
    except Oops:
        pass
    assert claim(engine) == []


def test_what_is_done_again_and_again_is_never_parked_and_waits_no_longer_than_its_interval(engine: Engine) -> None:
    """F3: an EHR that is away for a night is asked again in the morning."""
    add(engine, "a")
    now, waits = NOW, []
    for _ in range(outbox.TRIES + 3):
        (job,) = claim(engine, now)
        with writing(engine) as conn:
            outbox.failed(conn, job, "away", now, every=timedelta(minutes=5))
            due = conn.scalar(select(tables.outbox.c.due_at))
        waits.append((due - micros(now)) // 1_000_000)
        now += timedelta(seconds=waits[-1])
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300, 300, 300, 300]
    with reading(engine) as conn:
        assert outbox.parked(conn) == []


def test_a_worker_is_heard_of(engine: Engine) -> None:
    with reading(engine) as conn:
        assert outbox.last_beat(conn) is None
    for minutes in (0, 1):
        with writing(engine) as conn:
            outbox.beat(conn, NOW + timedelta(minutes=minutes))
    with reading(engine) as conn:
        assert outbox.last_beat(conn) == micros(NOW) + 60_000_000
