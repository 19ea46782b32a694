"""Which visit uses up which approval. What a payer authorizes belongs to the authorization, not to one referral: visits
of every order that speaks of it count, each once, against one approval that has room.

Pure arithmetic: for every account, used + booked + left = authorized, in the account's own kind of units."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from fractions import Fraction

from carecoord.domain.prior_auth.decisions import Line
from carecoord.domain.prior_auth.question import Some
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.prior_auth.requirements import Codes
from carecoord.domain.prior_auth.review_action import GRANTED
from carecoord.domain.prior_auth.units import Amount
from carecoord.domain.resource.days import When
from carecoord.domain.resource.parties import Party


@dataclass(frozen=True, slots=True)
class Use:
    """A visit, done or booked. `keys`: its Appointment and Encounter, by which two orders mean the same one. `card`:
    the card in force on its day, `services`, `performer` and `modifiers` those of its order; `places`: of service, at
    which it may be. None: nobody says."""

    keys: frozenset[str]
    orders: frozenset[str]
    day: date
    done: bool
    at: datetime
    made: When
    minutes: Fraction | None
    site: Party | None
    card: str
    services: Codes
    performer: tuple[Party, ...] = ()
    modifiers: Some = None
    places: Some = None


@dataclass(frozen=True, slots=True)
class Account:
    """One authorization: the lines of its statements, the newest first (copies of several systems share its number)."""

    lines: tuple[tuple[Request, Line], ...]

    @property
    def amount(self) -> Amount | None:
        """How much was authorized, None when it is not counted."""
        return self.lines[0][1].amount

    @property
    def countable(self) -> bool:
        """Whether visits can be charged to it: it counts nothing, or something that visits can be counted in."""
        return self.amount is None or self.amount.counted

    @property
    def orders(self) -> frozenset[str]:
        """Every order that speaks of it."""
        return frozenset[str]().union(*(request.orders for request, _ in self.lines))

    @property
    def last(self) -> date:
        """The day after its last, the end of all days when it goes on."""
        return max((line.days.end or date.max for _, line in self.lines), default=date.max)

    def serves(self, use: Use) -> bool:
        """Whether the visit is one that it was given for: order, service, day, insurance. On a day that only one
        reading of its days has (`Line.doubt`) the payer may count it: what it took is not there for another."""
        return any(
            not request.orders.isdisjoint(use.orders)
            and line.covers(use.services)
            and line.suits(use.modifiers)
            and any(each.holds(use.day) for each in (*line.spans, *line.doubt))
            and not (use.card and use.card in request.elsewhere)
            for request, line in self.lines
        )

    def suits(self, use: Use) -> tuple[bool, bool, bool]:
        """Whether day, insurance, and performer and site are certainly those that it names: what is charged first."""
        return (
            any(line.holds(use.day) for _, line in self.lines),
            any(use.card in request.coverages for request, _ in self.lines),
            any(
                (not use.performer or line.names(use.performer))
                and line.is_at(use.site)
                and line.is_in(use.places)
                for _, line in self.lines
            ),
        )

    def spent(self, uses: Iterable[Use]) -> Fraction | None:
        """What these visits use up, in units of the amount; None where it can not be told."""
        held, amount = list(uses), self.amount
        if amount is None:
            return Fraction(0)
        if amount.kind == "visits":
            return Fraction(len(held))
        if amount.kind == "days":
            return Fraction(len({use.day for use in held}))
        if amount.kind == "minutes" and all(use.minutes is not None for use in held):
            return sum((use.minutes for use in held if use.minutes is not None), Fraction(0)) / amount.minutes
        return Fraction(0) if not held else None

    def holds(self, uses: Iterable[Use]) -> bool:
        """Whether there is room for all of these."""
        if self.amount is None:
            return True
        spent = self.spent(uses)
        return spent is not None and spent <= self.amount.count


@dataclass(frozen=True)
class Ledger:
    """Every visit where it is charged. `over`: those that every account which serves them has no room for. `undated`:
    how many visits there are of which nothing says when, and so whether any account serves them."""

    accounts: tuple[Account, ...]
    charged: tuple[tuple[Use, ...], ...]
    over: tuple[Use, ...]
    undated: int = 0

    def account(self, request: Request, line: Line) -> int:
        """The place of a line's account."""
        return next(n for n, each in enumerate(self.accounts) if any(r is request and x is line for r, x in each.lines))

    def left(self, n: int) -> Fraction:
        """What is left of a counted account, in its own units."""
        amount, spent = self.accounts[n].amount, self.accounts[n].spent(self.charged[n])
        return amount.count - spent if amount and spent is not None else Fraction(0)


