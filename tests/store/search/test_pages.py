"""Walking through all pages of any search, in any order, gives what a brute-force look at every resource gives.

The resources are made so that everything that can go wrong with pages is there: the same value many times, no value,
several values. The thresholds that choose between the ways of searching are turned down as well, so that each way is
taken on this small store.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from carecoord.fhir.instants import period, span
from carecoord.fhir.search.query import EVERYTHING, NOTHING, Filter, limits
from carecoord.store.database.engine import open_engine
from carecoord.store.resources.write import Change
from carecoord.store.search import search
from tests.conftest import DATABASES
from tests.store.conftest import HERE, Store

Resource = dict[str, Any]
Test = Callable[[Resource], bool]

PATIENTS = {
    f"p{n}": {
        "resourceType": "Patient",
        "id": f"p{n}",
        "gender": "male" if n % 2 else "female",
        "name": [{"family": family} for family in names],
        **({"managingOrganization": {"reference": f"Organization/{org}"}} if org else {}),
    }
    for n, (names, org) in enumerate([
        (["Abel", "Zorn"], "o1"), (["Bana"], "o1"), (["Ábel"], "o2"), ([], ""), (["Cole", "Bo"], "o2"), (["Dan"], ""),
    ])
}  # fmt: skip
ORGANIZATIONS = {
    id: {"resourceType": "Organization", "id": id, "name": name} for id, name in [("o1", "North"), ("o2", "South")]
}
DATES = ["2024", "2024-03", "2024-03-05", "2024-03-05T10:00:00Z", "2024-03-05T10:00:00.5Z", "2025-01-01", None, None]


def orders() -> dict[str, Resource]:
    dice = random.Random(7)
    made = {}
    for n in range(60):
        order: Resource = {"resourceType": "ServiceRequest", "id": f"s{dice.randrange(10**6):06}", "intent": "order"}
        order["status"] = dice.choice(["active", "active", "active", "completed", "draft"])
        categories = dice.sample("abcd", dice.randrange(4))
        order["category"] = [{"coding": [{"system": dice.choice(["x", "y"]), "code": code}]} for code in categories]
        if dice.random() < 0.9:
            order["subject"] = {"reference": f"Patient/p{dice.randrange(7)}"}
        authored = dice.choice(DATES)
        if authored:
            order["authoredOn"] = authored
        if dice.random() < 0.7:
            order["occurrencePeriod"] = {"start": f"2024-0{dice.randrange(1, 10)}"}
            if dice.random() < 0.7:
                order["occurrencePeriod"]["end"] = f"2024-1{dice.randrange(3)}-10"
        order["identifier"] = [{"system": "i", "value": f"R-{n // 2}"}, {"system": "j", "value": f"R-{n % 5}"}]
        made[order["id"]] = order
    return made


ORDERS = orders()


def codes(order: Resource) -> set[tuple[str, str]]:
    return {(coding["system"], coding["code"]) for concept in order["category"] for coding in concept["coding"]}


def authored(order: Resource) -> tuple[int, int] | None:
    return span(order["authoredOn"], UTC) if "authoredOn" in order else None


def subject(order: Resource) -> Resource:
    return PATIENTS.get(order.get("subject", {}).get("reference", "").removeprefix("Patient/"), {})


def names(patient: Resource) -> list[str]:
    return [name["family"].replace("Á", "A").lower() for name in patient.get("name", [])]


def dated(prefix: str, value: str) -> Test:
    """search.html#prefix, spelt out for ranges."""
    a, b = period(value, UTC)  # days and months: what moments mean stands in test_dates.py
    rules: dict[str, Callable[[int, int], bool]] = {
        "": lambda low, high: a <= low and high <= b,
        "ne": lambda low, high: not (a <= low and high <= b),
        "gt": lambda low, high: high > b,
        "lt": lambda low, high: low < a,
        "ge": lambda low, high: high > b or (a <= low and high <= b),
        "le": lambda low, high: low < a or (a <= low and high <= b),
        "sa": lambda low, high: low >= b,
        "eb": lambda low, high: high <= a,
    }

    def test(order: Resource) -> bool:
        span = authored(order)
        return span is not None and rules[prefix](*span)

    return test


