"""What our own record says of a payer: how often it takes a denial back, and how near a provider is to being spared
requests for a service (a gold card). A rate is only told with how many stand behind it, and never of fewer than ten.
Pure.

Clause: Texas HB 3459 (Insurance Code 4201.653): at least five requests for a service and 90 % of them approved in the
six months looked at."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

ENOUGH: Final = 10  # decided appeals, fewer of which make no rate
LEAST: Final = 5  # requests for a service, of which an exemption may come
GOLD: Final = 90  # percent approved
NEAR: Final = 80  # percent from which somebody is near it
_APPROVED: Final = "approved"  # as it was asked for: what was changed or cut is no approval (HB 3459, 28 TAC 19.1730)
_DECIDED: Final = frozenset({"approved", "modified", "partly", "denied"})


@dataclass(frozen=True, slots=True)
class Odds:
    """How often a payer took a denial back on appeal: `back` of `n` that it answered. `by`: what they have in common
    with the one asked about, the narrowest that has enough of them; `payer` with too few where none has."""

    by: Literal["reason", "code", "payer"]
    n: int
    back: int

    @property
    def rate(self) -> int | None:
        """Percent; None of too few."""
        return round(100 * self.back / self.n) if self.n >= ENOUGH else None


@dataclass(frozen=True, slots=True)
class Standing:
    """A provider's requests for one service to one payer: `approved` of `n`."""

    payer: str
    service: str
    code: str
    provider: str
    n: int
    approved: int

    @property
    def percent(self) -> int:
        """Approved of those decided, rounded down: nobody is told to be over a mark that they are under."""
        return 100 * self.approved // self.n

    @property
    def state(self) -> Literal["gold", "near", "few", "below"]:
        """At the mark, near it, too few to tell, or below."""
        if self.n < LEAST:
            return "few"
        return "gold" if self.percent >= GOLD else "near" if self.percent >= NEAR else "below"

    @property
    def lacking(self) -> int:
        """How many further requests, all approved, would bring it to the mark."""
        more = 0
        while self.n + more < LEAST or 100 * (self.approved + more) < GOLD * (self.n + more):
            more += 1
        return more


def odds(said: Sequence[tuple[str, str, bool]], code: str, reason: str) -> Odds:
    """What became of appeals like one about a code, denied for a reason. said: (code, reason, whether it was taken
    back) of each that the payer answered."""
    alike = {
        "reason": [back for each, why, back in said if each == code and why == reason],
        "code": [back for each, _, back in said if each == code],
    }
    if len(alike["reason"]) >= ENOUGH:
        return Odds("reason", len(alike["reason"]), sum(alike["reason"]))
    if len(alike["code"]) >= ENOUGH:
        return Odds("code", len(alike["code"]), sum(alike["code"]))
    return Odds("payer", len(said), sum(back for _, _, back in said))


def standings(decided: Iterable[Any]) -> list[Standing]:
    """Of rows that were decided (payer_key, payer_name, code, service, provider, state): where each provider stands
    with each payer for each code, those nearest to the mark first."""
    found: dict[tuple[str, str, str], list[Any]] = {}
    for row in decided:
        if row.payer_key and row.code and row.provider and row.state in _DECIDED:
            found.setdefault((row.payer_key, row.code, row.provider), []).append(row)
    made = [
        Standing(
            rows[0].payer_name or payer, rows[0].service, code, provider, len(rows),
            sum(row.state == _APPROVED for row in rows),
        )
        for (payer, code, provider), rows in found.items()
    ]  # fmt: skip
    order = {"gold": 0, "near": 1, "below": 2, "few": 3}
    return sorted(made, key=lambda each: (order[each.state], -each.percent, each.payer, each.code, each.provider))
