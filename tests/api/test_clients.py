"""What unchanged clients send, and what they lean on in the answers: FHIR R4 http.html and search.html."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from carecoord.actions.fhir.load import load
from carecoord.world import World
from tests.api.conftest import Api, issues, patient

RELEASE = "application/fhir+json; fhirVersion="
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'
Json = dict[str, Any]


def total(api: Api, query: str) -> int:
    answer = api.get(f"/{query}")
    assert answer.status_code == 200, answer.get_json()
    return int(answer.get_json()["total"])


def test_a_primitive_may_have_an_id_beside_its_value(api: Api) -> None:
    names = [{"given": ["A", "B"], "_given": [{"id": "x"}, None], "family": "C", "_family": {"id": "f"}}]
    sent = patient(id="p", gender="female", _gender={"id": "g"}, birthDate="2000", _birthDate={"id": "b"}, name=names)
    assert api.put("/Patient/p", sent).status_code == 201
    assert api.get("/Patient/p").get_json()["_gender"] == {"id": "g"}
    for wrong in (
        {"_gender": {"id": "g"}},
        {"gender": "female", "_gender": {}},
        {"gender": "male", "_gender": {"id": 7}},
    ):
        assert api.post("/Patient", patient(**wrong)).status_code == 422, wrong


def test_a_code_element_is_found_with_the_system_of_its_value_set(api: Api) -> None:
    api.put("/Patient/m", patient(id="m", gender="male"))
    for query in (
        "http://hl7.org/fhir/administrative-gender|male",
        "male",
        "|male",
        "http://hl7.org/fhir/administrative-gender|",
    ):
        assert total(api, f"Patient?gender={query}") == 1, query
    assert total(api, "Patient?gender=http://x.example|male") == 0
    assert total(api, "Patient?gender:not=http://hl7.org/fhir/administrative-gender|male") == 0


def test_the_query_of_a_create_is_its_condition(api: Api) -> None:
    body = patient(identifier=[{"system": "http://z.example", "value": "1"}])
    first = api.post("/Patient?identifier=http://z.example|1", body)
    second = api.post("/Patient?identifier=http://z.example|1", body)
    assert [first.status_code, second.status_code] == [201, 200]
    assert first.headers["Location"] == second.headers["Location"]
    assert total(api, "Patient?identifier=http://z.example|1") == 1
    assert api.post("/Patient?_format=json&_pretty=true", patient()).status_code == 201
    assert api.post("/Patient?shoe-size=1", patient()).status_code == 400
    assert api.post("/Patient?identifier=", patient()).status_code == 400
    assert api.post("/Patient?identifier=a|1", body, If_None_Exist="identifier=a|1").status_code == 400


def test_a_search_passes_over_what_is_empty_or_unknown(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    assert total(api, "Patient?family=") == 1
    assert total(api, "Patient?family:exact=&_count=&_sort=&name=Okafor") == 1
    told = api.get("/Patient?shoe-size=42").get_json()["entry"][-1]
    assert told["search"]["mode"] == "outcome"
    assert told["fullUrl"].startswith("urn:uuid:")
    assert told["resource"]["issue"][0]["severity"] == "warning"
    assert api.get("/Patient?shoe-size=42", Prefer="handling=strict").status_code == 400
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Patient?x=1"}}]}
    assert api.post("", batch).get_json()["entry"][0]["response"]["status"] == "200 OK"


def test_a_count_beyond_the_largest_page_means_the_largest_page(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    for count in ("2147483647", "9223372036854775807"):
        assert total(api, f"Patient?_count={count}") == 1
        assert api.get(f"/Patient/p/_history?_count={count}").status_code == 200


def test_resource_type_counts_as_an_element(api: Api) -> None:
    api.put("/Patient/p", patient(id="p", active=True))
    (entry,) = api.get("/Patient?_elements=id,resourceType,active").get_json()["entry"]
    assert (entry["resource"]["resourceType"], entry["resource"]["active"], "name" in entry["resource"]) == (
        "Patient", True, False,
    )  # fmt: skip
    assert api.get("/Patient/p?_elements=resourceType").status_code == 200


def test_every_write_tells_the_version_that_there_is_now(api: Api) -> None:
    place = "https://care.example/fhir/Patient/p/_history/"
    for number, body in enumerate((patient(id="p"), patient(id="p", active=False)), 1):
        answer = api.put("/Patient/p", body)
        told = (answer.headers["Location"], answer.headers["Content-Location"], answer.headers["ETag"])
        assert told == (f"{place}{number}", f"{place}{number}", f'W/"{number}"')
    same = api.put("/Patient/p", patient(id="p", active=False), Prefer="return=minimal")
    assert (same.status_code, same.headers["Location"], same.headers["ETag"]) == (200, f"{place}2", 'W/"2"')
    found = api.post("/Patient", patient(), If_None_Exist="_id=p")
    assert (found.status_code, found.headers["Location"], found.headers["ETag"]) == (200, f"{place}2", 'W/"2"')
    outcome = api.put("/Patient/p", patient(id="p"), Prefer="return=OperationOutcome")
    assert outcome.headers["Location"] == f"{place}3"
    assert "Content-Location" not in outcome.headers


def test_another_release_of_fhir_is_refused(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    for release in ("4.0", "4.0.1", '"4.0"'):
        assert api.get("/Patient/p", Accept=RELEASE + release).status_code == 200
    assert api.get("/Patient/p", Accept=f"{RELEASE}3.0").status_code == 406
    assert api.get("/Patient/p", Accept=f"{RELEASE}3.0, */*;q=0.1").status_code == 200
    assert api("POST", "/Patient", patient(), Content_Type=f"{RELEASE}3.0").status_code == 415
    assert api("POST", "/Patient", patient(), Content_Type=f"{RELEASE}4.0").status_code == 201


def test_a_packed_body_is_refused_as_such(api: Api) -> None:
    body = gzip.compress(json.dumps(patient()).encode())
    headers = {
        "Authorization": f"Bearer {api.token}",
        "Content-Type": "application/fhir+json",
        "Content-Encoding": "gzip",
    }
    answer = api.http.post("/fhir/Patient", data=body, headers=headers)
    assert answer.status_code == 415
    assert answer.headers["Accept-Encoding"] == "identity"


def test_a_scope_that_is_too_narrow_is_told_by_a_challenge(client: Callable[..., Api]) -> None:
    narrow = client("system/Patient.rs")
    answer = narrow.get("/Observation")
    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="fhir", error="insufficient_scope"'


def test_an_entry_of_a_batch_may_know_its_version_already(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))

    def status(tag: str) -> Any:
        request = {"method": "GET", "url": "Patient/p", "ifNoneMatch": tag}
        batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": request}]}
        return api.post("", batch).get_json()["entry"][0]

    same = status('W/"1"')
    assert same["response"]["status"] == "304 Not Modified"
    assert same["response"]["etag"] == 'W/"1"'
    assert "resource" not in same
    assert status('W/"2"')["response"]["status"] == "200 OK"


def test_an_unknown_argument_of_clearance_is_told(api: Api) -> None:
    for name in ("asof", "Date", "as_of"):
        answer = api.get(f"/ServiceRequest/x/$clearance?{name}=1990-01-01")
        assert answer.status_code == 400
        assert issues(answer)[0]["expression"] == [f"http.{name}"]


def test_an_include_of_a_reference_to_a_version_brings_that_version(api: Api) -> None:
    api.put("/Patient/p", patient(id="p", active=True))
    api.put("/Patient/p", patient(id="p", active=False))
    flag = {"resourceType": "Flag", "status": "active", "code": {"text": "x"}}
    api.put("/Flag/old", {**flag, "id": "old", "subject": {"reference": "Patient/p/_history/1"}})
    api.put("/Flag/now", {**flag, "id": "now", "subject": {"reference": "Patient/p"}})

    def version(query: str) -> str:
        found = api.get(f"/Flag?{query}&_include=Flag:patient").get_json()["entry"]
        (included,) = [one["resource"] for one in found if one["search"]["mode"] == "include"]
        return str(included["meta"]["versionId"])

    assert (version("_id=old"), version("_id=now"), version("_id=old,now")) == ("1", "2", "2")


@pytest.mark.parametrize("way", ["POST", "PUT", "transaction"])
def test_a_subscription_to_what_is_never_sent_is_refused(api: Api, way: str) -> None:
    body: Json = {
        "resourceType": "Subscription", "id": "s", "status": "requested", "reason": "x",
        "criteria": "Patient?active=true",
        "channel": {"type": "rest-hook", "endpoint": "https://x.example"},
    }  # fmt: skip
    entry = {"resource": body, "request": {"method": "POST", "url": "Subscription"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    path = {"POST": "/Subscription", "PUT": "/Subscription/s", "transaction": ""}[way]
    answer = api("PUT" if way == "PUT" else "POST", path, bundle if way == "transaction" else body)
    assert answer.status_code == 422
    assert "The one topic of this server" in issues(answer)[0]["diagnostics"]


def test_a_long_text_is_found_by_what_stands_far_behind(api: Api) -> None:
    long = "x" * 600 + " the needle " + "y" * 3000 + " Zürich"
    api.put("/Patient/p", patient(id="p", address=[{"city": long, "text": "short"}]))
    for needle in ("needle", "NEEDLE", "zurich", "x" * 500, "y" * 100 + " z", "short"):
        assert total(api, f"Patient?address:contains={needle}") == 1, needle
    assert total(api, "Patient?address-city:contains=haystack") == 0
    assert total(api, "Patient?address-city:contains=needle,haystack") == 1


@pytest.mark.parametrize(
    "harm",
    [
        "<script>alert(1)</script>", "<SCRIPT src='x'/>", '<a href="javascript:alert(1)">x</a>',
        '<a href="jav&#x09;ascript:alert(1)">x</a>', '<a href=" JavaScript:x">x</a>', '<p onclick="x()">x</p>',
        '<iframe src="http://x.example"></iframe>', "<form><input/></form>", '<object data="x"/>', "", "  ",
        '<img src="data:text/html,x"/>', "<svg><a/></svg>",
    ],
)  # fmt: skip
def test_a_narrative_that_acts_is_refused_of_a_client(api: Api, world: World, tmp_path: Any, harm: str) -> None:
    sent = patient(id="n", text={"status": "generated", "div": DIV.format(harm)})
    answer = api.put("/Patient/n", sent)
    assert answer.status_code == 422
    assert issues(answer)[0]["expression"] == ["Patient.text.div"]
    path = tmp_path / "n.ndjson"
    path.write_text(json.dumps(sent))
    assert load(world, [path], lenient=True).flagged == 1


@pytest.mark.parametrize(
    "good",
    [
        '<p style="color: red">Scripts, on=off &amp; javascript: are words</p>',
        '<img src="data:image/png;base64,AA=="/>',
        '<a href="#a1">x</a><table><tr><td>1 &lt; 2</td></tr></table>', '<img src="#p"/>',
    ],
)  # fmt: skip
def test_a_narrative_of_words_and_pictures_is_taken(api: Api, good: str) -> None:
    sent = patient(id="n", text={"status": "generated", "div": DIV.format(good)})
    assert api.put("/Patient/n", sent).status_code == 201
