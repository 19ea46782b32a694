"""Sentences as somebody reads them: what a row keeps, the beginning of a line, the words of every language."""

from functools import lru_cache
from pathlib import Path

from carecoord.words.reader import reads
from carecoord.words.sentence import Sentence, Value, count, fill, loads, say, spoken, words

__all__ = ["capitalized", "count", "fill", "in_every_language", "in_words", "languages", "say", "spoken", "words"]


def capitalized(one: Value, language: str = "") -> str:
    """What `say` says, as a line begins with it."""
    text = say(one, language)
    return text[:1].upper() + text[1:]


def in_words(stored: str | None, language: str = "") -> str:
    """What a row keeps (`sentence.dumps`) in words, empty for nothing. A row that nobody has judged since rows keep
    sentences still holds the words themselves: they stand as they are until it is."""
    return _in_words(stored, language or reads()) if stored else ""


@lru_cache(maxsize=8192)
def _in_words(stored: str, language: str) -> str:
    try:
        one = loads(stored)
    except ValueError:
        return stored
    return say(one, language)


def in_every_language(one: Value) -> tuple[str, ...]:
    """The words of all languages that have them: whoever reads another than we must find it too."""
    return tuple(say(one, language) for language in languages() if _speaks(language, one))


def _speaks(language: str, one: Value) -> bool:
    """Whether a language has words for all of it: one may have them for some pages alone."""
    if isinstance(one, Sentence):
        return one.key in words(language) and all(_speaks(language, each) for _, each in one.params)
    return all(_speaks(language, each) for each in one) if isinstance(one, tuple) else True


@lru_cache
def languages() -> tuple[str, ...]:
    """The languages that have a catalogue, sorted."""
    return tuple(sorted(path.parent.name for path in Path(__file__).parent.glob("*/grammar.toml")))
