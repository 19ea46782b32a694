"""A payer's directory as snapshots: the second changes what differs, who vanished shows as ended, who comes back is in
again; ids of the directory never meet ours, and a part of a snapshot ends nobody."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from carecoord.actions.imports.importer import IMPORTER
from carecoord.actions.imports.published import plan_net_files
from carecoord.actions.imports.published.plan_net_files import Differences
from carecoord.errors import DatabaseAway, Invalid
from carecoord.fhir import text
from carecoord.store.database.engine import reading
from carecoord.store.worklist import registry
from carecoord.words.catalogue import say
from carecoord.world import World
from tests.store.database.test_group_commit import crowding

BASE = "https://payer.example/plan-net"
NETWORK = {"reference": "Organization/select", "display": "Acme Select"}
IN = "http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/network-reference"
DRAFT = "http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/plannet-ParticipatingNetwork-extension"
KINDS = "http://hl7.org/fhir/us/davinci-pdex-plan-net/CodeSystem/OrgTypeCS"


def organization(id: str, called: str, kind: str) -> dict[str, Any]:
    return {"resourceType": "Organization", "id": id, "active": True, "name": called,
            "type": [{"coding": [{"system": KINDS, "code": kind}]}]}  # fmt: skip


def role(id: str, who: str, extension: str = IN) -> dict[str, Any]:
    return {"resourceType": "PractitionerRole", "id": id, "active": True, "period": {"start": "2026-01-01"},
            "practitioner": {"reference": f"{BASE}/Practitioner/{who}", "display": who.capitalize()},
            "organization": {"reference": "Organization/elm"},
            "extension": [{"url": extension, "valueReference": NETWORK}]}  # fmt: skip


FIRST = [
    role("ann-1", "ann"), role("bob-1", "bob", DRAFT),
    {"resourceType": "OrganizationAffiliation", "id": "elm-1", "active": True, "network": [NETWORK],
     "organization": {"reference": "Organization/acme"},
     "participatingOrganization": {"reference": "Organization/elm"}},
    organization("acme", "Acme Health", "payer"), organization("select", "Acme Select", "ntwk"),
    organization("elm", "Elm Clinic", "prvgrp"),
    {"resourceType": "Practitioner", "id": "ann", "active": True, "name": [{"family": "Beispiel"}]},
    {"resourceType": "Practitioner", "id": "bob", "active": True, "name": [{"family": "Example"}],
     "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Bob</div>'}},
    {"resourceType": "InsurancePlan", "id": "hmo", "status": "active", "name": "Acme HMO", "network": [NETWORK],
     "ownedBy": {"reference": "Organization/acme"}},
]  # fmt: skip


def snapshot(
    world: World, path: Path, resources: list[dict[str, Any]], **how: Any
) -> tuple[dict[str, int], Differences]:
    entries = [{"fullUrl": f"{BASE}/{each['resourceType']}/{each['id']}", "resource": each} for each in resources]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    brought, found = plan_net_files.bring(world, IMPORTER, "test", path, **how)
    return dict(brought.rows), found


def held(world: World, type: str) -> dict[str, dict[str, Any]]:
    with reading(world.engine) as conn:
        found = [text.loads(row.body) for row in registry.of_source(conn, type, BASE)]
    return {each["meta"]["source"].rpartition("/")[2]: each for each in found}


def test_what_the_database_could_not_keep_is_no_fault_of_the_directory(world: World, tmp_path: Path) -> None:
    file = tmp_path / "directory.json"
    with crowding(world.engine) as crowd:
        assert isinstance(crowd.keeps_waiting(lambda: snapshot(world, file, FIRST[:1])), DatabaseAway)
    assert snapshot(world, file, FIRST)[0] == {"new": 9}


def test_the_next_snapshot_changes_what_differs_and_who_vanished_shows_as_ended(world: World, tmp_path: Path) -> None:
    file = tmp_path / "directory.json"
    assert snapshot(world, file, FIRST, dry=True)[0] == {"new": 9}
    assert held(world, "Practitioner") == {}
    assert snapshot(world, file, FIRST)[0] == {"new": 9}
    assert snapshot(world, file, FIRST)[0] == {"unchanged": 9}
    network, bob = held(world, "Organization")["select"], held(world, "PractitionerRole")["bob-1"]
    assert bob["extension"] == [
        {"url": IN, "valueReference": {"reference": f"Organization/{network['id']}", "display": "Acme Select"}}
    ]
    assert bob["practitioner"]["reference"] == f"Practitioner/{held(world, 'Practitioner')['bob']['id']}"
    assert "text" not in held(world, "Practitioner")["bob"]
    second = [each for each in copy.deepcopy(FIRST) if each["id"] not in ("bob-1", "hmo")]
    second[0]["period"] = {"start": "2026-02-01"}
    rows, found = snapshot(world, file, second)
    assert (rows, found.ended) == ({"changed": 1, "ended": 2, "unchanged": 6}, ["Bob", "Acme HMO"])
    bob, plan = held(world, "PractitionerRole")["bob-1"], held(world, "InsurancePlan")["hmo"]
    assert bob["period"] == {"start": "2026-01-01", "end": "2026-11-21"}
    assert bob["extension"][-1]["valueDate"] == "2026-11-22"
    assert (plan["status"], plan["period"]) == ("retired", {"end": "2026-11-21"})
    assert snapshot(world, file, second)[0] == {"unchanged": 7}, "what has ended once ends no more"
    assert snapshot(world, file, FIRST)[0] == {"changed": 3, "unchanged": 6}, "and who comes back is in again"
    assert held(world, "PractitionerRole")["bob-1"]["period"] == {"start": "2026-01-01"}


def test_what_can_not_be_kept_is_told_and_a_part_of_a_snapshot_ends_nobody(world: World, tmp_path: Path) -> None:
    stranger = role("who-1", "who")
    elsewhere = role("ann-9", "ann") | {"location": [{"reference": "Location/other"}]}
    odd = {"resourceType": "Practitioner", "id": "odd", "gender": "robot"}
    rows, found = snapshot(world, tmp_path / "a.json", [*FIRST, stranger, elsewhere, odd])
    assert rows == {"new": 9, "faulty": 3}
    beyond = "is not in this directory, and without it the row would say more than the payer does"
    assert [(where.removeprefix(BASE), say(why)) for where, why in found.faults[:2]] == [
        ("/PractitionerRole/who-1", f"Its practitioner {beyond}"),
        ("/PractitionerRole/ann-9", f"Its location {beyond}"),
    ]
    assert found.faults[2][0] == f"{BASE}/Practitioner/odd"
    many = [role(f"ann-{n}", "ann") for n in range(2, 24)]
    assert snapshot(world, tmp_path / "a.json", [*FIRST, *many])[0]["new"] == 22
    with pytest.raises(Invalid, match="22 of 26 rows that stood there are not in it"):
        snapshot(world, tmp_path / "a.json", FIRST)
    assert snapshot(world, tmp_path / "a.json", FIRST, whole=True)[0] == {"ended": 22, "unchanged": 9}


def test_a_snapshot_comes_in_pages_and_lines_too_and_says_which_directory_it_is(world: World, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "1.ndjson").write_text("\n".join(map(json.dumps, FIRST[:5])))
    (pages / "2.json").write_text(json.dumps({"resourceType": "Bundle", "type": "searchset",
                                              "entry": [{"resource": each} for each in FIRST[4:]]}))  # fmt: skip
    with pytest.raises(Invalid, match="Which directory is it"):
        plan_net_files.bring(world, IMPORTER, "test", pages)
    assert plan_net_files.bring(world, IMPORTER, "test", pages, BASE)[0].rows == {"new": 9}
    assert snapshot(world, tmp_path / "whole.json", FIRST)[0] == {"unchanged": 9}
