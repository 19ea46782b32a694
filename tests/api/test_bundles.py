"""Transactions: all or nothing, references between entries, the standard's order. Batches: each entry for itself."""

from collections.abc import Callable
from typing import Any

from tests.api.conftest import Api, issues, patient, referral

A, B = "urn:uuid:0b5f3c1e-0001-4000-8000-000000000001", "urn:uuid:0b5f3c1e-0002-4000-8000-000000000002"


def bundle(*entries: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def entry(method: str, url: str, resource: Any = None, full: str | None = None, **request: str) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    if full:
        made["fullUrl"] = full
    if resource is not None:
        made["resource"] = resource
    return made


def test_it_writes_a_transaction_and_sets_the_references_between_its_entries(api: Api) -> None:
    narrative = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{A}">x</a></div>'}
    file = {"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": {"url": A}}]}
    answer = api.post(
        "",
        bundle(
            entry("POST", "ServiceRequest", referral(A, text=narrative)),
            entry("POST", "DocumentReference", file, B),
            entry("POST", "Patient", patient(), A),
        ),
    )
    assert answer.status_code == 200
    told = answer.get_json()
    assert told["type"] == "transaction-response"
    assert [one["response"]["status"] for one in told["entry"]] == ["201 Created"] * 3
    order, paper, person = [one["response"]["location"].split("/fhir/")[1] for one in told["entry"]]
    who = person.split("/_history")[0]
    stored = api.get(f"/{order.split('/_history')[0]}").get_json()
    assert stored["subject"]["reference"] == who
    assert f'href="{who}"' in stored["text"]["div"]
    assert api.get(f"/{paper.split('/_history')[0]}").get_json()["content"][0]["attachment"]["url"] == who
    assert told["entry"][0]["response"]["etag"] == 'W/"1"'
    assert told["entry"][0]["response"]["lastModified"].startswith("2026-11-22T09:00")
    assert api.get(f"/ServiceRequest?subject={who}").get_json()["total"] == 1


def test_it_answers_with_the_resources_where_prefer_asks_for_them(api: Api) -> None:
    full = api.post("", bundle(entry("POST", "Patient", patient())), Prefer="return=representation").get_json()
    assert full["entry"][0]["resource"]["meta"]["versionId"] == "1"
    assert "resource" not in api.post("", bundle(entry("POST", "Patient", patient()))).get_json()["entry"][0]


def test_it_keeps_nothing_of_a_transaction_when_one_entry_fails(api: Api, rows: Callable[[], dict[str, int]]) -> None:
    api.put("/Patient/p", patient(id="p"))
    before = rows()
    good = entry("POST", "Patient", patient())
    for bad, status in (
        (entry("POST", "ServiceRequest", referral("Patient/p", status="bogus")), 422),
        (entry("PUT", "Patient/p", patient(id="p", active=False), ifMatch='W/"5"'), 412),
        (entry("GET", "Patient/nobody"), 404),
        (entry("POST", "Nonsense", {"resourceType": "Nonsense"}), 404),
        (entry("PATCH", "Patient/p", {}), 400),
        (entry("PUT", "Patient", patient()), 400),
        (entry("PUT", "Patient/p"), 400),
        (entry("POST", "Observation", patient()), 422),
        ({"resource": patient()}, 400),
    ):
        answer = api.post("", bundle(good, bad))
        assert answer.status_code == status, answer.get_data()
        assert issues(answer)[0]["expression"][0].startswith("Bundle.entry[1]"), answer.get_data()
    assert rows() == before


def test_it_refuses_two_entries_about_one_resource(api: Api, rows: Callable[[], dict[str, int]]) -> None:
    api.put("/Patient/p", patient(id="p"))
    before = rows()
    changed = entry("PUT", "Patient/p", patient(id="p", active=False))
    for twin in (entry("DELETE", "Patient/p"), changed):
        answer = api.post("", bundle(twin, changed))
        assert answer.status_code == 400
        assert "same resource, Patient/p" in issues(answer)[0]["diagnostics"]
    assert rows() == before


