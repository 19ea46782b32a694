"""The rate in `Contract/$participation`: with its derivation to staff of a party, and not a word of it to others."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import Engine

from auth.grant import Grant
from auth.scopes import parse
from carecoord.actions.agreements.participation import answer
from carecoord.actions.agreements.rates import put_lines
from carecoord.actions.worklist import project
from carecoord.domain.access.verbs import ROLES
from carecoord.domain.agreements.rates import RateLine, Schedule
from carecoord.errors import Invalid, Problem
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import writing
from carecoord.world import World
from tests.domain.stories import NOW, REGISTRY, affiliation, contract, ours, plan, ref
from tests.domain.worklist.test_project import put

Json = dict[str, Any]
LATER = NOW + timedelta(days=2)


def person(role: str, organization: str) -> Grant:
    return Grant("u1", scopes=parse("user/*.cruds"), roles=frozenset({role}), organization=organization)


PAYERS = person("contracts", "office-payer-1")


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    settings = Settings()
    rules = project.projector(project.policy(settings))
    found = World(engine, lambda: LATER, lambda: str(uuid4()), requests.Session, settings, rules, Journal(tmp_path))
    tell(found, *REGISTRY, plan(), affiliation(), between("AGR-1", 1))
    return found


def between(number: str, group: int, n: int = 1, **more: Any) -> Json:
    """An agreement of payer 1 and a group."""
    offered = {"offer": {"party": [{"reference": [ref(f"Organization/group-{group}")]}]}}
    return contract(number, n=n, **more) | {"authority": [ref("Organization/office-payer-1")], "term": [offered]}


def tell(world: World, *resources: Json, days: int = 0) -> None:
    with writing(world.engine) as conn:
        put(conn, *resources, now=NOW + timedelta(days=days))


def rate(world: World, lines: dict[str, str], contract: str = "agr-1-v1", days: int = 0, **more: Any) -> None:
    """Let the schedule of a version pay these amounts for these codes."""
    with writing(world.engine) as conn:
        said = [RateLine(method="negotiated", code=code, amount=Decimal(pays), **more) for code, pays in lines.items()]
        put_lines(conn, Schedule(contract=f"Contract/{contract}", name="Exhibit B"), said, NOW + timedelta(days=days))


def asked(world: World, who: Grant = PAYERS, **given: str) -> Json:
    about = {"provider": "Organization/group-1", "plan": "PLAN1", "service": "99213"}
    return answer(world, who, about | {name.replace("_", "-"): value for name, value in given.items()})


def rates(parameters: Json) -> list[dict[str, Any]]:
    """Each rate by the names of its parts; what may be there several times as a list."""
    found = []
    for each in (part for part in parameters["parameter"] if part["name"] == "rate"):
        told: dict[str, Any] = {"step": [], "rejected": []}
        for part in each["part"]:
            value = part.get("part") or next(value for name, value in part.items() if name.startswith("value"))
            if part["name"] in ("step", "rejected"):
                told[part["name"]].append(value)
            else:
                told[part["name"]] = value
        found.append(told)
    return found


def test_the_rate_is_told_with_its_line_its_steps_and_the_lines_that_do_not_speak(world: World) -> None:
    rate(world, {"99213": "92.47", "99214": "130"}, page="12")
    (found,) = rates(asked(world))
    assert found == {
        "status": "known", "reason": "92.47 USD by Exhibit B, 99213.", "agreement": "AGR-1", "method": "negotiated",
        "amount": {"value": Decimal("92.47"), "currency": "USD"}, "schedule": "Exhibit B", "page": "12",
        "step": ["The line: Exhibit B, 99213.", "92.47 is agreed."], "rejected": [],
    }  # fmt: skip
    (other,) = rates(asked(world, service="12345"))
    assert (other["status"], other["reason"]) == ("unknown", "No line of the agreed rates is for 12345.")


def test_who_may_not_see_rates_is_told_as_much_as_if_there_were_none(world: World) -> None:
    askers = {(role, who): person(role, who) for role in ROLES for who in ("group-1", "group-2", "payer-2", "payer-1")}

    def heard() -> dict[tuple[str, str], Json]:
        told = {}
        for name, who in askers.items():
            try:
                told[name] = asked(world, who)
            except Problem as refused:
                told[name] = {"refused": str(refused)}
        return told

    before = heard()
    rate(world, {"99213": "92.47"})
    after = heard()
    assert {name for name in askers if before[name] != after[name]} == {
        ("contracts", "group-1"), ("contracts", "payer-1"),
    }  # fmt: skip
    hidden = [told for name, told in after.items() if name not in (("contracts", "group-1"), ("contracts", "payer-1"))]
    assert not any("92.47" in str(each) or "'rate'" in str(each) for each in hidden)


def test_an_amendment_of_the_rates_pays_from_its_first_day_and_as_it_was_known_then(world: World) -> None:
    rate(world, {"99213": "90", "99214": "130"})
    marks = [
        ours("amends", valueReference=ref("Contract/agr-1-v1")),
        ours("amendment-type", valueCode="rate-only"),
        ours("effective-from", valueDate="2026-03-01"),
    ]
    tell(world, between("AGR-1", 1, n=2, start=None, marks=marks), days=1)
    assert rates(asked(world))[0]["amount"]["value"] == 90, "it has no schedule of its own: the rates go on"
    rate(world, {"99213": "95"}, "agr-1-v2", days=1)
    paid = [
        rates(asked(world, date=day, **known))[0]["amount"]["value"]
        for day, known in (("2026-02-28", {}), ("2026-04-10", {}), ("2026-04-10", {"as_of": "2026-11-22"}))
    ]
    assert paid == [90, 95, 90]
    gone = rates(asked(world, service="99214"))[0]
    assert gone["status"] == "unknown", "a schedule of the same name takes the place of the whole schedule"


def test_a_clinician_in_two_groups_with_two_rates_has_a_rate_under_each_agreement(world: World) -> None:
    """Trap of contracts.md 1.4: provider in two groups with two rates."""
    clinician = {"resourceType": "Practitioner", "id": "dr", "name": [{"family": "Two"}]}
    network = {
        "url": "http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/network-reference",
        "valueReference": ref("Organization/network-1"),
    }

    def role(n: int) -> Json:
        under = ours("governing-contract", valueReference=ref(f"Contract/agr-{n}-v1"))
        return {
            "resourceType": "PractitionerRole", "id": f"dr-in-{n}", "practitioner": ref("Practitioner/dr"),
            "organization": ref(f"Organization/group-{n}"), "extension": [network, under],
        }  # fmt: skip

    tell(world, clinician, between("AGR-2", 2), role(1), role(2))
    rate(world, {"99213": "90"})
    rate(world, {"99213": "110"}, "agr-2-v1")
    told = rates(asked(world, provider="Practitioner/dr"))
    assert {(each["agreement"], each["status"], each["amount"]["value"]) for each in told} == {
        ("AGR-1", "known", 90), ("AGR-2", "known", 110),
    }  # fmt: skip
    for n, pays in ((1, 90), (2, 110)):
        (one,) = rates(asked(world, provider=f"PractitionerRole/dr-in-{n}"))
        assert one["amount"]["value"] == pays
    (own,) = rates(asked(world, person("contracts", "group-2"), provider="Practitioner/dr"))
    assert own["agreement"] == "AGR-2", "of the other group's agreement its competitor hears nothing"


@pytest.mark.parametrize("given", [{"billed": "many"}, {"billed": "-1"}, {"billing": "mine"}])
def test_what_can_not_be_read_of_the_question_is_refused_by_its_name(world: World, given: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        asked(world, **given)
    assert refused.value.where == f"http.{next(iter(given))}"


def test_the_answer_knows_what_was_billed_where_and_with_which_modifier(world: World) -> None:
    rate(world, {"99213": "90"}, lesser_of=True)
    assert rates(asked(world))[0]["wants"] == "billed"
    assert rates(asked(world, billed="80.10"))[0]["amount"]["value"] == Decimal("80.10")
    assert rates(asked(world, billed="80", modifier="25, 26"))[0]["status"] == "unknown"
    rate(world, {"99213": "50"}, places=frozenset({"11"}))
    assert rates(asked(world))[0]["wants"] == "place"
    assert rates(asked(world, place="11"))[0]["status"] == "known"
