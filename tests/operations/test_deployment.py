"""What people deploy with: read by the linters and schemas of those who make the formats, and held against what the
program knows: each setting, each address, each file that is copied or mounted. No Docker and no Kubernetes run here."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from carecoord.settings import FIELDS, load

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = ("web1", "web2", "work1", "work2")
MANIFESTS = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
CONFIG = ROOT / "deploy/nginx/carecoord.conf"
KUBERNETES = ("1.31", "1.34", "1.37")


def given(environ: dict[str, str], secrets: Path) -> dict[str, str]:
    """An environment with what the shell puts in, and with secrets that are there."""
    values = {
        "database_url": "postgresql://carecoord:x@db/carecoord", "metrics_token": "x"
    }  # fmt: skip
    made: dict[str, str] = {}
    for name, value in environ.items():
        if name.endswith("_FILE"):
            file = secrets / Path(value).name
            file.write_text(values[file.name])
            file.chmod(0o444)
            value = str(file)
        made[name] = re.sub(r"\$\{CARECOORD_BASE_URL:\?[^}]*\}", "https://care.example", value)
        made[name] = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", made[name])
    return made


def documents() -> list[dict[str, Any]]:
    return [each for file in MANIFESTS for each in yaml.safe_load_all(file.read_text())]


def containers() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each pod that we describe, with its one container."""
    for each in documents():
        if each["kind"] in ("Deployment", "StatefulSet"):
            pod = each["spec"]["template"]["spec"]
            yield pod, pod["containers"][0]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's: (word, rest), continued lines joined, without comments."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split()[0], line.split(None, 1)[1]) for line in joined.splitlines() if line.strip()]


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_serves_as_a_user_without_rights_and_tells_whether_it_is_ready() -> None:
    told = instructions()
    assert [rest for word, rest in told if word == "USER"] == ["10001:10001"]
    assert [rest for word, rest in told if word == "ENTRYPOINT"] == ['["carecoord"]']
    assert "/readyz" in next(rest for word, rest in told if word == "HEALTHCHECK")
    assert [word for word, _ in told].index("USER") > max(n for n, (word, _) in enumerate(told) if word == "RUN")


def test_the_image_is_made_of_files_that_are_there_and_let_in() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        name for word, rest in instructions() if word == "COPY" and "--from" not in rest for name in rest.split()[:-1]
    }
    assert copied == let_in
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines(), "everything else stays out"


def test_no_secret_is_written_into_what_is_deployed() -> None:
    values = [rest for word, rest in instructions() if word in ("ENV", "ARG")]
    values += [value for name in OURS for value in COMPOSE["services"][name]["environment"].values()]
    values += [value for each in documents() if each["kind"] == "ConfigMap" for value in each["data"].values()]
    assert [value for value in values if re.search(r"://[^/@]*:[^/@]*@|password|token=", value, re.IGNORECASE)] == []


def test_compose_starts_two_web_machines_two_workers_and_what_they_need() -> None:
    assert {*COMPOSE["services"]} == {*OURS, "nginx", "db", "redis"}
    assert [COMPOSE["services"][name].get("command", ["serve"]) for name in OURS] == [["serve"]] * 2 + [["work"]] * 2
    for name, service in COMPOSE["services"].items():
        assert "healthcheck" in service or "build" in service, name
        assert {*service.get("secrets", ())} <= {*COMPOSE["secrets"]}
        named = {volume.split(":")[0] for volume in service.get("volumes", ())}
        there = {volume for volume in named if volume.startswith("./") and volume != "./tls"}
        assert [path for path in there if not (ROOT / path).is_file()] == []
        assert {volume for volume in named if not volume.startswith("./")} <= {*COMPOSE["volumes"]}
    folders = [COMPOSE["services"][name]["volumes"] for name in OURS]
    assert len({str(each) for each in folders}) == 4, "each machine has a folder of its own"
    assert {name for name, service in COMPOSE["services"].items() if "ports" in service} == {"nginx"}


@pytest.mark.parametrize("name", OURS)
def test_compose_gives_settings_that_are_taken(name: str, tmp_path: Path) -> None:
    made = load(given(COMPOSE["services"][name]["environment"], tmp_path))
    assert (made.secure_cookies, made.trusted_proxies, made.base_url) == (True, 1, "https://care.example")


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_schemas_accept_each_manifest(version: str) -> None:
    assert len(documents()) == 9
    for each in documents():
        kubernetes_validate.validate(each, version, strict=True)


def test_kubernetes_gives_settings_that_are_taken(tmp_path: Path) -> None:
    (settings,) = (each["data"] for each in documents() if each["kind"] == "ConfigMap")
    for _, container in containers():
        own = {each["name"]: each["value"] for each in container.get("env", ())}
        load(given(settings | own, tmp_path))


