"""What an attack costs the server: processor time and memory of all its processes, read from Linux."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Cost:
    """cpu: seconds of the processor. grown: MB that all processes together held more than before, at their highest."""

    cpu: float = 0.0
    grown: float = 0.0


def family(pid: int) -> list[int]:
    """This process and all that come of it."""
    found = [pid]
    for stat in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) in found:
                found.append(int(stat.parent.name))
    return found


def resident(pid: int, what: str = "VmRSS") -> float:
    """MB. what: VmRSS now, VmHWM at its highest."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) / 1024
    return 0.0


def processor(pid: int) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    return 0.0


@contextmanager
def cost(name: str, pid: int) -> Iterator[Cost]:
    """What is done meanwhile costs this server so much; said on the standard output (pytest -rP shows it)."""
    members, told = family(pid), Cost()
    for each in members:
        with suppress(OSError):
            Path(f"/proc/{each}/clear_refs").write_text("5")  # the highest begins anew
    held, used = sum(map(resident, members)), sum(map(processor, members))
    yield told
    told.cpu = sum(map(processor, members)) - used
    told.grown = sum(resident(each, "VmHWM") for each in members) - held
    sys.stdout.write(f"{name}: {told.cpu:.2f} s of the processor, {told.grown:.0f} MB\n")


def demand(told: Cost, cpu: float, grown: float) -> None:
    """Fail where it cost more."""
    if told.cpu > cpu or told.grown > grown:
        pytest.fail(f"{told.cpu:.2f} s of the processor (bound {cpu}), {told.grown:.0f} MB more (bound {grown})")
