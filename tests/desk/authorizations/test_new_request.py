"""The clinic's list of requests at work: what is chosen in it is assigned and put off together, and a request is begun
from it: the patient found, an order chosen."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.desk.authorizations.readers import get
from tests.desk.authorizations.test_automatic import stored
from tests.desk.conftest import Clock, House, built

NEW = "/authorizations/new"
ASKED = "request-order-24817"  # a request, and the case of its order
CASE = "order-24817"
PATIENT = "Rahman"  # with one order, for which an authorization is needed and none stands


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from built(story, tmp_path_factory.mktemp("new-request"), Clock())


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page[page.index("<main") :]).split())


def hidden(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that goes there."""
    form = page[page.index(f'action="{action}"') :]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[: form.index("</form>")]))


def line(client: FlaskClient) -> str:
    page = get(client, "/authorizations?tab=all")
    row = page[page.index(f'id="request-{ASKED}"') :]
    return words("<main" + row[: row.index("</tr>")])


def test_the_requests_that_are_chosen_are_assigned_and_put_off_together_and_the_list_says_so(house: House) -> None:
    client = house.enter("coordinator")
    page = get(client, "/authorizations")
    assert f'name="id" value="request-{CASE}" form="chosen"' in page
    assert re.findall(r'<button class="button chosen-only" form="chosen" name="act" value="([a-z]+)"', page) == [
        "assign", "snooze",
    ]  # fmt: skip
    back = hidden(page, "/authorizations/chosen")["back"]
    sent = client.get(f"/authorizations/chosen?id=request-{CASE}&act=assign&back={back}")
    assert (sent.status_code, sent.headers["Location"]) == (303, f"/chosen?act=assign&back=%2Fauthorizations&id={CASE}")
    form = get(client, f"/chosen?id={CASE}&act=assign&back={back}")
    assert 'href="/authorizations"' in form
    assert "Authorizations" in words(form)
    fields = hidden(form, "/chosen/assign")
    done = client.post("/chosen/assign", data=fields | {"id": CASE, "mine": "1"})
    assert (done.status_code, "Done for 1 of 1" in words(done.get_data(as_text=True))) == (200, True)
    form = get(client, f"/chosen?id={CASE}&act=snooze&back={back}")
    put_off = client.post("/chosen/snooze", data=hidden(form, "/chosen/snooze") | {"id": CASE, "until": "30 Nov"})
    assert put_off.status_code == 200, words(put_off.get_data(as_text=True))
    assert "30 Nov" in line(client)


def test_whoever_may_not_assign_chooses_rows_for_a_file_alone(house: House) -> None:
    page = get(house.enter("clinician"), "/authorizations")
    assert re.findall(r'form="chosen" (?:name="act" value|formaction)="([^"]+)"', page) == ["/authorizations.csv"]
    assert NEW not in page


def rows(client: FlaskClient, query: str) -> list[str]:
    """Whose requests a file holds, in its order."""
    return [each["patient_name"] for each in csv.DictReader(io.StringIO(get(client, f"/authorizations.csv?{query}")))]


def test_the_file_of_what_is_chosen_has_these_rows_whatever_their_tab_and_nobody_elses(house: House) -> None:
    client = house.enter("coordinator")
    chosen = "id=request-order-24808&id=request-order-24807&id=request-nobody&id=request-order-24817"
    assert rows(client, chosen) == ["Okafor, Ngozi", "Petrov, Irina", "Hussain, Bilal"]
    assert rows(client, f"{chosen}&sort=patient") == ["Hussain, Bilal", "Okafor, Ngozi", "Petrov, Irina"]
    whole, some = (get(client, f"/authorizations.csv?{query}").splitlines()[0] for query in ("", chosen))
    assert whole == some, "the columns are those of the list"
    assert rows(house.enter("outsider"), chosen) == []


def test_a_patient_is_found_an_order_chosen_and_a_draft_begun_once(house: House) -> None:
    client = house.enter("coordinator")
    assert NEW in get(client, "/authorizations")
    found = get(client, f"{NEW}?q={PATIENT}")
    (patient,) = set(re.findall(rf'href="{NEW}\?patient=([^"]+)"', found))
    page = get(client, f"{NEW}?patient={patient}")
    fields = hidden(page, f"{NEW}/begin")
    begun = client.post(f"{NEW}/begin", data=fields)
    assert begun.status_code == 303
    again = client.post(f"{NEW}/begin", data=fields)
    assert again.headers["Location"] == begun.headers["Location"], "pressed twice"
    id = begun.headers["Location"].partition("/authorizations/")[2].partition("?")[0]
    claim = stored(house, "Claim", id)
    assert (claim["status"], claim["use"]) == ("draft", "preauthorization")
    assert claim["referral"]["reference"].partition("/")[2] in fields["order"]
    assert "was begun." in words(get(client, begun.headers["Location"]))
    assert id in get(client, "/authorizations?tab=drafts")
    after = get(client, f"{NEW}?patient={patient}")
    assert f'href="/authorizations/{id}"' in after, "the one that is under way is opened, no second is begun"
    late = client.post(f"{NEW}/begin", data=fields | {"once": "another"})
    said = words(late.get_data(as_text=True))
    assert (late.status_code, "none is needed, or one stands already" in said) == (409, True)
    for name, id in (("Okafor", ASKED), ("Hussain", "request-order-24807")):  # pended; granted, and it holds
        other = re.findall(rf'href="{NEW}\?patient=([^"]+)"', get(client, f"{NEW}?q={name}"))[0]
        assert f'href="/authorizations/{id}"' in get(client, f"{NEW}?patient={other}"), name


def test_an_order_that_is_not_here_is_made_as_a_referral(house: House) -> None:
    client = house.enter("coordinator")
    found = get(client, f"{NEW}?q={PATIENT}")
    patient = re.findall(rf'href="{NEW}\?patient=([^"]+)"', found)[0]
    fields = hidden(get(client, f"{NEW}?patient={patient}"), "/referrals/new/begin")
    made = client.post("/referrals/new/begin", data=fields)
    assert made.status_code == 303
    assert made.headers["Location"].startswith("/referrals/new?order=")


def test_nobody_begins_a_request_of_another_office_or_without_the_role(house: House) -> None:
    client = house.enter("coordinator")
    found = get(client, f"{NEW}?q={PATIENT}")
    patient = re.findall(rf'href="{NEW}\?patient=([^"]+)"', found)[0]
    fields = hidden(get(client, f"{NEW}?patient={patient}"), f"{NEW}/begin")
    for who in ("clinician", "payer", "contracts", "auditor", "admin"):
        other = house.enter(who)
        assert other.get(NEW).status_code == 403, who
        token = {"csrf": _csrf(other)}
        assert other.post(f"{NEW}/begin", data=fields | token).status_code in (403, 404), who
    outsider = house.enter("outsider")
    assert outsider.get(f"{NEW}?patient={patient}").status_code == 404
    assert outsider.post(f"{NEW}/begin", data=fields | {"csrf": _csrf(outsider)}).status_code == 404


def _csrf(client: FlaskClient) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/account").get_data(as_text=True))
    assert found is not None
    return found[1]


def test_the_page_reads_in_spanish(house: House) -> None:
    client = house.enter("coordinator")
    page = client.get(f"{NEW}?q={PATIENT}", headers={"Accept-Language": "es"}).get_data(as_text=True)
    assert "Elegir a este paciente" in words(page)
