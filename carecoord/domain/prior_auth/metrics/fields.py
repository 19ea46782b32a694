"""The fifteen fields of a payer's yearly metrics: one table, a row each, with what is counted (numerator) and of what
(denominator) as rules over the counted requests. Where public pages and the state's form divide by different numbers,
both stand, each with its own. Pure and exact: in whole microseconds and decimals, rounded once, half up.

Clauses: CMS-0057-F (42 CFR 422.122(c) and its like); Medicaid MCPAR, section D1.XIII, fields 1 to 15."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal, NamedTuple

FieldName = Literal[
    "standard", "expedited", "all", "standard-approved", "standard-denied", "standard-overturned",
    "standard-overturned-of-appealed", "standard-mean", "standard-median", "expedited-approved", "expedited-denied",
    "expedited-mean", "expedited-median", "extended-approved", "extended-approved-of-extended",
]  # fmt: skip
Kind = Literal["count", "share", "mean", "median"]
Unit = Literal["requests", "percent", "days", "hours"]
APPROVED: Final = frozenset({"approved", "not-required"})  # in full
_HOUR: Final = 3_600_000_000  # microseconds
_PER: Final[dict[Unit, int]] = {"days": 24 * _HOUR, "hours": _HOUR}
_HUNDREDTH: Final = Decimal("0.01")
SMALL: Final = 11  # CMS cell size suppression: a count from 1 to 10 is told to nobody outside


class Row(NamedTuple):
    """A request as the fields count it. took: microseconds from receipt to the first decision."""

    expedited: bool
    outcome: str
    took: int
    extended: bool
    appealed: bool  # and the appeal was decided
    appeal: str


@dataclass(frozen=True, slots=True)
class Field:
    """One figure. number: of MCPAR. of: the denominator; counts: what of it is the numerator."""

    name: FieldName
    number: int
    kind: Kind
    unit: Unit
    of: Callable[[Row], bool]
    counts: Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Figure:
    """`hits` of `n`. value: of a count the number itself, else to two decimals; None where nothing was counted. few:
    it is told to nobody outside, and its numbers are not here."""

    n: int
    hits: int
    value: Decimal | None
    few: bool = False


def _standard(row: Row) -> bool:
    return not row.expedited


def _expedited(row: Row) -> bool:
    return row.expedited


def _all(row: Row) -> bool:
    return True


def _approved(row: Row) -> bool:
    return row.outcome in APPROVED


def _denied(row: Row) -> bool:
    """Fully or partially: what was cut or changed is not what was asked for."""
    return row.outcome not in APPROVED


def _overturned(row: Row) -> bool:
    return row.appealed and row.appeal in APPROVED and row.outcome not in APPROVED


def _appealed(row: Row) -> bool:
    return not row.expedited and row.appealed and row.outcome not in APPROVED


def _extended(row: Row) -> bool:
    return row.extended


def _extended_and_approved(row: Row) -> bool:
    return row.extended and row.outcome in APPROVED


FIELDS: Final[Mapping[FieldName, Field]] = {
    each.name: each
    for each in (
        Field("standard", 3, "count", "requests", _standard, _standard),
        Field("expedited", 4, "count", "requests", _expedited, _expedited),
        Field("all", 5, "count", "requests", _all, _all),
        Field("standard-approved", 6, "share", "percent", _standard, _approved),
        Field("standard-denied", 7, "share", "percent", _standard, _denied),
        Field("standard-overturned", 8, "share", "percent", _standard, _overturned),
        Field("standard-overturned-of-appealed", 8, "share", "percent", _appealed, _overturned),
        Field("standard-mean", 9, "mean", "days", _standard, _standard),
        Field("standard-median", 10, "median", "days", _standard, _standard),
        Field("expedited-approved", 11, "share", "percent", _expedited, _approved),
        Field("expedited-denied", 12, "share", "percent", _expedited, _denied),
        Field("expedited-mean", 13, "mean", "hours", _expedited, _expedited),
        Field("expedited-median", 14, "median", "hours", _expedited, _expedited),
        Field("extended-approved", 15, "share", "percent", _all, _extended_and_approved),
        Field("extended-approved-of-extended", 15, "share", "percent", _extended, _extended_and_approved),
    )
}


def figures(rows: Iterable[Row]) -> dict[FieldName, Figure]:
    """Every figure of these requests."""
    held = list(rows)
    return {name: _figure(each, held) for name, each in FIELDS.items()}


def told_outside(found: Mapping[FieldName, Figure]) -> dict[FieldName, Figure]:
    """The figures as anybody may read them: small ones are left out, and what would let them be worked out."""
    few = {name for name, each in found.items() if _is_small(FIELDS[name], each)} | _giving_away(found)
    if few & {"standard", "expedited"}:  # two of the three give away the third, as does what is divided by all
        few |= {"all", "extended-approved"}
    return {name: Figure(0, 0, None, few=True) if name in few else each for name, each in found.items()}


def _giving_away(found: Mapping[FieldName, Figure]) -> set[FieldName]:
    """Those that count a part of what others count, and all of it but few: these could be worked out. What was
    overturned had been appealed, what was appealed denied; what was extended is approved or denied like the rest."""
    standard, denied = found["standard"].n, found["standard-denied"].hits
    overturned, appealed = found["standard-overturned"].hits, found["standard-overturned-of-appealed"].n
    extended = found["extended-approved-of-extended"]
    approved = found["standard-approved"].hits + found["expedited-approved"].hits
    refused = denied + found["expedited-denied"].hits
    few: set[FieldName] = set()
    if _is_few(denied - overturned):
        few |= {"standard-overturned", "standard-overturned-of-appealed"}
    if _is_few(denied - appealed) or _is_few(standard - appealed):
        few.add("standard-overturned-of-appealed")
    if _is_few(approved - extended.hits):
        few |= {"extended-approved", "extended-approved-of-extended"}
    if _is_few(found["all"].n - extended.n) or _is_few(refused - (extended.n - extended.hits)):
        few.add("extended-approved-of-extended")
    return few


def _is_small(field: Field, figure: Figure) -> bool:
    return _is_few(figure.n) or (field.kind == "share" and (_is_few(figure.hits) or _is_few(figure.n - figure.hits)))


def _is_few(n: int) -> bool:
    return 0 < n < SMALL


def _figure(field: Field, rows: Sequence[Row]) -> Figure:
    of = [row for row in rows if field.of(row)]
    if field.kind == "count":
        return Figure(len(of), len(of), Decimal(len(of)))
    if field.kind == "share":
        hits = sum(1 for row in of if field.counts(row))
        return Figure(len(of), hits, _rounded(Decimal(100 * hits) / len(of)) if of else None)
    took = sorted(row.took for row in of)
    return Figure(len(of), len(of), _length(field, took) if took else None)


def _length(field: Field, took: Sequence[int]) -> Decimal:
    if field.kind == "mean":
        return _rounded(Decimal(sum(took)) / (len(took) * _PER[field.unit]))
    middle = took[(len(took) - 1) // 2] + took[len(took) // 2]
    return _rounded(Decimal(middle) / (2 * _PER[field.unit]))


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_HUNDREDTH, ROUND_HALF_UP)
