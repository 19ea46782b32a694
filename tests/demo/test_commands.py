"""The command as a person meets it: what it prints, and how it ends."""

import gzip
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import make_url, text

from carecoord.actions.worklist import bounds
from carecoord.cli import cases, parser
from carecoord.fhir.instants import micros
from carecoord.settings import PREFIX
from carecoord.store.audit import seals
from carecoord.store.audit.events import Event, record
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.events import log
from carecoord.store.events.log import Entry

from .conftest import Run

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
PAYS = "http://terminology.hl7.org/CodeSystem/organization-type"
VERBS = (
    "init", "serve", "demo", "load", "ehr", "ehr add", "ehr list", "ehr flags", "sync", "cases", "client", "client add",
    "user", "user add", "check", "backup", "restore", "upgrade", "work", "events", "audit verify", "audit head",
    "settings", "import", "export", "completion", "ehr pause", "ehr resume", "ehr remove",
    "provider", "provider add", "provider link", "provider unlink", "provider disable", "provider list",
    "x12", "x12 take", "x12 write",
    "payer", "payer add", "payer list", "payer examine", "payer remove",
)


@pytest.mark.parametrize("verb", VERBS)
def test_help_says_what_a_verb_is_for(run: Run, verb: str) -> None:
    code, out, _ = run(*verb.split(), "--help")
    assert code == 0
    assert out.startswith(f"usage: carecoord {verb}")
    assert len(out.splitlines()) > 4


def test_the_help_is_the_same_whether_it_is_asked_of_all_verbs_or_of_none_and_loads_nothing_else() -> None:
    assert parser([]).format_help() == parser().format_help()
    asked = """
import contextlib, sys
from carecoord.cli import main
with contextlib.suppress(SystemExit):
    main(["--help"])
print({"sqlalchemy", "flask", "rich", "alembic"} & sys.modules.keys())
import carecoord.cli.check, carecoord.cli.jobs, carecoord.cli.verbs
heavy = {"flask", "alembic", "requests", "limits", "pypdf", "psycopg", "carecoord.actions.worklist"}
print(heavy & sys.modules.keys())"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\nset()\nset()\n")


def test_the_collector_of_cycles_passes_over_what_a_command_has_loaded(tmp_path: Path) -> None:
    asked = """
