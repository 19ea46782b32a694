"""`/import`: a person who is no programmer uploads a table, says which column is which, sees what would become of it
with every fault at its cell, and takes it in; within their roles and their organization's side."""

import io
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from carecoord.actions.imports import formats, importer, uploads
from carecoord.errors import DatabaseAway
from carecoord.fhir import text
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import reading
from carecoord.store.database.outbox import Job
from carecoord.store.worklist import registry
from carecoord.worker.lanes import perform
from carecoord.worker.leases import Leases
from tests.desk.conftest import House
from tests.store.database.test_group_commit import crowding

HEAD = "Agreement number,Version,First party,Second party,Starts,Ends\n"


def csrf(client: FlaskClient) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/import").get_data(as_text=True))
    assert found
    return found[1]


def upload(client: FlaskClient, kind: str, data: str, name: str = "them.csv") -> Any:
    sent = {"csrf": csrf(client), "kind": kind, "file": (io.BytesIO(data.encode()), name)}
    return client.post("/import", data=sent, content_type="multipart/form-data")


def go(client: FlaskClient, address: str, do: str, **columns: str) -> str:
    answer = client.post(address, data={"csrf": csrf(client), "do": do, **columns}, follow_redirects=True)
    return str(answer.get_data(as_text=True))


def contracts(house: House) -> dict[str, Any]:
    with reading(house.world.engine) as conn:
        rows = [text.loads(row.body) for row in registry.every(conn, "Contract")]
    return {f"{each['identifier'][0]['value']} {each['version']}": each for each in rows}


AGREEMENT = {
    "number": "Agreement number", "version": "Version", "payer": "First party", "provider": "Second party",
    "starts": "Starts", "ends": "Ends",
}  # fmt: skip


def test_a_table_is_tried_then_taken_in_and_the_faults_stand_at_their_cells(acting_house: House) -> None:
    desk = acting_house.enter("contracts")
    rows = (
        "D-1,1,office-blue-horizon,office-fairmont,2027-01-01,\nD-2,1,office-blue-horizon,office-fairmont,30.02.2027,\n"
    )
    address = upload(desk, "agreements", HEAD + rows).headers["Location"]
    page = desk.get(address).get_data(as_text=True)
    assert "6 of 18 columns found" in page
    page = go(desk, address, "try", **AGREEMENT)
    assert "&#39;30.02.2027&#39; is no day; write 2027-02-28" in page
    assert '<th scope="row">E3</th>' in page
    assert "Import 1 row" in page
    assert "D-1 1" not in contracts(acting_house)
    assert "E3" in desk.get(f"{address}/faults.csv").get_data(as_text=True)
    tried = desk.get(f"{address}/faulty.xlsx").data
    page = go(desk, address, "import", **AGREEMENT)
    assert "1 row is in; 1 faulty left out" in page
    for book in (tried, desk.get(f"{address}/faulty.xlsx").data):
        table = formats.read("faulty.xlsx", book)
        assert table.header == [*HEAD.strip().split(","), "What is wrong"]
        (line,) = table.lines
        assert list(line.cells)[:5] == ["D-2", "1", "office-blue-horizon", "office-fairmont", "30.02.2027"]
        assert line.cells[6] == "Starts: '30.02.2027' is no day; write 2027-02-28"
    assert contracts(acting_house)["D-1 1"]["status"] == "executed"
    again = upload(desk, "agreements", HEAD + rows).headers["Location"]
    assert "Nothing changed: all of it was here already, or is faulty" in go(desk, again, "import", **AGREEMENT)


