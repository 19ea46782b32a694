"""Syncing from a small EHR on a real socket into a real database: what arrives, what changes, what goes wrong."""

import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import select

from carecoord import errors
from carecoord.actions.ehrs import sync
from carecoord.actions.ehrs.sync import Summary, add_ehr, examine, run
from carecoord.actions.ehrs.sync_health import list_ehrs
from carecoord.store.database import tables
from carecoord.store.database.engine import reading, writing
from carecoord.store.ehrs import ehrs
from carecoord.world import World
from fhir_adapters.ehr import BackendServices, Ehr
from fhir_adapters.identity import local_id
from tests.adapters.content import content, emptied, held, versions
from tests.adapters.little_ehr import Asked, LittleEhr, Reply, serving

QUICK = {"attempts": 2, "backoff_seconds": 0.01, "read_seconds": 0.5, "connect_seconds": 0.5}


def patient(id: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, "name": [{"family": f"Family{id}"}], **more}


def appointment(id: str, of: str, status: str = "booked") -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "id": id,
        "status": status,
        "start": "2026-12-01T09:00:00Z",
        "end": "2026-12-01T09:30:00Z",
        "participant": [{"actor": {"reference": f"Patient/{of}"}, "status": "accepted"}],
    }


def condition(id: str, of: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": id,
        "subject": {"reference": f"Patient/{of}"},
        "code": {"text": "Angina"},
    }


@pytest.fixture
def filled(little: LittleEhr) -> LittleEhr:
    """Seven patients, each with an appointment and a condition; windows are offered for appointments only."""
    little.params = {"Appointment": {"_lastUpdated"}, "Condition": {"patient"}}
    for n in range(7):
        little.put(patient(f"p{n}"))
        little.put(appointment(f"a{n}", f"p{n}"))
        little.put(condition(f"c{n}", f"p{n}"))
    return little


@pytest.fixture
def added(world: World, filled: LittleEhr) -> Ehr:
    return add_ehr(world, Ehr("little", filled.base, limits=QUICK))


def here(type: str, id: str) -> str:
    return local_id("little", type, id)


def by_type(summary: Summary) -> dict[str, sync.TypeSummary]:
    return {one.type: one for one in summary.types}


def test_everything_the_ehr_offers_arrives_under_our_ids(world: World, added: Ehr, filled: LittleEhr) -> None:
    heard: list[tuple[str, int, int | None]] = []
    summary = run(world, "little", lambda *said: heard.append(said))
    assert summary.error is None
    assert (summary.received, summary.changed) == (21, 21)
    assert {one.type: one.strategy for one in summary.types} == {
        "Patient": "sweep", "Appointment": "sweep", "Condition": "sweep",
    }  # fmt: skip
    assert set(held(world.engine, "Patient")) == {here("Patient", f"p{n}") for n in range(7)}
    visit = held(world.engine, "Appointment")[here("Appointment", "a3")]
    assert visit["participant"][0]["actor"]["reference"] == f"Patient/{here('Patient', 'p3')}"
    assert visit["meta"]["source"] == f"{filled.base}/Appointment/a3"
    assert visit["meta"]["versionId"] == "1"
    assert [said for said in heard if said[0] == "Patient"] == [("Patient", n, 7) for n in (3, 6, 7, 7)]


def test_a_second_run_changes_no_version(world: World, added: Ehr) -> None:
    run(world, "little")
    before = content(world.engine)
    again = run(world, "little")
    after = content(world.engine)
    assert again.changed == 0
    assert again.error is None
    assert after == before


def test_the_second_run_asks_only_for_a_window_where_the_ehr_offers_one(
    world: World, added: Ehr, filled: LittleEhr
) -> None:
    run(world, "little")
    filled.asked.clear()
    assert by_type(run(world, "little"))["Appointment"].strategy == "window"
    assert filled.searches("Appointment")[0].query["_lastUpdated"][0].startswith("ge20")
    assert "_lastUpdated" not in filled.searches("Patient")[0].query