def test_it_says_where_in_the_bundle_each_issue_is(api: Api) -> None:
    wrong = bundle(
        entry("POST", "Patient", patient(gender="f")),
        entry("POST", "ServiceRequest", referral("Patient/p", status="bogus")),
    )
    found = [issue["expression"][0] for issue in issues(api.post("", wrong))]
    assert found == ["Bundle.entry[0].resource.gender", "Bundle.entry[1].resource.status"]


def test_it_carries_out_deletes_creates_updates_and_reads_in_this_order(api: Api) -> None:
    api.put("/Patient/old", patient(id="old", identifier=[{"system": "s", "value": "1"}]))
    answer = api.post(
        "",
        bundle(
            entry("GET", "Patient?identifier=s|1"),
            entry("PUT", "Patient/fixed", patient(id="fixed")),
            entry("POST", "Patient", patient(identifier=[{"system": "s", "value": "1"}]), ifNoneExist="identifier=s|2"),
            entry("DELETE", "Patient/old"),
            entry("GET", "Patient/fixed"),
        ),
    )
    told = [one["response"]["status"] for one in answer.get_json()["entry"]]
    assert told == ["200 OK", "201 Created", "201 Created", "204 No Content", "200 OK"]
    found = answer.get_json()["entry"][0]["resource"]
    assert (found["type"], found["total"]) == ("searchset", 1)
    assert found["entry"][0]["resource"]["id"] != "old"
    assert answer.get_json()["entry"][4]["resource"]["id"] == "fixed"


def test_it_resolves_conditional_references_and_refuses_what_they_do_not_tell_apart(api: Api) -> None:
    api.put("/Patient/p", patient(id="p", identifier=[{"system": "s", "value": "1"}]))
    made = api.post("", bundle(entry("POST", "ServiceRequest", referral("Patient?identifier=s|1"))))
    location = made.get_json()["entry"][0]["response"]["location"].split("/fhir")[1]
    assert api.get(location).get_json()["subject"]["reference"] == "Patient/p"
    for value in ("2", "1"):
        nobody = api.post("", bundle(entry("POST", "ServiceRequest", referral(f"Patient?identifier=s|{value}"))))
        assert nobody.status_code == (412 if value == "2" else 200)
    api.post("/Patient", patient(identifier=[{"system": "s", "value": "1"}]))
    several = api.post("", bundle(entry("POST", "ServiceRequest", referral("Patient?identifier=s|1"))))
    assert several.status_code == 412
    assert issues(several)[0]["expression"] == ["Bundle.entry[0].resource"]
    assert api.post("", bundle(entry("POST", "ServiceRequest", referral("Patient?nonsense=1")))).status_code == 400
    assert api.post("", bundle(entry("POST", "ServiceRequest", referral("Nonsense?a=1")))).status_code == 400


def test_it_creates_in_a_transaction_only_what_no_condition_finds(api: Api) -> None:
    mine = patient(identifier=[{"system": "s", "value": "1"}])
    wanted = bundle(
        entry("POST", "Patient", mine, A, ifNoneExist="identifier=s|1"), entry("POST", "ServiceRequest", referral(A))
    )
    first, second = api.post("", wanted).get_json(), api.post("", wanted).get_json()
    assert first["entry"][0]["response"]["status"] == "201 Created"
    assert second["entry"][0]["response"]["status"] == "200 OK"
    assert first["entry"][0]["response"]["location"] == second["entry"][0]["response"]["location"]
    assert api.get("/Patient?_summary=count").get_json()["total"] == 1
    who = first["entry"][0]["response"]["location"].split("/fhir/")[1].split("/_history")[0]
    assert api.get(f"/ServiceRequest?subject={who}").get_json()["total"] == 2


def test_it_resolves_a_relative_reference_against_its_entry(api: Api) -> None:
    root = "https://elsewhere.example/r4"
    made = api.post(
        "",
        bundle(
            entry("POST", "Patient", patient(id="7"), f"{root}/Patient/7"),
            entry("POST", "ServiceRequest", referral("Patient/7"), f"{root}/ServiceRequest/8"),
        ),
    ).get_json()
    who, order = [one["response"]["location"].split("/fhir")[1] for one in made["entry"]]
    assert api.get(order).get_json()["subject"]["reference"] == who.split("/_history")[0].removeprefix("/")


