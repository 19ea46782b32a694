"""The forms of the first run as data: which table each is a row of, its fields, and what people read at them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from carecoord.words.glossary import Glossary
from carecoord.words.sentence import Sentence, sentence

STATES: Final[Mapping[str, tuple[str, str]]] = Glossary({
    "done": ("circle-check", sentence("setup.state.done")),
    "part": ("circle-alert", sentence("setup.state.part")),
    "open": ("circle-dashed", sentence("setup.state.open")),
})  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A field of a form. name: the column of the table. among: what is chosen from (offices, payers); empty: typed.
    required: the form asks for it though the table would not."""

    name: str
    label: Sentence
    hint: Sentence | str = ""
    among: str = ""
    required: bool = False


@dataclass(frozen=True)
class Form:
    """A form. kind: of `sheets.SHEETS`; fixed: columns that nobody types; button: what sends it."""

    kind: str
    button: Sentence
    fields: tuple[Field, ...]
    fixed: tuple[tuple[str, str], ...] = ()


_PLACE: Final = (
    Field("phone", sentence("setup.field.phone")), Field("address", sentence("setup.field.street")),
    Field("city", sentence("setup.field.city")),
    Field("state", sentence("setup.field.state"), sentence("setup.hint.state")),
    Field("zip", sentence("setup.field.zip")),
)  # fmt: skip
FORMS: Final = {
    "organization": Form(
        "organizations", sentence("setup.save.organization"),
        (Field("name", sentence("setup.field.name"), required=True),
         Field("npi", sentence("setup.field.npi"), sentence("setup.hint.npi"), required=True), *_PLACE),
        (("kind", "clinic"),),
    ),
    "sites": Form(
        "organizations", sentence("setup.save.site"),
        (Field("part-of", sentence("setup.field.part-of"), among="offices", required=True),
         Field("name", sentence("setup.field.site"), required=True), *_PLACE),
        (("kind", "site"),),
    ),
    "payers": Form(
        "organizations", sentence("setup.save.payer"),
        (Field("name", sentence("setup.field.name"), required=True),
         Field("payer-number", sentence("setup.field.payer-number"),
               sentence("setup.hint.payer-number"), required=True), *_PLACE),
        (("kind", "payer"),),
    ),
    "plans": Form(
        "plans", sentence("setup.save.plan"),
        (Field("payer", sentence("setup.field.payer"), among="payers", required=True),
         Field("name", sentence("setup.field.plan"), required=True),
         Field("number", sentence("setup.field.plan-number"), sentence("setup.hint.cards"), required=True),
         Field("networks", sentence("setup.field.networks"), sentence("setup.hint.networks"), required=True)),
    ),
}  # fmt: skip
# step -> its name, what it unlocks, and what is unknown or impossible until then
STEPS: Final[Mapping[str, tuple[str, str, str]]] = Glossary({
    "organization": (
        sentence("setup.step.organization"), sentence("setup.step.organization.unlocks"),
        sentence("setup.step.organization.without"),
    ),
    "sites": (
        sentence("setup.step.sites"), sentence("setup.step.sites.unlocks"),
        sentence("setup.step.sites.without"),
    ),
    "people": (
        sentence("setup.step.people"), sentence("setup.step.people.unlocks"),
        sentence("setup.step.people.without"),
    ),
    "payers": (
        sentence("setup.step.payers"), sentence("setup.step.payers.unlocks"),
        sentence("setup.step.payers.without"),
    ),
    "plans": (
        sentence("setup.step.plans"), sentence("setup.step.plans.unlocks"),
        sentence("setup.step.plans.without"),
    ),
    "rules": (
        sentence("setup.step.rules"), sentence("setup.step.rules.unlocks"),
        sentence("setup.step.rules.without"),
    ),
    "agreements": (
        sentence("setup.step.agreements"), sentence("setup.step.agreements.unlocks"),
        sentence("setup.step.agreements.without"),
    ),
    "sources": (
        sentence("setup.step.sources"), sentence("setup.step.sources.unlocks"),
        sentence("setup.step.sources.without"),
    ),
    "calendar": (
        sentence("setup.step.calendar"), sentence("setup.step.calendar.unlocks"),
        sentence("setup.step.calendar.without"),
    ),
    "letters": (
        sentence("setup.letters"), sentence("setup.letters.unlocks"), sentence("setup.letters.without"),
    ),
})  # fmt: skip
LACKING: Final[Mapping[str, str]] = Glossary({
    "organization": sentence("setup.lacking.organization"),
    "sites": sentence("setup.lacking.sites"),
    "people": sentence("setup.lacking.people"),
    "payers": sentence("setup.lacking.payers"),
    "plans": sentence("setup.lacking.plans"),
    "rules": sentence("setup.lacking.rules"),
    "agreements": sentence("setup.lacking.agreements"),
    "sources": sentence("setup.lacking.sources"),
    "calendar": "", "letters": "",
})  # fmt: skip
DONE: Final[Mapping[str, str]] = Glossary({
    "organization": sentence("setup.done.organization"),
    "settled": sentence("setup.done.settled"),
    "sites": sentence("setup.done.sites"),
    "payers": sentence("setup.done.payers"),
    "plans": sentence("setup.done.plans"),
    "sources": sentence("setup.done.sources"),
    "read": sentence("setup.done.read"),
})  # fmt: skip
