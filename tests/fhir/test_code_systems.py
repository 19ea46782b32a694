"""One system under several names is one system."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.fhir.code_systems import canonical, spellings

NPI = "http://hl7.org/fhir/sid/us-npi"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NPI, "urn:oid:2.16.840.1.113883.4.6"),
        (NPI, "2.16.840.1.113883.4.6"),
        (NPI, "URN:OID:2.16.840.1.113883.4.6"),
        (NPI, "https://hl7.org/fhir/sid/us-npi/"),
        (NPI, " http://HL7.org/fhir/sid/us-npi "),
        ("http://hl7.org/fhir/sid/us-ein", "urn:oid:2.16.840.1.113883.4.4"),
        ("http://www.ama-assn.org/go/cpt", "urn:oid:2.16.840.1.113883.6.12"),
        ("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "urn:oid:2.16.840.1.113883.6.285"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "urn:oid:2.16.840.1.113883.6.90"),
        ("http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96"),
        ("http://loinc.org", "2.16.840.1.113883.6.1"),
        ("http://nucc.org/provider-taxonomy", "urn:oid:2.16.840.1.113883.6.101"),
        ("http://hospital.example/mrn", "https://hospital.example/mrn/"),
    ],
)
def test_two_names_of_one_system_are_one(one, other):
    assert canonical(one) == canonical(other)
    assert canonical(one) in spellings(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NPI, "http://hl7.org/fhir/sid/us-ssn"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-10"),
        ("http://hospital.example/mrn", "http://hospital.example/MRN"),
        ("http://hospital.example/mrn?a=1", "http://hospital.example/mrn?a=2"),
        ("urn:oid:2.16.840.1.113883.4.6", "urn:oid:2.16.840.1.113883.4.60"),
        ("", NPI),
    ],
)
def test_two_systems_stay_two(one, other):
    assert canonical(one) != canonical(other)


def test_our_own_systems_keep_their_name():
    assert canonical("https://carecoord.example/id/payer") == "https://carecoord.example/id/payer"
    assert canonical(NPI) == NPI


@given(st.text(max_size=40))
def test_the_canonical_name_is_its_own_and_any_text_is_taken(system):
    assert canonical(canonical(system)) == canonical(system)
    assert spellings(system)[0] == system
