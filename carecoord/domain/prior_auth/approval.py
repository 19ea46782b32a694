"""Does an approved line cover the visit: performer, site, date and units left (units = authorized - booked - used)?

Each mismatch is a denial cause of its own (CARC 197, 198), so each has its own sentence."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from carecoord.domain.gates.gate import Action, Gate
from carecoord.domain.prior_auth.charges import Ledger, Use
from carecoord.domain.prior_auth.decisions import Line
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.prior_auth.requirements import Requirement
from carecoord.domain.prior_auth.ruling import CALL, CALL_DUE, AuthorizationState, GateInput, Ruling, Tally
from carecoord.domain.prior_auth.units import Amount
from carecoord.domain.resource.days import NEVER, Days, local
from carecoord.words.sentence import Sentence, Value, dated, joined, sentence


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


def suitable(line: Line, matter: GateInput) -> bool:
    """Whether an approved line covers the visit of the day in all but units."""
    return not any(check(line, matter) for check in CHECKS)


def granted(line: Line, request: Request, matter: GateInput, need: Requirement, pool: Iterable[int]) -> Ruling:
    """An approved line: met when every check passes, else open with the sentence of the first that does not. `pool`:
    the places in the ledger of all approvals that cover the visit but for units."""
    n = matter.ledger.account(request, line)
    together = Pool(line, matter.ledger.accounts[n].amount, frozenset((*pool, n)), matter.ledger)
    tally = together.tally(matter.order)
    failed = next((found for check in CHECKS if (found := check(line, matter))), None)
    if found := failed or _units(together, matter, tally):
        gate, remark = found
        over = line.days.end is not None and line.days.end <= local(matter.now, matter.policy.zone)
        chip: AuthorizationState = "expired" if gate.rule == "authorization.dates" and over else _chip(line)
        # What can not be counted must not look good in a list: the payer's own "approved" is green there.
        chip = "unknown" if gate.state == "unknown" and chip == "approved" else chip
        return Ruling(gate, chip, remark, line, request, need, tally)
    gate = Gate(rule="authorization.approved", state="met", reason=approved(line), evidence=line.evidence)
    return Ruling(gate, _chip(line), _left(line, tally), line, request, need, tally)


def numbered(line: Line) -> Value:
    """The payer's number of a line behind the word, nothing where it has none."""
    return sentence("numbered", number=line.number) if line.number else ""


def approved(line: Line) -> Sentence:
    """That a line is granted, whether as it was asked for, and until when."""
    number, ends = numbered(line), sentence("ends", day=dated(line.days.last)) if line.days.end else ""
    if line.state == "partly":
        return sentence("authorization.approved.in-part", number=number, until=ends)
    if line.state == "modified":
        return sentence("authorization.approved.changed", number=number, until=ends)
    return sentence("authorization.approved", number=number, until=ends)


def _chip(line: Line) -> AuthorizationState:
    return "approved" if line.state == "approved" else "partly"


def _left(line: Line, tally: Tally | None) -> Sentence | None:
    if tally and tally.total > 1:
        return tally.words
    return sentence("remark.until", day=dated(line.days.last)) if line.days.end else None


Found = tuple[Gate, Sentence | None] | None


def _part(line: Line, matter: GateInput) -> Found:
    if not line.vague:
        return None
    said = {
        "partly": sentence("authorization.part-unclear.in-part"),
        "modified": sentence("authorization.part-unclear.changed"),
    }.get(line.state, sentence("authorization.part-unclear"))
    return _unknown("authorization.part-unclear", said, line), None


def _unknown(rule: str, reason: Sentence, line: Line) -> Gate:
    """What only the payer can say."""
    return Gate(
        rule=rule,
        state="unknown",
        reason=reason,
        evidence=line.evidence,
        action=CALL,
        who="coordinator",
        due_label=CALL_DUE,
    )


def _performer(line: Line, matter: GateInput) -> Found:
    who = matter.referral.performer
    if who is None or line.names((who.organization, who.practitioner)):
        return None
    named = joined([each.name for each in line.providers])
    if not all(each.keys for each in line.providers):
        said = sentence("authorization.performer-unclear", named=named, who=who.named)
        return _unknown("authorization.performer-unclear", said, line), sentence("remark.names", named=named)
    gate = Gate(
        rule="authorization.performer",
        state="open",
        reason=sentence("authorization.performer", named=named, who=who.named),
        evidence=(*line.evidence, who.evidence),
        action=Action("change-provider", sentence("do.change-provider")),
        who="coordinator",
        due_label=sentence("due.change-performer"),
    )
    return gate, sentence("remark.names", named=named)


