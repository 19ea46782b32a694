"""What was billed under an agreement, and what was paid, against the amount that is not to be exceeded.

Clauses: FHIR R4 invoice.html (status issued and balanced, issuer, recipient, totalNet)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.days import shifted
from carecoord.domain.resource.elements import Json, extension, item, items, key, target, text
from carecoord.errors import Conflict
from carecoord.words.sentence import sentence

_UNDER, _PAID = f"{EXTENSION}/governing-contract", f"{EXTENSION}/paid-on"
_COUNTED: Final = ("issued", "balanced")
CURRENCY: Final = "USD"


@dataclass(frozen=True, slots=True)
class Invoice:
    """A bill. `issuer`: the key of the party that sent it; `paid`: the day on which it was paid, None while it is
    open; `version`: of its resource."""

    invoice: str
    version: str
    number: str
    issuer: str
    day: date
    amount: Decimal
    paid: date | None


@dataclass(frozen=True, slots=True)
class Money:
    """How an amount stands that is not to be exceeded, in US dollars. `limit`: None where none was agreed; `left`:
    below nothing where more was billed; `used_up`: the day on which it will be at the pace so far, None where the
    agreement ends first or no pace can be told."""

    limit: Decimal | None
    paid: Decimal
    open: Decimal
    left: Decimal | None
    used_up: date | None


def billed(id: str, contract: str, sides: tuple[Json, Json], number: str, day: date, amount: Decimal) -> Json:
    """A bill under a Contract, `Contract/id`. sides: References to who sent it and who pays it."""
    return {
        "resourceType": "Invoice",
        "id": id,
        "extension": [{"url": _UNDER, "valueReference": {"reference": contract}}],
        "identifier": [{"value": number}],
        "status": "issued",
        "date": day.isoformat(),
        "issuer": sides[0],
        "recipient": sides[1],
        "totalNet": {"value": amount, "currency": CURRENCY},
    }


def settled(invoice: Json, on: date) -> Json:
    """The bill paid on a day. Raises Conflict where it is no longer open."""
    if text(invoice, "status") != "issued":
        raise Conflict(sentence("refusals.it-paid-already-or-was"), "http.act")
    mark = {"url": _PAID, "valueDate": on.isoformat()}
    return invoice | {"status": "balanced", "extension": [*items(invoice, "extension"), mark]}


def invoices(found: Iterable[Json], contracts: Iterable[str]) -> list[Invoice]:
    """The bills under these Contracts (`Contract/id`), the latest first."""
    under = set(contracts)
    read = [_read(each) for each in found if target(item(extension(each, _UNDER), "valueReference")) in under]
    return sorted((each for each in read if each), key=lambda each: (each.day, each.number), reverse=True)


def money(limit: Decimal | None, bills: Iterable[Invoice], start: date | None, end: date | None, day: date) -> Money:
    """How the amount stands on a day. start, end: the days of the agreement, half-open; None: none."""
    known = list(bills)
    paid = sum((each.amount for each in known if each.paid), Decimal())
    still = sum((each.amount for each in known if not each.paid), Decimal())
    left = None if limit is None else limit - paid - still
    used, run = paid + still, (day - start).days + 1 if start and start <= day else 0
    if limit is None or left is None or left <= 0 or not used or not run:
        return Money(limit, paid, still, left, None)
    ahead = int(left * run / used)  # days at the pace of the days so far
    last = shifted(day, min(ahead, 36_500))
    return Money(limit, paid, still, left, last if end is None or last < end else None)


def _read(invoice: Json) -> Invoice | None:
    value = item(invoice, "totalNet").get("value")
    try:
        day = date.fromisoformat(text(invoice, "date")[:10])
        paid = text(extension(invoice, _PAID), "valueDate")
        settled_on = date.fromisoformat(paid) if paid else None
    except ValueError:
        return None
    if value is None or text(invoice, "status") not in _COUNTED:
        return None
    number = next((text(each, "value") for each in items(invoice, "identifier")), "")
    done = (settled_on or day) if text(invoice, "status") == "balanced" else None
    version = text(item(invoice, "meta"), "versionId")
    return Invoice(key(invoice), version, number, target(item(invoice, "issuer")), day, Decimal(str(value)), done)
