"""What a payer's clerk learns, on every road: no export, filter, order or error tells more than the payer's pages."""

import csv
import io
import json
import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, insert, select

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.clearance import operation
from carecoord.actions.fhir import interactions, system_search
from carecoord.actions.fhir.everything import everything
from carecoord.actions.worklist import worklist as cases
from carecoord.actions.worklist.worklist import PayerPanel
from carecoord.domain.access import payer_view
from carecoord.domain.gates.gate import NAMES
from carecoord.domain.gates.rules import RULES
from carecoord.errors import Forbidden, NotFound
from carecoord.store.database.tables import case, flag, resource
from carecoord.store.worklist import rows as worklist_rows
from carecoord.words.catalogue import in_words
from tests.desk.conftest import House
from tests.desk.test_pages import get, ids, text, walk

# What a payer may be told, written down a second time and by hand.
TOLD = """
authorization.submitted authorization.pended authorization.contact authorization.error authorization.denied
authorization.unclear authorization.payer-says-none authorization.approved authorization.part-unclear
authorization.closed
agreement.plan agreement.silent agreement.network agreement.excluded agreement.excluded-in-part agreement.site
agreement.specialty agreement.ended agreement.later agreement.contract agreement.suspended agreement.awaited
agreement.unknown agreement.not-credentialed agreement.in-network agreement.barred agreement.perhaps-barred
agreement.licence agreement.locum agreement.stale
"""
# Columns of a case that no road of a payer may show, order or filter by.
HIDDEN = (
    "stage", "headline", "action_label", "appointment_at", "owner_name", "mrn", "coverage_gate",
    "information_gate", "appointment_gate", "loop_gate", "cleared",
)  # fmt: skip


PAYER = Grant(
    "u", scopes=resources(parse("user/*.cruds")), roles=frozenset({"payer"}), organization="office-blue-horizon"
)


@pytest.fixture
def payer(house: House) -> FlaskClient:
    return house.enter("payer")


def words(said: str) -> set[str]:
    return set(re.findall(r"\w+", said.casefold()))


def test_the_rules_that_speak_to_a_payer_are_the_ones_agreed_and_are_rules() -> None:
    assert set(TOLD.split()) == payer_view.GATES
    assert {id for ids in RULES.values() for id in ids} >= payer_view.GATES


def test_a_payer_is_told_every_standing_of_its_agreement_the_bad_as_much_as_the_good() -> None:
    of_the_case_alone = {"agreement.self-pay", "agreement.no-performer", "agreement.no-payer"}
    assert set(RULES["agreement"]) - payer_view.GATES == of_the_case_alone
    assert {id.partition(".")[0] for id in payer_view.GATES} == {"authorization", "agreement"} < set(NAMES)


def test_every_cell_of_a_payers_file_stands_on_its_pages(payer: FlaskClient) -> None:
    for tab in ("open", "closed"):
        rows = list(csv.DictReader(io.StringIO(get(payer, f"/worklist.csv?tab={tab}"))))
        shown = walk(payer, f"/?tab={tab}")
        assert len(rows) == len(shown)
        pages = {}
        for id in shown:
            page = text(get(payer, f"/referrals/{id}"))
            number = re.search(r"\b(R-\d+)\b", page)
            assert number
            pages[number[1]] = words(page)
        listed = words(text("".join(get(payer, f"/?tab={tab}&q={row['number']}") for row in rows)))
        for row in rows:
            assert tuple(row) == payer_view.CELLS
            said = words(" ".join(value for name, value in row.items() if name != "due"))
            assert said <= pages[row["number"]] | listed, row["number"]


def test_no_hidden_cell_stands_in_any_answer_to_a_payer(house: House, payer: FlaskClient) -> None:
    shown = {*walk(payer, "/?tab=open"), *walk(payer, "/?tab=closed")}
    assert len(shown) > 5
    with house.world.engine.connect() as conn:
        rows = {row.id: row for row in conn.execute(select(case).where(case.c.id.in_(shown)))}
    exported = get(payer, "/worklist.csv?tab=open") + get(payer, "/worklist.csv?tab=closed")
    for id, row in rows.items():
        answers = text(get(payer, f"/referrals/{id}") + get(payer, f"/?tab=open&q={row.number}")) + exported
        for name in ("headline", "owner_name", "mrn"):
            value = in_words(getattr(row, name)) if name == "headline" else getattr(row, name)
            if value and not (name == "headline" and row.role == "payer"):
                payers = name == "headline" and row.headline_gate in ("authorization", "agreement")
                assert payers or value not in answers, (id, name, value)
    header = exported.splitlines()[0]
    assert not [name for name in HIDDEN if name in header.split(",")]