def organization(order: Resource) -> str:
    reference = subject(order).get("managingOrganization", {}).get("reference", "")
    return str(ORGANIZATIONS.get(reference.removeprefix("Organization/"), {}).get("name", ""))


PREFIXES = ("", "ne", "gt", "lt", "ge", "le", "sa", "eb")
ARGUMENTS: list[tuple[str, Test]] = [
    ("status=active", lambda r: r["status"] == "active"),
    ("status=draft", lambda r: r["status"] == "draft"),
    ("status=completed,draft", lambda r: r["status"] in ("completed", "draft")),
    ("status:not=active", lambda r: r["status"] != "active"),
    ("category=a", lambda r: any(code == "a" for _, code in codes(r))),
    ("category=x|b", lambda r: ("x", "b") in codes(r)),
    ("category=x|", lambda r: any(system == "x" for system, _ in codes(r))),
    ("category=x|a,y|b,c", lambda r: bool({("x", "a"), ("y", "b"), ("x", "c"), ("y", "c")} & codes(r))),
    ("category:not=a,b", lambda r: not any(code in "ab" for _, code in codes(r))),
    ("category:missing=true", lambda r: not r["category"]),
    ("category:missing=false", lambda r: bool(r["category"])),
    ("authored:missing=true", lambda r: "authoredOn" not in r),
    ("subject:missing=false", lambda r: "subject" in r),
    ("subject=Patient/p1", lambda r: r.get("subject") == {"reference": "Patient/p1"}),
    ("subject=p1,Patient/p2", lambda r: r.get("subject", {}).get("reference") in ("Patient/p1", "Patient/p2")),
    ("patient=p4", lambda r: r.get("subject") == {"reference": "Patient/p4"}),
    ("identifier=i|R-3", lambda r: any((i["system"], i["value"]) == ("i", "R-3") for i in r["identifier"])),
    ("identifier=R-2", lambda r: any(i["value"] == "R-2" for i in r["identifier"])),
    ("subject:Patient.gender=male", lambda r: subject(r).get("gender") == "male"),
    ("subject:Patient.gender:not=male", lambda r: bool(subject(r)) and subject(r).get("gender") != "male"),
    ("subject.family=ab", lambda r: any(name.startswith("ab") for name in names(subject(r)))),
    ("subject:Patient.family:contains=o", lambda r: any("o" in name for name in names(subject(r)))),
    ("subject:Patient.organization.name=north", lambda r: organization(r) == "North"),
    ("subject:Patient._id=p1,p5", lambda r: subject(r).get("id") in ("p1", "p5")),
    *((f"authored={prefix}2024-03", dated(prefix, "2024-03")) for prefix in PREFIXES),
    *((f"authored={prefix}2024-03-05", dated(prefix, "2024-03-05")) for prefix in PREFIXES),
]  # fmt: skip
INDEX = {id: n for n, id in enumerate(ORDERS)}


@dataclass(frozen=True)
class Key:
    """A sort key, and the values that a resource has for it."""

    name: str
    values: Callable[[Resource], list[Any]]


