"""New work goes to whom a supervisor's rules say: tried before it is kept, written in the log with the rule's name, and
none of another office's."""

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from auth import store
from auth.grant import Grant
from carecoord.actions.acts import provenance
from carecoord.actions.assignment import arrivals, placement
from carecoord.actions.inbox import absences
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.domain.inbox.absences import ALL
from carecoord.domain.worklist.work import work_id
from carecoord.settings import Settings
from carecoord.store.database.engine import reading
from carecoord.store.database.tables import case as case_row
from carecoord.store.database.tables import outbox
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished
from tests.desk.acts.test_teams import owner, team
from tests.desk.conftest import PASSWORD
from tests.desk.inbox.test_colleagues import account
from tests.desk.test_pages import text

CLINIC = {"reference": "Organization/clinic"}


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    var = tmp_path_factory.mktemp("assignment")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    for place in furnished(Settings(var=str(var), **BUSY)):  # type: ignore[arg-type]
        roles = frozenset({"coordinator", "supervisor"})
        accounts.add_user(place.house.world, NewUser("chief", "Chief", roles, "clinic"), PASSWORD)
        place.enter("chief")
        place.hire("second", "coordinator", "clinic")
        place.put(case_of("base", "accepted", "accepted"))
        assert place.post("requester", "accepted", "assign", to=account(place, "requester")) == 303
        yield place


def say(place: Place, do: str = "save", who: str = "chief", **said: Any) -> tuple[int, str]:
    sent = {"csrf": place.csrf[who], "do": do, "active": "1", **said}
    answer = place.people[who].post("/load/rules", data=sent)
    return answer.status_code, answer.get_data(as_text=True)


def page(place: Place, query: str = "") -> str:
    return place.people["chief"].get(f"/load/rules{query}").get_data(as_text=True)


def act(place: Place, what: str, rule: str, who: str = "chief") -> int:
    return place.people[who].post(f"/load/rules/{what}", data={"csrf": place.csrf[who], "rule": rule}).status_code


def ids(place: Place) -> list[str]:
    return re.findall(r'href="/load/rules\?rule=([^"#]+)#form"', page(place))


def waiting(place: Place) -> list[str]:
    with reading(place.house.world.engine) as conn:
        return list(conn.scalars(select(outbox.c.key).where(outbox.c.kind == arrivals.JOB).order_by(outbox.c.key)))


def arrive(place: Place, id: str, **order: Any) -> None:
    """A referral comes in from an EHR, and what waits to be given away is given away."""
    bodies = case_of("base", "sent", id)
    for each in bodies:
        if each["resourceType"] == "ServiceRequest":
            each |= order
        if each["resourceType"] == "Patient" and id.startswith("es"):
            each["communication"] = [{"language": {"coding": [{"code": "es-MX"}], "text": "Spanish"}}]
    place.put(bodies)
    for key in waiting(place):
        placement.place(place.house.world, key)


def test_without_a_rule_new_work_is_nobodys_and_nothing_is_kept_for_later(place: Place) -> None:
    arrive(place, "before")
    assert owner(place, "before") == (None, None)
    assert waiting(place) == []
    assert "There is none yet" in page(place)


def test_a_rule_is_tried_on_the_last_days_before_it_is_kept(place: Place) -> None:
    arrive(place, "es-before")
    status, told = say(place, "try", name="Spanish", to=account(place, "second"), language="es")
    assert status == 200
    assert "1 of the 3 referrals of the last 30 days would have gone to Second." in told
    assert "Nothing is saved yet." in told
    assert ids(place) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": ""}, "Give the rule a name"),
        ({"to": ""}, "Choose somebody of your office"),
        ({"to": "nobody"}, "Choose somebody of your office"),
        ({"spread": "1"}, "only the work of a team"),
        ({"letters": "M-A"}, "such as A-F"),
    ],
)
def test_a_rule_that_can_not_be_is_told_at_its_field(place: Place, wrong: dict[str, str], told: str) -> None:
    status, shown = say(place, **{"name": "One", "to": account(place, "second"), **wrong})
    assert status == 422
    assert told in shown
    assert ids(place) == []


def test_new_work_goes_to_whom_the_first_rule_says_and_the_log_names_the_rule(place: Place) -> None:
    assert say(place, name="Spanish & more", to=account(place, "second"), language="es")[0] == 303
    assert say(place, name="The rest", to=account(place, "requester"))[0] == 303
    arrive(place, "es-one")
    arrive(place, "one")
    assert owner(place, "es-one")[1] == "Second"
    assert owner(place, "one")[1] == "Requester"
    assert owner(place, "before") == (None, None)  # what stood there before the rule is left
    case = place.people["chief"].get("/referrals/es-one").get_data(as_text=True)
    assert given(case) == ["Given to Second by the rule “Spanish & more”"]
    theirs = place.people["performer"].get("/referrals/es-one").get_data(as_text=True)
    assert given(theirs) == []  # whose work it is, is the referring office's own matter
    assert work_of(place, "es-one")["meta"]["versionId"] == "1"


def work_of(place: Place, case: str) -> dict[str, Any]:
    return place.held("Task", work_id(f"ServiceRequest/{case}"))


