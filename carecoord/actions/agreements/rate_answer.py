"""What `Contract/$participation` says of the rate: by which line and which arithmetic, under each agreement by which
the provider takes part, as far as the asker may see rates; nothing at all where they may not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from carecoord.actions.access.turn import Turn
from carecoord.actions.agreements import rates
from carecoord.actions.agreements.papers.clauses import parts as clause_parts
from carecoord.actions.agreements.papers.clauses import standing
from carecoord.domain.agreements.clauses import RATES
from carecoord.domain.agreements.prices import Candidate, Rate, Service, price
from carecoord.domain.agreements.rates import CLASSES
from carecoord.domain.agreements.versions import Version, amended_by
from carecoord.domain.resource.parties import Party
from carecoord.errors import Invalid
from carecoord.words.catalogue import say
from carecoord.words.sentence import sentence

Json = dict[str, Any]
_SHOWN: Final = 25  # rejected lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the question about the network has settled already."""

    day: date
    site: Party | None
    specialties: frozenset[str]
    networks: frozenset[str]  # their keys
    plan: str


def service(given: Mapping[str, str], around: Around) -> Service | None:
    """The service that is asked about; None where none is. Raises Invalid naming the argument."""
    if billed := given.get("billed"):
        _decimal(billed)
    if given.get("billing", "") not in CLASSES:
        raise Invalid(sentence("refusals.billing-professional-or-institutional"), "http.billing")
    if "service" not in given:
        return None
    system, _, code = given["service"].rpartition("|")
    modifiers = (each.strip().upper() for each in given.get("modifier", "").split(","))
    return Service(
        code=code.strip(),
        system=system,
        day=around.day,
        modifiers=frozenset(filter(None, modifiers)),
        places=frozenset({given["place"]}) if "place" in given else None,
        site=around.site,
        specialties=around.specialties or None,
        billing=given.get("billing", ""),
        business=given.get("business", ""),
        billed=_decimal(billed) if billed else None,
        networks=around.networks,
        plan=around.plan,
    )


def _decimal(said: str) -> Decimal:
    try:
        found = Decimal(said)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found < 0 or len(said) > 20:
        raise Invalid(sentence("refusals.billed-amount-such-as-125"), "http.billed")
    return found


def told(
    turn: Turn, asked: Service | None, contracts: Iterable[str], known: Mapping[str, Version], at: int | None
) -> list[tuple[str, Json]]:
    """The parameters of the rate under these versions in force: one for each agreement."""
    if asked is None:
        return []
    seen = [each for each in contracts if turn.sees_rates(each)]
    return [("rate", {"part": _under(turn, asked, each, known, at)}) for each in seen]


def priced(turn: Turn, asked: Service, contract: str, known: Mapping[str, Version]) -> Rate | None:
    """What is paid for a service under a version in force; None where the asker may not see it."""
    return _rate(turn, asked, amended_by(contract, known), None) if turn.sees_rates(contract) else None


def _under(turn: Turn, asked: Service, contract: str, known: Mapping[str, Version], at: int | None) -> list[Json]:
    chain = amended_by(contract, known)
    rate = _rate(turn, asked, chain, at)
    told = _parts(known[contract].number, rate)
    if rate.line and (clause := standing(turn, chain, at).get(f"{RATES}{rate.line.schedule.name}")):
        told.append({"name": "clause", "part": clause_parts(clause)})
    return told


def _rate(turn: Turn, asked: Service, chain: Sequence[str], at: int | None) -> Rate:
    found = rates.found(turn.conn, chain, asked.code, at)
    lines = [
        Candidate(schedule, line, chain.index(schedule.contract) if schedule.contract else 0)
        for schedule, line in found
    ]
    return price(asked, lines)


def _parts(number: str, rate: Rate) -> list[Json]:
    parts: list[tuple[str, Json]] = [
        ("status", {"valueCode": "unknown" if rate.amount is None else "known"}),
        ("reason", {"valueString": say(rate.reason)}),
        ("agreement", {"valueString": number}),
    ]
    if rate.amount is not None:
        parts.append(("amount", {"valueMoney": {"value": rate.amount, "currency": rate.currency}}))
    if rate.unit:
        parts.append(("unit", {"valueString": rate.unit}))
    if rate.line:
        parts += _line(rate.line)
    parts += [("wants", {"valueCode": each}) for each in rate.wants]
    parts += [("step", {"valueString": say(each)}) for each in rate.steps]
    for each, why in rate.rejected[:_SHOWN]:
        pair = (("line", each.name), ("reason", say(why)))
        parts.append(("rejected", {"part": [{"name": name, "valueString": text} for name, text in pair]}))
    return [{"name": name, **value} for name, value in parts]


def _line(found: Candidate) -> list[tuple[str, Json]]:
    line, end = found.line, found.line.days.end
    parts: list[tuple[str, Json]] = [
        ("method", {"valueCode": line.method}),
        ("schedule", {"valueString": found.schedule.name}),
    ]
    parts += [(name, {"valueString": text}) for name, text in (("line", line.line), ("page", line.page)) if text]
    return parts + ([("until", {"valueDate": end.isoformat()})] if end else [])
