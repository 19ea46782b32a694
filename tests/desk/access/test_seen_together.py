"""Whether somebody may read each of many resources is asked for all of them at once, and answered as for each alone."""

import pytest
from sqlalchemy import select

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.access.turn import looking
from carecoord.store.database.tables import resource
from carecoord.store.resources import read
from tests.desk.conftest import PEOPLE, House


@pytest.mark.parametrize("who", ["coordinator", "outsider", "payer"])
def test_many_are_seen_as_each_alone(house: House, who: str) -> None:
    login, name, organization = PEOPLE[who]
    role = {"outsider": "coordinator"}.get(who, who)
    scopes = resources(parse("user/*.cruds"))
    grant = Grant(login, scopes=scopes, roles=frozenset({role}), name=name, organization=organization, session="s")
    with looking(house.world, grant, "request") as turn:
        types = ("Patient", "Coverage", "DocumentReference", "Organization")
        rows = read.rows(turn.conn.execute(select(*read.COLUMNS).where(resource.c.type.in_(types)).limit(120)))
        alone = [row for row in rows if turn.sees(row, "r")]
        assert turn.seen(rows, "r") == alone
        assert turn.seen([], "r") == []
        assert 0 < len(alone) < len(rows), "or it has shown nothing"
