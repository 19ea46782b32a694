"""How the clauses of a draft stand between the parties: each that differs is accepted as it is written, or countered
with other words. It is written on the draft itself, with who and when; where a clause is written anew afterwards, what
was settled of it before counts no more."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal

from carecoord.domain.agreements.desk.drafts import term
from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.elements import Json, code_of, extension, extensions, item, items, text

How = Literal["accepted", "countered"]
TERM: Final = "term:"  # before the code of a term, as `comparison.Change.element` says it
_SETTLED: Final = f"{EXTENSION}/settled-clause"


@dataclass(frozen=True, slots=True)
class Settled:
    """How a clause stands: by whom, and when (ISO)."""

    how: How
    who: str
    at: str


def settled(contract: Json, said: Mapping[str, str]) -> dict[str, Settled]:
    """What stands of the clauses of a draft, by element. said: what each says now."""
    found: dict[str, Settled] = {}
    for each in extensions(contract, _SETTLED):
        of = text(extension(each, "of"), "valueString")
        if text(extension(each, "words"), "valueString") == _digest(said.get(of, "")):
            how: How = "countered" if text(extension(each, "how"), "valueCode") == "countered" else "accepted"
            who = text(item(extension(each, "who"), "valueReference"), "display")
            found[of] = Settled(how, who, text(extension(each, "at"), "valueInstant"))
    return found


def settle(contract: Json, of: str, words: str, how: How, who: Json, at: datetime) -> Json:
    """The draft with a clause settled. who: a Reference; words: what the clause says now."""
    mark = {"url": _SETTLED, "extension": [
        {"url": "of", "valueString": of},
        {"url": "how", "valueCode": how},
        {"url": "who", "valueReference": who},
        {"url": "at", "valueInstant": at.isoformat(timespec="seconds")},
        {"url": "words", "valueString": _digest(words)},
    ]}  # fmt: skip
    rest = [each for each in items(contract, "extension") if not _is_of(each, of)]
    return contract | {"extension": [*rest, mark]}


def countered(contract: Json, of: str, words: str) -> Json:
    """The draft with other words for a term; `of`: `term:CODE`."""
    code, found, written = of.removeprefix(TERM), list[Json](), False
    for each in items(contract, "term"):
        if code_of(item(each, "type")) != code:
            found.append(each)
        elif not written:
            found.append(each | {"text": words})
            written = True
    return contract | {"term": found if written else [*found, term(code, words, contract)]}


def _is_of(mark: Json, of: str) -> bool:
    return text(mark, "url") == _SETTLED and text(extension(mark, "of"), "valueString") == of


def _digest(words: str) -> str:
    return sha256(" ".join(words.split()).encode()).hexdigest()[:16]