def test_it_updates_and_deletes_by_condition_in_a_transaction(api: Api) -> None:
    api.put("/Patient/a", patient(id="a", identifier=[{"system": "s", "value": "a"}]))
    api.put("/Patient/b", patient(id="b", identifier=[{"system": "s", "value": "b"}]))
    changed = patient(identifier=[{"system": "s", "value": "a"}], active=False)
    told = api.post(
        "",
        bundle(
            entry("PUT", "Patient?identifier=s|a", changed),
            entry("DELETE", "Patient?identifier=s|b"),
            entry("DELETE", "Patient?identifier=s|none"),
        ),
    ).get_json()
    assert [one["response"]["status"] for one in told["entry"]] == ["200 OK", "204 No Content", "204 No Content"]
    assert api.get("/Patient/a").get_json()["active"] is False
    assert api.get("/Patient/b").status_code == 410


def test_it_does_each_entry_of_a_batch_for_itself(api: Api) -> None:
    told = api.post(
        "",
        bundle(
            entry("POST", "Patient", patient()),
            entry("POST", "Patient", patient(gender="f")),
            entry("GET", "Patient/nobody"),
            entry("PUT", "Patient/p", patient(id="p")),
            entry("GET", "Patient?_id=p"),
            "nonsense",  # type: ignore[arg-type]
            kind="batch",
        ),
    )
    assert told.status_code == 200
    answers = told.get_json()
    assert answers["type"] == "batch-response"
    assert [one["response"]["status"][:3] for one in answers["entry"]] == ["201", "422", "404", "201", "200", "400"]
    outcome = answers["entry"][1]["response"]["outcome"]
    assert outcome["issue"][0]["expression"] == ["Bundle.entry[1].resource.gender"]
    assert answers["entry"][4]["resource"]["total"] == 1


def test_it_refuses_bundles_that_are_neither(api: Api) -> None:
    assert api.post("", bundle(kind="collection")).status_code == 400
    assert api.post("", patient()).status_code == 400
    assert api.post("", {"resourceType": "Bundle", "type": "batch", "entry": {}}).status_code == 400
    assert api.post("", bundle()).get_json() == {"resourceType": "Bundle", "type": "transaction-response"}


def test_it_lets_a_transaction_do_only_what_each_entry_may(
    client: Callable[..., Api], rows: Callable[[], dict[str, int]]
) -> None:
    api = client("system/Patient.c system/ServiceRequest.r")
    before = rows()
    order = entry("POST", "ServiceRequest", referral("Patient/p"))
    refused = api.post("", bundle(entry("POST", "Patient", patient()), order))
    assert refused.status_code == 403
    assert issues(refused)[0]["expression"] == ["Bundle.entry[1]"]
    assert rows() == before
    assert api.post("", bundle(entry("POST", "Patient", patient()))).status_code == 200


KEY = "http://mend.example/key"


