"""Who is near: organizations by where they stand, the nearest to the patient first, on both databases."""

from collections.abc import Iterable
from datetime import date
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from carecoord.actions.agreements import places, register
from carecoord.actions.clearance.assemble import assemble
from carecoord.domain.clearance.clearance import clear
from carecoord.domain.resource.places import Place, Point, kilometres, of
from carecoord.store.agreements import places as store
from carecoord.store.agreements import tables
from carecoord.store.agreements.register import NEVER, NO_END, NO_START
from carecoord.store.database import marks
from carecoord.store.database.engine import reading, writing
from tests.domain.stories import NOW, PATIENT, POLICY, affiliation, contract, group, plain, ref
from tests.domain.worklist.test_project import put

Json = dict[str, Any]
PHILADELPHIA, CAMDEN, PITTSBURGH = ({"postalCode": code, "country": "US"} for code in ("19104", "08102", "15213"))
APRIL = date(2027, 4, 1)


def test_a_postal_code_is_a_point_and_a_position_more_exactly_so() -> None:
    home = of({"address": [{"postalCode": "10001", "use": "old"}, {"postalCode": "19104-2640"}]})
    assert home is not None
    assert (round(home.latitude, 1), round(home.longitude, 1)) == (40.0, -75.2)
    exact = {"address": PITTSBURGH, "position": {"latitude": 39.95, "longitude": -75.16}}
    assert of(exact) == Point(39.95, -75.16)
    moved = {"postalCode": "19104", "period": {"end": "2020"}}
    for nowhere in ({}, {"address": {"postalCode": "19104", "country": "DE"}}, {"address": {"postalCode": "00000"}},
                    {"address": [moved]}, {"position": {"latitude": 200, "longitude": 0}}):  # fmt: skip
        assert of(nowhere) is None


def test_distances_are_those_of_the_globe() -> None:
    """A quarter of the equator and of a meridian is a quarter of 40,030 km, whichever way round."""
    assert round(kilometres(Point(0, -170), Point(0, 100))) == round(kilometres(Point(90, 7), Point(0, -7))) == 10008
    assert 405 < kilometres(Point(39.9526, -75.1635), Point(40.4443, -79.9532)) < 415, "Philadelphia to Pittsburgh"
    assert kilometres(Point(1, 1), Point(1, 1)) == 0


def at(name: str, whose: str, address: Json) -> Json:
    to = ref(f"Organization/{whose}")
    return {"resourceType": "Location", "id": name, "name": name, "managingOrganization": to, "address": address}


def test_a_place_follows_every_write_of_its_location_or_organization(engine: Engine) -> None:
    def kept(*keys: str) -> set[tuple[str, str]]:
        with reading(engine) as conn:
            return {(each.key, each.organization) for each in places.of(conn, keys)}

    def write(*given: Json | str) -> None:
        with writing(engine) as conn:
            put(conn, *given)

    write(group(1) | {"address": [PHILADELPHIA]}, at("south", "group-1", CAMDEN), at("nowhere", "group-1", {}))
    both = {("Organization/group-1", "Organization/group-1"), ("Location/south", "Organization/group-1")}
    assert kept("Organization/group-1") == both
    assert kept("Location/south") == {("Location/south", "Organization/group-1")}
    write(at("south", "group-2", PITTSBURGH), group(1))
    assert (kept("Organization/group-1"), kept("Organization/group-2")) == (
        set(), {("Location/south", "Organization/group-2")})  # fmt: skip
    with writing(engine) as conn:
        marks.put(conn, "places of organizations", b"")
        conn.execute(tables.organization_place.delete())
    places.renew(engine)
    assert kept("Organization/group-2") == {("Location/south", "Organization/group-2")}
    write("Location/south")
    assert kept("Organization/group-2") == set()


