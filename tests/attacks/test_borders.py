"""Reads across borders (security.md 1), over HTTP on both databases: a record of another house is planted, and
everybody whom the story knows looks for it by every road. Neither a word of it nor an id comes to anybody, and what
each is told of their own is the same as before it was there: order, counts and pages are no oracles.

Elsewhere: a miss asks as much of the database as what is another's (tests/desk/access/test_misses.py), Consent by
every road (tests/auth/access/test_consents.py), the table of roles (tests/auth/access/test_matrix.py)."""

import base64
import json
import re
from collections.abc import Callable
from urllib.parse import quote

import pytest

from carecoord.fhir.types import TYPES
from tests.attacks.fort import Fort
from tests.attacks.hidden import FOREIGN, MARK, SHARED, WORD, record

HELD = record()
PATIENT = f"{MARK}-ada"
KINDS = tuple(sorted({one["resourceType"] for one in HELD}))
OWN = "eleanor-brandt"
ASKERS: dict[str, Callable[[Fort], str]] = {
    "coordinator of another organization": lambda fort: fort.of("outsider"),
    "payer": lambda fort: fort.of("payer"),
    "contracts": lambda fort: fort.of("contracts"),
    "clinician": lambda fort: fort.of("clinician"),
    "auditor": lambda fort: fort.of("auditor"),
    "admin": lambda fort: fort.of("admin"),
    "patient's app with granular scopes": lambda fort: fort.token(
        "patient/Patient.rs patient/Observation.rs?category=laboratory patient/*.rs", patient=OWN
    ),
    "service with narrow scopes": lambda fort: fort.token(
        f"system/Organization.rs system/Observation.rs?patient=Patient/{OWN} system/List.rs?subject=Patient/{OWN} "
        f"system/Patient.rs?_id={OWN} system/Task.rs?patient=Patient/{OWN} system/Provenance.rs?target=Patient/{OWN}"
    ),
}  # fmt: skip

# What says nothing of a record: asked before it is there and after.
LISTED = [
    f"{kind}?{rest}" for kind in ("Patient", "Observation", "Task", "ServiceRequest", "Claim", "Appointment", "List",
    "Coverage",
                                  "Provenance", "Organization")
    for rest in ("_sort=-_lastUpdated&_count=5", "_sort=_id&_count=5", "_summary=count", "_total=accurate&_count=1")
] + [f"{kind}?_total=accurate&_sort={sort}&_count=7" for kind, sort in (
    ("Patient", "family"), ("Patient", "-birthdate"), ("Observation", "-date"), ("Task", "-authored-on"),
    ("ServiceRequest", "-authored"), ("Appointment", "date"), ("Claim", "-created"))]  # fmt: skip


def asked(fort: Fort, token: str, paths: list[str], kind: str = "batch") -> list[tuple[str, str, str]]:
    """Each path with the status and text that a bundle of GETs brings of it; what the path itself says is left out."""
    entry = [{"request": {"method": "GET", "url": path}} for path in paths]
    answer = fort.ask("POST", "", token, {"resourceType": "Bundle", "type": kind, "entry": entry})
    assert answer.status_code in (200, 400, 403, 404), answer.text[:500]
    if answer.status_code != 200:
        return [("all", str(answer.status_code), _without(answer.text, *paths))]
    told = answer.json()["entry"]
    assert len(told) == len(paths)
    return [
        (path, each["response"]["status"][:3], _without(json.dumps(each, ensure_ascii=False), path))
        for path, each in zip(paths, told, strict=True)
    ]  # fmt: skip


def _without(text: str, *paths: str) -> str:
    """A text without what merely repeats the question."""
    for path in paths:
        for each in {path, quote(path), *re.split(r"[/?&=:|,]", path)} - {""}:
            if MARK in each or WORD in each:
                text = text.replace(each, "")
    return text


@pytest.fixture(scope="module")
def tokens(fort: Fort) -> dict[str, str]:
    return {who: make(fort) for who, make in ASKERS.items()}


@pytest.fixture(scope="module")
def before(fort: Fort, tokens: dict[str, str]) -> dict[str, list[tuple[str, str, str]]]:
    """What each is told of their own while the record is not there."""
    return {who: [_steady(each) for each in asked(fort, token, LISTED)] for who, token in tokens.items()}


