"""What is read and how: dialects as data, the EHR's own metadata, and the plan that comes of the two."""

from dataclasses import fields
from typing import Any

import pytest

from fhir_adapters import dialects, plan
from fhir_adapters.dialects import Limits
from fhir_adapters.discovery import read
from fhir_adapters.ehr import BackendServices, Ehr, origin
from fhir_adapters.errors import Garbled, Misconfigured

EHR = Ehr("little", "https://ehr.example/r4")
TYPES = ["Appointment", "Patient", "Task", "Contract"]


def statement(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    rest = {"mode": "server", "resource": list(rows), **more}
    return {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"mode": "client"}, rest]}


def row(type: str, params: str = "", interactions: str = "read search-type") -> dict[str, Any]:
    return {
        "type": type,
        "interaction": [{"code": code} for code in interactions.split()],
        "searchParam": [{"name": name} for name in params.split()],
    }


def planned(*rows: dict[str, Any], **more: Any) -> plan.Plan:
    return plan.make(dialects.load("generic"), read(statement(*rows, **more), EHR), TYPES)


def test_only_what_the_metadata_offers_to_search_is_read_and_patients_come_first() -> None:
    made = planned(row("Task"), row("Patient"), row("Contract", interactions="read"), row("Unheard"))
    assert [job.type for job in made.jobs] == ["Patient", "Task"]
    assert made.missing == ("Appointment", "Contract")


def test_a_window_is_used_where_the_metadata_offers_it_for_the_type_or_for_all() -> None:
    own = planned(row("Patient", "_lastUpdated"), row("Task"))
    assert [job.strategy for job in own.jobs] == ["window", "sweep"]
    everywhere = planned(row("Patient"), row("Task"), searchParam=[{"name": "_lastUpdated", "type": "date"}])
    assert [job.strategy for job in everywhere.jobs] == ["window", "window"]


def test_fallbacks_are_those_whose_parameters_are_offered() -> None:
    (job,) = planned(row("Task", "patient subject status")).jobs
    assert job.ways == (({},), ({"patient": "{patient}"},), ({"subject": "Patient/{patient}"},))


@pytest.mark.parametrize(
    ("interactions", "params", "confirm"),
    [("read search-type", "", "read"), ("search-type", "_id", "_id"), ("search-type", "", "")],
)
def test_a_missing_resource_is_looked_for_by_what_is_offered(interactions: str, params: str, confirm: str) -> None:
    (job,) = planned(row("Task", params, interactions)).jobs
    assert job.confirm == confirm
    assert bool(job.notices) == (confirm == "")


def test_the_plan_says_what_could_be_written() -> None:
    (job,) = planned(row("Task", interactions="search-type create update history-instance")).jobs
    assert job.writes == {"create", "update"}


def test_metadata_of_another_kind_or_version_is_refused_with_a_reason() -> None:
    with pytest.raises(Garbled, match="no CapabilityStatement"):
        read({"resourceType": "Bundle"}, EHR)
    with pytest.raises(Garbled, match=r"speaks FHIR 5\.0\.0"):
        read({**statement(), "fhirVersion": "5.0.0"}, EHR)


@pytest.mark.parametrize("rest", [None, {}, [], [None], [{"resource": {}}], [{"resource": [None, {"interaction": 5}]}]])
def test_metadata_full_of_holes_offers_nothing(rest: Any) -> None:
    document = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": rest}
    assert not any(offer.searched for offer in read(document, EHR).offers.values())


@pytest.mark.parametrize("name", dialects.names())
def test_every_dialect_can_be_read_and_none_of_its_data_is_without_effect(name: str) -> None:
    dialect = dialects.load(name)
    known = {"searches", "fallbacks", "since", "closed", "count", "writes"}
    assert set(dialect.types["*"]) == known
    for type, own in dialect.types.items():
        assert set(own) <= known
        assert dialect.recipe(type).searches
    assert all(getattr(dialect.limits, field.name) >= 0 for field in fields(Limits))
    assert set(dialect.discovery) <= {"smart-configuration", "oauth-uris"}


def test_a_type_s_own_recipe_fills_its_gaps_from_the_one_for_all_types() -> None:
    generic = dialects.load("generic")
    own = {**generic.types, "CarePlan": {"searches": [{"patient": "{patient}", "category": "assess-plan"}]}}
    vendor = dialects.Dialect(**{**vars(generic), "types": own})
    (job,) = plan.make(vendor, read(statement(row("CarePlan", "patient")), EHR), ["CarePlan"]).jobs
    assert job.strategy == "patients"
    assert job.count == 100
    assert job.notices == ("CarePlan is to be searched by category, which the metadata does not offer.",)


def test_there_is_no_dialect_by_a_path() -> None:
    for name in ("../generic", "", "epic", "generic/"):
        with pytest.raises(Misconfigured, match="known: generic"):
            dialects.load(name)


def test_a_limit_that_is_unknown_or_negative_is_refused() -> None:
    limits = dialects.load("generic").limits
    assert limits.but({"attempts": 2}).attempts == 2
    for wrong in ({"atempts": 2}, {"attempts": -1}):
        with pytest.raises(Misconfigured):
            limits.but(wrong)


@pytest.mark.parametrize(
    "url",
    ["", "ehr.example/r4", "ftp://ehr.example", "https://", "https://u:p@ehr.example", "https://ehr.example/r4?x=1",
     "https://ehr.example/#x", "https://ehr example", "https://ehr.example:0x/", "https://[::1"],
)  # fmt: skip
def test_a_base_url_must_be_one(url: str) -> None:
    with pytest.raises(Misconfigured):
        Ehr("little", url)


@pytest.mark.parametrize("name", ["", "Little", "a b", "-a", "a/b", "a" * 65])
def test_a_name_must_be_one(name: str) -> None:
    with pytest.raises(Misconfigured):
        Ehr(name, "https://ehr.example")


def test_an_ehr_knows_its_origins_and_bases() -> None:
    one = Ehr(
        "little",
        "https://ehr.example/r4/",
        auth=BackendServices("us", "keys.json"),
        hosts=("https://pages.example:8443",),
        aliases=("http://ehr.internal/r4/",),
    )
    assert one.bases == ("https://ehr.example/r4", "http://ehr.internal/r4")
    assert one.origins == {("https", "ehr.example", 443), ("https", "pages.example", 8443)}
    assert origin("http://[::1]:80/x") == ("http", "::1", 80)
