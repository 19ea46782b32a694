"""Ports of loopback for programs that are told theirs before they begin.

A port that the system hands out to a probe is anybody's again when the probe closes: another test's, or that of a
connection which goes out meanwhile. Ours are from below those that the system hands out, and whoever has one holds its
name in the abstract namespace of Unix sockets, which no other process can have until this one has ended.
"""

import os
import socket
from pathlib import Path

LEAST, MOST = 20_000, 32_768
HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")

_held: list[socket.socket] = []


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that no other test is given. Raises OSError: there is none."""
    first = int(HANDED_OUT.read_text().split()[0])
    width = (first if LEAST < first < MOST else MOST) - LEAST
    begin = os.getpid() * 61  # each process of tests begins elsewhere
    for n in range(width):
        port = LEAST + (begin + n) % width
        if _is_free(port) and _hold(port):
            return port
    raise OSError("no port is free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _hold(port: int) -> bool:
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0carecoord-test-port-{port}")
    except OSError:
        name.close()
        return False
    _held.append(name)
    return True
