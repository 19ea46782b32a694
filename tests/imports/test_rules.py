"""Payers' rules from a table: what clearance then finds, faults by cell, and again without doubling."""

from carecoord.actions.clearance import rule_lines
from carecoord.actions.imports import exporter
from carecoord.actions.imports.importer import IMPORTER
from carecoord.domain.imports.sheets import SHEETS
from carecoord.domain.resource.codes import IDENTIFIER
from carecoord.store.database.engine import reading
from carecoord.world import World
from tests.imports.conftest import bring

HEAD = "Payer,Code,Last code,Rule,Plan,Network,Authorization,Delegated to,Places of service,Starts,Ends\n"
ROWS = """AC001,G0463,,Clinic visit,,in,no,,,2026-01-01,
AC001,L3000,L3099,Foot inserts,AC-HMO,,yes,,11; 22,2026-01-01,2026-12-31
AC001,70551,,MRI of the head,,,delegated,Prism Imaging,,2026-01-01,
"""


def test_a_rule_of_a_table_is_one_that_clearance_finds(office: World) -> None:
    brought, faults = bring(office, "rules", HEAD + ROWS)
    assert (faults, brought.rows["new"]) == ([], 3)
    with reading(office.engine) as conn:
        payer = f"{IDENTIFIER}/payer|AC001"
        found = {each.title: each for each in rule_lines.find(conn, [payer], None, ["G0463", "L3020", "70551"], [])}
    assert {title: each.answer for title, each in found.items()} == {
        "Clinic visit": "not-required", "Foot inserts": "required", "MRI of the head": "delegated",
    }  # fmt: skip
    assert (found["Foot inserts"].plan, found["Foot inserts"].places) == ("AC-HMO", {"11", "22"})
    assert (found["Clinic visit"].network, found["MRI of the head"].vendor) == ("in", "Prism Imaging")
    assert bring(office, "rules", HEAD + ROWS)[0].rows == {"unchanged": 3, "faulty": 0}
    data = exporter.export(office, IMPORTER, "test", SHEETS["rules"], "xlsx")
    assert bring(office, "rules", data, "rules.xlsx")[0].rows == {"unchanged": 3, "faulty": 0}
    changed, _ = bring(office, "rules", HEAD + ROWS.replace(",in,no,", ",in,yes,"))
    assert changed.rows == {"changed": 1, "unchanged": 2, "faulty": 0}


def test_a_rule_that_can_not_be_read_is_told_by_its_cell(office: World) -> None:
    rows = [
        "AC001,G0463,,,,,perhaps,,,,",
        "AC001,bandage,,,,,yes,,,,",
        "AC001,L3000,G0463,,,,yes,,,,",
        "AC001,70551,,,,,delegated,,,,",
        "Elm Clinic,G0463,,,,,yes,,,,",
    ]
    assert bring(office, "rules", HEAD + "\n".join(rows))[1] == [
        "rules.csv, G2: 'perhaps' is not one of: required, not required, notification only, delegated",
        "rules.csv, B3: 'BANDAGE' has the shape of no code system that is known; say which in the column Code system",
        "rules.csv, C4: L3000 to G0463 is no range of codes of one shape",
        "rules.csv, H5: Delegated to whom? Name the vendor",
        "rules.csv, A6: Nobody here is called 'Elm Clinic' or has this number; bring it in first, or write its NPI",
    ]
