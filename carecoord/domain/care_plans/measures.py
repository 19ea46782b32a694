"""What a goal can be held against and somebody can write down at the desk: each measure with its LOINC code, the
units in which it is told, the first one that of the goal, and between which values a reading can be one at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from carecoord.domain.care_plans import units
from carecoord.domain.resource.codes import HL7, LOINC
from carecoord.domain.resource.elements import Json
from carecoord.words.sentence import Sentence, sentence


@dataclass(frozen=True, slots=True)
class Measure:
    """`code`: of LOINC; `units`: UCUM codes; `least`, `most`: of a reading, in the first unit."""

    code: str
    name: Sentence
    display: str
    category: str  # of observation-category
    units: tuple[str, ...]
    least: float
    most: float

    @property
    def concept(self) -> Json:
        """As a resource says it."""
        return {"coding": [{"system": LOINC, "code": self.code, "display": self.display}], "text": self.display}

    def plausible(self, value: float, unit: str) -> bool:
        """Whether a reading can be one."""
        found = units.converted(value, unit, self.units[0])
        return found is not None and self.least <= found <= self.most


_ROWS: Final = (
    Measure("29463-7", sentence("patient.measure.weight"), "Body weight", "vital-signs", ("kg", "[lb_av]"), 0.3, 500),
    Measure("8480-6", sentence("patient.measure.systolic"), "Systolic blood pressure", "vital-signs", ("mm[Hg]",),
            40, 300),
    Measure("8462-4", sentence("patient.measure.diastolic"), "Diastolic blood pressure", "vital-signs", ("mm[Hg]",),
            20, 200),
    Measure("8867-4", sentence("patient.measure.pulse"), "Heart rate", "vital-signs", ("/min",), 15, 300),
    Measure("59408-5", sentence("patient.measure.oxygen"), "Oxygen saturation", "vital-signs", ("%",), 30, 100),
    Measure("8310-5", sentence("patient.measure.temperature"), "Body temperature", "vital-signs", ("Cel", "[degF]"),
            25, 45),
    Measure("39156-5", sentence("patient.measure.bmi"), "Body mass index", "vital-signs", ("kg/m2",), 8, 120),
    Measure("4548-4", sentence("patient.measure.hba1c"), "Hemoglobin A1c", "laboratory", ("%",), 2, 25),
    Measure("2339-0", sentence("patient.measure.glucose"), "Glucose", "laboratory", ("mg/dL",), 10, 1500),
    Measure("13457-7", sentence("patient.measure.ldl"), "LDL cholesterol", "laboratory", ("mg/dL",), 5, 800),
    Measure("33914-3", sentence("patient.measure.egfr"), "Estimated GFR", "laboratory", ("mL/min/{1.73_m2}",), 1, 200),
    Measure("44261-6", sentence("patient.measure.phq9"), "PHQ-9 total score", "survey", ("{score}",), 0, 27),
    Measure("70274-6", sentence("patient.measure.gad7"), "GAD-7 total score", "survey", ("{score}",), 0, 21),
    Measure("72514-3", sentence("patient.measure.pain"), "Pain severity 0-10", "survey", ("{score}",), 0, 10),
    Measure("41950-7", sentence("patient.measure.steps"), "Number of steps in 24 hours", "activity", ("{steps}/d",),
            0, 100_000),
)  # fmt: skip
MEASURES: Final[Mapping[str, Measure]] = {each.code: each for each in _ROWS}
CATEGORY: Final = f"{HL7}/observation-category"


def quantity(value: float, unit: str) -> Json:
    """A value as FHIR writes it."""
    return {"value": value, "unit": units.WORDS.get(unit, unit), "system": units.UCUM, "code": unit}
