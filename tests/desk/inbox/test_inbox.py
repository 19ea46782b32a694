"""What waits for whom, by tables written by hand; and the list over HTTP: its number, tabs and rows are one, a row
leaves after its act and the next one is gone on with, and nobody reads of a case that is not theirs."""

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.access.turn import Turn
from carecoord.actions.inbox import agreements
from carecoord.domain.inbox.duties import duties
from carecoord.domain.inbox.kinds import kind, performers_kind
from carecoord.fhir.instants import FOREVER, micros
from carecoord.settings import Settings
from carecoord.store.agreements.tables import agreement_row
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished
from tests.desk.conftest import House

# Role -> (which side of a case, whose move or which stages, when) of all that waits for it.
DUTIES = {
    "coordinator": [
        ("placer", "coordinator", "any"), ("placer", "clinician payer contracts performer patient None", "late"),
        ("performer", "sent in-triage cancel-requested", "any"),
        ("performer", "accepted contacting-patient in-progress waitlisted", "any"),
        ("performer", "no-show appointment-cancelled visit-done", "any"), ("performer", "scheduled", "seen"),
    ],
    "clinician": [
        ("placer", "clinician", "any"), ("performer", "sent in-triage cancel-requested", "any"),
        ("performer", "accepted contacting-patient in-progress waitlisted", "any"),
        ("performer", "no-show appointment-cancelled visit-done", "any"), ("performer", "scheduled", "seen"),
    ],
    "supervisor": [("placer", "coordinator clinician payer contracts performer patient None", "late")],
    "payer": [("payer_key", "payer", "any")], "medical-director": [],
    "contracts": [], "auditor": [], "admin": [],
}  # fmt: skip
# (gate, action) of a row -> the kind of what waits
KINDS = {
    ("coverage", "run-eligibility"): "coverage", ("authorization", "submit-authorization"): "authorization",
    ("authorization", "call-payer"): "authorization", ("agreement", "ask-contracts"): "agreement",
    ("agreement", "choose-performer"): "referral", ("information", "send-document"): "document",
    ("appointment", "book"): "visit", ("appointment", "send-referral"): "referral",
    ("appointment", "reroute"): "referral", ("appointment", None): "visit", ("loop", "chase-report"): "referral",
    ("loop", "confirm-visit"): "visit", ("loop", "acknowledge-report"): "document", (None, None): "referral",
}  # fmt: skip
# Stage of a referral -> its button for the office that sent it and took it, and for the clinic that was asked.
ACTS = {
    "sent": ("Call", "Answer"), "in-triage": ("Call", "Answer"), "accepted": ("Call", "Book"),
    "no-show": ("Call", "Book"), "visit-done": ("Call", "Report"), "awaiting-information": ("Answer", ""),
    "awaiting-authorization": ("Call", ""), "cancel-requested": ("Call", "Answer"), "declined": ("Call", ""),
    "draft": ("Call", ""), "report-received": ("Call", ""),
}  # fmt: skip


def rows(page: str) -> list[tuple[str, str]]:
    """The rows of the list: of which case, and its words."""
    found = re.findall(r'<tr role="row" class="case[^"]*" id="case-([^"]+)">(.*?)</tr>', page, re.DOTALL)
    return [(id, " ".join(re.sub(r"<[^>]+>", " ", body).split())) for id, body in found]


def tabs(page: str) -> dict[str, int]:
    said = re.findall(r'<a href="/waiting[^"]*"[^>]*>([\w ]+) <span class="count">(\d+)', page)
    return {name: int(n) for name, n in said}


def act(words: str) -> str:
    """What the button of a row says."""
    known = ("Take", "Open", "Answer", "Book", "Report", "Call", "Read")
    return next(each for each in known if f" {each} Made" in words)


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    var = tmp_path_factory.mktemp("waiting")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    for place in furnished(Settings(var=str(var), **BUSY)):
        place.put([body for stage in ACTS for body in case_of("base", stage, stage)])
        yield place


