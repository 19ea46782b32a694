"""Section 1.8: granular scopes. Two launches each ask a subset; afterwards every search is repeated, and what it finds
must be exactly what is in scope."""

import pytest

from .conftest import Launch, exchanged
from .practice import CONCERN, CONDITION, OBSERVATION, PLANS, SERVICES, SNOMED, TASKS
from .serving import Site
from .visitor import Browser, apps
from .visitor import standalone as launch

Wanted = dict[str, list[str]]

SETS: dict[str, tuple[list[str], Wanted]] = {
    "1": (
        [
            f"Condition.rs?category={CONDITION}|encounter-diagnosis", f"Condition.rs?category={CONCERN}|health-concern",
            f"Observation.rs?category={OBSERVATION}|laboratory",
            f"Observation.rs?category={OBSERVATION}|social-history",
        ],
        {"Condition": ["concern", "diagnosis"], "Observation": ["both", "laboratory", "social-history"]},
    ),
    "2": (
        [
            f"Condition.rs?category={CONDITION}|problem-list-item",
            f"Observation.rs?category={OBSERVATION}|vital-signs", f"Observation.rs?category={OBSERVATION}|survey",
        ],
        {"Condition": ["problem"], "Observation": ["both", "survey", "vital-signs"]},
    ),
    "3": (
        [
            f"ServiceRequest.rs?category={SNOMED}|3457005", f"Task.rs?code={TASKS}|fulfill",
            f"Appointment.rs?service-category={SERVICES}|27", f"Coverage.rs?type={PLANS}|PPO",
            "Claim.rs?use=preauthorization",
        ],
        {"ServiceRequest": ["referral"], "Task": ["fulfill"], "Appointment": ["specialist"], "Coverage": ["medical"],
         "Claim": ["request"]},
    ),
}  # fmt: skip
SEARCHES: dict[str, list[str]] = {
    "Condition": ["Condition", "Condition?patient=okafor", "Condition?category=problem-list-item,health-concern",
                  f"Condition?category={CONDITION}|encounter-diagnosis",
                  "Condition?_id=okafor-problem,okafor-concern,okafor-diagnosis", "Patient/okafor/Condition"],
    "Observation": ["Observation", "Observation?patient=okafor", "Observation?category=laboratory",
                    "Observation?category=survey,vital-signs", "Observation?encounter=okafor-visit",
                    "Observation?subject:Patient.family=Okafor", "Observation?status=final&_sort=-_lastUpdated"],
    "ServiceRequest": ["ServiceRequest", "ServiceRequest?patient=okafor", "ServiceRequest?category=363679005"],
    "Task": ["Task", "Task?patient=okafor", "Task?code=approve", "Task?status=requested"],
    "Appointment": ["Appointment", "Appointment?patient=okafor", "Appointment?service-category=10"],
    "Coverage": ["Coverage", "Coverage?beneficiary=Patient/okafor", "Coverage?type=DENTAL"],
    "Claim": ["Claim", "Claim?patient=okafor", "Claim?use=claim"],
}  # fmt: skip


@pytest.fixture(scope="session", params=SETS)
def granular(site: Site, mina: Browser, request: pytest.FixtureRequest) -> tuple[Launch, Wanted]:
    """A launch that was granted one set, beside the patient."""
    scopes, wanted = SETS[request.param]
    app = apps(site)["public"]
    asked = ["launch/patient", "patient/Patient.rs", *(f"patient/{scope}" for scope in scopes)]
    got = exchanged(app, launch(app, mina, " ".join(asked)))
    assert set(got.told["scope"].split()) == set(asked)
    return got, wanted


@pytest.fixture(scope="session")
def whole(site: Site, mina: Browser) -> Launch:
    """A launch that was granted all of these types: what each search finds without a limit."""
    app = apps(site)["public"]
    scope = "launch/patient patient/Patient.rs " + " ".join(f"patient/{type}.rs" for type in SEARCHES)
    return exchanged(app, launch(app, mina, scope))


def named(ids: list[str]) -> list[str]:
    return sorted(f"okafor-{id}" for id in ids)


def test_smart_1_8_1_every_search_repeated_finds_exactly_what_is_in_scope(
    site: Site, granular: tuple[Launch, Wanted], whole: Launch
) -> None:
    """Sets 1 and 2 of US Core (smart_1_8_1, smart_1_8_2), and ours of referrals, tasks, visits, coverage and claims
    (smart_1_8_3)."""
    got, wanted = granular
    for type, searches in SEARCHES.items():
        for search in searches:
            if type not in wanted:
                assert site.read(search, got.token).status_code == 403, search
                continue
            before = site.ids(search, whole.token)
            assert site.ids(search, got.token) == sorted(set(before) & set(named(wanted[type]))), search
        if type in wanted:
            assert site.ids(type, got.token) == named(wanted[type])
            counted = site.read(f"{type}?_summary=count", got.token).json()["total"]
            assert counted == len(wanted[type])


def test_smart_1_8_2_reads_and_versions_out_of_scope_are_refused(
    site: Site, granular: tuple[Launch, Wanted], whole: Launch
) -> None:
    got, wanted = granular
    for type, ids in wanted.items():
        for id in site.ids(type, whole.token):
            inside = id in named(ids)
            for tail in ("", "/_history", "/_history/1"):
                status = site.read(f"{type}/{id}{tail}", got.token).status_code
                assert (status == 200) == inside, f"{type}/{id}{tail}: {status}"
                assert inside or status in (403, 404)


def test_smart_1_8_3_no_other_road_leads_out_of_scope(
    site: Site, granular: tuple[Launch, Wanted], whole: Launch
) -> None:
    """_revinclude, _has, a chain, a batch and the type's own history."""
    got, wanted = granular
    for type, ids in wanted.items():
        every = set(site.ids(type, whole.token))
        outside = every - set(named(ids))
        assert outside
        link = {"Coverage": "beneficiary", "Appointment": "patient"}.get(type, "patient")
        found = site.read(f"Patient?_revinclude={type}:{link}", got.token).json()
        shown = {e["resource"]["id"] for e in found.get("entry", []) if e["resource"]["resourceType"] == type}
        assert shown == set(named(ids)), type
        for id in outside:
            assert site.ids(f"Patient?_has:{type}:{link}:_id={id}", got.token) == [], id
        asked = [{"request": {"method": "GET", "url": f"{type}/{id}"}} for id in sorted(outside)]
        batch = {"resourceType": "Bundle", "type": "batch", "entry": asked}
        headers = {"Authorization": f"Bearer {got.token}", "Content-Type": "application/fhir+json"}
        answer = site.post("/fhir", json=batch, headers=headers).json()
        assert all(entry["response"]["status"][:3] in ("403", "404") for entry in answer["entry"])
        past = site.read(f"{type}/_history", got.token)
        if past.status_code == 200:
            told = {entry["resource"]["id"] for entry in past.json().get("entry", []) if "resource" in entry}
            assert told <= set(named(ids))
