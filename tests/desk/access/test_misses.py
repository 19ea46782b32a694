"""What is another's is as what is nobody's: by page, export, part of a page, file, operation and search, the same
status, the same words, and as many questions to the database, so that neither an error nor its time tells that somebody
is known here. Of each address it is shown that it answers whoever may ask: else the test would say nothing."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

import pytest
from werkzeug.test import TestResponse

from auth import store
from auth.store import Token
from carecoord.actions.measures import count
from carecoord.fhir import text as fhir_text
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from tests.desk.conftest import House
from tests.domain.worklist.test_project import statements

# Of the office of Fairmont, to Bellwether, paid by Pinnacle: not Harborview's, nor Blue Horizon's.
CASE, PATIENT, NAME = "order-24792", "leila-ahmadi", "Ahmadi"
DRAFT, PAPER, TEMPLATE = "order-24828", "order-24792-57133-1", "after-discharge"
NOBODYS = "nobody-has-this"
NAMES = f"{PAPER}|{CASE}|{PATIENT}|{NAME}|{DRAFT}"
PAGES = (
    f"/referrals/{CASE}", f"/referrals/{CASE}?act=note", f"/?show={CASE}", f"/?show={CASE}&act=book",
    f"/worklist.csv?id={CASE}", f"/worklist.xlsx?id={CASE}", f"/referrals/{CASE}/calendar.ics",
    f"/referrals/{CASE}/messages", f"/referrals/{CASE}/links", f"/referrals/{CASE}/refer",
    f"/patients/{PATIENT}", f"/patients/{PATIENT}?act=set-goal", f"/patients?q={NAME}",
    f"/record/ServiceRequest/{CASE}", f"/record/Patient/{PATIENT}", f"/documents/{PAPER}/1",
    f"/referrals/new?order={DRAFT}", f"/referrals/new/patients?q={NAME}", f"/waiting?show={CASE}",
    f"/worklist/version?case={CASE}", f"/worklist/version?patient={PATIENT}",
    f"/chosen?act=note&id={CASE}", f"/?q={NAME}", f"/worklist/options?facet=owner&q={NAME}",
)  # fmt: skip
ASKED = (
    f"ServiceRequest/{CASE}", f"ServiceRequest/{CASE}/_history", f"ServiceRequest/{CASE}/$clearance",
    f"Patient/{PATIENT}", f"Patient/{PATIENT}/$everything", f"DocumentReference/{PAPER}",
    f"Patient/{PATIENT}/Condition", f"ServiceRequest?_id={CASE}&_total=accurate",
    f"Task?patient={PATIENT}&_summary=count", f"Appointment?patient=Patient/{PATIENT}", f"Patient?family={NAME}",
    f"ServiceRequest?patient.family={NAME}", f"Patient?_id={PATIENT}&_revinclude=ServiceRequest:patient",
    f"PlanDefinition/{TEMPLATE}/$apply?subject=Patient/{PATIENT}",
    f"Measure/closed-loop/$evaluate-measure?periodStart=2026-06-01&periodEnd=2026-11-21&reportType=subject&subject=Patient/{PATIENT}",
)  # fmt: skip
# Roles of people whose tokens ask; a relative's and a patient's are of their own record alone.
TOKENS: dict[str, dict[str, Any]] = {
    "outsider": {"roles": {"coordinator"}, "organization": "office-harborview"},
    "payer": {"roles": {"payer"}, "organization": "office-blue-horizon"},
    "contracts": {"roles": {"contracts"}, "organization": "office-fairmont"},
    "relative": {"patient": "eleanor-brandt", "fhir_user": "RelatedPerson/ruth-brandt"},
    "patient": {"patient": "eleanor-brandt", "fhir_user": "Patient/eleanor-brandt"},
}

SCOPES = dict.fromkeys(("relative", "patient"), "launch/patient patient/*.rs")


@dataclass(frozen=True)
class Told:
    """The status, the words without ids and tokens, and how many statements it took."""

    status: int
    words: str
    statements: int


def told(house: House, ask: Callable[[str], TestResponse], path: str) -> Told:
    ask(path)  # what a process reads once is read
    with statements(house.world.engine) as ran:
        answer = ask(path)
    words = answer.get_data(as_text=True) if "spreadsheet" not in str(answer.content_type) else ""
    words += str(answer.headers.get("ETag", ""))
    words = re.sub(r'name="(csrf|once)" value="[^"]*"', r"\1", words)
    words = re.sub(r"[0-9a-f]{16,}|[\w-]{20,}|\d{4}-\d\d-\d\dT[\d:.+-]+Z?", "", words)
    return Told(answer.status_code, re.sub(f"{NAMES}|{NOBODYS}", "", words, flags=re.I), len(ran))


def nobodys(path: str) -> str:
    return re.sub(NAMES, NOBODYS, path)


def asker(house: House, scope: str = "user/*.rs", **held: Any) -> Callable[[str], TestResponse]:
    """Somebody who asks the FHIR API with a token."""
    world, client = house.world, house.app.test_client()
    now = world.seconds()
    held["roles"] = frozenset(held.get("roles", ()))
    with writing(world.engine) as conn:
        token = store.issue(conn, Token("access", "tester", "tester", scope, now, now + 3600, **held))
    return lambda path: client.get(f"/fhir/{path}", headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def here(acting_house: House) -> House:
    """The house, with a template of care plans in it."""
    plan = {
        "resourceType": "PlanDefinition", "id": TEMPLATE, "status": "active", "title": "After discharge",
        "url": "http://clinic.test/plan", "version": "1", "action": [{"title": "Call"}],
    }  # fmt: skip
    world, actor = acting_house.world, Actor(None, None, None, "")
    with writing(world.engine) as conn:
        changes = [Change("PlanDefinition", TEMPLATE, plan)]
        put_all(conn, changes, now=world.clock(), actor=actor, base=world.base, project=world.project)
    count.follow(world)
    return acting_house


def compare(house: House, ask: Callable[[str], TestResponse], path: str) -> list[str]:
    """What tells another's from nobody's."""
    theirs, none = told(house, ask, path), told(house, ask, nobodys(path))
    differ = [name for name in ("status", "words", "statements") if getattr(theirs, name) != getattr(none, name)]
    lines = unified_diff(theirs.words.splitlines(), none.words.splitlines(), lineterm="", n=0)
    return [f"{path}: {name} {theirs.statements} {none.statements} {list(lines)[:9]}" for name in differ]


def test_each_page_answers_who_may_ask_and_tells_of_it(here: House) -> None:
    maria = here.enter("coordinator")
    for path in PAGES:
        answer = maria.get(path)
        assert answer.status_code in (200, 204, 303), path
        if answer.status_code == 200 and not path.startswith(("/documents", "/worklist.xlsx")):
            page = answer.get_data(as_text=True)
            assert any(each in page for each in (NAME, CASE, "Delgado", "reyes")), path


def test_each_operation_answers_who_may_ask(here: House) -> None:
    ask = asker(here, roles={"coordinator"}, organization="office-fairmont")
    for path in ASKED:
        answer = ask(path)
        assert answer.status_code == 200, (path, answer.get_data(as_text=True)[:300])
        assert json.loads(answer.get_data()).get("total") != 0, path


@pytest.mark.parametrize("who", ["outsider", "payer", "contracts", "rival"])
def test_of_anothers_no_page_tells_more_than_of_nobodys(here: House, who: str) -> None:
    client = here.enter(who)
    assert [fault for path in PAGES for fault in compare(here, client.get, path)] == []


@pytest.mark.parametrize("who", TOKENS)
def test_of_anothers_no_operation_or_search_tells_more_than_of_nobodys(here: House, who: str) -> None:
    ask = asker(here, SCOPES.get(who, "user/*.rs"), **TOKENS[who])
    own = ask("Patient/eleanor-brandt").status_code
    assert own == {"patient": 200, "relative": 403, "contracts": 403}.get(who, 404), "a relative comes by links alone"
    assert [fault for path in ASKED for fault in compare(here, ask, path)] == []


# Lists and figures of an office: what another office, patient and payer have more makes no difference in them.
LISTS = (
    "/", "/worklist.csv", "/worklist/options?facet=owner", "/worklist/options?facet=referral", "/waiting",
    "/waiting.csv", "/waiting/number", "/load", "/load.csv", "/measures", "/measures.csv", "/quality", "/quality.csv",
    "/account/apps", "/authorizations", "/authorizations.csv?tab=all", "/authorizations?tab=all&q=New",
    "/authorizations/standing",
    "/decisions", "/asked", "/asked.csv", "/contracts.csv", "/patients?q=New", "/worklist?q=New",
)  # fmt: skip
LISTED = (
    "ServiceRequest?_total=accurate", "Task?_summary=count", "Patient?name=New&_total=accurate", "Claim?_summary=count",
    "Measure/closed-loop/$evaluate-measure?periodStart=2026-06-01&periodEnd=2026-11-21", "Contract/$participation"
    "?provider=Organization/office-bellwether-vascular&plan=InsurancePlan/plan-pinnacle-hdhp&date=2026-11-22",
)  # fmt: skip


def newly(house: House, n: int) -> None:
    """A patient of Fairmont, with a referral to Bellwether and a request to Pinnacle, that were not there before."""
    with reading(house.world.engine) as conn:
        rows = [read.get(conn, *each.split("/")) for each in LIKE]
    changes = []
    for row in rows:
        assert row
        body = row.body.decode()
        for before in ("tyrell-washington", "order-24791", "card-4435-301"):
            body = body.replace(before, f"{before}-{n}")
        changes.append(Change(row.type, json.loads(body)["id"], fhir_text.loads(body.encode())))
    world, actor = house.world, Actor("ehr:elm", None, None, "sync")
    with writing(world.engine) as conn:
        put_all(conn, changes, now=world.clock(), actor=actor, base=world.base, project=world.project)
    count.follow(world)


LIKE = (
    "Patient/tyrell-washington", "Coverage/card-4435-301", "ServiceRequest/order-24791", "Task/order-24791-task-1",
    "Claim/request-order-24791", "DocumentReference/order-24791-57133-1", "Appointment/visit-order-24791-1",
)  # fmt: skip


@pytest.mark.parametrize("who", ["outsider", "payer"])
def test_lists_figures_and_exports_are_the_same_whatever_more_others_have(here: House, who: str) -> None:
    client, ask = here.enter(who), asker(here, **TOKENS[who])
    asked = [*((client.get, path) for path in LISTS), *((ask, path) for path in LISTED)]
    before = [told(here, get, path) for get, path in asked]
    newly(here, len(who))
    after = [told(here, get, path) for get, path in asked]
    assert [path for (_, path), was, now in zip(asked, before, after, strict=True) if was != now] == []
    assert sum(each.status == 200 for each in before) >= {"outsider": 15, "payer": 8}[who], "or it has shown nothing"