def house(value: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Organization", "name": "H", "identifier": [{"system": KEY, "value": value}], **more}


def test_two_creates_under_one_condition_make_one_and_both_lead_to_it(api: Api) -> None:
    condition = f"identifier={KEY}|1"
    answer = api.post(
        "",
        bundle(
            entry("POST", "Organization", house("1"), A, ifNoneExist=condition),
            entry("POST", "Organization", house("1"), B, ifNoneExist=condition),
            entry("POST", "Patient", patient(managingOrganization={"reference": B})),
        ),
    ).get_json()
    assert [one["response"]["status"] for one in answer["entry"]] == ["201 Created", "200 OK", "201 Created"]
    assert answer["entry"][0]["response"]["location"] == answer["entry"][1]["response"]["location"]
    found = api.get(f"/Organization?{condition}").get_json()
    assert found["total"] == 1
    managed = api.get(f"/Patient?organization={found['entry'][0]['resource']['id']}").get_json()
    assert managed["total"] == 1


def test_creates_that_ask_for_the_same_in_other_words_are_refused(api: Api, rows: Callable[[], dict[str, int]]) -> None:
    before = rows()
    for first, second in (
        (entry("POST", "Organization", house("2"), ifNoneExist=f"identifier={KEY}|2"),
         entry("POST", "Organization", house("2"), ifNoneExist=f"identifier={KEY}|2&name=H")),
        (entry("PUT", f"Organization?identifier={KEY}|2", house("2")),
         entry("PUT", f"Organization?identifier={KEY}|2", house("2"))),
        (entry("POST", "Organization", house("2"), ifNoneExist=f"identifier={KEY}|2"),
         entry("POST", "Organization", house("2"))),
    ):  # fmt: skip
        answer = api.post("", bundle(first, second))
        assert answer.status_code == 412, answer.get_json()
        assert "Several" in issues(answer)[0]["diagnostics"]
    assert {name: count for name, count in rows().items() if name != "audit"} == {
        name: count for name, count in before.items() if name != "audit"
    }


def test_a_conditional_reference_sees_what_the_transaction_makes_changes_and_deletes(api: Api) -> None:
    def one(value: str) -> dict[str, Any]:
        return entry(
            "POST", "Patient", patient(managingOrganization={"reference": f"Organization?identifier={KEY}|{value}"})
        )

    for n, maker in enumerate((
        entry("PUT", f"Organization?identifier={KEY}|3", house("3")),
        entry("POST", "Organization", house("4"), ifNoneExist=f"identifier={KEY}|4"),
        entry("POST", "Organization", house("5")),
        entry("PUT", "Organization/o6", house("6", id="o6")),
    )):  # fmt: skip
        answer = api.post("", bundle(one(str(n + 3)), maker))
        assert answer.status_code == 200, answer.get_json()
        told = answer.get_json()["entry"]
        made = told[1]["response"]["location"].split("/fhir/")[1].split("/_history")[0]
        stored = api.get("/" + told[0]["response"]["location"].split("/fhir/")[1]).get_json()
        assert stored["managingOrganization"]["reference"] == made
        assert stored["meta"]["versionId"] == "1"
        assert api.get(f"/{made}").get_json()["meta"]["versionId"] == "1"
    gone = api.post("", bundle(one("6"), entry("DELETE", "Organization/o6")))
    assert gone.status_code == 412
    doubled = api.post("", bundle(one("3"), entry("POST", "Organization", house("3"))))
    assert doubled.status_code == 412


def test_a_conditional_reference_means_our_own_copy_of_a_clinic_that_an_ehr_tells_of_too(api: Api) -> None:
    theirs = house("9", id="a-copy", meta={"source": "https://ehr.example/fhir/Organization/9"})
    assert api.put("/Organization/a-copy", theirs).status_code == 201
    sent = entry("POST", "Patient", patient(managingOrganization={"reference": f"Organization?identifier={KEY}|9"}))
    for expected in ("Organization/a-copy", "Organization/o9"):
        answer = api.post("", bundle(sent))
        assert answer.status_code == 200, answer.get_json()
        stored = api.get("/" + answer.get_json()["entry"][0]["response"]["location"].split("/fhir/")[1]).get_json()
        assert stored["managingOrganization"]["reference"] == expected
        api.put("/Organization/o9", house("9", id="o9"))


def test_a_condition_that_means_what_another_entry_changes_is_refused(api: Api) -> None:
    api.put("/Organization/o7", house("7", id="o7"))
    for other in (entry("PUT", "Organization/o7", house("7", id="o7", name="I")), entry("DELETE", "Organization/o7")):
        create = entry("POST", "Organization", house("7"), ifNoneExist=f"identifier={KEY}|7")
        assert api.post("", bundle(create, other)).status_code == 400


def test_each_entry_needs_its_own_full_url(api: Api, rows: Callable[[], dict[str, int]]) -> None:
    before = rows()
    for kind in ("transaction", "batch"):
        answer = api.post(
            "", bundle(entry("POST", "Patient", patient(), A), entry("POST", "Patient", patient(), A), kind=kind)
        )
        assert answer.status_code == 400
        assert issues(answer)[0]["expression"] == ["Bundle.entry[1].fullUrl"]
    assert rows() == before
