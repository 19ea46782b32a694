"""`carecoord x12`: a payer's file taken in without a browser, told transaction by transaction."""

from pathlib import Path

from tests.demo.conftest import Run
from tests.domain.prior_auth.x12.files import REMITTANCE, file

OFFICE = """{"resourceType": "Organization", "id": "office-1", "name": "Fairmont", "active": true,
 "type": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/organization-type", "code": "prov"}]}]}
"""


def test_a_file_is_taken_in_once_and_its_faults_are_told_by_segment(ready: Run, tmp_path: Path) -> None:
    (tmp_path / "office.ndjson").write_text(OFFICE.replace("\n", " ") + "\n")
    assert ready("load", tmp_path / "office.ndjson")[0] == 0
    good, bad = tmp_path / "a.835", tmp_path / "b.835"
    good.write_bytes(file("835", REMITTANCE))
    bad.write_bytes(file("835", REMITTANCE, control="000000906").replace(b"IEA*1", b"IEA*2"))
    code, out, _ = ready("x12", "take", good, "--office", "office-1")
    assert (code, out.strip()) == (0, "835 GRANITE|000000905|905|0001: taken")
    assert ready("x12", "take", good, "--office", "office-1")[1] == out
    code, out, _ = ready("x12", "take", bad, "--office", "office-1")
    assert code == 1
    assert "IEA01: It says 2; there are 1 group." in out
    code, _, err = ready("x12", "take", good, "--office", "nobody")
    assert code == 1
    assert "There is no Organization/nobody here." in err
