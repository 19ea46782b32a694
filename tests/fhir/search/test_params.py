"""The official search parameters, as data."""

import pytest

from carecoord.errors import NotFound
from carecoord.fhir.definitions import read
from carecoord.fhir.search.params import compartment, key, params
from carecoord.fhir.search.writers import WRITERS
from carecoord.fhir.types import TYPES

ENDS = ("text", "identifier", "parts", "text:parts")


def test_every_type_of_the_table_has_its_parameters() -> None:
    assert len(TYPES) == 145  # R4 has 146; Parameters has no endpoint
    # 6 of every resource, R4's 1700 of the types' own without the 8 that definitions/searches.py leaves out, and one of
    # ours
    assert sum(len(params(name)) for name in TYPES) == 145 * 6 + 1700 - 8 + 1
    assert params("Contract")["party"].url == "https://carecoord.example/fhir/SearchParameter/Contract-party"
    for name in TYPES:
        assert {"_id", "_lastUpdated", "_tag", "_profile", "_security", "_source"} <= params(name).keys()


def test_no_two_keys_collide_even_derived_ones() -> None:
    seen: dict[int, str] = {}
    for name in TYPES:
        for param in params(name).values():
            for code in (param.code, *(f"{param.code}:{end}" for end in ENDS)):
                number = key(name, code)
                assert seen.setdefault(number, f"{name}.{code}") == f"{name}.{code}"
                assert 0 < number < 2**31


def test_a_key_is_the_same_for_ever() -> None:
    assert key("Patient", "birthdate") == 55005760
    assert params("Patient")["birthdate"].key == 55005760


def test_every_path_ends_in_a_datatype_that_can_be_indexed() -> None:
    for name in TYPES:
        for param in params(name).values():
            assert param.paths
            if param.kind == "composite":
                assert len(param.components) == 2
                pairs = [(part.kind, path.datatype) for part in param.components for path in part.paths]
            else:
                pairs = [(param.kind, path.datatype) for path in param.paths]
            assert all(pair in WRITERS for pair in pairs)


def test_a_parameter_knows_its_definition_and_targets() -> None:
    subject = params("ServiceRequest")["subject"]
    assert subject.kind == "reference"
    assert subject.url == "http://hl7.org/fhir/SearchParameter/ServiceRequest-subject"
    assert subject.targets == ("Device", "Group", "Location", "Patient")
    assert params("Task")["focus"].targets == tuple(TYPES)  # any


def test_relationship_takes_its_parts_in_the_order_of_the_definition() -> None:
    parts = params("DocumentReference")["relationship"].components
    assert [(part.kind, part.paths[0].steps) for part in parts] == [("reference", ("target",)), ("token", ("code",))]


def test_a_patients_compartment_is_made_of_known_parameters() -> None:
    assert compartment("ServiceRequest") == ("subject", "performer")
    assert compartment("Organization") == ()
    for name in TYPES:
        assert all(params(name)[code].kind == "reference" for code in compartment(name))


def test_it_refuses_a_type_that_is_not_ours() -> None:
    with pytest.raises(NotFound, match="Parameters"):
        params("Parameters")


def test_the_data_is_small() -> None:
    assert len(read("search")["params"]) == 145
