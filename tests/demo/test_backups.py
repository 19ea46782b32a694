"""A backup is made while others write, and put back whole; what is no whole backup changes nothing."""

import gzip
import hashlib
import io
import json
import shutil
import stat
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from auth import store
from auth.people import sessions
from carecoord.settings import PREFIX
from carecoord.store.audit import seals
from carecoord.store.audit.events import Event, record
from carecoord.store.database import revision
from carecoord.store.database.engine import open_engine, reading, writing

from .conftest import Run


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database of this test alone, that the command uses, and nobody else has open."""
    if request.param == "sqlite":
        monkeypatch.delenv(f"{PREFIX}DATABASE_URL", raising=False)
        (tmp_path / "var").mkdir(mode=0o700)
        shutil.copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "var" / "carecoord.db")
        yield f"sqlite:///{tmp_path}/var/carecoord.db"
        return
    made: str = request.getfixturevalue("new_database")("postgres")
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", made)
    yield made


@pytest.fixture
def engine(url: str) -> Iterator[Callable[[], Engine]]:
    """Opens the database; whatever was opened is closed before a command may replace it."""
    opened: list[Engine] = []

    def one() -> Engine:
        opened.append(open_engine(url))
        return opened[-1]

    yield one
    for each in opened:
        each.dispose()


def happen(engine: Engine, count: int) -> None:
    """So many reads are audited and sealed."""
    with writing(engine) as conn:
        record(conn, [Event(n, "r", "read", 200, type="Patient") for n in range(count)])
    seals.seal(engine)
    engine.dispose()


def audited(engine: Engine) -> list[str]:
    with reading(engine) as conn:
        found = [*conn.scalars(text("SELECT interaction FROM audit ORDER BY n"))]
    engine.dispose()
    return found


def test_a_backup_is_put_back_and_the_trail_says_so(
    run: Run, url: str, engine: Callable[[], Engine], tmp_path: Path
) -> None:
    """12.5: what came after the backup is gone, what was here is kept, everybody signs in again, check is good."""
    kept = tmp_path / "kept"
    happen(engine(), 3)
    run("user", "add", "ada", "--name", "Ada", "--role", "admin")
    _signed_in(engine())
    kept.mkdir()
    code, out, err = run("backup", kept)
    assert code == 0, err
    assert {line.rpartition(" ")[0] for line in err.splitlines()} <= {"backing up: pages"}, "how far it is, and no more"
    (archive,) = kept.iterdir()
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert f"audit sealed to 3: {archive}" in out
    happen(engine(), 2)
    run("audit", "head")
    code, _, err = run("restore", archive)
    assert (code, "carecoord restore --replace" in err) == (1, True), "nothing is replaced without a word"
    assert len(audited(engine())) == 5
    code, out, err = run("restore", archive, "--replace")
    assert (code, err) == (0, "")
    assert "What was here is kept: " in out
    assert "1 heads of the audit that were noted after it are set aside" in out
    assert "1 sessions and tokens were ended" in out
    assert audited(engine()) == ["read"] * 3 + ["restore"]
    assert "chain unbroken" in run("audit", "verify")[1]
    assert "BAD   audit" not in run("check")[1]
    assert "good  backup: the last one was made" in _check(run, "1")
    assert "ada" in run("user", "list")[1]

    before = next(path for path in (tmp_path / "var").rglob("*before-*") if path.is_file())
    assert str(before) in out
    if before.suffix == ".gz":  # PostgreSQL: what was here is a backup itself
        run("restore", before, "--replace")
        assert audited(engine()) == ["read"] * 5 + ["restore"]


def _check(run: Run, goal: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"{PREFIX}BACKUP_GOAL", goal)
        return run("check")[1]


def _signed_in(engine: Engine) -> None:
    with writing(engine) as conn:
        sessions.open_session(conn, store.users(conn)[0], "a browser", 1_800_000_000, amr="pwd")
    engine.dispose()


def test_a_backup_made_while_others_write_is_of_one_instant(
    run: Run, url: str, engine: Callable[[], Engine], tmp_path: Path
) -> None:
    """12, must-show 4: a chain that grows all the time, and its seals, are cut at the same place."""
    stop, writer = threading.Event(), engine()

    def write() -> None:
        while not stop.is_set():
            happen(writer, 7)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        archives = [tmp_path / f"{n}.tar.gz" for n in range(3)]
        for archive in archives:
            assert run("backup", archive)[0] == 0
    finally:
        stop.set()
        thread.join()
    writer.dispose()
    for archive in archives:
        told = _manifest(archive)
        assert told["held"]["rows"]["audit"] - told["held"]["seal"] in range(8), "rows of the newest have no seal yet"
        code, out, err = run("restore", archive, "--replace")
        assert (code, err) == (0, ""), out  # it counts every table against what the manifest says
        assert "chain unbroken" in run("audit", "verify")[1]


def _manifest(archive: Path) -> dict:  # type: ignore[type-arg]
    with tarfile.open(archive) as tar:
        file = tar.extractfile("manifest.json")
        assert file
        told: dict = json.load(file)  # type: ignore[type-arg]
    return told


def test_another_folder_gets_all_that_was_backed_up(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new machine: database, keys, heads and what waits in the journal."""
    var = tmp_path / "var"
    run("init")
    happen(open_engine(f"sqlite:///{var}/carecoord.db"), 4)
    run("audit", "head")
    (var / "keys").mkdir(exist_ok=True)
    (var / "keys" / "city.pem").write_text("a key")
    event = Event(9, "r", "vread", 200, type="Patient")
    (var / "audit" / "audit-1-left.jsonl").write_bytes(seals._encode(event) + b"\n")
    assert run("backup", tmp_path / "b.tar.gz")[0] == 0
    monkeypatch.setenv(f"{PREFIX}VAR", str(tmp_path / "new"))
    code, out, err = run("restore", tmp_path / "b.tar.gz")
    assert (code, err) == (0, ""), out
    new = tmp_path / "new"
    assert (new / "keys" / "city.pem").read_text() == "a key"
    assert [(head.seal, head.restored) for head in seals.noted(new / "audit")] == [(4, False), (4, True)]
    assert (new / "audit" / "audit-1-left.jsonl").exists()
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in new.rglob("*")} == {0}
    assert not list(new.rglob("*.restoring-*")), "what was unpacked is gone"
    assert "chain unbroken" in run("audit", "verify")[1]