@pytest.mark.parametrize(
    ("query", "where"),
    [
        *((f"{name}=x", name) for name in ("referral", "payer", "owner", "move", "gate")),
        *((f"tab={name}", "tab") for name in ("overdue", "today", "book", "contract", "after", "risk", "cleared")),
        ("sort=owner", "sort"),
        ("sort=-appointment", "sort"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/worklist.csv"])
def test_a_payer_can_not_filter_or_order_by_what_it_is_not_shown(
    payer: FlaskClient, path: str, query: str, where: str
) -> None:
    answer = payer.get(f"{path}?{query}")
    assert answer.status_code == 400, (answer.status_code, answer.text[:300])


def test_the_filters_offered_to_a_payer_are_those_it_may_use(payer: FlaskClient) -> None:
    page = get(payer, "/")
    offered = re.findall(r'class="menu-item" href="/\?([a-z]+)=', page)
    assert set(offered) == {"authorization", "contract", "priority", "hide"}


def test_a_booked_visit_changes_nothing_that_its_payer_sees(house: House, payer: FlaskClient) -> None:
    """What the clinics do beside the payer must not show: neither in a state, nor in a count, nor in the order."""
    before = {id: get(payer, f"/referrals/{id}") for id in walk(payer, "/?tab=open")}
    listed, exported = text(get(payer, "/?tab=open&sort=patient")), get(payer, "/worklist.csv?tab=open&sort=patient")
    with house.world.engine.begin() as conn:
        held = conn.execute(select(case)).mappings().all()
        visit = dict[str, Any](
            appointment_at=1, stage="scheduled", owner_name="Nobody, Ann", headline="A visit.", cleared=True, mrn="X",
            appointment_gate="blocked", agreement_gate="blocked", agreement_state="ended", agreement_note="Ends 1 Jan",
            authorization_gate="open", authorization_state="approved", authorization_note="1 of 2 visits left",
            headline_gate="loop", reason="A reason",
        )  # fmt: skip
        worklist_rows.save(conn, [{**row, **visit} for row in held])
    try:
        assert text(get(payer, "/?tab=open&sort=patient")) == listed
        assert get(payer, "/worklist.csv?tab=open&sort=patient") == exported
        for id, page in before.items():
            assert get(payer, f"/referrals/{id}") == page
        for state in ("ended", "out-of-network"):
            assert not ids(get(payer, f"/?tab=open&contract={state}")) or state in exported.casefold()
    finally:
        with house.world.engine.begin() as conn:
            worklist_rows.save(conn, held)


def test_what_the_rules_doubt_is_said_to_the_office_and_not_to_the_payer(house: House, payer: FlaskClient) -> None:
    path, office = "/referrals/worked-01-visit-after-approval", house.enter("coordinator")
    before = get(payer, path)
    order = (resource.c.type == "ServiceRequest") & (resource.c.id == "worked-01-visit-after-approval")
    with house.world.engine.begin() as conn:
        rid = conn.execute(select(resource.c.rid).where(order)).scalar_one()
        fault = {"severity": "error", "code": "required", "text": "intent is missing", "expression": "X.intent"}
        conn.execute(insert(flag).values(rid=rid, n=0, **fault))
    try:
        assert "the order with faults: intent is missing." in text(get(office, path))
        assert get(payer, path) == before
    finally:
        with house.world.engine.begin() as conn:
            conn.execute(delete(flag).where(flag.c.rid == rid))


def test_a_payer_sees_its_own_number_of_the_patient_and_not_the_clinics(payer: FlaskClient) -> None:
    page = text(get(payer, "/referrals/worked-01-visit-after-approval"))
    assert "MRN" not in page
    assert re.search(r"Member [\w-]+", page)


@pytest.mark.parametrize("bad", ["network", "suspended", "silent", "not-credentialed"])
def test_a_bad_standing_of_the_agreement_is_shown_to_its_payer(bad: str) -> None:
    assert f"agreement.{bad}" in payer_view.GATES


def test_the_value_that_goes_to_a_payers_page_holds_nothing_else(house: House) -> None:
    found = cases.panel(house.world, PAYER, "worked-01-visit-after-approval", "r")
    assert isinstance(found, PayerPanel)
    told = found.told.case
    assert (told.appointments, told.encounters, told.reports, told.requests, told.answers) == ((), (), (), (), ())
    assert not {"note", "occurrencePeriod", "supportingInfo"} & told.order.keys()
    assert not {"identifier", "telecom", "address", "communication", "extension"} & (told.patient or {}).keys()
    assert told.order["reasonCode"][0]["text"] == "Exertional chest pain"  # the request names the order


def test_the_list_and_its_file_do_not_tell_why_somebody_is_referred(house: House, payer: FlaskClient) -> None:
    shown = {*walk(payer, "/?tab=open"), *walk(payer, "/?tab=closed")}
    with house.world.engine.connect() as conn:
        reasons = set(conn.execute(select(case.c.reason).where(case.c.id.in_(shown))).scalars()) - {""}
    listed = "".join(get(payer, f"{path}?tab={tab}") for path in ("/", "/worklist.csv") for tab in ("open", "closed"))
    assert len(reasons) > 3
    assert not [each for each in reasons if each in text(listed)]


def test_every_word_of_clearance_asked_by_a_payer_stands_on_its_page(house: House, payer: FlaskClient) -> None:
    seen = 0
    for id in {*walk(payer, "/?tab=open"), *walk(payer, "/?tab=closed")}:
        page = unescape(get(payer, f"/referrals/{id}"))
        answer = operation.clearance(house.world, PAYER, id)
        assert {part["name"] for part in answer["parameter"]} == {"order", "asOf", "date", "gate"}
        gates = [part["part"] for part in answer["parameter"] if part["name"] == "gate"]
        shown = [parts for parts in gates if not any(part["name"] == "withheld" for part in parts)]
        seen += len(shown)
        for parts in shown:
            told = [part["valueString"] for part in parts if part["name"] in ("reason", "dueFor")]
            told += [part["valueCoding"]["display"] for part in parts if part["name"] == "action"]
            for proof in (part["part"] for part in parts if part["name"] == "evidence"):
                told += [each.get("valueString") or each["valueReference"]["reference"] for each in proof]
            for said in told:
                assert said in page, (id, said)
    assert seen > 10


def test_what_a_payer_reads_of_an_order_stands_behind_a_link_on_its_page(house: House, payer: FlaskClient) -> None:
    read = set()
    for id in {*walk(payer, "/?tab=open"), *walk(payer, "/?tab=closed")}:
        page = get(payer, f"/referrals/{id}")
        try:
            order = json.loads(interactions.read(house.world, PAYER, "ServiceRequest", id).body)
        except NotFound:
            assert f"/record/ServiceRequest/{id}" not in page
            continue
        read.add(id)
        assert f'href="/record/ServiceRequest/{id}"' in page
        said = words(unescape(get(payer, f"/record/ServiceRequest/{id}")))
        assert words(json.dumps(order, ensure_ascii=False)) <= said, id
    assert "worked-01-visit-after-approval" in read


def test_the_api_tells_a_payer_of_a_patient_what_its_page_tells_and_finds_nobody_by_the_rest(house: House) -> None:
    """Written by hand: name, sex, birth date; never a telephone, an address, the clinic's number or who cares."""
    pages = [
        interactions.search(house.world, PAYER, "Patient", [("_count", "50"), ("_include", "*")]),
        interactions.search(house.world, PAYER, "Claim", [("_include", "Claim:patient"), ("_count", "50")]),
        interactions.changes(house.world, PAYER, "Patient", [("_count", "50")]),
        system_search.search_all(house.world, PAYER, [("_type", "Patient")], True),
    ]
    for page in pages:
        found = [each["resource"] for each in json.loads(page)["entry"]]
        patients = [each for each in found if each["resourceType"] == "Patient"]
        assert patients
        for each in patients:
            assert each.keys() <= {"resourceType", "id", "meta", "name", "gender", "birthDate", "active"}  # a modifier
            assert {tag["code"] for tag in each["meta"]["tag"]} >= {"SUBSETTED"}
    id = json.loads(pages[0])["entry"][0]["resource"]["id"]
    record = json.loads(everything(house.world, PAYER, id, []))["entry"]
    for body in (
        interactions.read(house.world, PAYER, "Patient", id).body,
        interactions.vread(house.world, PAYER, "Patient", id, "1").body,
        *(json.dumps(each).encode() for each in record if each["resource"]["resourceType"] == "Patient"),
    ):
        assert not re.search(rb'"(telecom|address|managingOrganization|generalPractitioner)"', body)
    for type, name, value in (
        ("Patient", "telecom", "555-0200"), ("Patient", "identifier", "MRN-1"), ("Patient", "_sort", "address-city"),
        ("Claim", "patient:Patient.address", "Main"), ("Patient", "_include", "Patient:general-practitioner"),
        ("Organization", "_has:Patient:organization:_id", id), ("Organization", "_revinclude", "Patient:organization"),
        ("Patient", "general-practitioner.name", "x"),
    ):  # fmt: skip
        with pytest.raises(Forbidden):
            interactions.search(house.world, PAYER, type, [(name, value)])
    whole = Grant("u", scopes=PAYER.scopes, roles=frozenset({"coordinator"}), organization="office-fairmont")
    assert b'"telecom"' in interactions.search(house.world, whole, "Patient", [("_count", "50")])