@pytest.fixture(scope="module")
def planted(fort: Fort, before: object) -> Fort:
    """The server with the record in it."""
    fort.put(*FOREIGN, *HELD)
    found = fort.ask("GET", f"Patient/{PATIENT}/$everything?_count=200", fort.token()).text
    assert found.count(WORD) > 20, "it is there for who may see it"
    return fort


def _steady(told: tuple[str, str, str]) -> tuple[str, str, str]:
    """Without what differs from one asking to the next: ids of answers, instants, cursors."""
    path, status, text = told
    text = re.sub(r'"(lastUpdated|id)": "[0-9a-f-]{36}"', "", text)
    text = re.sub(r'(_cursor=)[\w.~%-]+', r"\1", text)
    text = re.sub(r'"(timestamp|lastModified)": "[^"]*"|"lastUpdated": "[^"]*"(?=}, "type": "searchset")', "", text)
    return path, status, re.sub(r'("resourceType": "Bundle", )"id": "[^"]*"', r"\1", text)


def roads() -> list[str]:
    """Addresses that lead to the record, if anything lets through."""
    found = []
    for one in HELD:
        kind, id = one["resourceType"], one["id"]
        found += [f"{kind}/{id}", f"{kind}/{id}/_history", f"{kind}/{id}/_history/1",
            f"{kind}?_id={id}&_total=accurate"]
    for kind in KINDS:
        found += [f"{kind}?_count=1000", f"{kind}?_include=*&_revinclude=*&_count=200", f"{kind}/_history?_count=200",
                  f"{kind}?_sort=-_lastUpdated&_count=50"]  # fmt: skip
    found += [f"Patient/{PATIENT}/{kind}"
        for kind in ("Observation", "Task", "List", "Provenance", "Group", "ServiceRequest")]
    order = f"{PATIENT}-servicerequest"
    return [
        *found,
        f"Patient/{PATIENT}/$everything", f"ServiceRequest/{order}/$clearance",
        f"ServiceRequest/{order}/$clearance?asOf=2030-01-01T00:00:00Z", "_history?_count=200",
        f"Patient?name={WORD}&_total=accurate", f"Patient?identifier={SHARED}|{WORD}-1", f"Patient?telecom={WORD}",
        f"Observation?subject:identifier={SHARED}|{WORD}-1", f"Observation?subject:Patient.family={WORD}",
        f"Observation?encounter:Encounter.subject=Patient/{PATIENT}",
        f"Task?focus:ServiceRequest.subject:Patient.family={WORD}",
        f"Provenance?target=Observation/{PATIENT}-observation", f"Provenance?patient={PATIENT}",
        f"AuditEvent?entity=Observation/{PATIENT}-observation", f"AuditEvent?patient={PATIENT}",
        f"List?item=Patient/{PATIENT}",
        f"List?item=Observation/{PATIENT}-observation&_include=List:item", f"Group?member=Patient/{PATIENT}",
        f"Organization?_has:Patient:organization:family={WORD}", f"Organization?_id={MARK}-clinic&_revinclude=*",
        f"Organization?_id={MARK}-clinic&_revinclude=Patient:organization&_revinclude:iterate=Observation:patient",
        f"Patient?_has:Group:member:_id={PATIENT}-group", f"Patient?_has:List:item:_id={PATIENT}-list-bare",
        f"Organization?_has:Task:owner:patient.family={WORD}", "Person?_count=100", f"Person?link=Patient/{PATIENT}",
        "?_type=Patient,Task,Observation&_lastUpdated=ge2026-01-01&_count=200",
    ]  # fmt: skip


@pytest.mark.parametrize("who", ASKERS)
def test_neither_a_word_nor_an_id_of_anothers_record_comes_by_any_road(
    planted: Fort, tokens: dict[str, str], who: str
) -> None:
    trail = who == "auditor"  # who reads AuditEvents, whomever they are about: that is what an auditor is for
    for path, status, text in asked(planted, tokens[who], roads()):
        if trail and path.startswith(("AuditEvent", "_history")):
            continue
        assert status[0] in "24", (path, text[:500])
        assert WORD not in text, (who, path, status, text[:1500])
        places = set(re.findall(rf"[\w/.-]*{MARK}[\w-]*", text)) - {f"{MARK}-clinic", f"{MARK}-payer"}
        places = {place for place in places if not re.search(rf"(^|/){MARK}-(clinic|payer)(/_history/\d+)?$", place)}
        assert not places, (who, path, status, sorted(places)[:9])


