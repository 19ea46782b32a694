"""What Da Vinci PAS calls things, and what differs between the versions that this server speaks, as data.

Clauses: Da Vinci PAS 2.2.1 and 2.0.1, specification.html (conf-1: versions that do not fit each other have base
addresses of their own)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

GUIDE: Final = "http://hl7.org/fhir/us/davinci-pas"
ERROR: Final = "https://codesystem.x12.org/005010/901"  # why a request was not processed (278 AAA)
FOLLOW_UP: Final = "https://codesystem.x12.org/005010/889"
UNITS: Final = "https://codesystem.x12.org/005010/673"
CANCELLED: Final = f"{GUIDE}/StructureDefinition/modifierextension-infoCancelled"
MODIFIERS: Final = frozenset({CANCELLED, f"{GUIDE}/StructureDefinition/modifierextension-infoCancelledFlag"})


@dataclass(frozen=True, slots=True)
class Guide:
    """A version. base: of its addresses, below [base]; empty for the one that the main base speaks. pended: the outcome
    of an answer with a line that is not decided. returns: the parameter that carries each Bundle that an inquiry finds;
    empty where it answers with one Bundle."""

    version: str
    base: str
    pended: str
    returns: str


GUIDES: Final[Mapping[str, Guide]] = MappingProxyType(
    {
        "2.2.1": Guide("2.2.1", "", "complete", "return"),
        "2.0.1": Guide("2.0.1", "pas-2.0.1", "queued", ""),
    }
)
