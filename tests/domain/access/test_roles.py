"""The access table against every role, type and letter; and how scopes, roles and launch context narrow one another."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.grant import Grant
from auth.scopes import EVERYTHING, Alternatives, parse, resources
from carecoord.domain.access import roles as access_roles
from carecoord.domain.access.roles import TABLE, Office, both, either, letters, narrow, sees
from carecoord.fhir import service_base
from carecoord.fhir.search.query import limits
from carecoord.fhir.types import TYPES
from tests.domain.access.expected import (
    A_PAYERS_CONTRACTS,
    EXPECTED,
    OPEN_TO_A_PAYERS_CONTRACTS,
    ROLES,
    allowed,
    of_services,
)

OFFICE = Office(("o1", "o2"), ("http://hl7.org/fhir/sid/us-npi|1",), ("Practitioner/p1", "PractitionerRole/r1"))
NOWHERE = Office()
PAYER = replace(OFFICE, is_payer=True)
CLINICAL = (
    access_roles.CARE
    | access_roles.PLANS
    | access_roles.PAPERS
    | access_roles.PATIENT_SIDE
    | {"ServiceRequest", "Appointment"}
)


def person(*roles: str, scope: str = "user/*.cruds", patient: str | None = None) -> Grant:
    return Grant("u1", scopes=resources(parse(scope)), roles=frozenset(roles), organization="o1", patient=patient)


def service(scope: str, *roles: str) -> Grant:
    return Grant("c1", "c1", resources(parse(scope)), frozenset(roles), "o1")


@pytest.mark.parametrize("type", TYPES)
def test_the_table_says_what_was_agreed(type: str) -> None:
    for role in ROLES:
        assert letters(role, type) == allowed(role, type), (role, type)


def test_the_agreed_table_is_of_every_role_and_type_and_of_no_other() -> None:
    assert sorted(EXPECTED) == sorted(TYPES)
    assert sorted(TABLE) == sorted(ROLES)


def test_a_type_that_nobody_decided_about_is_asked_for_by_name() -> None:
    with pytest.raises(AssertionError, match="Nobody has decided who may do what to Spaceship: write its line"):
        allowed("payer", "Spaceship")


@pytest.mark.parametrize("role", ROLES)
def test_every_role_on_every_type_gets_exactly_the_letters_that_were_agreed(role: str) -> None:
    for type in TYPES:
        for letter in "cruds":
            permitted = narrow(person(role), OFFICE, type, letter) is not None
            assert permitted == (letter in allowed(role, type)), (role, type, letter)


@pytest.mark.parametrize("role", ["coordinator", "clinician", "payer"])
def test_every_type_that_a_role_may_touch_has_a_narrowing(role: str) -> None:
    """A letter in the table with no rule behind it would be an empty promise, or a KeyError for somebody."""
    for type in TYPES:
        if allowed(role, type):
            assert narrow(person(role), OFFICE, type, "r"), (role, type)


@pytest.mark.parametrize("role", ["contracts", "auditor", "admin"])
def test_clinical_content_is_closed_to_the_offices(role: str) -> None:
    for type in CLINICAL:
        alternatives = narrow(person(role), OFFICE, type, "r")
        no_patients = {"subject:missing=true", "_has:DocumentReference:location:subject:missing=true"}
        assert all(no_patients & {*way.split("&")} for way in written(alternatives)), (role, type)
        # A paper is of who wrote it and of who keeps it, each time where no audience is told or the office is in it.
        assert alternatives is None or len(alternatives) == (4 if type in access_roles.PAPERS else 1), (role, type)


def test_an_auditor_sees_the_audit_and_nothing_else() -> None:
    assert {type for type in TYPES if narrow(person("auditor"), OFFICE, type, "r")} == {"AuditEvent"}


def test_nobody_without_a_role_sees_anything() -> None:
    assert not any(narrow(person(), OFFICE, type, letter) for type in TYPES for letter in "cruds")


@pytest.mark.parametrize("role", ["coordinator", "clinician", "payer"])
def test_whoever_belongs_to_no_organization_sees_no_patient(role: str) -> None:
    for type in TYPES:
        if type not in access_roles.PUBLIC | access_roles.NETWORK:
            assert narrow(person(role), NOWHERE, type, "r") is None, type


def test_a_coordinator_is_narrowed_to_the_referrals_of_every_copy_of_the_organization() -> None:
    ways = narrow(person("coordinator"), OFFICE, "ServiceRequest", "s")
    assert ways
    assert (("performer", "Organization/o1,Organization/o2"),) in ways
    assert ways != EVERYTHING


def test_a_payer_is_narrowed_to_what_is_addressed_to_it() -> None:
    ours = "Organization/o1,Organization/o2"
    assert narrow(person("payer"), OFFICE, "Claim", "r") == ((("insurer", ours),),)
    assert narrow(person("payer"), OFFICE, "ServiceRequest", "r") == (
        (("_requested-of", "http://hl7.org/fhir/sid/us-npi\\|1"),),
    )
    assert narrow(person("payer"), OFFICE, "Observation", "r") is None


def written(ways: Alternatives | None) -> set[str]:
    """Alternatives as searches, with `ours` for the references to one's own organization."""
    said = {"&".join(f"{name}={value}" for name, value in sorted(way, key=str)) for way in ways or ()}
    return {each.replace("Organization/o1,Organization/o2", "ours") for each in said}


