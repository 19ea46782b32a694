"""The words of a file, a sheet at a time, for whoever reads it beside its referral. Nothing of it is run, and what can
not be read is said: the file itself can still be opened."""

import re
from dataclasses import dataclass
from typing import Final

from carecoord.actions.documents import pdf_reader
from carecoord.actions.documents.open import File

_MOST: Final = 20_000  # characters of a sheet
_LINES: Final = 60  # of a text, to a sheet
_PAGES: Final = 1_000  # of a file of which all words are wanted
_ALL: Final = 5_000_000  # characters of these
_CHARSET: Final = re.compile(r"charset=\"?([\w-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a file: `n` of `of`. `lines`: its words; none where it shows no letters, as a scan does not. `kind`:
    what shows it: `text`, `image` (an address that shows it), or `file`, which is opened by itself."""

    kind: str
    n: int
    of: int
    lines: tuple[str, ...] = ()


def sheet(found: File, n: int) -> Sheet:
    """The n-th sheet (from 1) of a file; the last where it has fewer."""
    kind = found.content_type.partition(";")[0].strip().lower()
    if kind == "text/plain":
        return _of_text(found, n)
    if kind == "application/pdf":
        return _of_pdf(found, n)
    return Sheet("image" if kind in ("image/png", "image/jpeg", "image/gif", "image/webp") else "file", 1, 1)


def pages(found: File) -> list[str]:
    """The words of every sheet, as they stand; none of a file that can not be read, or is neither text nor PDF."""
    kind = found.content_type.partition(";")[0].strip().lower()
    if kind == "application/pdf":
        return pdf_reader.pages(found.data, _PAGES, _ALL)
    lines = _lines(found) if kind == "text/plain" else []
    return ["\n".join(lines[start : start + _LINES]) for start in range(0, len(lines), _LINES)]


def _lines(found: File) -> list[str]:
    named = _CHARSET.search(found.content_type)
    try:
        words = found.data.decode(named[1] if named else "utf-8", errors="replace")
    except LookupError:
        words = found.data.decode("utf-8", errors="replace")
    return words.splitlines() or [""]


def _of_text(found: File, n: int) -> Sheet:
    lines = _lines(found)
    of = -(-len(lines) // _LINES)
    n = min(max(n, 1), of)
    return Sheet("text", n, of, _cut(lines[(n - 1) * _LINES : n * _LINES]))


def _of_pdf(found: File, n: int) -> Sheet:
    """A PDF that its reader stumbles over is opened by itself: a viewer repairs more."""
    read = pdf_reader.sheet(found.data, n, 2 * _MOST)
    return Sheet("text", read[0], read[1], _cut(read[2].splitlines())) if read else Sheet("file", 1, 1)


def _cut(lines: list[str]) -> tuple[str, ...]:
    """Its lines without those that are blank one after another, up to what a page can hold."""
    found: list[str] = []
    size = 0
    for line in lines:
        size += len(line)
        if size > _MOST:
            return (*found, "…")
        if line.strip() or (found and found[-1]):
            found.append(line.rstrip())
    return tuple(found)
