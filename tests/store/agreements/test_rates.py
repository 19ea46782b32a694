"""Rates as rows: a schedule replaced by what it says now, as known at any instant, shown to the parties alone."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import Engine, func, select

from auth.grant import Grant
from auth.scopes import parse
from carecoord.actions.access.turn import looking
from carecoord.actions.agreements import rates
from carecoord.actions.worklist import project
from carecoord.domain.access.verbs import ROLES
from carecoord.domain.agreements.rates import RateLine, Schedule, faults
from carecoord.domain.resource.days import Days
from carecoord.errors import Invalid
from carecoord.fhir.instants import micros
from carecoord.settings import Settings
from carecoord.store.agreements.rates import Replaced
from carecoord.store.agreements.tables import rate_line
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import reading, writing
from carecoord.world import World
from tests.domain.stories import NOW, contract, group, ours, payer, ref
from tests.domain.worklist.test_project import put

EXHIBIT = Schedule(contract="Contract/agr-1-v1", name="Exhibit B")
MONDAY = datetime(2027, 6, 7, 15, 0, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)


def line(code: str = "99213", amount: str = "92.5", **more: Any) -> RateLine:
    return RateLine(method="negotiated", amount=Decimal(amount), code=code, **more)


def replace(engine: Engine, lines: Iterable[RateLine], now: datetime = MONDAY, of: Schedule = EXHIBIT) -> Replaced:
    with writing(engine) as conn:
        return rates.put_lines(conn, of, lines, now)


def found(engine: Engine, code: str, at: datetime | None = None) -> list[tuple[str, str]]:
    """(code, amount) of the lines that may speak of a code."""
    with reading(engine) as conn:
        some = rates.found(conn, ["Contract/agr-1-v1"], code, micros(at) if at else None)
    return [(each.code, str(each.amount)) for _, each in some]


def size(engine: Engine) -> int:
    with reading(engine) as conn:
        return conn.scalar(select(func.count()).select_from(rate_line)) or 0


def test_the_same_lines_again_change_nothing_and_what_is_gone_ends(engine: Engine) -> None:
    assert replace(engine, [line(), line("99214", "130.00")]) == Replaced(2, 0, 0)
    assert replace(engine, [line("99214", "130"), line(amount="92.50")], TUESDAY) == Replaced(0, 0, 2)
    assert size(engine) == 2, "92.5 and 92.50 are one rate"
    assert replace(engine, [line(amount="95")], TUESDAY) == Replaced(1, 2, 0)
    assert size(engine) == 3
    assert [found(engine, "99213", at) for at in (MONDAY, TUESDAY)] == [[("99213", "92.5")], [("99213", "95")]]
    assert (found(engine, "99214", MONDAY), found(engine, "99214")) == ([("99214", "130")], [])
    assert found(engine, "99213", MONDAY - timedelta(microseconds=1)) == []


def test_a_line_comes_back_as_it_was_given(engine: Engine) -> None:
    given = RateLine(
        method="fee-schedule", percent=Decimal("120.125"), reference="Medicare 2027", system="https://example.org/c",
        code="97110", code_end="97164", category="Therapy", modifiers=frozenset({"26", "TC"}),
        places=frozenset({"11"}), specialties=frozenset({"physical therapy"}), site="Location/a",
        setting="outpatient", billing="professional", lesser_of=True, least=Decimal(10), most=Decimal("999.99"),
        unit="visit", days=Days(date(2027, 1, 1), date(2028, 1, 1)), line="7", page="12",
    )  # fmt: skip
    replace(engine, [given])
    with reading(engine) as conn:
        ((schedule, kept),) = rates.found(conn, ["Contract/agr-1-v1"], "97140")
    assert (schedule, kept) == (EXHIBIT, given)


def test_a_code_is_found_by_itself_by_ranges_of_its_shape_and_by_lines_for_any(engine: Engine) -> None:
    replace(
        engine,
        [line(), line("99214"), line("99200", code_end="99299"), line("99300", code_end="99399"), line("")],
    )
    assert {code for code, _ in found(engine, " 99213 ")} == {"99213", "99200", ""}
    assert {code for code, _ in found(engine, "g0463")} == {""}


def test_what_a_line_refers_to_is_found_with_it(engine: Engine) -> None:
    medicare = Schedule(contract="", name="Medicare 2027")
    replace(engine, [line(amount="100")], of=medicare)
    replace(engine, [line(amount="1")], of=Schedule(contract="", name="Medicare 2026"))
    shared = RateLine(method="fee-schedule", percent=Decimal(120), reference="Medicare 2027")
    replace(engine, [shared])
    assert sorted(found(engine, "99213")) == [("", "None"), ("99213", "100")]


def test_half_a_schedule_is_never_kept(engine: Engine) -> None:
    replace(engine, [line()])
    with pytest.raises(Invalid, match="Line 2, amount: The amount is missing"):
        replace(engine, [line("99214"), RateLine(method="negotiated", code="99215")], TUESDAY)
    assert (found(engine, "99213"), found(engine, "99214")) == ([("99213", "92.5")], [])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (line(amount="-1"), "amount"),
        (line(amount="NaN"), "amount"),
        (line(amount="1e40"), "amount"),
        (RateLine(method="percentage", code="99213"), "percent"),
        (RateLine(method="fee-schedule", percent=Decimal(120), code="99213"), "percent"),
        (RateLine(method="rvu", amount=Decimal(33), code="99213"), "factor"),
        (line("99299", code_end="99200"), "code_end"),
        (line("", category="Therapy"), "code"),
        (line(days=Days(date(2027, 2, 1), date(2027, 1, 1))), "days"),
        (line(least=Decimal(2), most=Decimal(1)), "least"),
        (line(setting="ward"), "setting"),
        (line(billing="mine"), "billing"),
        (line(unit="u" * 300), "line"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_by_its_field(wrong: RateLine, field: str) -> None:
    assert [name for name, _ in faults(wrong)] == [field]


def test_a_thousand_lines_are_read_page_by_page_in_the_order_of_codes(engine: Engine, world: World) -> None:
    put_story(world)
    replace(engine, (line(f"{10000 + n:05}", str(n)) for n in reversed(range(1000))))
    with looking(world, person("contracts", "office-payer-1"), "r") as turn:
        (held,) = rates.visible(turn, "Contract/agr-1-v1")
        assert (held.schedule, held.size) == (EXHIBIT, 1000)
        first = rates.lines(turn, held, 600)
        rest = rates.lines(turn, held, 600, first[-1][0])
    assert [each.code for _, each in (*first, *rest)] == [f"{10000 + n:05}" for n in range(1000)]


def person(role: str, organization: str | None, scope: str = "user/*.cruds") -> Grant:
    return Grant("u1", scopes=parse(scope), roles=frozenset({role}), organization=organization)


def service(organization: str | None) -> Grant:
    return Grant("app", "app", parse("system/*.rs"), organization=organization)


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    settings = Settings()
    rules = project.projector(project.policy(settings))
    later = MONDAY + timedelta(days=9)
    return World(engine, lambda: later, lambda: str(uuid4()), requests.Session, settings, rules, Journal(tmp_path))


def put_story(world: World) -> None:
    """An agreement between payer 1 and group 1, with an amendment that names nobody."""
    who = [ref("Organization/office-payer-1")]
    offered = {"offer": {"party": [{"reference": [ref("Organization/group-1")], "role": {"text": "group"}}]}}
    marks = [ours("amends", valueReference=ref("Contract/agr-1-v1"))]
    people = [*(payer(n, side) for n in (1, 2) for side in ("", "office-")), group(1), group(1, "office-"), group(2)]
    with writing(world.engine) as conn:
        put(conn, *people, contract() | {"authority": who, "term": [offered]}, contract(n=2, marks=marks), now=NOW)


PARTIES = ("payer-1", "office-payer-1", "group-1", "office-group-1")
OTHERS = ("payer-2", "office-payer-2", "group-2", "nobody", None)


def test_rates_are_shown_to_contract_staff_of_a_party_and_to_nobody_else(engine: Engine, world: World) -> None:
    put_story(world)
    replace(engine, [line()])
    replace(engine, [line()], of=Schedule(contract="Contract/agr-1-v2", name="Exhibit B"))
    askers = {(role, who): person(role, who) for role in ROLES for who in (*PARTIES, *OTHERS)}
    askers |= {("service", who): service(who) for who in (*PARTIES, *OTHERS)}
    shown = set()
    for name, asker in askers.items():
        with looking(world, asker, "r") as turn:
            seen = {len(rates.visible(turn, f"Contract/agr-1-v{n}")) for n in (1, 2)}
            assert len(seen) == 1, "of an amendment that names nobody as of what it amends"
            shown |= {name} if seen == {1} else set()
    assert shown == {(role, who) for role in ("contracts", "service") for who in PARTIES}
    for asker in (person("contracts", "group-1", "user/Task.rs"), service("group-1")):
        with looking(world, asker, "r") as turn:
            assert rates.visible(turn, "Contract/none") == []
            assert bool(rates.visible(turn, "Contract/agr-1-v1")) == (not asker.roles)
