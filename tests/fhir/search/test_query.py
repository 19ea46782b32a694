"""Reading the arguments of a search: FHIR R4 search.html."""

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.errors import Invalid, NotFound
from carecoord.fhir.search.criteria import MOST_RANGES, MOST_VALUES, Chain, Has, Term
from carecoord.fhir.search.operands import Absent, Amount, Code, Pair, Place, Span, Target, Words, parts, plain
from carecoord.fhir.search.params import params
from carecoord.fhir.search.query import EVERYTHING, NOTHING, limits, parse
from carecoord.fhir.service_base import Base

BASE = "https://here.example/fhir"
HERE = Base(BASE, UTC)


def term(type: str, name: str, value: str) -> Term:
    (criterion,) = parse(type, [(name, value)], HERE, strict=True).criteria
    assert isinstance(criterion, Term)
    return criterion


def refused(type: str, *pairs: tuple[str, str]) -> Invalid:
    with pytest.raises(Invalid) as caught:
        parse(type, pairs, HERE, strict=True)
    return caught.value


@pytest.mark.parametrize(
    ("value", "operands"),
    [
        ("a", [Code(None, "a")]),
        ("s|a", [Code("s", "a")]),
        ("|a", [Code("", "a")]),
        ("s|", [Code("s", None)]),
        ("a,s|b", [Code(None, "a"), Code("s", "b")]),
        ("a,a", [Code(None, "a")]),
        (r"a\,b\|c", [Code(None, "a,b|c")]),
        (r"s|a\\", [Code("s", "a\\")]),
        ("s|a|b", [Code("s", "a|b")]),
    ],
)
def test_tokens(value: str, operands: list[Code]) -> None:
    assert list(term("Task", "code", value).operands) == operands


@pytest.mark.parametrize(
    ("type", "name", "value", "operands"),
    [
        ("Patient", "gender", "http://hl7.org/fhir/administrative-gender|male", [Code("", "male")]),
        ("Patient", "gender", "http://hl7.org/fhir/administrative-gender|nonsense",
         [Code("http://hl7.org/fhir/administrative-gender", "nonsense")]),
        ("Patient", "gender", "http://hl7.org/fhir/administrative-gender|",
         [Code("", "female"), Code("", "male"), Code("", "other"), Code("", "unknown")]),
        ("Patient", "gender", "http://x.example|male", [Code("http://x.example", "male")]),
        ("Task", "status", "http://hl7.org/fhir/task-status|draft,http://hl7.org/fhir/task-status|failed",
         [Code("", "draft"), Code("", "failed")]),
        ("Patient", "active", "http://terminology.hl7.org/CodeSystem/special-values|true", [Code("", "true")]),
        ("DocumentReference", "contenttype", "urn:ietf:bcp:13|text/plain", [Code("", "text/plain")]),
        ("Task", "code", "http://hl7.org/fhir/task-status|draft", [Code("http://hl7.org/fhir/task-status", "draft")]),
    ],
)  # fmt: skip
def test_a_code_element_has_the_system_of_its_value_set(type: str, name: str, value: str, operands: list[Code]) -> None:
    assert list(term(type, name, value).operands) == operands


def test_a_code_within_a_pair_has_the_system_of_its_value_set() -> None:
    value = "DocumentReference/1$http://hl7.org/fhir/document-relationship-type|appends"
    (pair,) = term("DocumentReference", "relationship", value).operands
    assert pair == Pair(Target("DocumentReference", "1", ""), Code("", "appends"))


@pytest.mark.parametrize(
    ("value", "operand"),
    [
        ("100", Amount("eq", 100, 99.5, 100.5)),
        ("100.00", Amount("eq", 100, 99.995, 100.005)),
        ("1e2", Amount("eq", 100, 50, 150)),
        ("-0.5", Amount("eq", -0.5, -0.55, -0.45)),
        ("5.4|http://unitsofmeasure.org|mg", Amount("eq", 5.4, 5.35, 5.45, "http://unitsofmeasure.org", "mg")),
        ("gt5.4||mg", Amount("gt", 5.4, 5.35, 5.45, None, "mg")),
        ("ap100", Amount("ap", 100, 90, 110)),
        ("ap1", Amount("ap", 1, 0.5, 1.5)),
    ],
)
def test_quantities_imply_a_range_by_their_digits(value: str, operand: Amount) -> None:
    assert term("Observation", "value-quantity", value).operands == (operand,)


def test_dates_are_ranges_behind_a_prefix() -> None:
    day = 86_400_000_000
    assert term("Task", "modified", "1970-01-02").operands == (Span("eq", day, 2 * day),)
    assert term("Task", "modified", "ge1970-01-02").operands == (Span("ge", day, 2 * day),)
    assert term("Task", "modified", "ap1970-01-03").operands == (Span("ap", day, 4 * day),)
    assert term("Task", "modified", "1970-01-01T01:00:00 01:00").operands == (Span("eq", 0, 1_000_000),)