KEYS = [
    Key("authored", lambda r: [authored(r)[0]] if authored(r) else []),  # type: ignore[index]
    Key("status", lambda r: [r["status"]]),
    Key("category", lambda r: [code for _, code in codes(r)]),
    Key("identifier", lambda r: [i["value"] for i in r["identifier"]]),
    Key("_id", lambda r: [r["id"]]),
    Key("_lastUpdated", lambda r: [INDEX[r["id"]] // 20]),
    Key("subject", lambda r: [r["subject"]["reference"][8:]] if "subject" in r else []),
]
SORTS = st.lists(st.tuples(st.sampled_from(KEYS), st.booleans()), max_size=3, unique_by=lambda pair: pair[0].name)
MALES = (("gender", "male"),)
FILTERS: list[tuple[str, Any, Test, Test]] = [  # whose orders and patients are seen
    ("everything", ((),), lambda r: True, lambda p: True),
    ("orders of males", ((("subject:Patient.gender", "male"),),),
     lambda r: subject(r).get("gender") == "male", lambda p: True),
    ("drafts or b", ((("status", "draft"),), (("category", "b"),)),
     lambda r: r["status"] == "draft" or any(c == "b" for _, c in codes(r)), lambda p: True),
    ("male patients", ((),), lambda r: True, lambda p: p.get("gender") == "male"),
    ("nothing", None, lambda r: False, lambda p: True),
]  # fmt: skip


def expected(arguments: list[tuple[str, Test]], sorts: list[tuple[Key, bool]], seen: Test) -> list[str]:
    found = [order for order in ORDERS.values() if seen(order) and all(test(order) for _, test in arguments)]
    backwards = bool(sorts) and sorts[0][1]
    found.sort(key=lambda order: INDEX[order["id"]], reverse=backwards)
    for key, descending in reversed(sorts):
        extreme = max if descending else min
        having = [(extreme(key.values(order)), order) for order in found if key.values(order)]
        having.sort(key=lambda pair: pair[0], reverse=descending)  # equals stay in order, reversed too
        found = [*(order for _, order in having), *(order for order in found if not key.values(order))]
    return [order["id"] for order in found]


@pytest.fixture(scope="module", params=DATABASES)
def full(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Any:
    engine = open_engine(new_database(request.param))
    store = Store(engine)
    store.put_all(*(Change(r["resourceType"], r["id"], r) for r in [*PATIENTS.values(), *ORGANIZATIONS.values()]))
    made = list(ORDERS.values())
    for start in range(0, 60, 20):
        store.put_all(*(Change("ServiceRequest", r["id"], r) for r in made[start : start + 20]))
    gone = {**made[0], "id": "gone"}
    store.put(gone)
    store.delete("ServiceRequest", "gone")
    yield store
    engine.dispose()


WAYS = {
    "as it is": {},
    "always driving": {"_ENOUGH": 0},
    "always walking": {"_FEW": 0, "_SELECTIVE": (), "_COMMON": ((0, 0),)},
    "walking by tiny windows": {"_FEW": 0, "_SELECTIVE": ((0, 1), (3, 2), (20, 3)), "_COMMON": ((0, 1), (5, 4))},
}


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    arguments=st.lists(st.sampled_from(ARGUMENTS), max_size=4),
    sorts=SORTS,
    count=st.integers(1, 13),
    which=st.sampled_from(FILTERS),
)
@example(arguments=[], sorts=[(KEYS[0], True)], count=7, which=FILTERS[0])
@example(arguments=[ARGUMENTS[0]], sorts=[(KEYS[2], False)], count=3, which=FILTERS[0])
def test_all_pages_together_are_what_brute_force_finds(
    full: Store,
    way: str,
    arguments: list[tuple[str, Test]],
    sorts: list[tuple[Key, bool]],
    count: int,
    which: tuple[str, Any, Test, Test],
) -> None:
    _, of_orders, seen, of_patients = which
    only_males = which[0] == "male patients"

    def may(type: str) -> Filter:
        if type == "ServiceRequest":
            return limits(type, of_orders, HERE)
        return limits(type, (MALES,), HERE) if type == "Patient" and only_males else EVERYTHING

    hidden = [
        (text, (lambda r, t=test: of_patients(subject(r)) and t(r)) if "." in text and only_males else test)
        for text, test in arguments
    ]
    query = "&".join(
        ["ServiceRequest?" + "&".join(text for text, _ in arguments), f"_count={count}", "_total=accurate"]
    )
    if sorts:
        query += "&_sort=" + ",".join(("-" if descending else "") + key.name for key, descending in sorts)
    wanted = expected(hidden, sorts, seen)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in WAYS[way].items():
            patch.setattr(search, name, value)
        assert full.walk(query, may) == wanted
        assert full.page(query, may).total == len(wanted)


def test_nobody_sees_anything_by_default_of_a_filter(full: Store) -> None:
    assert full.ids("ServiceRequest?", lambda _: NOTHING) == []
    assert full.page("ServiceRequest?_summary=count", lambda _: NOTHING).total == 0
