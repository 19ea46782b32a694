"""Two records of one patient over HTTP, as a coordinator settles them: put together, kept apart, taken apart again.
Nothing is lost and nothing half written: both records keep what their EHRs know them by (issue 9, point 10)."""

import re
import shutil
from collections.abc import Iterator
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from carecoord.actions.patients import records
from carecoord.actions.quality import quality
from carecoord.domain.ehrs.merge import merge as three_way
from carecoord.domain.ehrs.ownership import owner
from carecoord.fhir import text as fhir_text
from carecoord.settings import Settings
from carecoord.store.database.engine import reading, writing
from carecoord.store.guests import links
from carecoord.store.guests.links import Link
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished
from tests.desk.patients.test_patient_page import section, told
from tests.desk.quality.test_pages import part

Json = dict[str, Any]
MRN = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    var = tmp_path_factory.mktemp("linkage")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    for made in furnished(Settings(var=str(var), **BUSY)):
        made.hire("clerk", "payer", "third")
        yield made


@pytest.fixture
def twins(place: Place) -> tuple[str, str]:
    """Two records of one woman, each of its own EHR, with its own number and its own referral."""
    tag = uuid4().hex[:6]
    for n, ehr in enumerate(("elm", "oak"), 1):
        patient, *rest = case_of("base", "sent", f"{tag}-{n}")
        place.put([patient | {
            "name": [{"family": f"Vaz{tag}", "given": ["Rita"]}], "birthDate": "1980-05-03",
            "identifier": [{"system": f"http://{ehr}.example/mrn", "value": f"{ehr}-{tag}", "type": MRN}],
            "meta": {"source": f"http://{ehr}.example/fhir/Patient/{n}"},
        }, *rest])  # fmt: skip
    return f"{tag}-1", f"{tag}-2"


def record(place: Place, id: str) -> Json:
    with place.house.world.engine.connect() as conn:
        row = read.get(conn, "Patient", id)
    assert row
    return dict(fhir_text.loads(row.body))


def row_of(place: Place, name: str, twins: tuple[str, str]) -> str:
    """The row of a list about these two, as it stands in the page."""
    page = place.people["requester"].get("/quality").get_data(as_text=True)
    found = re.search(rf'<section aria-labelledby="{name}">(.*?)</section>', page, re.S)
    rows = re.findall(r'<li class="row row-tall">.*?</li>', found[1] if found else "", re.S)
    return next((each for each in rows if f'value="{twins[0]}"' in each), "")


def press(place: Place, row: str, words: str, who: str = "requester", **more: str) -> TestResponse:
    """Press the button with these words in a row."""
    form = next(each for each in re.findall(r"<form.*?</form>", row, re.S) if words in told(each))
    path = re.search(r'action="([^"]+)"', form)
    assert path
    fields = {n: unescape(v) for n, v in re.findall(r'name="([^"]+)" value="([^"]*)"', form)}
    return place.people[who].post(path[1], data=fields | {"csrf": place.csrf[who]} | more)


def test_two_records_are_put_together_and_taken_apart_and_both_keep_all_that_they_were(
    place: Place, twins: tuple[str, str]
) -> None:
    before = [record(place, id) for id in twins]
    kept, other = twins
    done = press(place, row_of(place, "pairs", twins), f"Same person: keep MRN elm-{kept[:6]}")
    assert done.status_code == 303
    said = told(place.people["requester"].get(str(done.location)).get_data(as_text=True))
    assert f"Vaz{kept[:6]}, Rita stands for Vaz{kept[:6]}, Rita too." in said
    one, two = (record(place, id) for id in twins)
    assert one["link"] == [{"other": {"reference": f"Patient/{other}"}, "type": "replaces"}]
    assert two["link"] == [{"other": {"reference": f"Patient/{kept}"}, "type": "replaced-by"}]
    for was, now in zip(before, (one, two), strict=True):
        assert {**was, "meta": None} == {**{n: v for n, v in now.items() if n != "link"}, "meta": None}
        assert was["meta"]["source"] == now["meta"]["source"]
    assert row_of(place, "pairs", twins) == ""
    page = place.people["requester"].get(f"/patients/{kept}").get_data(as_text=True)
    assert f"Also written down as MRN oak-{kept[:6]}" in told(page)
    assert f'href="/referrals/{kept}"' in page
    assert f'href="/referrals/{other}"' in page  # the referrals of both stand on the one that leads
    assert "Open loops 2" in section(page, "loops")
    behind = told(place.people["requester"].get(f"/patients/{other}").get_data(as_text=True))
    assert f"This record is merged: MRN elm-{kept[:6]} stands in its place." in behind
    found = place.people["requester"].get(f"/patients?q=vaz{kept[:6]}").get_data(as_text=True)
    assert f'/patients/{kept}"' in found
    assert f'/patients/{other}"' not in found
    undone = press(place, row_of(place, "merged", twins), "Take apart again")
    assert undone.status_code == 303
    assert [{**record(place, id), "meta": None} for id in twins] == [{**each, "meta": None} for each in before]
    assert row_of(place, "pairs", twins) != ""  # to be settled again


