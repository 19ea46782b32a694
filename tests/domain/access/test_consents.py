"""A Consent read as rules: whom it keeps from what, and that what can not be decided is on the closed side."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carecoord.domain.access.consent_filter import NOTHING, Denied, denied, is_of
from carecoord.domain.access.consents import PURPOSES, Asker, Directive, directive, may_deny, turns
from carecoord.fhir.instants import FOREVER, micros
from carecoord.fhir.search.query import EVERYTHING
from carecoord.fhir.service_base import Base

NOW = micros(datetime(2026, 11, 22, 12, tzinfo=UTC))
HL7 = "http://terminology.hl7.org/CodeSystem"
CLINIC = "Organization/clinic"
COORDINATOR = Asker(frozenset({CLINIC, "http://npi|1"}), (PURPOSES["coordinator"],))
PAYER = Asker(frozenset({"Organization/payer"}), (PURPOSES["payer"],))
SERVICE = Asker(frozenset({"Device/loader", "loader"}))
BASE = "https://care.example/fhir"
HERE = Base(BASE, UTC)


def consent(provision: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "resourceType": "Consent", "id": "c", "status": "active", "patient": {"reference": "Patient/okafor"},
        "scope": {"coding": [{"system": f"{HL7}/consentscope", "code": "patient-privacy"}]}, **more,
    }  # fmt: skip
    return said if provision is None else {**said, "provision": provision}


def deny(**limits: Any) -> dict[str, Any]:
    return {"type": "deny", **limits}


def permit(**limits: Any) -> dict[str, Any]:
    return {"type": "permit", **limits}


def actor(reference: str, role: str = "IRCP") -> dict[str, Any]:
    return {"role": {"coding": [{"code": role}]}, "reference": {"reference": reference}}


def is_denied(said: dict[str, Any], who: Asker = COORDINATOR, type: str = "Observation", letter: str = "r") -> bool:
    read = directive(said, HERE)
    found = denied([read] if read else [], who, NOW)
    return bool(found.besides(type, letter, None, HERE))


@pytest.mark.parametrize("type", ["Patient", "Observation", "ServiceRequest", "Coverage", "Task", "Binary", "Basic"])
def test_a_denial_without_limits_keeps_the_whole_record_from_everybody(type: str) -> None:
    for who in (COORDINATOR, PAYER, SERVICE):
        assert all(is_denied(consent(deny()), who, type, letter) for letter in "rsud")


@pytest.mark.parametrize("type", ["Organization", "Practitioner", "Slot", "Questionnaire", "AuditEvent"])
def test_what_belongs_to_nobodys_record_stays_open(type: str) -> None:
    assert not is_denied(consent(deny()), type=type)


@pytest.mark.parametrize("status", ["draft", "proposed", "rejected", "inactive", "entered-in-error", ""])
def test_only_an_active_consent_counts(status: str) -> None:
    assert not is_denied(consent(deny(), status=status))


SCOPES = [("research", False), ("adr", False), ("treatment", False), ("own", True)]


@pytest.mark.parametrize(("scope", "counts"), SCOPES)
def test_a_consent_about_something_else_than_privacy_denies_nobody(scope: str, counts: bool) -> None:
    assert is_denied(consent(deny(), scope={"coding": [{"code": scope}]})) == counts


def test_a_permission_alone_keeps_nothing_from_anybody() -> None:
    assert not may_deny(consent(permit(actor=[actor("RelatedPerson/emeka")])))
    assert not may_deny(consent(None))


def test_the_root_takes_its_effect_from_the_policy_where_it_says_none_itself() -> None:
    def policy(code: str) -> dict[str, Any]:
        return {"coding": [{"system": f"{HL7}/v3-ActCode", "code": code}]}

    assert is_denied(consent(None, policyRule=policy("OPTOUT")))
    assert is_denied(consent({"actor": [actor(CLINIC)]}, policyRule=policy("OPTOUT")))
    assert not is_denied(consent({"actor": [actor(CLINIC)]}, policyRule=policy("OPTIN")))
    assert not is_denied(consent(permit(), policyRule=policy("OPTOUT")))


@pytest.mark.parametrize(
    ("period", "counts"),
    [
        ({"start": "2026-11-22"}, True),
        ({"start": "2026-11-23"}, False),
        ({"end": "2026-11-22"}, True),
        ({"end": "2026-11-21"}, False),
        ({"start": "2026", "end": "2027"}, True),
        ({"end": "some day"}, True),
    ],
)
def test_it_counts_within_its_period_and_always_when_that_can_not_be_read(period: dict[str, str], counts: bool) -> None:
    assert is_denied(consent(deny(period=period))) == counts


@pytest.mark.parametrize(
    ("actors", "counts"),
    [
        ([actor(CLINIC)], True),
        ([actor(f"{BASE}/{CLINIC}")], True),
        ([actor("Organization/other")], False),
        ([actor("Organization/other"), actor(CLINIC)], True),
        ([{"reference": {"identifier": {"system": "http://npi", "value": "1"}}}], True),
        ([{"reference": {"identifier": {"system": "http://npi", "value": "2"}}}], False),
        ([actor("CareTeam/any")], True),
        ([actor("Group/any")], True),
        ([actor("https://elsewhere.example/Organization/7")], True),
        ([{"reference": {"display": "My old clinic"}}], True),
        ([actor("Organization/other", "AUT")], True),
    ],
)
def test_it_keeps_the_record_from_those_whom_it_names_or_may_mean(actors: list[dict[str, Any]], counts: bool) -> None:
    assert is_denied(consent(deny(actor=actors))) == counts


def test_an_app_is_named_as_a_device() -> None:
    assert is_denied(consent(deny(actor=[actor("Device/loader")])), SERVICE)
    assert not is_denied(consent(deny(actor=[actor("Device/loader")])), COORDINATOR)


@pytest.mark.parametrize(
    ("code", "letters"),
    [("access", "rsud"), ("use", "rsud"), ("disclose", "rsud"), ("correct", "ud"), ("collect", "c"), ("?", "crsud")],
)
def test_an_action_denies_what_it_stands_for_and_an_unknown_one_everything(code: str, letters: str) -> None:
    said = consent(deny(action=[{"coding": [{"system": f"{HL7}/consentaction", "code": code}]}]))
    assert {letter for letter in "cruds" if is_denied(said, letter=letter)} == set(letters)


@pytest.mark.parametrize(
    ("code", "who"),
    [
        ("TREAT", {"coordinator", "service"}),
        ("HPAYMT", {"payer", "service"}),
        ("HRESCH", {"service"}),
        ("unheard-of", {"coordinator", "payer", "service"}),
    ],
)
def test_a_purpose_denies_those_who_have_it_and_those_of_whom_nobody_knows(code: str, who: set[str]) -> None:
    said = consent(deny(purpose=[{"system": f"{HL7}/v3-ActReason", "code": code}]))
    named = {"coordinator": COORDINATOR, "payer": PAYER, "service": SERVICE}
    assert {name for name, asker in named.items() if is_denied(said, asker)} == who


def test_a_class_keeps_back_that_type_alone_and_an_unknown_class_everything() -> None:
    def said(*codes: str, system: str = "http://hl7.org/fhir/resource-types") -> dict[str, Any]:
        return consent(deny(**{"class": [{"system": system, "code": code} for code in codes]}))

    assert is_denied(said("Condition"), type="Condition")
    assert not is_denied(said("Condition"), type="Observation")
    assert is_denied(said("Condition", "Observation"), type="Observation")
    assert is_denied(said("Condition", "Nonsense"), type="Observation")
    assert is_denied(said("Condition", system="urn:other"), type="Observation")


def test_single_resources_are_kept_back_and_what_is_related_to_them_only_by_keeping_back_all() -> None:
    def said(meaning: str) -> dict[str, Any]:
        return consent(deny(data=[{"meaning": meaning, "reference": {"reference": "Condition/hidden"}}]))

    assert is_denied(said("instance"), type="Condition")
    assert not is_denied(said("instance"), type="Observation")
    for meaning in ("related", "dependents", "authoredby"):
        assert is_denied(said(meaning), type="Observation")


@pytest.mark.parametrize("limit", [{"code": [{"text": "HIV"}]}, {"dataPeriod": {"start": "2020"}}])
def test_what_no_index_tells_for_every_type_makes_a_denial_whole_and_a_permission_void(limit: dict[str, Any]) -> None:
    assert is_denied(consent(deny(**limit)), type="Patient")
    assert is_denied(consent(deny(provision=[permit(**limit)])), type="Patient")


def test_exceptions_inside_a_denial_let_through_those_and_that_which_they_name() -> None:
    everybody_but = consent(deny(provision=[permit(actor=[actor(CLINIC)])]))
    assert not is_denied(everybody_but, COORDINATOR)
    assert is_denied(everybody_but, PAYER)
    vaccines = [{"system": "http://hl7.org/fhir/resource-types", "code": "Immunization"}]
    all_but = consent(deny(provision=[permit(**{"class": vaccines})]))
    assert not is_denied(all_but, type="Immunization")
    assert is_denied(all_but, type="Condition")
    in_doubt = consent(deny(provision=[permit(actor=[actor("CareTeam/any")])]))
    assert is_denied(in_doubt, COORDINATOR)
    within = consent(deny(provision=[permit(actor=[actor(CLINIC)], provision=[deny(**{"class": vaccines})])]))
    assert is_denied(within, type="Immunization")
    assert not is_denied(within, type="Condition")


def test_exceptions_inside_a_permission_deny_also_where_they_forgot_to_say_so() -> None:
    assert is_denied(consent(permit(provision=[deny(actor=[actor(CLINIC)])])))
    assert is_denied(consent(permit(provision=[{"actor": [actor(CLINIC)]}])))
    assert not is_denied(consent(permit(provision=[deny(actor=[actor(CLINIC)])])), PAYER)
    assert not is_denied(consent(permit(actor=[actor("Organization/payer")], provision=[deny()])), COORDINATOR)


def test_a_permission_for_a_purpose_frees_only_those_whose_every_role_has_it() -> None:
    said = consent(deny(provision=[permit(purpose=[{"code": "TREAT"}])]))
    assert not is_denied(said, COORDINATOR)
    both = Asker(COORDINATOR.parties, (PURPOSES["coordinator"], PURPOSES["payer"]))
    assert is_denied(said, both)
    assert is_denied(said, SERVICE)


def test_a_case_is_kept_back_when_a_part_that_it_tells_of_is() -> None:
    def patients(provision: dict[str, Any]) -> frozenset[str]:
        read = directive(consent(provision), HERE)
        return denied([read] if read else [], COORDINATOR, NOW).cases()

    def of(code: str) -> dict[str, Any]:
        return deny(**{"class": [{"system": "http://hl7.org/fhir/resource-types", "code": code}]})

    assert patients(deny()) == {"okafor"}
    assert patients(of("Coverage")) == {"okafor"}
    assert patients(of("Observation")) == frozenset()
    assert patients(of("Communication")) == frozenset(), "a case is judged alike without what was said"
    assert patients(deny(securityLabel=[{"system": f"{HL7}/v3-ActCode", "code": "PSY"}])) == {"okafor"}


def test_what_is_withheld_of_messages_is_what_the_consent_names() -> None:
    def apart(**said: Any) -> Denied:
        types = [{"system": "http://hl7.org/fhir/resource-types", "code": "Communication"}]
        read = directive(consent(deny(**{"class": types}, **said)), HERE)
        return denied([read] if read else [], COORDINATOR, NOW)

    call = {"resourceType": "Communication", "id": "call", "meta": {"security": [{"system": "urn:s", "code": "PSY"}]}}
    letter = {"resourceType": "Communication", "id": "letter"}

    def kept(found: Denied) -> list[str]:
        parts = found.apart("okafor")
        return [str(each["id"]) for each in (call, letter) if not any(is_of(part, each) for part in parts)]

    assert kept(apart()) == []
    assert kept(apart(securityLabel=[{"system": "urn:s", "code": "PSY"}])) == ["letter"]
    one = [{"meaning": "instance", "reference": {"reference": "Communication/letter"}}]
    assert kept(apart(data=one)) == ["call"]
    assert apart().talks() == {"okafor"}
    assert apart().apart("lindqvist") == ()


def test_nobodys_consent_keeps_their_record_from_themselves() -> None:
    read = directive(consent(deny()), HERE)
    assert read
    found = denied([read], COORDINATOR, NOW)
    assert found.besides("Observation", "r", None, HERE)
    assert not found.besides("Observation", "r", "okafor", HERE)
    assert found.besides("Observation", "r", "lindqvist", HERE)


def test_it_is_judged_anew_when_a_period_begins_or_ends() -> None:
    read = directive(consent(deny(period={"start": "2026-12-01", "end": "2026-12-31"})), HERE)
    assert read
    assert denied([read], COORDINATOR, NOW).until == micros(datetime(2026, 12, 1, tzinfo=UTC))
    assert denied([read], COORDINATOR, micros(datetime(2026, 12, 5, tzinfo=UTC))).until == turns(
        read.rule, micros(datetime(2026, 12, 5, tzinfo=UTC))
    )
    assert NOTHING.until == FOREVER


def test_a_last_day_without_a_zone_ends_at_the_midnight_of_the_office() -> None:
    """23:00 in New York on the last day of a denial: in UTC it is the day after."""
    read = directive(consent(deny(period={"end": "2026-12-31"})), replace(HERE, zone=ZoneInfo("America/New_York")))
    assert read
    late = micros(datetime(2027, 1, 1, 4, tzinfo=UTC))
    assert denied([read], COORDINATOR, late)
    assert not denied([read], COORDINATOR, late + 3_600_000_000)


def test_a_consent_about_no_patient_of_ours_is_no_directive() -> None:
    assert directive(consent(deny(), patient={"display": "somebody"}), HERE) is None
    assert directive(consent(deny(), patient={"reference": "https://elsewhere.example/Patient/1"}), HERE) is None
    assert isinstance(directive(consent(deny(), patient={"reference": f"{BASE}/Patient/okafor"}), HERE), Directive)


def test_nothing_withheld_leaves_a_filter_as_it_was() -> None:
    assert NOTHING.besides("Observation", "r", None, HERE) == ()
    assert not NOTHING
    assert EVERYTHING == ((),)
