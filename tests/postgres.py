"""A throwaway PostgreSQL cluster on loopback, for tests and the benchmark: in a temporary folder, gone afterwards."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.ports import free_port

MISSING = "PostgreSQL's server programs are not installed (Debian: postgresql)"


def programs() -> Path | None:
    """The folder with initdb and pg_ctl of the newest installed PostgreSQL, or None."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def _run(command: list[str], folder: Path) -> None:
    # initdb refuses to run as root; Debian's package brings the user postgres
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run([*prefix, *command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-2000:]}")


@contextlib.contextmanager
def cluster(*, durable: bool = False) -> Iterator[str]:
    """The SQLAlchemy URL of a new, empty database; `durable` keeps fsync on, as a benchmark must.

    Raises FileNotFoundError when PostgreSQL is not installed.
    """
    where = programs()
    if where is None:
        raise FileNotFoundError(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="carecoord-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    port = free_port()
    fsync = "on" if durable else "off"
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync={fsync} -c max_connections=60"
    if not durable:  # a cluster that is thrown away has nothing to save
        options += " -c synchronous_commit=off -c full_page_writes=off"
    control = [str(where / "pg_ctl"), "-D", str(folder / "data"), "-w"]
    try:
        new = [str(where / "initdb"), "-D", str(folder / "data"), "-U", "carecoord", "-A", "trust", "-E", "UTF8"]
        _run(new, folder)
        _run([*control, "-l", str(folder / "log"), "-o", options, "start"], folder)
        try:
            yield f"postgresql+psycopg://carecoord@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
