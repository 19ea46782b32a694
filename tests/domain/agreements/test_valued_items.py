"""Rates between a Contract and lines, in both directions: what a Contract says is what `$participation` pays, and lines
go out as a Contract would say them."""

from collections.abc import Iterable
from datetime import UTC, date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as some
from sqlalchemy import Engine

from auth.grant import Grant
from auth.scopes import parse
from carecoord.actions.agreements import rate_pages, rates, written_rates
from carecoord.actions.fhir import interactions
from carecoord.actions.worklist import project
from carecoord.domain.agreements.rates import METHODS, RateLine, Schedule, faults
from carecoord.domain.agreements.valued_items import term, written
from carecoord.domain.resource.days import Days
from carecoord.errors import Forbidden, Invalid, NotFound
from carecoord.fhir import text
from carecoord.fhir.validation.validate import issues
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database import marks
from carecoord.store.database.engine import reading, writing
from carecoord.world import World
from tests.domain.stories import NOW, REGISTRY, coded, contract, ref
from tests.domain.worklist.test_project import put

Json = dict[str, Any]
CPT = "http://www.ama-assn.org/go/cpt"
EXHIBIT = Schedule(contract="Contract/agr-1-v1", name="Exhibit B")


def person(organization: str, role: str = "contracts") -> Grant:
    return Grant("u1", scopes=parse("user/*.cruds"), roles=frozenset({role}), organization=organization)


def valued(code: str = "99213", pays: Any = 92.47, **more: Any) -> Json:
    return {"entityCodeableConcept": coded(CPT, code), "unitPrice": {"value": pays, "currency": "USD"}, **more}


def of_terms(*terms: Json, status: str = "executed", **more: Any) -> Json:
    party = {"offer": {"party": [{"reference": [ref("Organization/group-1")], "role": {"text": "group"}}]}}
    given = [party | {"identifier": {"value": "Exhibit B"}} | each for each in terms]
    return contract(status=status) | {"authority": [ref("Organization/office-payer-1")], "term": given, **more}


def items(*valued: Json, **more: Any) -> Json:
    return {"asset": [{"valuedItem": list(valued)}], **more}


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    ours = Settings()
    rules = project.projector(project.policy(ours))
    later = NOW + timedelta(days=2)
    found = World(engine, lambda: later, lambda: str(uuid4()), requests.Session, ours, rules, Journal(tmp_path))
    tell(found, *REGISTRY)
    return found


def tell(world: World, *resources: Json, days: int = 0) -> None:
    with writing(world.engine) as conn:
        put(conn, *resources, now=NOW + timedelta(days=days))


def paid(world: World, code: str, at: int | None = None) -> list[Decimal | None]:
    with reading(world.engine) as conn:
        return [line.amount for _, line in rates.found(conn, ["Contract/agr-1-v1"], code, at)]


# -- one item


def said(item: Json, **more: Any) -> RateLine:
    found = written(of_terms(items(item), **more), UTC)
    ((line,),) = found.schedules.values()
    return line


def test_an_item_is_a_price_agreed_for_a_code_from_its_day_within_its_term() -> None:
    item = valued(effectiveTime="2026-02-01", identifier={"value": "7"}, quantity={"value": 1, "unit": "visit"})
    found = written(of_terms(items(item, applies={"start": "2026-01-01", "end": "2026-12-31"})), UTC)
    assert found.schedules == {
        EXHIBIT: (
            RateLine(
                method="negotiated", amount=Decimal("92.47"), system=CPT, code="99213", unit="visit", line="7",
                days=Days(date(2026, 2, 1), date(2027, 1, 1)),
            ),
        )
    }  # fmt: skip


def test_a_factor_and_points_weigh_the_price_as_relative_values_do() -> None:
    """R4: net = quantity * unit price * factor * points."""
    line = said(valued(pays=34, factor=1.5, points=2.11))
    assert (line.method, line.amount, line.factor) == ("rvu", Decimal(34), Decimal("3.165"))


