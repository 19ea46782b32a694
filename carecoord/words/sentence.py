"""A sentence before it has words: a key and what it speaks of. The rules say such sentences, and rows store them.

Only `words.catalogue` turns one into words, in the language of whoever reads: a rule that said "2 visits left" itself
could be read in English alone, for ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from typing import Any, TypeAlias

import msgspec

Value: TypeAlias = "str | int | date | datetime | Sentence | tuple[Value, ...]"


@dataclass(frozen=True, slots=True)
class Sentence:
    """`key` stands in every language's catalogue; `params` fill the places of its words. Names, codes and numbers of
    others (a clinic's, a payer's words) are strings; days, instants (in the zone in which they are to be read), counts
    and sentences inside this one stay what they are."""

    key: str
    params: tuple[tuple[str, Value], ...] = ()

    def __str__(self) -> str:
        """In English: for logs, tests and who reads no other language."""
        from carecoord.words.catalogue import say  # a catalogue knows sentences; only this convenience knows it back

        return say(self)


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
