"""Amounts in another unit, by UCUM: what a scale told in pounds is held against a goal in kilograms.

What can not be turned into each other is never compared: a substance in mg/dL and in mmol/L would need its molar mass,
an arbitrary unit such as [IU] is a measure of its own, and the number of a score is no per cent. Clause: UCUM 1.9
(§24 arbitrary units are commensurable with none other; §6 annotations in braces mean nothing)."""

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ucumvert import PintUcumRegistry

UCUM: Final = "http://unitsofmeasure.org"
WORDS: Final = {  # code -> as people write it
    "[lb_av]": "lb", "mm[Hg]": "mmHg", "Cel": "°C", "[degF]": "°F", "{score}": "points", "kg/m2": "kg/m²",
                "mL/min/{1.73_m2}": "mL/min/1.73 m²", "/min": "/min", "{steps}/d": "steps a day"}  # fmt: skip
_ARBITRARY: Final = frozenset({
    "[hp_X]", "[hp_C]", "[hp_M]", "[hp_Q]", "[kp_X]", "[kp_C]", "[kp_M]", "[kp_Q]", "[iU]", "[IU]", "[arb'U]",
    "[USP'U]", "[GPL'U]", "[MPL'U]", "[APL'U]", "[beth'U]", "[anti'Xa'U]", "[todd'U]", "[dye'U]", "[smgy'U]",
    "[bdsk'U]", "[ka'U]", "[knk'U]", "[mclg'U]", "[tb'U]", "[CCID_50]", "[TCID_50]", "[EID_50]", "[PFU]", "[FFU]",
    "[CFU]", "[IR]", "[BAU]", "[AU]", "[Amb'a'1'U]", "[PNU]", "[Lf]", "[D'ag'U]", "[FEU]", "[ELU]", "[EU]",
})  # fmt: skip
_BRACED: Final = re.compile(r"\{[^{}]*\}")
_DIGITS: Final = 9  # significant ones that a conversion keeps


def converted(value: float, unit: str, to: str) -> float | None:
    """The value in another unit, both as UCUM codes; None where the one can not be turned into the other."""
    if unit == to:
        return value
    factor = _way(unit, to)
    return None if factor is None else float(f"{value * factor[0] + factor[1]:.{_DIGITS}g}")


@lru_cache(maxsize=1024)
def _way(unit: str, to: str) -> tuple[float, float] | None:
    """What one multiplies by and then adds, None where there is no way."""
    mine, theirs = _bare(unit), _bare(to)
    if not mine or not theirs or _own(mine) != _own(theirs):
        return None
    registry = _registry()
    try:
        source, target = registry.from_ucum(mine).units, registry.from_ucum(theirs).units
        zero = float(registry.Quantity(0.0, source).to(target).magnitude)
        one = float(registry.Quantity(1.0, source).to(target).magnitude)
    except Exception:  # of the parser, and of units of other dimensions: neither is a way
        return None
    return one - zero, zero


def _bare(unit: str) -> str:
    """Without annotations; empty where nothing but an annotation is left."""
    return _BRACED.sub("", unit)


def _own(unit: str) -> frozenset[str]:
    """The arbitrary units in it."""
    return frozenset(re.findall(r"\[[^\]]+\]", unit)) & _ARBITRARY


@cache
def _registry() -> "PintUcumRegistry":
    from ucumvert import PintUcumRegistry  # a second of work, for whoever first meets two units

    return PintUcumRegistry()
