"""What a party shows that it holds: insurance, a license, an accreditation, from a day to a day. A certificate is a
document about the Contract; the next one is owed by the day on which it ends.

Clauses: FHIR R4 DocumentReference.context.period, related, type; contracts.md 1.2 (certificates are documents)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from carecoord.domain.agreements.desk.obligations import Duty
from carecoord.domain.agreements.kinds import CERTIFICATES
from carecoord.domain.resource.codes import CANONICAL, EXTENSION
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, target, text

State = Literal["held", "expiring", "lapsed", "later", "missing"]
TYPE: Final = f"{CANONICAL}/CodeSystem/certificate"
NAMES: Final[Mapping[str, str]] = {  # code -> what its document is called
    "general-liability": "General liability insurance",
    "professional-liability": "Malpractice insurance",
    "workers-compensation": "Workers' compensation insurance",
    "cyber-liability": "Cyber liability insurance",
    "licence": "License",
    "accreditation": "Accreditation",
}
_HELD_BY, _LIMITS = f"{EXTENSION}/held-by", {
    "each": f"{EXTENSION}/limit-per-occurrence", "total": f"{EXTENSION}/limit-aggregate",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate. `holder`: a Reference to the party; `last`: its last day; `each`, `total`: the limits of an
    insurance for one occurrence and in all, in US dollars; `document`: the id of its paper, empty of one that is to be
    written down."""

    kind: str
    holder: Json
    number: str
    start: date
    last: date
    each: Decimal | None = None
    total: Decimal | None = None
    document: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a kind of certificate stands for a party on a day: with the one that counts, None where none is here."""

    kind: str
    holder: str
    state: State
    certificate: Certificate | None = None


def shown(document: Json, given: Certificate) -> Json:
    """The document that shows a certificate."""
    marks = [{"url": _HELD_BY, "valueReference": given.holder}]
    for name, amount in (("each", given.each), ("total", given.total)):
        if amount is not None:
            marks.append({"url": _LIMITS[name], "valueMoney": {"value": amount, "currency": "USD"}})
    period = {"start": given.start.isoformat(), "end": given.last.isoformat()}
    return document | {
        "extension": [*items(document, "extension"), *marks],
        "type": {"coding": [{"system": TYPE, "code": given.kind}], "text": NAMES[given.kind]},
        **({"identifier": [{"value": given.number}]} if given.number else {}),
        "context": item(document, "context") | {"period": period},
    }


def due(given: Certificate) -> Duty:
    """What is owed from now on: the next certificate, by the day on which this one ends."""
    return Duty(f"Next certificate: {NAMES[given.kind]}", given.holder, given.last)


def certificates(documents: Iterable[Json]) -> list[Certificate]:
    """Those that these documents show."""
    return [found for each in documents if (found := _read(each))]


def standings(kind: str, sides: Sequence[str], held: Iterable[Certificate], soon: int, day: date) -> list[Standing]:
    """How what an agreement of a kind demands stands on a day, then what is shown besides. sides: the parties, whose
    agreement it is first; soon: within so many days one counts as expiring. Demanded is it of the other side."""
    by: dict[tuple[str, str], list[Certificate]] = {}
    for each in held:
        by.setdefault((each.kind, target(each.holder)), []).append(each)
    others = [side for side in sides[1:2] if side]
    demanded = [(each, side) for side in others for each in CERTIFICATES.get(kind, ())]
    further = sorted(by.keys() - set(demanded))
    return [_standing(each, side, by.get((each, side), []), soon, day) for each, side in (*demanded, *further)]


def _standing(kind: str, holder: str, held: Sequence[Certificate], soon: int, day: date) -> Standing:
    """By the one that runs longest of those that have begun."""
    begun = [each for each in held if each.start <= day]
    last = max(begun or held, key=lambda each: each.last, default=None)
    if last is None:
        return Standing(kind, holder, "missing")
    if not begun:
        return Standing(kind, holder, "later", last)
    left = last.last.toordinal() - day.toordinal()
    follows = any(each.start.toordinal() <= last.last.toordinal() + 1 and each.last > last.last for each in held)
    state: State = "lapsed" if left < 0 else "expiring" if left < soon and not follows else "held"
    return Standing(kind, holder, state, last)


def _read(document: Json) -> Certificate | None:
    kind, period = code_of(item(document, "type"), TYPE), item(item(document, "context"), "period")
    try:
        start, last = (date.fromisoformat(text(period, name)[:10]) for name in ("start", "end"))
    except ValueError:
        return None
    if kind not in NAMES:
        return None
    number = next((text(each, "value") for each in items(document, "identifier")), "")
    holder = item(extension(document, _HELD_BY), "valueReference")
    each, total = (_amount(extension(document, url)) for url in _LIMITS.values())
    return Certificate(kind, holder, number, start, last, each, total, text(document, "id"))


def _amount(mark: Json) -> Decimal | None:
    value = item(mark, "valueMoney").get("value")
    return None if value is None else Decimal(str(value))
