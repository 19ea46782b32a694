"""Somebody who works for several organizations: an admin says for which, and they work for one of them at a time."""

import re
from typing import Any

from flask.testing import FlaskClient

from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from tests.desk.conftest import PASSWORD, House


def press(browser: FlaskClient, path: str, **form: Any) -> Any:
    csrf = re.findall(r'name="csrf" value="([^"]*)"', browser.get("/account").text)[0]
    return browser.post(path, data={"csrf": csrf, **form})


def hired(house: House, login: str) -> FlaskClient:
    """Somebody of Fairmont, whom the admin lets work for Harborview too."""
    accounts.add_user(
        house.world, NewUser(login, "Weaver, Ines", frozenset({"coordinator"}), "office-fairmont"), PASSWORD
    )
    admin = house.enter("admin")
    given = {"login": login, "role": "coordinator", "organization": "office-fairmont"}
    answer = press(admin, "/people/change", **given, also_new="office-harborview")
    assert "is changed" in answer.text
    assert "also Harborview Community Clinic" in admin.get("/people").text
    return house.enter(login)


def cases(browser: FlaskClient) -> set[str]:
    return set(re.findall(r"R-\d{5}", browser.get("/?view=all").text))


def test_who_works_for_two_sees_the_cases_of_the_one_that_they_work_for_now(acting_house: House) -> None:
    weaver = hired(acting_house, "weaver")
    fairmont, harborview = cases(acting_house.enter("coordinator")), cases(acting_house.enter("outsider"))
    assert fairmont != harborview
    assert cases(weaver) == fairmont
    page = weaver.get("/account").text
    assert "Harborview Community Clinic" in page
    assert press(weaver, "/account/organization", organization="office-harborview").status_code == 303
    assert cases(weaver) == harborview, "in the same session, at once"
    assert press(weaver, "/account/organization", organization="office-fairmont").status_code == 303
    assert cases(weaver) == fairmont


def test_nobody_works_for_an_organization_that_no_admin_gave_them(acting_house: House) -> None:
    weaver = hired(acting_house, "spinner")
    assert press(weaver, "/account/organization", organization="office-granite-care").status_code == 404
    reyes = acting_house.enter("coordinator")
    assert "Work for it now" not in reyes.get("/account").text
    assert press(reyes, "/account/organization", organization="office-harborview").status_code == 404
    admin = acting_house.enter("admin")
    wrong = {"login": "spinner", "role": "coordinator", "organization": "office-fairmont", "also_new": "office-nowhere"}
    assert press(admin, "/people/change", **wrong).status_code == 422


def test_what_an_admin_takes_back_is_gone(acting_house: House) -> None:
    weaver = hired(acting_house, "dyer")
    admin = acting_house.enter("admin")
    press(admin, "/people/change", login="dyer", role="coordinator", organization="office-fairmont")
    weaver = acting_house.enter("dyer")
    assert press(weaver, "/account/organization", organization="office-harborview").status_code == 404
