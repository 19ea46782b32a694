"""What a command costs before it does anything: the help, and a verb that reads the database. Issue 11: under 0.5 s.
Processor time, for elapsed time tells more of what else the machine does. By itself: `python -m tests.bench.start`."""

import os
import resource
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from tests.bench.servers import BIN

ROUNDS, AIM = 3, 0.5
ASKED = {"the help": ("--help",), "a list": ("jobs", "list"), "a check": ("check",)}


def measure(console: Console, folder: Path) -> dict[str, float]:
    """{what is asked: seconds of the processor, the median of some rounds}."""
    folder.mkdir(parents=True, exist_ok=True)
    _took(folder, "init")
    found: dict[str, float] = {}
    for what, words in ASKED.items():
        console.print(f"the command line, {what}", style="dim")
        found[what] = round(statistics.median(_took(folder, *words) for _ in range(ROUNDS)), 2)
    return found


def lines(found: dict[str, float]) -> Iterator[str]:
    """What is printed of it."""
    for what, seconds in found.items():
        kept = "kept" if seconds < AIM else "MISSED"
        yield f"the command line, {what}: {seconds:.2f} s of the processor (aim {AIM}: {kept})"


def _took(folder: Path, *words: str) -> float:
    def used() -> float:
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        return spent.ru_utime + spent.ru_stime

    before = used()
    environ = {**os.environ, "CARECOORD_VAR": str(folder)}
    faultless = words != ("check",)  # which finds nobody there yet
    subprocess.run([str(BIN / "carecoord"), *words], env=environ, capture_output=True, check=faultless)
    return used() - before


def main() -> None:
    """Measure by itself."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="carecoord-bench-") as name:
        for line in lines(measure(console, Path(name))):
            console.print(line)


if __name__ == "__main__":
    main()
