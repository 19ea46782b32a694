"""Messages that are written often, with the places that a case fills: read by the patient in their language, and by
whoever sends one before it goes. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from carecoord.domain.messages.recipients import Kind
from carecoord.words.sentence import Sentence, sentence


@dataclass(frozen=True, slots=True)
class Fields:
    """What a case fills places with; empty where it does not say. `report_read`: by the clinician who refers."""

    office: str
    phone: str
    clinic: str
    payer: str
    patient: str
    number: str
    visit: datetime | None
    report_read: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """`to`: to whom it is written; `fits`: whether a case fills its places."""

    title: Sentence
    to: frozenset[Kind]
    fits: Callable[[Fields], bool]
    body: Callable[[Fields], Sentence]


_FAMILY: Final[frozenset[Kind]] = frozenset({"patient", "relative"})
_CLINIC: Final[frozenset[Kind]] = frozenset({"clinic"})
TEMPLATES: Final[Mapping[str, Template]] = {
    "report-read": Template(
        sentence("message.report-read.title"), _FAMILY, lambda of: bool(of.report_read and of.clinic and of.phone),
        lambda of: sentence("message.report-read", clinic=of.clinic, office=of.office, phone=of.phone),
    ),
    "visit": Template(
        sentence("message.visit.title"), _FAMILY, lambda of: bool(of.visit and of.clinic and of.phone),
        lambda of: sentence("message.visit", clinic=of.clinic, at=of.visit or "", office=of.office, phone=of.phone),
    ),
    "call-us": Template(
        sentence("message.call-us.title"), _FAMILY, lambda of: bool(of.phone),
        lambda of: sentence("message.call-us", office=of.office, phone=of.phone),
    ),
    "card": Template(
        sentence("message.card.title"), _FAMILY, lambda of: bool(of.phone),
        lambda of: sentence("message.card", office=of.office, phone=of.phone),
    ),
    "waiting": Template(
        sentence("message.waiting.title"), _FAMILY, lambda of: bool(of.payer),
        lambda of: sentence("message.waiting", payer=of.payer, office=of.office),
    ),
    "answer-wanted": Template(
        sentence("message.answer-wanted.title"), _CLINIC, lambda of: bool(of.phone),
        lambda of: sentence("message.answer-wanted", number=of.number, office=of.office, phone=of.phone),
    ),
    "report-wanted": Template(
        sentence("message.report-wanted.title"), _CLINIC, lambda of: bool(of.visit),
        lambda of: sentence("message.report-wanted", number=of.number, at=of.visit or "", office=of.office),
    ),
}  # fmt: skip
