"""Letting people and apps in, on a real database: what was printed once really opens the door."""

import json
import stat
from pathlib import Path

import pytest
from joserfc.jwk import KeySet
from sqlalchemy import Connection

from auth import store
from auth.client.backend import load_keys
from auth.errors import BadRegistration
from auth.people import sessions
from auth.store import Client
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser, add_backend, add_user, make_key, public_keys
from carecoord.errors import Invalid
from carecoord.store.database.engine import reading, writing
from carecoord.world import World

REYES = NewUser("maria.reyes", "Reyes, Maria", frozenset({"coordinator"}))


def opens(conn: Connection, login: str, password: str, now: int) -> bool:
    """Whether the login and the password let somebody in."""
    return sessions.verify_password(sessions.begin_attempt(conn, login, now), password)


def test_a_new_user_signs_in_with_the_password_that_was_printed(world: World) -> None:
    password = add_user(world, REYES)
    assert len(password) >= 20
    with writing(world.engine) as conn:
        assert opens(conn, "Maria.Reyes", password, int(world.clock().timestamp()))
        assert not opens(conn, "maria.reyes", password + "x", int(world.clock().timestamp()) + 3600)


def test_two_users_never_get_the_same_password(world: World) -> None:
    other = NewUser("james.tran", "Tran, James", frozenset({"coordinator", "clinician"}))
    assert add_user(world, REYES) != add_user(world, other)


def test_a_login_is_given_once(world: World) -> None:
    add_user(world, REYES)
    with pytest.raises(BadRegistration, match=r"maria\.reyes"):
        add_user(world, REYES)


@pytest.mark.parametrize("roles", [frozenset({"king"}), frozenset()])
def test_it_refuses_a_role_that_there_is_not(world: World, roles: frozenset[str]) -> None:
    with pytest.raises(Invalid, match="Roles are coordinator"):
        add_user(world, NewUser("x", "X", roles))


def test_it_refuses_an_organization_that_is_not_here(world: World) -> None:
    with pytest.raises(Invalid, match="Organization/nowhere"):
        add_user(world, NewUser("x", "X", frozenset({"payer"}), "nowhere"))


def test_a_key_that_is_made_is_one_that_smart_takes() -> None:
    private, public = make_key()
    (key,) = load_keys(private)
    (known,) = KeySet.import_key_set(json.loads(public)).keys
    assert known.kid == key.kid
    assert not known.is_private
    assert public_keys(private) == public


def test_a_backend_is_registered_with_its_public_key_only(world: World) -> None:
    _, public = make_key()
    add_backend(world, Client("app", "An app", "system/*.rs", jwks=public))
    with reading(world.engine) as conn:
        found = store.find_client(conn, "app")
    assert found
    assert found.jwks
    assert '"d"' not in found.jwks


def test_a_secret_file_is_its_owners_and_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "app.pem"
    accounts.write_secret(file, b"secret")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        accounts.write_secret(file, b"another")
    assert file.read_bytes() == b"secret"