def test_two_who_are_not_the_same_are_no_pair_any_more(place: Place, twins: tuple[str, str]) -> None:
    assert press(place, row_of(place, "pairs", twins), "Not the same").status_code == 303
    assert row_of(place, "pairs", twins) == ""
    for id, other in (twins, twins[::-1]):
        (link,) = record(place, id)["link"]
        assert (link["other"]["reference"], link["type"]) == (f"Patient/{other}", "seealso")
        assert link["modifierExtension"][0]["valueBoolean"] is True
    assert row_of(place, "merged", twins) == ""


def test_a_merge_under_versions_that_are_not_the_present_ones_writes_neither_record(
    place: Place, twins: tuple[str, str]
) -> None:
    row = row_of(place, "pairs", twins)
    moved = record(place, twins[1]) | {"telecom": [{"system": "phone", "value": "555-0142"}]}
    place.put([moved])
    late = press(place, row, "Same person: keep MRN elm")
    assert late.status_code == 412
    assert "changed one of the two records" in told(late.get_data(as_text=True))
    assert all("link" not in record(place, id) for id in twins)


def test_a_form_that_is_sent_twice_acts_once_and_a_merged_record_is_not_merged_again(
    place: Place, twins: tuple[str, str]
) -> None:
    row = row_of(place, "pairs", twins)
    assert press(place, row, "Same person: keep MRN elm").status_code == 303
    assert press(place, row, "Same person: keep MRN elm").status_code == 303
    assert record(place, twins[0])["meta"]["versionId"] == "2"
    assert press(place, row, "Same person: keep MRN oak", seen="", once=uuid4().hex).status_code == 409
    assert press(place, row, "Not the same", seen="", once=uuid4().hex).status_code == 409
    assert record(place, twins[0])["meta"]["versionId"] == "2"


def test_nobody_puts_together_whom_they_do_not_see(place: Place, twins: tuple[str, str]) -> None:
    row = row_of(place, "pairs", twins)
    assert press(place, row, "Same person: keep MRN elm", "other").status_code == 404
    assert press(place, row, "Same person: keep MRN elm", "clerk").status_code == 403
    assert press(place, row, "Same person: keep MRN elm", csrf="forged").status_code == 403
    assert all("link" not in record(place, id) for id in twins)
    assert part(place, "pairs", "other")[0] == "0"


def test_what_an_ehr_says_next_leaves_the_link_where_it_is() -> None:
    said = {"resourceType": "Patient", "id": "a", "name": [{"family": "Vaz"}], "gender": "female"}
    ours = said | {"link": [{"other": {"reference": "Patient/b"}, "type": "replaced-by"}]}
    merged = three_way(said, ours, said | {"gender": "unknown"}, partial(owner, "Patient"))
    assert merged.resource["link"] == ours["link"]
    assert merged.resource["gender"] == "unknown"
    theirs = said | {"link": [{"other": {"reference": "Patient/c"}, "type": "seealso"}]}
    disputed = three_way(said, ours, theirs, partial(owner, "Patient"))
    assert disputed.resource["link"] == ours["link"]
    assert len(disputed.disputes) == 1  # told as a conflict, never lost


@pytest.mark.parametrize("speaks", [0, 1], ids=["only-the-one-that-leads", "only-the-one-behind"])
def test_what_one_of_two_records_alone_says_mixes_no_charts_is_listed_and_can_be_taken_apart(
    place: Place, twins: tuple[str, str], speaks: int
) -> None:
    kept, other = twins
    press(place, row_of(place, "pairs", twins), "Same person: keep MRN elm")
    silent = twins[1 - speaks]
    place.put([{name: value for name, value in record(place, silent).items() if name != "link"}])  # as an EHR says anew
    coordinator = place.people["requester"]
    page = coordinator.get(f"/patients/{kept}").get_data(as_text=True)
    assert "Also written down as" not in told(page)
    assert f'href="/referrals/{other}"' not in page
    assert "This record is merged" not in told(coordinator.get(f"/patients/{other}").get_data(as_text=True))
    looked_for = coordinator.get(f"/patients?q=vaz{kept[:6]}").get_data(as_text=True)
    assert f'/patients/{kept}"' in looked_for
    assert f'/patients/{other}"' in looked_for  # nobody shows what is theirs but themselves
    row = row_of(place, "merged", twins)
    assert "Only one of the two records says so" in told(row)
    before = record(place, silent)["meta"]["versionId"]
    assert press(place, row, "Take apart again").status_code == 303
    assert all("link" not in record(place, id) for id in twins)
    assert record(place, silent)["meta"]["versionId"] == before
    assert row_of(place, "merged", twins) == ""
    assert row_of(place, "pairs", twins) != ""