@pytest.mark.parametrize("type", A_PAYERS_CONTRACTS)
def test_judgement_21_a_payers_contract_desk_is_narrowed_to_its_own_agreements(type: str) -> None:
    for letter in allowed("contracts", type):
        ways = narrow(person("contracts"), PAYER, type, letter)
        assert written(ways) == {"&".join(sorted(way.split("&"))) for way in A_PAYERS_CONTRACTS[type]}, letter
        assert narrow(person("contracts"), replace(PAYER, organizations=()), type, letter) is None


def test_every_type_of_a_payers_contract_desk_is_its_own_partys_or_was_decided_to_be_open() -> None:
    of_contracts = {type for type in TYPES if allowed("contracts", type)}
    assert {*A_PAYERS_CONTRACTS, *OPEN_TO_A_PAYERS_CONTRACTS} == of_contracts
    for type in OPEN_TO_A_PAYERS_CONTRACTS:
        assert narrow(person("contracts"), PAYER, type, "r") == EVERYTHING, type


def test_a_payers_contract_desk_can_not_make_itself_anothers_copy() -> None:
    kept = "https://carecoord.example/id/payer|,http://hl7.org/fhir/sid/us-npi|1"
    for letter in "cu":
        assert narrow(person("contracts"), PAYER, "Organization", letter) == (
            (("type:not", "ins,pay,payer"), ("identifier:not", kept)),
        )
        assert narrow(person("contracts"), OFFICE, "Organization", letter) == EVERYTHING


def test_a_clinics_contract_desk_sees_the_agreements_of_its_own_side_and_the_directory_of_all_payers() -> None:
    """Issue 8, 6 (decision 39). What it is party to, and what is written about that; who is in whose network it asks of
    everybody."""
    for type in ("Contract", "Task", "Communication", "DocumentReference", "MeasureReport", "Invoice"):
        ways = narrow(person("contracts"), OFFICE, type, "r")
        assert written(ways) == {"&".join(sorted(way.split("&"))) for way in A_PAYERS_CONTRACTS[type]}, type
        assert narrow(person("contracts"), NOWHERE, type, "r") is None, type
    for type in ("OrganizationAffiliation", "InsurancePlan", "Organization"):
        assert narrow(person("contracts"), OFFICE, type, "r") == EVERYTHING, type
    assert access_roles.agreements_of(OFFICE) is None
    assert access_roles.agreements_of(PAYER) == PAYER.identifiers
    assert access_roles.agreements_of(replace(PAYER, identifiers=())) == ()


def test_a_clinician_is_narrowed_to_their_patients() -> None:
    ways = narrow(person("clinician"), OFFICE, "Observation", "r")
    assert ways
    assert all(name.startswith("patient:Patient.") for ((name, _),) in ways)
    assert all(value == "Practitioner/p1,PractitionerRole/r1" for ((_, value),) in ways)


def test_two_roles_see_what_either_sees() -> None:
    one, other = (narrow(person(role), OFFICE, "Task", "r") for role in ("coordinator", "contracts"))
    together = narrow(person("coordinator", "contracts"), OFFICE, "Task", "r")
    assert one
    assert other
    assert set(together or ()) == set(one) | set(other)


def test_scopes_narrow_a_role_and_never_widen_it() -> None:
    narrowed = narrow(person("payer", scope="user/Claim.r?status=active"), OFFICE, "Claim", "r")
    assert narrowed == ((("status", "active"), ("insurer", "Organization/o1,Organization/o2")),)
    assert narrow(person("payer", scope="user/Claim.r"), OFFICE, "Claim", "s") is None
    assert narrow(person("payer", scope="user/*.cruds"), OFFICE, "Claim", "u") is None


