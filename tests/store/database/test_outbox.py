"""Later work is done at least once, in time, in its turn where that matters, and given up to a person at last."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update

from carecoord.fhir.instants import micros
from carecoord.store.database import jobs, outbox, tables
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.outbox import Job, Lease, Wanted
from tests import later

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALL = ("chime", "letter", "round")


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    later.install(monkeypatch)


def add(engine: Engine, key: str, payload: bytes = b"{}", due: datetime = NOW, kind: str = "chime") -> None:
    with writing(engine) as conn:
        outbox.add(conn, kind, key, payload, due)


def claim(engine: Engine, now: datetime = NOW, limit: int = 10, holder: str = "one") -> list[Job]:
    with writing(engine) as conn:
        return outbox.claim(conn, Wanted(ALL, now), limit, Lease(holder, MINUTE))


def fail(engine: Engine, job: Job, now: datetime) -> None:
    with writing(engine) as conn:
        outbox.failed(conn, job, "no route to host\0", now)


def done(engine: Engine, job: Job, now: datetime = NOW) -> None:
    with writing(engine) as conn:
        outbox.done(conn, job, now)


def renew(engine: Engine, job: Job, now: datetime) -> bool:
    with writing(engine) as conn:
        return outbox.renew(conn, job, now + MINUTE)


def test_what_is_due_is_claimed_once_and_longest_due_first(engine: Engine) -> None:
    for n, key in enumerate("cab"):
        add(engine, key, due=NOW - timedelta(minutes=n))
    add(engine, "later", due=NOW + timedelta(seconds=1))
    assert [job.key for job in claim(engine, limit=2)] == ["b", "a"]
    assert [job.key for job in claim(engine)] == ["c"]
    assert claim(engine) == []


def test_a_worker_takes_only_the_kinds_that_it_is_for(engine: Engine) -> None:
    add(engine, "a", kind="letter")
    with writing(engine) as conn:
        assert not outbox.is_due(conn, Wanted(("chime", "round"), NOW))
        assert outbox.claim(conn, Wanted(("chime", "round"), NOW), 10, Lease("one", MINUTE)) == []
        assert outbox.is_due(conn, Wanted(("letter",), NOW))


def test_a_kind_that_is_not_in_the_table_is_not_taken_in(engine: Engine) -> None:
    with writing(engine) as conn, pytest.raises(LookupError, match="tickle is no kind of later work"):
        outbox.add(conn, "tickle", "toes", b"", NOW)


def test_a_lease_of_a_dead_worker_runs_out_and_its_late_word_counts_for_nothing(engine: Engine) -> None:
    add(engine, "a")
    (first,) = claim(engine)
    assert claim(engine, NOW + MINUTE - timedelta(microseconds=1), holder="two") == []
    (second,) = claim(engine, NOW + MINUTE, holder="two")
    assert (first.attempts, second.attempts) == (1, 2)
    done(engine, first)  # it was not dead after all, but the job is another's now
    fail(engine, first, NOW)
    assert not renew(engine, first, NOW)
    assert claim(engine, NOW + 2 * MINUTE - timedelta(microseconds=1)) == []
    assert renew(engine, second, NOW + MINUTE)
    done(engine, second)
    assert claim(engine, NOW + timedelta(days=1)) == []


def test_a_lease_that_is_renewed_does_not_run_out(engine: Engine) -> None:
    add(engine, "a")
    (job,) = claim(engine)
    for n in range(1, 11):
        assert renew(engine, job, NOW + n * timedelta(seconds=50))
    assert claim(engine, NOW + timedelta(seconds=559), holder="two") == []
    assert [job.key for job in claim(engine, NOW + timedelta(seconds=560), holder="two")] == ["a"]


def test_a_job_that_is_done_is_gone(engine: Engine) -> None:
    add(engine, "a")
    (job,) = claim(engine)
    done(engine, job)
    assert claim(engine, NOW + timedelta(days=1)) == []


def test_adding_a_job_again_replaces_it(engine: Engine) -> None:
    add(engine, "a", b"old", NOW + timedelta(days=1))
    add(engine, "a", b"new")
    (job,) = claim(engine)
    assert job.payload == b"new"


def test_a_job_added_again_while_it_is_being_done_is_done_once_more_and_never_twice_at_once(engine: Engine) -> None:
    add(engine, "a", b"old")
    (job,) = claim(engine)
    add(engine, "a", b"new")
    assert claim(engine, NOW + timedelta(seconds=1), holder="two") == []
    done(engine, job)
    (again,) = claim(engine, NOW + timedelta(seconds=2), holder="two")
    assert (again.payload, again.attempts) == (b"new", 1)


def test_a_job_added_again_while_it_fails_is_not_held_back_for_the_failure(engine: Engine) -> None:
    add(engine, "a", b"old")
    (job,) = claim(engine)
    add(engine, "a", b"new")
    fail(engine, job, NOW)
    (again,) = claim(engine)
    assert (again.payload, again.attempts) == (b"new", 1)


def test_two_events_under_one_key_are_both_done_in_their_order(engine: Engine) -> None:
    """Judgement 16: the second took the place of the first."""
    for n, key in enumerate(("a", "b", "a", "a")):
        add(engine, key, f"{n}".encode(), NOW - timedelta(seconds=n), kind="letter")
    first = claim(engine)
    assert sorted(job.payload for job in first) == [b"0", b"1"], "the first of each key, though the others are due"
    assert claim(engine) == []
    fail(engine, next(job for job in first if job.key == "a"), NOW)
    assert claim(engine, NOW + timedelta(seconds=1)) == [], "nothing overtakes what waits for its next try"
    seen = []
    while jobs := claim(engine, NOW + timedelta(seconds=2)):
        seen += [job.payload for job in jobs]
        done(engine, jobs[0])
    assert seen == [b"0", b"2", b"3"]


def test_nothing_overtakes_what_a_person_has_to_look_at_until_it_is_let_go(engine: Engine) -> None:
    for n in range(3):
        add(engine, "a", f"{n}".encode(), kind="letter")
    with writing(engine) as conn:
        conn.execute(update(tables.outbox).where(tables.outbox.c.payload == b"0").values(parked=True, error="no"))
    assert claim(engine) == []
    with reading(engine) as conn:
        (parked,) = jobs.stuck(conn, NOW)
    assert (parked.key, parked.error, parked.behind) == ("a", "no", 2)
    with writing(engine) as conn:
        assert jobs.drop(conn, parked.n, NOW)
        assert not jobs.drop(conn, parked.n, NOW)
    assert [job.payload for job in claim(engine)] == [b"1"]


def test_events_of_transactions_that_overlap_keep_their_order(engine: Engine) -> None:
    """On PostgreSQL the number is given before the commit: the second must not be seen before the first."""
    began, second = threading.Event(), threading.Thread(target=add, args=(engine, "a", b"2"), kwargs={"kind": "letter"})
    with writing(engine) as conn:
        outbox.add(conn, "letter", "a", b"1", NOW)
        second.start()
        began.wait(0.3)
        assert second.is_alive()
    second.join(20)
    assert [job.payload for job in claim(engine)] == [b"1"]


def test_failures_wait_twice_as_long_each_time_and_are_parked_at_last(engine: Engine) -> None:
    add(engine, "a")
    now, waits = NOW, []
    for n in range(1, 13):
        (job,) = claim(engine, now)
        assert job.attempts == n
        fail(engine, job, now)
        with reading(engine) as conn:
            due = conn.scalar(select(tables.outbox.c.due_at))
        waits.append((due - micros(now)) // 1_000_000)
        now += timedelta(seconds=waits[-1])
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600]
    assert claim(engine, now + timedelta(days=365)) == []
    with reading(engine) as conn:
        (given_up,) = jobs.stuck(conn, NOW)
    assert (given_up.kind, given_up.key, given_up.error) == ("chime", "a", "no route to host")
    assert (given_up.attempts, given_up.tried) == (12, micros(now - timedelta(hours=1)))
    with writing(engine) as conn:
        assert outbox.revive(conn, now, n=given_up.n) == 1
    (job,) = claim(engine, now)
    assert job.attempts == 1


def test_workers_that_claim_at_once_share_the_work(engine: Engine) -> None:
    for n in range(40):
        add(engine, str(n))
    taken: list[str] = []

    def work(name: str) -> None:
        while jobs := claim(engine, limit=3, holder=name):
            taken.extend(job.key for job in jobs)

    workers = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
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
            outbox.add(conn, "chime", "a", b"{}", NOW)
            raise Oops
    except Oops:
        pass
    assert claim(engine) == []


@pytest.mark.parametrize(
    ("seconds", "longest"), [(300, [256, 300, 300]), (86_400, [256, 512, 1024, 2048, 3600, 3600, 3600])]
)
def test_what_is_done_again_and_again_is_never_parked_and_waits_at_most_an_hour_or_its_interval(
    engine: Engine, seconds: int, longest: list[int]
) -> None:
    """F3: an EHR that is away for a night is asked again in the morning."""
    add(engine, "a", b'{"seconds":%d}' % seconds, kind="round")
    now, waits = NOW, []
    for _ in range(7 + len(longest)):
        (job,) = claim(engine, now)
        fail(engine, job, now)
        with reading(engine) as conn:
            due = conn.scalar(select(tables.outbox.c.due_at))
        waits.append((due - micros(now)) // 1_000_000)
        now += timedelta(seconds=waits[-1])
    assert waits == [2, 4, 8, 16, 32, 64, 128, *longest]
    with reading(engine) as conn:
        assert jobs.stuck(conn, NOW) == []
    (job,) = claim(engine, now)
    done(engine, job, now)
    assert claim(engine, now + timedelta(seconds=seconds - 1)) == []
    (job,) = claim(engine, now + timedelta(seconds=seconds))
    assert job.attempts == 1


def test_what_was_taken_out_while_it_was_being_done_does_not_come_back(engine: Engine) -> None:
    add(engine, "a", b'{"seconds":60}', kind="round")
    (job,) = claim(engine)
    with writing(engine) as conn:
        outbox.remove(conn, "round", "a")
    done(engine, job)
    assert claim(engine, NOW + timedelta(days=1)) == []


def test_a_worker_is_heard_of(engine: Engine) -> None:
    with reading(engine) as conn:
        assert outbox.last_beat(conn) is None
    for minutes in (0, 1):
        with writing(engine) as conn:
            outbox.beat(conn, NOW + timedelta(minutes=minutes))
    with reading(engine) as conn:
        assert outbox.last_beat(conn) == micros(NOW) + 60_000_000


def test_a_broker_is_given_each_job_once_and_again_only_when_nobody_took_it_up(engine: Engine) -> None:
    for n in range(5):
        add(engine, str(n), due=NOW - timedelta(seconds=n))
    add(engine, "behind", b"1", kind="letter")
    add(engine, "behind", b"2", kind="letter")

    def relay(at: datetime, most: int = 4) -> list[int]:
        with writing(engine) as conn:
            return outbox.relay(conn, Wanted(ALL, at), most, MINUTE)

    assert relay(NOW) == [5, 4, 3, 2]
    assert relay(NOW) == [], "as many as there may be are there"
    with writing(engine) as conn:
        job = outbox.claim_one(conn, 5, Wanted(ALL, NOW), Lease("far", MINUTE))
        assert job
        assert job.key == "4"
        assert outbox.claim_one(conn, 5, Wanted(ALL, NOW), Lease("farther", MINUTE)) is None
        assert outbox.claim_one(conn, 7, Wanted(ALL, NOW), Lease("far", MINUTE)) is None, "another stands before it"
        assert outbox.claim_one(conn, 1, Wanted(("round",), NOW), Lease("far", MINUTE)) is None
    assert relay(NOW) == [1], "the next takes the place of what was taken up"
    done(engine, job)
    with writing(engine) as conn:
        outbox.not_relayed(conn, [3])
    assert relay(NOW) == [3], "the broker was away"
    assert relay(NOW + MINUTE, most=10) == [4, 3, 2, 1, 6], "nobody took them up in time: the broker may have lost them"
    with writing(engine) as conn:
        late = outbox.claim(conn, Wanted(ALL, NOW, timedelta(seconds=3)), 10, Lease("near", MINUTE))
    assert [job.key for job in late] == ["3"], "what is late is done here, relayed or not"
