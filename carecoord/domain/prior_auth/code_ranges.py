"""How codes of services and diagnoses compare, so that a payer's range means here what it means to the payer.

Procedure codes (CPT, HCPCS, CDT, revenue codes) are of one length in one shape, and a range runs inside that shape:
`97110-97164` holds five digits and nothing else, `0001T-0999T` four digits and a letter, `G0151-G0162` a letter and
four digits. ICD-10 codes are a tree: a category stands for all that is written below it, `M54` for `M54.51`, and the
end of a range for all below that end, `E08-E13` for `E11.65`. A procedure may carry several modifiers: some say how
it is done, some what it is done to, and of two that exclude each other (the left side, the right) one is not the other
for all that the rest is alike."""

import re
from functools import lru_cache
from typing import Final

_SHAPES: Final = str.maketrans(
    {
        **dict.fromkeys("0123456789", "9"),
        **dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "A"),
    }
)
_ENTRY: Final = re.compile(r"[0-9A-Z]+")
# Modifiers of which one excludes the others: side, part of a study, vessel, digit or lid, bought or rented.
_ONE_OF: Final = (
    frozenset({"LT", "RT"}), frozenset({"26", "TC"}), frozenset({"LC", "LD", "LM", "RC", "RI"}),
    frozenset({"E1", "E2", "E3", "E4", "FA", "TA", *(f"{limb}{n}" for limb in "FT" for n in range(1, 10))}),
    frozenset({"NU", "RR", "UE"}),
)  # fmt: skip
_AFAR: Final = {"10": "02"}  # places of service: where the patient sits meanwhile is not what is authorized
ANY: Final = -1  # the width of a rule that names no code: wider than all


def normal(code: str) -> str:
    """A procedure code as codes are compared."""
    return code.strip().upper()


def normal_diagnosis(code: str) -> str:
    """An ICD-10 code as codes are compared: `m54.5` and `M545` are one."""
    return normal(code).replace(".", "")


def within(code: str, low: str, high: str = "") -> bool:
    """Whether a procedure code is `low`, or lies in the range from `low` to `high`, both ends included. A range whose
    ends have different shapes, or run backwards, holds nothing."""
    code, low, high = normal(code), normal(low), normal(high)
    if not high or high == low:
        return bool(code) and code == low
    return sound(low, high) and _shape(code) == _shape(low) and low <= code <= high


@lru_cache(maxsize=4096)
def sound(low: str, high: str) -> bool:
    """Whether two procedure codes are the ends of a range: of one shape, in order. The closing letter of a CPT category
    may differ (`0001M-0018U`)."""
    low, high = normal(low), normal(high)
    return bool(_ENTRY.fullmatch(low)) and _shape(low) == _shape(high) and low <= high


def same_modifiers(some: frozenset[str], others: frozenset[str]) -> bool:
    """Whether a service under the ones may be that under the others: they share one, and exclude each other in none."""
    mine, theirs = ([each & group for group in _ONE_OF] for each in (some, others))
    contrary = any(one and other and one.isdisjoint(other) for one, other in zip(mine, theirs, strict=True))
    return not some.isdisjoint(others) and not contrary


def same_places(some: frozenset[str], others: frozenset[str]) -> bool:
    """Whether one of these places of service is one of those. A visit from afar is one whether the patient is at home
    or not."""
    here, there = ({_AFAR.get(each, each) for each in places} for places in (some, others))
    return not here.isdisjoint(there)


def under(diagnosis: str, low: str, high: str = "") -> bool:
    """Whether an ICD-10 code is `low` or written below it, or lies in the range that ends with all that is below
    `high`."""
    code, low = normal_diagnosis(diagnosis), normal_diagnosis(low)
    high = normal_diagnosis(high) or low
    return bool(low) and not coarser(code, low, high) and low <= code and code[: len(high)] <= high


def coarser(diagnosis: str, low: str, high: str = "") -> bool:
    """Whether an ICD-10 code says too little to know whether it is meant: `M54` where the rule speaks of `M54.5`."""
    code = normal_diagnosis(diagnosis)
    ends = (normal_diagnosis(low), normal_diagnosis(high))
    return bool(code) and any(len(code) < len(end) and end.startswith(code) for end in ends)


def width(low: str, high: str = "") -> int:
    """How many codes a range may hold, 1 for a single code, ANY for none named: the narrower is the more exact."""
    low, high = normal(low), normal(high)
    if not low:
        return ANY
    if not high or not sound(low, high):
        return 1
    return int(high, 36) - int(low, 36) + 1


def stem(low: str, high: str = "") -> str:
    """What all codes of a range begin with; a rule is kept under it, and found by the beginnings of a code."""
    low, high = normal(low), normal(high) or normal(low)
    same = 0
    while same < min(len(low), len(high)) and low[same] == high[same]:
        same += 1
    return low[:same]


def stems(code: str) -> tuple[str, ...]:
    """Every stem under which a rule about the code may be kept, the empty one of rules about any code included."""
    code = normal(code)
    return tuple(code[:n] for n in range(len(code) + 1))


def _shape(code: str) -> str:
    return code.translate(_SHAPES)
