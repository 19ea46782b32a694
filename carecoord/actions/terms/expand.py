"""Codes by their words: `ValueSet/$expand` of all codes of a system, with a filter (FHIR R4 valueset-operation-expand,
implicit value sets of code systems), for apps and for forms that let people choose a code."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Asker, looking
from carecoord.domain.prior_auth.question import PLACE_OF_SERVICE
from carecoord.domain.resource.days import local
from carecoord.domain.terms.places_of_service import PLACES
from carecoord.errors import Invalid, NotFound
from carecoord.fhir.code_systems import canonical
from carecoord.fhir.instants import instant, micros
from carecoord.fhir.search.collation import fold
from carecoord.store.terms import codes
from carecoord.store.terms.codes import Within
from carecoord.world import World

ASKED: Final = ("url", "filter", "count")
MOST: Final = 100
_CODE: Final = re.compile(r"[A-Za-z]?\d\w*\.\w*", re.ASCII)  # `M54.5`
_WHOLE: Final = "?fhir_vs"  # all codes of a system, as a value set


def sought(code: str, words: str, others: str = "") -> str:
    """What beginnings of words are looked for in: the code without its marks, then its parts, what it means, and the
    other words by which it is known."""
    return f" {_bare(code)} {' '.join(_words(f'{code} {words} {others}'))}"


def asked(said: str) -> list[str]:
    """The beginnings of words that are looked for: a code that stands first counts as one word, with its marks or
    without."""
    first, _, rest = said.strip().partition(" ")
    return [_bare(first), *_words(rest)] if _CODE.fullmatch(first) else _words(said)


def _bare(code: str) -> str:
    return re.sub(r"[\W_]", "", code.lower())


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", fold(text))


def expand(world: World, asker: Asker, given: Mapping[str, str], *, request: str = "") -> dict[str, Any]:
    """The ValueSet with its expansion: codes that may be used today and have a word that begins with each of the
    filter's. Raises Invalid for an argument that can not be read, NotFound where there are no codes of the system."""
    query = "&".join(f"{name}={value}" for name, value in given.items())
    with looking(world, asker, request) as turn, noted(turn, "expand", "ValueSet", None, query) as shown:
        shown.append(None)
        if not given.get("url"):
            raise Invalid("url is needed: a code system, such as http://www.ama-assn.org/go/cpt?fhir_vs.", "http.url")
        system, most = canonical(given["url"].removesuffix(_WHOLE)), _count(given.get("count", "20"))
        wanted, today = asked(given.get("filter", "")), local(turn.now, world.base.zone)
        if system == PLACE_OF_SERVICE:
            found = list(fitting(PLACES, wanted))
            total, found = len(found), found[:most]
        elif system in codes.systems(turn.conn):
            day = today.isoformat()
            found = [(code, said) for _, code, said in codes.among(turn.conn, [Within(system)], wanted, day, most)]
            total = codes.count(turn.conn, system, wanted, day)
        else:
            raise NotFound("No codes of this system are here. Bring them in: carecoord import codes FILE.")
        return _value_set(system, total, found, instant(micros(turn.now)), today)


def fitting(shipped: Mapping[str, str], wanted: list[str]) -> Iterator[tuple[str, str]]:
    """The codes of a short list that have, or are, a word that begins with each of these, and what they mean."""
    for code, words in shipped.items():
        if all(f" {each}" in sought(code, words) for each in wanted):
            yield code, words


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII):
        raise Invalid("count is a number.", "http.count")
    return min(int(text), MOST)


def _value_set(system: str, total: int, found: list[tuple[str, str]], at: str, today: date) -> dict[str, Any]:
    contains = [{"system": system, "code": code, "display": words} for code, words in found]
    expansion: dict[str, Any] = {"identifier": f"{system}|{today}", "timestamp": at, "total": total}
    return {
        "resourceType": "ValueSet",
        "url": f"{system}{_WHOLE}",
        "status": "active",
        "compose": {"include": [{"system": system}]},
        "expansion": expansion | ({"contains": contains} if contains else {}),
    }