def test_which_column_is_which_is_kept_for_the_next_file(acting_house: House) -> None:
    desk = acting_house.enter("contracts")
    head = "Vertrag,Stand,Zahler,Praxis,Beginn\n"
    address = upload(desk, "agreements", head + "D-3,1,office-blue-horizon,office-fairmont,2027-01-01\n").headers[
        "Location"
    ]
    page = go(desk, address, "try")
    assert "Say which column holds Agreement number, First party, Second party, Starts." in page
    said = {"number": "Vertrag", "version": "Stand", "payer": "Zahler", "provider": "Praxis", "starts": "Beginn"}
    assert "Import 1 row" in go(desk, address, "try", **said)
    again = upload(desk, "agreements", head + "D-4,1,office-blue-horizon,office-fairmont,2027-01-01\n").headers[
        "Location"
    ]
    page = desk.get(again).get_data(as_text=True)
    assert "5 of 18 columns found" in page
    assert "<option selected>Praxis</option>" in page
    elsewhere = acting_house.enter("rival")
    other = upload(elsewhere, "agreements", head + "D-4,1,office-pinnacle,office-fairmont,2027-01-01\n").headers[
        "Location"
    ]
    assert "0 of 18 columns found" in elsewhere.get(other).get_data(as_text=True)


@pytest.mark.parametrize(
    ("who", "parties", "kept"),
    [
        ("contracts", "office-blue-horizon,office-fairmont", True),
        ("contracts", "office-blue-horizon,office-summit-spine", False),
        ("rival", "office-pinnacle,office-summit-spine", True),
        ("rival", "office-blue-horizon,office-summit-spine", False),
    ],
)
def test_contract_staff_bring_in_only_their_own_organizations_side(
    acting_house: House, who: str, parties: str, kept: bool
) -> None:
    desk, number = acting_house.enter(who), f"S-{who}-{kept}"
    address = upload(desk, "agreements", HEAD + f"{number},1,{parties},2027-01-01,\n").headers["Location"]
    page = go(desk, address, "import", **AGREEMENT)
    assert ("not a party to this" in page, f"{number} 1" in contracts(acting_house)) == (not kept, kept)


def test_a_number_in_use_by_others_is_told_and_nothing_of_the_agreement(acting_house: House) -> None:
    desk = acting_house.enter("rival")
    row = "AGR-0101,9,office-pinnacle,office-summit-spine,2030-01-01,\n"  # Blue Horizon's number
    address = upload(desk, "agreements", HEAD + row).headers["Location"]
    page = go(desk, address, "import", **AGREEMENT)
    assert "Number AGR-0101 is in use by an agreement that you do not see" in page
    assert "AGR-0101 9" not in contracts(acting_house)
    assert "Blue Horizon" not in desk.get("/import/export/agreements.csv").get_data(as_text=True)


def test_a_payers_staff_export_the_plans_of_their_own_payer_alone(acting_house: House) -> None:
    told = acting_house.enter("rival").get("/import/export/plans.csv").get_data(as_text=True)
    assert "Pinnacle" in told
    acting_house.world.journal.drain(acting_house.world.engine)
    with reading(acting_house.world.engine) as conn:
        noted = conn.execute(select(audit.c.query).where(audit.c.interaction == "export-table")).scalars().all()
    assert "table=plans&format=csv" in noted
    assert "Blue Horizon" not in told


def test_only_who_may_comes_here_and_each_sees_only_their_own_files(acting_house: House) -> None:
    desk = acting_house.enter("contracts")
    address = upload(desk, "organizations", "Name,NPI\nAsh Clinic,9000030012\n").headers["Location"]
    admin = acting_house.enter("admin")
    assert admin.get(address).status_code == 404
    offered = {who: re.findall(r'<option value="(\w+)"', one.get("/import").get_data(as_text=True))
               for who, one in (("contracts", desk), ("admin", admin))}  # fmt: skip
    assert ("rates" in offered["contracts"], "people" in offered["contracts"]) == (True, False)
    assert ("rates" in offered["admin"], "people" in offered["admin"]) == (False, True)
    assert desk.get("/import/export/people.csv").status_code == 404
    assert admin.get(f"{address}/faults.csv").status_code == 404
    page = admin.get("/import").get_data(as_text=True)
    assert "Organizations and sites" in page
    assert "Agreements" not in page  # an admin writes no agreements
    assert upload(admin, "agreements", HEAD + "D-9,1,a,b,2027-01-01,\n").status_code == 403
    assert admin.get("/import/export/agreements.csv").status_code == 404
    for who in ("coordinator", "clinician", "payer", "auditor"):
        assert acting_house.enter(who).get("/import").status_code == 403


