"""A little EHR on a real socket, keys, and our own database to sync into."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, KeySet, RSAKey

from carecoord import app
from carecoord.settings import Settings
from carecoord.world import World
from tests.adapters.little_ehr import LittleEhr, serving


@pytest.fixture
def little() -> Iterator[LittleEhr]:
    with serving(LittleEhr()) as ehr:
        yield ehr


@pytest.fixture(scope="session")
def ec() -> ECKey:
    return ECKey.generate_key("P-384", {"kid": "ours-ec"})


@pytest.fixture(scope="session")
def rsa() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "ours-rsa"})


@pytest.fixture
def key_file(tmp_path: Path, ec: ECKey, rsa: RSAKey) -> Path:
    """A file with both our private keys, as a JWKS."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(KeySet([ec, rsa]).as_dict(private=True)))
    return path


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Our side: a real database, real HTTP, the real clock."""
    world = app.world(Settings(var=str(tmp_path), database_url=database_url, private_hosts="127.0.0.1"))
    yield world
    world.engine.dispose()
