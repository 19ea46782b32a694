"""What a case is found by on the worklist: all that its row and its panel show, to those who see them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.coverage.same_coverage import member_number
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.elements import Json, codes, item, items, key, target, targets, text, words
from carecoord.domain.resource.parties import party
from carecoord.domain.resource.patient_words import joined, names, telephone
from carecoord.words.catalogue import in_every_language


def searched(case: Case, found: Clearance, row: Mapping[str, Any]) -> dict[str, Any]:
    """`searched`: the texts that somebody who sees the case whole finds it by; `payer_searched`: those that its payer
    does, which are on the payer's page. `row`: the columns of the case row so far."""
    patient = case.patient or {}
    told = [
        *(row[column] for column in ("patient_name", "birth_date", "member_id", "number", "performer_name")),
        *(row[column] for column in ("specialty", "priority") if row[column] != "routine"),
        *joined([row["patient_name"].partition(",")[0]]),
        *_authorizations(case, found),
    ]
    own = [
        *(row[column] for column in ("mrn", "reason", "placer_name", "payer_name", "plan_name", "owner_name")),
        row["agreement"], *(in_every_language(found.action.label) if found.action else ()),
        *(said for human in items(patient, "name") for said in names(human)),
        *(said for contact in items(patient, "telecom") for said in telephone(contact)),
        *(text(each, "value") for each in items(case.order, "identifier")),
        _requester(case, found), found.facts.referral.service, words(item(case.order, "code")),
        *(code for _, code in _codes(case.order)),
    ]  # fmt: skip
    return {"searched": _text([*told, *own]), "payer_searched": _text(told)}


def member_id(case: Case, found: Clearance) -> str:
    """The payer's number of the patient: of the card that counts, as it is identified there, else the subscriber's."""
    return member_of(case, found.card.key) if found.card else ""


def member_of(case: Case, coverage: str) -> str:
    """The same of one card, `Coverage/id`."""
    return member_number(next((each for each in case.coverages if key(each) == coverage), {}))


def _text(said: Iterable[str | None]) -> str:
    return " ".join(dict.fromkeys(each for each in said if each))


def _authorizations(case: Case, found: Clearance) -> Iterator[str]:
    """The payer's numbers of what was asked and granted for this order."""
    mine = [request for request in found.facts.requests if request.linked]
    yield from (each for request in mine for line in request.lines for each in line.numbers)
    claims = frozenset[str]().union(*(request.claims for request in mine))
    granted = set(targets(case.order, "insurance"))
    for each in case.responses:
        if target(item(each, "request")) in claims or key(each) in granted:
            yield text(each, "preAuthRef")


def _requester(case: Case, found: Clearance) -> str:
    asked = item(case.order, "requester")
    role = next((each for each in case.roles if key(each) == target(asked)), {})
    person = party(item(role, "practitioner") or asked, found.facts.parties)
    return person.name if person else ""


def _codes(order: Json) -> frozenset[tuple[str, str]]:
    """The codes of the service and of why it is wanted."""
    wanted = [item(order, "code"), *items(order, "orderDetail"), *items(order, "reasonCode")]
    return frozenset[tuple[str, str]]().union(*(codes(each) for each in wanted))
