"""Who sees whose agreements, party by party and road by road: nothing of another party anywhere, of all that the API
and the desk say, error texts included (issue 8, must-show 6)."""

import io
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from auth.grant import Grant
from carecoord.actions.agreements import desk
from carecoord.actions.agreements.participation import answer
from carecoord.actions.fhir import interactions
from carecoord.domain.resource.elements import Json
from carecoord.errors import Problem
from carecoord.store.agreements.roll import Asked
from carecoord.store.database.engine import reading
from carecoord.store.worklist import registry
from tests.desk.agreements.test_acts import after, opened, send
from tests.desk.agreements.test_standings import contracts
from tests.desk.conftest import NOW, House
from tests.domain.documents.files import pdf

# The agreements of each payer, by hand from the story.
OF: dict[str, set[str]] = {
    "office-blue-horizon": {
        f"agr-01{n}" for n in ("01", "02", "03", "04", "05", "12", "19", "21", "22", "24", "25")
    },
    "office-granite-care": {f"agr-01{n}" for n in ("06", "07", "08", "09", "10", "11", "13", "20")},
    "office-pinnacle": {f"agr-01{n}" for n in ("14", "15", "16", "17", "18", "23")},
}  # fmt: skip
# Of providers' offices those that name them, and of the office that keeps the register all (decision 39).
OF_PROVIDERS: dict[str, set[str]] = {
    "office-riverside-heart": {"agr-0112", "agr-0113"},
    "office-beacon-therapy": {"agr-0114", "agr-0120", "agr-0122"},
    "office-harborview": set(),
    "office-fairmont": set().union(*OF.values()),
}
PLANS = ("BH-PPO", "BH-HMO", "GC-MA", "GC-MCD", "PM-EPO", "PM-HD")
CLINICS = ("riverside-heart", "beacon-therapy", "meridian-cancer")
TYPES = ("Contract", "OrganizationAffiliation", "InsurancePlan", "DocumentReference", "Communication", "Provenance")


def numbers(said: Any) -> set[str]:
    """The agreements that are named, in a number or an id."""
    return set(re.findall(r"agr-\d{4}", (said.decode() if isinstance(said, bytes) else str(said)).casefold()))


def of_api(house: House, grant: Grant, types: Iterable[str] = TYPES) -> set[str]:
    """All agreements that the API tells of, by search with all that comes with it, by history and by the operation."""
    found: set[str] = set()
    for type in types:
        more = [("_include", f"{type}:*"), ("_revinclude", "*"), ("_count", "1000")]
        for ask in (interactions.search, interactions.changes):
            try:
                found |= numbers(ask(house.world, grant, type, more if ask is interactions.search else more[-1:]))
            except Problem as refused:
                found |= numbers(refused.text)
    for plan in PLANS if types is TYPES else ():
        for clinic in CLINICS:
            try:
                given = {"provider": f"Organization/office-{clinic}", "plan": plan, "date": "2026-11-22"}
                found |= numbers(json.dumps(answer(house.world, grant, given), default=str))
            except Problem as refused:
                found |= numbers(refused.text)
    return found


@pytest.mark.parametrize("payer", OF)
def test_a_payers_desk_is_told_of_its_own_agreements_by_the_api_and_of_no_others(house: House, payer: str) -> None:
    assert of_api(house, contracts(payer)) == OF[payer]


@pytest.mark.parametrize("clinic", OF_PROVIDERS)
def test_a_providers_desk_is_told_of_the_agreements_of_its_own_side_and_of_no_others(house: House, clinic: str) -> None:
    """Who takes part in which network, under which number, is told to all providers' offices: that is the directory."""
    grant, theirs = contracts(clinic), OF_PROVIDERS[clinic]
    assert of_api(house, grant, [type for type in TYPES if type != "OrganizationAffiliation"]) == theirs
    listed = desk.every(house.world, grant, "r", Asked(0, tab="all"))[1]
    assert {each.row.number.casefold() for each in listed} == theirs
    found = interactions.search(house.world, grant, "Contract", [("party", f"Organization/{clinic}"), ("_count", "99")])
    assert numbers(found) == theirs
    for id in ("agr-0101-v1", "agr-0112-v1"):
        said = told(interactions.read, house, grant, id)
        assert (said == "") == (id[:8] in theirs), id
        assert said in ("", told(interactions.read, house, grant, "agr-9999-v1")), id


def test_a_contract_desk_of_no_party_that_is_known_here_is_told_of_none(house: House) -> None:
    assert of_api(house, contracts("office-nowhere")) == set()


def every(house: House) -> list[str]:
    with reading(house.world.engine) as conn:
        return [row.id for row in registry.every(conn, "Contract")]


def told(ask: Callable[..., Any], house: House, grant: Grant, id: str, *more: Any) -> str:
    """What a road says of a Contract: nothing where it opens."""
    try:
        ask(house.world, grant, "Contract", id, *more)
    except Problem as problem:
        return f"{problem.status} {problem.text}".replace(id, "ID")
    return ""


@pytest.mark.parametrize("payer", OF)
def test_each_road_to_another_partys_agreement_says_what_it_says_of_none(house: House, payer: str) -> None:
    """Read, version, history of one: the same words, and the same status, as of an id that is free. A write tells that
    it is not theirs, and nothing of what it says."""
    grant = contracts(payer)
    roads: list[tuple[Any, ...]] = [(interactions.read,), (interactions.vread, "1"), (interactions.history, [])]
    for id in every(house):
        for ask, *more in roads:
            said = told(ask, house, grant, id, *more)
            mine = id.rpartition("-")[0] in OF[payer]
            assert said == ("" if mine else told(ask, house, grant, "agr-9999-v1", *more)), (id, ask)
        if id.rpartition("-")[0] not in OF[payer]:
            body: Json = {"resourceType": "Contract", "id": id, "status": "executed", "title": "Mine now"}
            assert not numbers(told(interactions.update, house, grant, id, body)), id
            assert not numbers(told(interactions.delete, house, grant, id)), id


def test_what_is_written_at_the_desk_about_an_agreement_is_no_other_payers_to_see(acting_house: House) -> None:
    """The notice to Blue Horizon and the paper that Fairmont attached: neither Pinnacle nor Granite is told of them."""
    clock: Any = acting_house.world.clock
    clock.now = NOW
    carla = acting_house.enter("contracts")
    noticed = {"day": "20 Nov", "how": "letter", "note": "By courier"}
    after(carla, send(carla, "agr-0101-v1", "give-notice", opened(carla, "agr-0101-v1", "give-notice") | noticed))
    paper = {"file": (io.BytesIO(pdf()), "a.pdf"), "kind": "amendment", "note": "AGR-0101 by courier"}
    after(carla, send(carla, "agr-0101-v1", "file", opened(carla, "agr-0101-v1", "file") | paper))
    for payer in ("office-pinnacle", "office-granite-care"):
        assert of_api(acting_house, contracts(payer)) == OF[payer]
        for type in ("Communication", "DocumentReference", "Binary", "Provenance"):
            try:
                said = interactions.search(acting_house.world, contracts(payer), type, [("_count", "1000")])
            except Problem as none:
                said = none.text.encode()
            assert b"courier" not in said, type
    told = interactions.search(acting_house.world, contracts("office-blue-horizon"), "Communication", [])
    assert b"By courier" in told
