"""Which code systems a form lets people choose from, by what the code is to say; and how a code is read that somebody
types. A code is told by how its system writes it, so that one that is not here can still be written down."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from carecoord.domain.imports.clinicians import TAXONOMY
from carecoord.domain.imports.rules import SYSTEMS
from carecoord.domain.prior_auth.question import PLACE_OF_SERVICE

ICD_10_CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
Vocabulary = Literal["diagnosis", "service", "modifier", "place", "specialty"]


@dataclass(frozen=True)
class Part:
    """Codes of one system among which is chosen. `name`: what people call the system. `shape`: how a code is written,
    in capitals. `least`, `most`: characters of a code. `whole`: every code of the system is here, so that one that is
    not found is none."""

    system: str
    name: str
    shape: re.Pattern[str]
    least: int
    most: int
    whole: bool = False

    def written(self, said: str) -> str:
        """The code as its system writes it, from how people do (`m5450`, `2`); empty: so it writes none."""
        code = said.upper()
        if self.system == ICD_10_CM and "." not in code and len(code) > 3:
            code = f"{code[:3]}.{code[3:]}"
        if self.system == PLACE_OF_SERVICE:
            code = code.zfill(2)
        return code if self.shape.fullmatch(code) else ""


def _of(name: str, shape: str, least: int, most: int) -> Part:
    return Part(SYSTEMS[name], name, re.compile(shape), least, most)


VOCABULARIES: Final[Mapping[Vocabulary, tuple[Part, ...]]] = {
    "diagnosis": (
        Part(ICD_10_CM, "ICD-10-CM", re.compile(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?"), 3, 8, whole=True),
    ),
    "service": (
        _of("CPT", r"\d{4}[0-9FTU]", 5, 5), _of("HCPCS", r"[A-CE-Z]\d{4}", 5, 5), _of("CDT", r"D\d{4}", 5, 5),
        _of("Revenue", r"0\d{3}", 4, 4),
    ),
    "modifier": (_of("HCPCS", r"[0-9A-Z]{2}", 2, 2), _of("CPT", r"[0-9A-Z]{2}", 2, 2)),
    "place": (Part(PLACE_OF_SERVICE, "Place of service", re.compile(r"\d\d"), 2, 2, whole=True),),
    "specialty": (Part(TAXONOMY, "NUCC", re.compile(r"[0-9]{3}[0-9A-Z]{6}X"), 10, 10),),
}  # fmt: skip
