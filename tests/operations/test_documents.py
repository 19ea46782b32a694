"""What docs/ and the README tell is there: each verb and option, each setting, metric, path, link, address and file."""

import argparse
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from carecoord import app, cli, effects
from carecoord.domain.timeline.changes import GOVERNED
from carecoord.fhir import operations
from carecoord.logs import SAID
from carecoord.settings import FIELDS, PREFIX, Settings
from carecoord.store.database import kinds
from carecoord.store.database.engine import migrate
from tests.bench import sizing
from tests.operations.pages import DOCS, ROOT

AT_THE_TOP = ("README", "CONTRIBUTING", "SECURITY", "SUPPORT")
PAGES = sorted([*DOCS.rglob("*.md"), *(ROOT / f"{name}.md" for name in AT_THE_TOP)])
SPECIAL = {"CARECOORD_CONFIG", "CARECOORD_SERVICE_HOST"}
OURS = ("carecoord/", "auth/", "fhir_adapters/", "deploy/", "docs/", "tests/", "fixtures/", ".github/", ".ci/")
RULES = ROOT / "deploy/monitoring/rules.yml"
DASHBOARD = ROOT / "deploy/monitoring/dashboard.json"
FILLED = dict.fromkeys(("N", "COUNT", "MINUTES", "…", "..."), "7")  # what a page leaves to its reader
FILLED |= {"KIND": "plans", "TERM": "window.urgent", "VALUE": "3 days", "DAY": "2026-12-01"}
# Series that a server without work, an EHR or a backup has not yet.
LATER = {
    "carecoord_tokens_total", "carecoord_sign_ins_total", "carecoord_searches_total", "carecoord_backup_made_seconds",
    "carecoord_worker_silent_seconds", "carecoord_ehr_sync_age_seconds",
}  # fmt: skip


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def each_page(test: Any) -> Any:
    return pytest.mark.parametrize("document", PAGES, ids=named)(test)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.S | re.M)


def commands(text: str) -> Iterator[list[str]]:
    """Each command of ours in a page's blocks of shell and its `code`, as its words."""
    spans = re.findall(r"`((?:carecoord|care) [^`]+)`", text)
    indented = re.findall(r"^    (carecoord (?:.*\\\n)*.*)$", text, re.M)
    shell = "\n".join([*blocks(text, "sh"), *indented])
    lines = re.sub(r"<<'(\w+)'.*?^\1$", "", re.sub(r"\\\n\s*", " ", shell), flags=re.S | re.M).splitlines()
    for line in (*lines, *spans):
        for part in re.split(r"&&|\||;", line):
            said = re.match(r"\s*(?:exec |docker compose exec \w+ |.* -- )?(?:/\S*/)?(?:carecoord|care) (.*)", part)
            if said and not re.match(r"\s*(pip|apt)", part):
                yield shlex.split(said[1].split(" > ")[0], comments=True)


