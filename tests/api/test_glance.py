"""A read by a service that nothing narrows takes one statement. Issue 11: who asks, what patients' Consents forbid and
the resource are seen at one instant; whoever is narrowed, and whatever is more than a row, is read by all the rules.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from auth import store
from auth.server import bearer
from carecoord.actions.fhir import interactions
from carecoord.store.access import glances
from carecoord.store.database.engine import writing
from carecoord.world import World
from tests.api.conftest import Api, patient, referral
from tests.auth.access.test_consents import CONSENT

OPEN = {"resourceType": "Organization", "id": "clinic", "name": "Clinic"}
DENY = {**CONSENT, "patient": {"reference": "Patient/ngozi"}}


@pytest.fixture
def stocked(api: Api) -> Api:
    assert api.put("/Patient/ngozi", patient(id="ngozi")).status_code == 201
    assert api.put("/Patient/gone", patient(id="gone")).status_code == 201
    assert api.delete("/Patient/gone").status_code == 204
    assert api.put("/ServiceRequest/hip", referral("Patient/ngozi", id="hip")).status_code == 201
    assert api.put("/Organization/clinic", OPEN).status_code == 201
    return api


@pytest.fixture
def by_all_rules(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was read by all the rules since."""
    read, real = list[str](), interactions.read

    def noted(world: World, asker: Any, type: str, id: str, **more: Any) -> Any:
        read.append(f"{type}/{id}")
        return real(world, asker, type, id, **more)

    monkeypatch.setattr(interactions, "read", noted)
    return read


def test_a_service_reads_what_is_there_at_one_glance(stocked: Api, by_all_rules: list[str]) -> None:
    for path in ("Patient/ngozi", "Patient/ngozi?_summary=true", "ServiceRequest/hip", "Organization/clinic"):
        assert stocked.get(f"/{path}").status_code == 200
    assert by_all_rules == []


@pytest.mark.parametrize(
    ("scope", "more", "path", "status"),
    [
        ("system/*.cruds", {}, "Patient/nobody", 404),
        ("system/*.cruds", {}, "Patient/gone", 410),
        ("system/*.cruds", {"roles": frozenset({"coordinator"}), "organization": "clinic"}, "Patient/ngozi", 404),
        ("user/*.cruds", {"roles": frozenset({"coordinator"}), "organization": "clinic"}, "Patient/ngozi", 404),
        ("user/*.cruds", {}, "Patient/ngozi", 403),
        ("patient/*.rs", {"patient": "ngozi", "fhir_user": "Patient/ngozi"}, "Patient/ngozi", 200),
        ("patient/*.rs", {"patient": "other", "fhir_user": "Patient/other"}, "Patient/ngozi", 404),
        ("system/Patient.rs?family=Okafor", {}, "Patient/ngozi", 200),
        ("system/Patient.rs?family=Lindqvist", {}, "Patient/ngozi", 404),
        ("system/Patient.s", {}, "Patient/ngozi", 403),
        ("system/Task.rs", {}, "Patient/ngozi", 403),
        ("system/*.cruds", {}, "Contract/agreement", 404),
        ("system/*.cruds", {}, "ExplanationOfBenefit/one", 404),
    ],
)  # fmt: skip
def test_who_is_narrowed_and_what_is_more_than_a_row_is_read_by_all_the_rules(
    stocked: Api, client: Callable[..., Api], by_all_rules: list[str], *,
    scope: str, more: dict[str, Any], path: str, status: int,
) -> None:  # fmt: skip
    assert client(scope, **more).get(f"/{path}").status_code == status
    assert by_all_rules == [path]


def test_a_token_that_was_revoked_or_is_over_is_refused_by_the_very_next_read(
    stocked: Api, client: Callable[..., Api], world: World
) -> None:
    reader = client("system/*.rs")
    assert reader.get("/Patient/ngozi").status_code == 200
    with writing(world.engine) as conn:
        store.revoke(conn, str(reader.token))
    answer = reader.get("/Patient/ngozi")
    assert (answer.status_code, "invalid_token" in answer.headers["WWW-Authenticate"]) == (401, True)
    assert client("system/*.rs", life=0).get("/Patient/ngozi").status_code == 401


def test_a_consent_counts_from_the_very_next_read_until_it_is_taken_back(
    stocked: Api, client: Callable[..., Api], by_all_rules: list[str]
) -> None:
    reader = client("system/*.rs")
    assert reader.get("/ServiceRequest/hip").status_code == 200
    assert stocked.put("/Consent/no", DENY).status_code == 201
    for path in ("ServiceRequest/hip", "Patient/ngozi"):
        assert reader.get(f"/{path}").status_code == 404
    assert reader.get("/Organization/clinic").status_code == 200
    assert by_all_rules == ["ServiceRequest/hip", "Patient/ngozi"]  # it forbids nothing of a type that is open to all
    assert stocked.put("/Consent/no", {**DENY, "status": "inactive"}).status_code == 200
    assert reader.get("/ServiceRequest/hip").status_code == 200


def test_each_read_sees_what_was_committed_before_it(stocked: Api) -> None:
    for turn in range(5):
        assert stocked.put("/Patient/ngozi", patient(id="ngozi", birthDate=f"197{turn}-01-01")).status_code == 200
        assert stocked.get("/Patient/ngozi").json["birthDate"] == f"197{turn}-01-01"


def test_many_read_at_once_while_one_writes_and_each_sees_a_whole_version(stocked: Api, world: World) -> None:
    key = bearer.key(f"Bearer {stocked.token}")

    def read(_: int) -> bool:
        row = glances.see(world.engine, key, "Patient", "ngozi").row
        return row is not None and json.loads(row.body)["meta"]["versionId"] == str(row.version)

    with ThreadPoolExecutor(4) as pool:
        seen = pool.map(read, range(200))
        for turn in range(10):
            stocked.put("/Patient/ngozi", patient(id="ngozi", birthDate=f"19{turn + 10}-01-01"))
        assert all(seen)


def test_a_connection_that_died_is_told_by_nobody_and_those_that_are_kept_end_with_the_engine(
    stocked: Api, world: World
) -> None:
    key = bearer.key(f"Bearer {stocked.token}")
    for _ in range(3):
        assert glances.see(world.engine, key, "Patient", "ngozi").row
    kept = glances.kept(world.engine)
    assert len(kept) == (1 if world.engine.dialect.name == "sqlite" else 0)
    for connection in kept:
        connection.close()
    assert stocked.get("/Patient/ngozi").status_code == 200
    assert glances.see(world.engine, key, "Patient", "ngozi").row
    world.engine.dispose()
    assert glances.kept(world.engine) == []
