"""Whose agreement it is, and who of a party may see what is paid under it.

Clauses: FHIR R4 Contract.authority, subject, signer.party, term.offer.party; contracts.md 1.2. Staff of a party whose
role may (`verbs`, see-rates) see rates, and a service that belongs to a party; nobody else is told that there are
any."""

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from carecoord.domain.access import verbs
from carecoord.domain.access.roles import Office
from carecoord.domain.agreements.records import named
from carecoord.domain.resource.codes import CANONICAL, EXTENSION
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, target

CUSTODIAN: Final = "custodian"  # the role of an office that keeps an agreement which others have made


def parties(contract: Json) -> frozenset[str]:
    """The keys (`Type/id`, else `system|value`) of all that a Contract names as parties, those of nested terms too, but
    for who keeps it without being one."""
    return _named(contract, (CUSTODIAN,))


def named_in(contract: Json) -> frozenset[str]:
    """The same with who keeps it: all that may be shown beside it, and who see it."""
    return _named(contract, ())


def _named(contract: Json, but: Collection[str]) -> frozenset[str]:
    found = [reference for name in ("authority", "subject") for reference in items(contract, name)]
    found += [item(each, "party") for each in items(contract, "signer")]
    found += [
        reference
        for term in terms(items(contract, "term"))
        for party in items(item(term, "offer"), "party")
        if code_of(item(party, "role")) not in but
        for reference in items(party, "reference")
    ]
    return frozenset(filter(None, map(named, found)))


def custodian(organization: str) -> Json:
    """An office (`Organization/id`) as who keeps an agreement, for a term's offer. By this it sees what it keeps."""
    role = {"coding": [{"system": f"{CANONICAL}/CodeSystem/party-role", "code": CUSTODIAN}]}
    return {"reference": [{"reference": organization}], "role": role}


def terms(given: Iterable[Json]) -> Iterator[Json]:
    """Terms with those that are nested in them, each before its own."""
    for term in given:
        yield term
        yield from terms(items(term, "group"))


def amended(version: Json) -> str:
    """What a version amends, `Contract/id`; empty for nothing."""
    return target(item(extension(version, f"{EXTENSION}/amends"), "valueReference"))


def is_party(office: Office, keys: frozenset[str]) -> bool:
    """Whether an office is one of these."""
    return not keys.isdisjoint((*(f"Organization/{id}" for id in office.organizations), *office.identifiers))


def may_see_rates(roles: Iterable[str]) -> bool:
    """Whether somebody with these roles may see what is paid; a service without roles stands for its organization."""
    held = tuple(roles)
    return not held or verbs.may(held, "see-rates")
