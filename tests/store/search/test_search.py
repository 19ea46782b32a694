"""What each kind of search argument finds: FHIR R4 search.html, by example."""

import base64
from collections.abc import Callable, Iterator
from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carecoord.errors import Invalid
from carecoord.fhir.search.criteria import MOST_RANGES, MOST_VALUES
from carecoord.fhir.search.params import params
from carecoord.fhir.search.query import EVERYTHING, NOTHING, Filter, limits, parse
from carecoord.fhir.types import TYPES
from carecoord.store.database.engine import open_engine, reading
from carecoord.store.resources import read
from carecoord.store.resources.write import Change
from carecoord.store.search import include
from carecoord.store.search.search import find, visible
from tests.conftest import DATABASES
from tests.store.conftest import BASE, HERE, Store


def put(store: Store, type: str, **by_id: dict[str, Any]) -> None:
    store.put_all(*(Change(type, id, {"resourceType": type, "id": id, **rest}) for id, rest in by_id.items()))


def quantity(value: str | float, code: str = "mg", system: str = "http://unitsofmeasure.org") -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "unit": code, "system": system, "code": code}}


@pytest.fixture(scope="module", params=DATABASES)
def empty(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[Store]:
    engine = open_engine(new_database(request.param))
    yield Store(engine)
    engine.dispose()


@pytest.fixture(scope="module", params=DATABASES)
def people(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[Store]:
    engine = open_engine(new_database(request.param))
    store = Store(engine)
    put(
        store,
        "Patient",
        ann={"name": [{"family": "Müller", "given": ["Ann Marie"]}], "birthDate": "1980-05-05", "active": True},
        bob={"name": [{"family": "Mueller"}], "birthDate": "1980-06", "telecom": [{"system": "phone", "value": "555"}]},
        cy={"name": [{"text": "Cy  Muller"}], "birthDate": "1981", "address": [{"city": "100%_~Town"}]},
        dee={"identifier": [{"system": "urn:mrn", "value": "a,b|c$d\\e"}, {"value": "bare"}]},
    )
    yield store
    engine.dispose()


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("name=mull", ["ann"]),  # begins with, whatever the case and the accents
        ("name=CY MÜLL", ["cy"]),
        ("family=muller,mueller", ["ann", "bob"]),
        ("name=marie", []),
        ("given=ann marie", ["ann"]),
        ("name:contains=ull", ["ann", "cy"]),
        ("name:contains=LLER", ["ann", "bob", "cy"]),
        ("name:exact=Müller", ["ann"]),
        ("name:exact=müller", []),
        ("name:exact=Muller", []),
        ("address-city:contains=%_~", ["cy"]),
        ("address-city:contains=_%", []),
        ("birthdate=1980", ["ann", "bob"]),
        ("birthdate=1980-05", ["ann"]),
        ("birthdate=1980-06-01", []),  # a month is not inside a day
        ("birthdate=ne1980", ["cy"]),
        ("birthdate=gt1980-05", ["bob", "cy"]),
        ("birthdate=ge1980-06-15", ["bob", "cy"]),
        ("birthdate=lt1980-06", ["ann"]),
        ("birthdate=le1980-06-15", ["ann", "bob"]),
        ("birthdate=sa1980-05", ["bob", "cy"]),
        ("birthdate=eb1980-06-15", ["ann"]),
        ("birthdate=ap1980-06", ["ann", "bob"]),
        ("birthdate=ge1980&birthdate=le1980-12-31", ["ann", "bob"]),
        ("birthdate:missing=true", ["dee"]),
        ("active=true", ["ann"]),
        ("active:not=true", ["bob", "cy", "dee"]),
        ("phone=555", ["bob"]),
        (r"identifier=urn:mrn|a\,b\|c\$d\\e", ["dee"]),
        (r"identifier=a\,b\|c\$d\\e", ["dee"]),
        ("identifier=|bare", ["dee"]),
        ("identifier=bare", ["dee"]),
        ("identifier=urn:mrn|bare", []),
        ("identifier=urn:mrn|", ["dee"]),
        ("_id=ann,dee,nobody", ["ann", "dee"]),
        ("_id:not=ann,dee", ["bob", "cy"]),
        ("_lastUpdated=2026-11-22", ["ann", "bob", "cy", "dee"]),
        ("_lastUpdated=lt2026-11-22T09:30:00Z", []),
        ("_lastUpdated=ge2026-11-22T09:30:00.000Z", ["ann", "bob", "cy", "dee"]),
        ("_lastUpdated=ne2026-11-22", []),
    ],
)
def test_arguments_of_a_patient(people: Store, query: str, ids: list[str]) -> None:
    assert people.ids(f"Patient?{query}") == ids


