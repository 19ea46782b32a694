"""A new version of the registry in which nothing else is said overtakes no row; any other does."""

from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from carecoord.actions.worklist import project as worklist_project
from carecoord.domain.worklist.registry_news import is_news
from carecoord.store.database.engine import writing
from carecoord.store.resources.write import Change, put_all
from carecoord.store.worklist import marks
from tests.domain.stories import NOW, contract, group, ours, plain
from tests.domain.worklist.test_project import ACTOR, HERE, RULES, differences, put, rows

Json = dict[str, Any]
TAG = {"tag": [{"system": "https://directory.example/tags", "code": "reviewed"}]}
NOTE = [{"reference": "DocumentReference/minutes"}]


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with writing(engine) as conn:
        put(conn, *plain().resources.values())
        yield conn


@pytest.mark.parametrize(
    ("before", "after", "news"),
    [
        (contract(), contract() | {"meta": TAG}, False),
        (contract(), contract() | {"meta": {"versionId": "4"}, "supportingInfo": NOTE}, False),
        (contract(), contract(status="disputed"), True),
        (contract(), contract(end=5), True),
        (contract(), contract(notice=-3), True),
        (contract(), contract(marks=[ours("renewal-months", valueInteger=24)]), True),
        (group(1), group(1) | {"meta": TAG}, False),
        (group(1), group(1) | {"name": "Bell"}, True),
        (group(1), group(1) | {"active": False}, True),
    ],
)
def test_it_is_news_where_a_case_may_be_judged_otherwise(before: Json, after: Json, news: bool) -> None:
    assert is_news(before, after, UTC) is news


@pytest.mark.parametrize("at_once", [0, 75], ids=["by the worker", "at once"])
def test_a_tag_on_an_agreement_or_an_organization_overtakes_no_row_and_what_is_said_of_either_does(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(worklist_project, "AT_ONCE", at_once)
    before, later = rows(conn), NOW + timedelta(minutes=5)
    rids = [each["rid"] for each in before.values()]
    signed = plain().resources["Contract/agr-1-v1"]
    _put(conn, signed | {"meta": TAG, "supportingInfo": NOTE}, group(1) | {"meta": TAG})
    assert rows(conn) == before
    assert marks.among(conn, rids) == set()
    assert differences(conn, later) == {}
    _put(conn, signed | {"status": "disputed"})
    assert marks.among(conn, rids) == (set() if at_once else set(rids))
    worklist_project.refresh(conn, later, RULES, 10)
    assert {each["agreement_gate"] for each in before.values()} == {"met"}
    assert "met" not in {each["agreement_gate"] for each in rows(conn).values()}
    assert differences(conn, later) == {}


def _put(conn: Connection, *resources: Json) -> None:
    changes = [Change(each["resourceType"], each["id"], each) for each in resources]
    project, later = worklist_project.projector(RULES), NOW + timedelta(minutes=5)
    put_all(conn, changes, now=later, actor=ACTOR, base=HERE, project=project)
