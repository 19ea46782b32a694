"""Organizations, plans and agreements from spreadsheets: good rows in, faults by cell, and again without doubling."""

import io
from typing import Any

import pytest
from openpyxl import Workbook

from carecoord.actions.imports import exporter
from carecoord.actions.imports.importer import IMPORTER
from carecoord.domain.imports.sheets import SHEETS
from carecoord.errors import Invalid
from carecoord.fhir import text
from carecoord.store.database.engine import reading
from carecoord.store.worklist import registry
from carecoord.world import World
from tests.imports.conftest import ORGANIZATIONS, PLANS, bring
from tests.imports.workbook import register

HEAD = "Agreement number,Version,First party,Second party,Starts,Ends,Status,Amends version,Networks\n"


def every(world: World, type: str) -> list[dict[str, Any]]:
    with reading(world.engine) as conn:
        return [text.loads(row.body) for row in registry.every(conn, type)]


def test_an_empty_office_gets_its_organizations_plans_and_networks(office: World) -> None:
    named = {each["name"]: each for each in every(office, "Organization")}
    assert set(named) == {"Acme Health", "Elm Clinic", "Oak Group", "Acme Select", "Acme Broad"}
    assert named["Elm Clinic"]["identifier"] == [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "9000010089"}]
    assert named["Acme Select"]["partOf"]["reference"] == f"Organization/{named['Acme Health']['id']}"
    (site,) = every(office, "Location")
    assert site["managingOrganization"]["reference"] == f"Organization/{named['Elm Clinic']['id']}"
    assert site["address"] == {
        "line": ["2 West Road"], "city": "Fairmont", "state": "NY", "postalCode": "10002", "country": "US",
    }  # fmt: skip
    plans = {each["identifier"][0]["value"]: each for each in every(office, "InsurancePlan")}
    assert len(plans["AC-HMO"]["network"]) == 2
    assert plans["AC-PPO"]["network"] == [{"reference": f"Organization/{named['Acme Broad']['id']}"}]
    assert plans["AC-PPO"]["ownedBy"] == {"reference": f"Organization/{named['Acme Health']['id']}"}


def test_the_same_file_again_changes_nothing(office: World) -> None:
    for kind, data, rows in (("organizations", ORGANIZATIONS, 4), ("plans", PLANS, 2)):
        again, faults = bring(office, kind, data)
        assert (again.rows["unchanged"], again.rows["new"], again.rows["changed"], faults) == (rows, 0, 0, [])


def test_a_dry_run_says_the_same_and_keeps_nothing(world: World) -> None:
    tried, _ = bring(world, "organizations", ORGANIZATIONS, dry=True)
    assert (tried.rows["new"], every(world, "Organization"), every(world, "Location")) == (4, [], [])
    assert bring(world, "organizations", ORGANIZATIONS)[0].rows == tried.rows


def test_an_agreement_is_kept_with_who_takes_part_under_it(office: World) -> None:
    brought, faults = bring(office, "agreements", HEAD + "A-1,1,AC001,9000010089,2026-01-01,,executed,,Acme Select\n")
    assert (faults, brought.rows["new"]) == ([], 1)
    (contract,), (row,) = every(office, "Contract"), every(office, "OrganizationAffiliation")
    assert (contract["status"], contract["applies"]) == ("executed", {"start": "2026-01-01"})
    assert row["extension"][0]["valueReference"]["reference"] == f"Contract/{contract['id']}"
    assert bring(office, "agreements", HEAD + "A-1,1,AC001,9000010089,2026-01-01,,executed,,Acme Select\n")[0].rows == {
        "unchanged": 1,
        "faulty": 0,
    }


def test_faults_are_told_by_cell_and_the_good_rows_are_kept_whole(office: World) -> None:
    rows = [
        "A-1,1,AC001,9000010089,2026-01-01,2026-12-31,,,Acme Select",
        "A-2,1,AC001,9000010089,31.02.2026,,,,Acme Select",
        "A-3,1,Acme Helth,9000010089,2026-01-01,,,,",
        "A-4,1,AC001,9000010088,2026-01-01,,,,",
        "A-5,1,AC001,9000010121,2026-01-01,,,,Acme Slect",
        "A-6,1,AC001,,2026-01-01,,,,",
        "A-7,1,AC001,9000010121,2026-06-01,2026-05-01,,,",
        "A-1,1,AC001,9000010089,2026-01-01,2026-12-31,,,Acme Select",
        "A-1,2,AC001,9000010089,2026-06-01,,,,Acme Select",
        "A-1,3,AC001,9000010089,2026-06-01,,,1,Acme Select",
        "A-1,4,AC001,9000010089,2026-06-01,,,9,",
        "A-8,1,AC001,9000010121,2026-01-01,,terminated,,",
        "A-9,1,AC001,AC001,2026-01-01,,sighned,,",
    ]
    brought, faults = bring(office, "agreements", HEAD + "\n".join(rows))
    assert faults == [
        "agreements.csv, E3: '31.02.2026' is no day; write 2026-02-28",
        "agreements.csv, C4: Nobody here is called 'Acme Helth' or has this number; is Acme Health meant?",
        "agreements.csv, D5: '9000010088' is no NPI: its last digit does not fit the others, so one is mistyped",
        "agreements.csv, I6: Nobody here is called 'Acme Slect' or has this number; is Acme Select meant?",
        "agreements.csv, D7: Second party is needed",
        "agreements.csv, F8: It ends on 2026-05-01, before it starts",
        "agreements.csv, row 9: This is the same as row 2 above; keep one of them",
        "agreements.csv, E10: Version 1 of A-1 is in force from 2026-01-01 to 2026-12-31; end it before, or say that "
        "this one amends it",
        "agreements.csv, H12: There is no other version 9 of A-1 to amend; it stands above this row, or is here "
        "already",
        "agreements.csv, F13: A terminated agreement needs the day of its end",
        "agreements.csv, G14: 'sighned' is not one of: executed, renewed, draft, negotiating, offered, awaiting "
        "signature, suspended, terminated, cancelled",
    ]
    assert brought.rows == {"new": 2, "faulty": 11}
    assert sorted(each["version"] for each in every(office, "Contract")) == ["1", "3"]
    assert len(every(office, "OrganizationAffiliation")) == 2


