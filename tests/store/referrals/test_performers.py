"""Diaries, free slots, Tasks and languages of clinics, on both databases."""

from typing import Any

from carecoord.store.database.engine import reading, writing
from carecoord.store.referrals import performers
from tests.store.conftest import Store

Json = dict[str, Any]


def of(kind: str, id: str, **more: Any) -> Json:
    return {"resourceType": kind, "id": id, **more}


def ref(to: str) -> Json:
    return {"reference": to}


def put(store: Store, *resources: Json) -> None:
    for each in resources:
        store.put(each)


def test_the_diaries_of_a_clinic_are_those_of_its_sites_people_and_services(store: Store) -> None:
    put(
        store,
        of("Location", "site", managingOrganization=ref("Organization/a")),
        of("PractitionerRole", "role", organization=ref("Organization/a")),
        of("PractitionerRole", "other", organization=ref("Organization/b")),
        of("Schedule", "at-site", actor=[ref("Location/site")]),
        of("Schedule", "of-role", actor=[ref("PractitionerRole/role"), ref("Location/site")]),
        of("Schedule", "of-other", actor=[ref("PractitionerRole/other")]),
    )
    with reading(store.engine) as conn:
        found = performers.diaries(conn, ["a", "b", "nobody"])
    assert sorted((each.organization, each.id) for each in found) == [
        ("a", "at-site"), ("a", "of-role"), ("b", "of-other"),
    ]  # fmt: skip


def test_the_first_free_slot_of_each_diary_from_an_instant_on(store: Store) -> None:
    with writing(store.engine) as conn:
        performers.put_free(conn, [1, 2, 3], [(1, "d", 100, 200), (2, "d", 300, 400), (3, "e", 50, 60)])
        assert performers.first_free(conn, ["d", "e", "f"], 60) == {"d": 100}
        assert performers.first_free(conn, ["d"], 101) == {"d": 300}
        performers.put_free(conn, [2], [])  # it was taken
        assert performers.first_free(conn, ["d"], 101) == {}


def test_the_tasks_that_an_office_gave_to_a_clinic_and_no_others_the_newest_first(store: Store) -> None:
    def task(id: str, owner: str, requester: str) -> Json:
        return of("Task", id, owner=ref(f"Organization/{owner}"), requester=ref(f"Organization/{requester}"))

    put(store, task("1", "a", "us"), task("2", "a", "them"), task("3", "b", "us"), task("4", "copy-of-a", "us"))
    with reading(store.engine) as conn:
        assert performers.tasks(conn, ["a", "copy-of-a"], ["us"], 10) == ["4", "1"]
        assert performers.tasks(conn, ["a", "copy-of-a"], ["us"], 1) == ["4"]
        assert performers.tasks(conn, ["a"], [], 10) == []


def test_a_clinic_speaks_what_somebody_in_a_role_there_does(store: Store) -> None:
    spoken = [{"coding": [{"system": "urn:ietf:bcp:47", "code": "es"}]}]
    put(
        store,
        of("Practitioner", "p", communication=spoken),
        of("PractitionerRole", "r", practitioner=ref("Practitioner/p"), organization=ref("Organization/a")),
    )
    with reading(store.engine) as conn:
        assert performers.speak(conn, ["a"], ["es"])
        assert not performers.speak(conn, ["a"], ["so"])
        assert not performers.speak(conn, ["b"], ["es"])
        assert not performers.speak(conn, ["a"], [])