import gc, sys
from carecoord.cli import main
sys.argv = ["carecoord", "settings"]
main()
print(gc.isenabled(), gc.get_freeze_count() > 10_000)"""
    environ = {**os.environ, "CARECOORD_VAR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.endswith("\nTrue True\n")


def test_every_verb_is_in_the_help() -> None:
    words = parser().format_help()
    assert all(f"    {verb.split()[0]} " in words for verb in VERBS)


def test_without_a_verb_it_says_which_there_are(run: Run) -> None:
    code, out, _ = run()
    assert code == 0
    assert "    check " in out


def test_it_tells_its_version(run: Run) -> None:
    code, out, _ = run("--version")
    assert (code, out) == (0, f"carecoord {version('carecoord')}\n")


def test_init_makes_the_database_and_may_be_repeated(run: Run, tmp_path: Path) -> None:
    for _ in range(2):
        code, out, err = run("init")
        assert (code, err) == (0, "")
        assert "is ready" in out
    assert (tmp_path / "var" / "carecoord.db").exists()


def test_a_database_that_is_not_there_yet_is_told_with_what_to_do(run: Run) -> None:
    code, _, err = run("cases")
    assert code == 1
    assert "run carecoord init" in err


def test_a_misspelt_setting_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARECOORD_PROT", "1")
    code, _, err = run("cases")
    assert code == 2
    assert "CARECOORD_PROT is not a setting" in err


@pytest.mark.parametrize("url", ["oracle://localhost/x", "nonsense", "mysql://localhost/x"])
def test_a_database_of_another_kind_is_told(run: Run, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("CARECOORD_DATABASE_URL", url)
    code, _, err = run("init")
    assert code == 2
    assert "CARECOORD_DATABASE_URL must be sqlite:///path or postgresql://" in err


def test_a_database_that_does_not_answer_is_told_without_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """F7: which one, why, and what to do; never the password."""
    monkeypatch.setenv("CARECOORD_DATABASE_URL", "postgres://nobody:hush@127.0.0.1:1/none")
    code, _, err = run("init")
    assert code == 1
    assert "The database postgresql://nobody:***@127.0.0.1:1/none is not available: Connection refused" in err
    assert "correct CARECOORD_DATABASE_URL" in err
    assert "Traceback" not in err
    assert "hush" not in err
    assert "BAD   database: The database postgresql://nobody:***@127.0.0.1:1/none" in run("check")[1]


def test_a_folder_that_can_not_be_made_is_told_with_what_to_do(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CARECOORD_VAR", str(tmp_path / "file" / "var"))
    code, _, err = run("init")
    assert code == 1
    assert f"The folder {tmp_path}/file/var can not be made (Not a directory): choose another with CARECOORD_VAR" in err


def test_what_should_never_happen_is_told_without_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("carecoord.cli.accounts.made", fail)
    code, _, err = run("init")
    assert code == 1
    assert err.startswith("carecoord: ZeroDivisionError: this should not happen")
    assert "Traceback" not in err


def test_a_database_of_an_unreleased_version_is_told_with_what_to_do(ready: Run, tmp_path: Path) -> None:
    """F20: `user list` said OperationalError: this should not happen, and `check` good."""
    engine = open_engine(f"sqlite:///{tmp_path}/var/carecoord.db")
    with writing(engine) as conn:
        conn.execute(text("ALTER TABLE ehr_run DROP COLUMN flagged"))
    engine.dispose()
    ready("ehr", "add", "city", "https://ehr.example/fhir")
    code, _, err = ready("ehr", "list")
    assert code == 1
    assert "they were made by a version that was never released. Keep it, choose another CARECOORD_VAR" in err
    assert "BAD   database: sqlite:////" in (out := ready("check")[1])
    assert "lacks ehr_run.flagged" in out


@pytest.mark.parametrize("mask", [0o000, 0o022])
def test_what_it_writes_is_for_its_owner_alone_whatever_the_umask(run: Run, tmp_path: Path, mask: int) -> None:
    """F6: the database holds every patient and our private keys."""
    before = os.umask(mask)
    try:
        assert run("init")[0] == 0
        assert run("user", "add", "maria", "--name", "Reyes, Maria", "--role", "auditor")[0] == 0
        assert run("client", "add", "An app")[0] == 0
    finally:
        os.umask(before)
    var = tmp_path / "var"
    assert stat.S_IMODE(var.stat().st_mode) == 0o700
    assert (var / "carecoord.db").exists()
    assert {stat.S_IMODE(path.stat().st_mode) for path in var.rglob("*") if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in var.rglob("*") if path.is_dir()} == {0o700}


def test_what_others_could_read_until_now_is_told_by_check_and_taken_back_by_init(ready: Run, tmp_path: Path) -> None:
    var = tmp_path / "var"
    var.chmod(0o755)
    (var / "carecoord.db").chmod(0o644)
    out = ready("check")[1]
    assert f"BAD   folder: others may read {var} and 1 more: chmod -R go-rwx {var}" in out
    assert stat.S_IMODE(var.stat().st_mode) == 0o755, "check changes nothing"
    ready("init")
    assert stat.S_IMODE(var.stat().st_mode) == 0o700
    assert stat.S_IMODE((var / "carecoord.db").stat().st_mode) == 0o600
    assert "good  folder" in ready("check")[1]


def test_a_folder_that_holds_more_than_ours_keeps_its_rights(ready: Run, tmp_path: Path) -> None:
    var = tmp_path / "var"
    (var / "letters").mkdir(mode=0o755)
    var.chmod(0o755)
    ready("init")
    assert stat.S_IMODE(var.stat().st_mode) == 0o755
    assert "BAD   folder: others may read" in ready("check")[1]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_name_that_the_terminal_can_not_show_gets_a_question_mark(ready: Run, tmp_path: Path, encoding: str) -> None:
    """I04: a name of Łódź on a terminal of Latin-1."""
    ready("user", "add", "jan", "--name", "Łukasiewicz, João", "--role", "auditor")
    environ = os.environ | {"PYTHONIOENCODING": encoding, f"{PREFIX}VAR": str(tmp_path / "var")}
    done = subprocess.run([sys.executable, "-m", "carecoord.cli", "user", "list"], env=environ, capture_output=True)
    assert done.returncode == 0
    assert b"?ukasiewicz, Jo" in done.stdout


@pytest.mark.postgres
@pytest.mark.parametrize("verb", ["init", "check"])
def test_a_postgresql_that_can_not_keep_every_name_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, postgres_url: str, verb: str
) -> None:
    """I05a: a database made under LC_ALL=C is in SQL_ASCII."""
    engine = open_engine(postgres_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        made = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        conn.execute(text("DROP DATABASE IF EXISTS plain"))
        conn.execute(text(f"CREATE DATABASE plain {made}"))
    engine.dispose()
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", make_url(postgres_url).set(database="plain").render_as_string(False))
    code, out, err = run(verb)
    assert code == 1
    assert "has the encoding SQL_ASCII: names would be lost. Make one with: CREATE DATABASE … ENCODING" in out + err


def test_a_user_is_added_once(ready: Run) -> None:
    code, out, _ = ready("user", "add", "maria", "--name", "Reyes, Maria", "--role", "coordinator")
    assert code == 0
    assert "password: " in out
    code, _, err = ready("user", "add", "maria", "--name", "Reyes, Maria", "--role", "coordinator")
    assert code == 1
    assert "'maria' is taken" in err


def test_a_coordinator_is_given_the_only_organization_or_told_which_there_are(ready: Run, tmp_path: Path) -> None:
    add = ("user", "add", "maria", "--name", "Reyes, Maria", "--role", "coordinator")
    one = {
        "resourceType": "Organization", "id": "elm", "name": "Elm Street",
        "identifier": [{"system": "n", "value": "1"}],
    }  # fmt: skip
    twin = {**one, "id": "twin", "meta": {"source": "https://ehr.example/Organization/9"}}
    pays = {"coding": [{"system": PAYS, "code": "pay"}]}
    payer = {"resourceType": "Organization", "id": "blue", "name": "Blue", "type": [pays]}
    code, out, _ = ready(*add)
    assert code == 0
    assert "There is no organization here yet to which somebody with the role coordinator could belong" in out
    (tmp_path / "o.ndjson").write_text("\n".join(map(json.dumps, (one, twin, payer))))
    assert ready("load", tmp_path / "o.ndjson")[0] == 0
    code, out, _ = ready("user", "add", "ann", *add[3:])
    assert code == 0
    assert "ann belongs to Elm Street (elm), the only organization that fits." in out
    code, out, _ = ready("user", "add", "paul", "--name", "Paul", "--role", "payer")
    assert "paul belongs to Blue (blue)" in out
    (tmp_path / "p.ndjson").write_text(json.dumps({"resourceType": "Organization", "id": "oak", "name": "Oak Street"}))
    assert ready("load", tmp_path / "p.ndjson")[0] == 0
    code, _, err = ready("user", "add", "bea", *add[3:])
    assert code == 1
    assert "say which by its id. Here are elm (Elm Street); oak (Oak Street)." in err
    code, out, _ = ready("user", "change", "maria", "--organization", "oak")
    assert (code, out.strip()) == (0, "maria: coordinator of oak")
    assert ready("user", "change", "maria", "--organization", "nowhere")[0] == 1
    assert ready("user", "change", "maria")[0] == 1


def test_a_client_gets_a_key_that_nobody_else_reads(ready: Run) -> None:
    code, out, _ = ready("client", "add", "An app", "--scope", "system/Patient.rs")
    said = dict(line.split(": ", 1) for line in out.splitlines())
    assert code == 0
    assert said["scope"] == "system/Patient.rs"
    file = Path(said["private key"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")


def test_a_client_with_its_own_keys_gets_none(ready: Run, tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text('{"keys": []}')
    code, out, _ = ready("client", "add", "An app", "--jwks", tmp_path / "jwks.json")
    assert code == 0
    assert "private key" not in out


def test_check_says_good_or_what_to_do(ready: Run) -> None:
    code, out, _ = ready("check")
    assert code == 1
    assert "BAD   people: nobody can sign in yet: carecoord user add" in out
    ready("user", "add", "maria", "--name", "Reyes, Maria", "--role", "coordinator")
    code, out, _ = ready("check")
    assert code == 0
    assert "BAD" not in out


def test_a_deep_check_reads_every_resource_and_names_what_does_not_agree(ready: Run, tmp_path: Path) -> None:
    file = tmp_path / "patients.ndjson"
    file.write_text('{"resourceType":"Patient","id":"a"}\n{"resourceType":"Patient","id":"b","gender":"female"}\n')
    assert ready("load", file)[0] == 0
    whole = "2 resources and 0 cases were looked at"
    assert f"good  resources: {whole}; all that stands beside them says what they say\n" in ready("check", "--deep")[1]
    assert "resources:" not in ready("check")[1]
    with sqlite3.connect(tmp_path / "var" / "carecoord.db") as conn:
        conn.execute("DELETE FROM ix_token WHERE rid = (SELECT rid FROM resource WHERE id = 'b')")
    conn.close()
    code, out, _ = ready("check", "--deep")
    assert code == 1
    assert "BAD   resources: 1 fault: Patient/b (ix_token): search finds it by something else than it says. " in out


def test_check_walks_the_chain_of_the_audit_and_then_only_what_is_new(ready: Run, tmp_path: Path) -> None:
    """Issue 3, Audit: a hash chain over audit rows, verified by `carecoord check`."""
    engine = open_engine(f"sqlite:///{tmp_path}/var/carecoord.db")

    def happen(count: int) -> None:
        with writing(engine) as conn:
            record(conn, [Event(n, "r", "read", 200, type="Patient") for n in range(count)])
        seals.seal(engine)

    happen(1_200)
    (tmp_path / "var" / "audit").mkdir()
    assert "good  audit: 1,200 rows, sealed to 1,200, chain unbroken\n" in ready("check")[1]
    happen(3)
    assert "1,203 rows, sealed to 1,203, chain unbroken (3 of it walked now" in ready("check")[1]
    assert "sealed to 1,203, chain unbroken\n" in ready("audit", "verify")[1]
    with writing(engine) as conn:
        conn.execute(text("DROP TRIGGER audit_no_update"))
        conn.execute(text("UPDATE audit SET status = 404 WHERE n = 700"))
    code, out, _ = ready("audit", "verify")
    assert code == 1
    assert "BAD   audit: row 700 (seal 700) is not as it was sealed" in out
    assert "compare it with a backup" in out
    with writing(engine) as conn:
        conn.execute(text("DROP TRIGGER audit_no_delete"))
        conn.execute(text("DELETE FROM audit WHERE n = 5"))
    code, out, _ = ready("check")
    assert code == 1
    assert "BAD   audit: 1203 seals stand beside 1202 rows" in out
    engine.dispose()


def test_the_head_of_the_chain_can_be_kept_elsewhere(ready: Run, tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/var/carecoord.db")
    with writing(engine) as conn:
        record(conn, [Event(1, "r", "read", 200)])
    seals.seal(engine)
    code, out, _ = ready("audit", "head")
    with reading(engine) as conn:
        head = seals.head(conn)
    engine.dispose()
    assert (code, out) == (0, f"seal: 1\nhash: {head.hash.hex()}\n")
    assert seals.noted(tmp_path / "var" / "audit")[-1].hash == head.hash.hex()


def test_a_database_that_was_put_back_is_no_tampering_once_that_is_said(ready: Run, tmp_path: Path) -> None:
    """F13: until then `check` and `audit verify` find the same; afterwards both are good, and the trail tells of it."""
    database, backup = tmp_path / "var" / "carecoord.db", tmp_path / "backup.db"

    def happen(count: int) -> None:
        engine = open_engine(f"sqlite:///{database}")
        with writing(engine) as conn:
            record(conn, [Event(n, "r", "read", 200, type="Patient") for n in range(count)])
        seals.seal(engine)
        engine.dispose()

    happen(3)
    assert ready("audit", "restored")[0] == 1, "nothing was put back"
    assert ready("check")[1].count("chain unbroken") == 1
    ready("audit", "head")
    shutil.copyfile(database, backup)
    happen(2)
    ready("check")
    ready("audit", "head")
    for path in database.parent.glob("carecoord.db*"):
        path.unlink()
    shutil.copyfile(backup, database)
    database.chmod(0o600)
    for verb in (("check",), ("audit", "verify"), ("audit", "verify"), ("check",)):
        code, out, _ = ready(*verb)
        assert code == 1
        assert "seal 5" in out
        assert "put this database back from a backup, say so: carecoord audit restored" in out
    code, out, _ = ready("audit", "restored")
    assert (code, "are set aside" in out) == (0, True)
    for verb in (("audit", "verify"), ("check",)):
        assert "good  audit: 4 rows, sealed to 4, chain unbroken" in ready(*verb)[1]
    engine = open_engine(f"sqlite:///{database}")
    with reading(engine) as conn:
        assert conn.scalar(text("SELECT interaction FROM audit WHERE n = 4")) == "restore"
    engine.dispose()


def test_a_chain_that_is_broken_is_never_taken_for_a_backup(ready: Run, tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/var/carecoord.db")
    with writing(engine) as conn:
        record(conn, [Event(n, "r", "read", 200, type="Patient") for n in range(5)])
    seals.seal(engine)
    ready("audit", "head")
    with writing(engine) as conn:
        conn.execute(text("DROP TRIGGER audit_seal_no_delete"))
        conn.execute(text("DELETE FROM audit_seal WHERE seal > 3"))
    engine.dispose()
    code, _, err = ready("audit", "restored")
    assert code == 1
    assert "Nothing was noted behind" in err or "not whole up to its end" in err


def test_check_finds_a_journal_that_nobody_drains(ready: Run, tmp_path: Path) -> None:
    folder = tmp_path / "var" / "audit"
    folder.mkdir()
    (folder / "audit-1-left.jsonl").write_bytes(b"")
    assert "good  journal: 1 files wait" in ready("check")[1]
    os.utime(folder / "audit-1-left.jsonl", (0, 0))
    code, out, _ = ready("check")
    assert code == 1
    assert "BAD   journal: 1 files of the journal wait" in out
    assert "start carecoord serve" in out


def test_check_finds_a_key_that_others_may_read(ready: Run, tmp_path: Path) -> None:
    keys = tmp_path / "var" / "keys"
    keys.mkdir()
    (keys / "loose.pem").write_text("x")
    (keys / "loose.pem").chmod(0o644)
    for path in (tmp_path / "var", keys, tmp_path / "var" / "carecoord.db"):
        path.chmod(0o700)
    code, out, _ = ready("check")
    assert code == 1
    assert f"others may read {keys / 'loose.pem'}: chmod -R go-rwx {tmp_path / 'var'}" in out


def test_check_asks_for_a_name_that_clients_can_use(ready: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARECOORD_HOST", "0.0.0.0")
    assert "set CARECOORD_BASE_URL" in ready("check")[1]
    monkeypatch.setenv("CARECOORD_BASE_URL", "https://care.example")
    assert "set CARECOORD_SECURE_COOKIES" in ready("check")[1]


def test_an_ehr_in_our_own_network_is_refused_unless_the_settings_name_it(
    ready: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in ("http://127.0.0.1:1/fhir", "http://169.254.169.254/fhir", "http://localhost/fhir"):
        code, _, err = ready("ehr", "add", "city", url)
        assert code == 1
        assert "CARECOORD_PRIVATE_HOSTS" in err
    monkeypatch.setenv(f"{PREFIX}PRIVATE_HOSTS", "http://127.0.0.1")
    assert ready("ehr", "add", "city", "http://127.0.0.1:1/fhir")[0] == 2
    monkeypatch.setenv(f"{PREFIX}PRIVATE_HOSTS", "127.0.0.1")
    assert ready("ehr", "add", "city", "http://127.0.0.1:1/fhir")[0] == 0
    monkeypatch.delenv(f"{PREFIX}PRIVATE_HOSTS")
    code, out, _ = ready("check")
    assert code == 1
    assert "CARECOORD_PRIVATE_HOSTS" in next(line for line in out.splitlines() if line.startswith("BAD   EHR city: "))


def test_check_tells_of_an_ehr_that_does_not_answer(ready: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}PRIVATE_HOSTS", "127.0.0.1")
    assert ready("ehr", "add", "city", "http://127.0.0.1:1/fhir")[0] == 0
    code, out, _ = ready("check")
    assert code == 1
    assert "BAD   EHR city: " in out


def test_an_ehr_is_listed_after_it_was_added(ready: Run) -> None:
    assert "carecoord ehr add NAME URL" in ready("ehr", "list")[1]
    ready("ehr", "add", "city", "https://ehr.example/fhir", "--every", "5", "--header", "X-Tenant=7")
    _, out, _ = ready("ehr", "list")
    assert "city" in out
    assert "https://ehr.example/fhir" in out
    assert "never" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--header", "X-Tenant"), "--header 'X-Tenant': write it as NAME=VALUE."),
        (("--param", "=7"), "--param '=7': write it as NAME=VALUE."),
        (("--limit", "pages=many"), "--limit pages=many: a number is wanted."),
        (("--limit", "page=3"), "Limit page=3.0 is not one; known"),
        (("--host", "pages.example"), "is not an absolute http or https URL"),
        (("--overlap", "-1"), "An overlap of -60 s is not one"),
    ],
)
def test_what_can_not_be_of_an_ehr_is_told(ready: Run, options: tuple[str, str], said: str) -> None:
    code, _, printed = ready("ehr", "add", "city", "https://ehr.example/fhir", *options)
    assert code != 0
    assert said in " ".join(printed.split())


def test_half_a_registration_is_told(ready: Run) -> None:
    code, _, err = ready("ehr", "add", "city", "https://ehr.example/fhir", "--key-file", "key.pem")
    assert code == 2
    assert "--key-file needs --client-id" in err


def test_without_a_key_file_it_says_which_address_to_register_at_the_ehr(ready: Run) -> None:
    code, out, _ = ready("ehr", "add", "city", "https://ehr.example/fhir", "--client-id", "us")
    assert code == 0
    assert "JWKS URL): http://127.0.0.1:8000/oauth/client-jwks.json" in out


def test_our_keys_are_listed_and_a_new_pair_waits_a_day_before_it_signs(ready: Run) -> None:
    _, before, _ = ready("keys", "list")
    assert [line.split()[-1] for line in before.splitlines()[1:3]] == ["signs", "signs"]
    assert {line.split()[1] for line in before.splitlines()[1:3]} == {"ES384", "RS384"}
    code, out, _ = ready("keys", "rotate")
    assert code == 0
    assert "signs in 24 hours" in out
    _, after, _ = ready("keys", "list")
    assert after.count("signs from") == 2
    assert after.count("signs until") == 2


def test_lost_keys_are_taken_away_at_once(ready: Run) -> None:
    _, before, _ = ready("keys", "list")
    old = {line.split()[0] for line in before.splitlines()[1:3]}
    assert ready("keys", "rotate", "--lost")[0] == 0
    _, after, _ = ready("keys", "list")
    assert not any(kid in after for kid in old)
    assert after.count("signs") == 2
    code, _, err = ready("keys", "rotate", "--lost", "--sign-in")
    assert (code, "--lost is for" in err) == (2, True)
    assert "id_tokens are signed with" in ready("keys", "rotate", "--sign-in")[1]


def test_syncing_an_unknown_ehr_names_those_that_are_known(ready: Run) -> None:
    ready("ehr", "add", "city", "https://ehr.example/fhir")
    code, _, err = ready("sync", "town")
    assert code == 1
    assert "known: city" in err


def test_a_load_is_counted_and_shifted_to_today(ready: Run) -> None:
    code, out, _ = ready("load", FIXTURES / "office" / "Contract.ndjson", "--as-of-today")
    assert code == 0
    assert "30 kept (30 created)" in out
    code, out, _ = ready("load", FIXTURES / "office" / "Contract.ndjson", "--as-of-today")
    assert "30 kept (30 unchanged)" in out


def test_what_the_rules_refuse_is_named_and_kept_only_when_asked(ready: Run, tmp_path: Path) -> None:
    bad = {"resourceType": "Patient", "id": "p", "gender": "dragon", "name": [{"family": "Smaug"}]}
    file = tmp_path / "bad.json.gz"
    file.write_bytes(gzip.compress(json.dumps(bad).encode()))
    code, out, _ = ready("load", file)
    assert code == 1
    assert "left out: Patient/p" in out
    assert "Patient.gender" in out
    code, out, _ = ready("load", file, "--lenient")
    assert code == 0
    assert "flagged: Patient/p" in out


@pytest.mark.parametrize("content", ["", "not json", "[1, 2]", '{"resourceType": "Dragon"}', '{"a": 1'])
def test_a_file_that_is_no_fhir_is_told_without_a_traceback(ready: Run, tmp_path: Path, content: str) -> None:
    file = tmp_path / "odd.json"
    file.write_text(content)
    code, out, err = ready("load", file)
    assert "Traceback" not in err
    assert code == (0 if not content else 1)
    assert out + err


def test_a_missing_file_is_told(ready: Run, tmp_path: Path) -> None:
    code, _, err = ready("load", tmp_path / "nowhere.json")
    assert code == 1
    assert "There is no file" in err


def test_as_of_today_asks_for_an_anchor(ready: Run, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_text('{"resourceType": "Patient"}')
    code, _, err = ready("load", file, "--as-of-today")
    assert code == 1
    assert "anchor.json" in err
    (tmp_path / "anchor.json").write_text('{"today": "soon"}')
    code, _, err = ready("load", file, "--as-of-today")
    assert code == 1
    assert "YYYY-MM-DD" in err


NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (30, "in 0 min"), (-30, "0 min late"), (59 * 60, "in 59 min"), (3600, "in 1 h"), (-3 * 3600 - 600, "3 h late"),
        (86400, "in 1 d"), (-2 * 86400 - 5, "2 d late"),
    ],
)
def test_a_due_time_is_told_as_how_long_until_then(seconds: int, said: str) -> None:
    assert cases.due(micros(NOON + timedelta(seconds=seconds)), NOON) == said


def test_nothing_due_is_told_as_nothing() -> None:
    assert cases.due(None, NOON) == ""


def test_today_ends_at_the_offices_midnight_even_when_the_clocks_change() -> None:
    eve = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)  # Saturday evening in New York, hours before the clocks go back
    at = bounds.moments(eve, ZoneInfo("America/New_York"))
    assert at.today == micros(datetime(2026, 11, 1, 4, 0, tzinfo=UTC))
    assert at.soon == micros(datetime(2026, 11, 4, 5, 0, tzinfo=UTC))


def test_a_narrow_screen_gets_each_case_in_three_lines() -> None:
    gates = ("met", "pending", "met", "open")
    cells = ("R-1", "Okafor, Ngozi", "Cardiology", *gates, "Send the echo.", "coordinator", "in 1 h")
    lines = cases.stacked(cells).splitlines()
    assert lines[0] == "R-1  Okafor, Ngozi · Cardiology · coordinator in 1 h"
    assert lines[1].strip() == "coverage met, authorization pending, agreement met, appointment open"
    assert lines[2].strip() == "Send the echo."


def test_events_are_followed_line_by_line(ready: Run, tmp_path: Path) -> None:
    at = 1_764_000_000_000_000  # 2025-11-24T16:00:00Z
    engine = open_engine(f"sqlite:///{tmp_path}/var/carecoord.db")
    with writing(engine) as conn:
        for id, case_id in (("t1", "r1"), ("t2", None), ("t1", "r1")):
            log.append(conn, [Entry(
                at, "2025-11-24", at, "amara", None, None, None, "p1", case_id, "stage", "sent", "accepted", "Task", id,
                2,
            )])  # fmt: skip
    engine.dispose()
    code, out, _ = ready("events", "--after", "1", "--limit", "1")
    assert code == 0
    assert json.loads(out) == {
        "n": 2, "at": "2025-11-24T16:00:00.000Z", "said": "2025-11-24", "recorded": "2025-11-24T16:00:00.000Z",
        "subject": "amara", "patient": "p1", "kind": "stage", "before": "sent", "state": "accepted", "type": "Task",
        "resource": "t2", "version": 2, "payload": {},
    }  # fmt: skip
    assert [json.loads(line)["n"] for line in ready("events", "--case", "r1")[1].splitlines()] == [1, 3]
    assert [json.loads(line)["n"] for line in ready("events", "--patient", "p1")[1].splitlines()] == [1, 2, 3]
    assert ready("events", "--patient", "p2")[1] == ""


def test_a_changed_zone_is_told_before_anything_is_searched_and_init_reads_the_dates_anew(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day of the search index is a day of one zone: rows of another would be missed without a word."""
    run("init")
    monkeypatch.setenv("CARECOORD_TIMEZONE", "Europe/Berlin")
    told = "holds days of America/New_York, and CARECOORD_TIMEZONE is Europe/Berlin: set that to America/New_York, or"
    assert told in run("check")[1]
    code, _, err = run("cases")
    assert (code, told in err) == (1, True)
    assert run("init")[0] == 0
    assert run("cases")[0] == 0
    assert told not in run("check")[1]
