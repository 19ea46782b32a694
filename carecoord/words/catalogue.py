"""The words of each language: one TOML file a language, a line a key. `say` puts a sentence into words.

In the words, `{name}` is the place of a parameter. `{days:day}` counts: the number with its noun, "1 day" or "4 days",
by the lines `noun.day.one` and `noun.day.other` of the same file. A day reads "30 Jan 2027", an instant "30 Jan 2027
09:00", a list "a, b".
"""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any

from carecoord.words.sentence import Sentence, Value, loads

DEFAULT = "en"


@lru_cache
def words(language: str) -> Mapping[str, str]:
    """Key -> words. Raises KeyError for a language that has no catalogue."""
    path = Path(__file__).with_name(f"{language}.toml")
    if not path.is_file():
        raise KeyError(language)
    found: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=8192)
def say(one: Value, language: str = DEFAULT) -> str:
    """A sentence, or a value that may stand in one, in words. Raises KeyError for a key, or a parameter, that the
    catalogue has and the sentence not, or the other way round: a test walks all of them, so that no reader meets it."""
    if isinstance(one, Sentence):
        return fill(words(language)[one.key], dict(one.params), language)
    return fill("{one}", {"one": one}, language)


def capitalized(one: Value, language: str = DEFAULT) -> str:
    """What `say` says, as a line begins with it."""
    text = say(one, language)
    return text[:1].upper() + text[1:]


@lru_cache(maxsize=8192)
def in_words(stored: str | None, language: str = DEFAULT) -> str:
    """What a row keeps (`sentence.dumps`) in words, empty for nothing. A row that nobody has judged since rows keep
    sentences still holds the words themselves: they stand as they are until it is."""
    if not stored:
        return ""
    try:
        one = loads(stored)
    except ValueError:
        return stored
    return say(one, language)


def in_every_language(one: Value) -> tuple[str, ...]:
    """The words of all languages: whoever reads another than we must find it too."""
    return tuple(say(one, language) for language in languages())


@lru_cache
def languages() -> tuple[str, ...]:
    """The languages that have a catalogue, sorted."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.toml")))


def fill(text: str, params: Mapping[str, Value], language: str = DEFAULT) -> str:
    """Words with their places filled. Raises KeyError for a place that has no parameter."""
    return _Places(words(language), language).vformat(text, (), params)


def count(number: int, noun: str, language: str = DEFAULT) -> str:
    """A number with its noun, which stands in the catalogue as `noun.NOUN.one` and `noun.NOUN.other`."""
    # English and Spanish agree on which numbers are "one" (CLDR plural rules, whole numbers).
    form = words(language)[f"noun.{noun}.{'one' if number == 1 else 'other'}"]
    return form.format(n=number)


class _Places(Formatter):
    """Fills the places of one language's words."""

    def __init__(self, table: Mapping[str, str], language: str) -> None:
        self.table, self.language = table, language

    def vformat(self, text: str, args: Sequence[Any], params: Mapping[str, Any]) -> str:
        """The words. A name that ends in a full stop ("Kidney Assoc.") ends the sentence too: none is set behind it."""
        said = ""
        for literal, name, format_spec, _ in self.parse(text):
            said += literal[1:] if said.endswith(".") and literal[:1] == "." and literal[:2] != ".." else literal
            if name is not None:
                said += self.format_field(self.get_field(name, args, params)[0], format_spec or "")
        return said

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec:
            return count(value, format_spec, self.language)
        return self._said(value)

    def _said(self, value: Value) -> str:
        if isinstance(value, Sentence):
            return say(value, self.language)
        if isinstance(value, datetime):
            return f"{self._said(value.date())} {value:%H:%M}"
        if isinstance(value, date):
            return self.table["day"].format(day=value.day, month=self.table[f"month.{value.month}"], year=value.year)
        if isinstance(value, tuple):
            return ", ".join(self._said(each) for each in value)
        return str(value)