def test_one_changed_appointment_changes_one_resource(world: World, added: Ehr, filled: LittleEhr) -> None:
    run(world, "little")
    before = versions(world.engine)
    filled.put(appointment("a3", "p3", "cancelled"))
    assert run(world, "little").changed == 1
    after = versions(world.engine)
    assert {key for key in after if after[key] != before[key]} == {("Appointment", here("Appointment", "a3"))}
    assert held(world.engine, "Appointment")[here("Appointment", "a3")]["status"] == "cancelled"


def test_a_new_version_with_the_same_content_changes_nothing(world: World, added: Ehr, filled: LittleEhr) -> None:
    run(world, "little")
    filled.put(patient("p3"))
    filled.put(appointment("a3", "p3"))
    assert run(world, "little").changed == 0


def test_what_a_sweep_no_longer_finds_is_deleted_here(world: World, added: Ehr, filled: LittleEhr) -> None:
    run(world, "little")
    del filled.held["Condition"]["c2"]
    summary = run(world, "little")
    assert by_type(summary)["Condition"].deleted == 1
    assert here("Condition", "c2") not in held(world.engine, "Condition")
    assert len(held(world.engine, "Condition")) == 6
    assert run(world, "little").changed == 0


def test_what_comes_back_in_the_ehr_comes_back_here(world: World, added: Ehr, filled: LittleEhr) -> None:
    run(world, "little")
    lost = filled.held["Condition"].pop("c2")
    run(world, "little")
    filled.held["Condition"]["c2"] = lost
    assert by_type(run(world, "little"))["Condition"].created == 1
    assert versions(world.engine)["Condition", here("Condition", "c2")] == 3


def test_a_search_that_turns_up_empty_deletes_nothing_that_is_still_there(
    world: World, added: Ehr, filled: LittleEhr
) -> None:
    run(world, "little")
    before = versions(world.engine)
    filled.fail("/Condition?", Reply(document={"resourceType": "Bundle", "type": "searchset", "total": 0}))
    assert run(world, "little").changed == 0
    assert versions(world.engine) == before


def test_a_resource_that_is_hidden_from_us_is_not_deleted(world: World, added: Ehr, filled: LittleEhr) -> None:
    run(world, "little")
    del filled.held["Condition"]["c2"]
    filled.fail("/Condition/c2", Reply(403, {}))
    summary = by_type(run(world, "little"))["Condition"]
    assert summary.deleted == 0
    assert "asking for them by id was of no use" in summary.notices[0]


def test_patients_are_swept_one_by_one_where_the_ehr_demands_it(world: World, added: Ehr, filled: LittleEhr) -> None:
    filled.demands = {"Condition"}
    filled.put(condition("c7", "p6"))
    for _ in range(2):
        summary = by_type(run(world, "little"))["Condition"]
        assert (summary.strategy, summary.received, summary.error) == ("patients", 8, "")
        assert len(held(world.engine, "Condition")) == 8
    del filled.held["Condition"]["c7"]
    assert by_type(run(world, "little"))["Condition"].deleted == 1


@pytest.mark.parametrize("status", [400, 403, 404, 410, 422])
@pytest.mark.parametrize("restricted", ["p0", "p3", "p6"])
def test_a_patient_whose_search_is_refused_does_not_keep_the_others_from_being_read(
    world: World, added: Ehr, filled: LittleEhr, restricted: str, status: int
) -> None:
    filled.demands = {"Condition"}
    filled.fail(f"/Condition?patient={restricted}", Reply(status, {"resourceType": "OperationOutcome"}), times=99)
    summary = by_type(run(world, "little"))["Condition"]
    assert (summary.received, summary.error) == (6, "")
    assert f"Condition: the search was refused for some patients ({status})." in summary.notices


def test_a_search_that_is_refused_for_every_patient_is_refused(world: World, added: Ehr, filled: LittleEhr) -> None:
    filled.demands = {"Condition"}
    for n in range(40):
        filled.put(patient(f"q{n}"))
    refusal = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "details": {"text": "No scope."}}]}
    filled.fail("/Condition?patient=", Reply(403, refusal), times=99)
    summary = by_type(run(world, "little"))["Condition"]
    assert "403 No scope." in summary.error
    assert len([one for one in filled.searches("Condition") if "patient" in one.query]) == 20


