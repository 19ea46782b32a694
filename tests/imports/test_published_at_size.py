"""Files of publishers in their own layouts and near their own lengths, by `carecoord import`: tried without a trace,
in with every fault named by its cell, again without a change, out as they stand; and however long a file is that is
streamed, it takes no more memory than a short one."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from carecoord.cli import main
from tests.imports import published_files as files
from tests.imports.conftest import ORGANIZATIONS

RUN = """import json, pathlib, re, sys
from carecoord.cli import main
code = main(sys.argv[1:])
held = re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())
print(json.dumps({"code": code, "kilobytes": int(held[1])}))"""  # ru_maxrss would be no less than the parent's


@dataclass(frozen=True)
class Told:
    """What a command said: rows by what became of them, where -> what is wrong, the most memory that it took."""

    code: int
    rows: dict[str, int]
    faults: dict[str, str]
    megabytes: float


Command = Callable[..., Told]


@pytest.fixture
def command(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    (tmp_path / "carecoord.db").write_bytes(sqlite_template.read_bytes())
    monkeypatch.setenv("CARECOORD_VAR", str(tmp_path))

    def run(kind: str, path: Path, *more: str) -> Told:
        asked = [sys.executable, "-c", RUN, "import", kind, str(path), "--json", *more]
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
        said, _, last = done.stdout.strip().rpartition("\n")
        told, end = json.loads(said), json.loads(last)
        rows = {name: n for name, n in told["rows"].items() if n}
        faults = {each["where"].rpartition(", ")[2]: each["what"] for each in told["faults"]}
        return Told(end["code"], rows, faults, end["kilobytes"] / 1024)

    return run


def exported(kind: str, path: Path) -> list[str]:
    """What `carecoord export` writes of a kind, line by line."""
    path.unlink(missing_ok=True)
    assert main(["export", kind, str(path)]) == 0
    return path.read_text("utf-8-sig").splitlines()


@pytest.mark.slow
def test_code_systems_come_as_nucc_and_cms_hand_them_out(command: Command, tmp_path: Path) -> None:
    nucc, hcpcs = tmp_path / "nucc_taxonomy_260.csv", tmp_path / "HCPC2026_ANWEB.txt"
    faults = files.nucc(nucc, 900)
    files.hcpcs(hcpcs, 8_000)
    assert (command("codes", nucc, "--dry-run").rows, len(faults)) == ({"new": 897, "faulty": 3}, 3)
    first, again = command("codes", nucc), command("codes", nucc)
    assert (first.rows, first.faults) == ({"new": 897, "faulty": 3}, faults)
    assert (again.rows, again.faults) == ({"unchanged": 897, "faulty": 3}, faults)
    assert command("codes", hcpcs).rows == {"new": 8_000}
    assert command("codes", hcpcs).rows == {"unchanged": 8_000}
    out = exported("codes", tmp_path / "out.csv")
    assert len(out) == 1 + 897 + 8_000
    assert "HCPCS,A0001,\"Made up service 1, described at such length that it goes on in a second line\"," in out
    assert command("codes", tmp_path / "out.csv").rows == {"unchanged": 8_897}


@pytest.mark.slow
def test_the_monthly_registry_of_npis_is_streamed_in_flat_memory(command: Command, tmp_path: Path) -> None:
    short, long = tmp_path / "npidata_pfile_short.csv", tmp_path / "npidata_pfile_long.csv"
    files.nppes(short, 10_000)
    faults = files.nppes(long, 100_000)
    small = command("nppes", short, "--state", "NY", "--dry-run")
    assert small.rows == {"new": 100}
    tried = command("nppes", long, "--state", "NY", "--dry-run")
    brought = command("nppes", long, "--state", "NY")
    again = command("nppes", long, "--state", "NY")
    assert (tried.rows, tried.faults) == ({"new": 995, "faulty": 5}, faults)
    assert (brought.rows, brought.faults) == ({"new": 995, "faulty": 5}, faults)
    assert (again.rows, again.faults) == ({"unchanged": 995, "faulty": 5}, faults)
    assert brought.megabytes < small.megabytes + 25, (small.megabytes, brought.megabytes)


@pytest.mark.slow
def test_the_list_of_the_excluded_marks_ours_among_83000(command: Command, tmp_path: Path) -> None:
    clinicians, leie = tmp_path / "clinicians.csv", tmp_path / "UPDATED.csv"
    (tmp_path / "them.csv").write_text(ORGANIZATIONS)
    command("organizations", tmp_path / "them.csv")
    ours = [files.npi(n) for n in range(1_000)]
    rows = "".join(f"{each},Person{n},Made Up,9000010089\n" for n, each in enumerate(ours))
    clinicians.write_text(f"NPI,Last name,First name,Organization\n{rows}")
    assert command("clinicians", clinicians).rows == {"new": 1_000}
    faults = files.leie(leie, 83_000, ours[:20])
    assert command("exclusions", leie, "--dry-run").rows == {"new": 20, "unchanged": 82_979, "faulty": 1}
    brought, again = command("exclusions", leie), command("exclusions", leie)
    assert (brought.rows, brought.faults) == ({"new": 20, "unchanged": 82_979, "faulty": 1}, faults)
    assert again.rows == {"unchanged": 82_999, "faulty": 1}
    out = list(csv.DictReader(exported("exclusions", tmp_path / "out.csv")))
    assert len(out) == 20
    assert {(each["LASTNAME"], each["FIRSTNAME"], each["NPI"], each["EXCLDATE"]) for each in out} == {
        (f"Person{n}", "Made Up", files.npi(n), "2025-04-20") for n in range(20)
    }


@pytest.mark.slow
def test_a_payers_file_of_rates_is_streamed_in_flat_memory(command: Command, tmp_path: Path) -> None:
    (tmp_path / "them.csv").write_text("Name,Kind,NPI,Payer number,Tax id\nAcme Health,payer,,AC001,\n"
                                       "Elm Clinic,clinic,9000010089,,12-3456789\n")  # fmt: skip
    (tmp_path / "agreed.csv").write_text("Number,Payer,Provider,Starts\nE-1,AC001,9000010089,2026-01-01\n")
    command("organizations", tmp_path / "them.csv")
    command("agreements", tmp_path / "agreed.csv")
    short, long = tmp_path / "short.json", tmp_path / "long.json"
    assert (files.in_network(short, 2_000, 10), files.in_network(long, 40_000, 200)) == (200, 200)
    small = command("in-network", short, "--agreement", "E-1", "--dry-run")
    assert small.rows == {"new": 200}
    brought, again = (command("in-network", long, "--agreement", "E-1") for _ in range(2))
    assert (brought.rows, again.rows) == ({"new": 200}, {"unchanged": 200})
    assert brought.megabytes < small.megabytes + 25, (small.megabytes, brought.megabytes)
    out = exported("rates", tmp_path / "rates.csv")
    assert len(out) == 201
    (line,) = [each for each in out if ",A0200," in each]
    assert line.startswith("E-1,1,In-network file,A0200,")
    assert command("rates", tmp_path / "rates.csv").rows == {"unchanged": 200}


@pytest.mark.slow
def test_snapshots_of_a_directory_change_what_differs_and_end_who_vanishes(command: Command, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    size = files.plan_net(first, range(3_000))
    later = files.plan_net(second, range(40, 3_010), frozenset(range(100, 120)))
    assert (size, later) == (6_006, 5_946)
    assert command("plan-net", first, "--dry-run").rows == {"new": 6_006}
    assert command("plan-net", first).rows == {"new": 6_006}
    assert command("plan-net", first).rows == {"unchanged": 6_006}
    assert command("plan-net", second).rows == {"new": 20, "changed": 20, "ended": 40, "unchanged": 5_906}
    assert command("plan-net", second).rows == {"unchanged": 5_946}