@pytest.mark.parametrize("letter", ["a", "𐍈"])
def test_a_long_beginning_is_compared_to_its_end(store: Store, letter: str) -> None:
    def called(text: str) -> dict[str, Any]:
        return {"name": [{"family": text}]}

    long = {"b": called(letter * 450 + "b"), "c": called(letter * 450 + "c" * 300)}
    put(store, "Patient", **long, s=called(letter * 120 + "s"))
    assert store.ids(f"Patient?family={letter * 450}b") == ["b"]
    assert store.ids(f"Patient?family={letter * 449}d") == []
    assert store.ids(f"Patient?family={letter * 450}c{'c' * 200}") == ["c"]
    assert store.ids(f"Patient?family={letter * 120}s") == ["s"]
    assert store.ids(f"Patient?family={letter * 120}") == ["b", "c", "s"]
    assert store.ids(f"Patient?family={letter * 110},x") == ["b", "c", "s"]


def test_quantities_count_to_the_precision_that_was_asked(store: Store) -> None:
    put(
        store,
        "Observation",
        low=quantity(D("5.34")),
        near=quantity(D("5.36")),
        same=quantity(D("5.40")),
        grams=quantity(D("5.4"), "g"),
        under={"valueQuantity": {"value": D("5.0"), "comparator": "<", "unit": "mg"}},
        named={"valueQuantity": {"value": D("5.4"), "unit": "mg"}},
    )
    ucum = "http://unitsofmeasure.org"
    assert store.ids(f"Observation?value-quantity=5.4|{ucum}|mg") == ["near", "same"]
    assert store.ids(f"Observation?value-quantity=5.40|{ucum}|mg") == ["same"]
    assert store.ids("Observation?value-quantity=5.4||mg") == ["near", "same", "named"]
    assert store.ids("Observation?value-quantity=5.4") == ["near", "same", "grams", "named"]
    assert store.ids(f"Observation?value-quantity=gt5.36|{ucum}|mg") == ["same"]
    assert store.ids(f"Observation?value-quantity=ge5.36|{ucum}|mg") == ["near", "same"]
    assert store.ids("Observation?value-quantity=lt5.34||mg") == ["under"]
    assert store.ids("Observation?value-quantity=le5.34||mg") == ["low", "under"]
    assert store.ids("Observation?value-quantity=eb5.35||mg") == ["low", "under"]
    assert store.ids("Observation?value-quantity=sa5.35||mg") == ["near", "same", "named"]
    assert store.ids("Observation?value-quantity=ne5.4||mg") == ["low", "under"]
    assert store.ids("Observation?value-quantity=ap5||mg") == ["low", "near", "same", "under", "named"]
    assert store.ids("Observation?_sort=value-quantity&value-quantity=ge5.34||g") == ["grams"]


def test_pairs_match_within_one_element(store: Store) -> None:
    def blood(systolic: int, diastolic: int) -> dict[str, Any]:
        def part(code: str, value: int) -> dict[str, Any]:
            return {"code": {"coding": [{"system": "l", "code": code}]}, **quantity(value, "mm[Hg]")}

        return {"component": [part("8480-6", systolic), part("8462-4", diastolic)]}

    put(store, "Observation", high=blood(160, 90), low=blood(100, 60), odd=blood(90, 160))
    assert store.ids("Observation?component-code-value-quantity=8480-6$gt150") == ["high"]
    assert store.ids("Observation?component-code-value-quantity=l|8462-4$gt80") == ["high", "odd"]
    assert store.ids("Observation?component-code-value-quantity=8480-6$gt150,8480-6$lt95") == ["high", "odd"]
    said = {"code": {"coding": [{"code": "c"}]}}
    put(store, "Observation", s={**said, "valueString": "Très bien"}, d={**said, "valueDateTime": "2024-03-05"})
    put(store, "Observation", k={**said, "valueCodeableConcept": {"coding": [{"system": "x", "code": "y"}]}})
    assert store.ids("Observation?code-value-string=c$tres") == ["s"]
    assert store.ids("Observation?code-value-date=c$2024-03") == ["d"]
    assert store.ids("Observation?code-value-concept=c$x|y") == ["k"]
    link = {"relatesTo": [{"code": "replaces", "target": {"reference": "DocumentReference/old"}}]}
    put(store, "DocumentReference", new=link, other={"relatesTo": [{**link["relatesTo"][0], "code": "signs"}]})
    assert store.ids("DocumentReference?relationship=DocumentReference/old$replaces") == ["new"]


