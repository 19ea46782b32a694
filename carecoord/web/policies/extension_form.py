"""The form by which a payer's rules about extending its decisions are written, all of them at once: by how long, by
whom, on what ground, for which line of business, from when.

Clauses: 42 CFR 422.568(b), 422.572(b), 438.210(d)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from carecoord.actions.policies.say import Change, Said
from carecoord.domain.policies.shipped import checked
from carecoord.web.acts.forms import Fault
from carecoord.web.policies.vocabulary import meant, shown
from carecoord.words.catalogue import say
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

FIELDS: Final = {  # of the form -> the term of the policy
    "standard": "extension.standard", "expedited": "extension.expedited", "by": "extension.by",
    "ground": "extension.ground",
}  # fmt: skip
WHO: Final[Mapping[str, str]] = Glossary({
    "either": sentence("policies.extension.either"), "patient": sentence("policies.extension.patient"),
    "payer": sentence("policies.extension.payer"), "nobody": sentence("policies.extension.nobody"),
})  # fmt: skip
_WRONG: Final = {
    "standard": sentence("policies.extension.length"), "expedited": sentence("policies.extension.length"),
    "by": sentence("policies.extension.choose"), "ground": sentence("policies.extension.ground-long"),
}  # fmt: skip


@dataclass(frozen=True)
class Form:
    """What the fields hold, and by field what is wrong with it. `who`: code -> words."""

    values: Mapping[str, str]
    wrong: Mapping[str, str]
    who: Mapping[str, str]


def form(
    found: Said, defaults: Mapping[str, str], today: date, typed: Mapping[str, str], faults: Mapping[str, str]
) -> Form:
    """The form as it stands: what was typed, else what the payer says today of all its lines of business, else what
    holds where it says nothing."""
    held = said(found, defaults, today, "")
    return Form({name: typed.get(name, _shown(term, held[name])) for name, term in FIELDS.items()}, faults, WHO)


def _shown(term: str, held: str) -> str:
    """What a field begins with: a code of a choice as it is, a length as its reader writes it, nothing as nothing."""
    return held if term == FIELDS["by"] or not held else shown(term, held)


def said(found: Said, defaults: Mapping[str, str], today: date, business: str) -> dict[str, str]:
    """What holds on a day of a line of business, by field: the payer's word of it, else of all, else what holds where
    it says nothing."""
    rows = [row for row in found.rows if row.valid_from <= today.toordinal() < row.valid_to]  # the latest first
    told = {(row.name, row.business): row.value for row in reversed(rows)}
    return {
        name: told.get((term, business), told.get((term, ""), defaults[term]))
        for name, term in FIELDS.items()
    }  # fmt: skip


def read(
    typed: Mapping[str, str], held: Mapping[str, str], business: str, start: date
) -> tuple[list[Change], list[Fault]]:
    """What is to be said otherwise than it is, and what is wrong in the fields."""
    changes: list[Change] = []
    faults: list[Fault] = []
    for name, term in FIELDS.items():
        try:
            value = checked(term, meant(term, typed.get(name, "")))
        except ValueError:
            faults.append(Fault(name, say(_WRONG[name])))
        else:
            if value != held[name]:
                changes.append(Change(business, term, value, start))
    if not changes and not faults:
        faults.append(Fault("standard", say(sentence("policies.extension.nothing"))))
    return changes, faults
