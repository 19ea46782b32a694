"""Which part of a text is what somebody looked for."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from carecoord.fhir.search.collation import plain


@dataclass(frozen=True)
class Part:
    """A stretch of a text; `found`: it is what was looked for."""

    text: str
    found: bool = False


def marked(text: str, words: Sequence[str]) -> list[Part]:
    """A text in stretches: what begins as one of the words does is found, and a number written in groups as a whole."""
    spans = sorted(_spans(text, words))
    parts, at = list[Part](), 0
    for start, end in spans:
        if start < at:
            continue
        parts += [Part(text[at:start]), Part(text[start:end], found=True)]
        at = end
    return [part for part in (*parts, Part(text[at:])) if part.text]


def marked_day(text: str, stored: str, words: Iterable[str]) -> list[Part]:
    """A day as people read it; found as a whole where it was looked for as it is stored."""
    year = next((word for word in words if len(word) == 4 and stored.startswith(f"{word}-")), "")
    if year and text.endswith(year):
        return [Part(text[: -len(year)]), Part(year, found=True)]
    return [Part(text, found=any(len(word) > 4 and stored.startswith(word) for word in words))]


def _spans(text: str, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    for each in re.finditer(r"\w+", text):
        word = plain(each[0])
        best = max((word_of for word_of in words if word.startswith(word_of)), key=len, default="")
        if best:
            yield each.start(), each.start() + min(len(best), len(each[0]))
    figures = re.sub(r"\W", "", plain(text))
    if any(len(word) >= 4 and figures.endswith(word) for word in words if word.isdecimal()):
        yield 0, len(text)