def test_references_by_id_type_url_and_identifier(store: Store) -> None:
    put(
        store,
        "Task",
        local={"focus": {"reference": "ServiceRequest/1"}},
        absolute={"focus": {"reference": f"{BASE}/ServiceRequest/1/_history/3"}},
        other={"focus": {"reference": "Claim/1"}},
        away={"focus": {"reference": "https://there.example/fhir/ServiceRequest/1"}},
        logical={"focus": {"identifier": {"system": "urn:r", "value": "R-1"}, "display": "x"}},
        canonical={"instantiatesCanonical": "http://plans.example/a|2.0"},
    )
    assert store.ids("Task?focus=ServiceRequest/1") == ["local", "absolute"]
    assert store.ids(f"Task?focus={BASE}/ServiceRequest/1") == ["local", "absolute"]
    assert store.ids("Task?focus=1") == ["local", "absolute", "other"]
    assert store.ids("Task?focus:Claim=1") == ["other"]
    assert store.ids("Task?focus:ServiceRequest=1") == ["local", "absolute"]
    assert store.ids("Task?focus=https://there.example/fhir/ServiceRequest/1") == ["away"]
    assert store.ids("Task?focus:identifier=urn:r|R-1") == ["logical"]
    assert store.ids("Task?focus:identifier=R-1") == ["logical"]
    assert store.ids("Task?focus:missing=true") == ["canonical"]
    put(store, "QuestionnaireResponse", q={"questionnaire": "http://forms.example/a|2.0"})
    for asked in ("http://forms.example/a", "http://forms.example/a|2.0"):
        assert store.ids(f"QuestionnaireResponse?questionnaire={asked}") == ["q"]
    assert store.ids("QuestionnaireResponse?questionnaire=http://forms.example/a|3.0") == []


def test_uris_whole_above_and_below(store: Store) -> None:
    put(store, "PlanDefinition", a={"url": "http://x.example/fhir/a"}, b={"url": "http://x.example/fhir/a/b"})
    assert store.ids("PlanDefinition?url=http://x.example/fhir/a") == ["a"]
    assert store.ids("PlanDefinition?url:below=http://x.example/fhir/") == ["a", "b"]
    assert store.ids("PlanDefinition?url:above=http://x.example/fhir/a/b/c") == ["a", "b"]
    put(
        store,
        "Patient",
        t={"meta": {"tag": [{"system": "t", "code": "x"}], "profile": ["http://p.example"], "source": "urn:s"}},
    )
    for query in ("_tag=t|x", "_profile=http://p.example", "_source=urn:s", "_tag:not=y", "_security:missing=true"):
        assert store.ids(f"Patient?{query}") == ["t"]


def test_the_words_beside_a_code(store: Store) -> None:
    put(
        store,
        "Condition",
        a={"code": {"text": "Heart failure"}},
        b={"code": {"coding": [{"code": "x", "display": "Héart"}]}},
    )
    assert store.ids("Condition?code:text=heart") == ["a", "b"]
    assert store.ids("Condition?code:missing=true") == []


def test_places_near_a_point(store: Store) -> None:
    put(
        store,
        "Location",
        here={"position": {"latitude": 40.71, "longitude": -74.00}},
        near={"position": {"latitude": 40.75, "longitude": -74.00}},  # 4.4 km north
        far={"position": {"latitude": 41.70, "longitude": -74.00}},
    )
    assert store.ids("Location?near=40.71|-74.0|1|km") == ["here"]
    assert store.ids("Location?near=40.71|-74.0|5") == ["here", "near"]
    assert store.ids("Location?near=40.71|-74.0|3|[mi_us]") == ["here", "near"]
    assert store.ids("Location?near=40.71|-74.0|2|[mi_us]") == ["here"]