def test_a_large_file_is_later_work_with_its_progress_told(
    acting_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "AT_ONCE", 2)
    desk = acting_house.enter("contracts")
    rows = "".join(f"Clinic {n},\n" for n in range(3))
    address = upload(desk, "organizations", "Name,NPI\n" + rows).headers["Location"]
    page = go(desk, address, "try", name="Name")
    assert "0 of 3 rows. You can leave this page" in page
    assert "This file is being read" in go(desk, address, "try", name="Name")
    uploads.run(acting_house.world, address.rpartition("/")[2])
    assert "Import 3 rows" in desk.get(address).get_data(as_text=True)
    uploads.run(acting_house.world, address.rpartition("/")[2])  # a worker that comes twice
    go(desk, address, "import", name="Name")
    uploads.run(acting_house.world, address.rpartition("/")[2])
    assert "3 rows are in" in desk.get(address).get_data(as_text=True)


def test_a_table_that_the_database_could_not_keep_is_tried_again_and_has_not_failed(
    acting_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "AT_ONCE", 0)
    desk = acting_house.enter("contracts")
    address = upload(desk, "organizations", "Name,NPI\nYew Clinic,\n").headers["Location"]
    go(desk, address, "import", name="Name")
    id = address.rpartition("/")[2]
    with crowding(acting_house.world.engine) as crowd:
        assert isinstance(crowd.keeps_waiting(lambda: uploads.run(acting_house.world, id)), DatabaseAway)
    assert "You can leave this page" in desk.get(address).get_data(as_text=True)
    uploads.run(acting_house.world, id)
    assert "1 row is in" in desk.get(address).get_data(as_text=True)


def test_what_is_no_table_is_refused_where_it_was_chosen(acting_house: House) -> None:
    desk = acting_house.enter("admin")
    answer = upload(desk, "organizations", "GIF89a\0\0\0", "them.gif")
    assert answer.status_code == 422
    assert "neither CSV nor XLSX" in answer.get_data(as_text=True)
    assert "has headings and no rows" in upload(desk, "organizations", "Name,NPI\n").get_data(as_text=True)
    assert desk.post("/import", data={"csrf": csrf(desk), "kind": "plans"}).status_code == 422


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_templates_come_as_both(acting_house: House, form: str) -> None:
    answer = acting_house.enter("admin").get(f"/import/template/plans.{form}")
    assert answer.status_code == 200
    assert f"Template - Plans and networks.{form}" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(("payer", "kept"), [("office-pinnacle", True), ("office-blue-horizon", False)])
def test_a_payers_staff_bring_in_no_rules_of_another_payer(acting_house: House, payer: str, kept: bool) -> None:
    desk = acting_house.enter("rival")
    row = f"{payer},S9441,yes\n"
    address = upload(desk, "rules", "Payer,Code,Authorization\n" + row).headers["Location"]
    page = go(desk, address, "import", payer="Payer", code="Code", answer="Authorization")
    assert ("1 row is in" in page) == kept


