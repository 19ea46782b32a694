"""An office's register of 10,000 agreements and payers' lists of 100,000 rules, by the command, on both databases:
every fault named by its cell, every good row in, a second import without a trace, and soon enough to wait for."""

import json
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from carecoord.actions.clearance import rule_lines
from carecoord.cli import main
from carecoord.store.database.engine import open_engine, reading
from tests.conftest import DATABASES
from tests.imports import rule_list
from tests.imports.conftest import ORGANIZATIONS
from tests.imports.workbook import register

Command = Callable[..., Any]


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> str:
    url = new_database(request.param)
    monkeypatch.setenv("CARECOORD_DATABASE_URL", url)
    return url


@pytest.fixture
def command(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """`carecoord import` of bytes: (exit code, rows by what became of them, where -> what is wrong, seconds)."""
    monkeypatch.setenv("CARECOORD_VAR", str(tmp_path))

    def bring(kind: str, name: str, data: bytes, *more: str) -> tuple[int, dict[str, int], dict[str, str], float]:
        file = tmp_path / name
        file.write_bytes(data)
        began = perf_counter()
        code = main(["import", kind, str(file), "--json", *more])
        took = perf_counter() - began
        told = json.loads(capsys.readouterr().out)
        return code, {n: v for n, v in told["rows"].items() if v}, {e["where"]: e["what"] for e in told["faults"]}, took

    return bring


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_of_10000_agreements_in_a_workbook_500_faults_are_named_by_cell_and_all_others_are_in(
    command: Command, record_property: Callable[[str, object], None]
) -> None:
    command("organizations", "them.csv", ORGANIZATIONS.encode())
    data, truth = register(10_000, 125)
    assert len(truth) == 500
    wrong = {f"register.xlsx, sheet Register, {cell}": said for cell, said in truth.items()}
    tried = command("agreements", "register.xlsx", data, "--dry-run")
    assert tried[:3] == (1, {"new": 9_500, "faulty": 500}, wrong)
    brought = command("agreements", "register.xlsx", data)
    assert brought[:3] == (1, {"new": 9_500, "faulty": 500}, wrong)
    again = command("agreements", "register.xlsx", data)
    assert again[:3] == (1, {"unchanged": 9_500, "faulty": 500}, wrong)
    record_property("seconds", [round(each[3], 1) for each in (tried, brought, again)])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_100000_rules_are_in_within_a_minute_and_again_change_nothing(
    command: Command, url: str, record_property: Callable[[str, object], None]
) -> None:
    command("organizations", "payers.csv", rule_list.payers().encode())
    data, truth = rule_list.rules(100_000, 30)
    wrong = {f"rules.csv, {cell}": said for cell, said in truth.faults.items()}
    brought = command("rules", "rules.csv", data)
    assert brought[:3] == (1, {"new": 99_970, "faulty": 30}, wrong)
    again = command("rules", "rules.csv", data)
    assert again[:3] == (1, {"unchanged": 99_970, "faulty": 30}, wrong)
    record_property("seconds", [round(each[3], 1) for each in (brought, again)])
    assert brought[3] < 60
    engine = open_engine(url)
    with reading(engine) as conn:
        for payer, code, plan in sorted(truth.answers)[::499]:
            rules = rule_lines.find(conn, [_number(payer)], [plan], [code], [])
            assert [rule.answer for rule in rules if rule.plan == plan] == [truth.answers[payer, code, plan]]
    engine.dispose()


def _number(payer: str) -> str:
    return f"https://carecoord.example/id/payer|{payer}"
