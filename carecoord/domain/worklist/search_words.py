"""What a case is found by on the worklist: all that its row and its panel show, to those who see them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.codes import HL7, IDENTIFIER, has
from carecoord.domain.resource.elements import Json, codes, item, items, key, target, targets, text, words
from carecoord.domain.resource.parties import party
from carecoord.words.catalogue import in_every_language

NUMBERED = ("phone", "sms", "fax", "pager")  # systems of a ContactPoint whose value is a telephone number
_LOCAL, _NATIONAL = 7, 10  # figures of a telephone number without and with its area


def searched(case: Case, found: Clearance, row: Mapping[str, Any]) -> dict[str, Any]:
    """`searched`: the texts that somebody who sees the case whole finds it by; `payer_searched`: those that its payer
    does, which are on the payer's page. `row`: the columns of the case row so far."""
    patient = case.patient or {}
    told = [
        *(row[column] for column in ("patient_name", "birth_date", "member_id", "number", "performer_name")),
        *(row[column] for column in ("specialty", "priority") if row[column] != "routine"),
        *_joined([row["patient_name"].partition(",")[0]]),
        *_authorizations(case, found),
    ]
    own = [
        *(row[column] for column in ("mrn", "reason", "placer_name", "payer_name", "plan_name", "owner_name")),
        row["agreement"], *(in_every_language(found.action.label) if found.action else ()),
        *(said for human in items(patient, "name") for said in _names(human)),
        *(said for contact in items(patient, "telecom") for said in _telephone(contact)),
        *(text(each, "value") for each in items(case.order, "identifier")),
        _requester(case, found), found.facts.referral.service, words(item(case.order, "code")),
        *(code for _, code in _codes(case.order)),
    ]  # fmt: skip
    return {"searched": _text([*told, *own]), "payer_searched": _text(told)}


def member_id(case: Case, found: Clearance) -> str:
    """The payer's number of the patient: of the card that counts, as it is identified there, else the subscriber's."""
    card = next((each for each in case.coverages if found.card and key(each) == found.card.key), {})
    ids = items(card, "identifier")
    own = [each for each in ids if has(item(each, "type"), f"{HL7}/v2-0203", "MB")]
    own += [each for each in ids if text(each, "system") == f"{IDENTIFIER}/member"]
    return next((value for each in own if (value := text(each, "value"))), "") or text(card, "subscriberId")


def _text(said: Iterable[str | None]) -> str:
    return " ".join(dict.fromkeys(each for each in said if each))


def _names(human: Json) -> Iterator[str]:
    """A name in all its parts; somebody may still be known by a former one."""
    given = human.get("given")
    each = [part for part in given if isinstance(part, str)] if isinstance(given, list) else []
    yield from (text(human, "family"), *each, text(human, "text"))
    yield from _joined([text(human, "family"), *each])


def _joined(parts: Iterable[str]) -> Iterator[str]:
    """A name of several words as others join it, `Smith Jones` as Smith-Jones, `van der Berg` as vanderberg."""
    return ("-".join(part.split()) for part in parts if len(part.split()) > 1)


def _telephone(contact: Json) -> Iterator[str]:
    """A number as it is written, and its figures with and without country and area."""
    if text(contact, "system") not in NUMBERED:
        return
    written = text(contact, "value")
    figures = re.sub(r"\D", "", re.split(r"[^\W\d]", written)[0])
    national = figures[-_NATIONAL:]
    yield from (written, figures, national, figures[-_LOCAL:])
    if len(national) == _NATIONAL:
        yield from (national[:3], f"1{national}", f"0{national}")


def _authorizations(case: Case, found: Clearance) -> Iterator[str]:
    """The payer's numbers of what was asked and granted for this order."""
    mine = [request for request in found.facts.requests if request.linked]
    yield from (line.number for request in mine for line in request.lines)
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
