"""Contract/$participation: the one answer about a provider, a plan and a day, and to nobody more than they may know."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import Engine

from auth.grant import Grant
from auth.scopes import parse
from auth.scopes import resources as only
from carecoord.actions.agreements.participation import WITHHELD, answer
from carecoord.actions.worklist import project
from carecoord.errors import Forbidden, Invalid, NotFound
from carecoord.fhir.operations import definition
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import writing
from carecoord.world import World
from tests.domain.stories import NOW, NPI, REGISTRY, affiliation, contract, organization, ours, plan, ref
from tests.domain.worklist.test_project import put

Json = dict[str, Any]
LATER = NOW + timedelta(days=2)
MINE = {"provider": "Organization/group-1", "plan": "PLAN1"}
Tell = Callable[..., None]


def person(role: str, organization: str, scope: str = "user/*.cruds") -> Grant:
    return Grant("u1", scopes=only(parse(scope)), roles=frozenset({role}), organization=organization)


COORDINATOR = person("coordinator", "clinic")


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    settings = Settings()
    rules = project.projector(project.policy(settings))
    journal = Journal(tmp_path / "audit")
    return World(engine, lambda: LATER, lambda: str(uuid4()), requests.Session, settings, rules, journal)


@pytest.fixture
def tell(world: World) -> Tell:
    """Store resources at an instant; the plain story is told."""

    def told(*resources: Json | str, days: int = 0) -> None:
        with writing(world.engine) as conn:
            put(conn, *resources, now=NOW + timedelta(days=days))

    told(*REGISTRY, plan(), affiliation(sites=("a",)), contract(evergreen=False, end=100))
    return told


def asked(world: World, who: Grant = COORDINATOR, **given: str) -> dict[str, Any]:
    """The answer by name; of evidence what it refers to."""
    parts = answer(world, who, MINE | {"site": "Location/site-a"} | {k.replace("_", "-"): v for k, v in given.items()})
    told: dict[str, Any] = {"evidence": []}
    for part in parts["parameter"]:
        if part["name"] == "evidence":
            told["evidence"].append(part["part"][0]["valueReference"]["reference"])
        else:
            told[part["name"]] = next(value for name, value in part.items() if name.startswith("value"))
    return told


def test_it_says_in_under_which_version_until_when_and_by_what(world: World, tell: Tell) -> None:
    found = asked(world)
    assert {name: found[name] for name in ("result", "network", "agreement", "version", "until", "date", "rule")} == {
        "result": "in", "network": "Network 1", "agreement": "AGR-1", "version": "1", "until": "2027-03-03",
        "date": "2026-11-24", "rule": "agreement.in-network",
    }  # fmt: skip
    assert set(found["evidence"]) == {
        "OrganizationAffiliation/aff-1-1-include", "Contract/agr-1-v1", "InsurancePlan/plan-1",
    }  # fmt: skip
    assert found["freshness"] == "2026-11-22T14:00:00.000Z"
    assert found["provider"] == {"reference": "Organization/group-1", "display": "Riverside Heart"}


def test_in_at_site_a_is_not_in_at_site_b(world: World, tell: Tell) -> None:
    assert asked(world)["result"] == "in"
    assert asked(world, site="Location/site-b")["result"] == "out"
    assert answer(world, COORDINATOR, MINE)["parameter"][0]["valueCode"] == "unknown", "no site is named"


def test_a_carved_out_specialty_is_excluded_and_no_other(world: World, tell: Tell) -> None:
    tell(affiliation(kind="exclude", specialty="Behavioral health"))
    assert asked(world, specialty="Cardiology")["result"] == "in"
    assert asked(world, specialty="behavioral health")["result"] == "excluded"


def test_what_was_known_yesterday_is_answered_by_yesterdays_version(world: World, tell: Tell) -> None:
    marks = [
        ours("amends", valueReference=ref("Contract/agr-1-v1")),
        ours("amendment-type", valueCode="rate-only"),
        ours("effective-from", valueDate="2026-03-01"),
    ]
    tell(contract(n=2, start=None, marks=marks), days=1)
    before, now = asked(world, date="2026-04-10", as_of="2026-11-22"), asked(world, date="2026-04-10")
    assert [(each["result"], each["version"], each.get("amendment")) for each in (before, now)] == [
        ("in", "1", None),
        ("in", "2", "rate-only"),
    ]
    assert now["until"] == "2027-03-03", "an amendment of the rates goes on to the end of what it amends"


@pytest.mark.parametrize("provider", [f"{NPI}|9001", "Organization/office-group-1", "PractitionerRole/works"])
def test_whoever_is_named_by_a_copy_a_number_or_a_role_is_the_same(world: World, tell: Tell, provider: str) -> None:
    tell({"resourceType": "PractitionerRole", "id": "works", "organization": ref("Organization/group-1")})
    assert asked(world, provider=provider)["agreement"] == "AGR-1"


def test_a_group_is_in_through_what_it_is_part_of(world: World, tell: Tell) -> None:
    tell(organization("child", "Riverside Annex", NPI, "777") | {"partOf": ref("Organization/group-1")})
    assert asked(world, provider="Organization/child")["result"] == "in"


def test_a_plan_number_of_two_payers_needs_the_payers_name(world: World, tell: Tell) -> None:
    tell(plan(id="theirs", network=2) | {"ownedBy": ref("Organization/payer-2")})
    with pytest.raises(Invalid, match="name the payer"):
        asked(world)
    assert asked(world, payer="Organization/payer-1")["result"] == "in"
    assert asked(world, payer="Organization/payer-2")["result"] == "out"
    assert asked(world, plan="InsurancePlan/theirs")["result"] == "out"
    assert asked(world, plan="InsurancePlan/plan-1")["result"] == "in"


def test_another_payers_contract_desk_learns_as_much_as_of_a_plan_that_is_not_there(world: World, tell: Tell) -> None:
    own, other = (person("contracts", f"office-payer-{n}") for n in (1, 2))
    assert asked(world, own)["result"] == "in"
    hidden, nothing = asked(world, other), asked(world, other, plan="NO-PLAN")
    assert (hidden["result"], hidden["reason"].replace("PLAN1", "NO-PLAN")) == ("unknown", nothing["reason"])
    assert hidden.keys() == nothing.keys()
    with pytest.raises(NotFound):
        asked(world, other, plan="InsurancePlan/plan-1")


def test_nothing_is_told_that_rests_on_a_row_that_may_not_be_seen(world: World, tell: Tell) -> None:
    tell(affiliation(payer=2, sites=("a",)))  # the row is now another's, about the same network
    found = asked(world, person("contracts", "office-payer-1"))
    assert (found["result"], found["reason"], found["evidence"]) == ("unknown", WITHHELD, [])
    assert not found.keys() & {"agreement", "version", "until", "network", "freshness"}


def test_who_may_not_read_the_directory_is_refused(world: World, tell: Tell) -> None:
    with pytest.raises(Forbidden):
        asked(world, person("coordinator", "clinic", "user/ServiceRequest.rs"))


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"provider": "Patient/p"}, "http.provider"),
        ({"provider": "group"}, "http.provider"),
        ({"date": "tomorrow"}, "http.date"),
        ({"as_of": "2027-01-01"}, "http.asOf"),
        ({"as_of": "2026-11-22", "asOf": "2026-11-22"}, "http.asOf"),
    ],
)
def test_what_can_not_be_asked_is_refused_by_its_name(world: World, tell: Tell, given: Json, where: str) -> None:
    with pytest.raises(Invalid) as refused:
        asked(world, **given)
    assert refused.value.where == where
    for name in ("provider", "plan"):
        with pytest.raises(Invalid, match=f"{name} is needed"):
            answer(world, COORDINATOR, {key: value for key, value in MINE.items() if key != name})
    for name, of in (("provider", "Organization/nobody"), ("payer", "Organization/nobody"), ("site", "Location/none")):
        with pytest.raises(NotFound):
            asked(world, **{name: of})


def test_its_definition_tells_every_parameter_that_it_answers_with(world: World, tell: Tell) -> None:
    told = {row["name"] for row in definition("participation", "http://x")["parameter"] if row["use"] == "out"}
    assert asked(world).keys() | {"amendment", "rate", "tier", "page", "paper", "clause", "continuityUntil"} == told
