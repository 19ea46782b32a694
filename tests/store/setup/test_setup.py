"""What set-up asks of the store, on both databases."""

from sqlalchemy import Engine

from auth import store
from auth.people import memberships
from auth.store import User
from carecoord.store.agreements import roll
from carecoord.store.database.engine import reading, writing
from carecoord.store.prior_auth import rules

OPEN = ("age_from", "age_to", "visit_from", "valid_from", "valid_to", "lead_days")
LINE = tuple("s|granite" if name == "payer" else None if name in OPEN else "" for name in rules.KEPT)


def test_somebody_changes_between_their_organizations_and_is_placed_once(engine: Engine) -> None:
    with writing(engine) as conn:
        store.add_user(conn, User("u", "weaver", "Weaver, Ines", frozenset({"coordinator"})), "", 1)
        assert store.place_user(conn, "u", "elm")
        assert not store.place_user(conn, "u", "oak"), "who belongs somewhere stays there"
        memberships.let(conn, "u", ["oak", "ash"])
        assert not memberships.switch(conn, "u", "fir")
        assert memberships.switch(conn, "u", "oak")
    with reading(engine) as conn:
        found = store.find_user(conn, "u")
        assert found is not None
        assert found.organization == "oak"
        assert memberships.every(conn) == {"u": ("ash", "elm")}
        assert memberships.of(conn, "u") == ("ash", "elm")


def test_a_payer_is_ruled_while_a_line_of_it_stands(engine: Engine) -> None:
    with writing(engine) as conn:
        rules.put_rules(conn, "PlanDefinition/g", "1", [LINE], 10)
        assert rules.ruled(conn, ["s|granite", "s|pinnacle"]) == {"s|granite"}
        rules.put_rules(conn, "PlanDefinition/g", "2", [], 20)
        assert rules.ruled(conn, ["s|granite", "s|pinnacle"]) == set()
        assert roll.agreed(conn, ["Organization/granite"]) == set()
