"""Whether an authorization that was given already covers what is ordered. Pure.

Clause: Da Vinci CRD 2.2.1, ext-coverage-information (pa-needed satisfied goes with satisfied-pa-id, crd-ci-q3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal

from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.decisions import Line
from carecoord.domain.prior_auth.pas.inquiry import Chain
from carecoord.domain.prior_auth.question import Known
from carecoord.domain.prior_auth.review_action import GRANTED
from carecoord.domain.resource.days import Days, days
from carecoord.domain.resource.elements import Json, identifiers, item, items, key, target, text
from carecoord.domain.resource.parties import TAXES, Party
from carecoord.fhir.search.collation import fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an order asks for. known: its codes, modifiers and places of service; days: for which, from today on;
    performers, sites: `system|value` of who may do it and where. Empty: the call does not say."""

    known: Known
    days: Days
    performers: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()


def answer(chain: Chain, zone: tzinfo) -> Json | None:
    """The answer that holds to the newest request of a chain. None where that was taken back or has none: it grants
    nothing."""
    head, answers = chain
    mine = [each for each in answers if target(item(each, "request")) == key(head)]
    return lifecycle.newest(mine, zone) if mine and text(head, "status") == "active" else None


def number(lines: Sequence[Line], left: Sequence[str | None], wanted: Wanted) -> str | None:
    """The payer's number of the first of these lines of an answer that covers what is wanted, empty where it gave none;
    None where none does. left: what the ledger says is left of each, None where nobody counts."""
    spare = left if len(left) == len(lines) else [None] * len(lines)
    open_ = (line for line, n in zip(lines, spare, strict=True) if n is None or Decimal(n) > 0)
    return next((line.number for line in open_ if _covers(line, wanted)), None)


def only(lines: Sequence[Line], numbers: Iterable[str]) -> str:
    """The number of an answer whose one line has none of its own; empty where several lines leave open whose it is."""
    return min(numbers, default="") if len(lines) == 1 else ""


def _covers(line: Line, wanted: Wanted) -> bool:
    known = wanted.known
    return (
        line.state in GRANTED
        and not line.vague
        and line.covers(known.codes)
        and line.suits(known.modifiers)
        and throughout(line.spans, wanted.days)
        and _named(line.providers, wanted.performers)
        and _named(line.sites, wanted.sites)
        and line.is_in(known.places)
    )


def _named(granted: Iterable[Party], meant: frozenset[str]) -> bool:
    """Whether one of those that were granted is meant; True where either is not said."""
    named = list(granted)
    return not named or not meant or any(not each.keys.isdisjoint(meant) for each in named)


def throughout(spans: Iterable[Days], wanted: Days) -> bool:
    """Whether one or the other of these holds on every day that is wanted; of what is for no last day on one of them,
    for the day of its service is still to be chosen."""
    found = [each for each in spans if not each.clip(wanted).empty]
    if wanted.end is None or not found:
        return bool(found)
    reached = wanted.start
    for each in sorted(found, key=lambda each: each.start or date.min):
        if each.start and (reached is None or each.start > reached):
            return False
        if each.end is None or each.end >= wanted.end:
            return True
        reached = max(reached or each.end, each.end)
    return False


def span(order: Json, today: date, zone: tzinfo) -> Days:
    """The days for which an order is, as far as they are still to come; from today on where it names none."""
    day = text(order, "occurrenceDateTime") or text(order, "start")
    said = days(item(order, "occurrencePeriod") or ({"start": day, "end": day} if day else {}), zone)
    ahead = said.clip(Days(today))
    return said if ahead.empty else ahead


def is_same_person(one: Json, other: Json) -> bool:
    """Whether two Patients whose cards have the same number are one person, for a card may be a family's: by a number
    of their own, else by birth date and a given name, which tells twins apart. What is not known is not the same."""
    born, other_born = text(one, "birthDate"), text(other, "birthDate")
    if born and other_born and born != other_born:
        return False
    if any(not each.startswith(TAXES) for each in identifiers(one) & identifiers(other)):
        return True
    return bool(born) and born == other_born and bool(_given(one) & _given(other))


def _given(person: Json) -> set[str]:
    return {fold(each) for name in items(person, "name") for each in name.get("given", []) if isinstance(each, str)}
