"""The clinic's worker killed by kill -9 before and after each call of the payer: a request is there once, its answer
here once, whatever died in between; on both databases."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from carecoord.actions.acts.act import Submission
from carecoord.actions.prior_auth import request_acts
from carecoord.actions.prior_auth.request_acts import Answered
from tests.api.pas.test_two_servers import answers, ask_for, both, in_part, state
from tests.api.pas.two_servers import MARIA, Pair, request

__all__ = ["both"]
KILLED = 9


@dataclass
class Worker:
    """The program whose children are killed."""

    both: Pair
    program: "subprocess.Popen[str]"

    def run(self, line: str) -> int:
        """What is due and what a killed one left, done until the line says to die; how it ended."""
        self.both.hasten()
        assert self.program.stdin
        assert self.program.stdout
        self.program.stdin.write(f"{line}\n")
        self.program.stdin.flush()
        return int(self.program.stdout.readline())


@pytest.fixture
def worker(both: Pair) -> Iterator[Worker]:
    settings = both.clinic.world.settings
    command = [sys.executable, "-m", "tests.api.pas.victim", str(settings.database_url), settings.var, settings.url]
    program = subprocess.Popen(command, cwd=Path(__file__).parents[3], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True)  # fmt: skip
    yield Worker(both, program)
    assert program.stdin
    assert program.stdout
    program.stdin.close()
    program.wait(30)
    program.stdout.close()


def test_a_worker_killed_between_all_steps_sends_a_request_once(both: Pair, worker: Worker) -> None:
    both.clinic.put(*request("r1"))
    both.send("r1")
    assert worker.run("before /oauth/token") == KILLED
    assert both.sending("r1").state == "waiting", "the payer was not called"
    assert worker.run("before Claim/$submit") == KILLED
    assert (both.sending("r1").state, both.payer.held("Claim")) == ("sending", [])
    assert worker.run("after Claim/$submit") == KILLED
    assert (both.sending("r1").state, len(both.payer.held("Claim"))) == ("sending", 1), "sent, and not noted"
    assert worker.run("before Claim/$inquire") == KILLED
    assert worker.run("after Claim/$inquire") == KILLED
    assert answers(both, "r1") == []
    assert worker.run("live") == 0
    assert both.sending("r1").state == "answered"
    both.work()
    (there,) = both.payer.held("Claim")
    assert (len(answers(both, "r1")), state(both, "r1").state) == (1, "pended")
    ask_for(both, there)
    both.payer.work()
    said = Submission(request_acts.about("r1"), "answer-r1")
    request_acts.answer(both.clinic.world, MARIA, "test", said, Answered(("note-r1",)))
    assert worker.run("before $submit-attachment") == KILLED
    assert both.payer.held("DocumentReference") == []
    assert worker.run("after $submit-attachment") == KILLED
    assert worker.run("live") == 0
    assert len(both.payer.held("DocumentReference")) == 1
    in_part(both, there)
    both.work()
    row = state(both, "r1")
    assert (row.state, row.number, row.authorized) == ("modified", "AUTH-77", "4")
    request_acts.withdraw(both.clinic.world, MARIA, "test", Submission(request_acts.about("r1"), "end"), "Not wanted")
    assert worker.run("after Claim/$submit") == KILLED
    assert worker.run("live") == 0
    claims = both.payer.held("Claim")
    assert len(claims) == 2, "the request and one update that takes it back"
    assert state(both, "r1").state == "cancelled"
