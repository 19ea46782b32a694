"""Which column of a file is which of ours: by what it is called in any language, or as somebody said the last time."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

from carecoord.domain.imports.cells import Column
from carecoord.domain.imports.sheets import Sheet
from carecoord.fhir.search.collation import fold
from carecoord.words.catalogue import in_every_language

Mapped = dict[str, int]  # our column's name -> the place of the file's column, from 0


def mapped(sheet: Sheet, header: Sequence[str], kept: Mapping[str, str] | None = None) -> Mapped:
    """The columns that are recognized. kept: our column -> the heading that somebody chose, empty for none of them."""
    places = {plain(heading): place for place, heading in reversed(list(enumerate(header))) if heading.strip()}
    found: Mapped = {}
    for column in sheet.columns:
        if kept is not None and column.name in kept:
            if (place := places.get(plain(kept[column.name]))) is not None:
                found[column.name] = place
            continue
        called = (*column.headings, *in_every_language(column.titled))
        place = next((places[plain(each)] for each in called if plain(each) in places), None)
        if place is not None and place not in found.values():
            found[column.name] = place
    return found


def lacking(sheet: Sheet, found: Mapped) -> list[Column]:
    """The columns that every row needs and the file has not."""
    return [column for column in sheet.columns if column.required and column.name not in found]


def unread(header: Sequence[str], found: Mapped) -> list[str]:
    """The headings of the file that mean nothing here."""
    taken = set(found.values())
    return [heading for place, heading in enumerate(header) if heading.strip() and place not in taken]


def signature(header: Sequence[str]) -> str:
    """What two files with the same headings share, in whatever order they stand."""
    return sha256("\n".join(sorted(plain(each) for each in header if each.strip())).encode()).hexdigest()[:32]


def letters(place: int) -> str:
    """A column as spreadsheets call it: 0 is A, 26 is AA."""
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def plain(heading: str) -> str:
    """A heading without what writers vary: capitals, blanks, signs, a star for "required"."""
    return " ".join(re.sub(r"[^\w]+", " ", fold(heading)).replace("_", " ").split())
