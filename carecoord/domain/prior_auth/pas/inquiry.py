"""Which requests an inquiry means: a Claim sent as the example to search by. Pure.

Clauses: Da Vinci PAS 2.2.1, profile PAS Claim Inquiry and specification.html (spec-43: a service that is not applicable
means any; spec-46 to spec-48: all lines come back, and who asks by a number that was replaced is told what holds)."""

from collections.abc import Iterable, Mapping
from typing import Final

from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.pas.answer import ADMINISTRATION, numbers
from carecoord.domain.resource.codes import PAS
from carecoord.domain.resource.elements import Json, code_of, codes, extension, item, items, key, target, text

_NUMBER: Final = f"{PAS}/extension-authorizationNumber"
_ANY: Final = "not-applicable"
Chain = tuple[Json, tuple[Json, ...]]  # the request that speaks, and every answer to it or to one before it


def chains(claims: Iterable[Json], answers: Iterable[Json]) -> list[Chain]:
    """The newest request of each chain, with all that was answered in the chain."""
    known = {key(each): each for each in claims if text(each, "use") == "preauthorization"}
    heard: dict[str, list[Json]] = {}
    for each in answers:
        if text(each, "status") == "active":
            heard.setdefault(target(item(each, "request")), []).append(each)
    replaced = {lifecycle.precedent(each) for each in known.values() if text(each, "status") == "active"}
    sent = ("active", "cancelled")
    heads = [each for id, each in known.items() if id not in replaced and text(each, "status") in sent]
    return [(head, tuple(a for id in _line(head, known) for a in heard.get(id, ()))) for head in heads]


def _line(head: Json, known: Mapping[str, Json]) -> list[str]:
    found, at = [key(head)], lifecycle.precedent(head)
    while at and at not in found:
        found.append(at)
        at = lifecycle.precedent(known[at]) if at in known else ""
    return found


def means(example: Json, chain: Chain) -> bool:
    """Whether an example means a chain: by a number where it gives one, else by its services, any of which will do."""
    head, answers = chain
    asked = items(example, "item")
    named = {number for each in (example, *asked) for number in _numbers(each)}
    if named:
        own = {number for each in (head, *items(head, "item")) for number in _numbers(each)}
        return not named.isdisjoint(own.union(*(numbers(each) for each in answers)))
    wanted = [item(each, "productOrService") for each in asked]
    wanted = [each for each in wanted if each and code_of(each) != _ANY]
    if not wanted:
        return True
    have = [codes(item(each, "productOrService")) for each in items(head, "item")]
    return any(codes(each) & other for each in wanted for other in have)


def _numbers(element: Json) -> list[str]:
    return [n for url in (_NUMBER, ADMINISTRATION) if (n := text(extension(element, url), "valueString"))]
