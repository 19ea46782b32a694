"""Giving a referral to a team, finding what teams have, and seeing what nobody has."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from carecoord.settings import Settings
from carecoord.store.database.engine import reading
from carecoord.store.database.tables import case as case_row
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished
from tests.desk.test_pages import text

OURS, THEIRS = {"reference": "Organization/clinic"}, {"reference": "Organization/heart"}


def team(id: str, name: str, of: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "CareTeam", "id": id, "name": name, "status": "active", "managingOrganization": [of],
        "participant": [{"member": of}], **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    var = tmp_path_factory.mktemp("teams")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    yield from furnished(Settings(var=str(var), **BUSY))


def offered(place: Place, case: str) -> list[str]:
    page = place.people["requester"].get(f"/referrals/{case}?act=assign").get_data(as_text=True)
    return re.findall(r'<input type="radio" name="to" value="([^"]+)"', page)


def owner(place: Place, case: str) -> tuple[str | None, str | None]:
    with reading(place.house.world.engine) as conn:
        row = conn.execute(select(case_row.c.owner, case_row.c.owner_name).where(case_row.c.id == case)).one()
    return row.owner, row.owner_name


def listed(place: Place, query: str) -> list[str]:
    page = place.people["requester"].get(f"/?{query}").get_data(as_text=True)
    return re.findall(r'id="case-([^"]+)"', page)


def test_a_team_of_the_office_or_a_role_that_nobody_fills_by_name_can_have_a_referral_and_is_found(
    place: Place,
) -> None:
    place.put([
        *case_of("base", "sent", "one"), *case_of("base", "sent", "two"),
        {"resourceType": "PractitionerRole", "id": "desk", "organization": OURS, "code": [{"text": "Front desk"}]},
        {"resourceType": "PractitionerRole", "id": "gone", "organization": OURS, "active": False},
        {"resourceType": "PractitionerRole", "id": "ann", "organization": OURS, "code": [{"text": "Nurse"}],
         "practitioner": {"reference": "Practitioner/ann"}},
        team("theirs", "Heart desk", THEIRS), team("past", "Former desk", OURS, status="inactive"),
        team("hers", "Her own", OURS, subject={"reference": "Patient/one"}),
    ])  # fmt: skip
    assert [each for each in offered(place, "one") if "/" in each] == ["PractitionerRole/desk"]
    assert place.post("requester", "one", "assign", to="PractitionerRole/desk") == 303
    assert owner(place, "one") == ("desk", "Front desk")
    place.put([team("intake", "Cardiac intake", OURS)])
    assert [each for each in offered(place, "one") if "/" in each] == ["CareTeam/intake"]
    assert place.post("requester", "one", "assign", to="CareTeam/theirs") == 422
    assert place.post("requester", "one", "assign", to="CareTeam/intake") == 303
    assert owner(place, "one") == ("intake", "Cardiac intake")
    assert listed(place, "owner=intake") == ["one"]
    assert listed(place, "q=cardiac+intake") == ["one"]
    page = text(place.people["requester"].get("/").get_data(as_text=True))
    assert "Cardiac intake" in page
    assert place.post("requester", "one", "assign", to="team") == 303
    assert owner(place, "one") == ("clinic", "clinic")


def test_what_nobody_has_is_a_list_of_its_own_that_is_as_long_as_it_says(place: Place) -> None:
    place.put([each for id in ("left", "had", "over") for each in case_of("base", "sent", id)])
    place.post("requester", "had", "assign", to="team")
    page = place.people["requester"].get("/?tab=nobody").get_data(as_text=True)
    found = re.findall(r'id="case-([^"]+)"', page)
    assert {"left", "over"} <= set(found) - {"had"}
    assert f"Nobody's {len(found)}" in text(page)
    assert "Nobody's" not in text(place.people["performer"].get("/").get_data(as_text=True))
    for case in found:
        assert place.post("requester", case, "assign", to="team") == 303
    assert "Nobody's" not in text(place.people["requester"].get("/").get_data(as_text=True))
