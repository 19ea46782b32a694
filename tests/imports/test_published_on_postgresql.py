"""The files that others publish, on PostgreSQL: each once in and once again, as on SQLite."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from auth.grant import Grant
from carecoord.actions.imports.importer import IMPORTER
from carecoord.actions.imports.published import in_network_file, nppes_file
from carecoord.actions.imports.published.nppes_file import Wanted
from carecoord.actions.rules import keep
from carecoord.settings import Settings
from carecoord.store.database.engine import reading
from carecoord.store.prior_auth import rule_list
from carecoord.store.worklist import registry
from carecoord.world import World
from tests.imports import test_in_network, test_nppes, test_plan_net
from tests.imports.conftest import ORGANIZATIONS, bring, made_on
from tests.imports.nppes_lines import line
from tests.imports.test_rates import agreed
from tests.imports.test_rules import ACME


@pytest.fixture
def office(new_database: Callable[[str], str], tmp_path: Path) -> Iterator[World]:
    world = made_on(Settings(var=str(tmp_path), database_url=new_database("postgres")), tmp_path)
    bring(world, "organizations", ORGANIZATIONS)
    bring(world, "organizations", test_in_network.TAX)
    yield world
    world.engine.dispose()


@pytest.mark.postgres
def test_what_others_publish_comes_in_once_and_again_changes_nothing(office: World, tmp_path: Path) -> None:
    agreed(office)
    registry, rates = tmp_path / "npidata_pfile.csv", tmp_path / "in-network.json"
    registry.write_text("\n".join([test_nppes.HEAD, line(test_nppes.ELM), line(test_nppes.ANN)]))
    rates.write_text(json.dumps(test_in_network.FILE))
    for rows in ({"new": 1, "changed": 1}, {"unchanged": 2}):
        found = nppes_file.bring(office, IMPORTER, "test", registry, Wanted(("NY",)))
        assert dict(+found.brought.rows) == rows
    for rows in ({"new": 7, "faulty": 4}, {"unchanged": 7, "faulty": 4}):
        assert dict(in_network_file.bring(office, IMPORTER, "test", rates, "E-1")[0].rows) == rows
    for rows in ({"new": 9}, {"unchanged": 9}):
        assert test_plan_net.snapshot(office, tmp_path / "directory.json", test_plan_net.FIRST)[0] == rows
    first = [each for each in test_plan_net.FIRST if each["id"] != "bob-1"]
    assert test_plan_net.snapshot(office, tmp_path / "directory.json", first)[0] == {"ended": 1, "unchanged": 8}


@pytest.mark.postgres
def test_a_line_that_was_ended_by_hand_stays_so_until_the_table_says_something_new(office: World) -> None:
    row = "Payer,Answer,Rule,Line,Code\nAC001,not required,Free,8,70557\n"
    assert bring(office, "rules", row)[0].rows == {"new": 1}
    with reading(office.engine) as conn:
        acme = next(each.id for each in registry.every(conn, "Organization") if b"AC001" in each.body)
        (line,) = rule_list.listed(conn, rule_list.Wanted(payers=(ACME,), today="", holds="any"), 2)
    desk = Grant("rita", roles=frozenset({"contracts"}), organization=acme, scopes=IMPORTER.scopes)
    said = {"answer": "not-required", "code": "70557", "title": "Free", "network": "any", "ends": "2026-01-31"}
    assert isinstance(keep.keep(office, desk, "test", said, line.n, seen=str(line.n)), int)
    assert bring(office, "rules", row)[0].rows == {"aside": 1}
    other = row.replace("not required", "required")
    assert bring(office, "rules", other)[0].rows["revived"] == 1
    assert bring(office, "rules", other)[0].rows["unchanged"] == 1
