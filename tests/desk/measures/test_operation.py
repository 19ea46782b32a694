"""Measure/$evaluate-measure tells what the page tells and an independent count of the history comes to, to whom sees
the page; to nobody else anything."""

import csv
import io
import json
from datetime import date
from typing import Any

import pytest
from werkzeug.test import Client

from auth import store
from auth.store import Token
from carecoord.domain.measures.definitions import FEWEST
from carecoord.domain.measures.reports import PUBLISHED
from carecoord.fhir.validation.validate import judge
from carecoord.store.database.engine import writing
from tests.desk.measures.conftest import NOW, Office
from tests.desk.measures.made import OFFICE

FIRST, LAST = date(2026, 6, 1), date(2026, 11, 28)
DAYS = f"periodStart={FIRST}&periodEnd={LAST}"


def ask(office: Office, path: str, who: str = "quill", scope: str = "user/*.rs", body: Any = None) -> tuple[int, Any]:
    world, now = office.house.world, int(NOW.timestamp())
    with writing(world.engine) as conn:
        user = next((each for each in store.users(conn) if each.login == who), None)
        held = {"roles": user.roles, "organization": user.organization} if user else {}
        subject = user.id if user else "tester"
        token = store.issue(conn, Token("access", "tester", subject, scope, now, now + 3600, **held))
    sent: dict[str, Any] = {"headers": {"Authorization": f"Bearer {token}"}}
    http = Client(office.house.app)
    answer = http.post(f"/fhir/{path}", json=body, **sent) if body else http.get(f"/fhir/{path}", **sent)
    return answer.status_code, json.loads(answer.get_data(), parse_float=str)


def counts(report: Any) -> dict[str, int]:
    return {each["code"]["coding"][0]["code"]: each["count"] for each in report["group"][0]["population"]}


def test_each_measure_is_published_and_its_report_is_what_an_independent_count_comes_to(office: Office) -> None:
    for name, what in PUBLISHED.items():
        status, measure = ask(office, f"Measure/{name}", scope="")
        assert status == 200
        assert not [each for each in judge(measure, "Measure") or () if each.severity == "error"]
        status, report = ask(office, f"Measure/{name}/$evaluate-measure?{DAYS}")
        assert status == 200, report
        assert report["measure"] == f"{measure['url']}|{measure['version']}"
        n, hits, value, _ = office.recount.figure(name, FIRST, LAST)
        asked = {"denominator": n, "numerator": hits} if what.kind == "share" else {"measure-population": n}
        assert counts(report) == {"initial-population": n, **asked}
        score = report["group"][0].get("measureScore", {}).get("value")
        assert score == (None if value is None or n < FEWEST else str(value))
        parsed = json.loads(json.dumps(report)) | {"group": [{"population": report["group"][0]["population"]}]}
        assert not [each for each in judge(parsed, "MeasureReport") or () if each.severity == "error"]


def test_a_list_has_the_referrals_that_the_worklist_opens_with_and_one_patient_their_own(office: Office) -> None:
    body = {"resourceType": "Parameters", "parameter": [
        {"name": "periodStart", "valueDate": str(FIRST)}, {"name": "periodEnd", "valueDate": str(LAST)},
        {"name": "measure", "valueString": "closed-loop"}, {"name": "reportType", "valueCode": "subject-list"},
    ]}  # fmt: skip
    status, report = ask(office, "Measure/$evaluate-measure", body=body)
    assert (status, report["type"]) == (200, "subject-list")
    lists = {each["id"]: [one["item"]["reference"] for one in each["entry"]] for each in report["contained"]}
    assert {name: len(found) for name, found in lists.items()} == {
        f"list-{name}": n for name, n in counts(report).items()
    }  # fmt: skip
    opened = f"/worklist.csv?tab=counted&measure=closed-loop&from={FIRST}&to={LAST}"
    rows = list(csv.DictReader(io.StringIO(office.house.enter("quill").get(opened).get_data(as_text=True))))
    assert len(set(lists["list-denominator"])) == len(rows) == len(office.recount.figure("closed-loop", FIRST, LAST)[3])
    shown = set()
    for one in lists["list-denominator"]:
        status, order = ask(office, one)
        assert status == 200
        shown.add(order["subject"]["reference"])
    patient = sorted(shown)[0]
    status, own = ask(office, f"Measure/closed-loop/$evaluate-measure?{DAYS}&subject={patient}")
    assert (status, own["type"], own["subject"]["reference"]) == (200, "individual", patient)
    assert 0 < counts(own)["denominator"] < counts(report)["denominator"]
    status, elses = ask(office, f"Measure/closed-loop/$evaluate-measure?{DAYS}&subject={patient}", "harper")
    assert status in (403, 404) or counts(elses)["denominator"] == 0, "of another office's referrals, nothing"


@pytest.mark.parametrize(("query", "status"), [
    ("", 400), ("?periodStart=2026-11-02&periodEnd=2026-11-01", 400),
    ("?periodStart=2027-01-01&periodEnd=2027-02-01", 400),
    (f"?{DAYS}&reportType=best", 400), (f"?{DAYS}&subject=Group/x", 400), (f"?{DAYS}&subject=Patient/nobody", 404),
    (f"?{DAYS}&practitioner=x", 400),
])  # fmt: skip
def test_what_can_not_be_meant_is_refused(office: Office, query: str, status: int) -> None:
    assert ask(office, f"Measure/closed-loop/$evaluate-measure{query}")[0] == status


def test_whoever_does_not_see_the_page_is_told_nothing_and_an_outsider_counts_their_own_alone(office: Office) -> None:
    path = f"Measure/closed-loop/$evaluate-measure?{DAYS}"
    assert ask(office, path, "quince")[0] == 403, "a payer"
    assert ask(office, path, "a-service", "system/*.rs")[0] == 403
    assert ask(office, path, scope="user/Patient.rs")[0] == 403
    assert ask(office, f"Measure/third-next-free/$evaluate-measure?{DAYS}")[0] == 404
    for kind in ("population", "subject-list"):
        status, report = ask(office, f"{path}&reportType={kind}", "harper")
        assert (status, counts(report)["initial-population"]) == (200, 0)
        assert OFFICE not in str(report)