def test_a_type_that_wants_patient_and_date_is_asked_with_both(world: World, added: Ehr, filled: LittleEhr) -> None:
    filled.params["Appointment"] = {"patient", "date"}

    def wants_both(asked: Asked) -> Reply | None:
        wanting = asked.path == "/r4/Appointment" and not {"patient", "date"} <= set(asked.query)
        return Reply(400, {"resourceType": "OperationOutcome"}) if wanting else None

    filled.faults.append(wants_both)
    filled.held["Appointment"] = {
        id: {**one, "patient": one["participant"][0]["actor"]} for id, one in filled.held["Appointment"].items()
    }
    summary = by_type(run(world, "little"))["Appointment"]
    assert (summary.strategy, summary.received, summary.error) == ("patients", 7, "")


def test_a_change_stamped_an_hour_ago_arrives_with_the_next_window(world: World, added: Ehr, filled: LittleEhr) -> None:
    filled.now = lambda: time.time() - 3600
    for n in range(7):
        filled.put(appointment(f"a{n}", f"p{n}"))
    run(world, "little")
    filled.put(appointment("a3", "p3", "cancelled"))
    assert by_type(run(world, "little"))["Appointment"].strategy == "window"
    assert held(world.engine, "Appointment")[here("Appointment", "a3")]["status"] == "cancelled"


def test_the_overlap_of_one_ehr_can_be_told(world: World, added: Ehr, filled: LittleEhr) -> None:
    add_ehr(world, replace(added, overlap_seconds=36_000.0))
    filled.now = lambda: time.time() - 32_000
    run(world, "little")
    filled.put(appointment("a3", "p3", "cancelled"))
    run(world, "little")
    assert held(world.engine, "Appointment")[here("Appointment", "a3")]["status"] == "cancelled"


@pytest.mark.parametrize("id", ["abc_123", "a:b", "x" * 90])
def test_what_refers_to_an_odd_id_refers_to_our_copy(world: World, added: Ehr, filled: LittleEhr, id: str) -> None:
    filled.put(patient(id))
    filled.put(appointment("odd", id))
    run(world, "little")
    reference = held(world.engine, "Appointment")[here("Appointment", "odd")]["participant"][0]["actor"]["reference"]
    assert reference == f"Patient/{here('Patient', id)}"
    assert here("Patient", id) in held(world.engine, "Patient")


def test_what_breaks_our_rules_is_stored_with_a_flag(world: World, added: Ehr, filled: LittleEhr) -> None:
    filled.put(patient("odd", gender="martian"))
    summary = run(world, "little")
    assert (summary.flagged, summary.error) == (1, None)
    assert held(world.engine, "Patient")[here("Patient", "odd")]["gender"] == "martian"
    with reading(world.engine) as conn:
        flags = conn.execute(select(tables.flag)).all()
    assert [flag.expression for flag in flags] == ["Patient.gender"]
    (told,) = sync.flags(world, "little", 10)
    assert (told.type, told.id, told.place) == ("Patient", here("Patient", "odd"), "Patient.gender")
    assert told.source == f"{filled.base}/Patient/odd"
    assert "martian" in told.text


def test_an_older_copy_later_in_the_same_round_does_not_replace_a_newer_one(
    world: World, added: Ehr, filled: LittleEhr
) -> None:
    old = dict(filled.held["Patient"]["p0"])
    filled.put(patient("p0", gender="female"))
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": old}]}
    filled.fail("/Patient?_count=100&page=6", Reply(document=bundle))
    run(world, "little")
    assert held(world.engine, "Patient")[here("Patient", "p0")]["gender"] == "female"


