"""Registering SMART apps and people by the command line, and closing them again."""

import json
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, KeySet
from sqlalchemy import Engine

from auth import store
from auth.server import registrations as registered_apps
from carecoord.actions.people.accounts import NewUser, add_user
from carecoord.cli import main
from carecoord.errors import Invalid
from carecoord.store.database.engine import migrate, open_engine, reading, writing
from carecoord.world import World

BACK = "https://app.example/callback"


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with a database in it."""
    monkeypatch.setenv("CARECOORD_VAR", str(tmp_path))
    engine = open_engine(f"sqlite:///{tmp_path / 'carecoord.db'}")
    migrate(engine)
    engine.dispose()
    return tmp_path


def registered(var: Path) -> list[store.Client]:
    engine: Engine = open_engine(f"sqlite:///{var / 'carecoord.db'}")
    with reading(engine) as conn:
        found = store.clients(conn)
    engine.dispose()
    return found


def test_an_app_is_public_unless_it_is_given_a_secret_or_keys(var: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = var / "jwks.json"
    public = ECKey.generate_key("P-384", {"kid": "1"}).as_dict(private=False)
    keys.write_text(json.dumps(KeySet([ECKey.import_key(public)]).as_dict(private=False)))
    assert main(["app", "add", "A", "--redirect", BACK, "--launch-url", "https://app.example/launch"]) == 0
    assert main(["app", "add", "B", "--redirect", BACK, "--secret"]) == 0
    assert main(["app", "add", "C", "--redirect", BACK, "--jwks", str(keys)]) == 0
    assert [app.method for app in registered(var)] == ["none", "client_secret_basic", "private_key_jwt"]
    assert capsys.readouterr().out.count("client_secret:") == 1
    first = registered(var)[0]
    assert first.redirect_uris == (BACK,)
    assert first.launch_url == "https://app.example/launch"
    assert set(first.grants) == {"authorization_code", "refresh_token"}


@pytest.mark.parametrize("address", ["http://app.example/callback", "nonsense", "https://app.example/#x"])
def test_an_app_can_not_take_its_codes_in_the_open(var: Path, capsys: pytest.CaptureFixture[str], address: str) -> None:
    assert main(["app", "add", "A", "--redirect", address]) == 1
    assert "can not be an app's address: https" in capsys.readouterr().err
    assert registered(var) == []


def test_a_closed_app_is_let_in_no_more(var: Path) -> None:
    main(["app", "add", "A", "--redirect", BACK])
    (app,) = registered(var)
    assert main(["app", "close", app.id]) == 0
    assert registered(var)[0].disabled
    assert main(["app", "close", "nobody"]) == 1


def test_an_app_that_registered_itself_is_listed_first_and_let_in_or_turned_away(
    var: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["app", "add", "Added", "--redirect", BACK])
    engine = open_engine(f"sqlite:///{var / 'carecoord.db'}")
    scope = "launch/patient patient/Patient.rs patient/Observation.rs"
    asks = [store.Client(id, id.upper(), scope, "none", ("authorization_code",), redirect_uris=(BACK,), disabled=True,
                         pending=True) for id in ("one", "two")]  # fmt: skip
    with writing(engine) as conn:
        for new in asks:
            registered_apps.enrol(conn, new, 1, None)
    engine.dispose()
    capsys.readouterr()
    assert main(["app", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["ONE", "TWO", "Added"]
    assert "waits" in lines[1]
    assert main(["app", "approve", "one", "--scope", "launch/patient patient/Patient.rs patient/Binary.cruds"]) == 0
    assert main(["app", "refuse", "two"]) == 0
    assert {app.id: app.scope for app in registered(var) if app.id in ("one", "two")} == {
        "one": "launch/patient patient/Patient.rs"
    }
    assert main(["app", "approve", "one"]) == 1
    assert "No app one waits" in capsys.readouterr().err


def test_a_backend_service_may_be_narrowed_as_a_role(var: Path) -> None:
    assert main(["client", "add", "Payer's system", "--role", "payer", "--organization", "p1"]) == 0
    (client,) = registered(var)
    assert (client.roles, client.organization) == ({"payer"}, "p1")


def test_a_person_is_linked_only_to_a_practitioner_that_is_here(world: World) -> None:
    with pytest.raises(Invalid, match="Practitioner/nobody"):
        add_user(world, NewUser("farrow", "Farrow, Amelia", frozenset({"clinician"}), practitioner="nobody"))
