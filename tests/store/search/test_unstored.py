"""Resources that are made when they are asked for are found, sorted, counted and paged as if they were stored."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from carecoord.fhir import text
from carecoord.fhir.search.criteria import Not, criterion
from carecoord.fhir.search.extract import extract
from carecoord.fhir.search.query import EVERYTHING, Filter, limits, parse
from carecoord.store.database.engine import open_engine, reading
from carecoord.store.resources.read import Row
from carecoord.store.resources.write import Change
from carecoord.store.search.search import find
from carecoord.store.search.unstored import FIRST, Unstored
from tests.conftest import DATABASES
from tests.store.conftest import HERE, Store

Json = dict[str, Any]
PEOPLE: list[Json] = [
    {"id": "ann", "name": [{"family": "Müller", "given": ["Ann"]}], "birthDate": "1980-05-05", "active": True},
    {"id": "bob", "name": [{"family": "Mueller"}], "birthDate": "1980-06", "gender": "male"},
    {"id": "cy", "name": [{"text": "Cy Muller, of 100%_~Town"}], "birthDate": "1981", "active": False},
    {"id": "dee", "identifier": [{"system": "urn:mrn", "value": "7"}], "gender": "female"},
    {"id": "eve", "name": [{"family": "Abel"}], "birthDate": "1980-05-20", "managingOrganization": {
        "reference": "Organization/o"}},
]  # fmt: skip
QUERIES = (
    "", "name=mull", "name:contains=muller", "name:contains=100%25_~t", "name:exact=Abel", "family=abel,mueller",
    "birthdate=1980-05", "birthdate=gt1980-05-10", "birthdate=ne1980-05-05", "birthdate=ap1980-05-06",
    "birthdate:missing=true", "active=true", "active:not=true", "gender=male,female", "identifier=urn:mrn|7",
    "identifier=urn:mrn|", "identifier:missing=false", "organization=o", "organization=Organization/o", "_id=eve,ann",
    "_id:not=eve", "_lastUpdated=ge2000-01-01", "_sort=birthdate", "_sort=-birthdate", "_sort=family,-_id",
    "_sort=gender,birthdate", "_sort=-_id", "name=m&_sort=-birthdate", "gender:missing=true&_sort=_id",
)  # fmt: skip


@pytest.fixture(scope="module", params=DATABASES)
def stores(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[tuple[Store, Store]]:
    """All people, and the first three of them."""
    made = []
    for kept in (PEOPLE, PEOPLE[:3]):
        store = Store(open_engine(new_database(request.param)))
        store.put_all(*(Change("Patient", each["id"], {"resourceType": "Patient", **each}) for each in kept))
        made.append(store)
    yield made[0], made[1]
    for store in made:
        store.engine.dispose()


def beside(at: int) -> list[Unstored]:
    """The people that the second store has not."""
    found = []
    for n, each in enumerate(PEOPLE[3:]):
        body = {"resourceType": "Patient", **each}
        row = Row(FIRST + n, "Patient", each["id"], at, at, False, text.dumps(body), each["id"])
        found.append(Unstored(row, extract(body, HERE)))
    return found


def ids(store: Store, query: str, made: list[Unstored], may: Filter = EVERYTHING, size: int = 20) -> list[str]:
    """The ids on all pages of a search, which must count as many."""
    pairs: list[tuple[str, str]] = [(name, value.replace("%25", "%")) for name, _, value in
                                    (part.partition("=") for part in query.split("&") if part)]  # fmt: skip
    found: list[str] = []
    word: str | None = ""
    with reading(store.engine) as conn:
        while word is not None:
            asked = [*pairs, ("_total", "accurate"), *([("_cursor", word)] if word else [])]
            page = find(conn, parse("Patient", asked, HERE, strict=True), lambda _: may, page_size=size, beside=made)
            found += [row.id for row in page.rows]
            word, total = page.next, page.total
    assert total == len(found)
    return found


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("size", [1, 2, 20])
def test_a_search_finds_the_same_in_the_same_order(stores: tuple[Store, Store], query: str, size: int) -> None:
    whole, part = stores
    assert ids(part, query, beside(10**15), size=size) == ids(whole, query, [], size=size)


def test_what_leads_to_other_resources_is_never_met_nor_is_its_contrary(stores: tuple[Store, Store]) -> None:
    _, part = stores
    made = beside(10**15)
    for query in ("organization.active:not=true", "_has:Task:patient:status=requested", "organization.name=x"):
        assert not {"dee", "eve"} & set(ids(part, query, made)), query
    chain = criterion("Patient", "organization.name", "x", HERE)
    assert not {"dee", "eve"} & set(ids(part, "", made, may=((Not((chain,)),),)))
    assert ids(part, "", made, may=limits("Patient", ((("gender", "female"),),), HERE)) == ["dee"]
    assert ids(part, "", made, may=()) == []
