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
from carecoord.world import World

ASKED: Final = ("url", "filter", "count")
MOST: Final = 100
_WHOLE: Final = "?fhir_vs"  # all codes of a system, as a value set


def sought(code: str, words: str, others: str = "") -> str:
    """What beginnings of words are looked for in: the code as it is written and without its marks, what it means, and
    the other words by which it is known."""
    plain = re.sub(r"\W", "", code.lower())
    return f" {plain} {code.lower()} " + " ".join(tokens(f"{code} {words} {others}"))


def tokens(text: str) -> list[str]:
    """The words of a text, in base letters."""
    return re.findall(r"\w+", fold(text))


def expand(world: World, asker: Asker, given: Mapping[str, str], *, request: str = "") -> dict[str, Any]:
    """The ValueSet with its expansion: codes that may be used today and have a word that begins with each of the
    filter's. Raises Invalid for an argument that can not be read, NotFound where there are no codes of the system."""
    query = "&".join(f"{name}={value}" for name, value in given.items())
    with looking(world, asker, request) as turn, noted(turn, "expand", "ValueSet", None, query) as shown:
        shown.append(None)
        if not given.get("url"):
            raise Invalid("url is needed: a code system, such as http://www.ama-assn.org/go/cpt?fhir_vs.", "http.url")
        system, most = canonical(given["url"].removesuffix(_WHOLE)), _count(given.get("count", "20"))
        wanted, today = tokens(given.get("filter", "")), local(turn.now, world.base.zone)
        if system == PLACE_OF_SERVICE:
            found = [(code, words, "") for code, words in fitting(PLACES, wanted)]
            total, found = len(found), found[:most]
        elif system in codes.systems(turn.conn):
            total, found = codes.find(turn.conn, system, wanted, today.isoformat(), most)
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


def _value_set(system: str, total: int, found: list[codes.Entry], at: str, today: date) -> dict[str, Any]:
    contains = [{"system": system, "code": code, "display": words} for code, words, _ in found]
    expansion: dict[str, Any] = {"identifier": f"{system}|{today}", "timestamp": at, "total": total}
    return {
        "resourceType": "ValueSet",
        "url": f"{system}{_WHOLE}",
        "status": "active",
        "compose": {"include": [{"system": system}]},
        "expansion": expansion | ({"contains": contains} if contains else {}),
    }