def waiting(place: Place, side: str, query: str = "") -> str:
    answer = place.people[side].get(f"/waiting{query}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.mark.parametrize("role", DUTIES)
def test_what_waits_for_a_role_is_what_the_table_says(role: str) -> None:
    said = [
        (duty.scope, " ".join(map(str, duty.movers or duty.stages)), duty.when) for duty in duties([role])
    ]  # fmt: skip
    assert said == DUTIES[role]


def test_each_kind_is_told_by_gate_and_action() -> None:
    assert {each: kind(*each) for each in KINDS} == KINDS
    stages = ("sent", "scheduled", "no-show", "visit-done")
    assert [performers_kind(stage) for stage in stages] == ["referral", "visit", "visit", "document"]


def test_a_list_begins_as_nobodys_and_each_row_is_taken_by_pressing_after_which_the_next_has_the_focus(
    place: Place,
) -> None:
    page = waiting(place, "requester")
    ids = [id for id, _ in rows(page)]
    assert set(ids) == set(ACTS)
    assert {act(words) for _, words in rows(page)} == {"Take"}
    assert all("Nobody has it" in words for _, words in rows(page))
    for id in ids:
        form = page.split(f'action="/referrals/{id}/assign"')[1].split("</form>")[0]
        sent = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        answer = place.people["requester"].post(
            f"/referrals/{id}/assign", data={**sent, "back": sent["back"].replace("&amp;", "&")}
        )
        assert answer.status_code == 303
        assert f"next={ids[ids.index(id) + 1] if id != ids[-1] else ids[-2]}" in answer.headers["Location"]
    after = place.people["requester"].get(answer.headers["Location"]).get_data(as_text=True)
    assert f'data-next="{ids[-2]}"' in after
    assert re.search(rf'id="case-{ids[-2]}".*? autofocus>', after, re.DOTALL)
    own = dict(rows(after))
    assert {stage: act(own[stage]) for stage in ACTS} == {stage: of for stage, (of, _) in ACTS.items()}
    assert "Clock ran out" in own["cancel-requested"]
    assert all("Yours" in words for id, words in own.items() if id != "cancel-requested")


def test_the_clinic_that_was_asked_sees_its_own_step_and_who_referred(place: Place) -> None:
    found = dict(rows(waiting(place, "performer")))
    assert {stage: act(words) for stage, words in found.items()} == {
        stage: of for stage, (_, of) in ACTS.items() if of
    }  # fmt: skip
    assert all("Referred by clinic" in words and "Your clinic was asked" in words for words in found.values())


def test_tabs_are_as_long_as_their_lists_and_the_number_counts_what_is_due_by_tonight(place: Place) -> None:
    for side in ("requester", "performer"):
        page = waiting(place, side)
        told = tabs(page)
        assert told["All"] == len(rows(page)) == sum(n for name, n in told.items() if name not in ("All", "Resting"))
        for name, tab in (("Referrals", "referral"), ("Coverage", "coverage"), ("Visits", "visit")):
            assert told.get(name, 0) == len(rows(waiting(place, side, f"?tab={tab}")))
    assert place.people["requester"].get("/waiting/number").get_data(as_text=True) == "1"
    assert place.people["other"].get("/waiting/number").get_data(as_text=True) == ""


def test_what_rests_is_a_tab_of_its_own_and_says_until_when(place: Place) -> None:
    before = tabs(waiting(place, "requester"))["All"]
    answer = place.post("requester", "draft", "snooze", until="30 Nov", back="/waiting?show=draft&next=sent")
    assert answer == 303
    page = waiting(place, "requester", "?tab=snoozed")
    part = place.people["requester"].get("/waiting?tab=snoozed", headers={"HX-Request-Type": "partial"})
    assert rows(part.get_data(as_text=True)) == rows(page)
    assert tabs(page) == {**tabs(waiting(place, "requester")), "Resting": 1}
    assert tabs(page)["All"] == before - 1
    assert [(id, "Rests until 30 Nov" in words) for id, words in rows(page)] == [("draft", True)]
    assert place.post("requester", "draft", "snooze", wake="1", back="/waiting") == 303


def test_a_form_that_could_not_be_sent_comes_back_beside_the_list_and_others_are_told_nothing(place: Place) -> None:
    sent = {"csrf": place.csrf["requester"], "once": "x", "back": "/waiting?show=sent", "note": ""}
    answer = place.people["requester"].post("/referrals/sent/note", data=sent)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "Waiting for me" in page
    assert "Write the note, or close the form." in page
    assert rows(waiting(place, "other")) == []
    assert "Nothing waits" in waiting(place, "other")
    assert place.people["other"].get("/waiting?show=sent").status_code == 404


def test_an_address_that_can_not_be_meant_is_refused_and_who_has_no_duty_has_no_list(
    place: Place, house: House
) -> None:
    for query in ("tab=nonsense", "after=x.y", "after=1"):
        assert place.people["requester"].get(f"/waiting?{query}").status_code == 400
    assert house.enter("auditor").get("/waiting").status_code == 403
    assert 'href="/waiting"' not in house.enter("auditor").get("/audit").get_data(as_text=True)


def test_a_payers_clerk_reads_what_is_to_be_decided_and_no_word_that_the_payer_was_not_told(house: House) -> None:
    page = house.enter("payer").get("/waiting").get_data(as_text=True)
    assert [words.split(" R-")[0].rsplit(" Authorization ")[-1] for _, words in rows(page)] == [
        "Delgado, Marisol", "Okafor, Ngozi", "Osei, Kwame", "Nguyen, Thanh",
    ]  # fmt: skip
    assert all("You decide Open" in words for _, words in rows(page))
    assert "Reyes" not in page.split("</header>")[-1]


def test_a_contract_desk_has_the_drafts_that_nobody_signed_and_the_notice_that_is_due_and_no_patient(
    house: House,
) -> None:
    page = house.enter("contracts").get("/waiting").get_data(as_text=True)
    (told,) = rows(page)
    assert "AGR-0110 A draft waits for its signature" in told[1]
    assert "Your contract desk" in told[1]
    assert re.findall(r'class="case-link" href="(/contracts/[^"]+)"', page)
    scopes = resources(parse("user/*.rs"))
    grant = Grant("nilsson", scopes=scopes, roles=frozenset({"contracts"}), organization="office-fairmont")
    with house.world.engine.connect() as conn:  # and nothing of it is kept
        soon = date(2026, 12, 5).toordinal()
        conn.execute(update(agreement_row).where(agreement_row.c.number == "AGR-0107").values(notice_by=soon))
        turn = Turn(house.world, conn, grant, "t", house.world.clock())
        waits = {line.row.number: due for line, due in agreements.waiting(turn, 100)}
        conn.rollback()
    assert waits == {"AGR-0107": micros(datetime(2026, 12, 6, 5, tzinfo=UTC)), "AGR-0110": FOREVER}
