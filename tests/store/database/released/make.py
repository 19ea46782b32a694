"""Makes the databases of this folder: each as the code of its day made and filled it, by its own commands.

Run from the root of the source tree: python -m tests.store.database.released.make FOLDER (an empty one, for what is in
between). The story of two patients is loaded twice, the second time with a change, a person, a service and an EHR are
added, the audit is sealed. On SQLite the file is kept, on PostgreSQL what `pg_dump` writes.
"""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests import postgres

HERE = Path(__file__).parent
REVISIONS = {"0030": "d98497f7", "0040": "612c3c7f", "0047": "b1ad1218", "0052": "382db4e8"}  # -> the last commit at it
OF = ("Task", "ClaimResponse", "Communication", "Claim", "Appointment")
SEAL = """import sys
from carecoord.store.audit import seals
from carecoord.store.database.engine import open_engine
engine = open_engine(sys.argv[1])
print(sum(seals.seal(engine) for _ in range(4)))"""


def story(fixtures: Path) -> list[str]:
    """The lines of two patients' cases, and of all that they refer to."""
    held = {}
    for file in [*sorted((fixtures / "office").glob("*.ndjson")), *sorted((fixtures / "ehr").glob("*.ndjson"))]:
        for line in file.read_text().splitlines():
            resource = json.loads(line)
            held[f"{resource['resourceType']}/{resource['id']}"] = line
    refers = {key: set(re.findall(r'"reference":"([A-Z]\w+/[\w.-]+)"', line)) & held.keys() for key,
        line in held.items()}
    kept = {"Patient/eleanor-brandt", "Patient/leila-ahmadi"}
    kept |= {key for key, to in refers.items() if to & kept}
    while True:
        cases = {key for key in kept if key.startswith(("ServiceRequest/", "Claim/"))}
        more = {to for key in kept for to in refers[key]}
        more |= {key for key, to in refers.items() if key.startswith(OF) and to & cases}
        if more <= kept:
            return [held[key] for key in sorted(kept)]
        kept |= more


def fill(code: Path, var: Path, url: str, environ: dict[str, str]) -> None:
    def run(*words: str) -> None:
        subprocess.run([sys.executable, *words], cwd=code, env=environ, check=True, stdout=subprocess.DEVNULL)

    lines = story(code / "fixtures")
    (var / "first.ndjson").write_text("\n".join(lines))
    changed = [line.replace('"id":', '"language":"en","id":', 1) for line in lines
        if '"resourceType":"Patient"' in line]
    (var / "second.ndjson").write_text("\n".join(changed))
    carecoord = ("-m", "carecoord.cli")
    run(*carecoord, "init")
    for name in ("first", "second"):
        run(*carecoord, "load", str(var / f"{name}.ndjson"))
    person = ("--name", "Reyes, Maria", "--role", "coordinator", "--organization", "fairmont")
    run(*carecoord, "user", "add", "maria", *person)
    run(*carecoord, "client", "add", "loader", "--scope", "system/*.rs", "--key-file", str(var / "key.pem"))
    run(*carecoord, "ehr", "add", "city", "https://ehr.example/fhir", "--client-id", "x")
    run("-c", SEAL, url)


def main(folder: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CARECOORD_")}
    for revision, commit in REVISIONS.items():
        code = folder / f"code-{revision}"
        code.mkdir(parents=True)
        packed = subprocess.run(["git", "archive", commit], capture_output=True, check=True).stdout
        subprocess.run(["tar", "x", "-C", code], input=packed, check=True)
        for kind in ("sqlite", "sql"):
            var = folder / f"var-{revision}-{kind}"
            var.mkdir()
            environ = {**clean, "CARECOORD_VAR": str(var), "PYTHONPATH": str(code)}
            if kind == "sqlite":
                fill(code, var, f"sqlite:///{var}/carecoord.db", environ)
                small = var / "small.db"
                subprocess.run([sys.executable, "-c", f"import sqlite3; sqlite3.connect('{var}/carecoord.db')"
                                f".execute(\"VACUUM INTO '{small}'\")"], check=True)  # fmt: skip
                data = small.read_bytes()
            else:
                with postgres.cluster() as url:
                    fill(code, var, url, {**environ, "CARECOORD_DATABASE_URL": url.replace("+psycopg", "")})
                    command = [shutil.which("pg_dump") or f"{postgres.programs()}/pg_dump", "--inserts", "--no-owner"]
                    plain = url.replace("+psycopg", "")
                    data = subprocess.run([*command, plain], capture_output=True, check=True).stdout
            (HERE / f"{revision}.{kind}.gz").write_bytes(gzip.compress(data, 9, mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
