"""What is changed here is told the EHR it concerns, and ends where everybody can see it: a second server over HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from auth import store
from carecoord.actions.ehrs.sync import add_ehr, run
from carecoord.cli.demo import PARTNER
from carecoord.domain.documents.acts import Offices, Paper, attached
from carecoord.domain.documents.audience import listed
from carecoord.domain.referrals.case import gather
from carecoord.store.database import tables
from carecoord.store.database.engine import reading, writing
from carecoord.store.ehrs import deliveries
from carecoord.store.ehrs.deliveries import Delivery
from carecoord.store.ehrs.tables import ehr_conflict
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.worker import loop
from carecoord.world import World
from fhir_adapters.ehr import BackendServices, Ehr
from fhir_adapters.identity import local_id
from fhir_adapters.writer import Writer
from tests.adapters.content import held, versions
from tests.adapters.second_server import STORY, hospital
from tests.adapters.test_both_sides import referral, task
from tests.adapters.test_syncing import patient

Json = dict[str, Any]
ID = local_id("mercy", "Task", "t1")
PATIENT = local_id("mercy", "Patient", "p1")


@pytest.fixture
def mercy(tmp_path: Path) -> Iterator[World]:
    """Mercy General's EHR, with a patient, a referral and its Task."""
    with hospital(tmp_path / "mercy", PARTNER, STORY) as world:
        for one in (patient("p1"), referral(), task()):
            written(world, one)
        yield world


@pytest.fixture
def ours(world: World, mercy: World) -> World:
    """We, synced once."""
    add_ehr(world, registered(mercy))
    assert run(world, "mercy").changed == 3
    return world


def registered(mercy: World, scope: str = PARTNER, **more: Any) -> Ehr:
    key = str(Path(mercy.settings.var) / "key.pem")
    limits = {"attempts": 1, "backoff_seconds": 0.01}
    return Ehr(
        "mercy", mercy.settings.fhir_url, auth=BackendServices("carecoord", key, scope), limits=limits, **more
    )  # fmt: skip


def written(world: World, resource: Json | None, type: str = "", id: str = "") -> None:
    type, id = (resource["resourceType"], resource["id"]) if resource else (type, id)
    with writing(world.engine) as conn:
        put_all(
            conn,
            [Change(type, id, resource)],
            now=datetime.now(UTC),
            actor=Actor("maria", None, None, "test"),
            base=world.base,
            project=world.project,
        )


def changed(world: World, **changes: Any) -> None:
    written(world, {k: v for k, v in held(world.engine, "Task")[ID].items() if k != "meta"} | changes)


def there(mercy: World) -> Json:
    return held(mercy.engine, "Task")["t1"]


def told(world: World, type: str = "Task", id: str = ID) -> Delivery:
    with reading(world.engine) as conn:
        found = deliveries.get(conn, "mercy", type, id)
    assert found
    return found


def test_a_change_here_can_be_read_there(ours: World, mercy: World) -> None:
    changed(ours, status="on-hold", statusReason={"text": "the patient travels"})
    assert told(ours).state == "waiting"
    assert there(mercy)["status"] == "accepted"
    assert loop.once(ours) == 1
    assert (there(mercy)["status"], there(mercy)["statusReason"]) == ("on-hold", {"text": "the patient travels"})
    assert there(mercy)["focus"] == {"reference": "ServiceRequest/r1"}
    assert (told(ours).state, told(ours).why) == ("delivered", "")
    before = versions(ours.engine), versions(mercy.engine)
    assert run(ours, "mercy").changed == 0
    assert loop.once(ours) == 0
    assert (versions(ours.engine), versions(mercy.engine)) == before


def test_what_the_ehr_changed_meanwhile_is_kept_beside_it(ours: World, mercy: World) -> None:
    written(mercy, task(priority="urgent"))
    changed(ours, status="on-hold")
    loop.once(ours)
    assert (there(mercy)["status"], there(mercy)["priority"]) == ("on-hold", "urgent")
    mine = held(ours.engine, "Task")[ID]
    assert (mine["status"], mine["priority"]) == ("on-hold", "urgent")
    assert run(ours, "mercy").changed == 0


