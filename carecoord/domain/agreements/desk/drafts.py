"""Drafts of agreements, as their Contracts are to be: nobody's word yet, so that all of one may be written anew until
it is signed. What a form does not speak of, such as the lines of an imported draft, stays as it is.

Clauses: FHIR R4 Contract.applies, status with legalState, term.offer.party; contracts.md 1.2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from carecoord.domain.agreements.comparison import said
from carecoord.domain.agreements.disclosure import RATES
from carecoord.domain.agreements.kinds import KINDS, MONEY, SIDES
from carecoord.domain.agreements.overview import limit_of
from carecoord.domain.agreements.parties import CUSTODIAN, custodian
from carecoord.domain.agreements.records import named
from carecoord.domain.resource.codes import CANONICAL, EXTENSION, IDENTIFIER
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, text

_LEGAL: Final = "http://hl7.org/fhir/contract-legalstate"
_TERM: Final = f"{CANONICAL}/CodeSystem/term-type"
_NUMBER: Final = f"{IDENTIFIER}/agreement"
_AMENDMENT: Final = f"{EXTENSION}/amendment-type"
_EFFECTIVE: Final = f"{EXTENSION}/effective-from"
_SPAN: Final = tuple(f"{EXTENSION}/{name}" for name in ("evergreen", "renewal-months", "notice-days"))


@dataclass(frozen=True, slots=True)
class Span:
    """How long an agreement runs: its last day, None for none said; whether it goes on by itself, for so many months
    each time; how many days before the end notice has to be given."""

    last: date | None = None
    evergreen: bool = False
    months: int | None = None
    notice_days: int | None = None

    @property
    def marks(self) -> list[Json]:
        """As extensions."""
        found: list[Json] = [{"url": f"{EXTENSION}/evergreen", "valueBoolean": True}] if self.evergreen else []
        for name, value in (("renewal-months", self.months), ("notice-days", self.notice_days)):
            found += [{"url": f"{EXTENSION}/{name}", "valueInteger": value}] if value is not None else []
        return found


@dataclass(frozen=True, slots=True)
class Draft:
    """A new agreement. `kind`: of kinds.KINDS; `sides`: References to the two parties in the order of kinds.SIDES;
    `terms`: words by the type of the term; `networks`: References, of a payer-provider agreement; `n`:
    its version, more than 1 where drafts with this number came to nothing before; `keeper`: the `Organization/id` of
    who writes it down for others, empty where that is one of the sides."""

    kind: str
    number: str
    title: str
    sides: tuple[Json, Json]
    start: date
    span: Span
    limit: Decimal | None = None
    terms: Mapping[str, str] = field(default_factory=dict)
    networks: Sequence[Json] = ()
    n: int = 1
    keeper: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """What a draft is to say instead. `terms`: words by the type of the term, empty to take it out; those that are not
    named stay. Of an amendment `amendment` is its kind, and number, title and sides stay those of what it amends."""

    start: date
    span: Span
    limit: Decimal | None = None
    terms: Mapping[str, str] = field(default_factory=dict)
    amendment: str = ""
    number: str = ""
    title: str = ""
    sides: Sequence[Json] = ()


def drafted(id: str, given: Draft) -> list[Json]:
    """A new agreement as a draft and, between a payer and a provider, who takes part under it: pending until it is
    signed."""
    between = _offer(given)
    held = [code for code in KINDS[given.kind] if code != MONEY and given.terms.get(code)]
    terms: list[Json] = [
        {"type": _coded("term-type", code), "text": given.terms[code], "offer": between} for code in held
    ]
    if given.limit is not None:
        terms.append(money(given.limit, between))
    contract: Json = {
        "resourceType": "Contract",
        "id": id,
        "identifier": [{"system": f"{IDENTIFIER}/agreement", "value": given.number}],
        "version": str(given.n),
        "applies": _applies(given.start, given.span.last),
        "title": given.title,
        "type": _coded("contract-type", given.kind),
        "authority": [given.sides[0]],
        "subject": [given.sides[1]],
        "term": terms or [{"type": _coded("term-type", KINDS[given.kind][0]), "offer": between}],
        **({"extension": marks} if (marks := given.span.marks) else {}),
    }
    made = [stated(contract, "policy")]
    return [*made, taking_part(id, id, given.start, given.sides, given.networks)] if given.networks else made


def taking_part(id: str, contract: str, start: date, sides: tuple[Json, Json], networks: Sequence[Json]) -> Json:
    """That the second side takes part in networks of the first under a Contract (its id), from a day on."""
    return {
        "resourceType": "OrganizationAffiliation",
        "id": id,
        "extension": [
            {"url": f"{EXTENSION}/governing-contract", "valueReference": {"reference": f"Contract/{contract}"}},
            {"url": f"{EXTENSION}/participation-kind", "valueCode": "include"},
        ],
        "active": True,
        "period": {"start": start.isoformat()},
        "organization": sides[0],
        "participatingOrganization": sides[1],
        "network": list(networks),
    }


def edited(contract: Json, given: Edit) -> Json:
    """The draft as it is to be."""
    new = contract | {"applies": _applies(given.start, given.span.last)}
    for before, after in zip(sides_of(contract), given.sides, strict=False):
        new = _put_for(new, named(before), after)
    if given.number:
        ids = [each for each in items(contract, "identifier") if text(each, "system") != _NUMBER]
        new["identifier"] = [{"system": _NUMBER, "value": given.number}, *ids]
    if given.title:
        new["title"] = given.title
    said_anew = {*_SPAN, *((_AMENDMENT, _EFFECTIVE) if given.amendment else ())}
    marks = [each for each in items(contract, "extension") if each.get("url") not in said_anew] + given.span.marks
    if given.amendment:
        marks += [{"url": _AMENDMENT, "valueCode": given.amendment}]
        marks += [{"url": _EFFECTIVE, "valueDate": given.start.isoformat()}]
    kept = {name: value for name, value in new.items() if name != "extension"}
    return kept | {"term": _terms(new, given)} | ({"extension": marks} if marks else {})


def joined(row: Json, before: Sequence[Json], given: Edit, networks: Sequence[Json] | None) -> Json:
    """Who takes part under a draft (an OrganizationAffiliation) as it is to be. before: the sides as they were;
    networks: References, None to leave them; none at all, and it is no longer in use."""
    new = row | {"period": item(row, "period") | {"start": given.start.isoformat()}}
    for was, now in zip(before, given.sides, strict=False):
        new = _put_for(new, named(was), now)
    if networks is None:
        return new
    return new | {"active": bool(networks)} | ({"network": list(networks)} if networks else {})


def sides_of(contract: Json) -> list[Json]:
    """Its two sides: whose agreement it is, and with whom, where nothing else says so as an offer has them."""
    return bound(contract)[:2]


def bound(contract: Json) -> list[Json]:
    """Those whom it binds and who therefore sign it, each once: References. One whom no other element names stands in
    an offer alone."""
    found = {named(each): each for name in ("authority", "subject") for each in items(contract, name)}
    between = [party for one in items(contract, "term") for party in items(item(one, "offer"), "party")]
    offered = [party for party in between if code_of(item(party, "role")) != CUSTODIAN]
    for reference in (each for party in offered for each in items(party, "reference")):
        found.setdefault(named(reference), reference)
    return [each for to, each in found.items() if to]


def worded(contract: Json, rates: bool) -> dict[str, str]:
    """The terms that can be written anew as a text, by their types: those of which there is one. rates: whether those
    of what is paid are among them."""
    codes = [code_of(item(each, "type")) for each in items(contract, "term")]
    told = said(contract)
    return {
        code: told.get(f"term:{code}", "")
        for code in dict.fromkeys(codes)
        if code and code != MONEY and codes.count(code) == 1 and (rates or code != RATES)
    }


def is_amendment(contract: Json) -> bool:
    """Whether it amends another version."""
    return bool(extension(contract, f"{EXTENSION}/amends"))


def lacking(contract: Json) -> list[str]:
    """The terms, by their types, that the kind of a new agreement demands and nobody wrote; nothing of an amendment."""
    if is_amendment(contract):
        return []
    held = said(contract)
    return [
        code
        for code in KINDS.get(code_of(item(contract, "type")), ())
        if not (limit_of(contract) if code == MONEY else held.get(f"term:{code}"))
    ]


def stated(contract: Json, status: str) -> Json:
    """The Contract in a state, in both elements that tell it."""
    return contract | {"status": status, "legalState": {"coding": [{"system": _LEGAL, "code": status}]}}


def term(code: str, words: str, of: Json | None = None) -> Json:
    """A term in words, between the parties that another Contract's offers name."""
    parties = [each for one in items(of or {}, "term") for each in items(item(one, "offer"), "party")]
    once = [each for n, each in enumerate(parties) if each not in parties[:n]]
    return {
        "type": {"coding": [{"system": _TERM, "code": code}]},
        "text": words,
        "offer": {"party": once} if once else {"text": words},
    }


