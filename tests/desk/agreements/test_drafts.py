"""New agreements and amendments over HTTP: drafted, signed, dropped; and what the past then answers."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.agreements.participation import answer
from carecoord.fhir.validation.validate import judge
from tests.desk.agreements.test_acts import after, hidden, opened, send, stored, undo, words
from tests.desk.conftest import NOW, House

pytestmark = pytest.mark.usefixtures("clock")

Json = dict[str, Any]


def signed_by(day: str) -> dict[str, str]:
    return {"signer-1": "L. Marsh, network director", "day-1": day, "signer-2": "Dr. F. Adeyemi", "day-2": ""}


def asked(house: House, day: str, as_of: str = "") -> Json:
    """What $participation says of Stonebridge PT in Blue Horizon PPO."""
    scopes = resources(parse("user/*.cruds"))
    grant = Grant("u", scopes=scopes, roles=frozenset({"contracts"}), organization="office-fairmont")
    given = {"provider": "Organization/office-stonebridge-pt", "plan": "BH-PPO", "date": day}
    parts = answer(house.world, grant, given | ({"asOf": as_of} if as_of else {}))["parameter"]
    return {each["name"]: next((v for n, v in each.items() if n.startswith("value")), None) for each in parts}


def test_an_amendment_from_last_march_changes_april_from_today_and_not_as_of_yesterday(
    acting_house: House, carla: FlaskClient, clock: Any
) -> None:
    """AGR-0124 is one version; amended on 23 Nov with effect from 1 March."""
    yesterday = (NOW + timedelta(minutes=5)).isoformat().replace("+00:00", "Z")
    before = stored(acting_house, "agr-0124-v1")
    assert (asked(acting_house, "2026-04-15")["result"], asked(acting_house, "2026-04-15")["version"]) == ("in", "1")
    written = {"kind": "rate-only", "start": "2026-03-01", "words": "Therapy 4 % up"}
    drafted = send(carla, "agr-0124-v1", "amend", opened(carla, "agr-0124-v1", "amend") | written)
    page = after(carla, drafted)
    assert "Amendment drafted: version 2." in page
    assert "Version 2: draft" in page
    assert "Amend it" not in page
    assert asked(acting_house, "2026-04-15")["version"] == "1"  # a draft says nothing yet
    clock.now = NOW + timedelta(days=1)
    carla = acting_house.enter("contracts")
    form = carla.get("/contracts/agr-0124-v1?act=sign")
    assert "It takes effect on 1 Mar, 267 days ago" in words(form)
    signed = after(carla, send(carla, "agr-0124-v1", "sign", hidden(form) | signed_by("20 Nov")))
    assert "Signed: version 2 stands." in signed
    assert "Undo" not in signed
    new = stored(acting_house, drafted.location.partition("done=")[2])
    assert not judge(new, "Contract")
    assert (new["status"], new["issued"], new["applies"]) == ("executed", "2026-11-20", {"start": "2026-03-01"})
    assert asked(acting_house, "2026-04-15")["version"] == "2"
    assert asked(acting_house, "2026-02-15")["version"] == "1"
    assert asked(acting_house, "2026-04-15", yesterday)["version"] == "1"
    now = stored(acting_house, "agr-0124-v1")
    changed = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
    assert changed <= {"status", "legalState", "meta"}
    assert now["status"] == "amended"


def test_an_executed_version_has_no_form_that_changes_it(acting_house: House, carla: FlaskClient) -> None:
    """Must-show 5, from the desk: it is only amended; a form for a draft is refused where none waits."""
    before = stored(acting_house, "agr-0125-v1")
    page = words(carla.get("/contracts/agr-0125-v1"))
    assert "Amend it" in page
    assert not re.search(r"\b(Edit|Delete|It was signed|Drop the draft)\b", page)
    csrf = opened(carla, "agr-0125-v1", "amend")
    edit = {"kind": "payer-provider", "number": "AGR-0125", "first": "x", "second": "y", "start": "1 Dec"}
    for verb, given in (("sign", signed_by("20 Nov")), ("drop", {"reason": "x"}), ("edit", edit)):
        refused = send(carla, "agr-0125-v1", verb, csrf | given)
        assert (refused.status_code, "No draft waits" in words(refused)) == (409, True), verb
    for verb in ("delete", "put"):
        assert send(carla, "agr-0125-v1", verb, csrf).status_code == 404
    assert stored(acting_house, "agr-0125-v1") == before


def test_what_an_amendment_lacks_comes_back_at_its_field(carla: FlaskClient) -> None:
    fields = opened(carla, "agr-0121-v1", "amend")
    answer = send(carla, "agr-0121-v1", "amend", fields | {"kind": "term", "start": "1 Dec", "words": "Longer"})
    assert (answer.status_code, "Write the new last day." in words(answer)) == (422, True)
    early = {"kind": "modify", "topic": "audit", "start": "2001-01-01", "words": "Audits"}
    answer = send(carla, "agr-0121-v1", "amend", fields | early)
    assert (answer.status_code, "It began on" in words(answer)) == (422, True)
    rates = {"kind": "rate-only", "start": "1 Dec", "words": "Up", "last": "2030-12-31"}
    answer = send(carla, "agr-0121-v1", "amend", fields | rates)
    assert (answer.status_code, "Rates only: leave the term" in words(answer)) == (422, True)
    assert 'value="2030-12-31"' in answer.get_data(as_text=True)


def test_a_draft_is_dropped_and_another_may_follow(acting_house: House, carla: FlaskClient) -> None:
    written = {"kind": "term", "start": "1 Dec", "words": "Two years more", "last": "2030-12-31", "ahead": "90"}
    drafted = send(carla, "agr-0117-v1", "amend", opened(carla, "agr-0117-v1", "amend") | written)
    assert drafted.status_code == 303
    again = send(carla, "agr-0117-v1", "amend", opened(carla, "agr-0117-v1", "drop") | written)
    assert (again.status_code, "A draft waits" in words(again)) == (409, True)
    why = opened(carla, "agr-0117-v1", "drop") | {"reason": "No deal"}
    page = after(carla, send(carla, "agr-0117-v1", "drop", why))
    assert "Draft dropped: version 2." in page
    assert "Amend it" in page
    assert stored(acting_house, drafted.location.partition("done=")[2])["status"] == "cancelled"


NEW = {"kind": "payer-provider", "number": "AGR-0200", "first": "Blue Horizon Health", "start": "2027-01-01",
       "last": "2028-12-31", "ahead": "90"}  # fmt: skip


def form(carla: FlaskClient, kind: str = "payer-provider") -> dict[str, str]:
    return hidden(carla.get(f"/contracts/new?kind={kind}"))


def name_of(house: House, id: str) -> str:
    return str(stored(house, id, "Organization")["name"])


def test_a_new_agreement_of_a_payer_is_drafted_with_its_networks_and_pending_until_it_is_signed(
    acting_house: House, carla: FlaskClient
) -> None:
    kinds = words(carla.get("/contracts/new"))
    assert "Construction Owner and prime contractor: scope of work, budget, insurance, obligation" in kinds
    payer, clinic = (name_of(acting_house, f"office-{each}") for each in ("blue-horizon", "harbor-rheumatology"))
    given = NEW | {"first": payer, "second": clinic}
    shown = send(carla, "new", "draft", form(carla) | given)
    assert (shown.status_code, "choose the networks of this payer" in words(shown)) == (200, True)
    assert "Blue Horizon Select Network" in words(shown)
    first = send(carla, "new", "draft", form(carla) | given | {"network-office-gc-community": "1"})
    assert (first.status_code, "Choose networks of this payer." in words(first)) == (422, True)
    assert "Blue Horizon Broad Network" in words(first)
    assert "Granite Community Network" not in words(first)
    answer = send(carla, "new", "draft", form(carla) | given | {"network-office-bh-broad": "1"})
    page = after(carla, answer)
    assert "Agreement AGR-0200 drafted." in page
    assert f"Agreement of {payer} and {clinic}" in page
    assert "Takes part in Blue Horizon Broad Network." in page
    id = answer.location.partition("?")[0].rpartition("/")[2]
    for type in ("Contract", "OrganizationAffiliation"):
        assert not judge(stored(acting_house, id, type), type)
    taken = send(carla, "new", "draft", form(carla) | given | {"offered": "1"})
    assert (taken.status_code, "has this number already" in words(taken)) == (422, True)
    unsigned = send(carla, id, "sign", opened(carla, id, "sign") | signed_by("22 Nov") | {"signer-2": ""})
    assert (unsigned.status_code, "Write who signed." in words(unsigned)) == (422, True)
    both = signed_by("20 Nov") | {"day-2": "22 Nov"}
    signed = after(carla, send(carla, id, "sign", opened(carla, id, "sign") | both))
    assert "Signed: version 1 stands." in signed
    assert f"Signed by L. Marsh, network director for {payer}, 20 Nov 2026" in signed
    assert f"Signed by Dr. F. Adeyemi for {clinic}, 22 Nov 2026" in signed
    new = stored(acting_house, id)
    assert not judge(new, "Contract")
    assert (new["status"], new["issued"]) == ("executed", "2026-11-22")
    assert "Edit the draft" not in signed


def test_a_draft_is_written_anew_with_its_parties_plans_and_terms_until_it_is_signed(
    acting_house: House, carla: FlaskClient
) -> None:
    """Its number and side were mistaken; Blue Horizon HMO uses the Select Network, which is so chosen by its plan."""
    payer, wrong, clinic = (name_of(acting_house, f"office-{each}")
                            for each in ("blue-horizon", "summit-spine", "harbor-rheumatology"))  # fmt: skip
    given = NEW | {"number": "AGR-0291", "first": payer, "second": wrong, "network-office-bh-broad": "1"}
    id = send(carla, "new", "draft", form(carla) | given).location.partition("?")[0].rpartition("/")[2]
    shown = carla.get(f"/contracts/{id}?act=edit")
    said = shown.get_data(as_text=True)
    for held in ('value="AGR-0291"', f'value="{wrong}"', 'value="2028-12-31"', 'value="90"',
                 'name="network-office-bh-broad" value="1" checked'):  # fmt: skip
        assert held in said, held
    change = {"number": "AGR-0201", "first": payer, "second": clinic, "start": "2027-02-01", "last": "", "ahead": "60",
              "plan-plan-bh-hmo": "1", "term-participation": "All sites.", "topic": "audit",
              "words": "Once a year."}  # fmt: skip
    answer = send(carla, id, "edit", hidden(shown) | change)
    page = after(carla, answer)
    for told in ("Draft changed: version 1.", "AGR-0201", "All sites.", "Audit Once a year.", "Horizon Select Network"):
        assert told in page, told
    assert "Blue Horizon Broad Network" not in page
    new, row = stored(acting_house, id), stored(acting_house, id, "OrganizationAffiliation")
    assert (new["subject"][0]["display"], row["participatingOrganization"]["display"]) == (clinic, clinic)
    assert (new["applies"], row["period"]) == ({"start": "2027-02-01"}, {"start": "2027-02-01"})
    assert wrong not in json.dumps([new, row])
    for each in (new, row):
        assert not judge(each, each["resourceType"])
    taken = send(carla, id, "edit", opened(carla, id, "edit") | change | {"number": "AGR-0101"})
    assert (taken.status_code, "has this number already" in words(taken)) == (422, True)
    back = after(carla, undo(carla, answer, hidden(shown)["csrf"]))
    assert "AGR-0291" in back
    assert wrong in back


def test_a_draft_of_an_amendment_is_written_anew_and_goes_on_amending_what_governs(
    acting_house: House, carla: FlaskClient
) -> None:
    written = {"kind": "modify", "topic": "audit", "start": "1 Dec", "words": "Once a year"}
    drafted = send(carla, "agr-0116-v1", "amend", opened(carla, "agr-0116-v1", "amend") | written)
    id = drafted.location.partition("done=")[2]
    shown = carla.get(f"/contracts/{id}?act=edit")
    assert "Once a year" in shown.get_data(as_text=True)
    change = {"kind": "term", "start": "15 Dec", "term-audit": "", "topic": "renewal", "words": "Two years more"}
    lacks = send(carla, id, "edit", hidden(shown) | change)
    assert (lacks.status_code, "Write the new last day." in words(lacks)) == (422, True)
    after(carla, send(carla, id, "edit", hidden(shown) | change | {"last": "2030-12-31"}))
    new = stored(acting_house, id)
    assert not judge(new, "Contract")
    assert [(one["type"]["coding"][0]["code"], one["text"]) for one in new["term"]] == [("renewal", "Two years more")]
    assert new["applies"] == {"start": "2026-12-15", "end": "2030-12-31"}
    marks = {each.pop("url").rpartition("/")[2]: next(iter(each.values())) for each in new["extension"]}
    assert marks == {"amends": {"reference": "Contract/agr-0116-v1"}, "amendment-type": "term",
                     "effective-from": "2026-12-15"}  # fmt: skip


def test_a_draft_that_lacks_what_its_kind_demands_is_not_signed(acting_house: House, carla: FlaskClient) -> None:
    first, second = (name_of(acting_house, f"office-{each}") for each in ("fairmont", "stonebridge-pt"))
    given = {"number": "C-7", "first": first, "second": second, "start": "1 Dec", "limit": "250,000",
             "term-scope-of-work": "Ramp and doors"}  # fmt: skip
    answer = send(carla, "new", "draft", form(carla, "construction") | given)
    page = after(carla, answer)
    assert "$250,000" in page
    id = answer.location.partition("?")[0].rpartition("/")[2]
    refused = send(carla, id, "sign", opened(carla, id, "sign") | signed_by("22 Nov"))
    assert refused.status_code == 422
    assert "insurance, obligation, participation goal" in words(refused)
    csrf = opened(carla, id, "sign")["csrf"]
    assert "Entered in error" in after(carla, undo(carla, answer, csrf))
    again = send(carla, "new", "draft", form(carla, "construction") | given)  # its number is free again
    page = after(carla, again)
    assert "Version 2 Draft 1 Dec" in page.replace("from ", "")
    assert "Not signed yet" in page


def test_a_party_is_found_by_its_number_and_several_of_one_name_are_told(
    acting_house: House, carla: FlaskClient
) -> None:
    clinic = stored(acting_house, "office-beacon-therapy", "Organization")
    npi = next(each["value"] for each in clinic["identifier"] if each["system"].endswith("us-npi"))
    vendor = {"number": "V-1", "first": npi, "second": "no such house", "start": "1 Dec"}
    refused = send(carla, "new", "draft", form(carla, "vendor") | vendor)
    assert (refused.status_code, "“no such house” is no organization" in words(refused)) == (422, True)
    several = send(carla, "new", "draft", form(carla, "vendor") | vendor | {"second": "heart"})
    assert several.status_code in (303, 422)
    same = send(carla, "new", "draft", form(carla, "vendor") | vendor | {"second": clinic["name"]})
    assert (same.status_code, "Both parties are the same" in words(same)) == (422, True)


def test_a_payers_desk_drafts_its_own_agreements_alone(acting_house: House) -> None:
    rival = acting_house.enter("rival")
    blue, clinic = (name_of(acting_house, f"office-{each}") for each in ("blue-horizon", "stonebridge-pt"))
    given = NEW | {"number": "AGR-0124", "first": blue, "second": clinic}
    refused = send(rival, "new", "draft", form(rival) | given)
    assert (refused.status_code, "write your organization here" in words(refused)) == (422, True)
    own = send(rival, "new", "draft", form(rival) | given | {"first": name_of(acting_house, "office-pinnacle")})
    page = after(rival, own)  # another payer's number is nobody else's to know
    assert "Agreement AGR-0124 drafted." in page
    assert "Blue Horizon" not in page


@pytest.mark.parametrize("who", ["coordinator", "clinician", "payer", "auditor", "admin"])
def test_no_other_role_drafts_or_signs(acting_house: House, who: str) -> None:
    client = acting_house.enter(who)
    assert client.get("/contracts/new").status_code == 403
    csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/account").get_data(as_text=True))
    assert csrf
    fields = NEW | signed_by("20 Nov") | {"csrf": csrf[1], "second": "x", "reason": "x", "words": "x"}
    for id, verb in (("new", "draft"), ("agr-0121-v1", "edit"), ("agr-0121-v1", "amend"), ("agr-0121-v1", "sign"),
                     ("agr-0121-v1", "drop")):  # fmt: skip
        given = fields | ({"kind": "rate-only", "last": "", "ahead": ""} if verb == "amend" else {})
        assert send(client, id, verb, given).status_code == 403, verb


def test_the_bodies_that_are_written_are_json_with_amounts_as_numbers(acting_house: House, carla: FlaskClient) -> None:
    first, second = (name_of(acting_house, f"office-{each}") for each in ("fairmont", "summit-spine"))
    given = {"number": "V-9", "first": first, "second": second, "start": "1 Dec", "limit": "$1,250.50"}
    answer = send(carla, "new", "draft", form(carla, "vendor") | given)
    body = stored(acting_house, answer.location.partition("?")[0].rpartition("/")[2])
    assert '"value": 1250.5' in json.dumps(body)