@pytest.fixture
def referrals(store: Store) -> Store:
    put(store, "Organization", north={"name": "North Clinic"}, south={"name": "South Clinic"})
    put(
        store,
        "Patient",
        ann={"name": [{"family": "Ade"}], "managingOrganization": {"reference": "Organization/north"}},
        bob={"name": [{"family": "Bell"}], "managingOrganization": {"reference": "Organization/south"}},
    )
    for id, who in (("r1", "ann"), ("r2", "bob"), ("r3", "ann")):
        put(store, "ServiceRequest", **{id: {"status": "active", "subject": {"reference": f"Patient/{who}"}}})
    put(
        store,
        "Task",
        t1={
            "focus": {"reference": "ServiceRequest/r1"},
            "status": "requested",
            "owner": {"reference": "Organization/south"},
        },
        t2={"focus": {"reference": "ServiceRequest/r2"}, "status": "completed"},
        t3={"partOf": [{"reference": "Task/t1"}], "status": "draft"},
    )
    return store


def test_chains_go_as_deep_as_they_are_written(referrals: Store) -> None:
    assert referrals.ids("ServiceRequest?subject:Patient.family=ade") == ["r1", "r3"]
    assert referrals.ids("ServiceRequest?patient.organization.name=south") == ["r2"]
    assert referrals.ids("Task?focus:ServiceRequest.subject:Patient.organization.name=north") == ["t1"]
    assert referrals.ids("Task?part-of.focus:ServiceRequest.patient.family=ade") == ["t3"]


def test_has_asks_what_points_here(referrals: Store) -> None:
    assert referrals.ids("ServiceRequest?_has:Task:focus:status=requested") == ["r1"]
    assert referrals.ids("Patient?_has:ServiceRequest:subject:_has:Task:focus:status=completed") == ["bob"]
    assert referrals.ids("Organization?_has:Patient:organization:_has:ServiceRequest:patient:status=active") == [
        "north",
        "south",
    ]
    assert referrals.ids("ServiceRequest?subject:Patient._has:ServiceRequest:subject:_id=r3") == ["r1", "r3"]
    assert referrals.ids("Organization?_has:Task:owner:focus:ServiceRequest.subject:Patient.family=ade") == ["south"]


def included(store: Store, query: str, may: Any = lambda _: EVERYTHING) -> list[str]:
    return sorted(f"{row.type}/{row.id}" for row in store.page(query, may).included)


def test_includes_follow_references_once(referrals: Store) -> None:
    assert included(referrals, "ServiceRequest?_include=ServiceRequest:subject") == ["Patient/ann", "Patient/bob"]
    assert included(referrals, "ServiceRequest?_include=ServiceRequest:subject:Group") == []
    everything = ["Patient/ann", "Patient/bob"]
    assert included(referrals, "ServiceRequest?_include=*") == everything
    assert included(referrals, "ServiceRequest?_include=ServiceRequest:*") == everything
    deep = "ServiceRequest?_id=r1&_include=ServiceRequest:subject&_include:iterate=Patient:organization"
    assert included(referrals, deep) == ["Organization/north", "Patient/ann"]


def test_reverse_includes_follow_what_points_here(referrals: Store) -> None:
    assert included(referrals, "ServiceRequest?_id=r1&_revinclude=Task:focus") == ["Task/t1"]
    assert included(referrals, "Patient?_id=ann&_revinclude=*") == ["ServiceRequest/r1", "ServiceRequest/r3"]
    deep = "ServiceRequest?_id=r1&_revinclude=Task:focus&_revinclude:iterate=Task:part-of"
    assert included(referrals, deep) == ["Task/t1", "Task/t3"]


def test_what_was_found_is_not_included_again(referrals: Store) -> None:
    put(referrals, "Task", t4={"partOf": [{"reference": "Task/t3"}, {"reference": "Task/t1"}]})
    page = referrals.page("Task?_id=t3,t4&_include=Task:part-of&_include:iterate=Task:part-of")
    assert [row.id for row in page.rows] == ["t3", "t4"]
    assert [row.id for row in page.included] == ["t1"]


