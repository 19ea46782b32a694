"""Contract/$offers: who is in network and near, page by page, each as `$participation` says, on both databases."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from carecoord.actions.agreements.offers import offered
from carecoord.errors import Invalid, NotFound
from carecoord.fhir.operations import definition
from carecoord.store.database.engine import writing
from carecoord.world import World
from tests.domain.agreements.test_operation import COORDINATOR, person, world
from tests.domain.stories import NPI, REGISTRY, affiliation, contract, organization, plan, ref
from tests.domain.worklist.test_project import put

__all__ = ["world"]
Json = dict[str, Any]
ZIPS = {"19104": 12, "08102": 8, "15213": 6}  # Philadelphia, Camden over the river, Pittsburgh; and of how many groups


@pytest.fixture
def town(world: World) -> World:
    """Thirty groups in the network: twenty-six with a ZIP code, four without; one more is left out of it."""
    zips = [zip for zip, n in ZIPS.items() for _ in range(n)]
    told = [*REGISTRY, plan(), contract(evergreen=True, end=100)]
    for n in range(30):
        where = {"address": [{"postalCode": zips[n], "country": "US"}]} if n < len(zips) else {}
        who = {"participatingOrganization": ref(f"Organization/g{n:02}")}
        told += [organization(f"g{n:02}", f"Practice {29 - n:02}", NPI, f"8{n:09}") | where]
        told += [affiliation(id=f"row-{n}") | who]
        told += [affiliation(id="shut", kind="exclude") | who] if n == 3 else []
    with writing(world.engine) as conn:
        put(conn, *told)
    return world


def walked(world: World, **given: str) -> list[list[Json]]:
    """Every page of offers, by name."""
    asked, pages = {"plan": "PLAN1", **{name.replace("count", "_count"): value for name, value in given.items()}}, []
    while True:
        parts = offered(world, COORDINATOR, asked)["parameter"]
        offers = [part["part"] for part in parts if part["name"] == "offer"]
        pages.append([{each["name"]: value_of(each) for each in offer} for offer in offers])
        following = next((value_of(part) for part in parts if part["name"] == "next"), "")
        if not following:
            return pages
        asked = dict(parse_qsl(urlsplit(following).query))


def offer_of(world: World, **given: str) -> Json:
    """The first offer."""
    part = offered(world, COORDINATOR, {"plan": "PLAN1", "_count": "1", **given})["parameter"][0]["part"]
    return {each["name"]: value_of(each) for each in part}


def value_of(part: Json) -> Any:
    return next(value for name, value in part.items() if name.startswith("value"))


def groups(pages: list[list[Json]]) -> list[str]:
    return [each["provider"]["reference"].removeprefix("Organization/") for page in pages for each in page]


def test_the_nearest_come_first_then_by_name_page_by_page_each_once(town: World) -> None:
    pages = walked(town, near="19104", count="7")
    found = groups(pages)
    around = {f"g{n:02}" for n in range(20) if n != 3}  # Philadelphia and Camden
    assert (set(found[:19]), len(set(found))) == (around, 29), "each once, and g03 never"
    assert found[19:] == [f"g{n:02}" for n in range(29, 19, -1)], "who stands farther than 285 km, or nowhere, by name"
    away = [each.get("distance", {}).get("value") for page in pages for each in page]
    assert away[:19] == sorted(away[:19])
    assert (away[0], 3 < away[11] < 8, away[19], 400 < away[-1] < 420) == (0.0, True, None, True)
    assert {len(page) for page in pages[:-1]} == {7}
    assert found == groups(walked(town, near="19104", count="100"))
    by_name = groups(walked(town, count="100"))
    assert by_name == sorted(by_name, reverse=True) == groups(walked(town, count="4")), "Practice 00 is g29"
    first = offer_of(town, near="08102")
    assert {name: first[name] for name in ("network", "agreement", "version")} == {
        "network": "Network 1", "agreement": "AGR-1", "version": "1",
    }  # fmt: skip
    told = {row["name"]: row for row in definition("offers", "http://x")["parameter"] if row["use"] == "out"}
    assert first.keys() <= {part["name"] for part in told["offer"]["part"]}
    own, other = (
        [part["name"] for part in offered(town, person("contracts", office), {"plan": "PLAN1"})["parameter"]]
        for office in ("office-payer-1", "office-payer-2")
    )
    assert (own.count("offer"), other) == (25, ["date"]), "another payer's desk is told of nobody"


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, Invalid), ({"plan": "PLAN1", "near": "nowhere"}, Invalid), ({"plan": "PLAN1", "_count": "0"}, Invalid),
        ({"plan": "PLAN1", "_cursor": "x"}, Invalid), ({"plan": "PLAN1", "payer": "Organization/no"}, NotFound),
    ],
)  # fmt: skip
def test_what_can_not_be_read_of_the_question_is_refused(
    world: World, given: dict[str, str], refused: type[Exception]
) -> None:
    with pytest.raises(refused):
        offered(world, COORDINATOR, given)
