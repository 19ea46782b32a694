"""Rates that are written inside a Contract: read whole by the parties' staff who may see rates, and by nobody else, on
whichever road the Contract goes out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import Engine

from auth.grant import Grant
from auth.scopes import parse
from carecoord.actions.fhir import bundle, interactions
from carecoord.actions.fhir.system_search import search_all
from carecoord.actions.worklist import project
from carecoord.domain.access.verbs import ROLES
from carecoord.domain.agreements.disclosure import without_rates
from carecoord.domain.agreements.overview import overview
from carecoord.domain.agreements.parties import custodian
from carecoord.domain.agreements.versions import version_of
from carecoord.errors import Forbidden, Problem
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import writing
from carecoord.world import World
from tests.domain.stories import NOW, REGISTRY, coded, contract, ref
from tests.domain.worklist.test_project import put

Json = dict[str, Any]
SECRET = "92.47"
MASKED = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
TYPES = "https://carecoord.example/fhir/CodeSystem/term-type"


def person(role: str, organization: str | None) -> Grant:
    return Grant("u1", scopes=parse("user/*.cruds"), roles=frozenset({role}), organization=organization)


def service(organization: str | None = None) -> Grant:
    return Grant("app", "app", parse("system/*.cruds"), organization=organization)


def valued(**more: Any) -> Json:
    return {"entityCodeableConcept": coded("http://www.ama-assn.org/go/cpt", "99213"),
            "unitPrice": {"value": 92.47, "currency": "USD"}, **more}  # fmt: skip


def told_everywhere() -> Json:
    """A version between payer 1 and group 1, kept by group 2, that says its rate wherever R4 lets it."""
    party = {"party": [{"reference": [ref("Organization/group-1")], "role": {"text": "group"}}]}
    paper = {"contentAttachment": {"contentType": "text/plain", "data": "OTIuNDc=", "title": f"99213 at {SECRET}"}}
    schedule = {
        "type": coded(TYPES, "rate-schedule"), "text": f"99213 pays {SECRET}",
        "offer": {**party, "text": f"pays {SECRET}", "answer": [{"valueDecimal": 92.47}]},
        "asset": [{"text": f"pays {SECRET}", "valuedItem": [valued()]}],
        "group": [{"text": f"again {SECRET}", "offer": {"text": SECRET}, "asset": [{"valuedItem": [valued()]}]}],
    }  # fmt: skip
    scope = {
        "type": coded(TYPES, "scope-of-work"), "text": "Echocardiography",
        "offer": {"answer": [{"valueString": "Two sites"}, {"valueQuantity": {"value": 92.47}}]},
        "asset": [{"text": "Echo", "valuedItem": [valued(paymentDate="2026-11-30", responsible={"reference": "#r"})]}],
    }  # fmt: skip
    budget = {
        "type": coded(TYPES, "budget"), "offer": {"text": "A year", "party": [custodian("Organization/group-2")]},
        "asset": [{"valuedItem": [{"net": {"value": 250000, "currency": "USD"}}, valued()]}],
    }  # fmt: skip
    rates = {"resourceType": "ChargeItemDefinition", "id": "r", "url": "u", "status": "active", "title": SECRET}
    return contract() | {
        "authority": [ref("Organization/office-payer-1")], "term": [schedule, scope, budget],
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{SECRET}</div>'},
        "contained": [rates, {"resourceType": "Organization", "id": "o", "name": "Inside"}],
        "supportingInfo": [{"reference": "#o"}],
        "legal": [paper, {"contentReference": ref("DocumentReference/paper")}], "friendly": [paper], "rule": [paper],
    }  # fmt: skip


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    settings = Settings()
    rules = project.projector(project.policy(settings))
    found = World(engine, lambda: NOW, lambda: str(uuid4()), requests.Session, settings, rules, Journal(tmp_path))
    about_it = {
        "resourceType": "Task", "id": "review", "status": "requested", "intent": "order",
        "focus": ref("Contract/agr-1-v1"), "owner": ref("Organization/group-1"),
        "requester": ref("Organization/office-payer-1"),
    }  # fmt: skip
    with writing(engine) as conn:
        put(conn, *REGISTRY, about_it, told_everywhere(), now=NOW)
    return found


def test_what_is_paid_is_left_out_and_the_parties_days_and_kinds_stay() -> None:
    left = without_rates(told_everywhere())
    assert SECRET not in json.dumps(left)
    assert "OTIuNDc" not in json.dumps(left)
    schedule, scope, budget = left["term"]
    assert schedule == {
        "type": coded(TYPES, "rate-schedule"), "group": [{"offer": MASKED}],
        "offer": {"party": [{"reference": [ref("Organization/group-1")], "role": {"text": "group"}}]},
    }  # fmt: skip
    assert scope == {
        "type": coded(TYPES, "scope-of-work"), "text": "Echocardiography", "asset": [{"text": "Echo"}],
        "offer": {"answer": [{"valueString": "Two sites"}]},
    }  # fmt: skip
    assert budget["asset"] == [{"valuedItem": [{"net": {"value": 250000, "currency": "USD"}}]}]
    assert left["legal"] == [{"contentReference": ref("DocumentReference/paper")}]
    assert [each["id"] for each in left["contained"]] == ["o"]
    assert {"friendly", "rule", "text"}.isdisjoint(left)
    plain = contract() | {"term": [{"type": coded(TYPES, "participation"), "text": "All", "offer": {}}]}
    assert without_rates(plain) == plain


def _roads(world: World) -> dict[str, Callable[[Grant], bytes]]:
    """The roads on which a Contract goes out."""
    entry = {"resourceType": "Bundle", "type": "batch", "entry": [
        {"request": {"method": "GET", "url": url}}
        for url in ("Contract/agr-1-v1", "Contract?_id=agr-1-v1", "Contract/agr-1-v1/_history")]}  # fmt: skip
    id = "agr-1-v1"
    return {
        "read": lambda who: interactions.read(world, who, "Contract", id).body,
        "version": lambda who: interactions.vread(world, who, "Contract", id, "1").body,
        "history": lambda who: interactions.history(world, who, "Contract", id, []),
        "history of the type": lambda who: interactions.changes(world, who, "Contract", []),
        "history of all": lambda who: interactions.changes(world, who, None, []),
        "search": lambda who: interactions.search(world, who, "Contract", [("_id", id)]),
        "elements": lambda who: interactions.search(world, who, "Contract", [("_elements", "term,legal,text")]),
        "summary": lambda who: interactions.search(world, who, "Contract", [("_summary", "data")]),
        "include": lambda who: interactions.search(world, who, "Task", [("_include", "Task:focus")]),
        "system search": lambda who: search_all(world, who, [("_type", "Contract"), ("_id", id)], True),
        "bundle": lambda who: bundle.process(world, who, entry),
        "unless it exists": lambda who: interactions.create(
            world, who, "Contract", told_everywhere() | {"id": "x"}, unless=[("_id", id)]).body,
    }  # fmt: skip


def test_rates_inside_a_contract_go_out_to_the_parties_contract_staff_alone_on_every_road(world: World) -> None:
    askers = {(role, "group-1"): person(role, "group-1") for role in ROLES}
    askers |= {("contracts", who): person("contracts", who) for who in ("payer-1", "payer-2", "group-2")}
    askers |= {("service", who): service(who) for who in ("payer-1", "group-1", "group-2", None)}
    shown: dict[str, set[tuple[str, str | None]]] = {}
    seen: dict[str, set[tuple[str, str | None]]] = {}
    for road, go in _roads(world).items():
        for name, who in askers.items():
            try:
                told = go(who).decode()
            except Problem:
                continue
            shown.setdefault(road, set()).update({name} if SECRET in told or "OTIuNDc" in told else ())
            seen.setdefault(road, set()).update({name} if "Echocardiography" in told else ())
            marked = SECRET in told or "Echocardiography" not in told or "SUBSETTED" in told
            assert marked, f"{road}: a part says that it is one"
    parties = {(role, who) for role in ("contracts", "service") for who in ("payer-1", "group-1")}
    others = {("contracts", "group-2"), ("service", "group-2"), ("service", None)}
    assert shown == dict.fromkeys(_roads(world), parties)
    of_no_party = {"include": {("contracts", "group-2")}}  # the Task that leads to it is the parties' own
    assert seen == {road: (parties | others) - of_no_party.get(road, set()) for road in _roads(world)}


def test_who_is_told_a_part_does_not_write_it_in_place_of_the_whole(world: World) -> None:
    stranger, own, outside = person("contracts", "group-2"), person("contracts", "group-1"), service()
    with writing(world.engine) as conn:
        put(conn, told_everywhere() | {"id": "draft", "status": "negotiable"}, now=NOW)
    whole = json.loads(interactions.read(world, own, "Contract", "draft").body)
    part = json.loads(interactions.read(world, stranger, "Contract", "draft").body)
    for who, given in ((stranger, part), (stranger, whole), (outside, part)):
        with pytest.raises(Forbidden, match="what is paid"):
            interactions.update(world, who, "Contract", "draft", given)
    for who in (stranger, outside):
        with pytest.raises(Forbidden, match="what is paid"):
            interactions.patch(world, who, "Contract", "draft", lambda resource: resource | {"title": "Mine"})
    assert SECRET.encode() in interactions.update(world, own, "Contract", "draft", whole | {"title": "Ours"}).body
    answer = interactions.update(world, outside, "Contract", "draft", whole | {"title": "As it was brought in"})
    assert SECRET.encode() not in answer.body, "nor does the answer to a write tell it"
    assert SECRET.encode() in interactions.read(world, own, "Contract", "draft").body


def test_the_search_of_the_register_finds_nothing_by_what_is_paid() -> None:
    given = told_everywhere()
    line = overview([version_of(given, NOW.tzinfo)], {"Contract/agr-1-v1": given}, {}, NOW.date())
    assert "echocardiography" in line.words.split()
    assert "92" not in line.words.split()
