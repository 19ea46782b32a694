"""Units as people write them: the signs of UCUM's are the same in every language, what stands in braces is words."""

from collections.abc import Mapping
from typing import Final

from carecoord.domain.care_plans.units import WORDS
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence, sentence

_SPELT: Final[Mapping[str, Sentence]] = {
    "{score}": sentence("patient.unit.points"),
    "{steps}/d": sentence("patient.unit.steps"),
}


def called(unit: str) -> str:
    """What a unit of UCUM is called: `mm[Hg]` is mmHg."""
    return say(_SPELT[unit]) if unit in _SPELT else WORDS.get(unit, unit)
