"""What somebody is here, changed by an admin and audited; and that nobody is made who would see nothing."""

import re

from sqlalchemy import select

from auth import store
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import reading
from tests.desk.conftest import PASSWORD, House
from tests.desk.setup.test_memberships import cases, press


def told(house: House) -> list[tuple[str, str]]:
    """(who, what) of every change of an account, as the trail has it."""
    house.world.journal.drain(house.world.engine)
    with reading(house.world.engine) as conn:
        asked = select(audit.c.subject, audit.c.query).where(audit.c.interaction == "account-change")
        return [(subject, query) for subject, query in conn.execute(asked.order_by(audit.c.n))]


def test_an_admin_changes_roles_organization_and_practitioner_and_the_trail_says_who_and_what(
    acting_house: House,
) -> None:
    new = NewUser("moved", "Mover, Mo", frozenset({"coordinator"}), "office-harborview")
    accounts.add_user(acting_house.world, new, PASSWORD)
    mover, admin = acting_house.enter("moved"), acting_house.enter("admin")
    before = cases(mover)
    given = {"login": "moved", "role": ["coordinator", "clinician"], "organization": "office-fairmont",
             "practitioner": "office-farrow"}  # fmt: skip
    assert "Mover, Mo is changed" in press(admin, "/people/change", **given).text
    assert mover.get("/").status_code == 303, "what was open ends"
    assert cases(acting_house.enter("moved")) == cases(acting_house.enter("coordinator")) != before
    with reading(acting_house.world.engine) as conn:
        found, boss = store.find_login(conn, "moved"), store.find_login(conn, "whitlock")
    assert found is not None
    assert boss is not None
    assert (found.roles, found.organization, found.fhir_user) == (
        {"coordinator", "clinician"}, "office-fairmont", "Practitioner/office-farrow",
    )  # fmt: skip
    assert told(acting_house)[-1] == (
        boss.id, f"changed {found.id}: clinician, coordinator of office-fairmont, of no other",
    )  # fmt: skip


def test_nobody_is_invited_or_changed_into_somebody_who_sees_nothing(acting_house: House) -> None:
    admin, world = acting_house.enter("admin"), acting_house.world
    accounts.add_user(world, NewUser("sole", "Sole, Sue", frozenset({"auditor"})), PASSWORD)
    before = len(told(acting_house))
    for role in ("coordinator", "payer", "contracts", "clinician"):
        invited = press(admin, "/people/invite", login=f"new-{role}", name="New, Nora", role=role)
        changed = press(admin, "/people/change", login="sole", role=role)
        for answer in (invited, changed):
            assert answer.status_code == 422, role
            assert "Choose an organization" in re.sub(r"\s+", " ", answer.text), role
        with reading(world.engine) as conn:
            assert store.find_login(conn, f"new-{role}") is None
    alone = {"login": "sole", "role": "medical-director", "organization": "office-blue-horizon"}
    answer = press(admin, "/people/change", **alone)
    assert answer.status_code == 422
    assert "Who has the role medical-director needs the role payer too" in re.sub(r"\s+", " ", answer.text)
    assert len(told(acting_house)) == before
    alone = {"login": "doctor", "name": "Farrow, Amelia", "role": "clinician", "practitioner": "9000030012"}
    assert press(admin, "/people/invite", **alone).status_code == 200, "her own patients she sees"
