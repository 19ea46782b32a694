"""Contract/$rates: the lines of an agreement's schedules as a Contract says them, a page at a time, whether they were
written in it or imported."""

import base64
from collections.abc import Sequence
from typing import Final

import msgspec

from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Asker, Turn, looking
from carecoord.actions.agreements import rates
from carecoord.actions.clearance import asked
from carecoord.actions.fhir.read import address, known
from carecoord.domain.agreements.rates import RateLine, Schedule
from carecoord.domain.agreements.valued_items import term, written
from carecoord.domain.resource.elements import Json
from carecoord.errors import Gone, Invalid
from carecoord.fhir import elements, text
from carecoord.fhir.search.query import CURSOR
from carecoord.store.agreements.rates import Place
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World

_COUNT: Final = 100  # lines of a page, unless another number is asked for
_MOST: Final = 1000
_IDENTITY: Final = ("resourceType", "id", "meta", "identifier", "version", "status", "legalState", "title")
_decode = msgspec.json.Decoder(tuple[str, str, int]).decode


def told(world: World, asker: Asker, id: str, given: dict[str, str], *, request: str = "") -> Json:
    """Contract/[id]/$rates: Parameters with a part of the Contract that says a page of its lines, where the next page
    is, and which of its own valued items are no lines. Who may not see rates is told what they would be told if there
    were none.

    Raises Invalid naming the argument, Forbidden, NotFound, Gone."""
    query = "&".join(f"{name}={value}" for name, value in given.items())
    with looking(world, asker, request) as turn, noted(turn, "rates", "Contract", id, query) as shown:
        row = known(turn, "Contract", id)
        if row.deleted:
            raise Gone(sentence("refusals.contract-has-been-deleted", id=id))
        shown.append(row.patient)
        at = asked.instant(asked.one_spelling(given), turn.now, world.base.zone)
        held = [each for each in rates.visible(turn, f"Contract/{id}", at) if _wanted(each.schedule, given)]
        pages, after = _page(turn, held, _count(given), _place(given.get(CURSOR)), at)
        contract = text.loads(turn.told(row).body)
        part: Json = {name: contract[name] for name in _IDENTITY if name in contract}
        part |= {"term": [term(schedule, lines) for schedule, lines in pages]} if pages else {}
        said: list[tuple[str, Json]] = [("total", {"valueInteger": sum(each.size for each in held)})]
        if after:
            pairs = [*((name, value) for name, value in given.items() if name != CURSOR), (CURSOR, after)]
            said.append(("next", {"valueUri": address(world.settings.fhir_url, f"Contract/{id}/$rates", pairs)}))
        said += [("unread", {"part": _unread(*each)}) for each in written(contract, world.base.zone).unread]
        parts: list[Json] = [{"name": name, **value} for name, value in said]
        return {
            "resourceType": "Parameters",
            "parameter": [{"name": "contract", "resource": elements.marked(part)}, *parts],
        }


def _wanted(schedule: Schedule, given: dict[str, str]) -> bool:
    return given.get("schedule", schedule.name) == schedule.name


def _page(
    turn: Turn, held: Sequence[rates.Held], most: int, after: tuple[str, Place] | None, at: int | None
) -> tuple[list[tuple[Schedule, list[RateLine]]], str]:
    """The next lines by schedule, and the word for where they end; empty where that is all."""
    pages: list[tuple[Schedule, list[RateLine]]] = []
    begin, left, last = 0, most, ""
    if after:
        begin = next((n for n, each in enumerate(held) if each.key == after[0]), len(held))
    for n, each in enumerate(held[begin:]):
        found = rates.lines(turn, each, left + 1, after[1] if after and not n else None, at)
        taken = found[:left]
        if taken:
            pages.append((each.schedule, [line for _, line in taken]))
            last = _word(each.key, taken[-1][0])
        if len(found) > left:
            return pages, last
        left -= len(taken)
    return pages, ""


def _unread(path: str, why: Sentence) -> list[Json]:
    return [{"name": "path", "valueString": path}, {"name": "reason", "valueString": say(why)}]


def _count(given: dict[str, str]) -> int:
    said = given.get("_count", str(_COUNT))
    if not (said.isascii() and said.isdigit() and int(said[:9]) > 0):
        raise Invalid(sentence("refusals.count-whole-number-from-1", said=repr(said[:80])), "http._count")
    return min(int(said[:9]), _MOST)


def _word(key: str, place: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((key, place.stem, place.n))).decode().rstrip("=")


def _place(word: str | None) -> tuple[str, Place] | None:
    if word is None:
        return None
    try:
        key, stem, n = _decode(base64.urlsafe_b64decode(word.encode() + b"=" * (-len(word) % 4)))
    except (ValueError, msgspec.MsgspecError):
        raise Invalid(sentence("refusals.this-link-page-not-one"), f"http.{CURSOR}") from None
    return key, Place(stem, n)