def test_a_file_that_no_worker_could_read_says_so_after_the_last_try(
    acting_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = acting_house.enter("contracts")
    rows = "".join(f"F-{n},1,office-blue-horizon,office-fairmont,2027-01-01,\n" for n in range(501))
    address = upload(desk, "agreements", HEAD + rows).headers["Location"]
    assert "Trying it" in go(desk, address, "try", **AGREEMENT)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(importer, "bring", broken)
    for attempt in (1, 2, 3):
        job = Job(1, "import", address.rpartition("/")[2], b"", attempt, "w", 1)
        perform(acting_house.world, Leases(acting_house.world), job)
        assert ("something failed here" in desk.get(address).get_data(as_text=True)) == (attempt == 3)


def test_a_file_that_ends_its_worker_each_time_says_so_after_the_last_try(
    acting_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = acting_house.enter("contracts")
    rows = "".join(f"F-{n},1,office-blue-horizon,office-fairmont,2027-01-01,\n" for n in range(501))
    address = upload(desk, "agreements", HEAD + rows).headers["Location"]
    assert "Trying it" in go(desk, address, "try", **AGREEMENT)
    monkeypatch.delattr(importer, "bring")
    job = Job(1, "import", address.rpartition("/")[2], b"", 4, "w", 1)
    perform(acting_house.world, Leases(acting_house.world), job)
    assert "something failed here" in desk.get(address).get_data(as_text=True)


SITES = "Name,Kind,NPI,Part of,Phone\n"
SITE = {"name": "Name", "kind": "Kind", "npi": "NPI", "part-of": "Part of", "phone": "Phone"}


def test_an_import_is_taken_back_as_a_whole_but_for_what_was_changed_since(acting_house: House) -> None:
    desk = acting_house.enter("admin")
    first = "Yew Clinic,clinic,9000777000,,555-0102\nYew West,site,9000777018,9000777000,\nAsh,clinic,9000777026,,1\n"
    address = upload(desk, "organizations", SITES + first, "first.csv").headers["Location"]
    assert "Take the whole import back" in go(desk, address, "import", **SITE)
    later = "Yew Clinic,clinic,9000777000,,555-0199\nElm,clinic,9000777034,,2\n"
    second = upload(desk, "organizations", SITES + later, "later.csv").headers["Location"]
    go(desk, second, "import", **SITE)
    page = go(desk, address, "return")
    assert "2 taken back; 1 stays as it is" in page
    assert "Somebody has changed it since; it stays as it is" in page
    assert named(acting_house) == {"9000777000": "555-0199", "9000777034": "2"}
    page = go(desk, second, "return")
    assert "2 taken back." in page
    assert named(acting_house) == {"9000777000": "555-0102"}, "what it changed is as it was before"
    assert "It can not be taken back, or not any more" in go(desk, second, "return")


def named(house: House) -> dict[str, str]:
    """The organizations and sites of these tests by their NPI, with their telephone."""
    ours = ("9000777000", "9000777018", "9000777026", "9000777034")
    with reading(house.world.engine) as conn:
        rows = [*registry.every(conn, "Organization"), *registry.every(conn, "Location")]
    found = [text.loads(row.body) for row in rows]
    return {
        i["value"]: next((t["value"] for t in each.get("telecom", ())), "")
        for each in found for i in each.get("identifier", ()) if i["value"] in ours
    }  # fmt: skip


def test_nobody_takes_back_what_something_leans_on(acting_house: House) -> None:
    desk = acting_house.enter("admin")
    address = upload(desk, "organizations", SITES + "Fir,clinic,9000777034,,3\n", "fir.csv").headers["Location"]
    go(desk, address, "import", **SITE)
    east = "Fir East,site,9000777018,9000777034,\n"
    site = upload(desk, "organizations", SITES + east, "east.csv").headers["Location"]
    go(desk, site, "import", **SITE)
    page = go(desk, address, "return")
    assert "0 taken back; 1 stays as it is" in page
    assert "leans on it now; it stays" in page


def test_agreements_that_came_in_as_signed_are_not_deleted_but_entered_in_error(acting_house: House) -> None:
    desk = acting_house.enter("contracts")
    head = HEAD.rstrip() + ",Status\n"
    sides = "office-blue-horizon,office-fairmont"
    rows = f"T-1,1,{sides},2026-01-01,,executed\nT-2,1,{sides},2027-01-01,,draft\n"
    address = upload(desk, "agreements", head + rows).headers["Location"]
    assert "Take the whole import back" in go(desk, address, "import", **AGREEMENT, status="Status")
    assert "2 taken back." in go(desk, address, "return")
    with reading(acting_house.world.engine) as conn:
        found = [text.loads(row.body) for row in registry.every(conn, "Contract") if not row.deleted]
    left = {i["value"]: each["status"] for each in found for i in each["identifier"] if i["value"] in ("T-1", "T-2")}
    assert left == {"T-1": "entered-in-error"}
