"""What others publish read in spans that fit in memory, and told from what is damaged. A line, an entry or a text that
does not end would be read whole before anybody looked at it, and the system would end the worker that does; an archive
that is cut off is so at each try, so it ends the job at once, in words."""

import csv
import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final, TypeVar

from carecoord.errors import Invalid
from carecoord.words.sentence import sentence

LONGEST: Final = 10_000_000  # characters or bytes of one line, entry or text
_DAMAGE: Final = (
    EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, csv.Error,
    RuntimeError, NotImplementedError,  # what zipfile says of a password, and of a packing that it does not know
)  # fmt: skip
_Read = TypeVar("_Read")


@contextmanager
def undamaged(name: str) -> Iterator[None]:
    """Raises Invalid where what is done here finds the file damaged, or locked. For reads alone: a fault of ours may
    look alike."""
    try:
        yield
    except _DAMAGE as e:
        raise Invalid(sentence("import.damaged", name=name)) from e


def whole(read: Iterator[_Read], name: str) -> Iterator[_Read]:
    """What is read of a file. Raises Invalid where it is damaged."""
    with undamaged(name):
        yield from read


def lines(source: IO[bytes], name: str) -> Iterator[bytes]:
    """The lines of a file. Raises Invalid for one that is beyond all reason."""
    while line := source.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise _endless(name)
        yield line


def rows(source: IO[str], name: str) -> Iterator[list[str]]:
    """The rows of CSV; one may go over several lines. Raises Invalid for one that is beyond all reason, or damaged."""
    taken = 0

    def each_line() -> Iterator[str]:
        nonlocal taken
        while line := source.readline(LONGEST + 1):
            taken += len(line)
            if taken > LONGEST:
                raise _endless(name)
            yield line

    for row in whole(csv.reader(each_line()), name):
        taken = 0
        yield row


class Measured:
    """Bytes that are read, and how many since something came of them. `mark`: a byte in them that is something, else
    whoever reads says it by `restart`. Raises Invalid where that is beyond all reason."""

    def __init__(self, source: IO[bytes], name: str, mark: bytes = b"") -> None:
        self._source, self._name, self._mark = source, name, mark
        self._taken = 0

    def read(self, size: int = -1) -> bytes:
        """As a file."""
        data = self._source.read(size)
        self._taken = 0 if self._mark and self._mark in data else self._taken + len(data)
        if self._taken > LONGEST:
            raise _endless(self._name)
        return data

    def restart(self) -> None:
        """Something came of what was read."""
        self._taken = 0


def _endless(name: str) -> Invalid:
    return Invalid(sentence("import.endless", name=name, most=LONGEST // 1_000_000))
