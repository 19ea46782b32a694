"""The page of a patient over HTTP: what stands on it, for whom, and what is kept back."""

import html
import re
from typing import Any

import pytest

from carecoord.store.database.engine import writing
from carecoord.store.resources.write import Actor, Change, put_all
from tests.desk.conftest import NOW, House, built

Json = dict[str, Any]
ELEANOR = "/patients/eleanor-brandt"


def told(text: str) -> str:
    """The words of a page, as they are read one after the other."""
    plain = re.sub(r"<[^>]+>", " ", re.sub(r"<svg.*?</svg>", " ", text, flags=re.S))
    return " ".join(html.unescape(plain).split())


def section(text: str, id: str) -> str:
    """The words of one block."""
    return told(re.search(rf'<section[^>]* id="{id}".*?</section>', text, re.S)[0])  # type: ignore[index]


@pytest.fixture(scope="module")
def shown(house: House) -> str:
    answer = house.enter("coordinator").get(ELEANOR)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_the_head_says_who_it_is_and_how_to_reach_them(shown: str) -> None:
    head = told(shown.split('<div class="patient-grid">')[0])
    for words in ("Brandt, Eleanor", "MRN 4309-772", "Female · born 17 Jul 1946 (80 y) · 79 Cedar Street, Eastgate",
                  "555-0208 mobile, Ask for her daughter Ruth", "555-0300 Ruth Brandt, daughter"):  # fmt: skip
        assert words in head


def test_the_page_says_who_has_the_referrals_and_how_many_visits_were_missed(house: House) -> None:
    page = house.enter("coordinator").get("/patients/elena-martinez").get_data(as_text=True)
    assert "MRN 4425-537 · Reyes, Maria" in told(page.split('<div class="patient-grid">')[0])
    assert "Missed: 0 of the last 1" in section(page, "visits")


def test_open_referrals_stand_as_the_worklist_has_them(shown: str, house: House) -> None:
    loops = section(shown, "loops")
    rows = house.enter("coordinator").get("/?q=4309-772").get_data(as_text=True)
    numbers = sorted(set(re.findall(r"R-\d{5}", rows)))
    assert numbers
    assert sorted(set(re.findall(r"R-\d{5}", loops))) == numbers
    assert "Home health R-24760 Evergreen Home Care Referral Scheduled" in loops


def test_a_goal_is_told_by_what_was_measured(shown: str) -> None:
    plan = section(shown, "plan")
    assert "Weight near dry weight 60 to 72 kg, by 6 Jan 2027 Reached, last measured 18 Nov" in plan
    assert "Falling, 0.84 kg a week" in plan
    assert "The record says: Not reached yet" in plan  # the EHR has not looked again
    assert "2 values as a table : Weight near dry weight Day Value 18 Nov 71.5 kg 3 Oct 77 kg" in plan
    assert re.search(r'<a href="/referrals/order-24760"[^>]*>[^<]+</a>', shown)
    assert "Daily weight Under way" in plan
    assert "Ruth Brandt daughter" in plan


def test_coverage_tells_the_age_of_the_payers_answer_and_family_what_each_may_know(shown: str) -> None:
    cover = section(shown, "coverage")
    assert re.search(r"Granite Medicare Advantage .* Payer's answer of 14 Nov: 8 d of 30", cover)
    assert "Ruth Brandt daughter 555-0300 Visits May know Results May know Costs May know" in section(shown, "family")
    assert "Furosemide 40 mg" in section(shown, "medications")
    assert "That is not \"none known\"" in section(shown, "allergies")


def test_it_is_said_in_the_language_of_whoever_reads(house: House) -> None:
    page = house.enter("coordinator").get(ELEANOR, headers={"Accept-Language": "es"}).get_data(as_text=True)
    plan = section(page, "plan")
    assert "Alcanzada, última medición: 18 nov Baja 0.84 kg por semana El expediente dice: Aún no se alcanza" in plan
    assert section(page, "family").startswith("Familia, y quién puede saber qué")


@pytest.mark.parametrize("who", ["outsider", "payer", "contracts", "auditor", "admin", "rival"])
def test_whoever_does_not_work_on_the_patient_is_told_the_same_as_of_nobody(house: House, who: str) -> None:
    browser = house.enter(who)
    there, nowhere = browser.get(ELEANOR), browser.get("/patients/nobody")
    assert (there.status_code, nowhere.status_code) == (404, 404)
    words = [told(each.get_data(as_text=True).split("<main")[-1]) for each in (there, nowhere)]
    assert re.sub(r"[0-9a-f]{32}", "", words[0]) == re.sub(r"[0-9a-f]{32}", "", words[1])
    assert "Brandt" not in there.get_data(as_text=True)


def test_patients_are_found_by_what_is_known_of_them_and_the_case_leads_there(house: House) -> None:
    browser = house.enter("coordinator")
    assert ELEANOR in browser.get("/patients?q=4309-772").get_data(as_text=True)
    assert ELEANOR in browser.get("/referrals/order-24760").get_data(as_text=True)
    assert ELEANOR in browser.get("/?show=order-24760").get_data(as_text=True)
    assert house.enter("payer").get("/patients?q=4309-772").status_code == 403


@pytest.fixture(scope="module")
def kept(story: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A house in which a patient's Consent keeps results from the office, and refuses her daughter all results."""
    yield from built(story, tmp_path_factory.mktemp("kept"), lambda: NOW)


def test_what_a_consent_keeps_back_is_named_and_not_shown(kept: House) -> None:
    types = "http://hl7.org/fhir/resource-types"
    office, ruth = {"reference": "Organization/office-fairmont"}, {"reference": "RelatedPerson/ruth-brandt"}
    role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRCP"}]}
    consent = {
        "resourceType": "Consent", "id": "no-results", "status": "active", "dateTime": "2026-11-20",
        "patient": {"reference": "Patient/eleanor-brandt"},
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope",
                              "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "policyRule": {"coding": [{"code": "OPTOUT"}]},
        "provision": {
            "type": "deny", "actor": [{"role": role, "reference": each} for each in (office, ruth)],
            "class": [{"system": types, "code": "Observation"}],
        },
    }  # fmt: skip
    world = kept.world
    with writing(world.engine) as conn:
        put_all(conn, [Change("Consent", "no-results", consent)], now=NOW, actor=Actor(None, None, None, ""),
                base=world.base, project=world.project)  # fmt: skip
    page = kept.enter("coordinator").get(ELEANOR).get_data(as_text=True)
    assert section(page, "results") == (
        "Results A Consent of the patient keeps entries of this kind from you, if there are any."
    )
    assert "71.5" not in page
    assert "Not measured since it began" in section(page, "plan")
    assert "Visits May know Results Not to be told Costs May know By the patient's Consent of 20 Nov 2026" in section(
        page, "family"
    )
