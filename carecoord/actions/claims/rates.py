"""What the agreement pays for a line of a claim, by the derivation of Contract/$participation, with the proof. Where
nobody can tell, that is said; nothing is set against a guess."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from carecoord.actions.access.turn import Turn
from carecoord.actions.agreements import participation
from carecoord.domain.agreements.prices import Rate
from carecoord.domain.prior_auth.x12.remittance import Service
from carecoord.errors import Invalid, NotFound
from carecoord.words.sentence import Sentence, sentence

_ONCE: Final = frozenset({"case", "percentage"})  # paid once for the line, however many units it has
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Expected:
    """What is to be paid for a line; None where nobody can tell, and the steps say why."""

    amount: Decimal | None
    contract: str
    number: str
    steps: tuple[Sentence, ...]


def expected(turn: Turn, office: str, payer: str, plan: str, day: date, line: Service) -> Expected:
    """What the agreements of an office (id) with a payer (id) pay for a line on a day."""
    units = line.units if line.units is not None and line.units > 0 else Decimal(1)
    given: Mapping[str, str] = {
        "provider": f"Organization/{office}", "payer": f"Organization/{payer}", "plan": plan, "service": line.code,
        "modifier": ",".join(line.modifiers), "billed": f"{line.charge:f}",
    }  # fmt: skip
    try:
        found = participation.priced(turn, {name: said for name, said in given.items() if said}, day)
    except (Invalid, NotFound) as why:
        return Expected(None, "", "", (sentence("claims.proof.unknown", why=why.said),))
    if not found:
        return Expected(None, "", "", (sentence("claims.proof.no-agreement"),))
    known = [(contract, number, rate) for contract, number, rate in found if rate.amount is not None]
    sums = {_sum(rate, units) for _, _, rate in known}
    if not known or len(sums) > 1:
        steps = tuple(rate.reason for _, _, rate in found) if not known else (sentence("claims.proof.several"),)
        return Expected(None, "", "", steps)
    contract, number, rate = known[0]
    total = sums.pop()
    if total is None:
        return Expected(None, contract, number, (*rate.steps, sentence("claims.proof.by-month")))
    count = Decimal(1) if _is_once(rate) else units
    said = sentence("claims.proof.sum", amount=f"{rate.amount:.2f}", units=f"{count.normalize():f}",
                    total=f"{total:.2f}")  # fmt: skip
    return Expected(total, contract, number, (*rate.steps, said))


def _is_once(rate: Rate) -> bool:
    return rate.line is not None and rate.line.line.method in _ONCE


def _sum(rate: Rate, units: Decimal) -> Decimal | None:
    """What a rate comes to for so many units; None for one that is paid by the month, whatever is done."""
    if rate.amount is None or (rate.line and rate.line.line.method == "capitation"):
        return None
    return (rate.amount * (Decimal(1) if _is_once(rate) else units)).quantize(_CENT)