def test_what_is_no_rate_is_no_line_and_is_told_with_its_reason() -> None:
    budget = items({"net": {"value": 250000, "currency": "USD"}}, type=coded("t", "budget"))
    odd = items(
        {"entityCodeableConcept": {"text": "All covered services, share of the fee schedule"}, "factor": 1.05},
        {"entityCodeableConcept": coded(CPT, "99214")},
        valued(pays=-1),
        valued("99215") | {"unitPrice": {"value": 90, "currency": "EUR"}},
        valued("99212"),
    )
    found = written(of_terms(items(valued(), group=[odd]), budget), UTC)
    ((_, lines),) = found.schedules.items()
    assert [line.code for line in lines] == ["99213", "99212"], "a nested term is of its schedule"
    assert [(path, str(why)) for path, why in found.unread] == [
        ("Contract.term[0].group[0].asset[0].valuedItem[0]",
         "It names no code: for what it is paid stands in words alone."),
        ("Contract.term[0].group[0].asset[0].valuedItem[1]", "It names no price for a unit."),
        ("Contract.term[0].group[0].asset[0].valuedItem[2]",
         "An amount or share is a number from 0 with at most 18 digits on each side of its point."),
        ("Contract.term[0].group[0].asset[0].valuedItem[3]", "Its currency is EUR, and that of its schedule USD."),
        ("Contract.term[1].asset[0].valuedItem[0]", "It is a sum of money and no rate."),
    ]  # fmt: skip


# -- both directions

