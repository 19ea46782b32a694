"""The one door: versions, history, index, audit, outbox and worklist move together or not at all."""

import json
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, Table, func, select
from sqlalchemy import text as sql

from carecoord.errors import Conflict, Issue, Stale
from carecoord.fhir import text
from carecoord.store.audit.tables import audit
from carecoord.store.database import bulk, outbox, tables
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.database.outbox import Lease, Wanted
from carecoord.store.resources import read
from carecoord.store.resources.write import Change, Later, put
from tests.store.conftest import AMARA, HERE, START, Store, content


def patient(id: str = "ngozi", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, "name": [{"family": "Okafor", "given": ["Ngozi"]}], **more}


def count(store: Store, table: str) -> int:
    with reading(store.engine) as conn:
        return int(conn.execute(select(func.count()).select_from(tables.metadata.tables[table])).scalar_one())


def everything(store: Store) -> dict[str, list[Any]]:
    with reading(store.engine) as conn:
        kept = {name: table for name, table in tables.metadata.tables.items() if name != "setting"}
        return {name: sorted(map(tuple, conn.execute(select(table))), key=repr) for name, table in kept.items()}


def test_a_new_resource_is_version_one_with_id_and_meta_first(store: Store) -> None:
    written = store.put({"resourceType": "Patient", "active": True, "id": "ngozi", "meta": {"source": "urn:x"}})
    assert (written.outcome, written.version) == ("created", 1)
    assert written.body == (
        b'{"resourceType":"Patient","id":"ngozi","meta":{"versionId":"1","lastUpdated":"2026-11-22T09:30:00.000Z",'
        b'"source":"urn:x"},"active":true}'
    )


def test_what_comes_out_is_what_went_in_digit_for_digit(store: Store) -> None:
    sent = text.loads(
        b'{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},'
        b'"valueQuantity":{"value":100.50,"extension":[{"url":"http://unknown.example","valueDecimal":1e2}]}}'
    )
    written = store.put(sent)
    assert b'"value":100.50' in written.body
    assert b'"valueDecimal":1e2' in written.body
    assert content(written.body) == sent
    assert content(written.body)["valueQuantity"]["value"] == Decimal("100.50")


def test_the_same_content_again_changes_nothing_at_all(store: Store) -> None:
    first = store.put(patient(active=True))
    before, touched = everything(store), list(store.touched)
    again = {"active": True, **patient(), "meta": {"versionId": "7", "lastUpdated": "2001-01-01T00:00:00Z"}}
    second = store.put(again)
    assert second.outcome == "unchanged"
    assert (second.version, second.updated, second.body) == (1, first.updated, first.body)
    assert everything(store) == before
    assert store.touched == touched


def test_an_update_keeps_the_old_version(store: Store) -> None:
    store.put(patient())
    written = store.put(patient(gender="female"))
    assert (written.outcome, written.version) == ("updated", 2)
    with reading(store.engine) as conn:
        versions = read.history(conn, "Patient", "ngozi", 10)
    assert [row.version for row in versions] == [2, 1]
    assert content(versions[0].body) == patient(gender="female")
    assert content(versions[1].body) == patient()


def test_search_finds_the_new_values_and_no_longer_the_old(store: Store) -> None:
    store.put(patient())
    store.put(patient(name=[{"family": "Balewa"}]))
    assert store.ids("Patient?family=okafor") == []
    assert store.ids("Patient?family=balewa") == ["ngozi"]


def test_who_puts_a_resource_back_without_its_source_makes_no_version_and_keeps_it(store: Store) -> None:
    store.put(patient(meta={"source": "https://elm.example/fhir/Patient/1"}))
    again = store.put(patient())
    assert (again.outcome, again.version) == ("unchanged", 1)
    tagged = store.put(patient(meta={"tag": [{"code": "x"}]}))
    assert (tagged.version, b'"source":"https://elm.example/fhir/Patient/1"' in tagged.body) == (2, True)
    other = store.put(patient(meta={"source": "urn:y"}))
    assert (other.version, b'"source":"urn:y"' in other.body) == (3, True)


