"""Every role x every type x every interaction, over the real application, against the table written by hand.

Issue 3: "A matrix test walks every role x every type x every interaction and compares with the table". Each type has a
resource that is the asker's (Okafor of the clinic) and one that is another's (Lindqvist of the other house).
"""

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from auth import store
from auth.grant import Grant
from auth.people import sessions
from auth.scopes import EVERYTHING
from carecoord.actions.fhir import interactions
from carecoord.app import wired
from carecoord.domain.access import roles as access_roles
from carecoord.domain.access.patient_links import links
from carecoord.domain.access.roles import OF_NOBODY, Office
from carecoord.domain.prior_auth.pas.subscription import OWNER
from carecoord.domain.resource.codes import IDENTIFIER
from carecoord.errors import Problem
from carecoord.fhir.search.params import params
from carecoord.fhir.types import TYPES
from carecoord.store.database.engine import reading, writing
from tests.auth.conftest import build_world
from tests.auth.place import RESOURCES, Place
from tests.domain.access.expected import ROLES, allowed, of_services
from tests.fhir.specimens import sound

Json = dict[str, Any]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NAMED = {"Patient": ("okafor", "lindqvist"), "Organization": ("clinic", "other"), "Practitioner": ("mina", "otto")}
OFFICE = Office(("clinic",), ("http://hl7.org/fhir/sid/us-npi|1",), ("Practitioner/mina",), is_payer=True)


def ids(type: str) -> tuple[str, str]:
    """Of the asker's resource, and of another's."""
    return NAMED.get(type, ("mine", "theirs"))


