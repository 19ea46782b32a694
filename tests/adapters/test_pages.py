"""Walking pages as real servers give them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from fhir_adapters import dialects
from fhir_adapters.ehr import Ehr
from fhir_adapters.errors import Elsewhere, Garbled, Loop
from fhir_adapters.http import Http
from fhir_adapters.pages import Found, Leaf, newest, updated, walk
from tests.adapters.little_ehr import LittleEhr, Reply, serving

LIMITS = dialects.load("generic").limits.but({"attempts": 2, "backoff_seconds": 0.01})


@pytest.fixture
def http(little: LittleEhr) -> Iterator[Http]:
    with requests.Session() as session:
        yield Http(Ehr("little", little.base), LIMITS, session)


def read(data: bytes) -> dict[str, Any]:
    value = msgspec.json.decode(data)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def leaves(http: Http) -> list[Leaf]:
    return list(walk(http, "Patient", f"{http.ehr.base_url}/Patient", (), read))


def ids(found: list[Leaf]) -> list[str]:
    return [one.id for leaf in found for one in leaf.found]


def patient(id: str, at: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    return {"resource": {"resourceType": "Patient", "id": id, "meta": {"lastUpdated": at}}}


def page(*entries: dict[str, Any], next: str = "", relation: str = "next") -> Reply:
    link = [{"relation": "self", "url": "x"}, *([{"relation": relation, "url": next}] if next else [])]
    return Reply(document={"resourceType": "Bundle", "type": "searchset", "link": link, "entry": list(entries)})


def test_it_follows_next_links_to_the_end(http: Http, little: LittleEhr) -> None:
    for n in range(8):
        little.put({"resourceType": "Patient", "id": f"p{n}"})
    assert ids(leaves(http)) == [f"p{n}" for n in range(8)]
    assert [leaf.total for leaf in leaves(http)] == [8, 8, 8]


@pytest.mark.parametrize("link", ["?page=2", "Patient?page=2", "/r4/Patient?page=2", "../r4/Patient?page=2"])
def test_a_relative_next_link_is_followed(http: Http, little: LittleEhr, link: str) -> None:
    little.fail("page=2", page(patient("b")))
    little.fail("/r4/Patient?", page(patient("a"), next=link))
    assert ids(leaves(http)) == ["a", "b"]


def test_a_next_link_to_itself_is_a_loop(http: Http, little: LittleEhr) -> None:
    little.fail("Patient", page(patient("a"), next="?page=1"), times=99)
    with pytest.raises(Loop):
        leaves(http)
    assert len(little.asked) == 2


def test_links_that_change_while_the_content_comes_again_are_a_loop(http: Http, little: LittleEhr) -> None:
    for n in range(50):
        little.fail("Patient", page(patient("a"), patient("b"), next=f"?token={n}"))
    with pytest.raises(Loop):
        leaves(http)
    assert len(little.asked) == 3


def test_a_page_that_shifted_by_one_is_no_loop(http: Http, little: LittleEhr) -> None:
    for n, id in enumerate(["a", "a", "b", "b", "c"]):
        little.fail("Patient", page(patient(id), next=f"?page={n}" if id != "c" else ""))
    assert ids(leaves(http)) == ["a", "a", "b", "b", "c"]


def test_a_row_of_empty_pages_is_no_loop(http: Http, little: LittleEhr) -> None:
    for n in range(5):
        little.fail("Patient", page(next=f"?token={n}"))
    little.fail("Patient", page(patient("z")))
    assert ids(leaves(http)) == ["z"]


def test_pages_without_end_are_cut_off(http: Http, little: LittleEhr) -> None:
    http.limits = http.limits.but({"pages": 4})
    for n in range(50):
        little.fail("Patient", page(patient(f"p{n}"), next=f"?token={n}"))
    with pytest.raises(Loop, match="more than 4 pages"):
        leaves(http)


def test_a_next_link_to_another_host_is_not_followed_and_sees_no_token(http: Http, little: LittleEhr) -> None:
    class Token:
        def token(self) -> str:
            return "secret"

        renew = token

    http.bearer = Token()
    with serving(LittleEhr()) as other:
        little.fail("Patient", page(patient("a"), next=f"{other.base}/Patient?page=2"))
        with pytest.raises(Elsewhere):
            leaves(http)
        assert other.asked == []


def test_an_id_that_appears_twice_on_a_page_counts_once_in_its_latest_copy(http: Http, little: LittleEhr) -> None:
    old, new = patient("a", "2026-01-01T00:00:00Z"), patient("a", "2026-01-01T00:00:00.5Z")
    for order in ([old, new], [new, old]):
        little.fail("Patient", page(*order, patient("b")))
        found = leaves(http)
        assert ids(found) == ["a", "b"]
        assert found[0].found[0].resource == new["resource"]


def test_included_resources_and_remarks_are_no_matches(http: Http, little: LittleEhr) -> None:
    remark = {"severity": "warning", "code": "not-supported", "diagnostics": "_count ignored"}
    little.fail(
        "Patient",
        page(
            patient("a"),
            {**patient("b"), "search": {"mode": "include"}},
            {"resource": {"resourceType": "Organization", "id": "o"}, "search": {"mode": "match"}},
            {"resource": {"resourceType": "OperationOutcome", "issue": [remark]}, "search": {"mode": "outcome"}},
            {"fullUrl": "urn:uuid:1"},
        ),
    )
    found = leaves(http)
    assert ids(found) == ["a"]
    assert found[0].notices == ("About Patient the EHR remarks: _count ignored",)


@pytest.mark.parametrize("broken", ["1", '"x"', "[]", "null", '{"resourceType": "Patient"}'])
def test_a_resource_that_can_not_be_used_costs_only_itself(http: Http, little: LittleEhr, broken: str) -> None:
    raw = b'{"resourceType":"Bundle","entry":[{"resource":%s},{"resource":{"resourceType":"Patient","id":"a"}}]}'
    little.fail("Patient", Reply(raw=raw % broken.encode()))
    found = leaves(http)
    assert ids(found) == ["a"]
    assert len(found[0].notices) == 1


def test_what_is_no_bundle_is_not_taken_for_an_empty_one(http: Http, little: LittleEhr) -> None:
    little.fail("Patient", Reply(document={"resourceType": "OperationOutcome", "issue": []}))
    with pytest.raises(Garbled, match="OperationOutcome"):
        leaves(http)


def test_a_page_that_is_broken_json_is_asked_for_again(http: Http, little: LittleEhr) -> None:
    for n in range(5):
        little.put({"resourceType": "Patient", "id": f"p{n}"})
    little.fail("page=3", Reply(raw=b'{"resourceType":"Bundle","entry":[{"resource":{"res'))
    assert ids(leaves(http)) == [f"p{n}" for n in range(5)]


moments = st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
copies = st.lists(st.builds(Found, st.sampled_from("abc"), moments, st.fixed_dictionaries({"n": st.integers()})))


@given(copies)
def test_of_each_id_the_latest_copy_is_kept_in_order_of_first_appearance(found: list[Found]) -> None:
    kept = newest(found)
    assert [one.id for one in kept] == list(dict.fromkeys(one.id for one in found))
    for one in kept:
        times = [other.updated for other in found if other.id == one.id and other.updated]
        assert one.updated == (max(times) if times else None)


@pytest.mark.parametrize(
    "meta", [None, [], "x", {}, {"lastUpdated": 5}, {"lastUpdated": "soon"}, {"lastUpdated": "2026-01-01"},
             {"lastUpdated": "0001-01-01T00:00:00+14:00"}, {"lastUpdated": "9999-12-31T23:00:00-12:00"}],
)  # fmt: skip
def test_a_resource_without_a_readable_time_has_none(meta: Any) -> None:
    assert updated({"meta": meta}) is None


def test_a_time_is_the_same_instant_in_any_zone() -> None:
    one = updated({"meta": {"lastUpdated": "2026-01-01T02:00:00.123+02:00"}})
    assert one == updated({"meta": {"lastUpdated": "2026-01-01T00:00:00.123Z"}})