@pytest.mark.parametrize(
    ("name", "value", "operand"),
    [
        ("focus", "1", Target(None, "1", "")),
        ("focus", "Claim/1", Target("Claim", "1", "")),
        ("focus:Claim", "1", Target("Claim", "1", "")),
        ("patient", "1", Target("Patient", "1", "")),
        ("focus", f"{BASE}/Claim/1", Target("Claim", "1", "")),
        ("focus", "Claim/1/_history/2", Target("Claim", "1", "")),
        ("focus", "https://there.example/Claim/1/_history/2", Target(None, "", "https://there.example/Claim/1")),
        ("focus", "urn:uuid:1", Target(None, "", "urn:uuid:1")),
        ("focus:identifier", "s|1", Code("s", "1")),
        ("focus:missing", "true", Absent(True)),
    ],
)
def test_references(name: str, value: str, operand: Any) -> None:
    assert term("Task", name, value).operands == (operand,)


def test_a_place_and_a_distance() -> None:
    assert term("Location", "near", "40.7|-74|10|km").operands == (Place(40.7, -74.0, 10.0),)
    assert term("Location", "near", "40.7|-74").operands == (Place(40.7, -74.0, 50.0),)


def test_a_chain_without_a_type_goes_to_every_type_that_has_the_parameter() -> None:
    (chain,) = parse("ServiceRequest", [("subject.name", "x")], HERE, strict=True).criteria
    assert isinstance(chain, Chain)
    assert {type for type, _ in chain.branches} == {"Patient", "Location"}
    (deep,) = parse("Task", [("focus:ServiceRequest.subject:Patient.name:exact", "x")], HERE, strict=True).criteria
    assert isinstance(deep, Chain)
    ((_, inner),) = deep.branches
    assert isinstance(inner, Chain)
    ((_, last),) = inner.branches
    assert last == Term(params("Patient")["name"], "exact", (Words("x"),))


def test_has_can_be_nested_and_chained() -> None:
    name = "_has:ServiceRequest:subject:_has:Task:focus:owner:Organization.name"
    (has,) = parse("Patient", [(name, "x")], HERE, strict=True).criteria
    assert isinstance(has, Has)
    assert isinstance(has.criterion, Has)
    assert isinstance(has.criterion.criterion, Chain)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("nonsense", "x", "ServiceRequest has no search parameter 'nonsense'; it has _id"),
        ("status:in", "http://vs", "needs a terminology server"),
        ("code:not-in", "http://vs", "needs a terminology server"),
        ("code:above", "x", "needs the hierarchy"),
        ("code:below", "x", "needs the hierarchy"),
        ("identifier:of-type", "s|c|v", "search by system|value instead"),
        ("status:exact", "active", "takes no modifier 'exact'; it takes missing, not, text"),
        ("subject:Practitioner", "1", "takes no modifier 'Practitioner'"),
        ("authored:not", "2020", "takes no modifier 'not'"),
        ("status:missing", "yes", "is true or false"),
        ("status", "a,,b", "empty value"),
        ("code", "|", "A token needs a code or a system"),
        ("authored", "2020-02-30", "not a day"),
        ("authored", "soon", "is not a date"),
        ("authored", "xx2020", "is not a date"),
        ("subject", "Patient/", "is no reference"),
        ("subject", "Claim/1", "does not refer to Claim, but to Device, Group, Location, Patient"),
        ("subject:Patient", "Group/1", "can not be"),
        ("subject.nonsense", "x", "has no search parameter 'nonsense'"),
        ("subject:Claim.use", "x", "does not refer to 'Claim'"),
        ("status.name", "x", "is a token, not a reference"),
        ("_has:Task", "x", "Write _has:Type:reference:parameter=value"),
        ("_has:Nothing:focus:status", "x", "is not a resource type"),
        ("_has:Task:status:status", "x", "does not refer to ServiceRequest"),
        ("_has:Patient:general-practitioner:name", "x", "does not refer to ServiceRequest"),
        ("_id:missing", "true", "is never missing"),
        ("_lastUpdated:missing", "true", "is never missing"),
        ("status", "a\0", "can not hold a NUL"),
        ("_sort", "nonsense", "to sort by"),
        ("_count", "-1", "is a whole number"),
        ("_count", "9" * 30, "is a whole number"),
        ("_summary", "maybe", "is one of true, text, data, count, false"),
        ("_total", "roughly", "is one of none, estimate, accurate"),
        ("_contained", "true", "Contained resources are not searched"),
        ("_include", "Task:focus", "_include:iterate=Task:focus"),
        ("_include", "ServiceRequest:status", "not a reference"),
        ("_include", "ServiceRequest:nonsense", "to follow"),
        ("_include:recurse", "ServiceRequest:subject", "takes the modifier iterate"),
        ("_include", "ServiceRequest:subject:Nothing", "is not a resource type"),
        ("_revinclude", "Coverage:payor", "does not refer to ServiceRequest"),
        ("_revinclude", "Task:focus:Claim", "does not refer to ServiceRequest"),
        ("focus" + ".part-of" * 20, "x", "has no search parameter 'focus'"),
        ("status", ",".join(map(str, range(MOST_VALUES + 1))), "at most 500"),
        ("authored", ",".join(str(2000 + n) for n in range(MOST_RANGES + 1)), "at most 50"),
        ("identifier", ",".join(f"s{n}|a" for n in range(MOST_RANGES + 1)), "more than 50 systems"),
    ],
)
def test_it_refuses_and_says_what_would_be_right(name: str, value: str, says: str) -> None:
    problem = refused("ServiceRequest", (name, value))
    assert says in problem.text
    assert problem.where == f"http.{name}"


