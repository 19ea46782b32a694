"""Who and what is at the server under test: two patients of two organizations, one person, and the registered apps.

Everything is written as an administrator would have it: resources over the FHIR API, people and apps into the register.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import Connection

from auth import store
from auth.store import Client, Token, User
from carecoord import app
from carecoord.store.database.engine import migrate, writing
from carecoord.world import World
from tests.people import add_user_with_password

LOGIN: Final = "mina"
PASSWORD: Final = "correct horse battery staple"
SECRET: Final = "a secret that only the test knows, 0123456789"
CALLBACK: Final = "https://app.example/callback"
LAUNCH_URL: Final = "https://app.example/launch"

OBSERVATION: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
CONDITION: Final = "http://terminology.hl7.org/CodeSystem/condition-category"
CONCERN: Final = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"
SNOMED: Final = "http://snomed.info/sct"
TASKS: Final = "http://hl7.org/fhir/CodeSystem/task-code"
SERVICES: Final = "http://terminology.hl7.org/CodeSystem/service-category"
PLANS: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"

EVERYTHING: Final = (
    "openid fhirUser profile launch launch/patient launch/encounter offline_access online_access "
    "patient/*.cruds user/*.cruds"
)
PEOPLES: Final = ("authorization_code", "refresh_token")


@dataclass(frozen=True)
class Keys:
    """The private keys of the registered clients; `published` is at the key set's address and nowhere else."""

    rsa: RSAKey
    ec: ECKey
    published: ECKey


def make_keys() -> Keys:
    return Keys(
        RSAKey.generate_key(2048, {"kid": "rsa-1"}),
        ECKey.generate_key("P-384", {"kid": "ec-1"}),
        ECKey.generate_key("P-384", {"kid": "ec-published"}),
    )


def public(*keys: RSAKey | ECKey) -> str:
    """A JWKS, as text, of the public halves."""
    return json.dumps(KeySet(list(keys)).as_dict(private=False))


def settle(world: World, keys: Keys, jwks_url: str) -> None:
    """Put everybody and everything in place."""
    migrate(world.engine)
    now = int(world.clock().timestamp())
    with writing(world.engine) as conn:
        mina = User("u1", LOGIN, "Mina Reyes", frozenset({"coordinator", "clinician"}), "clinic", "Practitioner/mina")
        add_user_with_password(conn, mina, PASSWORD, now)
        for client, secret in _clients(keys, jwks_url):
            store.add_client(conn, client, now, secret)
        token = everything(conn, now)
    entry = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in RESOURCES
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entry}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    answer = app.wired(world).test_client().post("/fhir", data=json.dumps(bundle), headers=headers)
    assert answer.status_code == 200, answer.text


def everything(conn: Connection, now: int) -> str:
    """A token that opens all."""
    return store.issue(conn, Token("access", "seed", "seed", "system/*.cruds", now, now + 300))


def _clients(keys: Keys, jwks_url: str) -> list[tuple[Client, str | None]]:
    inline = public(keys.rsa, keys.ec)
    apps: dict[str, Any] = {"grants": PEOPLES, "redirect_uris": (CALLBACK,), "launch_url": LAUNCH_URL}
    return [
        (Client("public", "Public app", EVERYTHING, "none", **apps), None),
        (Client("symmetric", "Symmetric app", EVERYTHING, "client_secret_basic", **apps), SECRET),
        (Client("asymmetric", "Asymmetric app", EVERYTHING, "private_key_jwt", jwks=inline, **apps), None),
        (Client("thief", "Another app", EVERYTHING, "none", **apps), None),
        (Client("loader", "Loader", "system/*.rs", jwks=inline), None),
        (Client("published", "Loader with a key set of its own", "system/*.rs", jwks_url=jwks_url), None),
        (Client("narrow", "Narrow loader", "system/Patient.rs", jwks=inline), None),
        (Client("gateway", "A resource server", EVERYTHING, "client_secret_basic", ("authorization_code",),
                redirect_uris=(CALLBACK,), roles=frozenset({"resource-server"})), SECRET),
    ]  # fmt: skip


def _patient(id: str, family: str, organization: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient", "id": id, "name": [{"family": family, "given": ["Ngozi"]}], "gender": "female",
        "birthDate": "1970-01-01", "managingOrganization": {"reference": f"Organization/{organization}"},
    }  # fmt: skip


def _coded(system: str, code: str) -> list[dict[str, Any]]:
    return [{"coding": [{"system": system, "code": code}]}]