def test_too_many_includes_are_cut_off_and_said_so(referrals: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(include, "MOST", 1)
    monkeypatch.setattr("carecoord.store.search.search.MOST", 1)
    page = referrals.page("ServiceRequest?_include=ServiceRequest:subject")
    assert len(page.included) == 1
    assert [issue.code for issue in page.issues] == ["too-costly"]


def test_a_deleted_resource_is_on_no_path(referrals: Store) -> None:
    referrals.delete("Patient", "ann")
    assert referrals.ids("ServiceRequest?subject:Patient.family=ade") == []
    assert included(referrals, "ServiceRequest?_include=ServiceRequest:subject") == ["Patient/bob"]
    referrals.delete("Task", "t1")
    assert referrals.ids("ServiceRequest?_has:Task:focus:status=requested") == []


def only(type: str, *alternatives: tuple[tuple[str, str], ...]) -> Any:
    """May see only so much of one type, and all of the others."""

    def may(asked: str) -> Filter:
        return limits(type, alternatives or None, HERE) if asked == type else EVERYTHING

    return may


def test_a_filter_holds_on_every_path(referrals: Store) -> None:
    not_ann = only("Patient", (("_id", "bob"),))
    assert referrals.ids("Patient?", not_ann) == ["bob"]
    assert referrals.ids("ServiceRequest?", not_ann) == ["r1", "r2", "r3"]
    assert referrals.ids("ServiceRequest?subject:Patient.family=ade", not_ann) == []
    assert referrals.ids("ServiceRequest?subject:Patient.family=bell", not_ann) == ["r2"]
    assert referrals.ids("Task?focus:ServiceRequest.subject:Patient.organization.name=north", not_ann) == []
    assert referrals.ids("Organization?_has:Patient:organization:family=ade", not_ann) == []
    assert included(referrals, "ServiceRequest?_include=ServiceRequest:subject", not_ann) == ["Patient/bob"]
    assert included(referrals, "Organization?_revinclude=Patient:organization", not_ann) == ["Patient/bob"]
    nobody = only("Patient")
    assert included(referrals, "ServiceRequest?_include=*", nobody) == []
    assert referrals.ids("ServiceRequest?subject:Patient.family=bell", nobody) == []


def test_a_filter_is_alternatives_of_criteria_that_hold_together(referrals: Store) -> None:
    may = only(
        "ServiceRequest",
        (("_id", "r1,r2"), ("subject", "Patient/bob")),
        (("subject:Patient.family", "ade"), ("_id", "r3")),
    )
    assert referrals.ids("ServiceRequest?", may) == ["r2", "r3"]
    assert referrals.page("ServiceRequest?_total=accurate&_count=1", may).total == 2
    with reading(referrals.engine) as conn:
        seen = {
            id
            for id in ("r1", "r2", "r3")
            if (row := read.get(conn, "ServiceRequest", id)) and visible(conn, row, may("ServiceRequest"))
        }
        row = read.get(conn, "ServiceRequest", "r1")
        assert row
        assert visible(conn, row, EVERYTHING)
        assert not visible(conn, row, NOTHING)
    assert seen == {"r2", "r3"}


def test_totals_and_counts(referrals: Store) -> None:
    assert referrals.page("ServiceRequest?_count=2").total is None
    assert referrals.page("ServiceRequest?_count=2&_total=accurate").total == 3
    assert referrals.page("ServiceRequest?_count=2&_total=estimate").total == 3
    assert referrals.page("ServiceRequest?").total == 3
    counted = referrals.page("ServiceRequest?_summary=count&status=active")
    assert (counted.rows, counted.total, counted.next) == ([], 3, None)
    assert referrals.page("ServiceRequest?_count=0").total == 3
    second = referrals.page(
        f"ServiceRequest?_count=2&_total=accurate&_cursor={referrals.page('ServiceRequest?_count=2&_total=accurate').next}"
    )
    assert ([row.id for row in second.rows], second.total, second.next) == (["r3"], 3, None)


def test_a_link_that_was_changed_is_refused(referrals: Store) -> None:
    word = referrals.page("ServiceRequest?_count=1&_sort=-authored").next
    assert word
    raw = bytearray(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)))
    raw[-1] ^= 1
    changed = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    for query in (
        f"ServiceRequest?_count=1&_sort=-authored&_cursor={changed}",
        f"ServiceRequest?_count=1&_sort=authored&_cursor={word}",
        f"Task?_count=1&_sort=-authored-on&_cursor={word}",
        "ServiceRequest?_cursor=nonsense",
        "ServiceRequest?_cursor=%%%",
        "ServiceRequest?_cursor=",
    ):
        with pytest.raises(Invalid, match="not one of ours") as refused:
            referrals.page(query)
        assert refused.value.where == "http._cursor"
    assert referrals.ids(f"ServiceRequest?_count=2&_sort=-authored&_cursor={word}") == ["r2", "r1"]


