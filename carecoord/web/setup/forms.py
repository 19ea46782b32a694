"""The forms of the first run as data: which table each is a row of, its fields, and what people read at them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

STATES: Final = {
    "done": ("circle-check", "done"), "part": ("circle-alert", "not whole"), "open": ("circle-dashed", "not begun"),
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A field of a form. name: the column of the table. among: what is chosen from (offices, payers); empty: typed.
    required: the form asks for it though the table would not."""

    name: str
    label: str
    hint: str = ""
    among: str = ""
    required: bool = False


@dataclass(frozen=True)
class Form:
    """A form. kind: of `sheets.SHEETS`; fixed: columns that nobody types; button: what sends it."""

    kind: str
    button: str
    fields: tuple[Field, ...]
    fixed: tuple[tuple[str, str], ...] = ()


_PLACE: Final = (
    Field("phone", "Phone"), Field("address", "Street"), Field("city", "City"),
    Field("state", "State", "Two letters, such as NY."), Field("zip", "ZIP"),
)  # fmt: skip
FORMS: Final = {
    "organization": Form(
        "organizations", "Save the organization",
        (Field("name", "Name", required=True),
         Field("npi", "NPI", "Ten digits; the last one is checked against the others.", required=True), *_PLACE),
        (("kind", "clinic"),),
    ),
    "sites": Form(
        "organizations", "Save the site",
        (Field("part-of", "Of which organization", among="offices", required=True),
         Field("name", "Name of the site", required=True), *_PLACE),
        (("kind", "site"),),
    ),
    "payers": Form(
        "organizations", "Save the payer",
        (Field("name", "Name", required=True),
         Field("payer-number", "Payer number", "As it stands on its cards: by it a card finds the payer.",
               required=True), *_PLACE),
        (("kind", "payer"),),
    ),
    "plans": Form(
        "plans", "Save the plan",
        (Field("payer", "Payer", among="payers", required=True), Field("name", "Name of the plan", required=True),
         Field("number", "Plan number", "As it stands on its cards.", required=True),
         Field("networks", "Networks", "Their names, with semicolons between them; a new one is made.", required=True)),
    ),
}  # fmt: skip
# step -> its name, what it unlocks, and what is unknown or impossible until then
STEPS: Final[Mapping[str, tuple[str, str, str]]] = Glossary({
    "organization": (
        "Our organization", "Referrals find you by your NPI, and people of yours see its cases",
        "nobody sees a case",
    ),
    "sites": ("Sites", "A visit has a place, and the place a network", "nobody knows where a patient is seen"),
    "people": ("People", "Somebody works on the cases; each is invited by a link", "cases wait for nobody"),
    "payers": ("Payers", "A card leads to who pays", "coverage says Unknown"),
    "plans": ("Plans and networks", "A plan leads to its networks", "“in network?” says Unknown"),
    "rules": (
        "Authorization rules", "Whether a payer wants to be asked first, and for what",
        "authorization says Unknown",
    ),
    "agreements": ("Agreements", "Who takes part in which network, from when to when", "the agreement says Unknown"),
    "sources": ("EHR or app", "Referrals come in by themselves", "nothing comes in"),
    "calendar": (
        "Calendar, holidays", "Clocks count your business days and hours",
        "the working week and holidays that are shipped count",
    ),
    "letters": (
        sentence("setup.letters"), sentence("setup.letters.unlocks"), sentence("setup.letters.without"),
    ),
})  # fmt: skip
LACKING: Final = {
    "organization": "No NPI that is right", "sites": "No site yet", "people": "Not signed in yet",
    "payers": "No payer number", "plans": "No plan, or no network", "rules": "No rules yet",
    "agreements": "No agreement in force", "sources": "Nothing has come yet", "calendar": "", "letters": "",
}  # fmt: skip
DONE: Final = {
    "organization": "Saved. People of yours can be invited to it now.",
    "settled": "Saved, and you belong to it from now on.",
    "sites": "The site is saved.", "payers": "The payer is saved.", "plans": "The plan and its networks are saved.",
    "sources": "The EHR is remembered. See what it gives you, then read it for the first time.",
    "read": "It is read within a second, while a worker runs. What came shows in the steps and on the worklist.",
}  # fmt: skip