def _links(n: int) -> dict[str, Json]:
    """What ties a resource of each type to its patient, house and clinician; n 0: the asker's, 1: another's."""

    def to(type: str) -> Json:
        return {"reference": f"{type}/{ids(type)[n]}"}

    patient, house, clinician = to("Patient"), to("Organization"), to("Practitioner")
    of = {"subject": patient}
    told = {"subject": patient, "recipient": [house]}
    found: dict[str, Json] = {
        "RelatedPerson": {"patient": patient}, "Person": {"link": [{"target": patient}]},
        "PractitionerRole": {"practitioner": clinician}, "OrganizationAffiliation": {"organization": house},
        "Coverage": {"beneficiary": patient, "payor": [house], "status": "active"},
        "CoverageEligibilityRequest": {"patient": patient, "insurer": house},
        "CoverageEligibilityResponse": {
            "patient": patient, "insurer": house, "request": to("CoverageEligibilityRequest")},
        "ServiceRequest": {
            "subject": patient, "performer": [house], "status": "active", "intent": "order",
            "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}]},
        "Task": {"for": patient, "owner": house, "focus": to("ServiceRequest"), "status": "requested",
                 "businessStatus": {"text": "new"}},
        "Slot": {"status": "free"},
        "Appointment": {"participant": [{"actor": patient, "status": "accepted"}], "status": "proposed"},
        "AppointmentResponse": {"actor": patient, "appointment": to("Appointment")},
        "EpisodeOfCare": {"patient": patient},
        "Claim": {
            "patient": patient, "insurer": house, "use": "preauthorization", "status": "active",
            "insurance": [{"sequence": 1, "focal": True, "coverage": to("Coverage")}],
            "referral": to("ServiceRequest")},
        "ClaimResponse": {"patient": patient, "insurer": house, "status": "active", "disposition": "Pending"},
        "ExplanationOfBenefit": {"patient": patient, "insurance": [{"focal": True, "coverage": to("Coverage")}]},
        "Consent": {"patient": patient, "status": "inactive"}, "Communication": told, "CommunicationRequest": told,
        "DocumentReference": {
            "subject": patient, "context": {"related": [to("Claim")]}, "custodian": house,
            "content": [{"attachment": {"url": f"Binary/{ids('Binary')[n]}"}}]},
        "Provenance": {"target": [patient]}, "Patient": {
            "name": [{"family": ("Okafor", "Lindqvist")[n]}], "managingOrganization": house,
            "generalPractitioner": [clinician]},
        "Organization": {"identifier": [
            {"system": "http://hl7.org/fhir/sid/us-npi", "value": str(n + 1)},
            {"system": f"{IDENTIFIER}/payer", "value": f"P{n}"}]},
        "MeasureReport": {"subject": patient, "reporter": house},
        "Contract": {"authority": [house], "status": "negotiable"},
        "InsurancePlan": {"ownedBy": house}, "Subscription": {"status": "off", "criteria": "Patient", "meta": {
            "tag": [{"system": OWNER, "code": ids("Organization")[n]}]}},
    }  # fmt: skip
    for type in (
        "Encounter", "CarePlan", "CareTeam", "Goal", "List", "Condition", "Procedure", "MedicationRequest",
        "Observation", "DiagnosticReport", "ImagingStudy", "QuestionnaireResponse", "DeviceRequest", "Flag", "Basic",
        "AdverseEvent", "ClinicalImpression", "Composition", "DeviceUseStatement", "DocumentManifest", "Media",
        "MedicationAdministration", "MedicationDispense", "MedicationStatement", "RequestGroup", "RiskAssessment",
        "Specimen",
    ):  # fmt: skip
        found[type] = of
    for type in (
        "AllergyIntolerance", "BodyStructure", "Device", "FamilyMemberHistory", "Immunization",
        "ImmunizationEvaluation", "ImmunizationRecommendation", "NutritionOrder", "SupplyDelivery",
        "VisionPrescription",
    ):  # fmt: skip
        found[type] = {"patient": patient}
    found["DeviceRequest"] = {"subject": patient, "status": "active"}
    found["CarePlan"], found["Goal"] = of | {"status": "active"}, of | {"lifecycleStatus": "active"}
    found["Invoice"] = of | {"issuer": house}
    disclosed = {"tag": [{"system": access_roles.DISCLOSED, "code": ids("Organization")[n]}]}
    found["QuestionnaireResponse"] = of | {"meta": disclosed}
    found["DetectedIssue"] = {"patient": patient}
    found["SupplyRequest"] = {"deliverTo": patient}
    return found


def _walked() -> list[str]:
    """Each type whose row in the table, or whose way to the patient, is its own; of those that are alike in both, two,
    and of the types that no role works with, three. The table is held whole in tests/domain/access."""
    alike: defaultdict[Any, list[str]] = defaultdict(list)
    for type in TYPES:
        alike[*(frozenset(allowed(role, type)) for role in ROLES), frozenset(_links(0).get(type, ()))].append(type)
    kept = {type for types in alike.values() for type in types[:2]} - set(of_services()) | set(NAMED)
    return [type for type in TYPES if type in kept or type in of_services()[::24]]


def made(type: str, n: int) -> Json:
    return sound(Random(type), type, **_links(n).get(type, {})) | {"id": ids(type)[n]}


def nobodys(type: str) -> Json:
    """What speaks of no patient: all that a contract desk sees of types that may speak of one."""
    bare = {name: value for name, value in made(type, 0).items() if name not in ("subject", "for", "focus")}
    return {**bare, "id": "nobodys"}


WALKED = _walked()


@pytest.fixture(scope="module")
def stocked(practice: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("matrix")
    shutil.copyfile(practice, folder / "practice.db")
    world = build_world(folder, "practice.db")
    place = Place(world, wired(world).test_client())
    loader = place.service("system/*.cruds")
    everything = [made(type, n) for n in (0, 1) for type in TYPES] + [nobodys(type) for type in sorted(OF_NOBODY)]
    for one in everything:
        kept = place.fhir(loader, "PUT", f"{one['resourceType']}/{one['id']}", one)
        assert kept.status_code in (200, 201), (one, kept.text)
    with world.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    world.engine.dispose()
    return folder / "practice.db"


@dataclass
class Walk:
    """One role going through the types."""

    place: Place
    role: str
    token: str
    session: Grant

    def ask(self, method: str, path: str, body: Json | None = None, **headers: str) -> Any:
        sent = {"Content-Type": "application/fhir+json", "Authorization": f"Bearer {self.token}", **headers}
        data = json.dumps(body) if body is not None else None
        return self.place.web.open(f"/fhir/{path}", method=method, headers=sent, data=data)

    def may(self, type: str, perm: str) -> bool:
        return perm in allowed(self.role, type)

    def writes(self, type: str, perm: str) -> bool:
        """Whether the role may write what this test sends: a payer's contract desk no organization of a payer."""
        return self.may(type, perm) and (self.role, type) != ("contracts", "Organization")

    def is_open(self, type: str) -> bool:
        """Whether the role sees everybody's of a type."""
        grant = Grant("u", scopes=self.session.scopes, roles=frozenset({self.role}))
        return access_roles.narrow(grant, OFFICE, type, "r") == EVERYTHING

    def own(self, type: str) -> str:
        return "nobodys" if self.role == "contracts" and type in OF_NOBODY else ids(type)[0]

    def other(self, type: str) -> str:
        """Another's, which for a contract desk is anything that speaks of a patient."""
        return ids(type)[0] if self.role == "contracts" and type in OF_NOBODY else ids(type)[1]

    def seen(self, type: str, perm: str) -> set[str]:
        if not self.may(type, perm):
            return set()
        return {self.own(type)} | ({self.other(type)} if self.is_open(type) else set())

    def body(self, type: str) -> Json:
        return nobodys(type) if self.own(type) == "nobodys" else made(type, 0)


@pytest.fixture(params=ROLES)
def walk(request: pytest.FixtureRequest, stocked: Path, tmp_path: Path) -> Iterator[Walk]:
    shutil.copyfile(stocked, tmp_path / "practice.db")
    world = build_world(tmp_path, "practice.db")
    place = Place(world, wired(world).test_client())
    who = place.person("mina", request.param, fhir_user="Practitioner/mina")
    with writing(world.engine) as conn:
        cookie = sessions.open_session(conn, who, "test", place.now(), amr="pwd")
        row = store.Token(
            "access", "app", "u1", "user/*.cruds", place.now(), place.now() + 300, "Mina", frozenset({request.param}),
            "clinic", "Practitioner/mina",
        )  # fmt: skip
        token = store.issue(conn, row)
    with reading(world.engine) as conn:
        session = sessions.find(conn, cookie, place.now())
    assert session
    yield Walk(place, request.param, token, session.grant())
    world.engine.dispose()


def found(answer: Any) -> set[str]:
    return {entry["resource"]["id"] for entry in answer.json.get("entry", [])}


def test_reading(walk: Walk) -> None:
    for type in WALKED:
        for tail in ("", "/_history/1", "/_history"):
            own = walk.ask("GET", f"{type}/{walk.own(type)}{tail}")
            assert own.status_code == (200 if walk.may(type, "r") else 403), (type, tail, own.text)
            other = walk.ask("GET", f"{type}/{walk.other(type)}{tail}")
            never = walk.ask("GET", f"{type}/never{tail}")
            if walk.is_open(type):
                assert other.status_code == own.status_code, (type, tail)
                continue
            assert other.status_code == never.status_code == (404 if walk.may(type, "r") else 403), (type, tail)
            assert other.text.replace(f"/{walk.other(type)}", "/X") == never.text.replace("/never", "/X"), (type, tail)


def test_searching(walk: Walk) -> None:
    for type in WALKED:
        both = f"_id={walk.own(type)},{walk.other(type)}"
        asked = walk.ask("GET", f"{type}?{both}&_total=accurate")
        posted = walk.ask("POST", f"{type}/_search?{both}", None, **FORM)
        counted = walk.ask("GET", f"{type}?{both}&_summary=count")
        history = walk.ask("GET", f"{type}/_history?_count=1000")
        expected = 200 if walk.may(type, "s") else 403
        assert {asked.status_code, posted.status_code, counted.status_code} == {expected}, (type, asked.text)
        assert history.status_code == (200 if walk.may(type, "r") else 403), type
        if expected == 200:
            assert found(asked) == found(posted) == walk.seen(type, "s"), type
            assert asked.json["total"] == counted.json["total"] == len(walk.seen(type, "s")), type
            told = {e["resource"]["id"] for e in history.json["entry"] if "resource" in e}
            assert walk.seen(type, "r") <= told, type
            assert walk.is_open(type) or walk.other(type) not in told, type


def test_joining(walk: Walk) -> None:
    """Includes, chains and _has need the permission on both ends."""
    for type in WALKED:
        code = next(iter(links(type)), None) if type != "Patient" else None
        if walk.may(type, "s"):
            page = walk.ask("GET", f"{type}?_id={walk.own(type)},{walk.other(type)}&_include=*")
            for entry in page.json.get("entry", []):
                kind, id = entry["resource"]["resourceType"], entry["resource"]["id"]
                if entry["search"]["mode"] == "include":
                    assert walk.may(kind, "s"), (type, kind)
                    assert walk.is_open(kind) or id != walk.other(kind), (type, kind, id)
        if code is None or walk.own(type) == "nobodys" or not _refers(made(type, 0), "Patient/okafor"):
            continue
        chained = walk.ask("GET", f"{type}?{code}:Patient._id=okafor")
        assert chained.status_code == (200 if walk.may(type, "s") else 403), type
        if chained.status_code == 200:
            assert walk.other(type) not in found(chained), type
            assert (walk.own(type) in found(chained)) == walk.may("Patient", "s"), type
        behind = walk.ask("GET", f"Patient?_has:{type}:{code}:_id={walk.own(type)},{walk.other(type)}")
        assert behind.status_code == (200 if walk.may("Patient", "s") else 403), type
        if behind.status_code == 200:
            assert found(behind) == ({"okafor"} if walk.may(type, "s") else set()), type


def test_what_refers_back(walk: Walk) -> None:
    for type, id in (("Organization", "clinic"), ("Patient", "okafor"), ("Patient", "lindqvist")):
        page = walk.ask("GET", f"{type}?_id={id}&_revinclude=*")
        for entry in page.json.get("entry", []) if page.status_code == 200 else []:
            kind, found_id = entry["resource"]["resourceType"], entry["resource"]["id"]
            assert walk.may(kind, "s"), kind
            assert walk.is_open(kind) or found_id != walk.other(kind), kind
        if page.status_code == 200 and id == "okafor":
            kinds = {entry["resource"]["resourceType"] for entry in page.json["entry"]}
            direct = {t for t in TYPES if t != "Patient" and _refers(made(t, 0), "Patient/okafor")}
            assert {t for t in direct if walk.may(t, "s")} <= kinds | {"Contract"}


def _refers(resource: Json, to: str) -> bool:
    return f'"{to}"' in json.dumps(resource) and any(
        param.kind == "reference" and "Patient" in param.targets for param in params(resource["resourceType"]).values()
    )


def test_writing(walk: Walk) -> None:
    for type in WALKED:
        body, own, other = walk.body(type), walk.own(type), walk.other(type)
        new = {name: value for name, value in body.items() if name != "id"}
        alone = type != "Binary"  # a file is made together with the document that it is attached to
        created = walk.ask("POST", type, new)
        assert created.status_code == (201 if walk.writes(type, "c") and alone else 403), (type, created.text)
        unless = walk.ask("POST", type, new, **{"If-None-Exist": f"_id={own}"})
        assert unless.status_code == (200 if walk.may(type, "c") and walk.may(type, "s") else 403), (type, unless.text)
        changed = walk.ask("PUT", f"{type}/{own}", {**body, "language": "en"})
        assert changed.status_code == (200 if walk.writes(type, "u") else 403), (type, changed.text)
        matched = walk.ask("PUT", f"{type}?_id={own}", {**body, "language": "fr"})
        finds = walk.may(type, "s") and walk.writes(type, "u")
        assert matched.status_code == (200 if finds else 403), (type, matched.text)
        theirs = walk.ask("PUT", f"{type}/{other}", {**made(type, 1), "id": other})
        if not walk.is_open(type):
            told = 404 if walk.may(type, "c") else 403  # as of what never was, which would be a create
            assert theirs.status_code == told, (type, theirs.text)
        asked = {"method": "POST", "url": type}
        entry = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": new, "request": asked}]}
        whole = walk.ask("POST", "", entry)
        assert whole.status_code == (200 if walk.writes(type, "c") and alone else 403), (type, whole.text)


def test_deleting(walk: Walk) -> None:
    for type in WALKED:
        own, other = walk.own(type), walk.other(type)
        if not walk.is_open(type):
            gone = walk.ask("DELETE", f"{type}/{other}")
            assert gone.status_code == (404 if walk.may(type, "d") else 403), type
        none = walk.ask("DELETE", f"{type}?_id=never")
        assert none.status_code == (204 if walk.may(type, "d") else 403), (type, none.text)
        if type not in NAMED:
            matched = walk.ask("DELETE", f"{type}?_id={other}")
            assert matched.status_code == (204 if walk.may(type, "d") else 403), (type, matched.text)
            gone = walk.ask("DELETE", f"{type}/{own}")
            assert gone.status_code == (204 if walk.may(type, "d") else 403), (type, gone.text)


def test_in_a_batch_as_alone(walk: Walk) -> None:
    urls = [f"{type}{rest}" for type in WALKED for rest in (f"/{walk.own(type)}", f"/{walk.other(type)}", "?_id=x")]
    asked = [{"request": {"method": "GET", "url": url}} for url in urls]
    told = walk.ask("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": asked})
    for url, entry in zip(urls, told.json["entry"], strict=True):
        assert entry["response"]["status"].startswith(str(walk.ask("GET", url).status_code)), url


def test_the_desk_is_let_do_the_same_as_an_app_of_the_same_person(walk: Walk) -> None:
    world = walk.place.world
    for type in WALKED:
        for id in ids(type):
            try:
                status = 200 if interactions.read(world, walk.session, type, id) else 0
            except Problem as refused:
                status = refused.status
            assert status == walk.ask("GET", f"{type}/{id}").status_code, (type, id)


def test_the_outsider_has_every_role_and_sees_nothing(stocked: Path, tmp_path: Path) -> None:
    """Of another house, with every role at once: no count, page, join, case or word tells that Okafor is here."""
    shutil.copyfile(stocked, tmp_path / "practice.db")
    world = build_world(tmp_path, "practice.db")
    place = Place(world, wired(world).test_client())
    with writing(world.engine) as conn:
        roles = frozenset({"coordinator", "clinician", "payer"})
        row = store.Token(
            "access", "app", "u2", "user/*.cruds", place.now(), place.now() + 300, "Otto", roles, "other",
            "Practitioner/otto",
        )  # fmt: skip
        token = store.issue(conn, row)
    place.sign_in(place.person("otto", *roles, organization="other", fhir_user="Practitioner/otto"))
    closed = [type for type in TYPES if type not in access_roles.PUBLIC | access_roles.NETWORK]
    for type in closed:
        hidden, never = (place.fhir(token, "GET", f"{type}/{id}") for id in (ids(type)[0], "never"))
        assert hidden.status_code == never.status_code
        assert hidden.text.replace(ids(type)[0], "X") == never.text.replace("never", "X"), type
        page: Any = place.fhir(token, "GET", f"{type}?_total=accurate&_count=200")
        if page.status_code == 200:
            assert not found(page) & {ids(type)[0], *(one["id"] for one in RESOURCES if "okafor" in str(one))}, type
            assert page.json["total"] == len(found(page)), type
    for path in ("/", "/worklist.csv", "/?q=okafor", "/?show=okafor-cardiology"):
        assert "Okafor" not in place.web.get(path).text
    world.engine.dispose()