def money(limit: Decimal, between: Json) -> Json:
    """The term of an amount that is not to be exceeded, between the parties of an offer."""
    net = {"value": limit, "currency": "USD"}
    asset = {"valuedItem": [{"net": net}]}
    return {"type": _coded("term-type", MONEY), "offer": between, "asset": [asset]}


def _terms(contract: Json, given: Edit) -> list[Json]:
    """The terms of a draft with what is written anew. A term has an offer (R4: 1..1), and a Contract that says nothing
    yet keeps the first of its terms, for that is where its parties stand."""
    found: list[Json] = []
    written = set[str]()
    for each in items(contract, "term"):
        code = code_of(item(each, "type"))
        if code == MONEY:
            found += [_limited(each, given.limit)] if given.limit is not None and MONEY not in written else []
        elif code in given.terms and not given.terms[code]:
            rest = {name: value for name, value in each.items() if name != "text"}
            found += [rest] if rest.keys() - {"type", "offer"} else []
        else:
            found.append(each | {"text": given.terms[code]} if given.terms.get(code) else each)
        written.add(code)
    found += [term(code, words, contract) for code, words in given.terms.items() if words and code not in written]
    if given.limit is not None and MONEY not in written:
        found.append(money(given.limit, item(term(MONEY, "", contract), "offer")))
    first = items(contract, "term")[:1]
    return found or [{name: value for name, value in each.items() if name != "text"} for each in first]


