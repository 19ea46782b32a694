"""The registry of NPIs read line by line, however long it is: 9 GB of CSV, alone or in the archive in which CMS hands
it out. Who is here already is brought up to date; who else comes in, a filter by state and taxonomy says."""

import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Final

from auth.grant import Grant
from carecoord.actions.imports import importer
from carecoord.actions.imports.batch import Brought, Report
from carecoord.actions.imports.published.spans import rows, undamaged
from carecoord.domain.imports import headings
from carecoord.domain.imports.headings import Mapped
from carecoord.domain.imports.published import nppes
from carecoord.domain.imports.rows import Row
from carecoord.errors import Invalid
from carecoord.fhir.code_systems import NPI
from carecoord.store.database.engine import reading
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence
from carecoord.world import World

_RUN: Final = 200  # rows that are kept together
_TOLD: Final = 20_000  # lines between two words of how far it is
_ZIP: Final = b"PK\x03\x04"


@dataclass(frozen=True)
class Wanted:
    """Who comes in that is not here yet: of these states (NY) and taxonomies (the beginnings of NUCC codes); of two
    empty ones nobody."""

    states: Sequence[str] = ()
    taxonomies: Sequence[str] = ()


@dataclass(frozen=True)
class Registry:
    """What became of the file. mapped: its columns; lines: how many it has."""

    brought: Brought
    mapped: Mapped
    lines: int


def bring(
    world: World, grant: Grant, request: str, path: Path, wanted: Wanted, *,
    dry: bool = False, report: Report = lambda done, total: None,
) -> Registry:  # fmt: skip
    """Bring the registry in. `report(bytes, of bytes)` is called as it goes on. Raises Invalid for another file."""
    with reading(world.engine) as conn:
        here = set[str]().union(*(registry.values(conn, type, NPI) for type in nppes.TYPES))
    with _opened(path) as (text, raw, size):
        lines = rows(text, path.name)
        mapped = headings.mapped(nppes.SHEET, next(lines, []))
        if lacking := [each for each in nppes.COLUMNS if each.name not in mapped]:
            raise Invalid(sentence("import.nppes.other", name=path.name, heading=lacking[0].heading))
        counted = _Counted(lines, mapped, here, wanted)
        runs = _runs(counted, raw, size, report)
        brought = importer.stream(world, grant, request, nppes.SHEET, runs, dry=dry)
    return Registry(brought, mapped, counted.lines)


@dataclass
class _Counted:
    """The rows that are wanted, and how many lines were looked at for them."""

    source: Iterator[list[str]]
    mapped: Mapped
    here: set[str]
    wanted: Wanted
    lines: int = 0

    def __iter__(self) -> Iterator[Row]:
        places = self.mapped.items()
        npi = self.mapped["npi"]
        for cells in self.source:
            self.lines += 1
            if len(cells) <= npi:
                continue
            ours = cells[npi].strip() in self.here
            if not ours and not (self.wanted.states or self.wanted.taxonomies):
                continue
            row = Row(self.lines + 1, {name: cells[place] for name, place in places if place < len(cells)})
            if ours or nppes.is_wanted(row, self.wanted.states, self.wanted.taxonomies):
                yield row


def _runs(rows: _Counted, raw: IO[bytes], size: int, report: Report) -> Iterator[list[Row]]:
    each = iter(rows)
    told = 0
    while run := list(islice(each, _RUN)):
        yield run
        if rows.lines - told >= _TOLD:
            told = rows.lines
            report(raw.tell(), size)
    report(size, size)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[str], IO[bytes], int]]:
    """The text of the file, the bytes that tell how far it is read, and how many there are of them."""
    with path.open("rb") as raw:
        if not zipfile.is_zipfile(raw):
            raw.seek(0)
            if raw.read(len(_ZIP)) == _ZIP:  # cut off: what it holds stands at the end of an archive
                raise Invalid(sentence("import.damaged", name=path.name))
            raw.seek(0)
            yield io.TextIOWrapper(raw, "utf-8-sig", "replace", newline=""), raw, os.fstat(raw.fileno()).st_size
            return
        with undamaged(path.name):
            archive = zipfile.ZipFile(raw)
        with archive as packed:
            named = [each for each in packed.infolist() if _is_registry(each.filename)]
            if len(named) != 1:
                raise Invalid(sentence("import.nppes.empty", name=path.name))
            with undamaged(path.name):
                opened = packed.open(named[0])
            with opened as inside:
                text = io.TextIOWrapper(inside, "utf-8-sig", "replace", newline="")
                yield text, inside, named[0].file_size


def _is_registry(name: str) -> bool:
    last = name.rpartition("/")[2].lower()
    return last.startswith("npidata_pfile_") and last.endswith(".csv") and "fileheader" not in last