def test_decimals_keep_their_digits(world: World, added: Ehr, filled: LittleEhr) -> None:
    raw = (
        b'{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Condition","id":"d",'
        b'"subject":{"reference":"Patient/p0"},"onsetAge":{"value":100.50,"unit":"a"}}}]}'
    )
    filled.fail("/Condition?", Reply(raw=raw))
    run(world, "little")
    with reading(world.engine) as conn:
        body = conn.scalar(select(tables.resource.c.body).where(tables.resource.c.id == here("Condition", "d")))
    assert b'"value":100.50' in bytes(body or b"")


def test_a_type_that_is_refused_leaves_the_others_be_and_is_named(world: World, added: Ehr, filled: LittleEhr) -> None:
    filled.fail("/Appointment", Reply(403, {}), times=9)
    summary = run(world, "little")
    assert summary.error == "Appointment: little: GET /r4/Appointment: 403"
    assert len(held(world.engine, "Condition")) == 7
    assert list_ehrs(world)[0].run is not None
    assert list_ehrs(world)[0].run.error == summary.error  # type: ignore[union-attr]


def test_an_outage_keeps_what_came_and_the_next_run_goes_on_from_there(
    world: World, added: Ehr, filled: LittleEhr
) -> None:
    undisturbed = undisturbed_content(world)
    filled.fail("/Appointment?_count=100&page=3", Reply(503, {}), times=99)
    filled.fail("/Condition", Reply(503, {}), times=99)
    broken = run(world, "little")
    assert "Appointment: little: GET /r4/Appointment: 503" in str(broken.error)
    assert len(held(world.engine, "Appointment")) == 3
    assert held(world.engine, "Condition") == {}
    with reading(world.engine) as conn:
        (record,) = ehrs.runs(conn, "little")
    assert record.error == broken.error
    assert record.finished is not None
    assert (record.received, record.changed) == (10, 10)
    filled.faults.clear()
    filled.asked.clear()
    assert run(world, "little").error is None
    assert filled.searches("Appointment")[0].query["page"] == ["3"]
    assert content(world.engine) == undisturbed


def undisturbed_content(world: World) -> dict[str, list[Any]]:
    """What a run leaves behind that nothing disturbs; the database is then emptied again."""
    run(world, "little")
    found = content(world.engine)
    with writing(world.engine) as conn:
        emptied(conn, keep=("ehr", "setting"))
    return found


def test_an_ehr_that_is_down_from_the_start_changes_nothing(world: World, added: Ehr, filled: LittleEhr) -> None:
    run(world, "little")
    before = content(world.engine)
    filled.fail("", Reply(502, {}), times=999)
    summary = run(world, "little")
    assert summary.error == "little: GET /r4/metadata: 502"
    assert content(world.engine) == before


def test_the_circuit_opens_after_some_failures_and_ends_the_run(world: World, added: Ehr, filled: LittleEhr) -> None:
    for type in ("Claim", "Task", "Slot"):
        filled.put({"resourceType": type, "id": "1"})
    filled.fail("page=3", Reply(500, {}), times=999)
    filled.fail("Appointment", Reply(500, {}), times=999)
    filled.fail("Task", Reply(500, {}), times=999)
    filled.fail("Slot", Reply(500, {}), times=999)
    summary = run(world, "little")
    assert "giving up for this run" in str(summary.error)
    assert filled.searches("Claim") == []


def test_an_expired_link_of_an_earlier_run_starts_its_search_again(world: World, added: Ehr, filled: LittleEhr) -> None:
    filled.fail("/Patient?_count=100&page=3", Reply(503, {}), times=2)
    assert run(world, "little").error
    filled.fail("/Patient?_count=100&page=3", Reply(410, {}))
    assert run(world, "little").error is None
    assert len(held(world.engine, "Patient")) == 7


