"""Thousands of malformed resources, bodies, bundles and queries: each is answered in the API's own words, never with a
500, and what was refused has written nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, currently_in_test_context, event, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from carecoord.fhir.search.params import params
from carecoord.fhir.types import TYPES
from tests.api.conftest import Api, issues, patient, referral

Rows = Callable[[], dict[str, int]]

THOROUGH = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "\0",
        "\ud800",
        "a\tb",
        "2026-13-45",
        "Patient/p",
        "urn:uuid:x",
        "Patient?name=x",
        "http://x/fhir/Patient/1",
        "*",
        "active",
    ]
)
NUMBERS = st.integers() | st.sampled_from([10**400, -(10**30), 2**63]) | st.floats(allow_nan=True)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([
    "id", "meta", "text", "contained", "extension", "modifierExtension", "identifier", "status", "intent", "code",
    "subject", "name", "value", "reference", "period", "start", "end", "coding", "system", "display",
    "valueQuantity", "valueDate", "_status", "birthDate", "_birthDate", "language", "implicitRules",
    "resourceType", "div", "url", "use", "telecom", "category", "item", "entry", "request", "link",
    "multipleBirthInteger", "gender", "active",
])  # fmt: skip
GOOD = [
    patient(id="p"),
    referral("Patient/p", code={"coding": [{"system": "s", "code": "c"}]}, occurrencePeriod={"start": "2026-11-22"}),
    {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "K"},
        "valueQuantity": {"value": 1.5, "unit": "g"},
    },
    {
        "resourceType": "Coverage",
        "status": "active",
        "beneficiary": {"reference": "Patient/p"},
        "payor": [{"display": "x"}],
    },
    {"resourceType": "Basic", "code": {"text": "x"}, "subject": {"reference": "#c"},
     "contained": [{"resourceType": "Patient", "id": "c"}]},
]


@st.composite
def mangled(draw: st.DrawFn) -> Any:
    """A good resource with a few of its parts replaced, renamed, doubled or taken away."""
    resource = json.loads(json.dumps(draw(st.sampled_from(GOOD))))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = resource
        while isinstance(place, dict | list) and place and draw(st.booleans()):
            inner = list(place.values()) if isinstance(place, dict) else place
            place = draw(st.sampled_from(inner))
        if isinstance(place, dict):
            place[draw(NAMES | TEXTS)] = draw(VALUES)
        elif isinstance(place, list):
            place.append(draw(VALUES))
        else:
            resource.pop(draw(st.sampled_from(sorted(resource))), None)
            if not resource:
                break
    return resource


@st.composite
def bundled(draw: st.DrawFn) -> Any:
    """A Bundle of entries, some of them good."""
    entry = st.fixed_dictionaries(
        {},
        optional={
            "fullUrl": TEXTS | VALUES,
            "resource": mangled() | VALUES,
            "request": VALUES
            | st.fixed_dictionaries(
                {
                    "method": st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "get"]) | VALUES,
                    "url": st.sampled_from(["Patient", "Patient/p", "Patient?name=x", "Patient/p/_history", "?", "/"])
                    | TEXTS,
                },
                optional={"ifMatch": TEXTS, "ifNoneExist": TEXTS, "ifNoneMatch": TEXTS},
            ),
        },
    )
    kind = draw(st.sampled_from(["transaction", "batch"]))
    return {"resourceType": "Bundle", "type": kind, "entry": draw(st.lists(entry | VALUES, max_size=3) | VALUES)}


def dump(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def fine(answer: TestResponse) -> bool:
    """Whether it went through; if not, it must have been refused in good order."""
    if currently_in_test_context():
        event(str(answer.status_code))
    assert answer.status_code < 500, answer.get_data()
    if answer.status_code >= 400:
        assert issues(answer)
        return False
    return True


@pytest.mark.parametrize("verb", ["POST", "PUT"])
@THOROUGH
@given(resource=mangled() | VALUES)
def test_no_resource_does_worse_than_being_refused(api: Api, rows: Rows, verb: str, resource: Any) -> None:
    before = rows()
    type = resource.get("resourceType") if isinstance(resource, dict) else None
    path = f"/{type if type in TYPES else 'Patient'}" if isinstance(type, str) else "/Patient"
    answer = api(verb, f"{path}/p" if verb == "PUT" else path, dump(resource))
    if not fine(answer):
        assert rows() == before


@THOROUGH
@given(body=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_body_does_worse_than_being_refused(api: Api, rows: Rows, body: bytes) -> None:
    before = rows()
    assert not fine(api.post("/Patient", body))
    assert not fine(api.post("", body))
    assert not fine(api.put("/Patient/p", body))
    assert rows() == before


@THOROUGH
@given(bundle=bundled())
def test_no_bundle_does_worse_than_being_refused(api: Api, rows: Rows, bundle: Any) -> None:
    before = rows()
    answer = api.post("", dump(bundle))
    if not fine(answer):
        assert rows() == before
    elif bundle["type"] == "batch":
        statuses = [entry["response"]["status"] for entry in answer.get_json().get("entry", ())]
        assert len(statuses) == len(bundle["entry"])
        assert all(status[0] in "24" for status in statuses)


CODES = sorted({code for type in TYPES for code in params(type)})
CONTROLS = [
    "_sort",
    "_count",
    "_include",
    "_revinclude",
    "_summary",
    "_elements",
    "_total",
    "_cursor",
    "_has",
    "_since",
]
MODIFIERS = [
    "",
    ":exact",
    ":missing",
    ":not",
    ":contains",
    ":above",
    ":identifier",
    ":Patient",
    ".name",
    ":iterate",
    ":",
]
ARGUMENTS = st.tuples(
    st.builds(str.__add__, st.sampled_from(CODES + CONTROLS) | TEXTS, st.sampled_from(MODIFIERS) | TEXTS),
    TEXTS
    | st.sampled_from(["true", "ge2026", "ap1e400", "eq2026-02-30", "s|c", "|", "a\\,b", "Patient:x", "-_id", "99999"]),
)


@THOROUGH
@given(
    type=st.sampled_from([*TYPES, "Nonsense", "_history"]),
    pairs=st.lists(ARGUMENTS, max_size=4),
    lenient=st.booleans(),
    tail=st.sampled_from(["", "/_history", "/p", "/p/_history", "/p/_history/1", "/p/Observation", "/p/$clearance"]),
)
def test_no_query_does_worse_than_being_refused(
    api: Api, type: str, pairs: list[tuple[str, str]], lenient: bool, tail: str
) -> None:
    query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)
    fine(api.get(f"/{type}{tail}?{query}", Prefer="handling=lenient" if lenient else "handling=strict"))


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"))


@THOROUGH
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "TRACE"]),
    parts=st.lists(
        TEXTS | st.sampled_from(["Patient", "p", "_history", "_search", "metadata", "$x", "..", "1"]), max_size=5
    ),
    headers=st.dictionaries(
        st.sampled_from(
            ["If-Match", "If-None-Match", "If-None-Exist", "Prefer", "Accept", "Content-Type", "X-Request-Id"]
        ),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
    ),
)
def test_no_address_and_no_header_does_worse_than_being_refused(
    api: Api, rows: Rows, method: str, parts: list[str], headers: dict[str, str]
) -> None:
    before = rows()
    answer = api(method, "/" + "/".join(map(_quoted, parts)), b"{}" if method in ("POST", "PUT") else None, **headers)
    assert answer.status_code < 500 or answer.status_code == 501
    if answer.status_code >= 400:
        assert rows() == before


@pytest.mark.parametrize("depth", [40, 200, 2000, 50_000])
def test_no_depth_does_worse_than_being_refused(api: Api, rows: Rows, depth: int) -> None:
    before = rows()
    for start, end in (('{"extension":[', "]}"), ('{"url":"x","extension":[', "]}"), ("[", "]")):
        deep = start * depth + end * depth
        body = f'{{"resourceType":"Patient","id":"p","extension":[{deep}]}}'
        assert not fine(api.post("/Patient", body))
        assert not fine(api.put("/Patient/p", body))
        entry = f'{{"resource":{body},"request":{{"method":"POST","url":"Patient"}}}}'
        assert not fine(api.post("", f'{{"resourceType":"Bundle","type":"transaction","entry":[{entry}]}}'))
    assert rows() == before


def test_what_the_store_can_not_hold_is_refused_before_it_gets_there(api: Api, rows: Rows, tmp_path: Path) -> None:
    before = rows()
    for value in ("a\0b", "\ud800"):
        assert not fine(api.post("/Patient", dump(patient(name=[{"text": value}]))))
        assert not fine(api.get(f"/Patient?name={_quoted(value)}")) or value != "a\0b"
        assert not fine(api.post("/Patient", patient(), If_None_Exist=f"name={_quoted(value)}")) or value != "a\0b"
    assert rows()["resource"] - before["resource"] <= 1