def test_what_was_executed_stays_as_signed_and_takes_no_other_row_with_it(office: World) -> None:
    bring(office, "agreements", HEAD + "A-1,1,AC001,9000010089,2026-01-01,,executed,,\n")
    changed = "A-1,1,AC001,9000010089,2026-02-01,,executed,,\nA-2,1,AC001,9000010121,2026-01-01,,,,\n"
    brought, faults = bring(office, "agreements", HEAD + changed)
    assert faults == [
        "agreements.csv, row 2: This version was executed: its applies stays as signed. Legal: amend (a new Contract)."
    ]
    assert brought.rows == {"new": 1, "faulty": 1}


def test_an_empty_cell_leaves_what_stands(office: World) -> None:
    bring(office, "organizations", "Name,NPI,Phone\nElm Clinic PC,9000010089,\n")
    named = {each["name"]: each for each in every(office, "Organization")}
    assert named["Elm Clinic PC"]["telecom"][0]["value"] == "555-0117"
    assert named["Elm Clinic PC"]["address"][0]["city"] == "Fairmont"


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_is_exported_can_be_brought_in_and_changes_nothing(office: World, form: Any) -> None:
    bring(office, "agreements", HEAD + "A-1,1,AC001,9000010089,2026-01-01,,executed,,Acme Select; Acme Broad\n")
    for kind, rows in (("organizations", 4), ("plans", 2), ("agreements", 1)):
        data = exporter.export(office, IMPORTER, "test", SHEETS[kind], form)
        again, faults = bring(office, kind, data, f"{kind}.{form}")
        assert (faults, again.rows["unchanged"]) == ([], rows)


@pytest.mark.parametrize("kind", SHEETS)
def test_a_template_can_be_brought_in_and_its_example_is_no_row(world: World, kind: str) -> None:
    for form in ("csv", "xlsx"):
        brought, _ = bring(world, kind, exporter.template(SHEETS[kind], form))  # type: ignore[arg-type]
        assert brought.rows == {}


TEXT = "Name;NPI\nPraxis Müller;9000010089\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_however_it_was_saved(world: World, encoding: str, delimiter: str) -> None:
    brought, faults = bring(world, "organizations", TEXT.replace(";", delimiter).encode(encoding), dry=True)
    assert (faults, brought.rows["new"]) == ([], 1)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04nonsense", "can not be read as a workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel file"),
        (b"GIF89a\0\0\0\0", "neither CSV nor XLSX"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(world: World, data: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        bring(world, "organizations", data)


def test_of_a_workbook_every_fault_is_named_by_its_cell_and_again_changes_nothing(office: World) -> None:
    data, told = register(300, 25)
    assert len(told) == 100
    brought, faults = bring(office, "agreements", data, "register.xlsx")
    assert dict(each.removeprefix("register.xlsx, sheet Register, ").split(": ", 1) for each in faults) == told
    assert brought.rows == {"new": 200, "faulty": 100}
    assert len(every(office, "Contract")) == 200
    again, same = bring(office, "agreements", data, "register.xlsx")
    assert (again.rows, same) == ({"unchanged": 200, "faulty": 100}, faults)


def test_a_cell_of_a_workbook_is_what_it_shows_or_is_told_of(office: World) -> None:
    book = Workbook()
    sheet = book.active
    sheet.append(["Name", "NPI", "ZIP", "Phone"])
    sheet.append(["Ash Clinic", 9000010121, "07030", "=1+1"])
    sheet.append(["Yew Clinic", 9000030012, 7030.0, "#REF!"])
    out = io.BytesIO()
    book.save(out)
    _, faults = bring(office, "organizations", out.getvalue(), "them.xlsx", dry=True)
    assert faults == [
        "them.xlsx, sheet Sheet, D2: The value of the formula =1+1 was never saved; open the file, save it, and bring "
        "it again",
        "them.xlsx, sheet Sheet, D3: The cell shows #REF!: its formula failed",
    ]
