"""What holds of every kind of table: tried without a trace, good rows in and faulty ones named by their cell, again
without doubling, told how far it is, and out again as it came in."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select

from auth.tables import user as user_table
from carecoord.actions.imports import exporter, formats, importer
from carecoord.actions.imports.importer import IMPORTER
from carecoord.domain.imports import headings
from carecoord.domain.imports.sheets import SHEETS
from carecoord.settings import Settings
from carecoord.store.agreements.tables import rate_line
from carecoord.store.database.engine import reading
from carecoord.store.database.tables import history, resource
from carecoord.store.prior_auth.tables import authorization_rule
from carecoord.store.terms.tables import code_entry
from carecoord.world import World
from tests.imports.conftest import ORGANIZATIONS, PLANS, bring, made_on


@dataclass(frozen=True)
class Sample:
    """A table of two good rows and a faulty one, and what is wrong with it."""

    text: str
    fault: str


NOBODY = "Nobody here is called 'Nobody' or has this number; bring it in first, or write its NPI"
SAMPLES = {
    "organizations": Sample(
        "Name,Kind,NPI\nAsh Clinic,clinic,9000030012\nYew Clinic,clinic,\nFir Clinic,clinic,9000030013\n",
        "organizations.csv, C4: '9000030013' is no NPI: its last digit does not fit the others, so one is mistyped",
    ),
    "plans": Sample(
        "Plan number,Plan name,Payer,Networks\nP1,One,AC001,Acme Select\nP2,Two,AC001,New Net\nP3,Three,Nobody,N\n",
        f"plans.csv, C4: {NOBODY}",
    ),
    "clinicians": Sample(
        "NPI,Last name,First name,Organization,Sites,Taxonomy\n9000030012,Okafor,Ngozi,9000010089,Elm Clinic West,"
        "207RC0000X\n9000030012,Okafor,Ngozi,9000010121,,\n9000040029,Lindqvist,Mats,9000010121,9000100807,\n",
        "clinicians.csv, E4: 9000100807 is a site of 9000010089",
    ),
    "rosters": Sample(
        "Network,Organization,Clinician NPI,Starts,Ends\nAcme Select,9000010089,,2026-01-01,2026-12-31\n"
        "Acme Broad,9000010121,9000050010,2026-02-01,\nAcme Broad,9000010121,,2026-02-01,2026-01-01\n",
        "rosters.csv, E4: It ends on 2026-01-01, before it starts",
    ),
    "agreements": Sample(
        "Number,Version,Payer,Provider,Starts,Networks\nA-1,1,AC001,9000010089,2026-01-01,Acme Select\n"
        "A-2,1,AC001,9000010121,2026-01-01,\nA-3,1,AC001,Nobody,2026-01-01,\n",
        f"agreements.csv, D4: {NOBODY}",
    ),
    "rates": Sample(
        "Contract number,Code,Modifiers,Rate,Percent,Effective date\nE-1,97110,GP,41.50,,2026-01-01\n"
        "E-1,97112,,1.2500,60,2026-01-01\nE-1,97113,,,,2026-01-01\n",
        "rates.csv, D4: The amount is missing.",
    ),
    "people": Sample(
        "Login,Name,Roles,Organization,NPI\nanna@elm.example,Anna Beispiel,coordinator,9000010089,\n"
        "sarkis@oak.example,Ani Sarkis,clinician; coordinator,9000010121,9000050010\nno@x.example,N,coordinator,,\n",
        "people.csv, D4: For whom do they work? Without an organization they see no case",
    ),
    "codes": Sample(
        "Code,Grouping,Classification,Specialization,Definition,Notes,Display Name,Section\n"
        "207RC0000X,Group,Internal Medicine,Heart,,,Heart Physician,Individual\n"
        "207RG0100X,Group,Internal Medicine,Gut,,,Gut Physician,Individual\n??,Group,Nobody,,,,Nobody,Individual\n",
        "codes.csv, A4: '??' has the shape of no code system that is known; say which in the column Code system",
    ),
    "exclusions": Sample(
        "LASTNAME,FIRSTNAME,BUSNAME,NPI,EXCLDATE\nSarkis,Ani,,9000050010,20260120\n"
        ",,Elm Clinic,9000010089,20260220\n,,,9000010121,20260220\n",
        "exclusions.csv, A4: Who is it? Write a last name or a business name",
    ),
    "rules": Sample(
        "Payer,Authorization,Code,Plan\nAC001,yes,97110,AC-HMO\nAC001,no,97112,\nAC001,perhaps,97113,\n",
        "rules.csv, B4: 'perhaps' is not one of: required, not required, notification only, delegated",
    ),
}
CLINICIAN = "NPI,Last name,Organization\n9000050010,Sarkis,9000010121\n"


HELD = (resource, history, authorization_rule, rate_line, user_table, code_entry)


def held(world: World) -> int:
    with reading(world.engine) as conn:
        return sum(conn.scalar(select(func.count()).select_from(each)) or 0 for each in HELD)


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_every_kind_comes_in_stays_the_same_and_goes_out_on_postgresql_as_well(
    database_url: str, tmp_path: Path
) -> None:
    world = made_on(Settings(var=str(tmp_path), database_url=database_url), tmp_path)
    for kind, text in (("organizations", ORGANIZATIONS), ("plans", PLANS), ("clinicians", CLINICIAN),
                       ("agreements", "Number,Payer,Provider,Starts\nE-1,AC001,9000010089,2026-01-01\n")):  # fmt: skip
        assert bring(world, kind, text)[1] == []
    for kind, sample in SAMPLES.items():
        before = held(world)
        tried, faults = bring(world, kind, sample.text, dry=True)
        assert (+tried.rows, faults, held(world)) == ({"new": 2, "faulty": 1}, [sample.fault], before), kind
        brought, _ = bring(world, kind, sample.text)
        again, same = bring(world, kind, sample.text)
        assert (+brought.rows, +again.rows) == ({"new": 2, "faulty": 1}, {"unchanged": 2, "faulty": 1}), kind
        assert same == faults, kind
        data = exporter.export(world, IMPORTER, "test", SHEETS[kind], "csv")
        kept = held(world)
        out, wrong = bring(world, kind, data, f"{kind}.csv")
        assert (wrong, set(+out.rows), held(world)) == ([], {"unchanged"}, kept), kind
    world.engine.dispose()


@pytest.mark.parametrize("kind", SHEETS)
def test_a_table_of_any_kind(office: World, kind: str) -> None:
    sample = SAMPLES[kind]
    bring(office, "clinicians", CLINICIAN)
    bring(office, "agreements", "Number,Payer,Provider,Starts\nE-1,AC001,9000010089,2026-01-01\n")
    before = held(office)
    tried, faults = bring(office, kind, sample.text, dry=True)
    assert (+tried.rows, faults, held(office)) == ({"new": 2, "faulty": 1}, [sample.fault], before)
    table = formats.read("them.csv", sample.text.encode())
    told: list[tuple[int, int]] = []
    mapped = headings.mapped(SHEETS[kind], table.header)
    brought = importer.bring(
        office, IMPORTER, "test", SHEETS[kind], table, mapped, report=lambda *so_far: told.append(so_far)
    )
    assert (+brought.rows, told[-1]) == ({"new": 2, "faulty": 1}, (3, 3))
    kept = held(office)
    assert kept > before
    again, same = bring(office, kind, sample.text)
    assert (+again.rows, same, held(office)) == ({"unchanged": 2, "faulty": 1}, faults, kept)
    for form in ("csv", "xlsx"):
        data = exporter.export(office, IMPORTER, "test", SHEETS[kind], form)  # type: ignore[arg-type]
        out, wrong = bring(office, kind, data, f"{kind}.{form}")
        assert (wrong, set(+out.rows), held(office)) == ([], {"unchanged"}, kept)