def _site(line: Line, matter: GateInput) -> Found:
    """Where a visit is, by its site and by its place of service."""
    site, places = matter.site, matter.known.places_at(matter.site)
    named: Value
    where: Value
    if site and not line.is_at(site):
        named, where = joined([each.name for each in line.sites]), site.name
    elif places and not line.is_in(places):
        named, where = _placed(line.places, line.place), _placed(places, site.name if site else "")
    else:
        return None
    gate = Gate(
        rule="authorization.site",
        state="open",
        reason=sentence("authorization.site", named=named, site=where),
        evidence=(*line.evidence, *matter.visit),
        action=Action("change-provider", sentence("do.change-provider.site")),
        who="coordinator",
        due_label=sentence("due.change-site"),
    )
    return gate, sentence("remark.for", named=named)


def _placed(places: frozenset[str], named: str) -> Value:
    """A place of service as people call it, else by its code."""
    return named if named and named not in places else sentence("place.by-code", code=", ".join(sorted(places)))


def _dates(line: Line, matter: GateInput) -> Found:
    if line.holds(matter.day):
        return None
    if line.spans == (NEVER,) or any(each.holds(matter.day) for each in line.doubt):
        return _unknown("authorization.dates-unclear", sentence("authorization.dates-unclear"), line), None
    reason, remark = _outside(line.near(matter.day), matter)
    gate = Gate(
        rule="authorization.dates",
        state="open",
        reason=reason,
        evidence=(*line.evidence, *matter.visit),
        action=Action("extend-authorization", sentence("do.extend-authorization")),
        who="coordinator",
        due_label=sentence("due.extend-approval"),
    )
    return gate, remark


def _outside(days: Days, matter: GateInput) -> tuple[Sentence, Sentence]:
    """How a day lies outside the days of an approval: as a reason, and as a remark. Days of a window are only to choose
    from; a visit is so many days off."""
    last, start = days.last, days.start
    if last and matter.day > last:
        if not matter.settled:
            return sentence("authorization.dates.ended", day=last), sentence("remark.ended", day=last)
        late = (matter.day - last).days
        return sentence("authorization.dates.past", n=late), sentence("remark.past", n=late)
    if not matter.settled:
        return sentence("authorization.dates.ahead", day=dated(start)), sentence("remark.from", day=dated(start))
    early = abs((matter.day - (start or matter.day)).days)
    return sentence("authorization.dates.before", n=early), sentence("remark.before", n=early)


def _units(pool: Pool, matter: GateInput, tally: Tally | None) -> Found:
    """Every visit of the order that these approvals serve has room in one of them, and so has the one of the day."""
    line = pool.line
    if pool.amount is None:
        return None
    if _has_room(pool, matter, tally):
        return _undated(line, matter, tally)
    if tally is None:
        amount = pool.amount.words()
        said = sentence("authorization.unit-kind", amount=amount)
        return _unknown("authorization.unit-kind", said, line), sentence("remark.for", named=amount)
    ours = partial(Gate, who="coordinator", evidence=line.evidence)
    if tally.unit.kind == "minutes" and any(
        use.minutes is None for use in matter.ledger.over if matter.order in use.orders
    ):
        said = sentence("authorization.duration", units=tally.unit.several)
        measure, due = Action("enter-duration", sentence("do.enter-duration")), sentence("due.enter-duration")
        gate = ours(rule="authorization.duration", state="unknown", reason=said, action=measure, due_label=due)
        return gate, sentence("remark.length-unknown")
    more = Action("extend-authorization", sentence("do.extend-authorization.units", units=tally.unit.several))
    gate = ours(
        rule="authorization.units",
        state="open",
        reason=tally.full,
        evidence=(*line.evidence, *matter.visit),
        action=more,
        due_label=more.label,
    )
    return gate, _left(line, tally)


def _undated(line: Line, matter: GateInput, tally: Tally | None) -> Found:
    """Visits of which nothing says when may have used up what seems to be left."""
    n = matter.ledger.undated
    if tally is None or not n or (tally.unit.kind != "minutes" and tally.left >= n):
        return None
    gate = Gate(
        rule="authorization.undated",
        state="unknown",
        reason=sentence("authorization.undated", n=n),
        evidence=line.evidence,
        action=Action("enter-date", sentence("do.enter-date")),
        who="coordinator",
        due_label=sentence("due.enter-date"),
    )
    return gate, sentence("remark.date-unknown")


def _has_room(pool: Pool, matter: GateInput, tally: Tally | None) -> bool:
    """Whether the visits of the day are charged to these approvals, or another would fit, and none of the order is left
    without."""
    everywhere = pool.charged(range(len(matter.ledger.accounts)))
    inside = {id(use) for use in pool.charged(pool.accounts)}
    today = [use for use in everywhere if _of_day(use, matter)]
    late = any(_of_day(use, matter) for use in matter.ledger.over) or bool(tally and tally.here)
    return not late and (all(id(use) in inside for use in today) if today else pool.room)


def _of_day(use: Use, matter: GateInput) -> bool:
    return use.day == matter.day and matter.order in use.orders


CHECKS = (_part, _performer, _site, _dates)
