"""Claims in words: the list with its tabs, menus and sums, a claim with its lines, reasons, proof and acts. What an
agreement pays is put into words only for who may see it; others read that it was paid short, and whom to ask."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Row

from carecoord.actions.claims.desk import TABS, Listed, Opened
from carecoord.domain.claims.claim import RARC
from carecoord.domain.claims.work import ClaimVerb
from carecoord.domain.resource.elements import Json, item, text
from carecoord.fhir import text as json
from carecoord.fhir.code_systems import canonical
from carecoord.fhir.instants import moment
from carecoord.store.claims.claims import Sort
from carecoord.web.claims import labels
from carecoord.web.claims.address import ClaimsAddress
from carecoord.web.claims.labels import money, reason
from carecoord.web.page.labels import Chip
from carecoord.web.page.times import Clock, Times
from carecoord.words.catalogue import in_words, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

COLUMNS: Final[tuple[tuple[str, Sort | None], ...]] = (
    ("clock", "due"), ("patient", "patient"), ("to", "since"), ("insurer", "payer"), ("authorization", None),
    ("valid", "amount"), ("touch", None),
)  # fmt: skip
HEADS: Final[Mapping[str, str]] = Glossary({
    "clock": sentence("claims.column.due"),
    "patient": sentence("claims.column.patient"),
    "to": sentence("claims.column.service"),
    "insurer": sentence("claims.column.payer"),
    "authorization": sentence("claims.column.status"),
    "valid": sentence("claims.column.money"),
    "touch": sentence("claims.column.work"),
})  # fmt: skip
CELLS: Final = (
    "number", "payer_number", "name", "member", "since", "code", "payer_name", "agreement_number", "status", "reasons",
    "charge", "paid", "owed", "denied", "short", "gap", "payment", "decided", "due", "work", "off",
)  # fmt: skip
_MONEY: Final = ("charge", "paid", "owed", "denied", "short", "gap", "off")
PATH: Final = "/claims"


@dataclass(frozen=True)
class Counted:
    name: str
    label: str
    count: str
    money: str
    href: str
    current: bool


@dataclass(frozen=True)
class Menu:
    """options: value, words, how many and how much, link, whether it is chosen."""

    name: str
    label: str
    said: str
    options: Sequence[tuple[str, str, str, str, bool]]
    off: str


@dataclass(frozen=True)
class Line:
    """A row of the list."""

    id: str
    href: str
    open: bool
    clock: Clock | None
    name: str
    about: str
    code: str
    service: str
    day: str
    payer: str
    agreement: str
    status: Chip
    reasons: str
    denied: str
    of: str
    short: str
    alarm: bool
    work: str


@dataclass(frozen=True)
class Listing:
    title: str
    tabs: Sequence[Counted]
    menus: Sequence[Menu]
    rows: Sequence[Line]
    columns: Sequence[tuple[str, str, str, str]]  # name, label, link, how it is sorted
    total: str
    denied: str
    follows: str
    filtered: bool
    empty: str


def listing(found: Listed, address: ClaimsAddress, times: Times) -> Listing:
    """Everything that the list needs, already in words."""
    n, denied, _ = found.totals[address.tab]
    tabs = [
        Counted(name, labels.TABS[name], f"{found.totals[name][0]}", money(found.totals[name][1]),
                address.to_tab(name).href(), name == address.tab)
        for name in TABS
    ]  # fmt: skip
    filtered = bool(address.words or any(getattr(address, name) for name in found.choices))
    return Listing(
        spoken("claims.titled", label=labels.TABS[address.tab], total=f"{n}"), tabs, list(_menus(found, address)),
        [_line(row, found, address, times) for row in found.rows], [_column(*each, address) for each in COLUMNS],
        f"{n}", money(denied), address.from_row(found.after).href() if found.after else "", filtered,
        spoken("claims.none-so") if filtered else spoken("claims.none"),
    )  # fmt: skip


def _menus(found: Listed, address: ClaimsAddress) -> Iterator[Menu]:
    for name, options in found.choices.items():
        known = [(value, _called(name, value, found), n, sum_) for value, n, sum_ in options]
        now = str(getattr(address, name))
        said = next((words for value, words, _, _ in known if value == now), now)
        yield Menu(name, labels.FACETS[name], said, [
            (value, words, spoken("claims.option", n=n, money=money(sum_)), address.chosen(name, value).href(),
             value == now)
            for value, words, n, sum_ in known
        ], address.chosen(name, now).href() if now else "")  # fmt: skip


def _called(facet: str, value: str, found: Listed) -> str:
    if facet == "reason":
        return reason(value, found.meanings)
    return labels.STATUS[value].label if facet == "status" else value


def _column(name: str, by: Sort | None, address: ClaimsAddress) -> tuple[str, str, str, str]:
    order = "" if by != address.sort or by is None else "descending" if address.down else "ascending"
    return name, HEADS[name], address.sorted(by).href() if by else "", order


def _line(row: Row[Any], found: Listed, address: ClaimsAddress, times: Times) -> Line:
    why = list(dict.fromkeys(each.reason for each in found.reasons.get(row.id, ()) if each.denies))
    unmatched = row.doubts != "[]"
    day = times.stored(row.since) if row.since else ""
    return Line(
        row.id, address.show(row.id).href(), row.id == address.shown, _clock(row, times), row.name or row.number,
        spoken("claims.unmatched") if unmatched else f"{row.number} · {row.member}", row.code,
        labels.service(row.code, found.meanings), day,
        row.payer_name, row.agreement_number or "", labels.STATUS[row.status],
        ", ".join(reason(each, found.meanings) for each in why) or _refusals(row), money(row.denied),
        spoken("claims.of-charge", money=money(row.charge)), _short(row, found.priced), unmatched or bool(row.gap),
        labels.WORK[row.work],
    )  # fmt: skip


def _refusals(row: Row[Any]) -> str:
    """What a 277CA says, by its codes."""
    return ", ".join(str(each) for each in json.values(row.said.encode()))


def _short(row: Row[Any], priced: bool) -> str:
    if row.short <= 0:
        return ""
    return spoken("claims.short-by", money=money(row.short)) if priced else spoken("claims.short")


def _clock(row: Row[Any], times: Times) -> Clock | None:
    return times.clock(row.due, row.received, times.midnight(0)) if row.work in ("open", "asked") else None


@dataclass(frozen=True)
class LineView:
    """A line of a claim. service: what its code means, where that is known; proof: how the agreed price was reckoned,
    in steps; empty for who may not see it."""

    code: str
    service: str
    modifiers: str
    day: str
    units: str
    charge: str
    paid: str
    allowed: str
    expected: str
    short: bool
    reasons: Sequence[tuple[str, str, str]]  # who bears it, why, how much
    remarks: Sequence[str]
    proof: Sequence[str]


@dataclass(frozen=True)
class Button:
    verb: ClaimVerb
    label: str
    icon: str
    href: str
    red: bool


@dataclass(frozen=True)
class Sheet:
    """A claim in its panel and on its page."""

    id: str
    version: int
    line: Line
    lines: Sequence[LineView]
    own: Sequence[tuple[str, str, str]]  # reasons of the claim as such
    facts: Sequence[tuple[str, str]]
    doubts: Sequence[str]
    gap: str
    events: Sequence[tuple[str, str, str]]  # what, when, who
    buttons: Sequence[Button]
    authorization: str  # link
    authorization_said: str
    appealable: bool
    patient: str
    benefit: Sequence[tuple[str, str]]  # what its ExplanationOfBenefit says
    off: str
    rates_hidden: bool


def sheet(found: Opened, times: Times, address: ClaimsAddress) -> Sheet:
    """A claim in words."""
    row = found.row
    listed = Listed(found.now, [row], {}, {}, {row.id: found.adjustments}, found.meanings, None, found.priced)
    base = f"{PATH}/{quote(row.id)}"
    request = found.authorization
    root = request.root.partition("/")[2] if request else ""
    buttons = [
        Button(verb, labels.DO[verb], labels.ICONS[verb], f"{base}?act={verb}#act-form", verb == "write-off")
        for verb in found.verbs
    ]
    return Sheet(
        row.id, row.version, _line(row, listed, address, times), [_of(each, found, times) for each in found.lines],
        _reasons((each for each in found.adjustments if each.line == 0), found), list(_facts(row, times)),
        [in_words(each) for each in json.values(row.doubts.encode())], money(row.gap) if row.gap else "",
        [_event(each, times) for each in found.acts], buttons, f"/authorizations/{quote(root)}" if root else "",
        (request.number or request.service) if request else row.authorization_number,
        bool(request and request.state in ("denied", "partly") and request.appeal_by), row.patient or "",
        list(_benefit(found.benefit, times)) if found.benefit else (),
        money(row.off) if row.off else "", not found.priced and row.short > 0,
    )  # fmt: skip


def _benefit(benefit: Json, times: Times) -> Iterator[tuple[str, str]]:
    payment = item(benefit, "payment")
    paid = item(payment, "amount").get("value")
    yield spoken("claims.benefit.paid"), money(int(Decimal(str(paid or 0)) * 100))
    yield spoken("claims.benefit.day"), times.stored(text(payment, "date"))


def _of(line: Row[Any], found: Opened, times: Times) -> LineView:
    known = line.expected is not None and found.priced
    remarks = [str(each) for each in json.values(line.remarks.encode())]
    return LineView(
        line.code, labels.service(line.code, found.meanings), line.modifiers,
        times.stored(line.since) if line.since else "", line.units or "", money(line.charge),
        money(line.paid), money(line.allowed) if line.allowed is not None else "",
        money(line.expected) if known else "", known and line.paid > 0 and (line.allowed or 0) < line.expected,
        _reasons((each for each in found.adjustments if each.line == line.n), found),
        [_remark(each, found) for each in remarks],
        [in_words(each) for each in json.values(line.proof.encode())] if found.priced else (),
    )  # fmt: skip


def _remark(code: str, found: Opened) -> str:
    words = found.meanings.get((canonical(RARC), code))
    return spoken("claims.reason-said", code=code, words=words) if words else code


def _reasons(adjusted: Iterable[Row[Any]], found: Opened) -> list[tuple[str, str, str]]:
    return [
        (labels.GROUPS.get(each.kind) or each.kind, reason(each.reason, found.meanings), money(each.amount))
        for each in adjusted
    ]


def _facts(row: Row[Any], times: Times) -> Iterator[tuple[str, str]]:
    said = (
        (spoken("claims.fact.number"), row.number), (spoken("claims.fact.payer-number"), row.payer_number),
        (spoken("claims.fact.member"), row.member), (spoken("claims.fact.payer"), row.payer_name),
        (spoken("claims.fact.provider"), row.provider), (spoken("claims.fact.payment"), row.payment),
        (spoken("claims.fact.decided"), times.stored(row.decided) if row.decided else ""),
        (spoken("claims.fact.due"), times.day(row.due - 1) if row.due else ""),
        (spoken("claims.fact.charge"), money(row.charge)), (spoken("claims.fact.paid"), money(row.paid)),
        (spoken("claims.fact.owed"), money(row.owed)), (spoken("claims.fact.agreement"), row.agreement_number or ""),
    )  # fmt: skip
    yield from ((name, value) for name, value in said if value)


def _event(each: Row[Any], times: Times) -> tuple[str, str, str]:
    what = labels.DO.get(each.verb) or labels.KINDS.get(each.verb) or each.verb
    amount = f" {money(each.amount)}" if each.amount is not None else ""
    said = _payment(each.note) if each.verb == "835" else each.note
    note = f": {said}" if said else ""
    return f"{what}{amount}{note}", times.exact(each.at), each.name


def _payment(note: str) -> str:
    """A payment by its number, and what CLP02 says of it."""
    number, _, status = note.rpartition(" ")
    said = labels.PROCESSED.get(status) or spoken("claims.processed.other", code=status)
    return ", ".join(filter(None, (number, said)))


def lines(rows: Iterable[Row[Any]], adjusted: Iterable[Row[Any]], times: Times) -> Iterator[list[str]]:
    """The rows of a file: the cells of CELLS. Money with a point and no commas, for programs."""
    why: dict[str, list[str]] = {}
    for each in adjusted:
        if each.denies:
            why.setdefault(each.claim, []).append(f"{each.kind}-{each.reason}")
    for row in rows:
        yield [_cell(name, row, why, times) for name in CELLS]


def _cell(name: str, row: Row[Any], why: Mapping[str, Sequence[str]], times: Times) -> str:
    if name == "reasons":
        return ", ".join(dict.fromkeys(why.get(row.id, ())))
    value = getattr(row, name)
    if name in _MONEY:
        return money(value).replace(",", "")
    if name == "due":
        return moment(value - 1).astimezone(times.zone).date().isoformat() if value else ""
    if name == "status":
        return labels.STATUS[value].label
    if name == "work":
        return labels.WORK[value]
    return "" if value is None else str(value)
