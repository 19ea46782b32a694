"""The data that every server under test holds: patients with referrals, the same bytes for each."""

import json
import random
from collections.abc import Iterator
from typing import Any

MRN = "https://carecoord.example/id/mrn"
FAMILIES = ("Okafor", "Lindqvist", "Abara", "Delgado", "Whitfield", "Haddad", "Petrov", "Castillo", "Brandt")
GIVEN = ("Ngozi", "Tomas", "Samuel", "Marisol", "Anne", "Youssef", "Irina", "Rafael", "Eleanor", "Ken")
STATUSES = ("active", "active", "active", "completed", "draft", "revoked")


def patient(n: int) -> dict[str, Any]:
    """Patient number n."""
    chance = random.Random(n)
    return {
        "resourceType": "Patient",
        "identifier": [{"system": MRN, "value": f"{n:07d}"}],
        "active": True,
        "name": [{"use": "official", "family": chance.choice(FAMILIES), "given": [chance.choice(GIVEN)]}],
        "telecom": [{"system": "phone", "value": f"555-{n % 10000:04d}", "use": "home"}],
        "gender": chance.choice(("female", "male")),
        "birthDate": f"{1940 + n % 70}-{1 + n % 12:02d}-{1 + n % 28:02d}",
        "address": [{"line": [f"{n} Elm Street"], "city": "Springfield", "state": "MA"}],
    }


def referral(n: int, subject: str) -> dict[str, Any]:
    """ServiceRequest number n about the patient that `subject` points at."""
    chance = random.Random(-n - 1)
    day = f"20{20 + n % 6}-{1 + n % 12:02d}-{1 + n % 28:02d}T{n % 24:02d}:{n % 60:02d}:00Z"
    return {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": "https://carecoord.example/id/bench", "value": f"B-{n}"}],
        "status": chance.choice(STATUSES),
        "intent": "order",
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "306206005"}]}],
        "priority": chance.choice(("routine", "urgent")),
        "code": {"text": "Cardiology, consult and treat"},
        "subject": {"reference": subject},
        "authoredOn": day,
        "reasonCode": [{"text": "New LBBB, EF 38%"}],
    }


def transaction(first: int, referrals: int = 19) -> dict[str, Any]:
    """A transaction Bundle: patient number `first` and that many referrals of theirs."""
    about = f"urn:uuid:00000000-0000-4000-8000-{first:012d}"
    entries = [_entry(patient(first), about)]
    entries += [_entry(referral(first * 100 + n, about), None) for n in range(referrals)]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _entry(resource: dict[str, Any], url: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"fullUrl": url} if url else {}
    return {**entry, "resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}


def transactions(start: int, count: int, referrals: int = 19) -> Iterator[bytes]:
    """`count` transaction bundles as JSON, patients numbered from `start`."""
    for n in range(start, start + count):
        yield json.dumps(transaction(n, referrals)).encode()
