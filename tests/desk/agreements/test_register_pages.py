"""The register at the desk: what it lists, and that nothing of another party is in any of it."""

import csv
import io
import re
from zipfile import ZipFile

import pytest

from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from tests.desk.conftest import PASSWORD, House

OF_PINNACLE = {"AGR-0114", "AGR-0115", "AGR-0116", "AGR-0117", "AGR-0118", "AGR-0123"}
OF_GRANITE = {"AGR-0106", "AGR-0107", "AGR-0108", "AGR-0109", "AGR-0110", "AGR-0111", "AGR-0113", "AGR-0120"}
OTHERS = re.compile(r"Blue Horizon|Granite Care|AGR-0101|AGR-0112|agr-0112|BH001")
ROADS = ("/", "/contracts", "/contracts?tab=all", "/contracts?tab=unsigned", "/contracts?tab=ended",
         "/contracts?tab=all&q=agr", "/contracts?tab=all&q=horizon", "/contracts?tab=all&ends=later",
         "/contracts?tab=all&party=Organization/office-blue-horizon", "/contracts.csv?tab=all")  # fmt: skip


def listed(house: House, who: str, query: str) -> list[str]:
    said = house.enter(who).get(f"/contracts.csv?{query}").get_data(as_text=True)
    assert said.startswith("\ufeff")
    return [row["Agreement number"] for row in csv.DictReader(io.StringIO(said[1:]))]


def test_nothing_of_another_party_is_on_any_road_of_a_payers_contract_desk(house: House) -> None:
    rival, own = house.enter("rival"), house.enter("contracts")
    for road in ROADS:
        said = rival.get(road)
        assert said.status_code == 200, road
        page = re.sub(r'<input type="search".*?>|href="[^"]*"|<input type="hidden" name="party".*?>', "",
                      said.get_data(as_text=True), flags=re.S)  # fmt: skip
        assert not OTHERS.search(page), road
    assert OTHERS.search(own.get("/contracts?tab=all").get_data(as_text=True))
    assert set(listed(house, "rival", "tab=all")) == OF_PINNACLE
    assert listed(house, "rival", "tab=all&q=horizon") == []
    counts = re.findall(r'class="count">([^<]+)<', rival.get("/contracts").get_data(as_text=True))
    assert counts == ["6", "0", "0", "0", "0", "6"]


def test_what_is_another_partys_looks_like_what_is_not_there(house: House) -> None:
    rival = house.enter("rival")
    theirs, nobodys = rival.get("/contracts/agr-0112-v1"), rival.get("/contracts/agr-9999-v1")
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    said = [
        re.sub(r"agr-\d{4}-v1|[0-9a-f]{32}|[\w-]{20,}", "", each.get_data(as_text=True)) for each in (theirs, nobodys)
    ]
    assert said[0] == said[1]


def test_the_file_is_the_list_that_is_shown(house: House) -> None:
    desk = house.enter("contracts")
    for query in ("tab=all", "tab=unsigned", "q=granite&tab=all", "ends=6"):
        total = re.search(r'class="total"><b>([^<]+)', desk.get(f"/contracts?{query}").get_data(as_text=True))
        assert total
        assert len(listed(house, "contracts", query)) == int(total[1]), query
    assert set(listed(house, "contracts", "q=granite&tab=all")) == OF_GRANITE
    assert listed(house, "contracts", "tab=unsigned") == ["AGR-0110"]
    book = desk.get("/contracts.xlsx?q=granite&tab=all")
    assert "openxml" in book.content_type
    with ZipFile(io.BytesIO(book.data)) as whole:
        assert b"AGR-0110" in b"".join(whole.read(name) for name in whole.namelist())


@pytest.mark.parametrize("who", ["coordinator", "clinician", "payer", "auditor", "admin"])
def test_who_is_no_contract_staff_is_refused_on_every_road(house: House, who: str) -> None:
    client = house.enter(who)
    for road in ("/contracts", "/contracts.csv", "/contracts.xlsx", "/contracts/agr-0112-v1", "/contracts/agr-9999-v1"):
        assert client.get(road).status_code == 403, road


def test_a_copy_of_the_payers_organization_sees_what_the_payer_sees(house: House) -> None:
    new = NewUser("twin", "Twin, Tessa", frozenset({"contracts"}), "pinnacle")
    accounts.add_user(house.world, new, PASSWORD)
    assert set(listed(house, "twin", "tab=all")) == OF_PINNACLE


def test_a_search_that_is_made_of_anything_finds_or_finds_nothing(house: House) -> None:
    desk = house.enter("contracts")
    for said in ("'", '"*', "AGR-0112 OR 1", ":*", "-", "ÆØÅ", "(", "0112", "a" * 300, "\x00", "NEAR(a b)"):
        assert desk.get("/contracts", query_string={"q": said, "tab": "all"}).status_code == 200, said
    assert listed(house, "contracts", "tab=all&q=0112") == ["AGR-0112"]
    assert listed(house, "contracts", "tab=all&q=agr-0112+riverside") == ["AGR-0112"]


def page(house: House, path: str, who: str = "contracts") -> str:
    answer = house.enter(who).get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)))


def test_the_page_of_an_agreement_shows_two_versions_against_each_other_in_words(house: House) -> None:
    said = page(house, "/contracts/agr-0107-v3?from=agr-0107-v1&to=agr-0107-v2")
    assert "Participation agreement of Granite Care Alliance and Valley Kidney Assoc." in said
    assert "Amended, term only" in said
    assert "Starts Gone: 22 Jan 2023 New: 22 Dec 2024" in said  # 1,400 and 700 days before 22 Nov 2026
    assert "Version 3 Signed, rates only 24 Aug" in said
    assert "These two say the same" in page(house, "/contracts/agr-0107-v3?from=agr-0107-v2&to=agr-0107-v2")


def test_the_page_tells_what_would_turn_if_the_agreement_lapses_and_no_patient(house: House) -> None:
    said = page(house, "/contracts/agr-0111-v1")  # worked case 6: it lapses on 1 Dec, before the visit
    assert " 1 booked visit would lose network, the first on 22 Dec." in said
    assert "2 open referrals: 2 booked visits to come, 0 without a visit." in said
    assert "Last day 1 Dec" in said
    for whose in ("Patient", "MRN", "Halvorsen"):
        assert whose not in said


def test_what_its_kind_demands_and_nobody_wrote_is_told(house: House) -> None:
    assert "Participation Not written Demanded of this kind" in page(house, "/contracts/agr-0111-v1")


def test_sites_and_who_is_left_out_stand_on_the_page(house: House) -> None:
    assert "Main Street" in page(house, "/contracts/agr-0108-v1")
    assert "Left out of" in page(house, "/contracts/agr-0117-v1", "rival")


def test_any_version_leads_to_the_page_of_its_agreement(house: House) -> None:
    pages = [page(house, f"/contracts/agr-0107-v{n}") for n in (1, 2, 3)]
    assert [each.count("Version 3 Signed") for each in pages] == [1, 1, 1]
