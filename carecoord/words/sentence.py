"""A sentence before it has words: a key and what it speaks of. The rules say such sentences, and rows store them.

Only `say` turns one into words, in the language of whoever reads: a rule that said "2 visits left" itself could be read
in English alone, for ever. The words of each language are a folder of TOML files, a file a room, a line a key. In them
`{name}` is the place of a parameter. `{days:day}` counts: the number with its noun, "1 day" or "4 days", by the lines
`noun.day.one` and `noun.day.other` of the same language. A day reads "30 Jan 2027", an instant "30 Jan 2027 09:00", a
list "a, b"; and `{day:long}` "Saturday, January 30", `{at:hour}` "9:00 AM".
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache, reduce
from pathlib import Path
from string import Formatter
from typing import Any, TypeAlias

import msgspec

from carecoord.words.reader import DEFAULT, reads

Value: TypeAlias = "str | int | date | datetime | Sentence | tuple[Value, ...]"


@dataclass(frozen=True, slots=True)
class Sentence:
    """`key` stands in every language's catalogue; `params` fill the places of its words. Names, codes and numbers of
    others (a clinic's, a payer's words) are strings; days, instants (in the zone in which they are to be read), counts
    and sentences inside this one stay what they are."""

    key: str
    params: tuple[tuple[str, Value], ...] = ()

    def __str__(self) -> str:
        """In English, whoever reads: for logs, tests and what is stored as text."""
        return say(self, DEFAULT)


def sentence(key: str, **params: Value) -> Sentence:
    """The sentence of this key. `sentence("appointment.booked", day=date(2027, 1, 30))`."""
    return Sentence(key, tuple(params.items()))


def joined(names: Sequence[Value]) -> Value:
    """The names as one of them reads within a sentence: `a and b and c`. Raises TypeError for none."""
    return reduce(lambda first, last: sentence("and", first=first, last=last), names)


def because(reason: str) -> Value:
    """The reason that somebody gave, in their words, as the end of a sentence; nothing where none was given."""
    return sentence("because", reason=reason.rstrip(".")) if reason else ""


def dated(day: date | None) -> Value:
    """A day that may not be known, as a parameter."""
    return day or sentence("no-date")


def dumps(one: Sentence) -> str:
    """As a row stores it: JSON, the same text for the same sentence."""
    return msgspec.json.encode(_plain(one)).decode()


def loads(text: str) -> Sentence:
    """What `dumps` wrote. Raises ValueError for anything else."""
    try:
        value = _value(msgspec.json.decode(text))
    except (msgspec.MsgspecError, TypeError, KeyError) as e:
        raise ValueError(f"no sentence: {text[:80]!r}") from e
    if not isinstance(value, Sentence):
        raise ValueError(f"no sentence: {text[:80]!r}")
    return value


def _plain(value: Value) -> Any:
    if isinstance(value, Sentence):
        return {"key": value.key, **({"of": {name: _plain(one) for name, one in value.params}} if value.params else {})}
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value


def _value(plain: Any) -> Value:
    if isinstance(plain, Mapping):
        if "key" in plain:
            return Sentence(plain["key"], tuple((name, _value(one)) for name, one in plain.get("of", {}).items()))
        return datetime.fromisoformat(plain["at"]) if "at" in plain else date.fromisoformat(plain["day"])
    if isinstance(plain, list):
        return tuple(_value(one) for one in plain)
    if not isinstance(plain, str | int):
        raise TypeError(type(plain).__name__)
    return plain


@lru_cache
def words(language: str) -> Mapping[str, str]:
    """Key -> words, of all rooms. Raises KeyError for a language without a catalogue, ValueError for a key that stands
    in two rooms."""
    found: dict[str, str] = {}
    for path in sorted((Path(__file__).parent / language).glob("*.toml")):
        room: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))
        if twice := room.keys() & found.keys():
            raise ValueError(f"{path.name}: {', '.join(sorted(twice))} stands in another room too")
        found |= room
    if not found:
        raise KeyError(language)
    return found


def say(one: Value, language: str = "") -> str:
    """A sentence, or a value that may stand in one, in words: in this language, else in its reader's. Raises KeyError
    for a key, or a parameter, that the catalogue has and the sentence not, or the other way round: a test walks all of
    them, so that no reader meets it."""
    return _said(one, language or reads())


def spoken(key: str, /, **params: Value) -> str:
    """The sentence of this key in the words of its reader: `spoken("worklist.no-clinic")`."""
    return _said(Sentence(key, tuple(params.items())), reads())


@lru_cache(maxsize=16384)
def _said(one: Value, language: str) -> str:
    if isinstance(one, Sentence):
        return fill(words(language)[one.key], dict(one.params), language)
    return fill("{one}", {"one": one}, language)


def fill(text: str, params: Mapping[str, Value], language: str = DEFAULT) -> str:
    """Words with their places filled. Raises KeyError for a place that has no parameter."""
    return _Places(words(language), language).vformat(text, (), params)


def count(number: int, noun: str, language: str = "") -> str:
    """A number with its noun, which stands in the catalogue as `noun.NOUN.one` and `noun.NOUN.other`."""
    # English and Spanish agree on which numbers are "one" (CLDR plural rules, whole numbers).
    form = words(language or reads())[f"noun.{noun}.{'one' if number == 1 else 'other'}"]
    return form.format(n=f"{number:,}")


def _long(table: Mapping[str, str], day: date) -> str:
    """A day as people say it: "Saturday, January 30"."""
    name, month = table[f"weekday.{day.isoweekday()}"], table[f"long-month.{day.month}"]
    return table["day.long"].format(weekday=name, day=day.day, month=month)


def _hour(table: Mapping[str, str], at: date) -> str:
    """An hour as people say it: "2:10 PM". Of a day without one, nothing."""
    if not isinstance(at, datetime):
        return ""
    return table["hour"].format(hour=at.hour % 12 or 12, minute=f"{at:%M}", half=table[f"half.{at:%p}".lower()])


_SPELT: Mapping[str, Callable[[Mapping[str, str], date], str]] = {"long": _long, "hour": _hour}


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
        if format_spec in _SPELT and isinstance(value, date):
            return _SPELT[format_spec](self.table, value)
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