def test_a_deleted_resource_is_gone_from_search_and_remembered_in_history(store: Store) -> None:
    store.put(patient())
    assert store.delete("Patient", "ngozi").outcome == "deleted"
    assert store.ids("Patient?family=okafor") == []
    assert store.ids("Patient?") == []
    with reading(store.engine) as conn:
        present = read.get(conn, "Patient", "ngozi")
        first = read.version(conn, "Patient", "ngozi", 1)
    assert present is not None
    assert (present.deleted, present.version, present.body) == (True, 2, b"")
    assert first is not None
    assert content(first.body) == patient()


def test_deleting_twice_or_what_never_was_changes_nothing(store: Store) -> None:
    store.put(patient())
    store.delete("Patient", "ngozi")
    before = everything(store)
    again, never = store.delete("Patient", "ngozi"), store.delete("Patient", "nobody")
    assert (again.outcome, again.version) == ("unchanged", 2)
    assert (never.outcome, never.version) == ("unchanged", 0)
    assert everything(store) == before


def test_a_deleted_resource_can_come_back_and_its_versions_go_on(store: Store) -> None:
    store.put(patient())
    store.delete("Patient", "ngozi")
    written = store.put(patient())
    assert (written.outcome, written.version) == ("created", 3)
    assert store.ids("Patient?family=okafor") == ["ngozi"]


def test_a_stale_if_match_is_refused_and_says_what_to_do(store: Store) -> None:
    store.put(patient())
    store.put(patient(active=True))
    before = everything(store)
    with pytest.raises(Stale, match=r"Patient/ngozi is at version 2, not at version 1.*Read it again") as refused:
        store.put(patient(active=False), expected=1)
    assert refused.value.where == "http.If-Match"
    with pytest.raises(Stale, match="does not exist"):
        store.put(patient("nobody"), expected=1)
    with pytest.raises(Stale):
        store.delete("Patient", "ngozi", expected=1)
    assert everything(store) == before
    assert store.put(patient(active=False), expected=2).version == 3


def test_one_bad_change_undoes_all_of_them(store: Store) -> None:
    store.put(patient())
    before = everything(store)
    with pytest.raises(Stale):
        store.put_all(
            Change("Patient", "a", patient("a")), Change("Patient", "ngozi", patient(active=True), expected=9)
        )
    assert everything(store) == before


def test_the_same_resource_twice_in_one_write_is_two_versions(store: Store) -> None:
    first, other, second = store.put_all(
        Change("Patient", "ngozi", patient()),
        Change("Patient", "other", patient("other")),
        Change("Patient", "ngozi", patient(active=True)),
    )
    assert [first.version, other.version, second.version] == [1, 1, 2]
    assert store.ids("Patient?active=true") == ["ngozi"]


def test_many_at_once_keep_the_order_of_their_coming(store: Store) -> None:
    ids = [f"p{(n * 7919) % 1500:04}" for n in range(1500)]
    written = store.put_all(*(Change("Patient", id, patient(id)) for id in ids))
    assert [one.id for one in written] == ids
    assert store.walk("Patient?_count=400") == ids
    again = store.put_all(*(Change("Patient", id, patient(id)) for id in ids))
    assert {one.outcome for one in again} == {"unchanged"}
    assert [text.loads(one.body)["id"] for one in again] == ids


def test_every_change_is_audited_with_who_and_about_whom(store: Store) -> None:
    order = {"resourceType": "ServiceRequest", "id": "s", "subject": {"reference": "Patient/ngozi"}}
    store.put(order)
    store.put({**order, "status": "active"})
    store.delete("ServiceRequest", "s")
    with reading(store.engine) as conn:
        rows = conn.execute(select(audit).order_by(audit.c.n)).all()
    assert [(r.interaction, r.type, r.resource, r.version, r.status, r.patient) for r in rows] == [
        ("create", "ServiceRequest", "s", 1, 201, "ngozi"),
        ("update", "ServiceRequest", "s", 2, 200, "ngozi"),
        ("delete", "ServiceRequest", "s", 3, 204, "ngozi"),
    ]
    assert {(r.subject, r.client, r.organization, r.request) for r in rows} == {("amara", "desk", "clinic", "req-1")}