def test_a_backend_service_without_roles_is_narrowed_by_its_scopes_alone() -> None:
    assert narrow(service("system/*.rs"), NOWHERE, "Observation", "r") == EVERYTHING
    assert narrow(service("system/Observation.rs?category=lab"), NOWHERE, "Observation", "r") == (
        (("category", "lab"),),
    )
    assert narrow(service("system/*.rs"), NOWHERE, "Observation", "u") is None


def test_a_backend_service_with_a_role_is_narrowed_like_a_person() -> None:
    ours = "Organization/o1,Organization/o2"
    assert narrow(service("system/*.rs", "payer"), OFFICE, "Claim", "r") == ((("insurer", ours),),)
    assert narrow(service("system/*.rs", "payer"), OFFICE, "Observation", "r") is None


def test_a_patient_scope_opens_that_patients_compartment_only() -> None:
    app = person("clinician", scope="patient/*.rs", patient="p9")
    mine = narrow(app, OFFICE, "Observation", "r")
    assert mine
    assert all(query[0] == ("patient", "Patient/p9") for query in mine)
    own = narrow(app, OFFICE, "Patient", "r")
    assert own
    assert all(query[0] == ("_id", "p9") for query in own)
    assert narrow(app, OFFICE, "Organization", "r") == EVERYTHING
    assert narrow(app, OFFICE, "OrganizationAffiliation", "r") is None


def test_a_patient_scope_without_a_patient_in_context_opens_nothing() -> None:
    app = person("coordinator", scope="patient/*.cruds")
    assert not any(narrow(app, OFFICE, type, letter) for type in TYPES for letter in "cruds")


def test_a_patient_scope_writes_nothing_outside_the_compartment() -> None:
    app = person("admin", scope="patient/*.cruds", patient="p9")
    assert narrow(app, OFFICE, "Organization", "u") is None


@pytest.mark.parametrize("type", of_services())
def test_what_no_role_works_with_is_for_services_alone(type: str) -> None:
    assert narrow(service("system/*.cruds"), NOWHERE, type, "c") == EVERYTHING


def test_the_worklist_shows_an_organizations_own_cases() -> None:
    assert set(sees(person("coordinator"), OFFICE) or ()) == {
        (side, id) for side in ("placer", "performer") for id in ("o1", "o2")
    }
    assert sees(person("payer"), OFFICE) == (("payer_key", "http://hl7.org/fhir/sid/us-npi|1"),)
    for role in ("contracts", "auditor", "admin"):
        assert sees(person(role), OFFICE) == ()
    assert sees(person(), OFFICE) == ()
    assert sees(person("coordinator"), NOWHERE) == ()


def test_the_worklist_is_whole_only_for_a_service_that_may_search_every_referral() -> None:
    assert sees(service("system/*.rs"), NOWHERE) is None
    assert sees(service("system/ServiceRequest.r"), NOWHERE) == ()
    assert sees(service("system/ServiceRequest.s?status=active"), NOWHERE) == ()
    assert sees(service("system/*.rs", "payer"), NOWHERE) == ()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("scope", "patient"), [("user/*.cruds", None), ("patient/*.cruds", "p9")])
def test_every_narrowing_is_a_search_that_its_type_knows(role: str, scope: str, patient: str | None) -> None:
    """The filter is made of official search parameters; one that were misspelt would refuse everybody."""
    for type in TYPES:
        for letter in "cruds":
            limits(type, narrow(person(role, scope=scope, patient=patient), OFFICE, type, letter), service_base.NOWHERE)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("user/Observation.rs", True),
        ("user/*.rs", True),
        ("user/Nonsense.rs", False),
        ("user/Observation.rs?category=http://x.example|lab", True),
        ("user/Observation.rs?kategory=lab", False),
        ("user/Observation.rs?date=nonsense", False),
        ("user/Patient.rs?category=lab", False),
        ("user/*.rs?category=lab", False),
        ("user/*.rs?_tag=mine", True),
    ],
)
def test_a_scope_with_arguments_that_mean_nothing_here_is_not_understood(text: str, known: bool) -> None:
    (scope,) = resources(parse(text))
    assert access_roles.understands(scope) == known


QUERIES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), max_size=2).map(tuple)
WAYS = st.none() | st.lists(QUERIES, min_size=1, max_size=3).map(tuple)


def holds(ways: Alternatives | None, facts: set[tuple[str, str]]) -> bool:
    return any(facts.issuperset(query) for query in ways or ())


@given(WAYS, WAYS, st.sets(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"))))
def test_both_and_either_mean_and_and_or(one: Alternatives, other: Alternatives, facts: set[tuple[str, str]]) -> None:
    assert holds(both(one, other), facts) == (holds(one, facts) and holds(other, facts))
    assert holds(either([one, other]), facts) == (holds(one, facts) or holds(other, facts))
