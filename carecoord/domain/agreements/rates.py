"""What is paid for what under an agreement: schedules of rates, and their lines.

A schedule belongs to one version of an agreement (`Contract/id`), by its name; one of no agreement is a fee schedule
that others refer to by name. Money and shares are exact decimals. Shape: CMS Transparency in Coverage 2.1.0, in-network
(negotiated_type, expiration_date 9999-12-31 for none); contracts.md 1.3."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, get_args

from carecoord.domain.prior_auth.code_ranges import sound
from carecoord.domain.resource.days import ALWAYS, Days
from carecoord.words.sentence import Sentence, sentence

# `amount` is paid for a unit: `negotiated`; `derived`, which the payer worked out for a part of a package; `per-diem`
# for a day, `case` for a whole stay, `capitation` for a member and month whatever is done. `fee-schedule`: a percent of
# what the schedule named `reference` says, or what it comes to. `percentage`: a percent of what is billed. `rvu`:
# `factor` units of relative value at `amount` each.
Method = Literal["negotiated", "derived", "fee-schedule", "percentage", "per-diem", "case", "capitation", "rvu"]
METHODS: Final[tuple[Method, ...]] = get_args(Method)
SETTINGS: Final = ("", "inpatient", "outpatient")
CLASSES: Final = ("", "professional", "institutional")
_WHOEVER: Final[frozenset[str]] = frozenset()
_LONGEST: Final = 200  # characters of a text that an index or a page shows
_DIGITS: Final = 18  # of an amount, on both sides of its point


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`contract`: `Contract/id` of the version, empty for one that others refer to. Where `network` (its key), `plan`
    (the number on cards) or `business` (line of business) is empty, it is for all of them."""

    contract: str
    name: str
    network: str = ""
    plan: str = ""
    business: str = ""
    currency: str = "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLine:
    """One line. What is empty or None does not matter to it. Without a code it is for every service that no other line
    is for. `category`: what the payer calls the services of a wide range. All of its `modifiers` have to be billed; of
    several places of service or specialties (folded words or codes) one will do. `site`: `Location/id`. `lesser_of`:
    never more than what is billed. `least`, `most`: the floor and the cap. `line`: as people find it in its source."""

    method: Method
    amount: Decimal | None = None
    percent: Decimal | None = None
    factor: Decimal | None = None
    reference: str = ""
    system: str = ""
    code: str = ""
    code_end: str = ""
    category: str = ""
    modifiers: frozenset[str] = _WHOEVER
    places: frozenset[str] = _WHOEVER
    specialties: frozenset[str] = _WHOEVER
    site: str = ""
    setting: str = ""
    billing: str = ""
    lesser_of: bool = False
    least: Decimal | None = None
    most: Decimal | None = None
    unit: str = ""
    days: Days = ALWAYS
    line: str = ""
    page: str = ""  # of the paper

    @property
    def numbers(self) -> dict[str, Decimal | None]:
        """Every amount and share by its name."""
        return {name: getattr(self, name) for name in ("amount", "percent", "factor", "least", "most")}


def faults(line: RateLine) -> Iterator[tuple[str, Sentence]]:
    """What is wrong with a line: the field, and why."""
    for name, value in line.numbers.items():
        if value is not None and not _is_sound(value):
            yield name, sentence("rate.fault.number")
    yield from _missing(line)
    if line.code_end and not sound(line.code, line.code_end):
        yield "code_end", sentence("rate.fault.range", first=line.code, last=line.code_end)
    if line.category and not line.code:
        yield "code", sentence("rate.fault.category")
    if line.setting not in SETTINGS:
        yield "setting", sentence("rate.fault.setting", value=line.setting)
    if line.billing not in CLASSES:
        yield "billing", sentence("rate.fault.billing", value=line.billing)
    if line.days.empty:
        yield "days", sentence("rate.fault.days")
    if line.least is not None and line.most is not None and line.least > line.most:
        yield "least", sentence("rate.fault.bounds")
    texts = (line.reference, line.system, line.code, line.code_end, line.category, line.site, line.unit, line.line)
    if any(len(each) > _LONGEST or "\0" in each for each in texts):
        yield "line", sentence("rate.fault.long", most=_LONGEST)


def _missing(line: RateLine) -> Iterator[tuple[str, Sentence]]:
    """What the method needs and the line lacks."""
    if line.method not in METHODS:
        yield "method", sentence("rate.fault.method", value=line.method)
    elif line.method == "percentage":
        if line.percent is None:
            yield "percent", sentence("rate.fault.percent")
    elif line.method == "fee-schedule":
        if line.amount is None and (line.percent is None or not line.reference):
            yield "percent", sentence("rate.fault.fee-schedule")
    elif line.amount is None:
        yield "amount", sentence("rate.fault.amount")
    elif line.method == "rvu" and line.factor is None:
        yield "factor", sentence("rate.fault.factor")


def _is_sound(value: Decimal) -> bool:
    if not value.is_finite() or value < 0:
        return False
    exponent = int(value.as_tuple().exponent)
    return exponent >= -_DIGITS and value.adjusted() < _DIGITS
