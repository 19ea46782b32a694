"""The keys by which we prove ourselves: whichever copy of our key set a server holds, the key that signs is in it.
Numbers are requirements of SMART 2.2."""

from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import Engine

from auth.client import keys as client_keys
from auth.client.backend import Key, choose_key
from auth.client.keys import OVERLAP, SETTLE
from auth.keys import signing as keys_signing
from tests.auth.conftest import Clock

Pair = tuple[Key, ...]


@pytest.fixture(scope="session")
def pairs() -> list[Pair]:
    """Three pairs, made once."""
    return [client_keys.new_pair() for _ in range(3)]


@pytest.fixture
def kept(engine: Engine, clock: Clock, pairs: list[Pair]) -> "Kept":
    return Kept(engine, clock, pairs)


class Kept:
    """Our keys, with a clock that a test can move."""

    def __init__(self, engine: Engine, clock: Clock, pairs: list[Pair]) -> None:
        self.engine, self.clock, self.pairs = engine, clock, pairs
        with engine.begin() as conn:
            client_keys.publish_first(conn, pairs[0], clock.seconds())

    def rotate(self, n: int, *, lost: bool = False) -> None:
        with self.engine.begin() as conn:
            client_keys.rotate(conn, self.pairs[n], self.clock.seconds(), lost=lost)

    def signing(self) -> set[str]:
        with self.engine.begin() as conn:
            return {row.kid for row in client_keys.published_keys(conn, self.clock.seconds()) if row.signs}

    def entries(self) -> list[dict[str, Any]]:
        with self.engine.begin() as conn:
            return list(client_keys.published(conn, self.clock.seconds())["keys"])

    def published(self) -> set[str]:
        return {entry["kid"] for entry in self.entries()}


def kids(pair: Pair) -> set[str]:
    return {str(key.kid) for key in pair}


def test_a_pair_has_a_key_for_each_algorithm_of_smart(pairs: list[Pair]) -> None:
    """A client can sign with RS384 or ES384, by what the server offers."""
    ec, rsa = pairs[0]
    assert isinstance(ec, ECKey)
    assert isinstance(rsa, RSAKey)
    assert rsa.raw_value.key_size >= 2048
    assert choose_key(pairs[0], ["RS384"]) == (rsa, "RS384")
    assert choose_key(pairs[0], ["ES384", "RS384"]) == (ec, "ES384")


def test_the_published_set_tells_what_a_server_needs_and_no_secret(kept: Kept) -> None:
    """S22@296: a client is registered by the URL of its key set."""
    for entry in kept.entries():
        assert entry["use"] == "sig"
        assert entry["kid"]
        assert (entry["kty"], entry["alg"]) in (("EC", "ES384"), ("RSA", "RS384"))
        assert not set(entry) & {"d", "p", "q", "dp", "dq", "qi"}


def test_the_first_pair_signs_at_once(kept: Kept, pairs: list[Pair]) -> None:
    assert kept.signing() == kept.published() == kids(pairs[0])


def test_beginning_again_keeps_what_is_there(kept: Kept, pairs: list[Pair]) -> None:
    with kept.engine.begin() as conn:
        client_keys.publish_first(conn, pairs[1], kept.clock.seconds())
        found = client_keys.signing(conn, kept.clock.seconds())
    assert kids(found) == kept.signing() == kept.published() == kids(pairs[0])


def test_a_new_pair_is_published_a_day_before_it_signs(kept: Kept, pairs: list[Pair]) -> None:
    kept.clock.pass_by(10 * SETTLE)
    kept.rotate(1)
    assert kept.published() == kids(pairs[0]) | kids(pairs[1])
    kept.clock.pass_by(SETTLE - 1)
    assert kept.signing() == kids(pairs[0])
    kept.clock.pass_by(1)
    assert kept.signing() == kids(pairs[1])
    assert kept.published() == kids(pairs[0]) | kids(pairs[1])


def test_a_retired_pair_stays_published_for_a_week_and_is_gone_then(kept: Kept, pairs: list[Pair]) -> None:
    kept.rotate(1)
    kept.clock.pass_by(SETTLE + OVERLAP - 1)
    assert kids(pairs[0]) <= kept.published()
    kept.clock.pass_by(1)
    assert kept.published() == kids(pairs[1])
    kept.rotate(2)
    with kept.engine.begin() as conn:
        held = conn.exec_driver_sql("SELECT count(*) FROM auth_key WHERE purpose = 'client'").scalar()
    assert held == 4, "the private half of a key that is no longer published is not kept"


def test_in_the_midst_of_two_hasty_rotations_a_copy_of_the_set_a_day_old_holds_the_key_that_signs(
    kept: Kept, pairs: list[Pair]
) -> None:
    copies: list[set[str]] = []
    for hour in range(0, 24 * 12, 3):
        if hour in (30, 36):
            kept.rotate(1 if hour == 30 else 2)
        copies.append(kept.published())
        assert len(kept.signing()) == 2
        assert all(kept.signing() <= copy for copy in copies[-8:]), hour
        kept.clock.pass_by(3 * 3600)
    assert kept.signing() == kept.published() == kids(pairs[2])


def test_lost_keys_vanish_at_once_and_the_new_pair_signs(kept: Kept, pairs: list[Pair]) -> None:
    kept.rotate(1)
    kept.rotate(2, lost=True)
    assert kept.signing() == kept.published() == kids(pairs[2])


def test_keys_of_one_purpose_never_serve_the_other(kept: Kept, pairs: list[Pair]) -> None:
    with kept.engine.begin() as conn:
        now = kept.clock.seconds() + 5
        assert str(keys_signing.signing(conn, now).kid) == "ours"
        assert [entry["kid"] for entry in keys_signing.published(conn, now)["keys"]] == ["ours"]
        keys_signing.rotate(conn, now)
        assert len(keys_signing.published(conn, now)["keys"]) == 2
    assert kept.signing() == kids(pairs[0])
    kept.rotate(1)
    with kept.engine.begin() as conn:
        assert len(keys_signing.published(conn, now)["keys"]) == 2
