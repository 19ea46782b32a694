"""Who says by API whether a card is good: its own payer, of its own cards and to its own questions."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carecoord.app import wired
from tests.auth.access.test_outsiders import token
from tests.auth.conftest import build_world
from tests.auth.place import URL, Place

OKAFOR, US, THEM = ({"reference": each} for each in ("Patient/okafor", "Organization/clinic", "Organization/other"))


def card(id: str, payer: dict[str, str]) -> dict[str, Any]:
    return {"resourceType": "Coverage", "id": id, "status": "active", "beneficiary": OKAFOR, "payor": [payer]}


def question(id: str, payer: dict[str, str], about: str) -> dict[str, Any]:
    return {
        "resourceType": "CoverageEligibilityRequest", "id": id, "status": "active", "purpose": ["validation"],
        "patient": OKAFOR, "created": "2026-11-22", "insurer": payer,
        "insurance": [{"coverage": {"reference": f"Coverage/{about}"}}],
    }  # fmt: skip


def answer(id: str, to: dict[str, str], about: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "CoverageEligibilityResponse", "id": id, "status": "active", "purpose": ["validation"],
        "patient": OKAFOR, "created": "2026-11-22", "outcome": "complete", "request": to, "insurer": US,
        "insurance": [{"coverage": {"reference": f"Coverage/{about}"}, "inforce": True}], **more,
    }  # fmt: skip


TO_US, TO_THEM, BY_PHONE = (
    {"reference": "CoverageEligibilityRequest/to-us"}, {"reference": "CoverageEligibilityRequest/to-them"},
    {"display": "by phone"},
)  # fmt: skip


@pytest.fixture
def place(practice: Path, tmp_path: Path) -> Iterator[Place]:
    """A house in which two payers insure one patient; the token of `token` is of the first, the clinic's."""
    shutil.copyfile(practice, tmp_path / "practice.db")
    world = build_world(tmp_path, "practice.db")
    place = Place(world, wired(world).test_client())
    loader = place.service("system/*.cruds")
    known = answer("known", BY_PHONE, "ours")
    asked = [question("to-us", US, "ours"), question("to-them", THEM, "theirs")]
    for each in (card("ours", US), card("theirs", THEM), *asked, known):
        assert place.fhir(loader, "PUT", f"{each['resourceType']}/{each['id']}", each).status_code == 201
    yield place
    world.engine.dispose()


@pytest.mark.parametrize(("to", "about", "status"), [
    (TO_US, "ours", 201), (BY_PHONE, "ours", 201),
    (BY_PHONE, "theirs", 403), (TO_THEM, "ours", 403), (BY_PHONE, "nosuchcard", 403),
    ({"reference": f"{URL}/fhir/CoverageEligibilityRequest/to-them"}, "ours", 403),
    ({"reference": "CoverageEligibilityRequest/nosuchone"}, "ours", 403),
])  # fmt: skip
@pytest.mark.parametrize("road", ["PUT", "POST", "transaction", "conditional create", "PATCH"])
def test_a_payer_says_so_of_its_own_cards_and_to_its_own_questions_alone(
    place: Place, to: dict[str, str], about: str, status: int, road: str
) -> None:
    mine, made = token(place, "user/*.cruds", None, "payer"), answer("mine", to, about)
    kind, bare = made["resourceType"], {name: value for name, value in made.items() if name != "id"}
    if road in ("PUT", "POST"):
        came = place.fhir(mine, road, f"{kind}/mine" if road == "PUT" else kind, made if road == "PUT" else bare)
    elif road == "PATCH":
        assert place.fhir(mine, "PUT", f"{kind}/mine", answer("mine", BY_PHONE, "ours")).status_code == 201
        patch = [{"op": "replace", "path": f"/{name}", "value": made[name]} for name in ("request", "insurance")]
        came = place.fhir(mine, "PATCH", f"{kind}/mine", patch)
        assert came.status_code == (200 if status == 201 else 403)
        return
    else:
        how = {"method": "PUT", "url": f"{kind}/mine"} if road == "transaction" else {
            "method": "POST", "url": kind, "ifNoneExist": "created=1999-01-01"}  # fmt: skip
        entry = [{"resource": made if road == "transaction" else bare, "request": how}]
        came = place.fhir(mine, "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entry})
        status = 200 if status == 201 else 403
    assert came.status_code == status


def test_what_a_payer_said_of_a_card_that_is_no_more_its_own_it_can_still_take_back(place: Place) -> None:
    mine, made = token(place, "user/*.cruds", None, "payer"), answer("mine", TO_US, "ours")
    assert place.fhir(mine, "PUT", "CoverageEligibilityResponse/mine", made).status_code == 201
    loader = place.service("system/*.cruds")
    assert place.fhir(loader, "PUT", "Coverage/ours", card("ours", THEM)).status_code == 200
    back = made | {"status": "entered-in-error"}
    assert place.fhir(mine, "PUT", "CoverageEligibilityResponse/mine", back).status_code == 200
