"""Does an approved line cover the visit: performer, site, date and units left (units = authorized - booked - used)?

Each mismatch is a denial cause of its own (CARC 197, 198), so each has its own sentence."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from carecoord.domain.gates.gate import Action, Gate
from carecoord.domain.prior_auth.charges import Ledger, Use
from carecoord.domain.prior_auth.decisions import Line
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.prior_auth.requirements import Requirement
from carecoord.domain.prior_auth.ruling import CALL, Matter, Ruling, Tally, verdict
from carecoord.domain.prior_auth.units import Amount
from carecoord.domain.resource.days import NEVER, counted, local, spoken


@dataclass(frozen=True, slots=True)
class Pool:
    """The approvals that together cover the visit of a day, of which `line` is the one to judge: a visit may be charged
    to any of them."""

    line: Line
    amount: Amount | None
    accounts: frozenset[int]  # places in the ledger
    ledger: Ledger

    @property
    def peers(self) -> frozenset[int]:
        """Those that count what this line counts."""
        return frozenset(n for n in self.accounts if self.amount and self.amount.alike(self.ledger.accounts[n].amount))

    def tally(self, order: str) -> Tally | None:
        """What is authorized and left in all; None where nothing is counted."""
        if self.amount is None or not self.amount.counted:
            return None
        held = self.ledger.accounts
        total = sum((a.count for n in self.peers if (a := held[n].amount)), Fraction(0))
        left = sum((self.ledger.left(n) for n in self.peers), Fraction(0))
        over = [use for use in self.ledger.over if any(held[n].serves(use) for n in self.peers)]
        here = sum(order in use.orders for use in over)
        return Tally(self.amount, total, left, here, len(over) - here)

    def charged(self, uses: Iterable[int]) -> list[Use]:
        """The visits that these accounts carry."""
        return [use for n in uses for use in self.ledger.charged[n]]

    @property
    def room(self) -> bool:
        """Whether another visit fits, of which nothing is known yet but its day."""
        return any(self._fits_another(n) for n in self.accounts)

    def _fits_another(self, n: int) -> bool:
        amount = self.ledger.accounts[n].amount
        if amount is None:
            return True
        left = self.ledger.left(n)
        return amount.counted and (left > 0 if amount.kind == "minutes" else left >= 1)


def suitable(line: Line, matter: Matter) -> bool:
    """Whether an approved line covers the visit of the day in all but units."""
    return not any(check(line, matter) for check in CHECKS)


def granted(line: Line, request: Request, matter: Matter, need: Requirement, pool: Iterable[int]) -> Ruling:
    """An approved line: met when every check passes, else open with the sentence of the first that does not. `pool`:
    the places in the ledger of all approvals that cover the visit but for units."""
    n = matter.ledger.account(request, line)
    together = Pool(line, matter.ledger.accounts[n].amount, frozenset((*pool, n)), matter.ledger)
    tally = together.tally(matter.order)
    failed = next((found for check in CHECKS if (found := check(line, matter))), None)
    if found := failed or _units(together, matter, tally):
        gate, note = found
        over = line.days.end is not None and line.days.end <= local(matter.now, matter.policy.zone)
        chip = "expired" if gate.rule == "authorization.dates" and over else _chip(line)
        # What can not be counted must not look good in a list: the payer's own "approved" is green there.
        chip = "unknown" if gate.state == "unknown" and chip == "approved" else chip
        return Ruling(gate, chip, note, line, request, need, tally)
    number = f" {line.number}" if line.number else ""
    until = f", until {spoken(line.days.last)}" if line.days.end else ""
    words = {"partly": "approved in part", "modified": "approved with changes"}.get(line.state, "approved")
    gate = verdict("met", f"Authorization{number} is {words}{until}.", "approved", line.evidence)
    return Ruling(gate, _chip(line), _left(line, tally), line, request, need, tally)


def _chip(line: Line) -> str:
    return "approved" if line.state == "approved" else "partly"


def _left(line: Line, tally: Tally | None) -> str:
    if tally and tally.total > 1:
        return tally.words
    return f"Until {spoken(line.days.last)}" if line.days.end else ""


Found = tuple[Gate, str] | None


def _part(line: Line, matter: Matter) -> Found:
    if not line.vague:
        return None
    reason = {
        "partly": "The payer approved a part without saying how much.",
        "modified": "The payer approved it with changes without saying what was granted.",
    }.get(line.state, "How much the payer approved can not be read in its answer.")
    return verdict("unknown", reason, "part-unclear", line.evidence, CALL, "coordinator", label="Call the payer"), ""


def _performer(line: Line, matter: Matter) -> Found:
    who = matter.referral.performer
    if line.provider is None or who is None:
        return None
    if line.provider.same(who.organization) or line.provider.same(who.practitioner):
        return None
    reason = f"The approval names {line.provider.name}; the referral is with {who.name}: ask the payer to change it."
    action = Action("change-provider", "Ask the payer to change the performer")
    return verdict(
        "open", reason, "performer", (*line.evidence, who.evidence), action, "coordinator", label="Change performer"
    ), f"Names {line.provider.name}"


def _site(line: Line, matter: Matter) -> Found:
    site = matter.site
    if line.site is None or site is None or line.site.same(site):
        return None
    reason = f"The approval is for {line.site.name}; the visit is at {site.name}: ask the payer to change it."
    action = Action("change-provider", "Ask the payer to change the site")
    return verdict(
        "open", reason, "site", (*line.evidence, *matter.visit), action, "coordinator", label="Change site"
    ), f"For {line.site.name}"


def _dates(line: Line, matter: Matter) -> Found:
    if line.days.holds(matter.day):
        return None
    if line.days == NEVER:
        reason = "The dates of the approval can not be read in the payer's answer."
        return verdict(
            "unknown", reason, "dates-unclear", line.evidence, CALL, "coordinator", label="Call the payer"
        ), ""
    last, start = line.days.last, line.days.start
    n = counted(abs((matter.day - (last if last and matter.day > last else start or matter.day)).days), "day")
    if not matter.settled:
        over = bool(last and matter.day > last)
        reason = (
            f"The approval ended on {spoken(last)}: extend it."
            if over
            else f"The approval starts on {spoken(start)} only."
        )
        note = f"Ended {spoken(last)}" if over else f"From {spoken(start)}"
    elif last and matter.day > last:
        reason, note = f"Visit is {n} past the approval: extend or move.", f"Visit {n} past it"
    else:
        reason, note = (
            f"Visit is {n} before the approval starts: move it, or ask for an earlier start.",
            f"Visit {n} before it",
        )
    action = Action("extend-authorization", "Extend the approval")
    return verdict(
        "open", reason, "dates", (*line.evidence, *matter.visit), action, "coordinator", label="Extend approval"
    ), note


def _units(pool: Pool, matter: Matter, tally: Tally | None) -> Found:
    """Every visit of the order that these approvals serve has room in one of them, and so has the one of the day."""
    line = pool.line
    if pool.amount is None:
        return None
    if _has_room(pool, matter, tally):
        return _undated(line, matter, tally)
    if tally is None:
        reason = f"The approval is for {pool.amount.words()}: how many visits that is only the payer can say."
        note = f"For {pool.amount.words()}"
        return verdict("unknown", reason, "unit-kind", line.evidence, CALL, "coordinator", label="Call the payer"), note
    if tally.unit.kind == "minutes" and any(
        use.minutes is None for use in matter.ledger.over if matter.order in use.orders
    ):
        reason = f"The approval counts {tally.unit.plural}; how long the visit lasts is not known: enter when it ends."
        measure = Action("enter-duration", "Enter when the visit ends")
        found = verdict("unknown", reason, "duration", line.evidence, measure, "coordinator", label="Enter duration")
        return found, "Length not known"
    action = Action("extend-authorization", f"Ask for more {tally.unit.plural}")
    proof = (*line.evidence, *matter.visit)
    return verdict("open", tally.full, "units", proof, action, "coordinator", label=action.label), _left(line, tally)


def _undated(line: Line, matter: Matter, tally: Tally | None) -> Found:
    """Visits of which nothing says when may have used up what seems to be left."""
    n = matter.ledger.undated
    if tally is None or not n or (tally.unit.kind != "minutes" and tally.left >= n):
        return None
    reason = f"{counted(n, 'visit')} without a date may have used up what is left: enter when."
    action = Action("enter-date", "Enter when the visit was")
    return verdict(
        "unknown", reason, "undated", line.evidence, action, "coordinator", label="Enter date"
    ), "Date not known"


def _has_room(pool: Pool, matter: Matter, tally: Tally | None) -> bool:
    """Whether the visits of the day are charged to these approvals, or another would fit, and none of the order is left
    without."""
    everywhere = pool.charged(range(len(matter.ledger.accounts)))
    inside = {id(use) for use in pool.charged(pool.accounts)}
    today = [use for use in everywhere if _of_day(use, matter)]
    late = any(_of_day(use, matter) for use in matter.ledger.over) or bool(tally and tally.here)
    return not late and (all(id(use) in inside for use in today) if today else pool.room)


def _of_day(use: Use, matter: Matter) -> bool:
    return use.day == matter.day and matter.order in use.orders


CHECKS = (_part, _performer, _site, _dates)
