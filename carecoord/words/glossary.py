"""Tables of what people call codes, made before anybody reads: what stands in one is said when it is looked up."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence

Code = TypeVar("Code")
Called = TypeVar("Called", covariant=True)


class Glossary(Mapping[Code, Called]):
    """Code -> what it is called, in the words of whoever reads: text, or a tuple in which sentences are said and all
    else stays. `Glossary({"call": sentence("how.call")})["call"] == "Call"`."""

    def __init__(self, table: Mapping[Code, Any]) -> None:
        self._table = table

    def __getitem__(self, code: Code) -> Called:
        called: Called = _in_words(self._table[code])
        return called

    def __iter__(self) -> Iterator[Code]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


def _in_words(called: Any) -> Any:
    if isinstance(called, Sentence):
        return say(called)
    return tuple(_in_words(part) for part in called) if type(called) is tuple else called
