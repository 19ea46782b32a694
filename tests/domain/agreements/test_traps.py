"""Traps of contracts.md 1.4, through the operation, where the register alone can be wrong: locum, stale directory,
midnight, care that goes on after the end, licences and exclusion lists; the tier and the page of an answer."""

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
from carecoord.actions.clearance.assemble import assemble
from carecoord.actions.worklist import project
from carecoord.domain.agreements.rates import RateLine, Schedule
from carecoord.domain.clearance.clearance import clear
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import reading, writing
from carecoord.world import World
from tests.domain.stories import NOW, POLICY, REGISTRY, affiliation, contract, ours, plain, plan, ref
from tests.domain.worklist.test_project import put

Json = dict[str, Any]
PAYERS = Grant("u1", scopes=parse("user/*.cruds"), roles=frozenset({"contracts"}), organization="office-payer-1")
NETWORK = {
    "url": "http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/network-reference",
    "valueReference": ref("Organization/network-1"),
}
STANDS_IN = ours("locum-for", valueReference=ref("Practitioner/absent"))
UNDER = ours("governing-contract", valueReference=ref("Contract/agr-1-v1"))


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    settings = Settings()
    rules = project.projector(project.policy(settings))
    later = NOW + timedelta(days=2)
    found = World(engine, lambda: later, lambda: str(uuid4()), requests.Session, settings, rules, Journal(tmp_path))
    tell(found, *REGISTRY, plan(), signed())
    return found


def signed(**more: Any) -> Json:
    return contract(**more) | {"authority": [ref("Organization/office-payer-1")]}


def tell(world: World, *resources: Json) -> None:
    with writing(world.engine) as conn:
        put(conn, *resources, now=NOW)


def asked(world: World, provider: str = "Organization/group-1", **given: str) -> Json:
    parts = answer(world, PAYERS, {"provider": provider, "plan": "PLAN1"} | given)["parameter"]
    told: Json = {"evidence": []}
    for part in parts:
        if part["name"] == "evidence":
            told["evidence"].append(part["part"][0]["valueReference"]["reference"])
        else:
            told[part["name"]] = part.get("part") or next(part[name] for name in part if name.startswith("value"))
    return told


def clinician(id: str, **more: Any) -> Json:
    return {"resourceType": "Practitioner", "id": id, "name": [{"text": f"Dr {id.title()}"}]} | more


def role(id: str, *extension: Json, **period: str) -> Json:
    """Of a clinician of group 1, of the same id."""
    return {
        "resourceType": "PractitionerRole", "id": f"{id}-role", "practitioner": ref(f"Practitioner/{id}"),
        "organization": ref("Organization/group-1"), "extension": list(extension),
    } | ({"period": period} if period else {})  # fmt: skip


def test_a_locum_is_in_on_the_days_on_which_they_stand_in_for_a_clinician_who_is(world: World) -> None:
    tell(
        world,
        clinician("absent"),
        clinician("locum"),
        role("absent", NETWORK, UNDER, end="2026-12-31"),
        role(
            "locum", ours("locum-for", valueReference=ref("Practitioner/absent")), start="2026-12-01", end="2027-01-15"
        ),
    )
    during = asked(world, "PractitionerRole/locum-role", date="2026-12-10")
    assert (during["result"], during["rule"], during["agreement"]) == ("in", "agreement.locum", "AGR-1")
    assert during["until"] == "2027-01-01", "no longer than whom they stand in for"
    assert {"PractitionerRole/locum-role", "PractitionerRole/absent-role"} <= set(during["evidence"])
    assert asked(world, "Practitioner/locum", date="2026-12-10")["result"] == "in"
    for day in ("2026-11-30", "2027-01-16"):
        assert asked(world, "Practitioner/locum", date=day)["result"] == "unknown", "the directory is silent"
    assert asked(world, "Practitioner/locum", date="2027-01-05")["result"] == "unknown", "whom they stand in for is out"


def test_a_row_that_was_not_verified_for_90_days_is_stale_and_proves_nothing(world: World) -> None:
    row = affiliation()
    row["extension"].append(ours("verified-on", valueDate="2026-09-01"))
    tell(world, row)
    last, after = asked(world, date="2026-11-29"), asked(world, date="2026-11-30")
    assert (last["result"], last["until"]) == ("in", "2026-11-30")
    assert (after["result"], after["rule"]) == ("unknown", "agreement.stale")
    assert "1 Sep 2026" in after["reason"]
    row["extension"][-1] = ours("verified-on", valueDate="2026-11-20")
    tell(world, row)
    assert asked(world, date="2026-11-30")["result"] == "in"


