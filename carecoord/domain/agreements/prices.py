"""What is paid for a service under an agreement on a day: by which line, by which arithmetic, and why by no other.

contracts.md 1.4, 5: an exact code before a range, a range before a category, that before a line for everything else; of
the same, the line that is narrower somewhere (modifiers, place, specialty, site, setting, billing class, network, plan,
line of business) and nowhere wider; of two that are for the same, the later version's. Lines of which neither is the
more exact and that come to different amounts are told, never picked from; so is a part of a line's key of which the
question says nothing, where it could change the answer. Then what is billed where that is less, the floor, the cap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from carecoord.domain.agreements.rates import RateLine, Schedule
from carecoord.domain.prior_auth.code_ranges import width, within
from carecoord.domain.prior_auth.question import Some, settings
from carecoord.domain.resource.parties import Party
from carecoord.fhir.code_systems import canonical
from carecoord.words.sentence import Sentence, joined, sentence

_NOWHERE: Final = -(10**6)
_CENT: Final = Decimal("0.01")
_DEEPEST: Final = 3  # fee schedules that refer to one another
# By these a part of the service, another share of it or a second surgeon is billed: what is paid is another amount.
_PAYMENT_MODIFIERS: Final = frozenset(
    ("22", "26", "50", "51", "52", "53", "54", "55", "56", "62", "66", "73", "74", "78", "80", "81", "82", "AS", "QK",
     "QX", "QY", "TC")
)  # fmt: skip
_PARTS: Final = {
    "place": sentence("rate.part.place"),
    "site": sentence("rate.part.site"),
    "specialty": sentence("rate.part.specialty"),
    "setting": sentence("rate.part.setting"),
    "billing": sentence("rate.part.billing"),
    "business": sentence("rate.part.business"),
    "billed": sentence("rate.part.billed"),
}
_BEFORE: Final = {
    4: sentence("rate.step.code"),
    3: sentence("rate.step.range"),
    2: sentence("rate.step.category"),
    1: sentence("rate.step.default"),
}
_REJECTED: Final = {
    "day": sentence("rate.rejected.day"),
    "code": sentence("rate.rejected.code"),
    "modifier": sentence("rate.rejected.modifier"),
    "place": sentence("rate.rejected.place"),
    "site": sentence("rate.rejected.site"),
    "specialty": sentence("rate.rejected.specialty"),
    "setting": sentence("rate.rejected.setting"),
    "billing": sentence("rate.rejected.billing"),
    "network": sentence("rate.rejected.network"),
    "plan": sentence("rate.rejected.plan"),
    "business": sentence("rate.rejected.business"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is asked about. None: nobody says. `modifiers`: all that are billed with it. `networks`: their keys."""

    code: str
    day: date
    system: str = ""
    modifiers: frozenset[str] = frozenset()
    places: Some = None
    site: Party | None = None
    specialties: Some = None
    billing: str = ""
    business: str = ""
    billed: Decimal | None = None
    networks: frozenset[str] = frozenset()
    plan: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line under its schedule. `age`: how many versions before the one in force it was agreed."""

    schedule: Schedule
    line: RateLine
    age: int = 0

    @property
    def name(self) -> str:
        """As people find it."""
        about = self.line.code and f"{self.line.code}{f'-{self.line.code_end}' if self.line.code_end else ''}"
        return f"{self.schedule.name}, {self.line.line or about or '*'}"

    @property
    def rank(self) -> tuple[int, int]:
        """How exactly it names the code."""
        line = self.line
        if not line.code:
            return 1, 0
        if width(line.code, line.code_end) == 1:
            return 4, 0
        return (2 if line.category else 3), -width(line.code, line.code_end)

    @property
    def narrowness(self) -> tuple[int, ...]:
        """How narrow it is in each other part of its key; the greater the narrower."""
        line, schedule = self.line, self.schedule
        return (
            len(line.modifiers),
            *(-len(each) if each else _NOWHERE for each in (line.places, line.specialties)),
            *map(bool, (line.site, line.setting, line.billing, schedule.network, schedule.plan, schedule.business)),
        )

    def beats(self, other: "Candidate") -> bool:
        """Whether it speaks where both do."""
        if self.rank != other.rank:
            return self.rank > other.rank
        mine, theirs = self.narrowness, other.narrowness
        if mine == theirs:
            return self.age < other.age
        return all(a >= b for a, b in zip(mine, theirs, strict=True))


@dataclass(frozen=True, slots=True)
class Rate:
    """`amount` is None where nobody can tell, and `reason` says why. `steps`: how it came about, in order."""

    reason: Sentence
    amount: Decimal | None = None
    currency: str = ""
    unit: str = ""
    line: Candidate | None = None
    steps: tuple[Sentence, ...] = ()
    rejected: tuple[tuple[Candidate, Sentence], ...] = ()
    wants: tuple[str, ...] = ()

    @property
    def outcome(self) -> tuple[Decimal | Sentence, str, str]:
        """What two lines have to agree in, that it does not matter which of them speaks."""
        return self.reason if self.amount is None else self.amount, self.currency, self.unit


@dataclass
class _Sorted:
    """The lines by what becomes of them."""

    best: list[Candidate] = field(default_factory=list)
    doubtful: list[tuple[Candidate, tuple[str, ...]]] = field(default_factory=list)
    rejected: list[tuple[Candidate, Sentence]] = field(default_factory=list)


def price(asked: Service, lines: Sequence[Candidate], deep: int = 0) -> Rate:
    """What is paid, by lines that may speak of the service: those of the agreement, and those of schedules that they
    refer to by name, which do not speak for themselves."""
    referred = {each.line.reference for each in lines if each.line.reference}
    own = [each for each in lines if each.schedule.contract and each.schedule.name not in referred]
    return _of(asked, own, lines, deep)


def _of(asked: Service, own: Sequence[Candidate], lines: Sequence[Candidate], deep: int) -> Rate:
    found = _sort(asked, own)
    rejected = tuple(found.rejected)
    said = [(each, _worth(asked, each, lines, deep)) for each in found.best]
    doubts = [(each, parts, _worth(asked, each, lines, deep)) for each, parts in found.doubtful]
    if not said and not doubts:
        return Rate(sentence("rate.none", code=asked.code), rejected=rejected)
    if len({rate.outcome for _, rate in said}) > 1:
        return replace(_tied(said), rejected=rejected)
    open_ = [(each, parts) for each, parts, rate in doubts if not said or rate.outcome != said[0][1].outcome]
    if open_:
        each, parts = open_[0]
        reason = sentence("rate.doubt", line=each.name, parts=joined([_PARTS[part] for part in parts]))
        return Rate(reason, rejected=rejected, wants=parts)
    best, rate = said[0]
    steps = (sentence("rate.step.line", line=best.name), *_precedence(found, best), *rate.steps)
    return replace(rate, line=best, steps=steps, rejected=rejected)


def _sort(asked: Service, own: Sequence[Candidate]) -> _Sorted:
    found = _Sorted()
    fitting: list[tuple[Candidate, tuple[str, ...]]] = []
    for each in own:
        unknown: list[str] = []
        for part, fits in _parts(asked, each):
            if fits is False:
                found.rejected.append((each, _REJECTED[part]))
                break
            if fits is None:
                unknown.append(part)
        else:
            fitting.append((each, tuple(unknown)))
    certain = [each for each, unknown in fitting if not unknown]
    certain = sorted(certain, key=lambda each: any(other.beats(each) for other in certain))
    for each, parts in fitting:
        over = next((other for other in certain if other.beats(each)), None)
        if over:
            found.rejected.append((each, sentence("rate.rejected.beaten", line=over.name)))
        elif parts:
            found.doubtful.append((each, parts))
        else:
            found.best.append(each)
    return found


def _parts(asked: Service, each: Candidate) -> Iterator[tuple[str, bool | None]]:
    """Each part of a line's key, and whether the question fits it; None: nobody knows."""
    line, schedule = each.line, each.schedule
    if line.code:
        same = not line.system or not asked.system or canonical(asked.system) == line.system
        yield "code", same and within(asked.code, line.code, line.code_end)
    yield "day", line.days.holds(asked.day)
    yield "modifier", line.modifiers <= asked.modifiers
    if line.places:
        yield "place", _one_of(asked.places, line.places)
    if line.site:
        yield "site", line.site in asked.site.keys if asked.site else None
    if line.specialties:
        yield "specialty", None if not asked.specialties else bool(line.specialties & asked.specialties)
    if line.setting:
        yield "setting", _one_of(settings(asked.places), frozenset({line.setting}))
    if line.billing:
        yield "billing", line.billing == asked.billing if asked.billing else None
    if schedule.network:
        yield "network", schedule.network in asked.networks
    if schedule.plan:
        yield "plan", schedule.plan == asked.plan
    if schedule.business:
        yield "business", schedule.business.casefold() == asked.business.casefold() if asked.business else None


