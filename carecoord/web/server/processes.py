"""What this machine's processes of ours use, under the names that Prometheus has for a process: the server, the
processes that it serves with and its worker, added up. Whichever of them is asked says the same."""

import multiprocessing
import os
import platform
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

from prometheus_client import ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

_LEAST: Final = ("process_start_time_seconds", "process_max_fds")  # the first to start, the first to run out


def build() -> Metric:
    """Which version runs, on which Python."""
    info = GaugeMetricFamily("carecoord_build_info", "Which version runs", labels=["version", "python"])
    info.add_metric([version("carecoord"), platform.python_version()], 1)
    return info


def used() -> Iterator[Metric]:
    """Memory, processor time and open files of all of them."""
    families: dict[str, Metric] = {}
    values: defaultdict[str, list[float]] = defaultdict(list)
    numbers = _ours()
    for number in numbers:
        for family in ProcessCollector(registry=None, pid=partial(int, number)).collect():
            for sample in family.samples:
                families[sample.name] = family
                values[sample.name].append(sample.value)
    yield GaugeMetricFamily("carecoord_processes", "Processes of ours on this machine", value=len(numbers))
    for name, family in families.items():
        whole = min(values[name]) if name in _LEAST else sum(values[name])
        summed = Metric(family.name, family.documentation, family.type)
        summed.add_sample(name, {}, whole)
        yield summed


def _ours() -> list[int]:
    """The server's process and all that descend from it; this one alone where nothing serves with several."""
    server = multiprocessing.parent_process()
    first = (server.pid if server else None) or os.getpid()
    found, new = [first], [first]
    while new:
        new = [child for number in new for child in _children(number)]
        found += new
    return found


def _children(number: int) -> list[int]:
    found: list[int] = []
    for file in Path(f"/proc/{number}/task").glob("*/children"):
        try:
            found += map(int, file.read_text().split())
        except (OSError, ValueError):
            continue  # it ended while we looked
    return found
