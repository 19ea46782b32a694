"""Rate lines as a Contract says them, term by term: Contract.term.asset.valuedItem, read and written.

R4 gives a valued item a code, a price, a factor and one instant from which on it holds. What else a line may depend on
stands in our extension `rate` of the item; what its schedule is for, in our extension `rate-schedule` of the term.
Without them an item is a price that was agreed for a code. One that says neither (a premium, a lump sum, a share of
nothing that is named) is no rate line, and is told as such.

Clauses: FHIR R4 contract-definitions.html#Contract.term.asset.valuedItem (net = quantity * unit price * factor *
points); decision 34."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from decimal import Decimal
from typing import Any, Final, cast

from carecoord.domain.agreements.rates import Method, RateLine, Schedule, faults
from carecoord.domain.resource.codes import CANONICAL, EXTENSION
from carecoord.domain.resource.days import NEVER, Days, days, first, shifted
from carecoord.domain.resource.elements import Json, code_of, extension, extensions, item, items, target, text, words
from carecoord.words.sentence import Sentence, sentence

RATE: Final = f"{EXTENSION}/rate"
SCHEDULE: Final = f"{EXTENSION}/rate-schedule"
_KIND: Final = {"system": f"{CANONICAL}/CodeSystem/term-type", "code": "rate-schedule"}
_TEXTS: Final = {  # of a line, as primitive of its extension
    "reference": "valueString", "code_end": "valueCode", "category": "valueString", "setting": "valueCode",
    "billing": "valueCode", "unit": "valueString", "page": "valueString",
}  # fmt: skip
_LISTS: Final = {"modifiers": "valueCode", "places": "valueCode", "specialties": "valueString"}
_NUMBERS: Final = ("percent", "least", "most")
_OF_SCHEDULES: Final = ("network", "plan", "business")


@dataclass(frozen=True, slots=True)
class Written:
    """The rate lines that a Contract says, and its valued items that are none: where they stand, and why."""

    schedules: Mapping[Schedule, tuple[RateLine, ...]]
    unread: tuple[tuple[str, Sentence], ...] = ()


def written(contract: Json, zone: tzinfo) -> Written:
    """What a Contract says is paid. An item with our extension is always a line, also one that is not sound: whoever
    keeps lines refuses it. Terms whose schedules have the same name are one."""
    schedules: dict[str, Schedule] = {}
    lines: dict[str, list[RateLine]] = {}
    unread: list[tuple[str, Sentence]] = []
    for path, term, valued in _valued(contract):
        line, currency = _line(term, valued, zone), text(item(valued, "unitPrice"), "currency")
        schedule = _schedule(contract, term, currency)
        known = schedules.setdefault(schedule.name, schedule)
        if not isinstance(line, Sentence) and currency and known.currency != currency:
            line = sentence("rate.unread.currency", one=known.currency, other=currency)
        if isinstance(line, Sentence):
            unread.append((path, line))
        else:
            lines.setdefault(schedule.name, []).append(line)
    return Written({schedules[name]: tuple(found) for name, found in lines.items()}, tuple(unread))


def term(schedule: Schedule, lines: Iterable[RateLine]) -> Json:
    """A term of a Contract that says these lines."""
    about = [{"url": "name", "valueString": schedule.name}]
    about += [{"url": "currency", "valueCode": schedule.currency}]
    about += [{"url": name, "valueString": said} for name in _OF_SCHEDULES if (said := getattr(schedule, name))]
    return {
        "extension": [{"url": SCHEDULE, "extension": about}],
        "type": {"coding": [_KIND]},
        "offer": {"text": schedule.name},
        "asset": [{"valuedItem": [_item(each, schedule.currency) for each in lines]}],
    }


def _valued(contract: Json) -> Iterator[tuple[str, Json, Json]]:
    """(FHIRPath, its term, itself) of every valued item."""

    def inside(path: str, given: list[Json], around: Json) -> Iterator[tuple[str, Json, Json]]:
        for n, each in enumerate(given):
            said = {**around, **{name: each[name] for name in each if name not in ("asset", "group", "offer")}}
            for a, asset in enumerate(items(each, "asset")):
                for v, valued in enumerate(items(asset, "valuedItem")):
                    yield f"{path}[{n}].asset[{a}].valuedItem[{v}]", said, valued
            yield from inside(f"{path}[{n}].group", items(each, "group"), said)

    return inside("Contract.term", items(contract, "term"), {})


def _schedule(contract: Json, term: Json, currency: str) -> Schedule:
    about = extension(term, SCHEDULE)
    named = text(extension(about, "name"), "valueString") or text(item(term, "identifier"), "value")
    said = {name: text(extension(about, name), "valueString") for name in _OF_SCHEDULES}
    return Schedule(
        contract=f"Contract/{text(contract, 'id')}",
        name=named or words(item(term, "subType")) or words(item(term, "type")) or "Contract",
        currency=text(extension(about, "currency"), "valueCode") or currency or "USD",
        **said,
    )


def _line(term: Json, valued: Json, zone: tzinfo) -> RateLine | Sentence:
    """The line that an item says; why it says none."""
    about = extension(valued, RATE)
    coding = next((each for each in items(item(valued, "entityCodeableConcept"), "coding") if text(each, "code")), {})
    amount, factor = _number(item(valued, "unitPrice").get("value")), _number(valued.get("factor"))
    plain = RateLine(
        method="negotiated",
        amount=amount,
        system=text(coding, "system"),
        code=text(coding, "code"),
        unit=text(item(valued, "quantity"), "unit"),
        days=_days(term, valued, text(extension(about, "through"), "valueDate"), zone),
        line=text(item(valued, "identifier"), "value"),
    )
    if about:
        return _said(plain, about, factor)
    if _kind(term) == "budget" or ("net" in valued and amount is None):
        return sentence("rate.unread.money")
    if not plain.code:
        return sentence("rate.unread.code")
    if amount is None:
        return sentence("rate.unread.price")
    points = _number(valued.get("points"))
    if factor is not None or points is not None:
        weight = (Decimal(1) if factor is None else factor) * (Decimal(1) if points is None else points)
        plain = replace(plain, method="rvu", factor=weight)
    return next((why for _, why in faults(plain)), plain)


def _kind(term: Json) -> str:
    """The code of what a term is about."""
    return code_of(item(term, "type"))


def _said(plain: RateLine, about: Json, factor: Decimal | None) -> RateLine:
    """A line with what our extension says of it."""
    lesser = extension(about, "lesser-of").get("valueBoolean")
    said: dict[str, Any] = {name: text(extension(about, _url(name)), kind) for name, kind in _TEXTS.items()}
    said |= {
        name: frozenset(text(each, kind) for each in extensions(about, _url(name))) for name, kind in _LISTS.items()
    }
    said |= {name: _number(extension(about, name).get("valueDecimal")) for name in _NUMBERS}
    said["unit"] = said["unit"] or plain.unit
    return replace(
        plain,
        method=cast(Method, text(extension(about, "method"), "valueCode")),
        factor=factor,
        lesser_of=lesser is True,
        site=target(item(extension(about, "site"), "valueReference")),
        **said,
    )


def _days(term: Json, valued: Json, through: str, zone: tzinfo) -> Days:
    """From when until when an item holds: never outside its term."""
    start = text(valued, "effectiveTime")
    try:
        own = Days(first(start, zone) if start else None, shifted(date.fromisoformat(through), 1) if through else None)
    except ValueError:
        return NEVER
    return own.clip(days(term.get("applies"), zone))


def _item(line: RateLine, currency: str) -> Json:
    coding = {"system": line.system, "code": line.code} if line.system else {"code": line.code}
    said: list[Json] = [{"url": "method", "valueCode": line.method}]
    said += [{"url": _url(name), kind: value} for name, kind in _TEXTS.items() if (value := getattr(line, name))]
    said += [{"url": _url(n), kind: each} for n, kind in _LISTS.items() for each in sorted(getattr(line, n))]
    said += [{"url": n, "valueDecimal": value} for n in _NUMBERS if (value := line.numbers[n]) is not None]
    said += [{"url": "lesser-of", "valueBoolean": True}] if line.lesser_of else []
    said += [{"url": "site", "valueReference": {"reference": line.site}}] if line.site else []
    said += [{"url": "through", "valueDate": line.days.last.isoformat()}] if line.days.last else []
    found: Json = {
        "extension": [{"url": RATE, "extension": said}],
    }
    if line.code:
        found["entityCodeableConcept"] = {"coding": [coding]}
    if line.line:
        found["identifier"] = {"value": line.line}
    if line.days.start:
        found["effectiveTime"] = line.days.start.isoformat()
    if line.amount is not None:
        found["unitPrice"] = {"value": line.amount, "currency": currency}
    return found | ({} if line.factor is None else {"factor": line.factor})


def _url(name: str) -> str:
    """The name of a part of our extension, of which there may be several in turn."""
    return {"modifiers": "modifier", "places": "place", "specialties": "specialty"}.get(name, name.replace("_", "-"))


def _number(value: Any) -> Decimal | None:
    ours = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    return Decimal(str(value)) if ours else None