def _limited(budget: Json, limit: Decimal) -> Json:
    """The term of an amount with another one; what else is valued in it stays."""
    fresh = items(money(limit, item(budget, "offer")), "asset")
    assets = items(budget, "asset")
    valued = items(assets[0], "valuedItem")[1:] if assets else []
    first = (assets[0] if assets else {}) | {"valuedItem": [*items(fresh[0], "valuedItem"), *valued]}
    return budget | {"asset": [first, *assets[1:]]}


def _put_for(element: Any, before: str, reference: Json) -> Any:
    """The element with another party wherever it names one, by its key."""
    if isinstance(element, list):
        return [_put_for(each, before, reference) for each in element]
    if not isinstance(element, dict):
        return element
    if before and named(element) == before and ("reference" in element or "identifier" in element):
        return reference
    return {name: _put_for(value, before, reference) for name, value in element.items()}


def _applies(start: date, last: date | None) -> Json:
    return {"start": start.isoformat(), **({"end": last.isoformat()} if last else {})}


def _coded(system: str, code: str) -> Json:
    return {"coding": [{"system": f"{CANONICAL}/CodeSystem/{system}", "code": code}]}


def _offer(given: Draft) -> Json:
    sides = zip(SIDES[given.kind], given.sides, strict=True)
    found: list[Json] = [{"reference": [who], "role": _coded("party-role", role)} for role, who in sides]
    return {"party": [*found, *([custodian(given.keeper)] if given.keeper else [])]}
