"""An EHR's resources under our ids: references stay consistent, whatever form they came in."""

from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from fhir_adapters.ehr import Ehr
from fhir_adapters.identity import local_id, localize, source

EHR = Ehr("riverside", "https://ehr.example/fhir/r4", aliases=("https://old.example/fhir",))
# Wider than FHIR's id: EHRs are known for "_", ":" and more than 64 characters.
ids = st.from_regex(r"[A-Za-z0-9.\-_:~+=]{1,90}", fullmatch=True)
types = st.sampled_from(["Patient", "ServiceRequest", "Task", "Location", "Binary"])
foreign = st.sampled_from(
    [
        "#contained",
        "#",
        "urn:uuid:9f2c1a3e-0000-4000-8000-000000000000",
        "urn:oid:1.2.3",
        "Patient?identifier=https://x|1",
        "https://elsewhere.example/fhir/Patient/1",
        "https://ehr.example/fhir/r4x/Patient/1",
        "https://ehr.example/fhir/r4/Patient/1/$everything",
        "Patient",
        "Patient/",
        "patient/1",
        "",
    ]
)
forms = st.sampled_from(
    [
        "{t}/{i}",
        "https://ehr.example/fhir/r4/{t}/{i}",
        "HTTPS://EHR.example/fhir/r4/{t}/{i}",
        "https://old.example/fhir/{t}/{i}",
        "{t}/{i}/_history/7",
        "https://ehr.example/fhir/r4/{t}/{i}/_history/a-1",
    ]
)


def referring(reference: str) -> dict[str, Any]:
    return {"resourceType": "Task", "id": "t1", "focus": {"reference": reference, "display": "Dr. Who"}}


@given(types, ids, forms)
def test_every_form_of_a_reference_meets_the_id_of_the_resource_itself(type: str, id: str, form: str) -> None:
    copy = localize({"resourceType": type, "id": id}, EHR)
    focus = localize(referring(form.format(t=type, i=id)), EHR)["focus"]
    assert focus == {"reference": f"{type}/{copy['id']}", "display": "Dr. Who"}


def test_an_id_that_is_written_with_percent_signs_in_a_reference_is_the_same_id() -> None:
    copy = localize({"resourceType": "Patient", "id": "a|b c"}, EHR)
    assert localize(referring("Patient/a%7Cb%20c"), EHR)["focus"]["reference"] == f"Patient/{copy['id']}"


@given(foreign)
def test_a_reference_to_anything_else_stays(reference: str) -> None:
    assert localize(referring(reference), EHR)["focus"]["reference"] == reference


@given(types, ids, types, ids)
def test_two_resources_never_share_an_id(type: str, id: str, type2: str, id2: str) -> None:
    assert (local_id("a", type, id) == local_id("a", type2, id2)) == ((type, id) == (type2, id2))
    assert local_id("a", type, id) != local_id("b", type, id)


@given(types, ids)
def test_an_id_is_a_lower_case_uuid_and_the_source_leads_back(type: str, id: str) -> None:
    copy = localize({"resourceType": type, "id": id, "meta": {"versionId": "3", "tag": [{"code": "x"}]}}, EHR)
    assert str(UUID(copy["id"])) == copy["id"]
    assert copy["meta"] == {"versionId": "3", "tag": [{"code": "x"}], "source": source(EHR, type, id)}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4))
def test_whatever_is_no_reference_is_kept_and_the_original_is_not_touched(content: dict[str, Any]) -> None:
    content = {name: value for name, value in content.items() if name not in ("id", "meta", "resourceType")}
    resource = {**content, "resourceType": "Basic", "id": "1"}
    before = repr(resource)
    copy = localize(resource, EHR)
    assert repr(resource) == before
    assert {name: value for name, value in copy.items() if name not in ("id", "meta")} == {
        name: value for name, value in resource.items() if name != "id"
    }


def test_references_inside_lists_contained_resources_and_extensions_are_rewritten() -> None:
    copy = localize(
        {
            "resourceType": "ServiceRequest",
            "id": "s",
            "contained": [
                {"resourceType": "PractitionerRole", "id": "pr", "practitioner": {"reference": "Practitioner/9"}}
            ],
            "requester": {"reference": "#pr"},
            "performer": [{"reference": "Organization/1"}, {"identifier": {"value": "x"}}],
            "extension": [{"url": "https://x/coordinator", "valueReference": {"reference": "Practitioner/9"}}],
        },
        EHR,
    )
    nine = f"Practitioner/{local_id('riverside', 'Practitioner', '9')}"
    assert copy["contained"][0]["id"] == "pr"
    assert copy["contained"][0]["practitioner"]["reference"] == nine
    assert copy["requester"]["reference"] == "#pr"
    assert copy["performer"][0]["reference"] == f"Organization/{local_id('riverside', 'Organization', '1')}"
    assert copy["extension"][0]["valueReference"]["reference"] == nine
    assert copy["extension"][0]["url"] == "https://x/coordinator"


def test_a_document_leads_to_our_copy_of_the_binary_if_we_keep_one_else_back_to_the_ehr() -> None:
    document = {
        "resourceType": "DocumentReference",
        "id": "d",
        "content": [
            {"attachment": {"url": "Binary/b"}},
            {"attachment": {"url": "https://ehr.example/fhir/r4/Binary/b"}},
        ],
    }
    kept = localize(document, EHR, {"Binary"})
    left = localize(document, EHR)
    assert {c["attachment"]["url"] for c in kept["content"]} == {f"Binary/{local_id('riverside', 'Binary', 'b')}"}
    assert {c["attachment"]["url"] for c in left["content"]} == {"https://ehr.example/fhir/r4/Binary/b"}