def test_offers_come_the_nearest_first_with_how_far_each_is_and_then_by_name(engine: Engine) -> None:
    """Riverside Heart's agreement has ended. Bell has a near site that is not in the network, and a far one that is."""
    story = plain().with_(PATIENT | {"address": [PHILADELPHIA]}, contract(start=-600, end=-1))
    more = [affiliation(n, number=f"AGR-{n}") for n in (2, 3)] + [contract(f"AGR-{n}") for n in (2, 3)]
    far = {"location": [ref("Location/bell-far")]}
    sites = [at("hill", "office-group-2", CAMDEN), at("bell-near", "office-group-3", PHILADELPHIA),
             at("bell-far", "office-group-3", PITTSBURGH)]  # fmt: skip
    with writing(engine) as conn:
        put(conn, *story.resources.values(), *(group(n, side) for n in (2, 3) for side in ("", "office-")), *sites)
        put(conn, more[0], more[1] | far, *more[2:])

    def offered() -> list[tuple[str, float | None]]:
        with reading(engine) as conn:
            case = assemble(conn, "sr", offers=NOW.date())
        assert case is not None
        return [(each.name, each.kilometres) for each in clear(case, NOW, POLICY).gate("agreement").offers]

    found = offered()
    assert [name for name, _ in found] == ["Hillcrest Cardiology", "Bell Cardiology"]
    assert 5 < (found[0][1] or 0) < 12
    assert 380 < (found[1][1] or 0) < 440
    with writing(engine) as conn:
        put(conn, PATIENT)
    assert offered() == [("Bell Cardiology", None), ("Hillcrest Cardiology", None)]


def _crowd(n: int, random: Random) -> list[tuple[str, float, float]]:
    """Organizations across the country, a tenth of them in one town."""
    town = [(39.95 + random.gauss(0, 0.05), -75.16 + random.gauss(0, 0.05)) for _ in range(n // 10)]
    wide = [(random.uniform(25, 48), random.uniform(-124, -68)) for _ in range(n - len(town))]
    return [(f"Organization/o{i:05}", *point) for i, point in enumerate(town + wide)]


def _fill(engine: Engine, crowd: Iterable[tuple[str, float, float]], strangers: int) -> None:
    """The crowd in one network, but for the first, which are in another."""
    members: list[Json] = []
    points: list[tuple[Any, ...]] = []
    for rid, (key, latitude, longitude) in enumerate(crowd, 1):
        network = "Organization/other" if rid <= strangers else "Organization/network-1"
        points.append((rid, key, key, latitude, longitude))
        members.append({
            "rid": rid, "version": 1, "network": network, "specialty": "cardiology", "sort": f"name {rid % 97:02}",
            "subject": key, "contract": "c", "valid_from": NO_START, "valid_to": NO_END, "recorded_at": 0,
            "superseded_at": NEVER,
        })  # fmt: skip
    signed = {
        "rid": 10**6, "version": 1, "id": "c", "agreement": "a", "number": "1", "n": "1", "status": "executed",
        "valid_from": NO_START, "valid_to": NO_END, "evergreen": True, "notice_days": 0, "renewal_months": 0,
        "amends": "", "amendment": "", "authority": "[]", "page": "", "recorded_at": 0, "superseded_at": NEVER,
    }  # fmt: skip
    with writing(engine) as conn:
        conn.execute(insert(tables.agreement_version), [signed])
        conn.execute(insert(tables.network_member), members)
        store.put(conn, [], points)


@pytest.mark.parametrize("most", [5, 25])
def test_the_nearest_of_thousands_are_found_as_by_measuring_every_one(engine: Engine, most: int) -> None:
    crowd = _crowd(3000, Random(8))
    _fill(engine, crowd, strangers=50)
    homes = [(39.95, -75.16), (40.44, -79.99), (34.05, -118.24), (64.8, -147.7)]
    for home in homes:
        measured = sorted(
            (kilometres(Point(*home), Point(latitude, longitude)), key) for key, latitude, longitude in crowd[50:]
        )
        with reading(engine) as conn:
            near = Point(*home)
            found = register.members(conn, ["Organization/network-1"], ["cardiology"], APRIL, most, near=near)
        if home[0] > 60:
            assert len(found) == most, "where nobody is near, they come by name"
        else:
            assert set(found) == {key for _, key in measured[:most]}


def test_a_place_is_where_a_location_or_an_organization_says(engine: Engine) -> None:
    with writing(engine) as conn:
        put(conn, at("logical", "g", PHILADELPHIA) | {"managingOrganization": {"display": "Somebody"}})
        assert places.of(conn, ["Location/logical"]) == (
            Place("Location/logical", "", places.of(conn, ["Location/logical"])[0].point),
        )
