"""A PDF is read in a process of its own: what brings that down, or takes too much, is a file that can not be read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from carecoord.actions.documents import pdf_child, pdf_reader
from tests.domain.documents.files import pdf


def test_a_page_is_read_by_another_process_and_kept_for_who_goes_back_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pdf_reader.sheet(pdf(), 7, 1000) == (1, 1, "")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert pdf_reader.sheet(pdf(), 7, 1000) == (1, 1, "")


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7 and nothing more", b"\0" * 100])
def test_what_is_no_pdf_has_no_words_no_pages_and_no_code(data: bytes) -> None:
    assert pdf_reader.sheet(data, 1, 100) is None


def test_a_reader_that_takes_too_much_or_writes_is_stopped() -> None:
    tries = {
        "memory": "bytearray(2 << 30)",
        "file": "open('/tmp/pdf-child-writes', 'wb', buffering=0).write(b'x')",
    }
    for what, does in tries.items():
        code = (
            "import sys; from carecoord.actions.documents import pdf_child as child;"
            f"child.WAYS['words'] = lambda *_: {does};"
            "child.main('words', '1', '1')"
        )
        done = subprocess.run([sys.executable, "-c", code], input=b"", capture_output=True, check=False)
        assert done.returncode != 0, what
        assert (b"MemoryError" if what == "memory" else b"Error") in done.stderr
    assert pdf_child.SECONDS < pdf_reader.PATIENCE


def test_the_reader_of_a_file_is_told_no_secret_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes it over by a file of theirs finds neither a setting nor a password in its environment."""
    (tmp_path / "telling.py").write_text("import json, os; print(json.dumps({'words': json.dumps(dict(os.environ))}))")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("CARECOORD_DATABASE_URL", "postgresql://care:s3cret@db/care")
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    monkeypatch.setattr(pdf_reader, "_CHILD", "telling")
    told = json.loads(pdf_reader.words(b"", 1, 1))
    assert told["PYTHONPATH"] == str(tmp_path)
    assert "s3cret" not in json.dumps(told)
    assert not [name for name in told if name.startswith(("CARECOORD", "PG"))]
