"""The line of business of a card: payers keep other rules for Medicare Advantage than for an employer's plan."""

from typing import Final

from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.elements import Json, codes, extension, item, text
from carecoord.fhir.code_systems import canonical

_TYPOLOGY: Final = frozenset(map(canonical, ("https://nahdo.org/sopt", "urn:oid:2.16.840.1.113883.3.221.5")))
_PRIVATE: Final = ("commercial", "exchange", "self-funded")
_MEANS: Final = {  # the beginning of a code of the Source of Payment Typology -> what it may be
    "11": ("medicare-advantage",),
    "12": ("medicare",),
    "13": ("medicare",),
    "21": ("medicaid",),
    "22": ("medicaid",),
    "23": ("chip", "medicaid"),
    "25": ("medicaid",),
    "5": _PRIVATE,
    "6": _PRIVATE,
    "95": ("workers-compensation",),
}


def lines_of_business(coverage: Json) -> frozenset[str]:
    """What a Coverage says itself (extension `line-of-business`, valueCode), or what its type may mean in the Source of
    Payment Typology, to which US Core binds it; nothing where neither tells."""
    said = text(extension(coverage, f"{EXTENSION}/line-of-business"), "valueCode").strip().casefold()
    if said:
        return frozenset({said})
    paid = [code for system, code in codes(item(coverage, "type")) if system in _TYPOLOGY]
    return frozenset(
        name for code in paid for start, names in _MEANS.items() if code.startswith(start) for name in names
    )
