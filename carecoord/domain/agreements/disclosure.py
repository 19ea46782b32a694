"""What a Contract says to those who may read it and may not see what is paid under it: all but its rates, wherever in
the resource they may be written.

Clauses: FHIR R4 Contract.term.asset.valuedItem, Contract.friendly, legal, rule, legallyBinding[x] (the paper and the
tables of rates lie there as Attachments); decision 34. A DocumentReference that is named has an audience of its own."""

from typing import Any, Final

from carecoord.domain.resource.elements import Json, code_of, item, items

RATES: Final = "rate-schedule"  # the type of the terms that are about nothing but what is paid
MONEY: Final = "budget"  # of those whose `net` is a limit: the register shows it to all who see the agreement
_PAPERS: Final = ("friendly", "legal", "rule")
_PARTIES: Final = frozenset({  # what may stand inside a Contract as one of those whom it names
    "Organization", "Practitioner", "PractitionerRole", "Location", "Patient", "RelatedPerson", "Group",
})  # fmt: skip
_OF_RATES: Final = frozenset({"id", "identifier", "issued", "applies", "type", "subType", "offer", "asset", "group"})
_OF_OFFERS: Final = frozenset({"id", "identifier", "party", "type"})
_AMOUNTS: Final = frozenset({"valueAttachment", "valueDecimal", "valueQuantity"})  # of answers
_MASKED: Final = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]
}
_OF_LIMITS: Final = frozenset({"id", "net"})


def without_rates(contract: Json) -> Json:
    """The Contract without its rates; an equal one where it tells none. Elements that only held some are left out: the
    parties, days and kinds of every term stay."""
    found = {name: value for name, value in contract.items() if name not in ("text", "legallyBindingAttachment")}
    for name in _PAPERS:
        _put(found, name, [each for each in items(contract, name) if "contentAttachment" not in each])
    _put(found, "contained", [each for each in items(contract, "contained") if each.get("resourceType") in _PARTIES])
    _put(found, "term", [_term(each, False) for each in items(contract, "term")])
    return found


def _term(term: Json, about_rates: bool) -> Json:
    """A term, with those that are nested in it: what is part of a schedule of rates is about rates, too."""
    code = code_of(item(term, "type"))
    about_rates = about_rates or code == RATES
    found = {name: value for name, value in term.items() if not about_rates or name in _OF_RATES}
    if "offer" in found:
        found["offer"] = {
            name: value for name, value in item(term, "offer").items() if not about_rates or name in _OF_OFFERS
        }
        _put(found["offer"], "answer", _answers(item(term, "offer")))
        found["offer"] = found["offer"] or (item(term, "offer") and _MASKED)  # a term has an offer, R4: 1..1
    assets = [] if about_rates else [_asset(each, code == MONEY) for each in items(term, "asset")]
    _put(found, "asset", [each for each in assets if each])
    _put(found, "group", [_term(each, about_rates) for each in items(term, "group")])
    return found


def _asset(asset: Json, limits: bool) -> Json:
    found = {**asset}
    _put(found, "answer", _answers(asset))
    valued = [each for each in items(asset, "valuedItem") if limits and "net" in each]
    _put(found, "valuedItem", [{name: each[name] for name in each if name in _OF_LIMITS} for each in valued])
    return found


def _answers(asked: Json) -> list[Json]:
    return [each for each in items(asked, "answer") if each.keys().isdisjoint(_AMOUNTS)]


def _put(element: dict[str, Any], name: str, values: list[Json]) -> None:
    """Let an element have these values, or not be there at all."""
    if name in element:
        element[name] = values
        if not values:
            del element[name]