@pytest.mark.parametrize("who", ASKERS)
def test_what_is_told_of_ones_own_is_the_same_whether_anothers_record_is_there(
    planted: Fort, tokens: dict[str, str], before: dict[str, list[tuple[str, str, str]]], who: str
) -> None:
    """Order, `_summary=count`, `_total` and how far the pages go."""
    after = [_steady(each) for each in asked(planted, tokens[who], LISTED)]
    differ = [
        (path, was[:1500], now[:1500])
        for (path, _, was), (_, _, now) in zip(before[who], after, strict=True)
        if was != now and not path.startswith("Organization")
    ]
    assert not differ, differ[:2]


@pytest.mark.parametrize("who", ["coordinator of another organization", "payer", "patient's app with granular scopes"])
def test_a_transaction_of_reads_is_no_way_round(planted: Fort, tokens: dict[str, str], who: str) -> None:
    for path in (f"Patient/{PATIENT}", f"Observation?patient={PATIENT}", f"List/{PATIENT}-list-bare",
        f"Task/{PATIENT}-task-bare"):
        for _, _, text in asked(planted, tokens[who], [path], "transaction"):
            assert WORD not in text
            assert MARK not in _without(text, path)


@pytest.mark.parametrize("who", ["coordinator of another organization", "payer", "clinician"])
@pytest.mark.parametrize("headers", [{}, {"If_Match": 'W/"1"'}, {"If_None_Match": "*"}, {"If_Match": 'W/"7"'}])
def test_no_condition_of_a_write_tells_that_a_record_is_there(
    planted: Fort, tokens: dict[str, str], who: str, headers: dict[str, str]
) -> None:
    """A write with a condition, on another's record and on one that never was: the same status and words. Without one,
    whoever may make such a resource under an id of their choice finds out by trying that an id is taken: ours are
    random numbers of 122 bits, which nobody guesses."""
    for one in HELD:
        kind, id = one["resourceType"], one["id"]
        if kind in ("Group", "Basic", "Linkage", "AuditEvent", "Person", "Account", "Binary", "Media"):
            continue
        never = id.replace(MARK, "nul9")
        for method, body in (("PUT", one), ("DELETE", None), ("PATCH", [{"op": "test", "path": "/id", "value": "x"}])):
            kinds = {"Content_Type": "application/json-patch+json"} if method == "PATCH" else {}
            theirs, none = (
                planted.ask(method, f"{kind}/{each}", tokens[who], {**body, "id": each}
                    if isinstance(body, dict) else body,
                            **headers, **kinds)
                for each in (id, never)
            )  # fmt: skip
            told = (theirs.status_code, theirs.text.replace(id, never))
            if method != "PUT" or "If_Match" in headers:
                assert told == (none.status_code, none.text), (method, kind, told, none.status_code, none.text)
            assert {theirs.status_code, none.status_code} <= {403, 404, 405, 412, 422}, (method, kind, told, none.text)


@pytest.mark.parametrize("who", ["coordinator of another organization", "payer", "clinician"])
def test_no_condition_that_finds_tells_that_a_record_is_there(planted: Fort, tokens: dict[str, str], who: str) -> None:
    """Conditional create, update, patch and delete by a search: nothing is found of another's, as of what never was."""
    new = {"resourceType": "Patient", "active": True}
    for query in (f"identifier={SHARED}|{{}}-1", "name={}", "_has:Observation:patient:code:text={}"):
        answers = []
        for word in (WORD, "Nobodysname"):
            condition = query.format(word)
            told = [
                planted.ask("POST", "Patient", tokens[who], new, If_None_Exist=condition),
                planted.ask("PUT", f"Patient?{condition}", tokens[who], new),
                planted.ask("DELETE", f"Patient?{condition}", tokens[who]),
            ]
            answers.append([(each.status_code,
                re.sub(r"[0-9a-f-]{36}|[\d:T.+-]{20,}", "", each.text.replace(word, ""))) for each in told])
        assert answers[0] == answers[1], query


