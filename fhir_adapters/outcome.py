"""What an EHR says of itself in an OperationOutcome, in the words meant for people.

Clause: FHIR R4 operationoutcome.html: `details` tells people what is wrong, `diagnostics` is for technicians.
"""

from collections.abc import Mapping
from typing import Any

LONGEST = 300  # characters of an EHR's words that are kept


def words(issue: Mapping[str, Any]) -> str:
    """`details.text`, else the display of its first coding, with `diagnostics` behind it where that says more; else
    the issue's code. At most LONGEST characters; empty when the issue says nothing that can be read."""
    details = issue.get("details")
    details = details if isinstance(details, dict) else {}
    codings = details.get("coding")
    displays = [coding.get("display") for coding in codings or () if isinstance(coding, dict)] if codings else []
    said = next((one for one in (details.get("text"), *displays) if isinstance(one, str) and one), "")
    diagnostics = issue.get("diagnostics")
    if isinstance(diagnostics, str) and diagnostics and diagnostics != said:
        said = f"{said} ({diagnostics})" if said else diagnostics
    code = issue.get("code")
    return (said or (code if isinstance(code, str) else ""))[:LONGEST]
