"""The kinds of agreement as data: what each demands to be written, as terms of the Contract by their type in our own
code system. What a kind, a role or a term is called, the pages say.

Clause: contracts.md 1.2 (term types), mission.md row 3."""

from collections.abc import Mapping
from typing import Final

KINDS: Final[Mapping[str, tuple[str, ...]]] = {  # code -> the types of the terms that it demands
    "payer-provider": ("participation",),
    "vendor": ("scope-of-work", "budget", "insurance"),
    "employee-benefits": ("product-line", "budget", "renewal"),
    "health-social": ("scope-of-work", "budget", "insurance"),
    "engineering": ("scope-of-work", "budget", "insurance"),
    "construction": ("scope-of-work", "budget", "insurance", "obligation", "participation-goal"),
    "baa": ("confidentiality-baa", "obligation", "termination"),
}
SIDES: Final[Mapping[str, tuple[str, str]]] = {  # code -> the roles of its parties, of the one whose it is first
    "payer-provider": ("payer", "provider-group"),
    "vendor": ("owner", "vendor"),
    "employee-benefits": ("owner", "vendor"),
    "health-social": ("owner", "vendor"),
    "engineering": ("owner", "prime"),
    "construction": ("owner", "prime"),
    "baa": ("covered-entity", "business-associate"),
}
CERTIFICATES: Final[Mapping[str, tuple[str, ...]]] = {  # code -> what the other side has to show (desk.certificates)
    "payer-provider": ("licence", "professional-liability"),
    "vendor": ("general-liability",),
    "employee-benefits": ("licence",),
    "health-social": ("general-liability", "professional-liability"),
    "engineering": ("general-liability", "professional-liability"),
    "construction": ("general-liability", "workers-compensation"),
    "baa": ("cyber-liability",),
}
MONEY: Final = "budget"  # the term that is an amount, not a text
