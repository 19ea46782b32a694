"""What people install is the wheel: built here, installed without the source tree beside it, started, signed in to."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.operations.pages import DOCS
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("auth", "fhir_adapters", "carecoord", "fixtures", "pyproject.toml", "README.md", "LICENSE")


def run(*command: object, **more: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it, and all that it stands on, but not our source tree."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *PARTS, cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "source" / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, folder / "source")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    packages = run(folder / "venv/bin/python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # a line in a .pth adds a folder, but not what that folder's own .pth files add: our tree stays out
    (Path(packages) / "beside.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (wheel,) = folder.glob("*.whl")
    run(*pip, "--python", folder / "venv/bin/python", "install", "-q", "--no-deps", "--no-index", wheel)
    return folder / "venv" / "bin" / "carecoord"


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address at which it serves, from an empty folder."""
    folder, port = tmp_path_factory.mktemp("empty"), free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CARECOORD_", "PYTHON"))}
    environ |= {"CARECOORD_PORT": str(port), "CARECOORD_WORKERS": "1"}
    assert "is ready" in run(installed, "init", cwd=folder, env=environ)
    python = installed.with_name("python")
    where = run(python, "-c", "import carecoord.app; print(carecoord.app.__file__)", cwd=folder, env=environ)
    assert where.startswith(str(installed.parents[1])), "the installed package, not the source tree"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([installed, "serve"], cwd=folder, env=environ, stdout=log, stderr=log)
    try:
        for _ in range(300):
            try:
                if requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok:
                    break
            except requests.ConnectionError:
                assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.2)
        else:
            raise AssertionError((folder / "log").read_text())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
def test_an_installed_wheel_shows_the_sign_in_with_all_that_stands_on_it(served: str) -> None:
    """F1: 500, for vendored files were left out of the wheel."""
    page = requests.get(f"{served}/sign-in", timeout=20)
    assert page.status_code == 200
    assert "Password" in page.text
    linked = set(re.findall(r'(?:href|src)="(/assets/[^"#]+)', page.text))
    assert any("vendor/" in each for each in linked)
    styles = [requests.get(served + each, timeout=20).text for each in linked if ".css" in each]
    linked |= {f"/assets/{each}" for text in styles for each in re.findall(r"url\([\"']?([^)\"']+\.woff2)", text)}
    assert {each: requests.get(served + each, timeout=20).status_code for each in linked} == dict.fromkeys(linked, 200)


@pytest.mark.slow
def test_an_installed_wheel_holds_every_file_of_the_packages(installed: Path) -> None:
    """Templates, definitions, static files, migrations: what the tree has, but its documents."""
    (packages,) = (installed.parents[1] / "lib").glob("python*/site-packages")
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *PARTS[:3], cwd=ROOT)
    tree = {name for name in listed.split("\0") if name and "/docs/" not in name and (ROOT / name).is_file()}
    assert {name for name in tree if not (packages / name).is_file()} == set()


@pytest.mark.slow
def test_an_installed_wheel_answers_metadata_and_discovery(served: str) -> None:
    statement = requests.get(f"{served}/fhir/metadata", timeout=20).json()
    assert (statement["resourceType"], statement["fhirVersion"]) == ("CapabilityStatement", "4.0.1")
    smart = json.loads(requests.get(f"{served}/fhir/.well-known/smart-configuration", timeout=20).text)
    assert smart["token_endpoint"] == f"{served}/oauth/token"


@pytest.mark.slow
def test_an_installed_wheel_brings_the_demo_along_and_its_api_is_called_in_five_lines(
    installed: Path, tmp_path: Path
) -> None:
    """In an empty folder; by the lines of docs/apps/README.md as they stand."""
    (lines,) = re.findall(r"^```python\n(.*?)^```$", (DOCS / "apps/README.md").read_text(), re.S | re.M)
    assert len(lines.splitlines()) == 5
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CARECOORD_", "PYTHON"))}
    ports = {f"CARECOORD_{name}": str(free_port()) for name in ("PORT", "DEMO_EHR_PORT")}
    environ |= ports | {"CARECOORD_WORKERS": "1"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([installed, "demo"], cwd=tmp_path, env=environ, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 240
        while "Ctrl-C ends both" not in (said := (tmp_path / "log").read_text()):
            assert process.poll() is None, said[-3000:]
            assert time.monotonic() < end, said[-3000:]
            time.sleep(0.5)
        assert "Okafor" in said, "a table of all cases"
        found = run(installed.with_name("python"), "-c", lines, cwd=tmp_path, env=environ)
        assert "'resourceType': 'ServiceRequest'" in found
    finally:
        process.terminate()
        process.wait(60)