def test_for_90_days_after_its_end_an_agreement_may_still_pay_for_a_course_of_treatment(world: World) -> None:
    tell(world, affiliation(), signed(end=-10))  # the last day is 12 November
    with writing(world.engine) as conn:
        put_lines(conn, Schedule(contract="Contract/agr-1-v1", name="B"), [LINE], NOW)
    found = asked(world, date="2027-02-10", service="99213")
    assert (found["result"], found["continuityUntil"]) == ("out", "2027-02-11")
    assert found["rate"][0]["valueCode"] == "known"
    over = asked(world, date="2027-02-11", service="99213")
    assert over["result"] == "out"
    assert not over.keys() & {"continuityUntil", "rate"}


LINE = RateLine(method="negotiated", amount=Decimal(100), code="99213")


def test_a_day_begins_at_midnight_where_the_office_stands(world: World) -> None:
    """An end at 2 a.m. UTC is the evening before in New York."""
    tell(world, affiliation() | {"period": {"start": "2026-01-01", "end": "2027-04-15T02:00:00Z"}})
    assert [asked(world, date=day)["result"] for day in ("2027-04-14", "2027-04-15")] == ["in", "out"]


def licence(start: str, end: str) -> Json:
    kind = {"coding": [{"system": "https://carecoord.example/fhir/CodeSystem/qualification", "code": "license"}]}
    return {"code": kind, "period": {"start": start, "end": end}}


def test_a_clinician_whose_licence_has_ended_is_pending_though_the_directory_says_in(world: World) -> None:
    tell(world, clinician("dr", qualification=[licence("2020-01-01", "2026-12-31")]), role("dr", NETWORK, UNDER))
    results = [asked(world, "Practitioner/dr", date=day) for day in ("2026-12-31", "2027-01-01")]
    assert [(each["result"], each["rule"]) for each in results] == [
        ("in", "agreement.in-network"), ("pending", "agreement.licence"),
    ]  # fmt: skip
    assert "Practitioner/dr" in results[1]["evidence"]
    renewed = [licence("2020-01-01", "2026-12-31"), licence("2027-01-01", "2028-12-31")]
    tell(world, clinician("dr", qualification=renewed))
    assert asked(world, "Practitioner/dr", date="2027-01-01")["result"] == "in"


@pytest.mark.parametrize(("certain", "result"), [(True, "excluded"), (False, "unknown")])
def test_who_stands_on_an_exclusion_list_is_excluded_and_by_the_name_alone_unknown(
    world: World, certain: bool, result: str
) -> None:
    parts = [
        {"url": "list", "valueString": "LEIE"},
        {"url": "certain", "valueBoolean": certain},
        {"url": "period", "valuePeriod": {"start": "2026-12-01"}},
    ]
    tell(world, clinician("dr", extension=[ours("exclusion", extension=parts)]), role("dr", NETWORK, UNDER))
    assert [asked(world, "Practitioner/dr", date=day)["result"] for day in ("2026-11-30", "2026-12-01")] == [
        "in",
        result,
    ]
    assert "LEIE" in asked(world, "Practitioner/dr", date="2026-12-01")["reason"]


def test_the_answer_says_the_tier_and_the_page_of_the_paper(world: World) -> None:
    row = affiliation()
    row["extension"].append(ours("tier", valueString="Tier 1"))
    kind = {"coding": [{"system": "https://carecoord.example/fhir/CodeSystem/term-type", "code": "participation"}]}
    term = {"type": kind, "offer": {"text": "Participation"}, "extension": [ours("page", valueInteger=12)]}
    marks = [ours("amends", valueReference=ref("Contract/agr-1-v1"))]
    tell(world, row, signed() | {"term": [term]}, signed(n=2, start=-5, marks=marks))
    found = asked(world)
    assert (found["version"], found["tier"], found["page"]) == ("2", "Tier 1", "12")
    assert found["paper"] == {"reference": "Contract/agr-1-v1"}, "the amendment does not speak of it"


def test_clearance_takes_the_same_decision(engine: Engine, world: World) -> None:
    tell(world, *plain().resources.values())

    def state() -> str:
        with reading(engine) as conn:
            case = assemble(conn, "sr")
        assert case is not None
        return clear(case, NOW, POLICY).gate("agreement").state

    assert state() == "met"
    group = next(each for each in REGISTRY if each["id"] == "group-1")
    listed = [{"url": "list", "valueString": "LEIE"}]
    tell(world, group | {"extension": [ours("exclusion", extension=listed)]})
    assert state() == "blocked"
