"""A service that can not start says why as a line of the log, where no person watches; a verb says it to a person."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ports import free_port

COMMAND = Path(sys.executable).with_name("carecoord")


def run(folder: Path, verb: str, **given: str) -> tuple[int, str]:
    """The exit code, and what was said on the standard error."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CARECOORD_", "PYTHON"))}
    own = {f"CARECOORD_{name}": value for name, value in given.items()}
    done = subprocess.run(
        [COMMAND, verb], env=environ | {"CARECOORD_VAR": str(folder)} | own, cwd=folder, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize("verb", ["serve", "work"])
def test_a_setting_that_can_not_be_meant_ends_a_service_with_one_line_of_json(tmp_path: Path, verb: str) -> None:
    code, said = run(tmp_path, verb, PORT="99999")
    line = json.loads(said)
    assert (code, line["event"], line["level"]) == (2, "ended", "error")
    assert line["text"] == "CARECOORD_PORT must be a whole number from 1 to 65535, not 99999"
    assert line["timestamp"].endswith("Z")


def test_a_database_that_does_not_answer_ends_serve_with_lines_of_json_that_say_why(tmp_path: Path) -> None:
    port = free_port()
    code, said = run(tmp_path, "serve", DATABASE_URL=f"postgresql://care:s3cret@127.0.0.1:{port}/care")
    text = [json.loads(line) for line in said.splitlines()][-1]["text"]
    assert code == 1
    assert f"127.0.0.1:{port}" in text
    assert "start PostgreSQL there" in text
    assert "s3cret" not in said


def test_any_other_verb_says_it_in_words(tmp_path: Path) -> None:
    said = "carecoord: CARECOORD_PORT must be a whole number from 1 to 65535, not 99999\n"
    assert run(tmp_path, "init", PORT="99999") == (2, said)
