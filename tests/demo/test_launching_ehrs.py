"""Registering an EHR that launches us, by the command line: what is said, and what is refused with a reason."""

from pathlib import Path

import pytest

from auth.people import providers
from auth.store import users
from carecoord.actions.fhir import load as fhir_load
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.cli import main
from carecoord.cli.verbs import opened
from carecoord.settings import Settings
from carecoord.store.database.engine import migrate, open_engine, reading
from carecoord.store.ehrs import ehrs
from fhir_adapters.ehr import Ehr, Launch

URL = "https://ehr.example/fhir"
CLINIC = '{"resourceType": "Organization", "id": "clinic", "name": "Clinic"}'
GOOD = ["--launch-client-id", "cc", "--launch-origin", "https://ehr.example", "--launch-role", "coordinator",
        "--launch-organization", "clinic"]  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A database with one organization in it."""
    monkeypatch.setenv("CARECOORD_VAR", str(tmp_path))
    monkeypatch.setenv("CARECOORD_BASE_URL", "https://care.example")
    made = Settings(var=str(tmp_path), base_url="https://care.example")
    engine = open_engine(made.database)
    migrate(engine)
    engine.dispose()
    (tmp_path / "clinic.ndjson").write_text(CLINIC)
    with opened(made) as world:
        assert not fhir_load.load(world, [tmp_path / "clinic.ndjson"]).refusals
    return made


def kept(settings: Settings) -> list[Ehr]:
    with opened(settings) as world, reading(world.engine) as conn:
        return ehrs.every(conn)


def test_a_registration_is_kept_and_says_what_to_register_there(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = Path(settings.var) / "secret"
    secret.write_text("between us")
    assert main(["ehr", "add", "city", URL, *GOOD, "--launch-secret-file", str(secret)]) == 0
    said = capsys.readouterr().out
    assert "https://care.example/embed/launch" in said
    assert "https://care.example/embed/callback/city" in said
    (one,) = kept(settings)
    assert one.launch == Launch("cc", ("https://ehr.example",), ("coordinator",), "clinic", secret_file=str(secret))
    assert main(["ehr", "list"]) == 0
    assert "city opens carecoord for coordinator; in frames of https://ehr.example" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["--launch-origin", "https://ehr.example"], "needs --launch-client-id"),
        (["--launch-client-id", "cc", "--launch-origin", "https://*.example"], "without wildcards"),
        (["--launch-client-id", "cc", "--launch-origin", "http://ehr.example"], "must come by https"),
        (["--launch-client-id", "cc", "--launch-origin", "https://ehr.example/app"], "an origin is a scheme"),
        (["--launch-client-id", "cc", "--launch-role", "coordinator"], "need the organization"),
        (["--launch-client-id", "cc", "--launch-role", "payer", "--launch-organization", "nowhere"], "no Organization"),
        (["--launch-client-id", "cc", "--launch-secret-file", "/nowhere"], "not a file"),
        (["--launch-client-id", "cc", "--launch-scope", "openid"], "scope launch"),
    ],
)  # fmt: skip
def test_what_can_not_work_is_refused_with_the_reason(
    settings: Settings, capsys: pytest.CaptureFixture[str], given: list[str], reason: str
) -> None:
    assert main(["ehr", "add", "city", URL, *given]) != 0
    assert reason in " ".join(capsys.readouterr().err.split())
    assert kept(settings) == []


@pytest.mark.usefixtures("settings")
def test_an_ehr_can_not_make_somebody_an_auditor(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["ehr", "add", "city", URL, "--launch-client-id", "cc", "--launch-role", "auditor"])
    assert "invalid choice" in capsys.readouterr().err


def test_an_address_launches_under_one_name(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ehr", "add", "city", URL, *GOOD]) == 0
    assert main(["ehr", "add", "town", "https://town.example/fhir", "--alias", URL, *GOOD]) != 0
    assert "city opens carecoord from that address already" in " ".join(capsys.readouterr().err.split())


def test_somebody_is_linked_to_their_account(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ehr", "add", "city", URL, *GOOD]) == 0
    with opened(settings) as world:
        accounts.add_user(world, NewUser("maria", "Reyes, Maria", frozenset({"coordinator"}), "clinic"), "x" * 16)
    assert main(["ehr", "link", "city", "s-1", "maria"]) != 0
    assert "whose id_tokens" in capsys.readouterr().err
    assert main(["ehr", "link", "city", "s-1", "nobody", "--issuer", "https://login.example"]) != 0
    assert main(["ehr", "link", "city", "s-1", "maria", "--issuer", "https://login.example"]) == 0
    assert "s-1 of city is Reyes, Maria (maria) here" in capsys.readouterr().out
    with opened(settings) as world, reading(world.engine) as conn:
        (maria,) = users(conn)
        assert providers.linked_user(conn, "https://login.example", "s-1") == maria.id
        assert providers.linked_user(conn, "https://other.example", "s-1") is None