def test_an_ehr_that_moved_is_read_on_where_it_is_now_under_the_same_ids(
    world: World, added: Ehr, filled: LittleEhr
) -> None:
    filled.fail("/Patient?_count=100&page=3", Reply(503, {}), times=2)
    assert run(world, "little").error
    before = set(held(world.engine, "Patient"))
    with serving(LittleEhr()) as moved:
        moved.held, moved.params = filled.held, filled.params
        add_ehr(world, replace(added, base_url=moved.base, aliases=(added.base_url,)))
        assert run(world, "little").error is None
    assert before < set(held(world.engine, "Patient"))
    assert set(held(world.engine, "Patient")) == {here("Patient", f"p{n}") for n in range(7)}


def test_a_next_link_to_another_host_ends_that_type_with_its_name(world: World, added: Ehr, filled: LittleEhr) -> None:
    with serving(LittleEhr()) as other:
        link = [{"relation": "next", "url": f"{other.base}/Patient?page=2"}]
        filled.fail("/Patient?", Reply(document={"resourceType": "Bundle", "type": "searchset", "link": link}))
        summary = run(world, "little")
        assert "Patient: little: a link leads to http://127.0.0.1" in str(summary.error)
        assert other.asked == []


def test_a_looping_link_ends_that_type(world: World, added: Ehr, filled: LittleEhr) -> None:
    filled.fail("page=6", Reply(document={
        "resourceType": "Bundle", "type": "searchset", "link": [{"relation": "next", "url": "?_count=100&page=3"}],
    }), times=99)  # fmt: skip
    summary = run(world, "little")
    assert "Patient: little: paging of Patient comes back" in str(summary.error)
    assert len(held(world.engine, "Patient")) == 6


def test_a_broken_page_is_asked_for_again(world: World, added: Ehr, filled: LittleEhr) -> None:
    filled.fail("/Patient?_count=100&page=3", Reply(raw=b'{"resourceType":"Bundle","ent'))
    assert run(world, "little").error is None
    assert len(held(world.engine, "Patient")) == 7