def test_a_record_that_leads_no_more_for_it_was_deleted_stands_in_the_way_of_no_merge(
    place: Place, twins: tuple[str, str]
) -> None:
    kept, other = twins
    gone = f"{other}-gone"
    link = {"other": {"reference": f"Patient/{gone}"}, "type": "replaced-by"}
    place.put([{"resourceType": "Patient", "id": gone}, record(place, other) | {"link": [link]}])
    assert press(place, row_of(place, "pairs", twins), "Same person: keep MRN elm").status_code == 409
    world = place.house.world
    with writing(world.engine) as conn:
        put_all(conn, [Change("Patient", gone, None)], now=world.clock(), actor=Actor(None, None, None, ""),
                base=world.base, project=world.project)  # fmt: skip
    assert press(place, row_of(place, "pairs", twins), "Same person: keep MRN elm").status_code == 303
    assert "Also written down as" in told(place.people["requester"].get(f"/patients/{kept}").get_data(as_text=True))


def test_whatever_else_was_said_of_how_two_belong_together_is_there_again_once_they_are_apart(
    place: Place, twins: tuple[str, str]
) -> None:
    row = row_of(place, "pairs", twins)
    for id, to in (twins, twins[::-1]):
        place.put([record(place, id) | {"link": [{"other": {"reference": f"Patient/{to}"}, "type": "seealso"}]}])
    before = [record(place, id)["link"] for id in twins]
    assert press(place, row, "Same person: keep MRN elm", seen="").status_code == 303
    assert [[each["type"] for each in record(place, id)["link"]] for id in twins] == [
        ["seealso", "replaces"], ["seealso", "replaced-by"],
    ]  # fmt: skip
    assert press(place, row_of(place, "merged", twins), "Take apart again").status_code == 303
    assert [record(place, id)["link"] for id in twins] == before


def test_however_many_records_have_links_each_merge_is_found_and_the_page_of_the_patient_takes_it_apart_too(
    place: Place, twins: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    press(place, row_of(place, "pairs", twins), "Same person: keep MRN elm")
    place.put([
        {"resourceType": "Patient", "id": f"{twins[0]}-{n}",
         "link": [{"other": {"reference": f"Patient/{twins[0]}"}, "type": "seealso"}]} for n in range(3)
    ])  # fmt: skip
    monkeypatch.setattr(quality, "_PAGE", 2)
    assert row_of(place, "merged", twins) != ""
    page = place.people["requester"].get(f"/patients/{twins[0]}").get_data(as_text=True)
    assert press(place, page, "Take apart again").status_code == 303
    assert all("link" not in record(place, id) for id in twins)


def test_who_wants_no_more_messages_by_one_record_is_written_to_by_none(place: Place, twins: tuple[str, str]) -> None:
    kept, other = twins
    link = Link(other, "patient", other, other, "clinic", "", "en", f"COVER-{other}", "r", 1, 2_000_000)
    with writing(place.house.world.engine) as conn:
        links.keep(conn, link, other, "")
        links.stop_messages(conn, other, 2)

    def stopped() -> list[bool]:
        with reading(place.house.world.engine) as conn:
            return [records.has_stopped(conn, id) for id in twins]

    assert stopped() == [False, True]
    coordinator = place.people["requester"]
    thread = coordinator.get(f"/referrals/{kept}/messages?to=Patient/{kept}").get_data(as_text=True)
    assert f'name="to" value="Patient/{kept}"' in thread
    press(place, row_of(place, "pairs", twins), "Same person: keep MRN elm")
    assert stopped() == [True, True]
    refused = told(coordinator.get(f"/referrals/{kept}/messages").get_data(as_text=True))
    assert f"Not offered, for the patient wants no more messages: Rita Vaz{kept[:6]}" in refused
    fields = {n: unescape(v) for n, v in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', thread)}
    late = coordinator.post(f"/referrals/{kept}/messages", data=fields | {"note": "Please call us"})
    assert late.status_code == 409
    assert "The patient wants no more messages: tell them by telephone." in told(late.get_data(as_text=True))
    press(place, row_of(place, "merged", twins), "Take apart again")
    assert stopped() == [False, True]
