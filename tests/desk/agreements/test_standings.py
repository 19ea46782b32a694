"""What hangs on each agreement: whose lines an office sees, and what they count."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.agreements import desk
from carecoord.actions.fhir import interactions
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.people.organizations import needs_one, placed
from carecoord.domain.resource.codes import EXTENSION, IDENTIFIER
from carecoord.errors import Forbidden, Invalid, NotFound
from carecoord.store.agreements.roll import Asked
from carecoord.store.database.engine import reading, writing
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.standings import Standing, standings
from tests.desk import rows
from tests.desk.conftest import PASSWORD, House


def contracts(organization: str | None, *more: str) -> Grant:
    roles = frozenset({"contracts", *more})
    return Grant("u", scopes=resources(parse("user/*.cruds")), roles=roles, organization=organization)


@pytest.fixture
def two_payers(engine: Engine) -> Engine:
    """Two payers that have given one number to two agreements."""
    first = {"payer_key": "id|bh", "payer_name": "Blue Horizon", "agreement": "2026-1"}
    second = {"payer_key": "id|pm", "payer_name": "Pinnacle", "agreement": "2026-1"}
    none = {"agreement": None, "agreement_state": "unknown"}
    made = [
        rows.row(1, **first), rows.row(2, **first, open=False),
        rows.row(3, **second, agreement_state="ended", role="contracts"), rows.row(4, **second),
        rows.row(5, **{**first, **none}), rows.row(6, **{**second, **none}),
    ]  # fmt: skip
    with writing(engine) as conn:
        worklist_rows.save(conn, made)
    return engine


def told(found: list[Standing]) -> list[tuple[str | None, str | None, dict[str, int], int]]:
    return [(one.agreement, one.payer, dict(one.states), one.waiting) for one in found]


def test_one_number_of_two_payers_is_two_agreements(two_payers: Engine) -> None:
    with reading(two_payers) as conn:
        found = told(standings(conn, None))
    assert [line for line in found if line[0]] == [
        ("2026-1", "Pinnacle", {"ended": 1, "in-network": 1}, 1),
        ("2026-1", "Blue Horizon", {"in-network": 1}, 0),
    ]
    assert [line[2] for line in found if line[0] is None] == [{"unknown": 2}]


def test_a_payers_lines_count_its_own_cases_alone(two_payers: Engine) -> None:
    with reading(two_payers) as conn:
        assert told(standings(conn, ["id|bh"])) == [
            (None, "Blue Horizon", {"unknown": 1}, 0), ("2026-1", "Blue Horizon", {"in-network": 1}, 0),
        ]  # fmt: skip
        assert standings(conn, []) == []


def test_a_contract_desk_that_belongs_nowhere_is_party_to_nothing_and_is_told_why(house: House) -> None:
    nobody = contracts(None)
    with pytest.raises(Forbidden):
        desk.listed(house.world, nobody, "r", Asked(0))
    for type, id in (("Contract", "agr-0115-v1"), ("InsurancePlan", "plan-bh-hmo")):
        with pytest.raises(Forbidden):
            interactions.read(house.world, nobody, type, id)
        with pytest.raises(Forbidden):
            interactions.search(house.world, nobody, type, [("_count", "100")])
    new = NewUser("nowhere", "Nowhere, Nan", frozenset({"contracts"}), None)
    assert needs_one(new)
    assert not needs_one(NewUser("ada2", "Two, Ada", frozenset({"auditor", "admin"}), None))
    which = "With the role contracts one sees the agreements of an organization: say which by its id"
    with pytest.raises(Invalid, match=which):
        placed(house.world, new)
    accounts.add_user(house.world, new, PASSWORD)
    said = house.enter("nowhere").get("/").get_data(as_text=True)
    assert "You belong to no organization here" in said
    assert "AGR-01" not in said


PLAN_PAYER = f"{EXTENSION}/plan-payer"


def book(payer: str | None, **more: Any) -> dict[str, Any]:
    who = {"system": f"{IDENTIFIER}/payer", "value": payer}
    said = {"extension": [{"url": PLAN_PAYER, "valueIdentifier": who}]} if payer else {}
    return {"resourceType": "PlanDefinition", "status": "active", **said, **more}


def test_a_payers_contract_desk_keeps_its_own_rules_and_no_competitors(acting_house: House) -> None:
    """What needs an authorization is the payer's word; the office that sends patients keeps the rules of all."""
    pinnacle, fairmont = contracts("office-pinnacle"), contracts("office-fairmont")
    made = interactions.create(acting_house.world, fairmont, "PlanDefinition", book("BH001"))
    id = str(json.loads(made.body)["id"])
    with pytest.raises(Forbidden):
        interactions.update(acting_house.world, pinnacle, "PlanDefinition", id, book("BH001", id=id, title="Ours now"))
    with pytest.raises(Forbidden):
        interactions.update(acting_house.world, pinnacle, "PlanDefinition", id, book("PM220", id=id))
    with pytest.raises(Forbidden):
        interactions.create(acting_house.world, pinnacle, "PlanDefinition", book("BH001"))
    with pytest.raises(Forbidden):
        interactions.create(acting_house.world, contracts(None), "PlanDefinition", book("PM220"))
    own = interactions.create(acting_house.world, pinnacle, "PlanDefinition", book("PM220"))
    mine = str(json.loads(own.body)["id"])
    titled = book("PM220", id=mine, title="Ours")
    assert interactions.update(acting_house.world, pinnacle, "PlanDefinition", mine, titled)
    assert interactions.create(acting_house.world, pinnacle, "PlanDefinition", book(None))


