"""Issue 3, Audit: the auditor's page says who saw this patient, when, by which app, under which launch; export."""

import csv
import json
import re
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from auth import store
from auth.store import Token
from carecoord.actions.audit import seals as audit_seals
from carecoord.fhir.instants import micros
from carecoord.fhir.validation.validate import issues
from carecoord.store.access import break_glass
from carecoord.store.access.break_glass import Glass
from carecoord.store.audit import seals
from carecoord.store.audit.events import Event, record
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import case as case_row
from tests.desk.conftest import NOW, PEOPLE, House

AT = micros(NOW)


def person(house: House, who: str) -> str:
    """The id of somebody who signs in."""
    with reading(house.world.engine) as conn:
        return next(user.id for user in store.users(conn) if user.login == PEOPLE[who][0])


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def rows(page: str) -> list[str]:
    """The rows of the page's table as text."""
    return [text_of(row) for row in re.findall(r'<tr role="row" class="deed".*?</tr>', page, re.S)]


@pytest.fixture
def auditor(house: House) -> FlaskClient:
    return house.enter("auditor")


def look(house: House, auditor: FlaskClient, query: str) -> str:
    house.world.journal.drain(house.world.engine)
    answer = auditor.get(f"/audit{query}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.fixture(scope="session")
def patient(house: House) -> str:
    """A patient of the story whom the coordinator has looked at on the desk."""
    page = house.enter("coordinator").get("/").get_data(as_text=True)
    (order, *_) = re.findall(r'id="case-([^"]+)"', page)
    house.enter("coordinator").get(f"/referrals/{order}")
    house.world.journal.drain(house.world.engine)
    with reading(house.world.engine) as conn:
        found = select(audit.c.patient).where(audit.c.resource == order, audit.c.interaction == "read")
        return str(conn.scalars(found).first())


def test_an_auditor_comes_to_the_audit_and_nobody_else_does(house: House, auditor: FlaskClient) -> None:
    answer = auditor.get("/")
    assert (answer.status_code, answer.location) == (303, "/audit")
    assert 'aria-current="page"' in look(house, auditor, "")
    for who in ("coordinator", "clinician", "payer", "contracts", "outsider"):
        client = house.enter(who)
        for path in ("/audit", "/audit.csv", "/audit.ndjson", "/audit/emergencies"):
            assert client.get(path).status_code == 403, (who, path)
    assert any(
        "tried to look at the audit" in row and "403" in row for row in rows(look(house, auditor, "?what=audit"))
    )


def shown_by(house: House, client: FlaskClient, path: str) -> set[str]:
    """The patients noted for one request of the desk."""
    request = uuid4().hex
    client.get(path, headers={"X-Request-Id": request}).get_data()
    house.world.journal.drain(house.world.engine)
    with reading(house.world.engine) as conn:
        rows = conn.execute(select(audit.c.n, audit.c.patient).where(audit.c.request == request)).all()
        several = seals.patients_of(conn, [row.n for row in rows])
    return {row.patient for row in rows if row.patient} | {one for ids in several.values() for one in ids}


def test_every_page_of_the_desk_notes_whom_it_showed(house: House, patient: str) -> None:
    """A page of the worklist, the list as a file, a panel and a page of one referral."""
    coordinator = house.enter("coordinator")
    with reading(house.world.engine) as conn:
        known = {id: about for id, about in conn.execute(select(case_row.c.id, case_row.c.patient))}  # noqa: C416
    listed = re.findall(r'id="case-([^"]+)"', coordinator.get("/").get_data(as_text=True))
    assert shown_by(house, coordinator, "/") == {known[id] for id in listed}
    whole = list(csv.DictReader(coordinator.get("/worklist.csv").get_data(as_text=True).splitlines()))
    of_all = shown_by(house, coordinator, "/worklist.csv")
    with reading(house.world.engine) as conn:
        numbers = conn.execute(select(case_row.c.number, case_row.c.patient)).all()
    assert of_all == {row.patient for row in numbers if row.number in {line["number"] for line in whole}}
    assert len(of_all) > len({known[id] for id in listed})
    one = next(id for id in listed if known[id] == patient)
    assert shown_by(house, coordinator, f"/referrals/{one}") == {patient}
    assert shown_by(house, house.enter("outsider"), f"/referrals/{one}") == set(), "refused: nobody was shown"


def test_it_says_who_saw_this_patient(house: House, auditor: FlaskClient, patient: str) -> None:
    found = rows(look(house, auditor, f"?patient={patient}"))
    reyes = [row for row in found if "Reyes, Maria" in row]
    assert any("read ServiceRequest" in row for row in reyes)
    assert any("looked at the worklist" in row for row in reyes), "the worklist showed them too"
    assert all("coordinator" in row for row in reyes)


def test_by_which_app_and_under_which_launch(house: House, auditor: FlaskClient, patient: str) -> None:
    house_client = house.app.test_client()
    clinician = person(house, "clinician")
    with writing(house.world.engine) as conn:
        store.add_client(conn, store.Client(
            "viewer", "Growth viewer", "user/*.rs", method="none", grants=("authorization_code",),
            redirect_uris=("https://app.example/cb",),
        ), 1)  # fmt: skip
        record(conn, [Event(AT - 60_000_000, "r", "consent", 200, clinician, "viewer", launch="fam-7")])
        now = int(NOW.timestamp())
        token = store.issue(conn, Token(
            "access", "viewer", clinician, "user/*.rs", now, now + 300, name="Farrow, Amelia",
            roles=frozenset({"auditor"}), family="fam-7",
        ))  # fmt: skip
    house_client.get(f"/fhir/Patient/{patient}", headers={"Authorization": f"Bearer {token}"})
    found = rows(look(house, auditor, "?app=viewer"))
    assert any("tried to read Patient" in row and "Growth viewer" in row for row in found)
    assert any(re.search(r"access granted 22 Nov 09:04", row) for row in found)


def test_a_patient_is_found_by_number_and_by_name_and_several_are_to_be_chosen_from(
    house: House, auditor: FlaskClient, patient: str
) -> None:
    by_id = look(house, auditor, f"?patient={patient}")
    (name,) = re.findall(r"<h1>Who saw ([^<]+)</h1>", by_id)
    (about,) = re.findall(r'<p class="sync">([^<]+)</p>', by_id)
    number = about.rpartition("MRN ")[2]
    assert f"<h1>Who saw {name}</h1>" in look(house, auditor, f"?patient={number}")
    several = look(house, auditor, "?patient=a")
    assert "which one?" in several
    assert "Nobody is found as patient" in look(house, auditor, "?patient=zzzzz")
    assert "Nobody is found as person" in look(house, auditor, "?person=zzzzz")


def test_people_days_and_kinds_narrow_it(house: House, auditor: FlaskClient, patient: str) -> None:
    everything = rows(look(house, auditor, "?person=reyes"))
    assert everything
    assert all("Reyes, Maria" in row for row in everything)
    signed = rows(look(house, auditor, "?person=reyes&what=sign"))
    assert 0 < len(signed) < len(everything)
    assert all("signed in" in row or "signed out" in row for row in signed)
    assert rows(look(house, auditor, "?from=2026-11-22&to=2026-11-22"))
    assert rows(look(house, auditor, "?to=2026-11-21")) == []
    assert "The first day lies after the last" in look(house, auditor, "?from=2026-11-22&to=2026-11-21")
    assert auditor.get("/audit?from=yesterday").status_code == 400
    assert auditor.get("/audit?what=nonsense").status_code == 400
    assert auditor.get("/audit?after=nonsense").status_code == 400


def test_pages_follow_each_other_by_opaque_links(house: House, auditor: FlaskClient) -> None:
    with writing(house.world.engine) as conn:
        record(conn, [Event(1000 + n // 3, f"page-{n}", "read", 200, "pager", type="Task") for n in range(120)])
    seen, path = [], "?person=pager"
    with writing(house.world.engine) as conn:
        store.add_client(conn, store.Client(
            "pager", "Pager", "user/*.rs", method="none", grants=("authorization_code",),
            redirect_uris=("https://pager.example/cb",),
        ), 1)  # fmt: skip
    while path:
        page = look(house, auditor, path)
        assert "<b>120</b> rows" in page
        seen += re.findall(r'title="Request (page-\d+)"', page)
        after = re.findall(r'rel="next" href="/audit([^"]+)"', page)
        path = after[0].replace("&amp;", "&") if after else ""
    assert seen == [f"page-{n}" for n in range(119, -1, -1)]


def test_what_is_shown_says_who_and_what_and_nothing_clinical(house: House, auditor: FlaskClient, patient: str) -> None:
    asked = f"code=http%3A%2F%2Floinc.org%7C4548-4&patient=Patient%2F{patient}"
    with writing(house.world.engine) as conn:
        record(conn, [Event(AT, "clinical", "search", 200, "x", type="Observation", patient=patient, query=asked)])
    page = look(house, auditor, f"?patient={patient}")
    assert "by code, patient" in text_of(page)
    for path in ("/audit.csv", "/audit.ndjson"):
        assert "4548-4" not in auditor.get(f"{path}?patient={patient}").get_data(as_text=True)
    assert "4548-4" not in page


def test_the_audit_itself_is_audited(house: House, auditor: FlaskClient, patient: str) -> None:
    look(house, auditor, f"?patient={patient}")
    auditor.get(f"/audit.csv?patient={patient}").get_data()
    found = rows(look(house, auditor, f"?patient={patient}&person=osborne"))
    assert any("looked at the audit" in row for row in found)
    assert any("exported the audit" in row for row in found)


def test_it_is_exported_as_a_table(house: House, auditor: FlaskClient, patient: str) -> None:
    house.world.journal.drain(house.world.engine)
    with writing(house.world.engine) as conn:
        record(conn, [Event(AT - 5, "formula", "read", 200, "=1+1", type="Task", patient=patient)])
    answer = auditor.get(f"/audit.csv?patient={patient}")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    lines = list(csv.DictReader(answer.get_data(as_text=True).splitlines()))
    assert any(line["who"] == "Reyes, Maria" and line["what"] == "read" for line in lines)
    assert any(line["who"] == "'=1+1" for line in lines), "a spreadsheet must not run it"
    assert all(patient in line["patients"] for line in lines)
    assert auditor.get("/audit.csv?patient=a").status_code == 400, "several are meant"


def test_it_is_exported_as_valid_audit_events(house: House, auditor: FlaskClient, patient: str) -> None:
    house.world.journal.drain(house.world.engine)
    events: list[Any] = [json.loads(line) for line in auditor.get("/audit.ndjson").get_data().splitlines()]
    with reading(house.world.engine) as conn:
        count = len(conn.execute(select(audit.c.n).where(audit.c.at <= AT)).all())
    assert len(events) == count > 20
    assert [problem for event in events for problem in issues(event)] == []
    assert len({event["id"] for event in events}) == len(events)


def test_a_long_export_goes_on_in_steps(house: House, auditor: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = auditor.get("/audit.ndjson?to=2026-11-22").get_data()
    monkeypatch.setattr("carecoord.actions.audit.trail.STEP", 7)
    assert auditor.get("/audit.ndjson?to=2026-11-22").get_data() == whole


def test_emergencies_are_listed_with_their_reason_and_reviewed_once(
    house: House, auditor: FlaskClient, patient: str
) -> None:
    clinician, osborne = person(house, "clinician"), person(house, "auditor")
    with writing(house.world.engine) as conn:
        away = "Dr. Haas is away today"
        break_glass.open_glass(conn, Glass("g1", clinician, patient, "on-call", away, AT, AT + 10**9))
        break_glass.open_glass(conn, Glass("g2", osborne, patient, "safety", "somebody is in danger", AT, AT + 10**9))
        record(conn, [Event(AT, "r", "read", 200, clinician, type="Task", patient=patient, emergency="g1")])
    page = auditor.get("/audit/emergencies").get_data(as_text=True)
    (mine,) = [row for row in rows(page) if "Dr. Haas is away today" in row]
    assert "On call for a colleague" in mine
    assert "Farrow, Amelia" in mine
    assert any("another auditor reviews it" in row for row in rows(page))
    (csrf, *_) = re.findall(r'name="csrf" value="([^"]+)"', page)
    assert auditor.post("/audit/emergencies/g1/review").status_code == 403, "without its token"
    for _ in range(2):
        assert auditor.post("/audit/emergencies/g1/review", data={"csrf": csrf}).status_code == 303
    assert auditor.post("/audit/emergencies/g2/review", data={"csrf": csrf}).status_code == 403
    assert auditor.post("/audit/emergencies/none/review", data={"csrf": csrf}).status_code == 404
    assert "Dr. Haas is away today" not in auditor.get("/audit/emergencies").get_data(as_text=True)
    every = auditor.get("/audit/emergencies?all=1").get_data(as_text=True)
    assert any("Dr. Haas" in row and "by Osborne, Ada" in row for row in rows(every))
    looked = [row for row in rows(look(house, auditor, "?what=emergency")) if "looked into the emergency" in row]
    assert len([row for row in looked if "p-gone" not in row]) == 1  # that one is another test's
    seen = rows(look(house, auditor, f"?patient={patient}&emergency=1"))
    assert seen
    assert all("Emergency" in row for row in seen)


def test_the_trail_of_the_desk_can_be_sealed_and_is_whole(house: House, auditor: FlaskClient) -> None:
    house.world.journal.drain(house.world.engine)
    seals.seal(house.world.engine)
    found = audit_seals.walk(house.world, whole=True)
    assert found.faults == ()
    assert found.sealed == found.rows > 20