def test_what_is_no_whole_backup_changes_nothing(run: Run, ready: Run, tmp_path: Path) -> None:
    archive, odd = tmp_path / "b.tar.gz", tmp_path / "odd.tar.gz"
    ready("backup", archive)
    whole = archive.read_bytes()
    files = _members(archive)
    slipped = io.BytesIO(b"x")
    cases = {
        b"": "no backup of carecoord",
        b"no archive at all": "no backup of carecoord",
        whole[: len(whole) // 2]: "not whole any more",
        _packed(
            files | {"carecoord.db": files["carecoord.db"][:-1] + b"?"}
        ): "carecoord.db is not what the manifest says",
        _packed({name: data for name, data in files.items() if name != "carecoord.db"}): "carecoord.db is not what",
        _packed(files | {"../evil": slipped.getvalue()}): "../evil is not in its manifest",
        _packed({"other": b""} | files): "does not begin with manifest.json",
        _packed(
            files | {"manifest.json": files["manifest.json"].replace(b'"format": 1', b'"format": 2')}
        ): "a format that",
        _revised(files, "9999"): "whose tables (9999) this version does not know",
    }
    before = (tmp_path / "var" / "carecoord.db").read_bytes()
    for content, words in cases.items():
        odd.write_bytes(content)
        code, out, err = ready("restore", odd, "--replace")
        assert (code, out) == (1, "")
        assert words in err
        assert (tmp_path / "var" / "carecoord.db").read_bytes() == before
    assert not (tmp_path / "evil").exists()
    assert ready("restore", tmp_path / "none")[2].count("There is no file") == 1


def _members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {each.name: file.read() for each in tar if (file := tar.extractfile(each))}


def _packed(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


def _revised(files: dict[str, bytes], revision: str) -> bytes:
    told = json.loads(files["manifest.json"])
    told["held"]["revision"] = revision
    return _packed(files | {"manifest.json": json.dumps(told).encode()})


def test_a_database_that_is_open_is_not_replaced(
    run: Run, url: str, engine: Callable[[], Engine], tmp_path: Path
) -> None:
    archive = tmp_path / "b.tar.gz"
    run("backup", archive)
    held = engine().connect()
    held.exec_driver_sql("SELECT 1")
    for more in ((), ("--dry-run",)):
        code, _, err = run("restore", archive, "--replace", *more)
        assert (code, "stop carecoord serve and carecoord work" in err) == (1, True)
    held.close()
    held.engine.dispose()
    code, out, _ = run("restore", archive, "--replace", "--dry-run")
    assert (code, "It could be put back." in out) == (0, True)


@pytest.mark.postgres
def test_a_backup_goes_into_its_own_kind_of_database_and_takes_nobody_elses_tables(
    run: Run, ready: Run, new_database: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_sqlite, of_postgresql = tmp_path / "s.tar.gz", tmp_path / "p.tar.gz"
    ready("backup", of_sqlite)
    url = new_database("postgres")
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", url)
    assert "This is a backup of sqlite, but" in run("restore", of_sqlite, "--replace")[2]
    run("backup", of_postgresql)
    engine = open_engine(url)
    with writing(engine) as conn:
        conn.execute(text("CREATE TABLE payroll (n int)"))
    engine.dispose()
    assert "tables of somebody else: payroll" in run("restore", of_postgresql, "--replace")[2]


@pytest.mark.postgres
def test_a_copy_that_breaks_off_leaves_what_was_there(
    run: Run, new_database: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database("postgres")
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", url)
    run("backup", tmp_path / "b.tar.gz")
    files = _members(tmp_path / "b.tar.gz")
    dump = files["carecoord.pgdump"]
    row = revision.newest().encode() + b"\n"
    assert dump.count(row) == 1
    broken = dump.replace(row, row[:2] + b"\t" + row[3:])  # one column too many
    told = json.loads(files["manifest.json"])
    told["files"]["carecoord.pgdump"] = {"size": len(broken), "sha256": hashlib.sha256(broken).hexdigest()}
    odd = tmp_path / "odd.tar.gz"
    odd.write_bytes(_packed(files | {"manifest.json": json.dumps(told).encode(), "carecoord.pgdump": broken}))
    engine = open_engine(url)
    happen(engine, 2)
    code, _, err = run("restore", odd, "--replace")
    assert (code, "nothing was changed" in err) == (1, True), err
    assert audited(engine) == ["read"] * 2


def test_only_so_many_backups_are_kept_and_nothing_else_is_removed(ready: Run, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    others = ["carecoord-20260101T000000Z.tar.gz", "carecoord-20260102T000000Z.tar.gz", "carecoord-mine.tar.gz", "x.db"]
    for name in others:
        (kept / name).write_bytes(b"")
    code, out, _ = ready("backup", kept, "--keep", "2")
    assert (code, "removed carecoord-20260101T000000Z.tar.gz" in out) == (0, True)
    assert {path.name for path in kept.iterdir()} >= set(others[1:])
    assert len(list(kept.iterdir())) == 4
    assert ready("backup", kept, "--keep", "0")[0] == 2
    assert ready("backup", tmp_path / "x.tar.gz", "--keep", "2")[0] == 1


def test_a_backup_can_be_piped_into_another_program(ready: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "carecoord.cli", "backup", "-"]
    piped = subprocess.run(command, capture_output=True, check=True, env={PREFIX + "VAR": str(tmp_path / "var")}).stdout
    assert gzip.decompress(piped)
    (tmp_path / "p.tar.gz").write_bytes(piped)
    assert ready("restore", tmp_path / "p.tar.gz", "--replace")[0] == 0


def test_a_disk_without_room_leaves_no_half_backup(ready: Run, tmp_path: Path) -> None:
    taken = tmp_path / "a.tar.gz"
    taken.write_bytes(b"mine")
    assert "There is a file" in ready("backup", taken)[2]
    assert taken.read_bytes() == b"mine"
    full = Path("/dev/full")
    if full.exists():
        assert ready("backup", full / "x.tar.gz")[0] == 1
    assert [path.name for path in tmp_path.iterdir() if ".partial" in path.name] == []


def test_upgrade_says_what_it_would_do_and_does_it(run: Run, ready: Run, tmp_path: Path) -> None:
    assert ready("upgrade")[1].endswith("wants it.\n")
    engine = open_engine(f"sqlite:///{tmp_path}/var/carecoord.db")
    with writing(engine) as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    for verb in (("upgrade",), ("cases",), ("init",), ("user", "list")):
        code, _, err = ready(*verb)
        assert code == 1
        assert "are at 9999, which this version of carecoord" in err
        assert "does not know: install the version that last worked with it, or a later one" in err
