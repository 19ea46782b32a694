"""Colleagues who are named in a note: `@Reyes`, `@Maria Reyes`, `@Cardiac intake`. Who is named is a recipient of the
note, and has it before them until they have taken it up.

Clause: FHIR R4 Communication.recipient ("The entity ... which was the target of the communication"); when a recipient
took it up stands on their reference, for Communication.received is one instant for all."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from carecoord.domain.contacts.attempts import is_note, is_written
from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.elements import Json, extension, item, items, target, text

RECEIVED: Final = f"{EXTENSION}/received"
_SIGN = re.compile(r"(?<![^\s(\"'\u201c\u2018])@(?=\S)")  # at the beginning of a word: a mail address names nobody
_WORD = re.compile(r"[^\W_][\w'\u2019.-]*")


@dataclass(frozen=True, slots=True)
class Unread:
    """A name that can not be meant. `candidates`: who it could be, empty for nobody."""

    said: str
    candidates: tuple[str, ...]


def named(words: str, known: Sequence[tuple[str, str]]) -> tuple[list[str], list[Unread]]:
    """The ids of those who are named in a text, in its order, and the names that are nobody's or several people's.
    known: (id, name) of all who can be, a person's as "Family, Given"."""
    spelt: dict[str, list[str]] = {}
    for id, name in known:
        for form in _forms(name):
            spelt.setdefault(form, []).append(id)
    longest = max((len(form.split()) for form in spelt), default=1)
    found: list[str] = []
    unread: list[Unread] = []
    for sign in _SIGN.finditer(words):
        said = words[sign.end() :].split(maxsplit=longest)[:longest]
        ids = next((spelt[form] for form in _spans(said) if form in spelt), [])
        if len(ids) == 1:
            found += ids if ids[0] not in found else []
        else:
            unread.append(Unread(said[0].rstrip(".,;:!?)"), tuple(name for id, name in known if id in ids)))
    return found, unread


def _forms(name: str) -> set[str]:
    """The ways to write a name: whole, given name first, the family name alone."""
    family, comma, given = name.partition(",")
    forms = {name, f"{given} {family}", family} if comma else {name}
    return {_plain(each.split()) for each in forms} - {""}


def _spans(said: Sequence[str]) -> Iterable[str]:
    """The beginnings of what follows the sign, the longest first."""
    return (_plain(said[:n]) for n in range(len(said), 0, -1))


def _plain(words: Iterable[str]) -> str:
    bare = (found[0] for each in words if (found := _WORD.findall(each)))
    return " ".join(each.replace("\u2019", "'").rstrip(".'-") for each in bare).casefold()


def open_for(talk: Json) -> list[str]:
    """The ids of those who are named in a note, or to whom a message was written, and have not taken it up, as
    `person_id` tells them."""
    if not (is_note(talk) or is_written(talk)) or text(talk, "status") == "entered-in-error":
        return []
    waiting = [each for each in items(talk, "recipient") if not extension(each, RECEIVED)]
    return [id for each in waiting if (id := person_id(each))]


def person_id(reference: Json) -> str:
    """Who a Reference means, as the worklist's rows name people and teams: the id of their resource, or of their
    account."""
    return target(reference).partition("/")[2] or text(item(reference, "identifier"), "value")


def received(talk: Json, persons: Iterable[str], now: datetime) -> Json:
    """The note once these have taken it up."""
    those, at = set(persons), now.isoformat(timespec="seconds")
    noted = [
        {**each, "extension": [*items(each, "extension"), {"url": RECEIVED, "valueDateTime": at}]}
        if person_id(each) in those and not extension(each, RECEIVED)
        else each
        for each in items(talk, "recipient")
    ]
    return {**talk, "recipient": noted}
