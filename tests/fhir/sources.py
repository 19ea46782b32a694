"""Real resources that tests read, where ../shared is present: Synthea bundles and HL7 prior-authorization examples."""

import gzip
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from carecoord.fhir.text import loads
from carecoord.fhir.types import TYPES

SHARED = Path(os.environ.get("SHARED_DATA", Path(__file__).parents[2].parent / "shared"))


def synthea() -> list[dict[str, Any]]:
    """Every resource of our types in the Synthea bundles; skips the test where they are absent."""
    found = _entries(sorted((SHARED / "data/synthea-r4").glob("*.json.gz")))
    return found or pytest.skip("the Synthea bundles (../shared/data/synthea-r4) are not on this machine")


def davinci() -> list[dict[str, Any]]:
    """Every resource of our types in the Da Vinci PAS examples; skips the test where they are absent."""
    found = _entries(sorted((SHARED / "data/davinci-pas-2.2.1").glob("*.json")))
    return found or pytest.skip("the Da Vinci examples (../shared/data/davinci-pas-2.2.1) are not on this machine")


@cache
def _file(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def _entries(files: list[Path]) -> list[dict[str, Any]]:
    bodies = [_file(path) for path in files]
    found = [entry["resource"] for body in bodies for entry in body.get("entry", [{"resource": body}])]
    return [resource for resource in found if resource["resourceType"] in TYPES]
