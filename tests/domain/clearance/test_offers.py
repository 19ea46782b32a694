"""Others to whom a blocked order could go: as many as are named, wherever among the first by name they stand."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Engine

from carecoord.actions.clearance import around, offers
from carecoord.store.database.engine import reading
from tests.bench.rules import put
from tests.domain.stories import NOW, NPI, POLICY, affiliation, contract, organization, plain, ref


def others(ns: Sequence[int], kind: str = "include") -> list[dict[str, Any]]:
    """Practices in the plan's network under an agreement in force, or shut out of it."""
    groups = [organization(f"other-{n}", f"Practice {n:02}", NPI, f"8{n:09}") for n in ns]
    rows = [
        affiliation(number="AGR-X", id=f"{kind}-{n}", kind=kind)
        | {"participatingOrganization": ref(f"Organization/other-{n}")}
        for n in ns
    ]
    return [*groups, *rows]


def offered(engine: Engine) -> list[str]:
    with reading(engine) as conn:
        found = offers.judged(conn, "sr", NOW, POLICY)
    assert found is not None
    return [each.name for each in found[1].gate("agreement").offers]


@pytest.fixture
def blocked(engine: Engine) -> Engine:
    story = plain().with_(contract(end=-1, evergreen=False))
    put(engine, NOW, *story.resources.values(), contract("AGR-X", evergreen=True, end=400))
    return engine


def test_those_behind_many_who_only_seem_to_take_part_are_offered_all_the_same(blocked: Engine) -> None:
    put(blocked, NOW, *others(range(20)), *others(range(12), "exclude"))
    assert offered(blocked) == ["Practice 12", "Practice 13", "Practice 14", "Practice 15", "Practice 16"]


def test_where_the_first_by_name_do_no_more_are_looked_at(blocked: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    put(blocked, NOW, *others(range(20)))
    looked, real = [], around._others

    def counted(*given: Any) -> Any:
        looked.append(given[-1].most)
        return real(*given)

    monkeypatch.setattr(around, "_others", counted)
    assert offered(blocked) == [f"Practice {n:02}" for n in range(5)]
    assert looked == [offers.FEW]
