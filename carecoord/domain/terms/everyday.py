"""What people say for a specialty where NUCC's taxonomy says another word: who looks for `cardiology` finds
`Cardiovascular Disease Physician`, and a clinic that a directory lists for `Cardiology` is one for its code. The table
is everyday.toml."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from carecoord.domain.resource.codes import specialties
from carecoord.domain.resource.elements import Json, words

_IDLE: Final = frozenset(("physician", "disease", "diseases", "specialist", "and", "medicine", "clinic", "center"))


@cache
def _names() -> Mapping[str, Sequence[str]]:
    """The words of the taxonomy without idle ones -> what people say, folded."""
    return tomllib.loads((Path(__file__).parent / "everyday.toml").read_text())


def meant(said: Sequence[str]) -> list[str]:
    """The words of the taxonomy that may be meant by the beginnings of words that were typed; those of which nothing is
    known stay."""
    whole = " ".join(said)
    for told, names in _names().items():
        if any(name == whole or (len(whole) > 3 and name.startswith(whole)) for name in names):
            return told.split()
    return [*said]


def compared(concept: Json) -> frozenset[str]:
    """By what a specialty that is asked for is compared with those of a directory: its code, its words, and what people
    say for them."""
    said = re.findall(r"\w+", words(concept).casefold())
    return specialties(concept) | {*_names().get(" ".join(each for each in said if each not in _IDLE), ())}
