"""Reading: by id, version, patient, identifier and reference, now and at an instant."""

from typing import Any

from carecoord.fhir.search.params import key
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from carecoord.store.worklist import registry
from tests.store.conftest import Store, content

MRN = "https://here.example/mrn"


def test_reading_what_never_was_gives_nothing(store: Store) -> None:
    with reading(store.engine) as conn:
        assert read.get(conn, "Patient", "nobody") is None
        assert read.version(conn, "Patient", "nobody", 1) is None
        assert read.as_of(conn, "Patient", "nobody", 2**60) is None
        assert read.history(conn, "Patient", "nobody", 10) == []
        assert read.many(conn, [("Patient", "nobody")]) == []
        assert registry.identified(conn, "Patient", [(MRN, "1")]) == []


def test_history_is_newest_first_in_pages(store: Store) -> None:
    for n in range(5):
        store.put({"resourceType": "Patient", "id": "a", "active": True, "multipleBirthInteger": n})
    store.delete("Patient", "a")
    with reading(store.engine) as conn:
        assert [(row.version, row.deleted) for row in read.history(conn, "Patient", "a", 2)] == [(6, True), (5, False)]
        assert [row.version for row in read.history(conn, "Patient", "a", 3, before=5)] == [4, 3, 2]


def task(id: str, patient: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Task", "id": id, "for": {"reference": f"Patient/{patient}"}, **more}


def test_everything_about_a_patient_now_and_then(store: Store) -> None:
    store.put({"resourceType": "Patient", "id": "a"})
    store.put(task("t1", "a", status="draft"))
    early = store.put(task("t2", "a")).updated
    store.put(task("t1", "a", status="requested"))
    store.delete("Task", "t2")
    store.put(task("t3", "a"))
    store.put(task("t4", "b"))
    with reading(store.engine) as conn:
        now = read.of_patient(conn, "a", ["Patient", "Task"])
        then = read.of_patient(conn, "a", ["Task", "Patient"], as_of=early)
        tasks = read.of_patient(conn, "a", ["Task"])
    assert [(row.type, row.id, row.version) for row in now] == [
        ("Patient", "a", 1),
        ("Task", "t1", 2),
        ("Task", "t3", 1),
    ]
    assert [(row.type, row.id, row.version) for row in then] == [
        ("Patient", "a", 1),
        ("Task", "t1", 1),
        ("Task", "t2", 1),
    ]
    assert content(then[1].body)["status"] == "draft"
    assert [row.id for row in tasks] == ["t1", "t3"]


def test_many_at_once_now_and_then(store: Store) -> None:
    first = store.put(task("t1", "a")).updated
    store.put(task("t1", "b"))
    store.put(task("t2", "b"))
    store.delete("Task", "t2")
    refs = [("Task", f"t{n}") for n in range(1000)]
    with reading(store.engine) as conn:
        assert [(row.id, row.version) for row in read.many(conn, refs)] == [("t1", 2)]
        assert [(row.id, row.version) for row in read.many(conn, refs, as_of=first)] == [("t1", 1)]
        assert read.many(conn, refs, as_of=first - 1) == []


def test_by_identifier_under_any_name_of_its_system_and_by_what_refers(store: Store) -> None:
    for id, system in (("a", MRN), ("b", "other"), ("c", MRN)):
        store.put({"resourceType": "Patient", "id": id, "identifier": [{"system": system, "value": "7"}]})
    store.put({"resourceType": "Patient", "id": "d", "identifier": [{"value": "7"}]})
    for id, system in (("e", "urn:oid:2.16.840.1.113883.4.6"), ("f", "https://hl7.org/fhir/sid/us-npi/")):
        store.put({"resourceType": "Patient", "id": id, "identifier": [{"system": system, "value": "8"}]})
    store.put(task("t1", "a"))
    with reading(store.engine) as conn:
        assert [row.id for row in registry.identified(conn, "Patient", [(MRN, "7")])] == ["a", "c"]
        assert [row.id for row in registry.identified(conn, "Patient", [("", "7")])] == ["d"]
        assert registry.identified(conn, "Practitioner", [(MRN, "7")]) == []
        npi = registry.identified(conn, "Patient", [("http://hl7.org/fhir/sid/us-npi", "8")])
        assert [row.id for row in npi] == ["e", "f"]
        assert [row.id for row in read.referring(conn, key("Task", "patient"), "Patient", "a")] == ["t1"]
        assert read.referring(conn, key("Task", "focus"), "Patient", "a") == []