def test_a_page_of_another_size_goes_on_from_the_same_place(referrals: Store) -> None:
    word = referrals.page("ServiceRequest?_count=1").next
    assert referrals.ids(f"ServiceRequest?_count=5&_cursor={word}") == ["r2", "r3"]


def test_long_lists_of_values_are_answered(people: Store) -> None:
    ids = ",".join(["bob", *(f"x{n}" for n in range(MOST_VALUES - 1))])
    dates = ",".join(["1981", *(f"ge{2000 + n}" for n in range(MOST_RANGES - 1))])
    systems = ",".join(f"s{n}|a" for n in range(MOST_RANGES - 1)) + ",urn:mrn|"
    many = [("_id", ids)] + [("birthdate", dates)] * 40
    for query, found in (
        (f"_id={ids}", ["bob"]),
        (f"_id={ids}&_sort=-birthdate", ["bob"]),
        (f"birthdate={dates}", ["cy"]),
        (f"birthdate={dates}&_sort=birthdate", ["cy"]),
        (f"identifier={systems}", ["dee"]),
        (f"identifier:not={systems}&_sort=_id", ["ann", "bob", "cy"]),
        ("&".join(f"{name}={value}" for name, value in many), []),
    ):
        assert people.ids(f"Patient?{query}") == found


NAMES = st.sampled_from(
    [code for type in ("ServiceRequest", "Observation", "Location", "Patient") for code in params(type)]
    + [
        "_sort",
        "_include",
        "_revinclude",
        "_has:Task:focus:status",
        "_has:Task:focus",
        "_count",
        "_list",
        "subject:Patient.name",
    ]
    + ["subject:Patient._has:Task:patient:focus:ServiceRequest.code", "_summary", "_elements", "_total", "_contained"]
)
MODIFIERS = st.sampled_from(
    [
        "",
        "",
        "",
        ":missing",
        ":not",
        ":exact",
        ":contains",
        ":text",
        ":identifier",
        ":Patient",
        ":below",
        ":above",
        ":in",
        ".name",
        ".",
        ":",
        ".status:not",
    ]
)
VALUES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "true",
            "a",
            "a,b",
            "s|c",
            "|",
            "s|",
            "|c",
            "gt2020",
            "ge2020-02-30",
            "5.4||mg",
            "1e400",
            "9" * 400,
            "a$b",
            "c$gt5",
        ]
    ),
    st.sampled_from(
        [
            "Patient/1",
            "Patient/",
            "http://x/y|1",
            "\\",
            "\\,",
            ",",
            "\0",
            "-authored",
            "Task:focus",
            "*",
            "1|2|3|km",
            "\U0010ffff",
        ]
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    type=st.sampled_from(["ServiceRequest", "Observation", "Location", "Patient"]),
    pairs=st.lists(st.tuples(st.builds(str.__add__, NAMES, MODIFIERS) | st.text(max_size=8), VALUES), max_size=5),
)
def test_no_query_whatever_does_worse_than_being_refused(empty: Store, type: str, pairs: list[tuple[str, str]]) -> None:
    with reading(empty.engine) as conn:
        try:
            find(conn, parse(type, pairs, HERE, strict=False), lambda _: EVERYTHING)
        except Invalid as e:
            assert e.where, e.text  # noqa: PT017 - a refusal is one of two good outcomes


@pytest.mark.parametrize("type", sorted(TYPES))
def test_every_search_parameter_of_every_type_can_be_asked_and_sorted_by(empty: Store, type: str) -> None:
    sample = {
        "token": "s|c",
        "string": "x",
        "date": "ge2020",
        "quantity": "5|s|c",
        "reference": "http://x.example/1",
        "uri": "http://x.example",
        "special": "1|2",
    }
    for code, param in params(type).items():
        value = sample.get(param.kind) or "$".join(
            {"reference": "Task/1"}.get(c.kind, sample[c.kind]) for c in param.components
        )
        assert empty.ids(f"{type}?{code}={value}") == []
        if param.kind not in ("composite", "special"):
            assert empty.ids(f"{type}?_sort=-{code}&_tag:not=x") == []
        if code not in ("_id", "_lastUpdated"):
            assert empty.ids(f"{type}?{code}:missing=true") == []
