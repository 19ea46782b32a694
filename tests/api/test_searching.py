"""Search over HTTP: by GET and POST, in compartments, page by page; what is found, what comes along, and the links."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.conftest import Api, issues, patient, referral

BASE = "https://care.example/fhir"


@pytest.fixture(autouse=True)
def people(api: Api) -> None:
    for n, family in enumerate(("Okafor", "Lindqvist", "Abara", "Delgado", "Whitfield")):
        identifier = [{"system": "https://carecoord.example/id/mrn", "value": str(n)}]
        api.put(f"/Patient/p{n}", patient(id=f"p{n}", name=[{"family": family}], identifier=identifier))
    for n in range(6):
        order = referral(f"Patient/p{n % 2}", id=f"r{n}", authoredOn=f"2026-11-0{n + 1}")
        api.put(f"/ServiceRequest/r{n}", order)


def ids(bundle: Any, mode: str = "match") -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == mode]


def test_it_finds_by_get_and_by_post_alike(api: Api) -> None:
    form = "application/x-www-form-urlencoded"
    got = api.get("/Patient?identifier=https://carecoord.example/id/mrn%7C2").get_json()
    posted = api.post(
        "/Patient/_search", "identifier=https://carecoord.example/id/mrn%7C2", Content_Type=form
    ).get_json()
    assert ids(got) == ids(posted) == ["p2"]
    assert got["entry"][0]["fullUrl"] == f"{BASE}/Patient/p2"
    assert got["total"] == 1
    mixed = api.post("/Patient/_search?_count=1", "family=Okafor", Content_Type=form).get_json()
    assert ids(mixed) == ["p0"]
    assert len(ids(api.post("/Patient/_search", "", Content_Type=form).get_json())) == 5
    assert api.post("/Patient/_search", {"family": "Okafor"}).status_code == 415


def test_it_pages_through_opaque_links_that_never_repeat_or_skip(api: Api) -> None:
    seen: list[str] = []
    url: str | None = f"{BASE}/ServiceRequest?status=active&_sort=-authored&_count=2"
    while url:
        page = api.get(url.removeprefix(BASE)).get_json()
        seen += ids(page)
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
        if len(seen) == 2:  # what arrives meanwhile, before the place reached, must not push anything around
            api.put("/ServiceRequest/new", referral("Patient/p0", id="new", authoredOn="2026-12-01"))
    assert seen == ["r5", "r4", "r3", "r2", "r1", "r0"]


def test_it_refuses_a_link_that_was_tampered_with(api: Api) -> None:
    page = api.get("/ServiceRequest?_count=2").get_json()
    following = next(link["url"] for link in page["link"] if link["relation"] == "next").removeprefix(BASE)
    assert api.get(following).status_code == 200
    assert issues(api.get(following[:-2] + "xx"))[0]["expression"] == ["http._cursor"]
    assert api.get(following.replace("_count=2", "_count=2&status=active")).status_code == 400


def test_it_sends_what_is_included_and_what_refers_once_each(api: Api) -> None:
    found = api.get("/ServiceRequest?subject=Patient/p1&_include=ServiceRequest:subject").get_json()
    assert (ids(found), ids(found, "include")) == (["r1", "r3", "r5"], ["p1"])
    reverse = api.get("/Patient?_id=p0&_revinclude=ServiceRequest:subject").get_json()
    assert (ids(reverse), ids(reverse, "include")) == (["p0"], ["r0", "r2", "r4"])


def test_it_counts_and_cuts_and_summarizes(api: Api) -> None:
    assert api.get("/Patient?_summary=count").get_json().keys() == {"resourceType", "type", "total", "link"}
    assert api.get("/Patient?_total=accurate&_count=1").get_json()["total"] == 5
    part = api.get("/Patient?_id=p0&_elements=gender").get_json()["entry"][0]["resource"]
    assert "name" not in part
    assert part["meta"]["tag"][-1]["code"] == "SUBSETTED"
    short = api.get("/Patient?_id=p0&_summary=true").get_json()["entry"][0]["resource"]
    assert short["meta"]["tag"][-1]["code"] == "SUBSETTED"


def test_it_searches_the_compartment_of_a_patient(api: Api) -> None:
    found = api.get("/Patient/p1/ServiceRequest?_sort=authored&_count=2").get_json()
    assert ids(found) == ["r1", "r3"]
    following = next(link["url"] for link in found["link"] if link["relation"] == "next")
    assert following.startswith(f"{BASE}/Patient/p1/ServiceRequest?")
    assert ids(api.get(following.removeprefix(BASE)).get_json()) == ["r5"]
    assert ids(api.get("/Patient/p3/ServiceRequest").get_json()) == []
    assert ids(api.get("/Patient/p1/Patient").get_json()) == ["p1"]
    assert api.get("/Patient/p1/Organization").status_code == 404
    assert api.get("/Practitioner/x/ServiceRequest").status_code == 404


def test_it_names_the_search_it_carried_out(api: Api) -> None:
    asked = "/Patient?family=Okafor&_count=3"
    (link,) = api.get(asked).get_json()["link"]
    assert link == {"relation": "self", "url": f"{BASE}{asked}"}
    odd = api.get(f"/Patient?name={quote('Ö & Söhne|x')}").get_json()
    assert odd["link"][0]["url"].endswith("name=%C3%96+%26+S%C3%B6hne%7Cx")


@pytest.mark.parametrize("query", ["family:exact=Okafor", "name:contains=kaf", "_has:ServiceRequest:subject:_id=r0"])
def test_it_knows_modifiers_and_reverse_chains(api: Api, query: str) -> None:
    assert ids(api.get(f"/Patient?{query}").get_json()) == ["p0"]


def test_it_follows_chains(api: Api) -> None:
    assert ids(api.get("/ServiceRequest?subject:Patient.family=Lindqvist").get_json()) == ["r1", "r3", "r5"]


def test_a_granular_scope_holds_on_every_path(api: Api, client: Callable[..., Api]) -> None:
    """Searches, includes, chains, reads, histories, bundles: what is out of scope is not there."""
    api.put("/ServiceRequest/old", referral("Patient/p3", id="old", status="revoked"))
    some = client("system/ServiceRequest.rs?status=active system/Patient.rs?family=Okafor")
    assert "old" not in ids(some.get("/ServiceRequest").get_json())
    assert some.get("/ServiceRequest?_summary=count").get_json()["total"] == 6
    assert some.get("/ServiceRequest/old").status_code == 404
    assert some.get("/ServiceRequest/old/_history").status_code == 404
    assert some.get("/ServiceRequest/old/_history/1").status_code == 404
    told = some.get("/ServiceRequest/_history")
    assert sorted(entry["resource"]["id"] for entry in told.get_json()["entry"]) == [f"r{n}" for n in range(6)]
    assert "old" not in told.get_data(as_text=True)
    assert some.get("/ServiceRequest/r0").status_code == 200
    assert ids(some.get("/Patient").get_json()) == ["p0"]
    assert ids(some.get("/ServiceRequest?_include=*").get_json(), "include") == ["p0"]
    assert ids(some.get("/ServiceRequest?subject:Patient.family=Lindqvist").get_json()) == []
    assert ids(some.get("/Patient?_has:ServiceRequest:subject:status=revoked").get_json()) == []
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Patient/p1"}}]}
    assert some.post("", batch).get_json()["entry"][0]["response"]["status"].startswith("404")


def test_a_granular_scope_holds_on_writes(api: Api, client: Callable[..., Api], rows: Callable[[], Any]) -> None:
    some = client("system/ServiceRequest.cruds?status=active")
    assert some.post("/ServiceRequest", referral("Patient/p0")).status_code == 201
    api.put("/ServiceRequest/old", referral("Patient/p3", id="old", status="revoked"))
    before = rows()
    assert some.post("/ServiceRequest", referral("Patient/p0", status="draft")).status_code == 403
    assert some.put("/ServiceRequest/r0", referral("Patient/p0", id="r0", status="revoked")).status_code == 403
    assert some.put("/ServiceRequest/old", referral("Patient/p3", id="old")).status_code == 404
    assert some.put("/ServiceRequest?_id=old", referral("Patient/p3", id="old")).status_code == 404
    assert some.delete("/ServiceRequest/old").status_code == 404
    assert rows() == before
    reader = client("system/ServiceRequest.rs system/ServiceRequest.u?status=draft")
    assert reader.put("/ServiceRequest/r0", referral("Patient/p0", id="r0", status="draft")).status_code == 403
    assert rows() == before


def test_a_narrowed_access_sees_no_version_that_was_about_somebody_else(api: Api, client: Callable[..., Api]) -> None:
    api.put("/ServiceRequest/moved", referral("Patient/p1", id="moved"))
    api.put("/ServiceRequest/moved", referral("Patient/p0", id="moved"))
    own = client("system/ServiceRequest.rs?subject=Patient/p0")
    assert own.get("/ServiceRequest/moved").status_code == 200
    assert own.get("/ServiceRequest/moved/_history/1").status_code == 404
    assert len(own.get("/ServiceRequest/moved/_history").get_json()["entry"]) == 1
    assert own.get("/ServiceRequest/r1").status_code == 404
    assert ids(own.get("/ServiceRequest").get_json()) == ["r0", "r2", "r4", "moved"]


@pytest.mark.parametrize(
    "value", ["2026-03-08T18:00:00.000Z", "le2026-03-08T18:00:00.000Z", "ge2026-03-08T14:00:00.000-04:00", "2026-03-08"]
)
def test_what_was_written_to_the_second_is_found_by_a_moment_as_browsers_write_it(api: Api, value: str) -> None:
    """JavaScript's toISOString always writes `.000Z`."""
    start, end = "2026-03-08T10:00:00-08:00", "2026-03-08T11:00:00-08:00"
    actors = [{"actor": {"reference": "Patient/p0"}, "status": "accepted"}]
    visit = {"resourceType": "Appointment", "id": "a", "status": "booked", "start": start, "end": end}
    assert api.put("/Appointment/a", {**visit, "participant": actors}).status_code == 201
    assert ids(api.get(f"/Appointment?date={quote(value)}").get_json()) == ["a"]


def test_a_day_of_a_search_is_a_day_of_the_office(api: Api) -> None:
    """Half past eight in the evening in New York is the next day in UTC."""
    start, end = "2026-03-08T20:30:00-04:00", "2026-03-09T01:00:00Z"
    slot = {"resourceType": "Slot", "id": "s", "schedule": {"reference": "Schedule/x"}, "status": "free"}
    assert api.put("/Slot/s", {**slot, "start": start, "end": end}).status_code == 201
    assert ids(api.get("/Slot?start=2026-03-08").get_json()) == ["s"]
    assert ids(api.get("/Slot?start=2026-03-09").get_json()) == []
    assert ids(api.get("/Slot?start=ge2026-03-08&start=lt2026-03-09").get_json()) == ["s"]
    assert api.put("/Patient/b", patient(id="b", birthDate="1980-05-05")).status_code == 201
    assert ids(api.get("/Patient?birthdate=1980-05-05").get_json()) == ["b"]
