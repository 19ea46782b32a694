"""What is shown: tables and a progress bar for people, plain lines when nobody watches, JSON or CSV for programs."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from carecoord.logs import ended

WIDE = 400  # columns of a table that goes to a file or a pipe: nothing is cut or folded there

FOLDED = 12  # columns that an elastic one is left with at least
GAP = 2  # columns between two

Report = Callable[[str, int, int | None], None]
Form = Literal["table", "json", "csv"]


class Screen:
    """stdout for results, stderr for complaints and progress. form: in which rows are printed; in one for programs all
    that is said beside them goes to stderr. logs: what goes wrong is a line of the log where no person watches."""

    def __init__(self, form: Form = "table", *, logs: bool = False) -> None:
        self.form: Form = form
        self._logs = logs
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # a name that a Latin-1 terminal can not show gets a ?, no traceback
                stream.reconfigure(errors="replace")
        self.out = Console(highlight=False, soft_wrap=True)
        if not self.out.is_terminal:
            self.out = Console(highlight=False, soft_wrap=True, width=WIDE)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)

    @property
    def width(self) -> int:
        """Columns of text that fit beside each other."""
        return self.out.width

    def say(self, text: str) -> None:
        """One line."""
        (self.out if self.form == "table" else self.err).print(escape(text))

    def write(self, text: str) -> None:
        """A line that is a result whatever the form."""
        self.out.print(escape(text))

    def complain(self, text: str) -> None:
        """What went wrong."""
        if self._logs and not self.err.is_terminal:
            ended(text)
            return
        self.err.print(f"[red]carecoord:[/] {escape(text)}")

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], elastic: Sequence[str] = (), none: str = ""
    ) -> None:
        """Rows under a heading. Where the screen is too narrow, the elastic columns are folded, the others are not;
        where that is not enough, each row is told in lines. none: what is said instead where there is no row."""
        if self.form == "json":
            self.write(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], ensure_ascii=False, indent=1))
        elif self.form == "csv":
            csv.writer(sys.stdout, lineterminator="\n").writerows((columns, *rows))
        elif none and not rows:
            self.say(none)
        elif self.width < _least(columns, rows, elastic):
            for row in rows:
                self.say(_told(columns, row))
        else:
            self._show(columns, rows, elastic)

    def _show(self, columns: Sequence[str], rows: Sequence[Sequence[str]], elastic: Sequence[str]) -> None:
        shown = Table(box=SIMPLE_HEAD if self.out.is_terminal else None, pad_edge=False)
        for n, column in enumerate(columns):
            least = 0 if column in elastic else max(map(len, (column, *(row[n] for row in rows))))
            shown.add_column(column, min_width=least, overflow="fold")
        for row in rows:
            shown.add_row(*(escape(cell) for cell in row))
        self.out.print(shown, soft_wrap=False)

    @contextmanager
    def progress(self, what: str) -> Iterator[Report]:
        """A bar fed by report(part, done, total or None); when nobody watches, a line for each part that is through."""
        if not self.err.is_terminal:
            with self._lines(what) as told:
                yield told
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}"))
        counts: dict[str, tuple[int, int]] = {}
        with Progress(*columns, console=self.err, transient=True) as bar:
            task = bar.add_task(what, total=None)

            def report(part: str, done: int, total: int | None) -> None:
                counts[part] = (done, max(total or 0, done))
                through, all_of_it = (sum(column) for column in zip(*counts.values(), strict=True))
                bar.update(task, description=f"{what}: {part}", completed=through, total=all_of_it)

            yield report

    @contextmanager
    def _lines(self, what: str) -> Iterator[Report]:
        """A line on stderr for each part that is through and had something."""
        under_way: list[tuple[str, int]] = []

        def through() -> None:
            for part, done in under_way:
                if done:
                    self.err.print(escape(f"{what}: {part} {done}"))
            under_way.clear()

        def report(part: str, done: int, total: int | None) -> None:
            if under_way and under_way[0][0] != part:
                through()
            under_way[:] = [(part, done)]

        yield report
        through()


def _least(columns: Sequence[str], rows: Sequence[Sequence[str]], elastic: Sequence[str]) -> int:
    """The columns of the screen that a table takes at least."""
    wide = [max(map(len, (column, *(row[n] for row in rows)))) for n, column in enumerate(columns)]
    held = (min(FOLDED, each) if name in elastic else each for name, each in zip(columns, wide, strict=True))
    return sum(held) + GAP * (len(columns) - 1)


def _told(columns: Sequence[str], row: Sequence[str]) -> str:
    """A row in lines, for a narrow screen: its first cell, then what each column says."""
    named = zip(columns[1:], row[1:], strict=True)
    return "\n".join([row[0], *(f"    {column}: {cell}" for column, cell in named if cell)])