def test_a_link_to_the_next_page_is_worth_to_another_what_their_own_search_is(planted: Fort,
    tokens: dict[str, str]) -> None:
    mine = planted.of("coordinator")
    first = planted.ask("GET", "Task?_count=3&_sort=-_lastUpdated", mine).json()
    after = next(link["url"] for link in first["link"] if link["relation"] == "next")
    path = after.partition("/fhir/")[2]
    second = planted.ask("GET", path, mine).json()
    assert len(second["entry"]) == 3
    for who, token in tokens.items():
        answer = planted.ask("GET", path, token)
        assert answer.status_code in (200, 400, 403), who
        given = {e["resource"]["id"] for e in answer.json().get("entry", ()) if e["resource"]["resourceType"] == "Task"}
        own = {e["resource"]["id"] for e in planted.ask("GET", "Task?_count=1000", token).json().get("entry", ())}
        assert given <= own, who


@pytest.mark.parametrize("who", ASKERS)
def test_a_link_within_a_history_tells_of_nothing_that_its_holder_does_not_read(
    planted: Fort, tokens: dict[str, str], who: str
) -> None:
    """The word of a page of a history is no secret: anybody can write one, of any id. One of a record that is there is
    answered as one of a record that never was."""
    for kind in KINDS:
        held = next(one["id"] for one in HELD if one["resourceType"] == kind)
        answers = []
        for id in (held, held.replace(MARK, "nev9")):
            word = base64.urlsafe_b64encode(json.dumps([kind, id, 1]).encode()).decode().rstrip("=")
            answer = planted.ask("GET", f"{kind}/_history?_cursor={word}", tokens[who])
            answers.append((answer.status_code, _without(answer.text, word)))
        if answers[0][0] == 200:  # nothing narrows who asks: it is theirs to read
            assert planted.ask("GET", f"{kind}/{held}", tokens[who]).status_code == 200
        else:
            assert answers[0] == answers[1], kind


def test_a_consent_closes_the_versions_and_answers_from_before_it(planted: Fort) -> None:
    """vread, history and as-of are judged by the Consent of now: what could be read yesterday is closed today."""
    office, id = {"reference": "Organization/office-fairmont"}, "consent-attack"
    who, of = {"reference": f"Patient/{id}"}, {"status": "active", "intent": "order"}
    planted.put(
        {"resourceType": "Patient", "id": id, "name": [{"family": WORD}], "managingOrganization": office},
        {"resourceType": "ServiceRequest", "id": f"{id}-order", **of, "subject": who, "requester": office,
        "code": {"text": WORD},
         "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}],
         "performer": [{"reference": "Organization/riverside-heart"}]},
        {"resourceType": "Task", "id": f"{id}-task", "status": "requested", "intent": "order", "for": who,
        "requester": office,
         "focus": {"reference": f"ServiceRequest/{id}-order"}, "owner": {"reference": "Organization/riverside-heart"},
         "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]}},
    )  # fmt: skip
    token = planted.of("coordinator")
    instant = planted.world.clock().isoformat().replace("+00:00", "Z")
    paths = [
        f"Patient/{id}", f"Patient/{id}/_history/1", f"Patient/{id}/_history", f"ServiceRequest/{id}-order/_history/1",
        f"ServiceRequest/{id}-order/$clearance", f"ServiceRequest/{id}-order/$clearance?asOf={instant}",
        f"Patient/{id}/$everything",
        f"Task/{id}-task/_history/1",
    ]  # fmt: skip
    assert {path: planted.ask("GET", path, token).status_code for path in paths} == dict.fromkeys(paths, 200)
    with planted.enter("coordinator") as browser:
        assert WORD in browser.get(f"{planted.url}/referrals/{id}-order", timeout=60).text
        planted.put({
            "resourceType": "Consent", "id": f"{id}-no", "status": "active", "patient": who,
            "provision": {"type": "deny"},
            "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope",
            "code": "patient-privacy"}]},
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
            "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN"}]},
        })  # fmt: skip
        for path in paths:
            answer = planted.ask("GET", path, token)
            assert answer.status_code in (403, 404), (path, answer.text[:300])
            assert WORD not in answer.text
        for path in (f"/referrals/{id}-order", f"/?show={id}-order", f"/patients/{id}", f"/?q={WORD}", "/worklist.csv"):
            assert "of the hidden" not in browser.get(planted.url + path, timeout=60).text
            assert f">{WORD}" not in browser.get(planted.url + path, timeout=60).text, path


def test_the_roads_above_lead_to_every_type_that_there_is_a_record_of() -> None:
    assert set(KINDS) <= set(TYPES)
    assert len(HELD) > 40