@each_page
def test_each_command_is_one_that_the_program_takes(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands(document.read_text()):
        if not words or words[-1] == "--help" or words[0] in ("--version", "VERB"):
            continue
        verb = words[0]
        assert verb in cli.VERBS, f"{named(document)}: carecoord {' '.join(words)}"
        taken = understood([verb, *filled(words[1:])])
        assert taken, f"{named(document)}: carecoord {' '.join(words)}: {capsys.readouterr().err[-300:]}"


def filled(words: list[str]) -> list[str]:
    """A page's words for what somebody has to fill in, as what could be there."""
    return [FILLED.get(word, word) for word in words]


def parser(verb: str) -> argparse.ArgumentParser:
    """The command's, with the arguments of this verb."""
    return cli.parser([name for name, (module, _) in cli.VERBS.items() if module == cli.VERBS[verb][0]])


def understood(words: list[str]) -> bool:
    """Whether the parser takes them; what only names a verb is taken where that verb is there."""
    try:
        parser(words[0]).parse_args(words)
    except SystemExit:
        return is_only_named(words)
    return True


def is_only_named(words: list[str]) -> bool:
    """Whether they are a verb, or a verb of a verb, whose arguments a sentence leaves out."""
    if any(word.startswith("-") for word in words) or len(words) > 2:
        return False
    known = parser(words[0])._subparsers
    assert known is not None
    (action,) = [each for each in known._group_actions if isinstance(each, argparse._SubParsersAction)]
    if len(words) == 1:
        return True
    inner = action.choices[words[0]]._subparsers
    below = [each for each in inner._group_actions if isinstance(each, argparse._SubParsersAction)] if inner else []
    return any(words[1] in each.choices for each in below)


@each_page
def test_each_setting_is_one_that_the_program_has(document: Path) -> None:
    known = {f"{PREFIX}{field.name.upper()}" for field in FIELDS} | SPECIAL
    said = {name.removesuffix("_FILE") for name in re.findall(r"\bCARECOORD_[A-Z_]*[A-Z]\b", document.read_text())}
    assert said - known == set()


@each_page
def test_each_line_of_a_settings_file_names_a_setting(document: Path) -> None:
    names = {field.name for field in FIELDS}
    lines = re.findall(r"<<'TOML'\n(.*?)^TOML$", document.read_text(), re.S | re.M)
    said = {line.partition(" = ")[0].removesuffix("_file") for text in lines for line in text.splitlines()}
    assert said - names == set()


@each_page
def test_each_link_leads_to_a_page_and_to_a_heading_that_is_there(document: Path) -> None:
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, heading = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        if not file.exists():
            lost.append(target)
        elif heading:
            there = {anchor(line) for line in re.findall(r"^#+ (.*)$", file.read_text(), re.M)}
            lost += [target] if heading not in there else []
    assert lost == []


def anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@each_page
def test_each_path_of_ours_is_there(document: Path) -> None:
    said = {word.split("::")[0] for word in re.findall(r"`([\w./*-]+)`", document.read_text())}
    paths = {word for word in said if word.startswith(OURS) and "*" not in word}
    assert {path for path in paths if not (ROOT / path).exists()} == set()


@each_page
def test_each_target_of_make_is_there(document: Path) -> None:
    there = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z]+)\b", document.read_text())) - there == set()


