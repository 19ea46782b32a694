"""A row of a table on its way to resources: its values, and what is wrong with it, cell by cell."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from carecoord.domain.imports import cells
from carecoord.domain.imports.cells import REFERENCES, Column, Faulty
from carecoord.domain.imports.known import Known
from carecoord.domain.resource.codes import COPY_OF
from carecoord.domain.resource.elements import Json, extension, items, text
from carecoord.words.sentence import Sentence, sentence

_OURS: Final = uuid5(NAMESPACE_URL, "urn:carecoord:import")


@dataclass(frozen=True)
class Fault:
    """What is wrong: in which row, as a spreadsheet counts them, and column (its name; empty: the row as a whole)."""

    row: int
    column: str
    why: Sentence


@dataclass
class Row:
    """A row. texts: what its cells hold, by column; odd: what is wrong with a cell whatever it holds; values: what they
    mean, where they hold something."""

    number: int
    texts: Mapping[str, str]
    odd: Mapping[str, Sentence] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, column: str, why: Sentence) -> None:
        """Note what is wrong with a cell."""
        self.faults.append(Fault(self.number, column, why))

    def get(self, column: str, default: Any = None) -> Any:
        """What a cell means; the default where it is empty."""
        return self.values.get(column, default)

    def read(self, columns: Sequence[Column], known: Known) -> None:
        """Read every cell anew, and note each that can not be read."""
        self.values.clear()
        self.faults.clear()
        for column in columns:
            if column.name in self.odd:
                self.fault(column.name, self.odd[column.name])
                continue
            written = self.texts.get(column.name, "").strip()
            if not written:
                if column.required:
                    self.fault(column.name, sentence("import.missing", column=column.titled))
                continue
            try:
                self.values[column.name] = self._value(column, written, known)
            except Faulty as faulty:
                self.fault(column.name, faulty.why)

    def _value(self, column: Column, written: str, known: Known) -> Any:
        each = cells.several(column, written) if column.many else [written]
        if column.kind in REFERENCES:
            found = [known.reference(column.kind, " ".join(one.split())) for one in each]
        else:
            found = [cells.read(column, one) for one in each]
        return found if column.many else found[0]


def slug(name: str) -> str:
    """A name as a code: small letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or uuid5(_OURS, name).hex[:12]


def stable_id(*parts: str) -> str:
    """The id of what these words name: the same whenever the file is read again."""
    return str(uuid5(_OURS, "|".join(parts)))


def overlaid(before: Json | None, built: Json) -> Json:
    """What stands, with what a row says of it: an element that the row does not name stays, identifiers and extensions
    are joined, and what was taken from a copy stays."""
    if not before:
        return built
    kept = {name: value for name, value in before.items() if name != "meta"} | built
    for name, mark in (("identifier", "system"), ("extension", "url")):
        said = items(built, name)
        urls = {text(each, mark) for each in said}
        rest = [each for each in items(before, name) if text(each, mark) not in urls or extension(each, COPY_OF)]
        if said or rest:
            kept[name] = _ordered(before, name, [*rest, *said], mark)
    if source := {n: v for n, v in before.get("meta", {}).items() if n in ("profile", "tag", "source", "security")}:
        kept["meta"] = source
    return kept


def _ordered(before: Json, name: str, joined: list[Json], mark: str) -> list[Json]:
    """In the order in which they stood, so that the same row makes the same resource; what was taken from a copy is
    last."""
    order = [text(each, mark) for each in items(before, name)]
    last = len(order)
    return sorted(
        joined,
        key=lambda each: (
            bool(extension(each, COPY_OF)),
            order.index(text(each, mark)) if text(each, mark) in order else last,
        ),
    )
