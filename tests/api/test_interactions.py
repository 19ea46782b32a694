"""Create, read, update, delete and history of one resource, as the standard words them."""

import json
from collections.abc import Callable

from tests.api.conftest import Api, issues, patient


def test_it_creates_under_a_new_id_and_says_where(api: Api) -> None:
    made = api.post("/Patient", patient())
    assert made.status_code == 201
    body = made.get_json()
    assert made.headers["Location"] == f"https://care.example/fhir/Patient/{body['id']}/_history/1"
    assert made.headers["ETag"] == 'W/"1"'
    assert made.headers["Last-Modified"] == "Sun, 22 Nov 2026 09:00:00 GMT"
    assert body["meta"]["versionId"] == "1"


def test_it_reads_back_byte_for_byte_what_it_sent(api: Api) -> None:
    value = '"valueQuantity":{"value":100.50,"unit":"mg"}'
    made = api.post("/Observation", '{"resourceType":"Observation","status":"final","code":{"text":"K"},' + value + "}")
    read = api.get(f"/Observation/{made.get_json()['id']}")
    assert read.status_code == 200
    assert value.encode() in read.get_data()
    assert read.get_data() == made.get_data()
    assert read.headers["ETag"] == 'W/"1"'


def test_it_ignores_an_id_that_a_create_brings(api: Api) -> None:
    made = api.post("/Patient", patient(id="mine"))
    assert made.status_code == 201
    assert made.get_json()["id"] != "mine"


def test_it_creates_with_put_under_the_id_that_the_client_chose(api: Api) -> None:
    made = api.put("/Patient/p-1", patient(id="p-1"))
    assert made.status_code == 201
    assert made.headers["Location"].endswith("/fhir/Patient/p-1/_history/1")
    assert api.put("/Patient/p-1", patient(id="p-1", active=False)).status_code == 200
    assert api.get("/Patient/p-1").get_json()["active"] is False


