"""Who reads a Provenance: whoever reads what it is about. An act of the desk names no patient among its targets, only
the Task or the document that came out of it, and R4's compartment knows no other way (Provenance.patient)."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carecoord.app import wired
from tests.auth.access.test_consents import person
from tests.auth.conftest import build_world
from tests.auth.place import Place


def _origin(id: str, *targets: str) -> dict[str, Any]:
    return {
        "resourceType": "Provenance", "id": id, "target": [{"reference": each} for each in targets],
        "recorded": "2026-11-20T10:00:00Z", "agent": [{"who": {"display": "Reyes, Mina"}}],
    }  # fmt: skip


def _task(id: str, order: str, owner: str) -> dict[str, Any]:
    return {
        "resourceType": "Task", "id": id, "status": "requested", "intent": "order",
        "focus": {"reference": f"ServiceRequest/{order}"}, "owner": {"reference": f"Organization/{owner}"},
    }  # fmt: skip


KEPT: list[dict[str, Any]] = [
    _task("ours", "okafor-cardiology", "clinic"), _task("theirs", "lindqvist-cardiology", "other"),
    {"resourceType": "Task", "id": "of-okafor", "status": "draft", "intent": "order",
     "for": {"reference": "Patient/okafor"}},
    _origin("act", "Task/ours/_history/1"), _origin("order", "ServiceRequest/okafor-cardiology"),
    _origin("patients", "Task/of-okafor/_history/1"), _origin("patient", "Patient/okafor"),
    _origin("foreign-act", "Task/theirs/_history/1"), _origin("foreign-order", "ServiceRequest/lindqvist-cardiology"),
    _origin("foreign-patient", "Patient/lindqvist"),
]  # fmt: skip
# Who may read which, by hand. Mina refers nobody and has no Encounter with Okafor: as a clinician she has no patient.
SEEN = {
    ("coordinator",): {"act", "order", "patient"},  # a Task names our office, or is not ours to read
    ("clinician",): set[str](),
    ("payer",): None,
    ("contracts",): None,
    ("admin",): None,
}


@pytest.fixture(scope="module")
def place(practice: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("origins")
    shutil.copyfile(practice, folder / "practice.db")
    world = build_world(folder, "practice.db")
    place = Place(world, wired(world).test_client())
    loader = place.service("system/*.cruds")
    for one in KEPT:
        assert place.fhir(loader, "PUT", f"{one['resourceType']}/{one['id']}", one).status_code == 201
    yield place
    world.engine.dispose()


def _read(place: Place, token: str) -> set[str]:
    """Those that are given by read, which are those that are found."""
    origins = [one["id"] for one in KEPT if one["resourceType"] == "Provenance"]
    read = {id for id in origins if place.fhir(token, "GET", f"Provenance/{id}").status_code == 200}
    found: Any = place.fhir(token, "GET", "Provenance").json
    assert {entry["resource"]["id"] for entry in found.get("entry", [])} == read
    return read


@pytest.mark.parametrize("roles", SEEN)
def test_the_origin_of_a_task_or_order_is_read_by_the_roles_that_read_it(place: Place, roles: tuple[str, ...]) -> None:
    token = person(place, "user/*.cruds", None, roles, "Practitioner/mina")
    expected = SEEN[roles]
    if expected is None:
        assert place.fhir(token, "GET", "Provenance").status_code == 403
    else:
        assert _read(place, token) == expected


def test_a_clinician_reads_the_origins_of_acts_on_a_patient_in_their_care(place: Place) -> None:
    loader = place.service("system/*.cruds")
    visit: Any = place.fhir(loader, "GET", "Encounter/okafor-visit").json
    cared = {**visit, "id": "with-otto", "participant": [{"individual": {"reference": "Practitioner/otto"}}]}
    assert place.fhir(loader, "PUT", "Practitioner/otto", {"resourceType": "Practitioner", "id": "otto"}).status_code
    assert place.fhir(loader, "PUT", "Encounter/with-otto", cared).status_code == 201
    token = person(place, "user/*.cruds", None, ("clinician",), "Practitioner/otto")
    assert _read(place, token) == {"order", "patients", "patient"}  # the Task "ours" names no patient


def test_an_app_of_one_patient_reads_the_origins_of_what_is_about_them(place: Place) -> None:
    own = person(place, "patient/*.rs", "okafor", (), "Patient/okafor")
    assert _read(place, own) == {"order", "patients", "patient"}


def test_what_was_found_brings_its_origins_along(place: Place) -> None:
    token = person(place, "user/*.cruds", None, ("coordinator",), "Practitioner/mina")
    found: Any = place.fhir(token, "GET", "Task?_id=ours&_revinclude=Provenance:target").json
    assert {entry["resource"]["id"] for entry in found["entry"]} == {"ours", "act"}
