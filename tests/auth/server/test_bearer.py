"""The bearer check: who is let in, who is not, and how soon a revocation counts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from auth import store
from auth.errors import BadToken, NoToken
from auth.scopes import parse, resources
from auth.server.bearer import challenge, check
from auth.tables import token as token_table
from carecoord.store.database.engine import open_engine, writing

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    """A transaction, on each of the two databases."""
    engine = open_engine(database_url)
    with writing(engine) as connection:
        yield connection
    engine.dispose()


def token(conn: Connection, kind: str = "access", life: int = 300, scope: str = "system/*.rs") -> str:
    return store.issue(
        conn,
        store.Token(
            kind=kind, client="loader", subject="loader", scope=scope, issued=SECONDS, expires=SECONDS + life,
            roles=frozenset({"payer"}), organization="npi|1", patient="p1", name="Loader",
            fhir_user="Practitioner/x",
        ),
    )  # fmt: skip


def test_a_good_token_turns_into_its_grant(conn: Connection) -> None:
    grant = check(conn, f"Bearer {token(conn, scope='system/Patient.rs launch openid')}", NOW)
    assert (grant.subject, grant.client, grant.organization, grant.patient) == ("loader", "loader", "npi|1", "p1")
    assert grant.scopes == resources(parse("system/Patient.rs"))
    assert (grant.roles, grant.fhir_user) == ({"payer"}, "Practitioner/x")


def test_the_scheme_is_read_in_any_case(conn: Connection) -> None:
    assert check(conn, f"bEARER {token(conn)}", NOW).client == "loader"


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "token", "BearerX"])
def test_it_demands_a_bearer_token(conn: Connection, header: str | None) -> None:
    with pytest.raises(NoToken) as refused:
        check(conn, header, NOW)
    assert challenge(refused.value) == 'Bearer realm="fhir"'


@pytest.mark.parametrize("plain", ["", " ", "x", "x" * 600, "a b", "\udcff", "'; drop table auth_token; --"])
def test_it_refuses_a_token_that_it_never_issued(conn: Connection, plain: str) -> None:
    with pytest.raises(BadToken) as refused:
        check(conn, f"Bearer {plain}", NOW)
    assert 'error="invalid_token"' in challenge(refused.value)


def test_it_refuses_a_token_from_the_second_it_expires(conn: Connection) -> None:
    header = f"Bearer {token(conn)}"
    assert check(conn, header, NOW + timedelta(seconds=299))
    with pytest.raises(BadToken):
        check(conn, header, NOW + timedelta(seconds=300))


def test_it_refuses_a_revoked_token_at_once(conn: Connection) -> None:
    """Issue 3, 5: revocation is effective at once; nothing is cached."""
    plain = token(conn)
    assert check(conn, f"Bearer {plain}", NOW)
    store.revoke(conn, plain)
    with pytest.raises(BadToken):
        check(conn, f"Bearer {plain}", NOW)


def test_a_refresh_token_opens_nothing(conn: Connection) -> None:
    with pytest.raises(BadToken):
        check(conn, f"Bearer {token(conn, kind='refresh')}", NOW)


def test_the_database_holds_no_token_in_plain(conn: Connection) -> None:
    plain = token(conn)
    assert plain not in str(conn.execute(select(token_table)).all())
