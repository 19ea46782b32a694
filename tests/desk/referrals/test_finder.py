"""The performer finder over the story: the one judgement of `$clearance`, in an order that says why."""

from typing import Any

import pytest

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.access.turn import looking
from carecoord.actions.clearance.offers import judged
from carecoord.actions.referrals import finder
from carecoord.actions.worklist import project
from carecoord.domain.referrals import candidates, drafts
from carecoord.domain.referrals.candidates import NEEDED, Order
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources.write import Actor, Change, put_all
from tests.desk.conftest import NOW, House

Json = dict[str, Any]
MARIA = Grant(
    "u", scopes=resources(parse("user/*.cruds")), roles=frozenset({"coordinator"}), organization="office-fairmont"
)
WANTED = (
    ("marisol-delgado", "Cardiology", "C8928"), ("marisol-delgado", "Physical therapy", "97110"),
    ("ken-nakamura", "Vascular surgery", "G0463"), ("arjun-patel", "Neurosurgery", "G0463"),
)  # fmt: skip


def order(patient: str, specialty: str, code: str, id: str = "probe") -> Json:
    office = {"reference": "Organization/office-fairmont"}
    bare = drafts.begun(id, {"resourceType": "Patient", "id": patient}, office, NOW)
    system = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
    return drafts.written(bare, {"specialty": specialty, "service": "x", "service-code": f"{system}|{code}"})


def found(house: House, wanted: Json, by: Order = "cleared", **more: Any) -> finder.Finder:
    with looking(house.world, MARIA, "") as turn:
        return finder.find(turn, wanted, by, **more)


@pytest.mark.parametrize("wanted", WANTED, ids=" ".join)
def test_each_clinic_is_judged_as_clearance_judges_the_order_once_it_is_theirs(
    acting_house: House, wanted: tuple[str, str, str]
) -> None:
    world, rules = acting_house.world, project.policy(acting_house.world.settings)
    told = found(acting_house, order(*wanted), far=True, besides=["Organization/office-summit-spine"])
    assert told.offered or told.shut
    for n, each in enumerate((*told.offered, *told.shut)):
        id = f"as-theirs-{n}-{'-'.join(wanted)}".replace(" ", "-").lower()
        theirs = order(*wanted, id) | {"status": "active", "performer": [finder.reference(each.party)]}
        theirs |= {"locationReference": [{"reference": each.site.reference}]} if each.site else {}
        with writing(world.engine) as conn:
            given = {"now": world.clock(), "actor": Actor("t", None, None, "t"), "base": world.base}
            put_all(conn, [Change("ServiceRequest", id, theirs)], project=world.project, **given)
        with reading(world.engine) as conn:
            both = judged(conn, id, NOW, rules, each.day)
        assert both
        mine, real = ([(g.rule, g.state) for g in map(one.gate, NEEDED)] for one in (each.judged, both[1]))
        assert mine == real, each.party.name
        assert each.in_network == (not both[1].gate("agreement").unmet)


def test_the_order_says_why_each_stands_where_it_does(acting_house: House) -> None:
    wanted = order("marisol-delgado", "Cardiology", "G0463")
    told = found(acting_house, wanted, far=True)
    names = [each.party.name for each in told.offered]
    assert names == ["Hillcrest Cardiology", "Riverside Heart Group", "Bellwether Heart & Vascular"]
    first, second, third = told.offered
    assert [str(each) for each in candidates.merits(first, [second, third], told.window)] == [
        "A visit in its first slot is cleared",
        "First slot 59 days inside the window to 21 Jan 2027",
        "No authorization is needed there",
    ]
    assert str(candidates.behind(third, first, "cleared", told.window)) == "No free slot is known"
    quick = [each.party.name for each in found(acting_house, wanted, "quickest", far=True).offered]
    assert quick[-1] == "Bellwether Heart & Vascular"


def test_before_the_specialty_is_known_nobody_is_looked_for(acting_house: House) -> None:
    assert found(acting_house, order("marisol-delgado", "", "G0463")) == finder.NOTHING
