"""Real brokers on loopback ports of their own, in temporary folders, which a test can stop and start."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.ports import free_port

NO_REDIS = "redis-server is not installed (Debian: redis-server)"
NO_RABBIT = "RabbitMQ is not installed (Debian: rabbitmq-server)"
RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # Debian's other one, in sbin, wants root and one node a machine


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def until(port: int, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not listens(port):
        if process.poll() is not None or time.monotonic() > end:
            raise AssertionError(log.read_text(errors="replace")[-3000:])
        time.sleep(0.05)


class Redis:
    """A redis-server that forgets everything when it stops."""

    def __init__(self, folder: Path) -> None:
        self.port, self.folder = free_port(), folder
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        said = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(["redis-server", *said], stdout=log, stderr=log)
        until(self.port, self.process, self.folder / "redis.log")

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    close = stop


class Rabbit:
    """A RabbitMQ node with an epmd of its own, both of an unprivileged user."""

    def __init__(self, folder: Path) -> None:
        self.port, self.folder = free_port(), folder
        self._distribution, self._names = free_port(), free_port()
        self._as = ["setpriv", "--reuid=rabbitmq", "--regid=rabbitmq", "--clear-groups"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(folder, "rabbitmq", "rabbitmq")
            for parent in folder.parents[:3]:
                parent.chmod(parent.stat().st_mode | 0o011)  # pytest's folders are for their owner alone
        command = ["epmd", "-port", str(self._names), "-address", "127.0.0.1"]
        self._epmd = subprocess.Popen([*self._as, *command], env=self._environment(), stderr=subprocess.DEVNULL)
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def _environment(self) -> dict[str, str]:
        given = {
            "NODENAME": f"carecoord{self.port}@localhost", "NODE_IP_ADDRESS": "127.0.0.1", "NODE_PORT": self.port,
            "DIST_PORT": self._distribution, "MNESIA_BASE": self.folder / "mnesia", "LOG_BASE": self.folder / "log",
            "ENABLED_PLUGINS_FILE": self.folder / "plugins", "CONFIG_FILE": self.folder / "none",
            "CONF_ENV_FILE": self.folder / "none", "PID_FILE": self.folder / "pid",
            "SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
        }  # fmt: skip
        ours = {f"RABBITMQ_{name}": str(value) for name, value in given.items()}
        path = f"{os.environ.get('PATH', '')}:/usr/bin:/bin:/usr/sbin"
        epmd = {"ERL_EPMD_PORT": str(self._names), "ERL_EPMD_ADDRESS": "127.0.0.1"}
        return {"HOME": str(self.folder), "PATH": path, "LANG": "C.UTF-8", **epmd, **ours}

    def start(self) -> None:
        with (self.folder / "said").open("ab") as said:
            self.process = subprocess.Popen(
                [*self._as, str(RABBIT)], env=self._environment(), cwd=self.folder, stdout=said, stderr=said,
                start_new_session=True,
            )  # fmt: skip
        until(self.port, self.process, self.folder / "said", 120)

    def stop(self) -> None:
        """In order, as a restart by an operator is: its durable queues are on disk then."""
        if self.process:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def close(self) -> None:
        self.stop()
        self._epmd.terminate()
        self._epmd.wait(20)


def missing(kind: str) -> str:
    """Why this sort can not be started here; empty: it can."""
    if kind == "redis":
        return "" if shutil.which("redis-server") else NO_REDIS
    return "" if RABBIT.exists() and shutil.which("epmd") else NO_RABBIT
