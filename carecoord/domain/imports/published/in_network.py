"""What a payer publishes of its negotiated rates (CMS Transparency in Coverage, in-network file 2.x, 45 CFR 147.212),
as lines of a schedule. What the file says and a line can not is refused with words, never kept as something else.

Layout: CMSgov/price-transparency-guide, schemas/in-network-rates: in_network, negotiated_rates, negotiated_prices,
provider_groups or provider_references, `9999-12-31` for no end, `CSTM-ALL` for every service."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from carecoord.domain.agreements import rates
from carecoord.domain.agreements.rates import Method, RateLine
from carecoord.domain.imports.rules import SYSTEMS
from carecoord.domain.resource.days import Days, shifted
from carecoord.domain.resource.elements import Json, items, text
from carecoord.words.sentence import Sentence, sentence

_SYSTEMS: Final = {"CPT": SYSTEMS["CPT"], "HCPCS": SYSTEMS["HCPCS"], "CDT": SYSTEMS["CDT"], "RC": SYSTEMS["Revenue"]}
_EVERY: Final = "CSTM-ALL"  # type of a price for every service
_ALL: Final = "CSTM-00"  # every code of a type, and every place
_METHODS: Final[Mapping[str, Method]] = {
    "negotiated": "negotiated", "derived": "derived", "fee schedule": "fee-schedule", "percentage": "percentage",
    "per diem": "per-diem",
}  # fmt: skip
NO_END: Final = "9999-12-31"


@dataclass(frozen=True)
class Us:
    """Whose rates are looked for: numbers of ten digits (NPI), and of the tax office, digits alone."""

    npis: frozenset[str]
    tins: frozenset[str]

    def are(self, group: Json) -> bool:
        """Whether a group of providers is one of ours: by the tax number that it bills under; a group that bills under
        an NPI, or of which one of ours is a member, by that."""
        tin = group.get("tin")
        named = tin if isinstance(tin, dict) else {}
        value = "".join(each for each in str(named.get("value", "")) if each.isdigit())
        if named.get("type") == "ein":
            return value in self.tins or (not self.tins and self._members(group))
        return value in self.npis or self._members(group)

    def _members(self, group: Json) -> bool:
        npis = group.get("npi")
        return isinstance(npis, list) and any(str(each) in self.npis for each in npis)


@dataclass
class Item:
    """An entry of `in_network`, without the prices of others. number: the place in the file, from 1. bundled, covered:
    how many codes are in its package."""

    number: int
    said: dict[str, Any] = field(default_factory=dict)
    prices: list[Json] = field(default_factory=list)
    bundled: int = 0
    covered: int = 0

    @property
    def place(self) -> str:
        """Where it stands, as people find it: `in_network 12, CPT 27447`."""
        return f"in_network {self.number}, {self.said.get('billing_code_type', '')} {self.said.get('billing_code', '')}"


def lines(item: Item) -> Iterator[RateLine | Sentence]:
    """The line of every price of an entry, or why there is none."""
    if why := _refused(item):
        yield why
        return
    kind, code = text(item.said, "billing_code_type"), text(item.said, "billing_code").strip().upper()
    system = _SYSTEMS.get(kind, "")
    for price in item.prices:
        method = _METHODS.get(text(price, "negotiated_type"))
        amount = price.get("negotiated_rate")
        if method is None or not isinstance(amount, int | Decimal):
            yield sentence("import.in-network.price", type=text(price, "negotiated_type"))
            continue
        days = _until(text(price, "expiration_date"))
        if days is None:
            yield sentence("import.day.unread", text=text(price, "expiration_date"))
            continue
        line = RateLine(
            method="capitation" if item.said.get("negotiation_arrangement") == "capitation" else method,
            system=system,
            code="" if kind == _EVERY else code.zfill(4) if kind == "RC" else code,
            modifiers=frozenset(each.upper() for each in _texts(price, "billing_code_modifier")),
            places=frozenset(each for each in _texts(price, "service_code") if each != _ALL),
            setting=_narrow(price, "setting"),
            billing=_narrow(price, "billing_class"),
            days=days,
            amount=None if method == "percentage" else _plain(Decimal(amount)),
            percent=_plain(Decimal(amount)) if method == "percentage" else None,
        )
        wrong = next((why for _, why in rates.faults(line)), None)
        yield wrong or line


def _refused(item: Item) -> Sentence | None:
    """Why an entry makes no line at all."""
    kind, arrangement = text(item.said, "billing_code_type"), text(item.said, "negotiation_arrangement")
    if arrangement == "bundle" or item.bundled:
        return sentence("import.in-network.bundle", n=item.bundled)
    if arrangement == "capitation" and item.covered:
        return sentence("import.in-network.capitation", n=item.covered)
    if kind != _EVERY and kind not in _SYSTEMS:
        return sentence("import.in-network.type", type=kind)
    if kind != _EVERY and text(item.said, "billing_code").strip() in ("", _ALL):
        return sentence("import.in-network.all", type=kind)
    return None


def _plain(value: Decimal) -> Decimal:
    """The same sum written the same, however many noughts a file writes behind its point."""
    short = value.normalize()
    return short.quantize(Decimal(1)) if int(short.as_tuple().exponent) > 0 else short


def _until(written: str) -> Days | None:
    if written == NO_END:
        return Days(None, None)
    try:
        return Days(None, shifted(date.fromisoformat(written), 1))
    except ValueError:
        return None


def _narrow(price: Json, name: str) -> str:
    said = text(price, name)
    return "" if said == "both" else said


def _texts(price: Json, name: str) -> Iterator[str]:
    found = price.get(name)
    for each in found if isinstance(found, list) else ():
        if isinstance(each, str) and each.strip():
            yield each.strip()


def ours(rate: Json, us: Us, references: frozenset[str]) -> list[Json]:
    """The prices of an entry of `negotiated_rates` that are ours: by its groups, or by those that it refers to."""
    named = rate.get("provider_references")
    referred = isinstance(named, list) and any(reference(each) in references for each in named)
    return items(rate, "negotiated_prices") if referred or any(map(us.are, items(rate, "provider_groups"))) else []


def reference(number: Any) -> str:
    """A group's number as it is compared: `7` and `7.0` are one."""
    return str(int(number)) if isinstance(number, Decimal) and number == int(number) else str(number)