_numbers = some.decimals(min_value=0, max_value=10**9, places=3)
_codes = some.from_regex(r"[0-9]{5}|[A-Z][0-9]{4}", fullmatch=True)
_texts = some.text(some.characters(categories=["L", "N"]), min_size=1, max_size=12)
_perhaps = some.one_of(some.just(""), _texts)
_days = some.one_of(some.none(), some.dates(date(1990, 1, 1), date(2090, 1, 1)))
_sets = some.frozensets(_texts, max_size=2)
_lines = some.builds(
    RateLine,
    method=some.sampled_from(METHODS), amount=_numbers, percent=_numbers, factor=some.one_of(some.none(), _numbers),
    reference=_texts, system=some.sampled_from(["", CPT]), code=some.one_of(some.just(""), _codes), unit=_perhaps,
    modifiers=_sets, places=_sets, specialties=_sets, site=some.sampled_from(["", "Location/a"]), line=_perhaps,
    setting=some.sampled_from(["", "inpatient"]), billing=some.sampled_from(["", "professional"]), page=_perhaps,
    lesser_of=some.booleans(), least=some.one_of(some.none(), _numbers), most=some.none(),
    days=some.builds(Days, _days, _days),
).filter(lambda line: not [*faults(line)] and (line.code or not line.system))  # fmt: skip
_schedules = some.builds(
    Schedule, contract=some.just("Contract/c"), name=_texts, network=_perhaps, plan=_perhaps, business=_perhaps,
    currency=some.sampled_from(["USD", "EUR"]),
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(_schedules, some.lists(_lines, min_size=1, max_size=4))
def test_lines_that_go_out_as_a_contract_come_back_as_they_were(schedule: Schedule, lines: list[RateLine]) -> None:
    body = text.dumps({"resourceType": "Contract", "id": "c", "term": [term(schedule, lines)]})
    assert issues(text.loads(body)) == [], "and what goes out is a Contract"
    assert written(text.loads(body), UTC).schedules == {schedule: tuple(lines)}


def test_every_part_of_a_line_has_its_place_in_a_contract() -> None:
    line = RateLine(
        method="fee-schedule", percent=Decimal("120.125"), reference="Medicare 2027", system=CPT,
        code="97110", code_end="97164", category="Therapy", modifiers=frozenset({"26", "TC"}),
        places=frozenset({"11"}), specialties=frozenset({"physical therapy"}), site="Location/a",
        setting="outpatient", billing="professional", lesser_of=True, least=Decimal(10), most=Decimal("999.99"),
        unit="visit", days=Days(date(2027, 1, 1), date(2028, 1, 1)), line="7", page="12",
    )  # fmt: skip
    plain = RateLine(method="negotiated")
    told = {name for name in RateLine.__slots__ if getattr(line, name) != getattr(plain, name)}
    assert told == set(RateLine.__slots__) - {"amount", "factor"}, "a new part of a line needs its place, and a test"
    schedule = Schedule(contract="Contract/c", name="B", network="Organization/n", plan="P1", business="HMO")
    body = {"resourceType": "Contract", "id": "c", "term": [term(schedule, [line])]}
    assert written(text.loads(text.dumps(body)), UTC).schedules == {schedule: (line,)}


# -- on the server


def test_what_a_contract_writes_is_paid_and_no_longer_once_it_writes_otherwise(world: World) -> None:
    draft = of_terms(items(valued(), valued("99214", 130)), status="negotiable")
    tell(world, draft)
    assert (paid(world, "99213"), paid(world, "99214")) == ([Decimal("92.47")], [Decimal(130)])
    tell(world, of_terms(items(valued(pays=95)), status="negotiable"), days=1)
    assert (paid(world, "99213"), paid(world, "99214")) == ([Decimal(95)], [])
    assert paid(world, "99213", rates.micros(NOW)) == [Decimal("92.47")], "what was known before stays known"
    tell(world, of_terms({}, status="negotiable"), days=1)
    assert paid(world, "99213") == []


def test_an_import_corrects_what_was_written_and_a_new_status_of_the_contract_changes_nothing(world: World) -> None:
    tell(world, of_terms(items(valued())))
    with writing(world.engine) as conn:
        line = RateLine(method="negotiated", amount=Decimal(99), system=CPT, code="99213")
        rates.put_lines(conn, EXHIBIT, [line], NOW + timedelta(days=1))
    tell(world, of_terms(items(valued()), status="amended"), days=2)
    assert paid(world, "99213") == [Decimal(99)]


def test_a_line_that_claims_to_be_one_and_is_not_sound_is_refused_with_the_whole_write(world: World) -> None:
    wrong = term(EXHIBIT, [RateLine(method="percentage", code="99213")])
    with pytest.raises(Invalid, match="needs the percent"):
        tell(world, contract() | {"term": [wrong]})
    with pytest.raises(NotFound):
        interactions.read(world, person("group-1"), "Contract", "agr-1-v1")


def test_staff_of_no_party_may_not_say_what_is_paid(world: World) -> None:
    given = of_terms(items(valued()), status="negotiable")
    with pytest.raises(Forbidden, match="what is paid"):
        interactions.create(world, person("group-2"), "Contract", given)
    assert interactions.create(world, person("group-1"), "Contract", given).outcome == "created"


def test_what_was_written_before_there_were_lines_is_read_once_and_not_over_an_import(world: World) -> None:
    tell(world, of_terms(items(valued()), items(valued("99214")) | {"identifier": {"value": "Exhibit C"}}))
    imported = RateLine(method="negotiated", amount=Decimal(99), code="99213")
    with writing(world.engine) as conn:
        for name, lines in (("Exhibit B", [imported]), ("Exhibit C", [])):
            schedule = Schedule(contract="Contract/agr-1-v1", name=name)
            rates.put_lines(conn, schedule, lines, NOW + timedelta(days=1))
            if not lines:
                rates.end(conn, schedule, NOW + timedelta(days=1))
        marks.put(conn, "rates written in contracts", b"")
    written_rates.renew(world.engine, UTC)
    assert (paid(world, "99213"), paid(world, "99214")) == ([Decimal(99)], [Decimal("92.47")])
    with reading(world.engine) as conn:
        assert len(rates.of_contract(conn, "Contract/agr-1-v1")) == 2


# -- Contract/$rates


def _asked(world: World, who: Grant, **given: str) -> tuple[list[Json], Json]:
    """(the terms that are told, everything else by its name)."""
    parameters = rate_pages.told(world, who, "agr-1-v1", given)["parameter"]
    named = {each["name"]: next(value for name, value in each.items() if name != "name") for each in parameters}
    return named["contract"].get("term", []), named


def _codes(terms: Iterable[Json]) -> list[str]:
    found = [item for each in terms for asset in each["asset"] for item in asset["valuedItem"]]
    return [item["entityCodeableConcept"]["coding"][0]["code"] for item in found]


def test_rates_go_out_page_by_page_to_the_parties_and_to_others_as_if_there_were_none(world: World) -> None:
    tell(world, of_terms(items(*(valued(f"{99210 + n}", n) for n in range(1, 4)))))
    with writing(world.engine) as conn:
        more = Schedule(contract="Contract/agr-1-v1", name="Facility")
        rates.put_lines(conn, more, [RateLine(method="case", amount=Decimal(5000), code="27447")], NOW)
    terms, named = _asked(world, person("group-1"), _count="2")
    seen, pages = _codes(terms), 1
    assert (named["total"], named["contract"]["meta"]["tag"][-1]["code"]) == (4, "SUBSETTED")
    while "next" in named:
        cursor = named["next"].partition("_cursor=")[2]
        terms, named = _asked(world, person("group-1"), _count="2", _cursor=cursor)
        seen, pages = seen + _codes(terms), pages + 1
    assert (seen, pages) == (["99211", "99212", "99213", "27447"], 2)
    terms, _ = _asked(world, person("office-payer-1"), schedule="Facility")
    assert _codes(terms) == ["27447"]
    for stranger in ("group-2", "payer-2"):
        with pytest.raises(NotFound):
            _asked(world, person(stranger))
    for wrong in ({"_cursor": "mine"}, {"_count": "none"}):
        with pytest.raises(Invalid):
            _asked(world, person("group-1"), **wrong)
