"""Rates and people from tables: what stands after a part could not be read, and who may bring what."""

import pytest

from auth import store
from auth.grant import Grant
from carecoord.actions.agreements import rates as held
from carecoord.actions.imports import exporter, formats, importer
from carecoord.actions.imports.importer import IMPORTER
from carecoord.domain.imports import headings
from carecoord.domain.imports.sheets import SHEETS
from carecoord.errors import Forbidden
from carecoord.store.database.engine import reading
from carecoord.store.worklist import registry
from carecoord.words.catalogue import say
from carecoord.world import World
from tests.imports.conftest import bring

HEAD = "Contract number,Code,Modifiers,Rate,Effective date,Line\n"
TWO = "E-1,97110,GP,41.50,2026-01-01,\nE-1,97112,,44,2026-01-01,\n"
PEOPLE = "Login,Name,Roles,Organization\n"


def agreed(office: World) -> str:
    bring(office, "agreements", "Number,Payer,Provider,Starts\nE-1,AC001,9000010089,2026-01-01\n")
    with reading(office.engine) as conn:
        return f"Contract/{registry.every(conn, 'Contract')[0].id}"


def found(office: World, contract: str, code: str) -> list[str]:
    with reading(office.engine) as conn:
        return [f"{line.amount:.2f}" for _, line in held.found(conn, [contract], code)]


def test_a_table_of_rates_replaces_the_schedule_and_a_faulty_row_takes_no_line_away(office: World) -> None:
    contract = agreed(office)
    assert bring(office, "rates", HEAD + TWO)[0].rows == {"new": 2}
    changed = TWO.replace("41.50", "43.25").replace("E-1,97112,,44", "E-1,97112,,forty")
    brought, faults = bring(office, "rates", HEAD + changed)
    assert faults == ["rates.csv, D3: 'forty' is no amount of money; write it like 1200.50"]
    assert brought.rows == {"new": 1, "ended": 1, "faulty": 1}
    assert (found(office, contract, "97110"), found(office, contract, "97112")) == (["43.25"], ["44.00"])
    assert bring(office, "rates", HEAD + "E-1,97110,GP,43.25,2026-01-01,\n")[0].rows == {"unchanged": 1, "ended": 1}
    assert found(office, contract, "97112") == []


def test_contract_staff_of_no_party_bring_no_rates_in(office: World) -> None:
    contract = agreed(office)
    with reading(office.engine) as conn:
        by_name = {row.id: row.body for row in registry.every(conn, "Organization")}
    ours, others = (next(id for id, body in by_name.items() if name in body) for name in (b"Elm Clinic", b"Oak Group"))
    table = formats.read("rates.csv", (HEAD + TWO).encode())
    mapped = headings.mapped(SHEETS["rates"], table.header)
    for organization, rows in ((others, {"faulty": 2}), (ours, {"new": 2})):
        staff = Grant("cora", roles=frozenset({"contracts"}), organization=organization, scopes=IMPORTER.scopes)
        brought = importer.bring(office, staff, "test", SHEETS["rates"], table, mapped)
        assert +brought.rows == rows, [say(each.why) for each in brought.faults]
    assert found(office, contract, "97110") == ["41.50"]


@pytest.mark.parametrize("kind", ["rates", "rules", "organizations", "codes"])
def test_a_service_without_a_role_neither_brings_a_table_in_nor_takes_one_out(office: World, kind: str) -> None:
    service = Grant("app-1", client="app-1", scopes=IMPORTER.scopes)
    table = formats.read("them.csv", (HEAD + TWO).encode())
    with pytest.raises(Forbidden):
        importer.bring(office, service, "test", SHEETS[kind], table, {})
    with pytest.raises(Forbidden):
        exporter.export(office, service, "test", SHEETS[kind], "csv")


def test_people_of_a_table_are_invited_and_later_rows_change_their_roles(office: World) -> None:
    row = "anna@elm.example,Anna Beispiel,coordinator,9000010089\n"
    assert bring(office, "people", PEOPLE + row)[0].rows == {"new": 1}
    changed, faults = bring(office, "people", PEOPLE + row.replace("coordinator", "coordinator; contracts") + row)
    assert (changed.rows, faults) == (
        {"changed": 1, "faulty": 1}, ["people.csv, row 3: This is the same as row 2 above; keep one of them"],
    )  # fmt: skip
    with reading(office.engine) as conn:
        (user,) = store.users(conn)
    assert (user.login, user.roles) == ("anna@elm.example", {"coordinator", "contracts"})