def test_whatever_a_person_decided_stays_and_what_comes_back_to_nobody_goes_by_the_rules_again(place: Place) -> None:
    assert place.post("requester", "one", "assign", to=account(place, "second")) == 303
    arrive(place, "another")
    assert owner(place, "one")[1] == "Second"
    task = work_of(place, "one")
    place.put([{name: value for name, value in task.items() if name not in ("owner", "meta")}])
    assert owner(place, "one") == (None, None)
    assert "one" in waiting(place)
    placement.place(place.house.world, "one")
    assert owner(place, "one")[1] == "Requester"
    placement.place(place.house.world, "one")  # done twice it is done once
    assert work_of(place, "one")["meta"]["versionId"] == "4"


def test_a_rule_is_asked_earlier_changed_by_who_saw_it_and_let_go(place: Place) -> None:
    spanish, rest = ids(place)
    assert act(place, "advance", rest) == 303
    assert ids(place) == [rest, spanish]
    form = page(place, f"?rule={rest}")
    seen = re.findall(r'name="seen" value="(\d+)"', form)[0]
    changed = {"rule": rest, "seen": seen, "name": "All", "to": account(place, "requester")}
    assert say(place, **changed)[0] == 303
    status, told = say(place, **changed, letters="A-F")
    assert status == 412
    assert "Somebody else has changed this rule" in told
    assert 'value="A-F"' in told
    assert act(place, "remove", rest) == 303
    assert act(place, "remove", rest) == 404
    assert ids(place) == [spanish]


def test_work_of_a_team_goes_to_whom_of_it_has_the_least_and_who_is_away_is_passed_over(place: Place) -> None:
    act(place, "remove", ids(place)[0])
    place.put([team("intake", "Intake", CLINIC)])
    assert say(place, name="Even", to="CareTeam/intake", spread="1")[0] == 303
    before = held(place)
    for n in range(6):
        arrive(place, f"even-{n}")
    after = held(place)
    assert max(after.values()) - min(after.values()) <= 1 or max(before.values()) > max(after.values()) - 1
    assert sum(after.values()) == sum(before.values()) + 6
    chief = place.house.world.clock().date()
    grant = grant_of(place, "second")
    span = (chief, chief + timedelta(days=5))
    absences.leave(place.house.world, grant, "r", span, {ALL: account(place, "requester")})
    was = held(place)["Second"]
    for n in range(3):
        arrive(place, f"away-{n}")
    assert held(place)["Second"] == was


def test_what_is_meant_for_somebody_who_is_away_goes_to_whoever_stands_in_and_says_so(place: Place) -> None:
    act(place, "remove", ids(place)[0])
    assert say(place, name="Hers", to=account(place, "second"))[0] == 303
    arrive(place, "stand")
    assert owner(place, "stand")[1] == "Requester"
    case = place.people["chief"].get("/referrals/stand").get_data(as_text=True)
    assert given(case) == ["Given to Requester by the rule “Hers”"]
    with reading(place.house.world.engine) as conn:
        done = provenance.author_of(conn, provenance.Version("Task", work_id("ServiceRequest/stand"), 1))
    assert done
    assert str(done.said) == "Given to Requester, who stands in for Second, by the rule “Hers”."


def test_what_nobody_has_is_given_away_when_the_supervisor_says_so(place: Place) -> None:
    assert owner(place, "before") == (None, None)
    assert "Give away the 2 that nobody has now" in page(place)
    assert act(place, "sweep", "") == 303
    assert {"before", "es-before"} <= set(waiting(place))
    placement.place(place.house.world, "before")
    assert owner(place, "before")[1] == "Requester"


def test_nobody_but_a_supervisor_has_rules_and_each_office_its_own(place: Place) -> None:
    for who in ("requester", "performer"):
        assert place.people[who].get("/load/rules").status_code == 403
        assert say(place, who=who, name="One", to="x")[0] == 403
        assert act(place, "remove", ids(place)[0], who) == 403
    roles = frozenset({"coordinator", "supervisor"})
    accounts.add_user(place.house.world, NewUser("other-chief", "Other", roles, "heart"), PASSWORD)
    place.enter("other-chief")
    mine = ids(place)[0]
    shown = place.people["other-chief"].get(f"/load/rules?rule={mine}").get_data(as_text=True)
    assert "Hers" not in shown
    assert "Second" not in shown
    assert act(place, "remove", mine, "other-chief") == 404
    assert say(place, who="other-chief", name="One", to=account(place, "second"))[0] == 422


def given(page: str) -> list[str]:
    return re.findall(r"Given to .*?”", text(page))


def held(place: Place) -> dict[str, int]:
    with reading(place.house.world.engine) as conn:
        rows = conn.execute(select(case_row.c.owner_name).where(case_row.c.placer == "clinic")).all()
    names = ("Requester", "Second", "Chief")
    return {name: sum(row.owner_name == name for row in rows) for name in names}


def grant_of(place: Place, who: str) -> Grant:
    with reading(place.house.world.engine) as conn:
        user = store.find_user(conn, account(place, who))
    assert user
    return Grant(user.id, roles=user.roles, organization=user.organization, name=user.name)