@pytest.mark.parametrize("organization", ["office-pinnacle", "pinnacle"])
def test_by_read_version_history_and_search_a_payers_contracts_are_its_own(house: House, organization: str) -> None:
    grant = contracts(organization)
    for id in ("agr-0115-v1", "agr-0123-v2"):
        assert interactions.read(house.world, grant, "Contract", id)
    for type, id in (("Contract", "agr-0101-v1"), ("OrganizationAffiliation", "agr-0101-include"),
                     ("InsurancePlan", "plan-bh-hmo")):  # fmt: skip
        with pytest.raises(NotFound):
            interactions.read(house.world, grant, type, id)
    assert interactions.read(house.world, contracts("office-fairmont"), "Contract", "agr-0101-v1")
    found = interactions.search(house.world, grant, "Contract", [("_count", "100"), ("_revinclude", "*")])
    history = interactions.changes(house.world, grant, "Contract", [("_count", "1000")])
    for said in (found, history):
        assert b"agr-0115-v1" in said
        assert b"agr-0101" not in said
        assert b"office-blue-horizon" not in said


def test_a_payers_contract_desk_can_not_write_another_payers_organization_nor_its_own(house: House) -> None:
    for id in ("office-blue-horizon", "office-pinnacle"):
        row = interactions.read(house.world, contracts("office-pinnacle"), "Organization", id)
        body = {**json.loads(row.body), "identifier": [{"system": f"{IDENTIFIER}/payer", "value": "PM220"}]}
        with pytest.raises(Forbidden):
            interactions.update(house.world, contracts("office-pinnacle"), "Organization", id, body)
    clinic = interactions.read(house.world, contracts("office-pinnacle"), "Organization", "office-beacon-therapy")
    body = json.loads(clinic.body)
    for wrong in ({"identifier": [*body["identifier"], {"system": f"{IDENTIFIER}/payer", "value": "BH001"}]},
                  {"type": [{"coding": [{"code": "pay"}]}]}):  # fmt: skip
        with pytest.raises(Forbidden):
            interactions.update(house.world, contracts("office-pinnacle"), "Organization", body["id"], body | wrong)
