"""HCPCS Level II as CMS hands it out: a text in columns of fixed width (HCPC…_ANWEB.txt, by its record layout).

Positions, from 1: 1-5 the code (of a modifier 4-5), 6-10 a sequence number, 11 what the line is: 3 the first of a
code, 4 a further one with more of its words, 7 and 8 the same of a modifier; 12-91 the long description, 285-292 the
last day, YYYYMMDD."""

import re
from collections.abc import Iterator
from typing import Final

HEADER: Final = ("Code", "Long description", "Termination date", "Code system")
_RECORD: Final = re.compile(rb"(?:[A-Z]\d{4}|   [0-9A-Z]{2})\d{5}[3478]")
_FIRST, _MORE = "37", "48"


def is_hcpcs(data: bytes) -> bool:
    """Whether a file is in the layout."""
    return bool(_RECORD.match(data))


def records(text: str) -> Iterator[tuple[int, list[str]]]:
    """The number of the first line, and the cells under HEADER, of each code."""
    at, code, said, last = 0, "", list[str](), ""
    for n, line in enumerate(text.splitlines(), 1):
        kind, words = line[10:11], line[11:91].strip()
        if kind in _FIRST and kind:
            if code:
                yield at, [code, " ".join(said), last, "HCPCS"]
            at, code, said, last = n, line[:5].strip(), [words], _day(line[284:292])
        elif kind in _MORE and kind and code:
            said.append(words)
    if code:
        yield at, [code, " ".join(said), last, "HCPCS"]


def _day(written: str) -> str:
    found = re.fullmatch(r"(\d{4})(\d\d)(\d\d)", written.strip())
    return "-".join(found.groups()) if found else ""