def test_two_runs_at_once_do_not_mix_even_where_a_lock_was_lost(
    world: World, added: Ehr, filled: LittleEhr, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PostgreSQL that ends our session gives the lock to another while we still read."""
    monkeypatch.setattr(sync, "held", lambda engine, what: nullcontext(True))
    once = []

    def meanwhile(type: str, received: int, total: int | None) -> None:
        if not once:
            once.append(run(world, "little"))

    with pytest.raises(errors.Conflict, match="Another run"):
        run(world, "little", meanwhile)
    assert once[0].error is None
    assert len(held(world.engine, "Condition")) == 7
    assert run(world, "little").changed == 0


class TestWithTokens:
    @pytest.fixture(autouse=True)
    def registered(self, world: World, filled: LittleEhr, ec: ECKey, rsa: RSAKey, key_file: Path) -> None:
        filled.clients["us"] = KeySet([ec, rsa])
        auth = BackendServices("us", str(key_file), "system/*.rs")
        add_ehr(world, Ehr("little", filled.base, auth=auth, limits=QUICK))

    def test_a_token_is_fetched_once_and_sent_to_the_fhir_api_only(self, world: World, filled: LittleEhr) -> None:
        assert run(world, "little").error is None
        assert len(filled.tokens) == 1
        for asked in filled.asked:
            public = asked.path.endswith(("metadata", "smart-configuration", "token"))
            assert ("authorization" in asked.headers) != public

    def test_a_token_that_expires_mid_run_is_replaced(self, world: World, filled: LittleEhr) -> None:
        def expire(asked: Any) -> None:
            if asked.query.get("page") == ["3"] and len(filled.tokens) == 1:
                filled.tokens.clear()
                filled.tokens.add("another")

        filled.faults.append(expire)
        assert run(world, "little").error is None
        assert len(held(world.engine, "Condition")) == 7

    def test_short_lived_tokens_are_renewed_in_time(self, world: World, filled: LittleEhr) -> None:
        filled.expires_in = "0"
        assert run(world, "little").error is None
        assert len(filled.tokens) > 5
        assert len(filled.jtis) == len(filled.tokens)

    def test_the_token_endpoint_is_found_in_the_metadata_where_there_is_nothing_else(
        self, world: World, filled: LittleEhr
    ) -> None:
        filled.well_known = False
        assert run(world, "little").error is None
        assert len(filled.tokens) == 1

    def test_scopes_that_were_not_granted_are_told(self, world: World, filled: LittleEhr) -> None:
        filled.grants = "system/Patient.rs"
        summary = run(world, "little")
        assert "did not grant system/*.rs" in summary.notices[0]
        assert examine(world, "little").notices == summary.notices

    def test_only_what_is_granted_is_asked_for_and_the_rest_is_told_once(self, world: World, filled: LittleEhr) -> None:
        filled.grants = "system/Patient.rs system/Appointment.read system/Task.r launch"
        summary = run(world, "little")
        assert summary.error is None
        assert (filled.searches("Condition"), filled.searches("Task")) == ([], [])
        assert [one.type for one in summary.types] == ["Patient", "Appointment"]
        assert {"Condition"} <= {*summary.ungranted}
        assert set(list_ehrs(world)[0].run.ungranted) == {*summary.ungranted}

    def test_what_was_read_before_and_is_granted_no_more_is_no_good_sync(self, world: World, filled: LittleEhr) -> None:
        run(world, "little")
        filled.grants = "system/Patient.rs"
        assert "Appointment: no longer granted to us" in str(run(world, "little").error)

    def test_scopes_in_words_of_its_own_leave_nothing_unasked(self, world: World, filled: LittleEhr) -> None:
        filled.grants = "everything"
        assert run(world, "little").ungranted == ()

    def test_a_registration_that_does_not_hold_is_said_first(self, world: World, filled: LittleEhr) -> None:
        filled.fail("/token", Reply(401, {"error": "invalid_client"}), times=9)
        summary = run(world, "little")
        assert "gave no token to client us: 401 invalid_client" in str(summary.error)
        assert summary.types == ()

    def test_a_token_endpoint_that_hiccups_is_asked_again(self, world: World, filled: LittleEhr) -> None:
        filled.fail("/token", Reply(503, {}, {"Retry-After": "0"}))
        assert run(world, "little").error is None

    def test_a_grant_that_is_withdrawn_mid_run_ends_it_and_deletes_nothing(
        self, world: World, filled: LittleEhr
    ) -> None:
        run(world, "little")
        before = versions(world.engine)
        filled.fail("/r4/Appointment", Reply(401, {}), times=999)
        summary = run(world, "little")
        assert "Appointment: little: GET /r4/Appointment: 401" in str(summary.error)
        assert versions(world.engine) == before


def test_examining_tells_what_the_ehr_gives_and_asks_for_no_data(world: World, added: Ehr, filled: LittleEhr) -> None:
    found = examine(world, "little")
    assert (found.software, found.fhir_version) == ("Little EHR 1", "4.0.1")
    assert [job.type for job in found.jobs] == ["Patient", "Appointment", "Condition"]
    assert "ServiceRequest" in found.missing
    assert [asked.path for asked in filled.asked] == ["/r4/metadata"]


def test_examining_an_ehr_that_is_down_says_what_happened(world: World, added: Ehr, filled: LittleEhr) -> None:
    filled.fail("metadata", Reply(503, {}, {"Retry-After": "600"}))
    with pytest.raises(errors.Unavailable) as busy:
        examine(world, "little")
    assert busy.value.headers["Retry-After"] == "600"
    filled.fail("metadata", Reply(200, {}, delay=0.8), times=9)
    filled.asked.clear()
    with pytest.raises(errors.TimedOut):
        examine(world, "little")
    assert len(filled.asked) == 2, "once more and not five times: somebody waits for it"
    filled.faults.clear()
    filled.fail("metadata", Reply(404, {}))
    with pytest.raises(errors.BadGateway, match="404"):
        examine(world, "little")


def test_an_unknown_ehr_is_not_found_and_the_known_ones_are_named(world: World, added: Ehr) -> None:
    for ask in (run, examine):
        with pytest.raises(errors.NotFound, match="known: little"):
            ask(world, "big")


def test_a_name_stands_for_one_ehr_unless_it_says_that_it_moved(world: World, added: Ehr) -> None:
    with pytest.raises(errors.Conflict, match="already stands for"):
        add_ehr(world, replace(added, base_url="https://other.example/r4"))
    moved = replace(added, base_url="https://other.example/r4", aliases=(added.base_url,))
    assert add_ehr(world, moved) == moved
    assert [one.ehr for one in list_ehrs(world)] == [moved]


def test_an_ehr_with_a_bad_key_or_dialect_or_limit_is_not_added(world: World, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("no key")
    for wrong in (
        Ehr("x", "https://x", auth=BackendServices("us", str(tmp_path / "bad"))),
        Ehr("x", "https://x", auth=BackendServices("us", str(tmp_path / "absent"))),
        Ehr("x", "https://x", dialect="unheard"),
        Ehr("x", "https://x", limits={"attempts": -1}),
    ):
        with pytest.raises(errors.Invalid):
            add_ehr(world, wrong)
    assert list_ehrs(world) == []


def test_a_lost_cursor_means_reading_all_again_and_still_noticing_what_is_gone(
    world: World, added: Ehr, filled: LittleEhr
) -> None:
    for _ in range(2):
        run(world, "little")
    del filled.held["Condition"]["c2"]
    with writing(world.engine) as conn:
        conn.execute(tables.ehr_cursor.update().values(state=b"not a cursor"))
    summary = run(world, "little")
    assert (summary.received, summary.changed) == (20, 1)
    assert by_type(summary)["Condition"].deleted == 1


def test_one_process_at_a_time_reads_an_ehr_and_a_dead_one_keeps_nobody_out(
    world: World, filled: LittleEhr, database_url: str, tmp_path: Path
) -> None:
    add_ehr(world, Ehr("little", filled.base, limits=QUICK))
    held_by = (
        "import sys; from carecoord.store.database.engine import open_engine;"
        "from carecoord.store.database.mutex import held;"
        f"lock = held(open_engine({database_url!r}), 'ehr little');"
        "print(lock.__enter__(), flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen([sys.executable, "-c", held_by], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout
    assert other.stdout.readline() == "True\n"
    with pytest.raises(errors.Conflict, match="little is being read just now by another process"):
        run(world, "little")
    assert list_ehrs(world)[0].run is None, "it was not even begun, and the other's run is not called interrupted"
    other.kill()
    other.wait(10)
    other.communicate()
    end = time.monotonic() + 10
    while time.monotonic() < end:  # a PostgreSQL needs a moment to see that the process is gone
        try:
            assert run(world, "little").error is None
            return
        except errors.Conflict:
            time.sleep(0.1)
    raise AssertionError("a dead process keeps the EHR")


def test_a_task_follows_the_workflow_agreed_with_its_ehr_whatever_it_claims(
    world: World, added: Ehr, filled: LittleEhr
) -> None:
    claimed = ["http://hl7.org/fhir/us/bser/StructureDefinition/BSeR-ReferralTask"]
    mark = {"system": "https://carecoord.example/fhir/CodeSystem/referral-workflow", "code": "gravity"}

    def tags() -> Any:
        return held(world.engine, "Task")[here("Task", "t")]["meta"].get("tag", [])

    def said(words: str) -> dict[str, Any]:
        meta = {"profile": claimed, "tag": [mark | {"code": "bser"}]}
        about = {"for": {"reference": "Patient/p0"}, "description": words}
        return {"resourceType": "Task", "id": "t", "meta": meta, "status": "requested", "intent": "order", **about}

    filled.put(said("at first"))
    run(world, "little")
    assert tags() == []
    add_ehr(world, replace(added, workflow="gravity"))
    filled.put(said("then"))
    run(world, "little")
    assert tags() == [mark]
    add_ehr(world, added)
    filled.put(said("at last"))
    run(world, "little")
    assert tags() == [mark]
    with pytest.raises(errors.Invalid, match="no workflow"):
        add_ehr(world, replace(added, workflow="soonish"))