def accounts(requests: Sequence[Request]) -> tuple[Account, ...]:
    """The authorizations among the answers. Statements of one payer under one number, about days that meet, are one
    authorization said again, and the latest says how much it is."""
    found: list[list[tuple[Request, Line]]] = []
    granted = [(r, line) for r in requests for line in r.lines if line.state in GRANTED]
    for request, line in sorted(granted, key=lambda pair: _newness(pair[0]), reverse=True):
        same = (each for each in found if _again(each[0], (request, line)))
        known = next(same, None)
        if known:
            known.append((request, line))
        else:
            found.append([(request, line)])
    return tuple(Account(tuple(each)) for each in found)


def sharing(found: Sequence[Account], order: str) -> tuple[tuple[Account, ...], frozenset[str]]:
    """The accounts that an order draws on, those that the other orders of these draw on, and so on; and all these
    orders."""
    orders, kept = frozenset({order}), list[Account]()
    left = list(found)
    while near := [each for each in left if not each.orders.isdisjoint(orders)]:
        kept += near
        left = [each for each in left if each not in near]
        orders = orders.union(*(each.orders for each in near))
    return tuple(each for each in found if each in kept), orders


def _newness(request: Request) -> tuple[float, str]:
    at = request.decided or request.received
    return at.timestamp() if at else 0.0, request.key


def _again(one: tuple[Request, Line], other: tuple[Request, Line]) -> bool:
    (asked, said), (before, line) = one, other
    return (
        asked is not before
        and not set(said.numbers).isdisjoint(line.numbers)
        and bool(asked.payer and asked.payer.same(before.payer))
        and said.covers(line.codes)
        and said.suits(line.modifiers)
        and any(not one.clip(other).empty for one in said.spans for other in line.spans)
    )


def charge(
    found: Sequence[Account], uses: Iterable[Use], first: Callable[[Use], int] = lambda _: 0, undated: int = 0
) -> Ledger:
    """Charge each visit to one account with room. Visits that took place come first, then by `first` (the order that
    the request itself names before one that only cites its answer), then what was booked first. A visit that finds no
    room may push another to an account that serves both, so as many as possible are covered."""
    books = _Books(tuple(found), tuple([] for _ in found))
    over = []
    for use in sorted(_merged(uses), key=lambda u: (not u.done, first(u), _booked(u), u.at, sorted(u.keys))):
        serving = books.serving(use)
        if serving and not books.place(use, set()):
            over.append(use)
    return Ledger(books.accounts, tuple(tuple(each) for each in books.charged), tuple(over), undated)


def _booked(use: Use) -> tuple[datetime, int]:
    """When it was booked, as far as the Appointment says so, which is before it takes place."""
    return (use.made.begins, use.made.precision) if use.made.precision else (use.at, 4)


def _merged(uses: Iterable[Use]) -> list[Use]:
    """One visit that is for several orders is one: what took place speaks before what was booked."""
    found: list[Use] = []
    for use in sorted(uses, key=lambda u: not u.done):
        same = next((n for n, each in enumerate(found) if each.keys & use.keys), None)
        if same is None:
            found.append(use)
        else:
            each = found[same]
            keys, orders, services = each.keys | use.keys, each.orders | use.orders, each.services | use.services
            said = each.modifiers | use.modifiers if each.modifiers and use.modifiers else None
            found[same] = replace(each, keys=keys, orders=orders, services=services, modifiers=said)
    return found


@dataclass(frozen=True, slots=True)
class _Books:
    accounts: tuple[Account, ...]
    charged: tuple[list[Use], ...]
    known: dict[frozenset[str], list[int]] = field(default_factory=dict)

    def serving(self, use: Use) -> list[int]:
        """The accounts that serve a visit: those certainly its own first, of these the one that ends first, the
        uncounted last."""
        if use.keys not in self.known:
            found = [n for n, a in enumerate(self.accounts) if a.countable and a.serves(use)]
            self.known[use.keys] = sorted(found, key=lambda n: self._rank(n, use))
        return self.known[use.keys]

    def _rank(self, n: int, use: Use) -> tuple[bool, bool, bool, bool, date, int]:
        account = self.accounts[n]
        day, card, place = account.suits(use)
        return not day, not card, not place, account.amount is None, account.last, n

    def place(self, use: Use, tried: set[int]) -> bool:
        """Charge a visit; True when there was room, or room could be made by moving another. `tried`: accounts that
        have been asked to make room already (the augmenting path of bipartite matching)."""
        serving = [n for n in self.serving(use) if n not in tried]
        for n in serving:
            if self.accounts[n].holds([*self.charged[n], use]):
                self.charged[n].append(use)
                return True
        for n in serving:
            if n not in tried:
                tried.add(n)
                if self._made_room(n, use, tried):
                    self.charged[n].append(use)
                    return True
        return False

    def _made_room(self, n: int, use: Use, tried: set[int]) -> bool:
        for other in list(self.charged[n]):
            rest = [each for each in self.charged[n] if each is not other]
            if self.accounts[n].holds([*rest, use]):
                self.charged[n][:] = rest
                if self.place(other, tried):
                    return True
                self.charged[n][:] = [*rest, other]
        return False