def test_it_keeps_the_version_when_nothing_changes(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    again = api.put("/Patient/p", patient(id="p"))
    assert again.status_code == 200
    assert again.headers["ETag"] == 'W/"1"'


def test_it_refuses_a_put_whose_body_has_another_id_or_none(api: Api) -> None:
    for body in (patient(id="other"), patient()):
        refused = api.put("/Patient/p", body)
        assert refused.status_code == 400
        assert issues(refused)[0]["expression"] == ["Patient.id"]


def test_it_refuses_a_body_of_another_type(api: Api) -> None:
    refused = api.post("/Observation", patient())
    assert refused.status_code == 400
    assert issues(refused)[0]["expression"] == ["resourceType"]


def test_it_answers_304_to_a_client_that_has_this_version(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    same = api.get("/Patient/p", If_None_Match='W/"1"')
    assert (same.status_code, same.get_data(), same.headers["ETag"]) == (304, b"", 'W/"1"')
    assert api.get("/Patient/p", If_None_Match='W/"7", W/"1"').status_code == 304
    assert api.get("/Patient/p", If_None_Match='W/"2"').status_code == 200
    modified = api.get("/Patient/p").headers["Last-Modified"]
    assert api.get("/Patient/p", If_Modified_Since=modified).status_code == 304
    assert api.get("/Patient/p", If_Modified_Since=f"{modified[:-3]}+{'9' * 20}").status_code == 200, "no date"
    assert api.get("/Patient/p", If_Modified_Since="Sat, 21 Nov 2026 09:00:00 GMT").status_code == 200
    assert api.get("/Patient/p", If_Modified_Since="not a date").status_code == 200


def test_it_updates_only_the_version_that_if_match_names(api: Api, rows: Callable[[], dict[str, int]]) -> None:
    api.put("/Patient/p", patient(id="p"))
    assert api.put("/Patient/p", patient(id="p", active=False), If_Match='W/"1"').status_code == 200
    before = rows()
    stale = api.put("/Patient/p", patient(id="p"), If_Match='W/"1"')
    assert stale.status_code == 412
    assert issues(stale)[0]["expression"] == ["http.If-Match"]
    assert api.delete("/Patient/p", If_Match='W/"1"').status_code == 412
    assert api.put("/Patient/p", patient(id="p"), If_Match='W/"1", "3"').status_code == 412
    assert api.put("/Patient/p", patient(id="p"), If_Match="nonsense").status_code == 400
    assert api.put("/Patient/new", patient(id="new"), If_Match="*").status_code == 412
    assert rows() == before
    assert api.put("/Patient/p", patient(id="p"), If_Match='"2", W/"5"').status_code == 200
    assert api.delete("/Patient/p", If_Match="*").status_code == 204
    assert api.put("/Patient/p", patient(id="p"), If_Match="*").status_code == 412


def test_it_creates_only_what_is_not_there_with_if_none_match_star(api: Api) -> None:
    assert api.put("/Patient/p", patient(id="p"), If_None_Match="*").status_code == 201
    assert api.put("/Patient/p", patient(id="p", active=False), If_None_Match="*").status_code == 412


def test_it_deletes_and_then_says_gone_with_the_version_of_the_deletion(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    gone = api.delete("/Patient/p")
    assert (gone.status_code, gone.get_data(), gone.headers["ETag"]) == (204, b"", 'W/"2"')
    read = api.get("/Patient/p")
    assert read.status_code == 410
    assert read.headers["ETag"] == 'W/"2"'
    assert issues(read)[0]["code"] == "deleted"
    assert api.delete("/Patient/p").status_code == 204
    assert api.delete("/Patient/never-was").status_code == 204


def test_it_brings_a_deleted_resource_back_as_a_new_version(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    api.delete("/Patient/p")
    back = api.put("/Patient/p", patient(id="p"))
    assert (back.status_code, back.headers["ETag"]) == (201, 'W/"3"')


def test_it_shows_each_version_and_the_history_newest_first(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    api.put("/Patient/p", patient(id="p", active=False))
    api.delete("/Patient/p")
    first = api.get("/Patient/p/_history/1")
    assert (first.status_code, first.get_json()["active"]) == (200, True)
    assert api.get("/Patient/p/_history/3").status_code == 410
    assert api.get("/Patient/p/_history/4").status_code == 404
    assert api.get("/Patient/p/_history/x").status_code == 404
    bundle = api.get("/Patient/p/_history").get_json()
    assert (bundle["type"], bundle["total"]) == ("history", 3)
    assert [entry["request"]["method"] for entry in bundle["entry"]] == ["DELETE", "PUT", "PUT"]


def test_a_history_tells_by_which_method_each_version_was_made(api: Api) -> None:
    """http.html#history: a create under a client's own id is a PUT, one under ours a POST."""

    def methods(path: str) -> list[tuple[str, str]]:
        found = api.get(path).get_json()["entry"]
        return [(each["request"]["method"], each["request"]["url"]) for each in found]

    assert api.put("/Patient/p", patient(id="p")).status_code == 201
    patch = [{"op": "replace", "path": "/active", "value": False}]
    assert api("PATCH", "/Patient/p", patch, Content_Type="application/json-patch+json").status_code == 200
    api.delete("/Patient/p")
    assert api.put("/Patient/p", patient(id="p")).status_code == 201
    assert methods("/Patient/p/_history") == [
        ("PUT", "Patient/p"), ("DELETE", "Patient/p"), ("PATCH", "Patient/p"), ("PUT", "Patient/p"),
    ]  # fmt: skip
    made = api.post("/Patient", patient()).headers["Location"].split("/Patient/")[1].split("/")[0]
    assert api.put(f"/Patient/{made}", patient(id=made, active=False)).status_code == 200
    assert methods(f"/Patient/{made}/_history") == [("PUT", f"Patient/{made}"), ("POST", "Patient")]
    entries = [
        {"resource": patient(), "request": {"method": "POST", "url": "Patient"}},
        {"resource": patient(id="q"), "request": {"method": "PUT", "url": "Patient/q"}},
    ]
    assert api.post("/", {"resourceType": "Bundle", "type": "transaction", "entry": entries}).status_code == 200
    assert sorted(methods("/Patient/_history?_count=2")) == [("POST", "Patient"), ("PUT", "Patient/q")]
    assert len(methods("/_history")) == 8


def test_it_pages_a_history(api: Api) -> None:
    for n in range(5):
        api.put("/Patient/p", patient(id="p", multipleBirthInteger=n + 1))
    seen: list[str] = []
    path = "/Patient/p/_history?_count=2"
    while path:
        page = api.get(path).get_json()
        seen += [entry["resource"]["meta"]["versionId"] for entry in page["entry"]]
        links = {link["relation"]: link["url"] for link in page["link"]}
        path = links.get("next", "").removeprefix("https://care.example/fhir")
    assert seen == ["5", "4", "3", "2", "1"]
    since = api.get("/Patient/p/_history?_since=2100").get_json()
    assert "entry" not in since
    assert api.get("/Patient/p/_history?_at=2020").status_code == 400


def test_it_pages_the_changes_of_a_type_and_of_all_types_without_repeating_or_skipping(api: Api) -> None:
    for n in range(4):
        api.put(f"/Patient/p{n % 2}", patient(id=f"p{n % 2}", multipleBirthInteger=n + 1))
    api.put("/Basic/b", {"resourceType": "Basic", "id": "b", "code": {"text": "x"}})
    api.delete("/Patient/p0")
    everything = ["Patient/p0/3", "Basic/b/1", "Patient/p1/2", "Patient/p0/2", "Patient/p1/1", "Patient/p0/1"]
    for start, wanted in (("", everything), ("/Patient", [each for each in everything if "Basic" not in each])):
        seen: list[str] = []
        path = f"{start}/_history?_count=2"
        while path:
            page = api.get(path).get_json()
            seen += [f"{e['request']['url']}/{e['response']['etag'][3:-1]}" for e in page["entry"]]
            links = {link["relation"]: link["url"] for link in page["link"]}
            path = links.get("next", "").removeprefix("https://care.example/fhir")
        assert seen == wanted
    assert "entry" not in api.get("/_history?_since=2100").get_json()
    assert api.get("/Patient/_history?_cursor=nonsense").status_code == 400
    assert api.get("/Nonsense/_history").status_code == 404


def test_it_answers_a_write_as_prefer_asks(api: Api) -> None:
    minimal = api.post("/Patient", patient(), Prefer="return=minimal")
    assert (minimal.status_code, minimal.get_data()) == (201, b"")
    assert minimal.headers["Location"]
    told = api.post("/Patient", patient(), Prefer="return=OperationOutcome")
    assert told.status_code == 201
    assert issues(told)[0]["severity"] == "information"
    id = told.headers["Location"].split("/")[-3]
    assert issues(api.delete(f"/Patient/{id}", Prefer="return=OperationOutcome"))[0]["severity"] == "information"
    assert api.post("/Patient", patient(), Prefer="return=everything").status_code == 400
    assert api.post("/Patient", patient(), Prefer="respond-async").status_code == 201


def test_it_creates_once_where_a_condition_is_met_already(api: Api) -> None:
    mine = patient(identifier=[{"system": "https://carecoord.example/id/mrn", "value": "7"}])
    condition = "identifier=https://carecoord.example/id/mrn|7"
    first = api.post("/Patient", mine, If_None_Exist=condition)
    second = api.post("/Patient", mine, If_None_Exist=f"Patient?{condition}")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.get_json()["id"] == second.get_json()["id"]
    api.post("/Patient", mine)
    several = api.post("/Patient", mine, If_None_Exist=condition)
    assert several.status_code == 412
    assert api.post("/Patient", mine, If_None_Exist="").status_code == 400
    assert api.post("/Patient", mine, If_None_Exist="_count=1").status_code == 400


def test_it_updates_by_condition(api: Api) -> None:
    mine = patient(identifier=[{"system": "s", "value": "7"}])
    made = api.put("/Patient?identifier=s|7", mine)
    assert made.status_code == 201
    again = api.put("/Patient?identifier=s|7", {**mine, "active": False})
    assert (again.status_code, again.get_json()["id"]) == (200, made.get_json()["id"])
    assert api.put("/Patient?identifier=s|7", {**mine, "id": "another"}).status_code == 400
    assert api.put("/Patient?identifier=s|7", mine, If_Match='W/"1"').status_code == 412
    assert api.put("/Patient?identifier=s|8", {**mine, "id": "new-one"}).get_json()["id"] == "new-one"
    assert api.put("/Patient", mine).status_code == 400


def test_it_deletes_by_condition_what_is_one_alone(api: Api) -> None:
    for value in "778":
        api.post("/Patient", patient(identifier=[{"system": "s", "value": value}]))
    assert api.delete("/Patient?identifier=s|7").status_code == 412
    assert api.delete("/Patient?identifier=s|8").status_code == 204
    assert api.delete("/Patient?identifier=s|8").status_code == 204
    assert api.get("/Patient?_summary=count").get_json()["total"] == 2
    assert api.delete("/Patient").status_code == 400


def test_it_shows_parts_and_pretty_prints(api: Api) -> None:
    api.put("/Patient/p", patient(id="p", birthDate="1980-01-02"))
    part = api.get("/Patient/p?_elements=birthDate").get_json()
    assert set(part) == {"resourceType", "id", "meta", "active", "birthDate"}  # `active` is a modifier
    assert "text" not in api.get("/Patient/p?_summary=data").get_json()
    assert api.get("/Patient/p?_elements=nothing").status_code == 400
    pretty = api.get("/Patient/p?_pretty=true").get_data()
    assert b'\n  "id": "p"' in pretty
    assert json.loads(pretty) == api.get("/Patient/p").get_json()
    assert api.get("/Patient/p?_pretty=maybe").status_code == 400


def test_it_answers_head_like_get_without_a_body(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    head, read = api("HEAD", "/Patient/p"), api.get("/Patient/p")
    assert (head.status_code, head.get_data(), head.headers["ETag"]) == (200, b"", 'W/"1"')
    assert head.headers["Content-Length"] == str(len(read.get_data()))