def series(text: str) -> set[str]:
    """The metrics that an expression or page names, each by its series."""
    return set(re.findall(r"\b(?:carecoord|process)_[a-z_]*[a-z]\b", text)) - {"carecoord_token"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a server that has no work yet."""
    folder = str(tmp_path_factory.mktemp("documents"))
    world = effects.world(Settings(var=folder, security_contact="mailto:s@h.example", registration=True))
    migrate(world.engine)
    yield app.wired(world).test_client()
    world.engine.dispose()


@pytest.fixture(scope="module")
def exposed(running: Any) -> set[str]:
    text = running.get("/metrics", environ_base={"REMOTE_ADDR": "127.0.0.1"}).get_data(as_text=True)
    helped = set(re.findall(r"^# TYPE (\w+)", text, re.M))
    return helped | {f"{name}_bucket" for name in helped} | set(re.findall(r"^(\w+)[{ ]", text, re.M)) | LATER


def test_each_metric_of_alerts_dashboard_and_pages_is_told(exposed: set[str]) -> None:
    rules, dashboard = yaml.safe_load(RULES.read_text()), json.loads(DASHBOARD.read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    asked = [rule["expr"] for rule in alerts]
    asked += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert set().union(*map(series, asked)) - exposed == set()
    pages = set().union(*(series(" ".join(re.findall(r"`([^`]+)`", page.read_text()))) for page in PAGES))
    assert {name for name in pages if name != "process_"} - exposed == set()


def test_alerts_are_whole_and_each_has_a_line_that_says_what_to_do() -> None:
    alerts = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    for rule in alerts:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["expr"].count("(") == rule["expr"].count(")")
    told = re.findall(r"^\| `(Carecoord\w+)` \|", (DOCS / "operations/monitoring.md").read_text(), re.M)
    assert told == [rule["alert"] for rule in alerts]


def test_the_sizing_page_tells_the_figures_that_are_kept_beside_it() -> None:
    """Whoever measures anew has the script write both; nobody writes a figure there by hand."""
    page, kept = sizing.PAGE.read_text(), json.loads(sizing.KEPT.read_text())
    assert sizing.written(page, kept) == page
    assert set(kept["rows"]) >= {"read", "clearance", "create"}
    assert {"cores", "processor", "memory", "python", "day", "load"} == set(kept["machine"])


def test_the_fields_of_the_log_are_those_that_may_be_said() -> None:
    part = (DOCS / "operations/monitoring.md").read_text().split("## The log")[1].split("##")[0]
    said = {name for row in re.findall(r"^\| (`.*?`) \|", part, re.M) for name in re.findall(r"`(\w+)`", row)}
    assert said - {*SAID, "route", "text"} == set(), "the two that only lines of their own have"


def test_each_lane_of_later_work_is_told_to_who_shares_it_among_machines() -> None:
    part = (DOCS / "operations/scale-out.md").read_text().split("## 5.")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", part, re.M) == list(kinds.LANES)


def test_each_address_in_the_pages_is_one_of_ours(running: Any) -> None:
    """Of those that can be asked without an id."""
    said = set()
    for page in PAGES:
        for path in re.findall(r"`(?:GET |POST )?(/[\w./-]*[\w])`", page.read_text()):
            if not re.match(r"/(etc|var|opt|usr|tmp|run|srv|path|v1)\b", path):
                said.add(path)
    assert len(said) > 15
    rules = running.application.url_map.bind("localhost")
    lost = [path for path in sorted(said) if not any(rules.test(path, method) for method in ("GET", "POST"))]
    assert lost == []


def test_each_operation_is_told_and_its_definition_is_served_where_it_says(running: Any) -> None:
    """F18: the canonical address of an operation led nowhere."""
    text = (DOCS / "apps/README.md").read_text()
    assert set(re.findall(r"`/fhir/(OperationDefinition/[\w-]+)`", text)) == set(operations.OURS)
    statement = running.get("/fhir/metadata").get_json()
    own = [
        operation["definition"] for rest in statement["rest"] for resource in rest["resource"]
        for operation in resource.get("operation", ()) if "hl7.org" not in operation["definition"]
    ]  # fmt: skip
    base = "http://127.0.0.1:8000"
    assert {each.removeprefix(f"{base}/fhir/") for each in own} >= set(operations.OURS)
    for address in own:
        found = running.get(address.removeprefix(base))
        assert (found.status_code, found.get_json()["url"]) == (200, address)


def test_each_kind_of_event_stands_with_the_types_that_it_comes_of() -> None:
    part = (DOCS / "apps/README.md").read_text().split("## Events")[1]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", part, re.M)
    assert [kind for kind, _ in rows] == [
        "kind", "order", "stage", "errand", "authorization", "coverage", "agreement", "visit", "reply", "talk",
        "document", "plan", "goal", "clearance", "conflict",
    ]  # fmt: skip
    assert {word for _, types in rows for word in re.findall(r"\w+", types)} >= GOVERNED


def test_each_page_is_reached_from_the_index() -> None:
    seen, new = set(), {DOCS / "README.md"}
    while new:
        page = new.pop()
        seen.add(page)
        links = {(page.parent / link).resolve() for link in re.findall(r"\]\(([^)\s#]+)", page.read_text())}
        new |= {link for link in links if link.suffix == ".md" and DOCS in link.parents} - seen
    assert set(DOCS.rglob("*.md")) - seen == set()
    assert "(docs/README.md)" in (ROOT / "README.md").read_text()


def test_each_picture_is_small_and_shown() -> None:
    pictures = set(DOCS.rglob("*.png"))
    image = re.compile(r"!\[[^]]*\]\(([^)]+)\)")
    shown = {(page.parent / link).resolve() for page in PAGES for link in image.findall(page.read_text())}
    assert pictures <= shown
    assert [named(each) for each in pictures if each.stat().st_size > 150_000] == []


def test_the_readme_says_how_the_command_is_called_before_it_calls_it() -> None:
    """Fault F12 of operations.md: in a new shell after `make demo`, `carecoord init` of the README was not found."""
    lines = (ROOT / "README.md").read_text().splitlines()
    called = next(n for n, line in enumerate(lines) if re.search(r"(^ {4}|`)carecoord [a-z]", line))
    before = "\n".join(lines[:called])
    assert "`.venv/bin/pip install .`" in before, "for who has no make"
    assert "`.venv/bin/carecoord`" in before
    assert "`. .venv/bin/activate`" in before
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"carecoord": "carecoord.cli:main"}, "what pip puts there"
