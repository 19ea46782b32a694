"""What is shown: tables and a progress bar for people, plain lines when nobody watches."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

WIDE = 400  # columns of a table that goes to a file or a pipe: nothing is cut or folded there

Report = Callable[[str, int, int | None], None]


class Screen:
    """stdout for results, stderr for complaints and progress."""

    def __init__(self) -> None:
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
        self.out.print(escape(text))

    def complain(self, text: str) -> None:
        """What went wrong."""
        self.err.print(f"[red]carecoord:[/] {escape(text)}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], elastic: Sequence[str] = ()) -> None:
        """Rows under a heading. Where the screen is too narrow, the elastic columns are folded, the others are not."""
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
            yield lambda part, done, total: None
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