def _one_of(mine: Some, wanted: frozenset[str]) -> bool | None:
    if mine is None:
        return None
    return True if mine <= wanted else False if mine.isdisjoint(wanted) else None


def _tied(said: Sequence[tuple[Candidate, Rate]]) -> Rate:
    first = said[0]
    other = next(each for each in said if each[1].outcome != first[1].outcome)
    return Rate(sentence("rate.tied", line=first[0].name, other=other[0].name))


def _precedence(found: _Sorted, best: Candidate) -> Iterator[Sentence]:
    if any(said.key == "rate.rejected.beaten" for _, said in found.rejected):
        yield _BEFORE[best.rank[0]]


def _worth(asked: Service, each: Candidate, lines: Sequence[Candidate], deep: int) -> Rate:
    """What a line comes to. A modifier that changes what is paid needs a line of its own."""
    line, currency = each.line, each.schedule.currency
    if left := sorted((asked.modifiers & _PAYMENT_MODIFIERS) - line.modifiers):
        return Rate(sentence("rate.modifier", modifier=left[0], line=each.name))
    made = _method(asked, each, lines, deep)
    if made.amount is None:
        return made
    amount, steps = made.amount, list(made.steps)
    if (rounded := amount.quantize(_CENT, ROUND_HALF_UP)) != amount and line.method not in ("negotiated", "derived"):
        steps.append(sentence("rate.step.rounded", amount=_plain(amount), rounded=_plain(rounded)))
        amount = rounded
    if line.lesser_of and asked.billed is None:
        return Rate(sentence("rate.lesser-of", amount=_plain(amount), currency=currency), wants=("billed",))
    if line.lesser_of and asked.billed is not None and asked.billed < amount:
        steps.append(sentence("rate.step.lesser-of", billed=_plain(asked.billed), amount=_plain(amount)))
        amount = asked.billed
    if line.least is not None and amount < line.least:
        steps.append(sentence("rate.step.floor", amount=_plain(line.least)))
        amount = line.least
    if line.most is not None and amount > line.most:
        steps.append(sentence("rate.step.cap", amount=_plain(line.most)))
        amount = line.most
    reason = sentence("rate.known", amount=_plain(amount), currency=currency, line=each.name)
    return Rate(reason, amount, currency, line.unit or _UNITS.get(line.method, ""), steps=tuple(steps))


