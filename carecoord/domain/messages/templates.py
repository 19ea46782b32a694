"""Messages and letters that are written often: what is shipped for each in every language, the places that a case
fills, and the words that an office has of its own instead. Pure.

An office's own words hold places in braces, such as `{clinic}`; of each kind only those may be used that whoever reads
it may know: a cover sheet that lies in a fax machine names no patient (45 CFR 164.530(c): reasonable safeguards)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from carecoord.domain.messages.recipients import Kind
from carecoord.words.sentence import Sentence, Value, fill, say, sentence, words

Own = Mapping[tuple[str, str], str]  # (name, language) -> the words that an office has of its own
MOST_WORDS: Final = 2_000  # characters
_PLACE: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Fields:
    """What a case fills places with; empty where it does not say. `report_read`: by the clinician who refers. `appeal`,
    `due`: until when a decision can be appealed, and when it is made at last."""

    office: str
    phone: str
    clinic: str
    payer: str
    patient: str
    number: str
    visit: datetime | None
    report_read: bool = False
    member: str = ""  # the number on the card
    request: str = ""  # the number of the request for authorization
    appeal: date | None = None
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """`to`: to whom it is written as a message, nobody where it is printed; `needs`: what a case must say before the
    shipped words fit; `may`: the places that own words may have; `once`: what must be so, whatever the words are."""

    title: Sentence
    to: frozenset[Kind]
    needs: tuple[str, ...]
    body: Callable[[Fields], Sentence]
    may: tuple[str, ...]
    once: tuple[str, ...] = ()


_NOTHING: Final = Fields("", "", "", "", "", "", None)
_FAMILY: Final[frozenset[Kind]] = frozenset({"patient", "relative"})
_CLINIC: Final[frozenset[Kind]] = frozenset({"clinic"})
_NOBODY: Final[frozenset[Kind]] = frozenset()
_TO_FAMILY: Final = ("office", "phone", "clinic", "payer", "patient", "number", "visit")
_TO_CLINIC: Final = ("office", "phone", "clinic", "number", "visit")
_ON_PAPER: Final = ("office", "phone", "clinic", "number")
_DECISION: Final = ("payer", "phone", "clinic", "patient", "member", "request", "appeal", "due")
TEMPLATES: Final[Mapping[str, Template]] = {
    "referral-sent": Template(
        sentence("message.referral-sent.title"), _FAMILY, ("clinic", "phone"),
        lambda of: sentence("message.referral-sent", clinic=of.clinic, office=of.office, phone=of.phone),
        _TO_FAMILY, ("clinic",),
    ),
    "report-read": Template(
        sentence("message.report-read.title"), _FAMILY, ("clinic", "phone"),
        lambda of: sentence("message.report-read", clinic=of.clinic, office=of.office, phone=of.phone),
        _TO_FAMILY, ("report_read",),
    ),
    "visit": Template(
        sentence("message.visit.title"), _FAMILY, ("visit", "clinic", "phone"),
        lambda of: sentence("message.visit", clinic=of.clinic, at=of.visit or "", office=of.office, phone=of.phone),
        _TO_FAMILY, ("visit",),
    ),
    "call-us": Template(
        sentence("message.call-us.title"), _FAMILY, ("phone",),
        lambda of: sentence("message.call-us", office=of.office, phone=of.phone), _TO_FAMILY,
    ),
    "card": Template(
        sentence("message.card.title"), _FAMILY, ("phone",),
        lambda of: sentence("message.card", office=of.office, phone=of.phone), _TO_FAMILY,
    ),
    "waiting": Template(
        sentence("message.waiting.title"), _FAMILY, ("payer",),
        lambda of: sentence("message.waiting", payer=of.payer, office=of.office), _TO_FAMILY, ("payer",),
    ),
    "answer-wanted": Template(
        sentence("message.answer-wanted.title"), _CLINIC, ("phone",),
        lambda of: sentence("message.answer-wanted", number=of.number, office=of.office, phone=of.phone), _TO_CLINIC,
    ),
    "report-wanted": Template(
        sentence("message.report-wanted.title"), _CLINIC, ("visit",),
        lambda of: sentence("message.report-wanted", number=of.number, at=of.visit or "", office=of.office),
        _TO_CLINIC, ("visit",),
    ),
    "cover-clinic": Template(
        sentence("message.cover-clinic.title"), _NOBODY, (), lambda of: sentence("message.cover-clinic"), _ON_PAPER,
    ),
    "cover-family": Template(
        sentence("message.cover-family.title"), _NOBODY, (),
        lambda of: sentence("message.cover-family", office=of.office), _ON_PAPER,
    ),
    "decision-approved": Template(
        sentence("message.decision-approved.title"), _NOBODY, (),
        lambda of: sentence("message.decision-approved", clinic=of.clinic, patient=of.patient), _DECISION,
    ),
    "decision-modified": Template(
        sentence("message.decision-modified.title"), _NOBODY, (),
        lambda of: sentence("message.decision-modified", clinic=of.clinic, patient=of.patient), _DECISION,
    ),
    "decision-denied": Template(
        sentence("message.decision-denied.title"), _NOBODY, (),
        lambda of: sentence("message.decision-denied", clinic=of.clinic, patient=of.patient), _DECISION,
    ),
    "decision-asked": Template(
        sentence("message.decision-asked.title"), _NOBODY, (),
        lambda of: sentence("message.decision-asked", clinic=of.clinic, patient=of.patient), _DECISION,
    ),
    "decision-extended": Template(
        sentence("message.decision-extended.title"), _NOBODY, (),
        lambda of: sentence("message.decision-extended", clinic=of.clinic, patient=of.patient), _DECISION,
    ),
    "decision-appeal": Template(
        sentence("message.decision-appeal.title"), _NOBODY, (),
        lambda of: sentence("message.decision-appeal", patient=of.patient), _DECISION,
    ),
}  # fmt: skip


def fits(name: str, of: Fields, language: str, own: Own) -> bool:
    """Whether a case fills every place of the words that somebody who reads this language gets."""
    template, mine = TEMPLATES[name], own.get((name, language))
    needs = template.needs if mine is None else tuple(_PLACE.findall(mine))
    return all(getattr(of, each) for each in (*template.once, *needs))


def written(name: str, of: Fields, language: str, own: Own) -> str:
    """The words with their places filled: the office's own, else those that are shipped."""
    mine = own.get((name, language))
    if mine is None:
        return say(TEMPLATES[name].body(of), language)
    return fill(mine, {place: _value(of, place) for place in TEMPLATES[name].may}, language)


def shipped(name: str, language: str) -> str:
    """The shipped words as an office would write them, with their places in braces."""
    told = words(language)
    visit = told["message.own.visit"]
    return told[TEMPLATES[name].body(_NOTHING).key].replace(visit, "{visit}").replace("{at:long}", "{visit}")


def faults(name: str, mine: str) -> list[Sentence]:
    """What is wrong with words that an office would have of its own."""
    if not mine.strip():
        return [sentence("message.own.empty")]
    if len(mine) > MOST_WORDS:
        return [sentence("message.own.long", most=MOST_WORDS)]
    if set("{}") & set(_PLACE.sub("", mine)):
        return [sentence("message.own.brace")]
    may = TEMPLATES[name].may
    known = tuple("{" + each + "}" for each in may)
    return [
        sentence("message.own.place", place="{" + place + "}", known=known)
        for place in dict.fromkeys(_PLACE.findall(mine))
        if place not in may
    ]


def _value(of: Fields, place: str) -> Value:
    if place == "visit":
        return sentence("message.own.visit", at=of.visit) if of.visit else ""
    said: Value = getattr(of, place)
    return said or ""
