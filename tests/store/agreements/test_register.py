"""Agreements and networks as they were known: a row holds for some days, and was known so for some time."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, select

from carecoord.actions.agreements import register
from carecoord.actions.worklist import project
from carecoord.domain.agreements.directory import register as register_of
from carecoord.domain.agreements.participation import Participation, Question, participation
from carecoord.domain.agreements.records import Records
from carecoord.domain.gates.gate import Evidence
from carecoord.domain.referrals.referral import Performer
from carecoord.domain.resource.parties import Party, directory
from carecoord.fhir.instants import micros
from carecoord.fhir.service_base import Base
from carecoord.store.agreements import tables
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources.write import Actor, Change, put_all
from tests.domain.stories import POLICY, affiliation, contract, group, network, ours, payer, plan, ref

HERE = Base("http://here.example/fhir", UTC)
CARLA = Actor("carla", "desk", "clinic", "req-1")
SHARED = [payer(1), payer(1, "office-"), *(group(n, "office-") for n in (1, 2, 3)), network(1), network(2)]
MONDAY = datetime(2027, 6, 7, 15, 0, tzinfo=UTC)
TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
APRIL = date(2027, 4, 15)
Json = dict[str, Any]


def put(engine: Engine, now: datetime, *resources: Json | str) -> None:
    """Store resources through the one door, or delete those given as `Type/id`."""
    changes = []
    for each in resources:
        kind, id = each.split("/") if isinstance(each, str) else (each["resourceType"], each["id"])
        body = None if isinstance(each, str) else {name: value for name, value in each.items() if name != "meta"}
        changes.append(Change(kind, id, body))
    with writing(engine) as conn:
        put_all(conn, changes, now=now, actor=CARLA, base=HERE, project=project.projector(POLICY))


def asked(engine: Engine, day: date, at: datetime | None = None, who: int = 1) -> Participation:
    """Whether the group takes part in the networks of plan 1 on the day, as it was known at an instant."""
    as_of = micros(at) if at else None
    known = directory(SHARED)
    with reading(engine) as conn:
        rows = register.participations(conn, [f"Organization/office-group-{who}"], as_of)
        versions = register.versions(conn, (each.contract for each in rows), as_of)
        records = Records(tuple(rows), tuple(register.plans(conn, ["PLAN1"], as_of)), tuple(versions))
    me = Performer(known[f"Organization/office-group-{who}"], None, Evidence("Organization/x", "1", "Organization"))
    question = Question(me, None, known["Organization/payer-1"], "PLAN1", frozenset({"cardiology"}))
    return participation(question, day, register_of(records, known, SHARED))


def version(n: int, start: str, end: str = "", *marks: Json, status: str = "executed") -> Json:
    term = {"start": start} | ({"end": end} if end else {})
    return contract(n=n, status=status, marks=list(marks)) | {"applies": term}


def amends(n: int, start: str) -> Json:
    """A rate-only amendment of the first version, with effect from a day."""
    marks = [
        ours("amends", valueReference=ref("Contract/agr-1-v1")),
        ours("amendment-type", valueCode="rate-only"),
        ours("effective-from", valueDate=start),
    ]
    return contract(n=n, start=None, marks=marks)


def test_an_amendment_effective_last_march_entered_today_changes_aprils_answer_only_from_today(engine: Engine) -> None:
    put(engine, MONDAY, *SHARED, plan(), affiliation(), version(1, "2026-01-01", "2028-12-31"))
    put(engine, WEDNESDAY, amends(2, "2027-03-01"))
    assert [(found.result, found.version) for found in (asked(engine, APRIL, TUESDAY), asked(engine, APRIL))] == [
        ("in", "1"),
        ("in", "2"),
    ]
    assert asked(engine, date(2027, 2, 28)).version == "1"
    assert asked(engine, APRIL, WEDNESDAY).version == "2", "at the instant itself it is known"
    assert asked(engine, APRIL, WEDNESDAY - timedelta(microseconds=1)).version == "1"
    assert asked(engine, APRIL, MONDAY - timedelta(microseconds=1)).result == "unknown", "nothing was known before"


def test_who_was_put_out_of_the_directory_was_in_it_as_it_was_known_before(engine: Engine) -> None:
    put(engine, MONDAY, *SHARED, plan(), affiliation(), version(1, "2026-01-01"))
    put(engine, TUESDAY, "OrganizationAffiliation/aff-1-1-include")
    assert asked(engine, APRIL).kind == "silent"
    assert asked(engine, APRIL, MONDAY).result == "in"
    put(engine, WEDNESDAY, affiliation())
    assert [asked(engine, APRIL, at).result for at in (MONDAY, TUESDAY, None)] == ["in", "unknown", "in"]


def test_a_plan_that_is_moved_backwards_in_time_answers_by_what_was_known(engine: Engine) -> None:
    moved = plan(network=2, start=40, id="plan-1-next")
    put(engine, MONDAY, *SHARED, plan(), affiliation(), version(1, "2026-01-01"))
    put(engine, TUESDAY, plan(end=39), moved)
    later = date(2027, 4, 15)  # more than 40 days after T
    assert (asked(engine, later, MONDAY).result, asked(engine, later).kind) == ("in", "network")


def test_a_row_that_is_written_again_in_the_same_instant_was_never_known_otherwise(engine: Engine) -> None:
    put(engine, MONDAY, *SHARED, plan(), version(1, "2026-01-01"), affiliation(kind="exclude", id="a"))
    put(engine, TUESDAY, affiliation(id="a"), affiliation(id="a", end=-300), affiliation(id="a"))
    assert [asked(engine, APRIL, at).result for at in (MONDAY, TUESDAY)] == ["excluded", "in"]


def members(conn: Connection, fields: Iterable[str] = ("cardiology",), day: date = APRIL, most: int = 2) -> list[str]:
    return register.members(conn, ["Organization/network-1"], fields, day, most)


def test_the_first_members_of_a_network_come_in_the_order_of_their_present_names(engine: Engine) -> None:
    rows = [affiliation(n, number=f"AGR-{n}") for n in (1, 2, 3)]
    signed = [contract(f"AGR-{n}", evergreen=True, end=400) for n in (1, 2)]
    put(engine, MONDAY, plan(), *rows, *signed, contract("AGR-3", end=5), *SHARED)  # the names come last
    with reading(engine) as conn:
        assert members(conn) == ["Organization/office-group-2", "Organization/office-group-1"]  # Hillcrest, Riverside
        assert members(conn, most=1) == ["Organization/office-group-2"]
        assert members(conn, ["dermatology"]) == []
        assert members(conn, []) == ["Organization/office-group-2", "Organization/office-group-1"]
        early = date(2026, 11, 25)  # before Bell's agreement ends
        assert members(conn, day=early) == ["Organization/office-group-3", "Organization/office-group-2"]
    put(engine, TUESDAY, group(2, "office-") | {"name": "Zenith Cardiology"})
    with reading(engine) as conn:
        assert members(conn) == ["Organization/office-group-1", "Organization/office-group-2"]


def everything(conn: Connection) -> dict[str, list[tuple[Any, ...]]]:
    found = (tables.agreement_version, tables.participation, tables.network_member, tables.plan_network)
    return {table.name: sorted(tuple(row) for row in conn.execute(select(table))) for table in found}


def test_rows_made_anew_from_all_versions_are_those_that_were_written_as_it_happened(engine: Engine) -> None:
    put(engine, MONDAY, *SHARED, plan(), affiliation(), affiliation(2), version(1, "2026-01-01"))
    put(
        engine,
        TUESDAY,
        affiliation(end=10),
        "OrganizationAffiliation/aff-2-1-include",
        version(1, "2026-01-01", "2030-01-01"),
    )
    put(engine, WEDNESDAY, amends(2, "2027-03-01"), affiliation(2, kind="exclude"), plan(network=2))
    with reading(engine) as conn:
        written = everything(conn)
    assert {name: len(rows) for name, rows in written.items()} == {
        "agreement_version": 3, "participation": 4, "network_member": 6, "plan_network": 2,
    }  # fmt: skip
    register.renew(engine, POLICY.zone)
    with reading(engine) as conn:
        assert everything(conn) == written


def test_days_are_read_anew_when_the_office_moves_to_another_zone(engine: Engine) -> None:
    ends = affiliation() | {"period": {"start": "2026-01-01", "end": "2027-04-15T02:00:00Z"}}
    put(engine, MONDAY, *SHARED, plan(), version(1, "2026-01-01"), ends)
    register.renew(engine, POLICY.zone)
    assert asked(engine, APRIL).kind == "ended", "in New York that is the evening of the 14th"
    register.renew(engine, ZoneInfo("Europe/Berlin"))
    assert asked(engine, APRIL).result == "in"


def test_text_that_no_index_holds_as_it_is_neither_stops_a_write_nor_is_it_lost(engine: Engine) -> None:
    long = "n" * 5000
    odd = affiliation(specialty=long, number="") | {"network": [{"identifier": {"system": "urn:x", "value": long}}]}
    put(engine, MONDAY, odd, plan() | {"identifier": [{"value": long}]}, contract(long, end=3))
    with reading(engine) as conn:
        (row,) = register.participations(conn, ["Organization/office-group-1"])
        assert row.specialties == {long}
        assert [each.plan[:10] for each in register.plans(conn, [long])] == ["n" * 10]
        assert register.members(conn, [f"urn:x|{long}"], [long], APRIL, 5) == [], "it names no agreement"


def test_two_payers_that_gave_one_number_have_two_agreements(engine: Engine) -> None:
    mine = version(1, "2026-01-01") | {"authority": [ref("Organization/payer-1")]}
    theirs = version(2, "2026-06-01", status="terminated") | {"authority": [ref("Organization/office-payer-2")]}
    ended = theirs | {"applies": {"start": "2026-06-01", "end": "2026-12-31"}}
    put(engine, MONDAY, *SHARED, payer(2), payer(2, "office-"), plan(), affiliation(), mine, ended)
    found = asked(engine, APRIL)
    assert (found.result, found.version) == ("in", "1")


def test_a_party_is_found_by_the_copy_that_the_directory_names(engine: Engine) -> None:
    put(engine, MONDAY, *SHARED, group(1), plan(), version(1, "2026-01-01"), affiliation())
    known: dict[str, Party] = directory([*SHARED, group(1)])
    with reading(engine) as conn:
        found = register.participations(conn, known["Organization/group-1"].keys)
    assert [each.evidence for each in found] == [
        Evidence("OrganizationAffiliation/aff-1-1-include", "1", "OrganizationAffiliation.period")
    ]