def test_kubernetes_runs_us_without_rights_and_without_service_links() -> None:
    found = list(containers())
    assert [container["args"] for _, container in found] == [["serve"], ["work"]]
    for pod, container in found:
        assert (pod["enableServiceLinks"], pod["automountServiceAccountToken"]) == (False, False)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
    web = found[0][1]
    assert [web[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")] == [
        "/healthz", "/healthz", "/readyz",
    ]  # fmt: skip


def test_kubernetes_services_budgets_and_policies_choose_pods_that_there_are() -> None:
    specs = [each.get("spec", {}) for each in documents()]
    pods = [spec["template"]["metadata"]["labels"] for spec in specs if "template" in spec]
    for each in documents():
        spec = each.get("spec", {})
        chosen = spec.get("selector") or spec.get("podSelector")
        if chosen:
            labels = chosen.get("matchLabels", chosen)
            assert any(labels.items() <= pod.items() for pod in pods), each["metadata"]["name"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_understands_each_unit_and_finds_it_little_exposed(unit: Path, tmp_path: Path) -> None:
    here = tmp_path / unit.name
    here.write_text(unit.read_text().replace("/opt/carecoord/bin/carecoord", shutil.which("true") or "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if unit.name in line]) == (0, [])
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", here],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout
    started = re.search(r"^ExecStart=/opt/carecoord/bin/carecoord (serve|work|backup)\b", unit.read_text(), re.M)
    assert started, "a verb of ours"


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert nginx, "nginx is not installed (Debian: nginx-light)"
    key, certificate = tmp_path / "carecoord.key", tmp_path / "carecoord.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=care.example", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    text = CONFIG.read_text().replace("/etc/nginx/tls", str(tmp_path)).replace("/var/log/nginx", str(tmp_path))
    text = text.replace("web1:8000", "127.0.0.1:8000").replace("web2:8000", "127.0.0.1:8010")
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{text}\n}}\n")
    done = subprocess.run([nginx, "-t", "-q", "-c", whole, "-p", tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_nginx_writes_down_holds_no_address_of_a_request() -> None:
    """Addresses hold searches for patients, their ids, and the secrets of links."""
    text = CONFIG.read_text()
    (form,) = re.findall(r"log_format carecoord(.*?);", text, re.S)
    assert {*re.findall(r"\$(\w+)", form)} & {"request", "request_uri", "uri", "args", "http_referer"} == set()
    assert set(re.findall(r"^\s*access_log \S+ (\w+);", text, re.M)) == {"carecoord"}
    assert set(re.findall(r"^\s*error_log \S+ (\w+);", text, re.M)) == {"crit"}, "`error` writes the request's line"


def test_nginx_takes_as_much_as_carecoord_does_and_closes_silent_lines_first() -> None:
    text = CONFIG.read_text()
    most = int(re.findall(r"client_max_body_size (\d+)m;", text)[0]) * 2**20
    defaults = {field.name: field.default for field in FIELDS}
    assert most > defaults["max_body"] == defaults["max_document"] == 20_000_000
    assert re.findall(r"keepalive_timeout (\d+)s;", text) == ["5"], "carecoord closes them after 10 s"


def test_the_lock_names_a_version_with_its_hash_for_all_that_we_stand_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [Requirement(each) for each in (*project["dependencies"], *extras["celery"], *extras["otel"])]
    text = (ROOT / "deploy/requirements.txt").read_text()
    pinned = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.M))
    for each in wanted:
        name = re.sub(r"[-_.]+", "-", each.name).lower()
        assert each.specifier.contains(pinned[name]), name
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.M)[1:]
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_each_dependency_is_imported_and_has_a_floor_that_was_tried() -> None:
    """F21: two of 23 never were. F22: below these two floors tests failed; the others are the newest of their day."""
    wanted = [Requirement(each)
        for each in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]]
    modules: dict[str, set[str]] = {}
    for module, owners in packages_distributions().items():
        for owner in owners:
            modules.setdefault(re.sub(r"[-_.]+", "-", owner).lower(), set()).add(module)
    ours = [path.read_text() for room in ("auth", "fhir_adapters", "carecoord") for path in (ROOT / room).rglob("*.py")]
    imported = set(re.findall(r"^\s*(?:from|import) (\w+)", "\n".join(ours), re.M))
    names = {each.name: re.sub(r"[-_.]+", "-", each.name).lower() for each in wanted}
    assert {name for name in names if not modules[names[name]] & imported} == {"tzdata"}, "which zoneinfo reads"
    floors = {each.name: min(part.version for part in each.specifier if part.operator == ">=") for each in wanted}
    assert floors.keys() == names.keys()
    assert Version(floors["joserfc"]) >= Version("1.8")
    assert Version(floors["webauthn"]) >= Version("3")


def test_the_workflow_runs_what_ci_runs_on_each_python_that_is_promised() -> None:
    flow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    job = flow["jobs"]["test"]
    assert [step["run"] for step in job["steps"] if "run" in step][-1] == ".ci/run"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (project["requires-python"], job["strategy"]["matrix"]["python"]) == (">=3.11", ["3.11", "3.12", "3.13"])
    told = [each.rpartition(" ")[2] for each in project["classifiers"] if "Python :: 3." in each]
    assert told == job["strategy"]["matrix"]["python"]
    lowest = flow["jobs"]["lowest"]
    assert lowest["container"] == "python:3.11-bookworm", "the lowest of these too"
    assert lowest["steps"][-1]["run"] == ".ci/run lowest"
    recipe = (ROOT / "Makefile").read_text().split("\nlowest: ")[1].split("\n\n")[0]
    assert "--resolution lowest-direct" in recipe


@pytest.mark.parametrize("name", ["compose.yaml", ".github/workflows/ci.yml", ".github/dependabot.yml"])
def test_a_yaml_file_is_read(name: str) -> None:
    assert isinstance(yaml.safe_load((ROOT / name).read_text()), dict)
