"""What a PDF says, read in a process of its own with bounds (`pdf_child`): its words, a page of it, the bar code of a
cover sheet. A file that brings its reader down is one that can not be read."""

import hashlib
import os
import subprocess
import sys
from typing import Any, Final

import msgspec
import structlog

PATIENCE: Final = 60  # seconds by the clock: the child's own bound is of the processor
_CHILD: Final = "carecoord.actions.documents.pdf_child"
_KEPT: Final = 64  # pages
# Of our environment what Python needs to find itself: a file that takes its reader over finds no secret there.
ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")
Page = tuple[int, int, str]
_lately: dict[tuple[bytes, int, int], Page] = {}
_log = structlog.get_logger()


def words(data: bytes, pages: int, letters: int) -> str:
    """The words of the first pages; none of a file that can not be read."""
    found = asked(_CHILD, "words", str(pages), str(letters), data=data)
    return str(found["words"]) if found else ""


def sheet(data: bytes, n: int, letters: int) -> Page | None:
    """The n-th page (from 1): which it is, of how many, and its words; None of a file that can not be read. What was
    read lately is kept, by what the file says: somebody goes back and forth."""
    name = (hashlib.sha256(data).digest(), n, letters)
    if name not in _lately:
        found = asked(_CHILD, "sheet", str(n), str(letters), data=data)
        if found is None:
            return None
        while len(_lately) >= _KEPT:
            _lately.pop(next(iter(_lately), name), None)
        _lately[name] = (int(found["n"]), int(found["of"]), str(found["words"]))
    return _lately.get(name)


def pages(data: bytes, most: int, letters: int) -> list[str]:
    """The words of every page, at most so many pages and letters; none of a file that can not be read."""
    found = asked(_CHILD, "pages", str(most), str(letters), data=data)
    return [str(each) for each in found["pages"]] if found else []


def code(data: bytes, pages: int, pattern: str) -> str:
    """What the first bar code of the first pages says that is whole of this pattern; empty where there is none."""
    found = asked(_CHILD, "cover", str(pages), pattern, data=data)
    return str(found["code"]) if found else ""


def asked(child: str, *arguments: str, data: bytes) -> dict[str, Any] | None:
    """What a module of ours answers that is run by itself with a file; None where the file brought it down."""
    command = [sys.executable, "-m", child, *arguments]
    given = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 (our own module, no shell)
            command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=PATIENCE,
            env=given,
        )  # fmt: skip
        return msgspec.json.decode(done.stdout, type=dict[str, Any])
    except (subprocess.SubprocessError, msgspec.DecodeError) as unread:
        _log.info("pdf_not_read", error=type(unread).__name__)
        return None