def test_a_later_change_takes_the_place_of_one_that_waits_and_nothing_of_either_is_lost(
    ours: World, mercy: World
) -> None:
    """Why deliveries of one resource need not stand in line: the job has no content, it tells the newest there is."""
    changed(ours, status="on-hold", statusReason={"text": "the patient travels"})
    changed(ours, priority="urgent")
    changed(ours, note=[{"text": "back on Monday"}])
    assert loop.once(ours) == 1
    told_once = {"status": "on-hold", "statusReason": {"text": "the patient travels"}, "priority": "urgent"}
    assert there(mercy).items() >= {**told_once, "note": [{"text": "back on Monday"}]}.items()
    assert versions(mercy.engine)["Task", "t1"] == 2
    assert told(ours).state == "delivered"


def test_a_change_made_while_an_earlier_one_is_told_is_told_after_it(
    ours: World, mercy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    update, seen = Writer.update, []

    def interrupted(*args: Any) -> Any:
        answer = update(*args)
        if not seen:
            changed(ours, status="in-progress")
        seen.append(there(mercy)["status"])
        return answer

    monkeypatch.setattr(Writer, "update", interrupted)
    changed(ours, status="on-hold")
    assert loop.once(ours) == 2
    assert seen == ["on-hold", "in-progress"]
    assert told(ours).state == "delivered"
    assert held(ours.engine, "Task")[ID]["status"] == "in-progress"
    with reading(ours.engine) as conn:
        assert conn.execute(select(ehr_conflict)).all() == []


def test_what_both_changed_is_not_told_before_it_is_settled_but_the_rest_is(ours: World, mercy: World) -> None:
    written(mercy, task("completed"))
    changed(ours, status="on-hold", priority="urgent")
    loop.once(ours)
    assert (there(mercy)["status"], there(mercy)["priority"]) == ("completed", "urgent")
    assert held(ours.engine, "Task")[ID]["status"] == "on-hold"
    with reading(ours.engine) as conn:
        (conflict,) = conn.execute(select(ehr_conflict)).all()
    assert bytes(conflict.theirs) == b'{"status":"completed"}'
    assert (told(ours).state, told(ours).why) == ("waiting", "conflict")


@pytest.mark.parametrize("kind", ["note", "contact"])
def test_the_offices_own_log_of_notes_and_calls_stays_here(ours: World, mercy: World, kind: str) -> None:
    own = [{"coding": [{"system": "https://carecoord.example/fhir/CodeSystem/contact", "code": kind}]}]
    log = {
        "resourceType": "Communication", "id": "log-1", "status": "completed", "category": own,
        "subject": {"reference": f"Patient/{PATIENT}"}, "payload": [{"contentString": "She sounded confused."}],
    }  # fmt: skip
    written(ours, log)
    loop.once(ours)
    assert held(mercy.engine, "Communication") == {}
    with reading(ours.engine) as conn:
        assert [one for one in deliveries.of_patient(conn, PATIENT) if one.type == "Communication"] == []


CODES = "https://carecoord.example/fhir/CodeSystem"


def test_who_of_the_office_works_on_a_referral_and_when_it_rests_stays_here(ours: World, mercy: World) -> None:
    work = {
        "resourceType": "Task", "id": "work-1", "status": "in-progress", "intent": "plan",
        "code": {"coding": [{"system": f"{CODES}/referral-task", "code": "work-case"}]},
        "for": {"reference": f"Patient/{PATIENT}"}, "restriction": {"period": {"start": "2026-12-08"}},
        "owner": {"display": "Reyes, Maria"},
    }  # fmt: skip
    before = held(mercy.engine, "Task")
    written(ours, work)
    loop.once(ours)
    assert held(mercy.engine, "Task") == before
    with reading(ours.engine) as conn:
        assert [one for one in deliveries.of_patient(conn, PATIENT) if one.id == "work-1"] == []


def test_what_is_made_here_is_made_there_once_and_comes_back_as_the_same(ours: World, mercy: World) -> None:
    note = {
        "resourceType": "Communication", "id": "note-1", "status": "completed",
        "subject": {"reference": f"Patient/{PATIENT}"}, "about": [{"reference": f"Task/{ID}"}],
        "sender": {"reference": "Organization/ours"}, "payload": [{"contentString": "Called, no answer."}],
    }  # fmt: skip
    written(ours, note)
    loop.once(ours)
    (copy,) = held(mercy.engine, "Communication").values()
    assert copy["subject"] == {"reference": "Patient/p1"}
    assert copy["about"] == [{"reference": "Task/t1"}]
    assert copy["sender"] == {"reference": f"{ours.settings.fhir_url}/Organization/ours"}
    assert told(ours, "Communication", "note-1").state == "delivered"
    assert run(ours, "mercy").changed == 0
    assert set(held(ours.engine, "Communication")) == {"note-1"}
    assert versions(ours.engine)["Communication", "note-1"] == 1, "being told of it changes nothing here"
    assert "identifier" not in held(ours.engine, "Communication")["note-1"]
    written(ours, note | {"payload": [{"contentString": "Called, reached."}]})
    loop.once(ours)
    (copy,) = held(mercy.engine, "Communication").values()
    assert copy["payload"] == [{"contentString": "Called, reached."}]
    written(mercy, copy | {"note": [{"text": "thank you"}]})
    assert run(ours, "mercy").changed == 1
    assert held(ours.engine, "Communication")["note-1"]["note"] == [{"text": "thank you"}]


def test_what_refers_to_what_is_not_there_yet_takes_it_along(ours: World, mercy: World) -> None:
    mine = task() | {"id": "task-2", "for": {"reference": f"Patient/{PATIENT}"}, "status": "draft"}
    mine["focus"] = {"reference": f"ServiceRequest/{local_id('mercy', 'ServiceRequest', 'r1')}"}
    about = {
        "resourceType": "Communication", "id": "note-2", "status": "completed",
        "subject": {"reference": f"Patient/{PATIENT}"}, "about": [{"reference": "Task/task-2"}],
    }  # fmt: skip
    written(ours, about)
    written(ours, mine)
    loop.once(ours)
    loop.once(ours)
    made = next(id for id in held(mercy.engine, "Task") if id != "t1")
    (copy,) = held(mercy.engine, "Communication").values()
    assert copy["about"] == [{"reference": f"Task/{made}"}]
    run(ours, "mercy")
    assert set(held(ours.engine, "Task")) == {ID, "task-2"}
    assert held(ours.engine, "Communication")["note-2"]["about"] == [{"reference": "Task/task-2"}]


def test_a_token_that_may_not_write_is_a_refusal_and_is_asked_for_again_when_the_ehr_is_told_anew(
    ours: World, mercy: World, tmp_path: Path
) -> None:
    with writing(mercy.engine) as conn:
        client = store.find_client(conn, "carecoord")
        assert client
        store.change_client(conn, replace(client, scope="system/*.rs"))
    changed(ours, status="on-hold")
    loop.once(ours)
    assert (told(ours).state, told(ours).why) == ("refused", "no-scope")
    assert there(mercy)["status"] == "accepted"
    with writing(mercy.engine) as conn:
        store.change_client(conn, client)
    add_ehr(ours, registered(mercy))
    loop.once(ours)
    assert told(ours).state == "delivered"
    assert there(mercy)["status"] == "on-hold"


def test_an_ehr_that_we_only_read_is_told_nothing_and_the_case_says_so(world: World, mercy: World) -> None:
    add_ehr(world, registered(mercy, "system/*.rs"))
    run(world, "mercy")
    changed(world, status="on-hold")
    assert loop.once(world) == 0
    assert (told(world).state, told(world).why) == ("kept", "read-only")


def test_an_ehr_that_takes_no_such_write_is_told_nothing(world: World, mercy: World) -> None:
    add_ehr(world, registered(mercy, writes={"Communication": ("create",)}))
    run(world, "mercy")
    changed(world, status="on-hold")
    assert (told(world).state, told(world).why) == ("kept", "no-write")


def test_an_ehr_that_is_away_is_told_when_it_is_back(ours: World, mercy: World) -> None:
    known = registered(mercy)
    add_ehr(ours, replace(known, base_url="http://127.0.0.1:1/fhir", aliases=(known.base_url,)))
    changed(ours, status="on-hold")
    loop.once(ours)
    assert (told(ours).state, told(ours).why, told(ours).attempts) == ("waiting", "no-answer", 1)
    add_ehr(ours, replace(known, aliases=("http://127.0.0.1:1/fhir",)))
    with writing(ours.engine) as conn:
        conn.execute(tables.outbox.update().values(due_at=0))
    loop.once(ours)
    assert told(ours).state == "delivered"
    assert there(mercy)["status"] == "on-hold"


def test_what_we_changed_again_while_it_was_told_is_no_conflict_with_ourselves(ours: World, mercy: World) -> None:
    """The EHR shows what we told it before: that is our own word come back."""
    changed(ours, status="on-hold")
    written(mercy, there(mercy) | {"status": "on-hold"})  # told, and then we were killed
    changed(ours, status="in-progress")
    run(ours, "mercy")
    assert held(ours.engine, "Task")[ID]["status"] == "in-progress"
    with reading(ours.engine) as conn:
        assert conn.execute(select(ehr_conflict)).all() == []
    loop.once(ours)
    assert there(mercy)["status"] == "in-progress"


def papers(world: World, holder: str) -> None:
    """A document with its file, as the desk attaches it, in the hands of one side alone."""
    order = held(world.engine, "ServiceRequest")[local_id("mercy", "ServiceRequest", "r1")]
    paper = Paper("knee.pdf", "application/pdf", b"%PDF-1.4 knee", "18748-4")
    offices = Offices("fairmont", held=holder)
    now = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
    for each in attached(gather(order, []), {}, "paper", {"display": "Maria"}, paper, offices, now):
        written(world, each)


def test_a_document_that_is_attached_here_is_there_with_its_file_and_ours_stays_as_it_is(
    ours: World, mercy: World
) -> None:
    papers(ours, "requester")
    loop.once(ours)
    assert told(ours, "DocumentReference", "paper").state == "delivered"
    (copy,) = held(mercy.engine, "DocumentReference").values()
    assert copy["content"][0]["attachment"]["data"] == "JVBERi0xLjQga25lZQ=="
    assert copy["type"]["coding"] == [{"system": "http://loinc.org", "code": "18748-4"}]
    assert copy["subject"] == {"reference": "Patient/p1"}
    assert copy["context"]["related"] == [{"reference": "ServiceRequest/r1"}]
    assert run(ours, "mercy").changed == 0
    loop.once(ours)
    mine = held(ours.engine, "DocumentReference")["paper"]
    assert mine["content"][0]["attachment"]["url"] == "Binary/paper"
    assert {each["code"] for each in mine["meta"]["security"]} == {"listed", "requester-holds", "fairmont"}
    with reading(ours.engine) as conn:
        assert conn.execute(select(ehr_conflict)).all() == []


def test_a_clinics_document_is_told_when_it_is_sent_and_not_before(ours: World, mercy: World) -> None:
    papers(ours, "performer")
    loop.once(ours)
    assert held(mercy.engine, "DocumentReference") == {}
    written(ours, listed(held(ours.engine, "DocumentReference")["paper"], ["riverside"]))
    loop.once(ours)
    assert len(held(mercy.engine, "DocumentReference")) == 1