def test_the_worklist_hears_of_the_patient_before_and_after(store: Store) -> None:
    order = {"resourceType": "ServiceRequest", "id": "s", "subject": {"reference": "Patient/a"}}
    store.put(order)
    store.put({**order, "subject": {"reference": f"{HERE.url}/Patient/b"}})
    store.delete("ServiceRequest", "s")
    heard = [(one.type, one.id, one.patient, one.before_patient) for one in store.touched]
    assert heard == [
        ("ServiceRequest", "s", "a", None),
        ("ServiceRequest", "s", "b", "a"),
        ("ServiceRequest", "s", None, "b"),
    ]


def test_what_the_rules_found_is_kept_beside_the_resource_until_it_is_put_right(store: Store) -> None:
    found = (
        Issue("error", "code-invalid", "no such status", "ServiceRequest.status"),
        Issue("warning", "value", "odd"),
    )
    store.put(patient(), flags=found)
    with reading(store.engine) as conn:
        row = read.get(conn, "Patient", "ngozi")
        assert row is not None
        assert read.flags(conn, row.rid) == list(found)
    store.put(patient(active=True))
    assert count(store, "flag") == 0


def test_later_work_is_added_only_when_something_changed(store: Store) -> None:
    jobs = (Later("refresh-cases", "ngozi", b"{}", START),)
    store.put(patient(), later=jobs)
    with writing(store.engine) as conn:
        (job,) = outbox.claim(conn, Wanted(("refresh-cases",), START), 10, Lease("one", timedelta(minutes=1)))
        outbox.done(conn, job, START)
    store.put(patient(), later=jobs)
    assert count(store, "outbox") == 0


def test_it_stores_what_an_index_can_not_hold_whole(store: Store) -> None:
    long = "Ünïcode \U0001f600 " * 2000
    store.put(
        patient(name=[{"family": long, "given": ["nul\0byte"]}], identifier=[{"system": "s" * 3000, "value": long}])
    )
    assert store.ids("Patient?family=unicode") == ["ngozi"]
    assert store.ids(f"Patient?family:exact={long}") == ["ngozi"]
    assert store.ids(f"Patient?identifier={'s' * 3000}|{long}") == ["ngozi"]


def test_a_date_that_breaks_the_rules_as_a_list_is_still_found_and_sorted_once(store: Store) -> None:
    order = {"resourceType": "ServiceRequest", "id": "s", "authoredOn": ["2024-02-01", "2023-01-01", "2025-03-01"]}
    store.put(order)
    assert store.walk("ServiceRequest?_sort=authored&_count=1") == ["s"]
    assert store.walk("ServiceRequest?_sort=-authored&_count=1") == ["s"]
    assert store.ids("ServiceRequest?authored=ge2022") == ["s"]