def test_a_chain_without_end_is_refused() -> None:
    problem = refused("Task", ("part-of." * 20 + "status", "x"))
    assert "8 hops" in problem.text


def test_a_chain_that_may_go_anywhere_must_name_a_type() -> None:
    assert "name one, such as focus:" in refused("Task", ("focus.identifier", "x")).text


@pytest.mark.parametrize("name", ["_count", "_sort", "_summary", "_total", "_elements", "_cursor"])
def test_what_is_given_once_may_not_be_given_twice(name: str) -> None:
    value = {"_sort": "status", "_summary": "count", "_total": "none", "_count": "1"}.get(name, "x")
    assert "twice" in refused("Task", (name, value), (name, value)).text


def test_elements_and_summary_exclude_each_other() -> None:
    assert "together" in refused("Task", ("_elements", "status"), ("_summary", "data")).text


def test_too_many_arguments_are_refused() -> None:
    assert "60 arguments" in refused("Task", *[("status", "x")] * 61).text


def test_a_type_that_is_not_ours_is_not_found() -> None:
    with pytest.raises(NotFound):
        parse("Nothing", [], HERE, strict=True)


def test_a_lenient_search_passes_over_what_it_does_not_know_and_says_so() -> None:
    pairs = [("nonsense", "x"), ("status", "active"), ("_sort", "nonsense"), ("_include", "Task:nonsense")]
    search = parse("Task", pairs, HERE, strict=False)
    assert len(search.criteria) == 1
    assert search.pairs == (("status", "active"),)
    assert [issue.where for issue in search.warnings] == ["http.nonsense", "http._sort", "http._include"]
    assert {(issue.severity, issue.code) for issue in search.warnings} == {("warning", "not-supported")}
    with pytest.raises(Invalid):
        parse("Task", [("modified", "soon")], HERE, strict=False)


def test_the_shape_of_the_answer_is_read() -> None:
    pairs = [("_count", "7"), ("_total", "accurate"), ("_elements", "status,code"), ("_sort", "-modified,_id")]
    search = parse("Task", [*pairs, ("_summary", "false"), ("_cursor", "w")], HERE, strict=True)
    assert (search.count, search.total, search.summary, search.elements) == (7, "accurate", None, ("status", "code"))
    assert [(sort.param.code, sort.descending) for sort in search.sorts] == [("modified", True), ("_id", False)]
    assert search.cursor == "w"
    assert search.asked == (("_sort", "-modified,_id"),)


def test_a_filter_of_alternatives() -> None:
    assert limits("Task", None, HERE) == NOTHING
    assert limits("Task", ((),), HERE) == EVERYTHING
    ways = ((("status", "a"), ("code", "b")), (("owner", "Organization/1"),))
    ((first, second), (other,)) = limits("Task", ways, HERE)
    assert [c.param.code for c in (first, second, other) if isinstance(c, Term)] == ["status", "code", "owner"]
    with pytest.raises(Invalid):
        limits("Task", ((("nonsense", "x"),),), HERE)


@given(st.lists(st.text(alphabet=r"ab,$|\ ", max_size=6), min_size=1, max_size=5))
def test_escaped_values_survive_the_list_they_are_in(values: list[str]) -> None:
    def escaped(value: str) -> str:
        for mark in ("\\", ",", "$", "|"):
            value = value.replace(mark, "\\" + mark)
        return value

    assert [plain(part) for part in parts(",".join(map(escaped, values)), ",")] == values
