"""Where settings come from: one file for every verb, overruled by the environment; what is in force is shown."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from carecoord.cli.children import environment
from carecoord.configuration import NAME, keep, read
from carecoord.settings import BadSetting, Settings

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def var(tmp_path: Path) -> Path:
    (tmp_path / "var").mkdir()
    return tmp_path / "var"


def told(var: Path, *lines: str) -> dict[str, str]:
    (var / NAME).write_text("\n".join(lines))
    return {"CARECOORD_VAR": str(var)}


def test_the_file_beside_the_database_holds_for_every_verb_and_the_environment_overrules_it(var: Path) -> None:
    environ = told(var, "port = 8123", "secure_cookies = true", 'base_url = "https://care.example"')
    made = read(environ)
    assert (made.settings.port, made.settings.secure_cookies, made.settings.url) == (8123, True, "https://care.example")
    assert made.given["port"] == ("file", "port")
    made = read({**environ, "CARECOORD_PORT": "9000"})
    assert (made.settings.port, made.given["port"]) == (9000, ("environment", "CARECOORD_PORT"))


def test_kubernetes_own_names_overrule_no_file(var: Path) -> None:
    assert read({**told(var, "port = 8123"), "CARECOORD_PORT": "tcp://10.96.0.7:8000"}).settings.port == 8123


def test_a_file_that_is_named_brings_its_folder_from_wherever_a_verb_is_called(
    var: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told(var, 'var = "."', "port = 8123")
    monkeypatch.chdir(tmp_path)
    made = read({"CARECOORD_CONFIG": str(var / NAME)})
    assert (made.settings.var, made.settings.port, made.file) == (str(var), 8123, var / NAME)
    assert read({"CARECOORD_CONFIG": "none", "CARECOORD_VAR": str(var)}).settings.port == 8000


def test_a_secret_is_named_by_a_path_meant_from_where_the_file_is(var: Path) -> None:
    (var / "token").write_text("hush\n")
    (var / "token").chmod(0o600)
    made = read(told(var, 'metrics_token_file = "token"'))
    assert made.settings.metrics_token == "hush"
    assert made.given["metrics_token"] == ("file", "metrics_token_file")
    (var / "other").write_text("loud\n")
    (var / "other").chmod(0o600)
    made = read({"CARECOORD_VAR": str(var), "CARECOORD_METRICS_TOKEN_FILE": str(var / "other")})
    assert made.settings.metrics_token == "loud"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["prot = 1"], f"{NAME}: prot is not a setting of carecoord; did you mean port?"),
        (["nothing_like_it = 1"], f"{NAME}: nothing_like_it is not a setting of carecoord; known: backup_goal, "),
        (["port = 99999"], "CARECOORD_PORT must be a whole number from 1 to 65535, not 99999 (it stands as port in "),
        (["port = [1]"], f"{NAME}: port must be a text, a whole number, true or false"),
        (["port == 1"], f"{NAME} can not be read as TOML: "),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_file_is_said_in_one_line_with_its_place(var: Path, lines: list[str], words: str) -> None:
    with pytest.raises(BadSetting) as refused:
        read(told(var, *lines))
    assert words in str(refused.value)


def test_a_file_that_others_may_write_or_that_is_not_there_is_refused(var: Path) -> None:
    environ = told(var, "port = 8123")
    (var / NAME).chmod(0o666)
    with pytest.raises(BadSetting, match="chmod go-w"):
        read(environ)
    with pytest.raises(BadSetting, match="CARECOORD_CONFIG must name a file that is there"):
        read({"CARECOORD_CONFIG": str(var / "nowhere.toml")})


def test_a_verb_without_the_secret_acts_on_no_other_database(var: Path) -> None:
    given = {"CARECOORD_VAR": str(var), "CARECOORD_PORT": "8123"}
    given["CARECOORD_DATABASE_URL"] = "postgresql://cc:hush@db.example:5433/care"
    assert keep(read(given).settings, given) == var / NAME
    written = (var / NAME).read_text()
    assert "hush" not in written
    assert "\nport = 8123\n" in written
    assert "\n# workers = 0\n" in written
    assert read(given).settings.database_url == given["CARECOORD_DATABASE_URL"]
    with pytest.raises(BadSetting, match="whose database is postgresql://db"):
        read({"CARECOORD_VAR": str(var)})
    assert keep(read(given).settings, given) is None, "what somebody has written is left alone"


def test_a_process_of_ours_has_just_the_settings_it_was_given(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def environ() -> Mapping[str, str]:
        return {name: value for name, value in environment(settings).items() if name.startswith("CARECOORD_")}

    told(var, "port = 8123", "threads = 7")
    monkeypatch.setenv("CARECOORD_VAR", str(var))
    monkeypatch.setenv("CARECOORD_PORT", "8000")  # the default, against what the file says
    settings = read({"CARECOORD_VAR": str(var), "CARECOORD_PORT": "8000"}).settings
    assert read(environ()).settings == settings
    settings = Settings(var=str(var / "demo-ehr"), port=8001)  # another instance
    assert read(environ()).settings == settings


def test_the_settings_in_force_are_shown_with_where_they_come_from_and_without_secrets(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARECOORD_METRICS_TOKEN", "hush")
    monkeypatch.setenv("CARECOORD_SYNC_GOAL", "90")
    assert run("init")[0] == 0
    code, out, _ = run("settings", "--json")
    shown = {each["name"]: (each["value"], each["from"]) for each in json.loads(out)}
    assert code == 0
    assert shown["CARECOORD_METRICS_TOKEN"] == ("(set, not shown)", "environment")
    assert shown["CARECOORD_SYNC_GOAL"] == ("90", "environment")
    assert shown["CARECOORD_THREADS"] == ("4", "default")
    monkeypatch.delenv("CARECOORD_SYNC_GOAL")
    out = run("settings")[1]
    assert "hush" not in out
    assert "CARECOORD_SYNC_GOAL" in out
    assert NAME in out


@pytest.mark.parametrize("verb", [("check",), ("user", "list")])
def test_an_address_below_a_path_is_refused_in_one_line_and_never_called_good(
    ready: Run, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    """Fault F19 of operations.md: half of it worked behind a proxy's path, and `check` said good."""
    monkeypatch.setenv("CARECOORD_BASE_URL", "https://h.example/care")
    code, out, err = ready(*verb)
    assert (code != 0, out, len(err.strip().splitlines())) == (True, "", 1), (out, err)
    assert "CARECOORD_BASE_URL must be an address such as https://care.example: scheme and host, no path" in err
