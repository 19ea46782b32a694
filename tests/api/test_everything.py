"""Patient/$everything and the search over several types: all of it, in stable pages, and to nobody more than searches
show.

Clause: FHIR R4 patient-operation-everything.html, http.html#search, search.html#_type.
"""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import reading
from carecoord.world import World
from tests.api.conftest import Api, issues, patient, referral

Json = dict[str, Any]
MINE = {
    "Patient/p", "ServiceRequest/r", "Observation/old", "Observation/new", "Observation/undated", "Coverage/c",
    "Practitioner/dr", "Organization/clinic",
}  # fmt: skip


def observation(id: str, who: str, **more: Any) -> Json:
    made = {"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "K"}}
    return {**made, "subject": {"reference": f"Patient/{who}"}, **more}


@pytest.fixture
def record(api: Api) -> Api:
    """A patient p with a record, a patient q with another, and what both refer to."""
    payor = [{"reference": "Organization/clinic"}]
    for one in (
        {"resourceType": "Organization", "id": "clinic", "name": "Clinic"},
        {"resourceType": "Organization", "id": "elsewhere", "name": "Elsewhere"},
        {"resourceType": "Practitioner", "id": "dr", "active": True},
        patient(id="p", managingOrganization={"reference": "Organization/clinic"}),
        patient(id="q", link=[{"other": {"reference": "Patient/p"}, "type": "seealso"}]),
        referral("Patient/p", id="r", requester={"reference": "Practitioner/dr"}, authoredOn="2026-05-05"),
        observation("old", "p", effectiveDateTime="2020-01-01"),
        observation("new", "p", effectiveDateTime="2026-06-01"),
        observation("undated", "p"),
        observation("of-q", "q"),
        {"resourceType": "Coverage", "id": "c", "status": "active", "beneficiary": {"reference": "Patient/p"},
         "payor": payor},
    ):  # fmt: skip
        assert api.put(f"/{one['resourceType']}/{one['id']}", one).status_code == 201, one
    return api


def found(api: Api, path: str) -> list[str]:
    """Type/id of every entry on all pages."""
    told: list[str] = []
    answer = api.get(path)
    while True:
        assert answer.status_code == 200, answer.get_data()
        bundle = answer.get_json()
        assert bundle["type"] == "searchset"
        told += ["{resourceType}/{id}".format(**one["resource"]) for one in bundle.get("entry", [])]
        after = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        if not after:
            return told
        answer = api.get(after[0].removeprefix("https://care.example/fhir"))


# -- $everything


def test_everything_is_the_record_and_what_it_refers_to_and_nothing_of_others(record: Api) -> None:
    told = found(record, "/Patient/p/$everything")
    assert set(told) == MINE | ({"Patient/q"} & set(told))
    assert told[0] == "Patient/p"
    bundle = record.get("/Patient/p/$everything").get_json()
    modes = {one["resource"]["id"]: one["search"]["mode"] for one in bundle["entry"]}
    assert (modes["p"], modes["r"], modes["dr"]) == ("match", "match", "include")
    by_post = record.post("/Patient/p/$everything", {"resourceType": "Parameters"})
    assert [one["fullUrl"] for one in by_post.get_json()["entry"]] == [one["fullUrl"] for one in bundle["entry"]]


@pytest.mark.parametrize("count", [1, 2, 3, 100])
def test_pages_of_everything_bring_each_match_once(record: Api, count: int) -> None:
    told = found(record, f"/Patient/p/$everything?_count={count}")
    assert set(told) >= MINE
    matches = [one for one in told if not one.startswith(("Organization", "Practitioner"))]
    assert len(matches) == len(set(matches))


def test_everything_heeds_dates_of_care_types_and_changes(record: Api) -> None:
    told = found(record, "/Patient/p/$everything?start=2026-01-01&end=2026-12-31&_type=Observation,ServiceRequest")
    assert {one for one in told if one.startswith("Observation")} == {"Observation/new", "Observation/undated"}
    assert "ServiceRequest/r" in told
    assert "ServiceRequest/r" not in found(record, "/Patient/p/$everything?start=2026-06-01&_type=ServiceRequest")
    assert found(record, "/Patient/p/$everything?_since=2026-11-22T10:00:00Z") == []
    assert "Observation/old" in found(record, "/Patient/p/$everything?_since=2026-11-22T08:00:00%2B00:00")


@pytest.mark.parametrize(
    "query",
    ["spam=1", "start=soon", "end=2026-99", "_since=x", "_type=Spam", "_type=Questionnaire", "_count=x",
     "_cursor=x", "_cursor=Observation~x", "_type=Patient&_type=Coverage"],
)  # fmt: skip
def test_everything_refuses_arguments_that_it_does_not_understand(record: Api, query: str) -> None:
    refused = record.get(f"/Patient/p/$everything?{query}")
    assert refused.status_code == 400, refused.get_data()
    assert issues(refused)[0]["expression"][0] == f"http.{query.partition('=')[0]}"


def test_everything_shows_no_more_than_searches_do(record: Api, client: Callable[..., Api]) -> None:
    some = client("system/Patient.rs system/Observation.rs?_id=old")
    assert found(some, "/Patient/p/$everything") == ["Patient/p", "Observation/old"]
    assert some.get("/Patient/p/$everything?_type=Coverage").status_code == 403
    assert client("system/Observation.rs").get("/Patient/p/$everything").status_code == 403
    assert client("system/Patient.rs?_id=q").get("/Patient/p/$everything").status_code == 404
    assert record.get("/Patient/nobody/$everything").status_code == 404
    record.delete("/Patient/q")
    assert record.get("/Patient/q/$everything").status_code == 410


def test_everything_of_all_patients_for_those_who_see_them(record: Api, client: Callable[..., Api]) -> None:
    told = set(found(record, "/Patient/$everything"))
    assert told >= MINE | {"Patient/q", "Observation/of-q"}
    assert "Organization/elsewhere" not in told
    one = client("system/Patient.rs?_id=q system/Observation.rs?patient=Patient/q")
    assert found(one, "/Patient/$everything") == ["Patient/q", "Observation/of-q"]


def test_everything_is_audited_with_the_patient(record: Api, world: World) -> None:
    record.get("/Patient/p/$everything", X_Request_Id="all")
    record.get("/Patient/nobody/$everything", X_Request_Id="none")
    world.journal.drain(world.engine)
    with reading(world.engine) as conn:
        told = {row.request: row for row in conn.execute(select(audit))}
    assert (told["all"].interaction, told["all"].resource, told["all"].status) == ("everything", "p", 200)
    assert told["all"].patient == "p"
    assert (told["none"].interaction, told["none"].status) == ("everything", 404)


# -- search over several types


def test_a_search_over_several_types_finds_in_each_in_stable_pages(record: Api) -> None:
    whole = found(record, "?_type=Patient,Observation,Organization")
    assert sorted(whole) == sorted([
        "Patient/p", "Patient/q", "Observation/old", "Observation/new", "Observation/undated", "Observation/of-q",
        "Organization/clinic", "Organization/elsewhere",
    ])  # fmt: skip
    for count in (1, 3, 8):
        assert found(record, f"?_type=Patient,Observation,Organization&_count={count}") == whole
    assert found(record, "?_type=Patient,Observation&_id=p,of-q") == ["Patient/p", "Observation/of-q"]
    assert found(record, "?_type=Patient&_lastUpdated=ge2027-01-01") == []
    assert set(found(record, "?_id=dr,clinic")) == {"Practitioner/dr", "Organization/clinic"}


def test_a_search_over_several_types_by_post(record: Api) -> None:
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    answer = record.post("/_search", "_type=Patient%2CObservation&_id=p", **form)
    assert [one["resource"]["id"] for one in answer.get_json()["entry"]] == ["p"]
    assert answer.get_json()["link"][0]["url"].startswith("https://care.example/fhir?")


def test_a_search_over_several_types_is_narrowed_as_each_of_them(record: Api, client: Callable[..., Api]) -> None:
    narrow = client("system/Patient.rs?_id=q system/Observation.rs?_id=old")
    assert found(narrow, "?_count=1") == ["Patient/q", "Observation/old"]
    assert narrow.get("?_type=Patient,Coverage").status_code == 403
    assert client("openid").get("?_type=Patient").status_code == 403


@pytest.mark.parametrize("query", ["name=x", "_type=Spam", "_cursor=spam", "_sort=_id", "_id:spam=1", "_summary=count"])
def test_a_search_over_several_types_refuses_what_not_every_type_has(record: Api, query: str) -> None:
    refused = record.get(f"?{query}", Prefer="handling=strict")
    assert refused.status_code == 400
    lenient = record.get("?_type=Patient&name=x", Prefer="handling=lenient")
    assert lenient.status_code == 200
    assert lenient.get_json()["entry"][-1]["search"]["mode"] == "outcome"


def test_the_statement_tells_of_them(api: Api) -> None:
    rest = api.get("/metadata").get_json()["rest"][0]
    assert {"code": "search-system"} in rest["interaction"]
    people = next(row for row in rest["resource"] if row["type"] == "Patient")
    everything = {"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"}
    assert everything in people["operation"]