def test_of_two_writers_with_the_same_if_match_one_wins(store: Store) -> None:
    store.put(patient())
    outcomes: list[object] = []
    ready = threading.Barrier(2)

    def write(gender: str) -> None:
        ready.wait(10)
        try:
            with writing(store.engine) as conn:
                change = Change("Patient", "ngozi", patient(gender=gender), expected=1)
                put(conn, change, now=START, actor=AMARA, base=HERE, project=lambda *_: None)
            outcomes.append(gender)
        except Stale:
            outcomes.append(Stale)

    writers = [threading.Thread(target=write, args=(gender,)) for gender in ("male", "female")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert sorted(map(str, outcomes))[0] == str(Stale)
    assert len(outcomes) == 2
    with reading(store.engine) as conn:
        row = read.get(conn, "Patient", "ngozi")
    assert row is not None
    assert row.version == 2
    assert text.loads(row.body)["gender"] in outcomes


def test_of_many_who_create_the_same_resource_at_once_one_creates_it(store: Store) -> None:
    outcomes: list[str] = []
    ready = threading.Barrier(4)

    def write(n: int) -> None:
        ready.wait(10)
        try:
            with writing(store.engine) as conn:
                change = Change("Patient", "ngozi", patient(birthDate=f"198{n}"))
                written = put(conn, change, now=START, actor=AMARA, base=HERE, project=lambda *_: None)
            outcomes.append(written.outcome)
        except Conflict:
            outcomes.append("conflict")

    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert outcomes.count("created") == 1
    assert len(outcomes) == 4
    assert len(store.ids("Patient?")) == 1


def test_of_what_a_resource_is_found_by_only_what_differs_is_written_and_what_was_wrong_is_put_right(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = {"line": ["1 Oak Street"], "city": "Springfield"}
    who = {"gender": "female", "birthDate": "1960-03-14", "address": [home]}
    store.put(patient(**who))
    written = []

    def note(how: str) -> None:
        real = getattr(bulk, how)

        def noted(conn: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
            written.extend([(how, table.name, len(rows))] if rows and table.name.startswith("ix_") else [])
            real(conn, table, rows)

        monkeypatch.setattr(bulk, how, noted)

    for how in ("insert", "discard", "remove"):
        note(how)
    store.put(patient(**who, maritalStatus={"text": "married"}))
    assert written == []
    store.put(patient(**who | {"birthDate": "1960-03-15"}))
    assert written == [("discard", "ix_date", 1), ("insert", "ix_date", 1)]
    written.clear()
    store.put(patient(gender="female", birthDate="1960-03-15", address=[home | {"line": ["2 Elm Street"]}]))
    assert written == [("discard", "ix_string", 1), ("insert", "ix_string", 1)]
    assert store.ids("Patient?address=2 elm&address-city=springfield") == ["ngozi"]
    assert store.ids("Patient?address=1 oak") == []
    assert store.ids("Patient?birthdate=1960-03-15&gender=female&family=okafor") == ["ngozi"]
    assert store.ids("Patient?birthdate=1960-03-14") == []
    with writing(store.engine) as conn:
        conn.execute(tables.ix_token.delete())
    assert store.ids("Patient?gender=female") == []
    store.put(patient(gender="female", birthDate="1960-03-15", active=True))
    assert store.ids("Patient?gender=female&active=true") == ["ngozi"]
    store.delete("Patient", "ngozi")
    assert {name: count(store, name) for name in ("ix_token", "ix_string", "ix_date")} == dict.fromkeys(
        ("ix_token", "ix_string", "ix_date"), 0
    )


@pytest.mark.postgres
def test_postgres_writes_what_differs_without_reading_a_table_from_one_end_to_the_other(
    new_database: Callable[[str], str],
) -> None:
    engine = open_engine(new_database("postgres"))
    with writing(engine) as conn:
        numbers = "SELECT n, 1, 'word ' || n, 'Word ' || n FROM generate_series(1, 5000) AS n"
        conn.execute(sql(f"INSERT INTO ix_string (rid, key, folded, exact) {numbers}"))
        conn.execute(sql("ANALYZE ix_string"))
        rows = [(7, 1, "word 7", "Word 7"), (8, 1, "another", "Another")]
        raw: Any = conn.connection.dbapi_connection
        for mode in ("force_generic_plan", "force_custom_plan"):
            raw.execute(f"SET LOCAL plan_cache_mode = {mode}")
            asked = {"rows": json.dumps(rows), "rids": [7, 8]}
            plan = raw.execute(f"EXPLAIN {bulk._postgresql_discard(tables.ix_string)}", asked).fetchall()
            assert not [line for (line,) in plan if "Seq Scan on ix_string" in line]
        bulk.discard(conn, tables.ix_string, rows)
        assert conn.scalar(select(func.count()).select_from(tables.ix_string)) == 4999
    engine.dispose()
