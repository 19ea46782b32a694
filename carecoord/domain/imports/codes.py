"""Codes with their words, as rows: what a code system's publisher, or whoever licensed one, hands out. The file of NUCC
is one as it is, and so is HCPCS once it is parted into columns (`actions/imports/fixed_width.py`)."""

import re
from typing import Final

from carecoord.domain.imports.cells import Column
from carecoord.domain.imports.clinicians import TAXONOMY
from carecoord.domain.imports.rows import Row
from carecoord.domain.imports.rules import SYSTEMS, system_of
from carecoord.words.sentence import sentence

HERE: Final = {
    **SYSTEMS,
    "NUCC": TAXONOMY,
    "ICD-10-CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "LOINC": "http://loinc.org",
    "SNOMED": "http://snomed.info/sct",
}
COLUMNS: Final = (
    Column("system", ("Code system", "System"), "choice", choices={each.lower(): url for each, url in HERE.items()},
           example="HCPCS"),
    Column("code", ("Code", "HCPC", "HCPCS", "CPT", "CPT code", "Procedure code"), "code", required=True,
           example="G0151"),
    Column("words", ("Words", "Display name", "Long description", "Description", "Title", "Name", "Classification"),
           required=True, example="What the code means"),
    Column("until", ("Termination date", "Ends", "Last day", "Deactivation date"), "day"),
)  # fmt: skip
_SHAPES: Final = {
    TAXONOMY: re.compile(r"[0-9]{3}[0-9A-Z]{6}X"),
    "http://hl7.org/fhir/sid/icd-10-cm": re.compile(r"[A-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}"),
    "http://loinc.org": re.compile(r"\d{1,7}-\d"),
}


def system(row: Row) -> str:
    """The system of a row's code: as the row says, else as the code is written; a fault where that tells nothing."""
    shaped = (each for each, shape in _SHAPES.items() if shape.fullmatch(str(row.get("code", "")).upper()))
    found = row.get("system") or next(shaped, "") or system_of(row)
    if not found:
        row.fault("code", sentence("import.rules.code", text=row.get("code", "")))
    return str(found)