def _of(kind: str, id: str, patient: str, element: str = "subject", **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": id, element: {"reference": f"Patient/{patient}"}, **more}


def _observation(id: str, patient: str, *categories: str) -> dict[str, Any]:
    filed = [entry for code in categories for entry in _coded(OBSERVATION, code)]
    more: dict[str, Any] = {"status": "final", "code": {"text": id}, **({"category": filed} if filed else {})}
    return _of("Observation", id, patient, "subject", encounter={"reference": f"Encounter/{patient}-visit"}, **more)


def _condition(id: str, patient: str, *categories: tuple[str, str]) -> dict[str, Any]:
    filed = [entry for system, code in categories for entry in _coded(system, code)]
    return _of("Condition", id, patient, code={"text": id}, **({"category": filed} if filed else {}))


def _order(id: str, patient: str, category: str) -> dict[str, Any]:
    return _of(
        "ServiceRequest", id, patient, status="active", intent="order", category=_coded(SNOMED, category),
        performer=[{"reference": "Organization/clinic"}], encounter={"reference": f"Encounter/{patient}-visit"},
    )  # fmt: skip


def _task(id: str, patient: str, code: str) -> dict[str, Any]:
    return _of(
        "Task", id, patient, "for", status="requested", intent="order", code=_coded(TASKS, code)[0],
        owner={"reference": "Organization/clinic"},
    )  # fmt: skip


def _appointment(id: str, patient: str, category: str) -> dict[str, Any]:
    who = [{"actor": {"reference": f"Patient/{patient}"}, "status": "accepted"}]
    return {
        "resourceType": "Appointment", "id": id, "status": "proposed", "serviceCategory": _coded(SERVICES, category),
        "participant": who,
    }  # fmt: skip


def _coverage(id: str, patient: str, kind: str) -> dict[str, Any]:
    payor = [{"reference": "Organization/payer"}]
    return _of("Coverage", id, patient, "beneficiary", status="active", type=_coded(PLANS, kind)[0], payor=payor)


def _claim(id: str, patient: str, use: str) -> dict[str, Any]:
    return _of(
        "Claim", id, patient, "patient", status="active", use=use, created="2026-11-01",
        type=_coded("http://terminology.hl7.org/CodeSystem/claim-type", "professional")[0],
        priority=_coded("http://terminology.hl7.org/CodeSystem/processpriority", "normal")[0],
        provider={"reference": "Organization/clinic"},
        insurance=[{"sequence": 1, "focal": True, "coverage": {"reference": f"Coverage/{patient}-medical"}}],
    )  # fmt: skip


def _record(patient: str) -> list[dict[str, Any]]:
    """One of each category of each type that granular scopes are tried on, and some in two categories or none."""
    visit = {"class": {"code": "AMB", "display": "ambulatory"}, "period": {"start": "2026-11-01T09:00:00Z"}}
    return [
        _of("Encounter", f"{patient}-visit", patient, status="finished", **visit),
        *(_observation(f"{patient}-{code}", patient, code)
          for code in ("laboratory", "social-history", "vital-signs", "survey")),
        _observation(f"{patient}-both", patient, "laboratory", "survey"),
        _observation(f"{patient}-plain", patient),
        _condition(f"{patient}-diagnosis", patient, (CONDITION, "encounter-diagnosis")),
        _condition(f"{patient}-problem", patient, (CONDITION, "problem-list-item")),
        _condition(f"{patient}-concern", patient, (CONCERN, "health-concern")),
        _order(f"{patient}-referral", patient, "3457005"), _order(f"{patient}-imaging", patient, "363679005"),
        _task(f"{patient}-fulfill", patient, "fulfill"), _task(f"{patient}-approve", patient, "approve"),
        _appointment(f"{patient}-specialist", patient, "27"), _appointment(f"{patient}-dental", patient, "10"),
        _coverage(f"{patient}-medical", patient, "PPO"), _coverage(f"{patient}-dental", patient, "DENTAL"),
        _claim(f"{patient}-request", patient, "preauthorization"), _claim(f"{patient}-bill", patient, "claim"),
    ]  # fmt: skip


RESOURCES: Final[list[dict[str, Any]]] = [
    {"resourceType": "Organization", "id": "clinic", "name": "Clinic"},
    {"resourceType": "Organization", "id": "other", "name": "Other"},
    {"resourceType": "Organization", "id": "payer", "name": "Payer"},
    {"resourceType": "Practitioner", "id": "mina", "name": [{"family": "Reyes"}]},
    _patient("okafor", "Okafor", "clinic"), _patient("lindqvist", "Lindqvist", "other"),
    *_record("okafor"),
    *(_observation(f"lindqvist-page-{n:02}", "lindqvist") for n in range(24)),  # more than one page of a search
    *(one for one in _record("lindqvist") if one["resourceType"] not in ("ServiceRequest", "Task")),
]  # fmt: skip