_UNITS: Final = {"per-diem": "day", "case": "case", "capitation": "member-month"}


def _method(asked: Service, each: Candidate, lines: Sequence[Candidate], deep: int) -> Rate:
    """What the line's method comes to, before it is rounded and bounded."""
    line, said = each.line, sentence("rate.known", amount="", currency="", line=each.name)
    percent = line.percent or Decimal()
    if line.method == "percentage":
        if asked.billed is None:
            return Rate(sentence("rate.billed", percent=_plain(percent)), wants=("billed",))
        amount = asked.billed * percent / 100
        step = sentence("rate.step.percent", percent=_plain(percent), of=_plain(asked.billed), amount=_plain(amount))
        return Rate(said, amount, steps=(step,))
    if line.amount is None:
        return _share(asked, each, lines, deep)
    if line.method == "rvu" and line.factor is not None:
        amount = line.amount * line.factor
        step = sentence("rate.step.rvu", factor=_plain(line.factor), of=_plain(line.amount), amount=_plain(amount))
        return Rate(said, amount, steps=(step,))
    return Rate(said, line.amount, steps=(sentence("rate.step.amount", amount=_plain(line.amount)),))


def _share(asked: Service, each: Candidate, lines: Sequence[Candidate], deep: int) -> Rate:
    """A share of what another schedule says of the service."""
    line = each.line
    base = [other for other in lines if other.schedule.name == line.reference and other is not each]
    missing = sentence("rate.reference", percent=_plain(line.percent or Decimal()), schedule=line.reference)
    if not base or deep >= _DEEPEST:
        return Rate(missing)
    found = _of(asked, base, lines, deep + 1)
    if found.amount is None:
        return Rate(sentence("rate.reference.unknown", schedule=line.reference, reason=found.reason), wants=found.wants)
    if found.currency != each.schedule.currency:
        return Rate(missing)
    amount = found.amount * (line.percent or Decimal()) / 100
    step = sentence(
        "rate.step.share", percent=_plain(line.percent or Decimal()), of=_plain(found.amount),
        schedule=line.reference, amount=_plain(amount),
    )  # fmt: skip
    return Rate(missing, amount, steps=(*found.steps, step))


def _plain(amount: Decimal) -> str:
    """An amount as people write it: at least two decimals, and no digit less than it has."""
    shown = amount.normalize()
    return f"{shown.quantize(_CENT) if int(shown.as_tuple().exponent) > -2 else shown:f}"
