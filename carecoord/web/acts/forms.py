"""The kit that every form of an act is made with: what was typed, what is wrong with it, what was changed meanwhile.
All that was typed is kept, whatever comes of it."""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal

from werkzeug.datastructures import FileStorage

from carecoord.actions.acts.act import Submission
from carecoord.actions.terms.choices import Coded, Offer
from carecoord.domain.terms.vocabularies import VOCABULARIES, Vocabulary
from carecoord.web.acts import days
from carecoord.words.catalogue import spoken

LONGEST = 4000  # characters of a text
LookUp = Callable[[Vocabulary, str], Coded | Offer]  # what is chosen from, and what was typed
_OWN = ("csrf", "once", "back", "seen")  # fields of the kit, not of the act


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field, and what to write there. `field`: its name, empty for the whole form."""

    field: str
    text: str


@dataclass(frozen=True)
class Changed:
    """What a colleague changed meanwhile: who and when, what it was and is, and what one has written oneself."""

    who: str
    when: str
    before: str
    theirs: str
    yours: str


@dataclass(frozen=True)
class State:
    """A form as it is shown: anew, or with what came of it. `faults`: why it was not done; `notice`: what else there is
    to know; `changed`: what stood in its way; `offers`: by field, the codes that what was typed there may mean."""

    verb: str
    values: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    notice: str = ""
    changed: Changed | None = None
    offers: Mapping[str, Offer] = field(default_factory=dict)
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    def value(self, name: str, otherwise: str = "") -> str:
        """What stands in a field."""
        return self.values.get(name, otherwise)

    def fault(self, name: str) -> str:
        """What is wrong with a field, empty where nothing is."""
        return next((each.text for each in self.faults if each.field == name), "")


@dataclass
class Reader:
    """Reads the fields of one form, and gathers what is wrong with all of them. `most`: bytes of a file. `look_up`:
    what a code is read by; what a text may mean that is none is in `offers`, by field."""

    values: Mapping[str, str]
    today: date
    zone: tzinfo
    files: Mapping[str, FileStorage] = field(default_factory=dict)
    most: int = 0
    look_up: LookUp = lambda vocabulary, said: Offer()
    faults: list[Fault] = field(default_factory=list)
    offers: dict[str, Offer] = field(default_factory=dict)

    def text(self, name: str, missing: str = "", most: int = LONGEST) -> str:
        """A text, its ends trimmed. `missing`: what to say where there is none; empty: there need not be one."""
        said = "\n".join(line.rstrip() for line in self.values.get(name, "").replace("\r\n", "\n").split("\n")).strip()
        if any(ord(letter) < 32 and letter not in "\n\t" for letter in said):
            self.fault(name, spoken("acts.there-character-in-it-that"))
        if len(said) > most:
            self.fault(name, spoken("acts.it-has-characters-can-be", n=len(said), most=most))
        elif not said and missing:
            self.fault(name, missing)
        return said

    def choice(self, name: str, offered: Mapping[str, str], missing: str) -> str:
        """One of what was offered, by its code."""
        said = self.values.get(name, "")
        if said not in offered:
            self.fault(name, missing)
        return said

    def day(self, name: str, missing: str = "") -> date | None:
        """A day, today or later, as people write it."""
        said = self.text(name, missing, most=60)
        if not said:
            return None
        try:
            return days.read(said, self.today).day
        except ValueError as unread:
            self.fault(name, str(unread))
            return None

    def past_day(self, name: str, missing: str = "") -> date | None:
        """A day, today or before, as people write it."""
        said = self.text(name, missing, most=60)
        try:
            return days.read_past(said, self.today).day if said else None
        except ValueError as unread:
            self.fault(name, str(unread))
            return None

    def any_day(self, name: str, missing: str = "") -> date | None:
        """A day, over or to come, as people write it."""
        said = self.text(name, missing, most=60)
        try:
            return days.read_any(said, self.today).day if said else None
        except ValueError as unread:
            self.fault(name, str(unread))
            return None

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number between two; None where none was written."""
        said = self.text(name, most=20)
        if not said:
            return None
        if not said.isdecimal() or not least <= int(said) <= most:
            self.fault(name, spoken("acts.no-whole-number-from", said=said, least=least, most=most))
            return None
        return int(said)

    def money(self, name: str) -> Decimal | None:
        """An amount, as people write it: `250,000` or `$250000.50`; None where none was written."""
        said = self.text(name, most=30)
        plain = said.replace("$", "").replace(",", "").replace(" ", "")
        if said and not re.fullmatch(r"\d{1,12}(\.\d{1,2})?", plain, re.ASCII):
            self.fault(name, spoken("acts.no-amount-write-it-as", said=said))
            return None
        return Decimal(plain) if said else None

    def code(self, name: str, vocabulary: Vocabulary, missing: str = "") -> Coded | None:
        """A code, as somebody typed or chose it; None, and a fault with what may have been meant, where it is none."""
        said = self.text(name, missing, most=300)
        if said and said == self.values.get(f"{name}-asked"):
            said = self.values.get(f"{name}-hit") or said  # one of those that were offered for it
        read = self.look_up(vocabulary, said) if said else None
        if isinstance(read, Offer):
            self.offers[name] = read
            self.fault(name, _unread(said, vocabulary, read))
            return None
        return read

    def file(self, name: str) -> tuple[str, bytes] | None:
        """The name and the bytes of a file; None where none was chosen."""
        sent = self.files.get(name)
        return (sent.filename or "", sent.read()) if sent and sent.filename else None

    def moment(self, day: str, hour: str, no_day: str, no_hour: str) -> datetime | None:
        """A day and a time of it, in the office's zone."""
        on, said = self.day(day, no_day), self.text(hour, no_hour, most=20)
        if not said:
            return None
        at = days.hour(said)
        if at is None:
            self.fault(hour, spoken("acts.no-time-that-can-be", said=said))
        return datetime.combine(on, at, self.zone) if on and at else None

    def fault(self, name: str, text: str) -> None:
        """Note what is wrong with a field."""
        self.faults.append(Fault(name, text))


def _unread(said: str, vocabulary: Vocabulary, offer: Offer) -> str:
    if offer.waiting:
        return spoken("acts.can-not-be-looked-up", said=said)
    if offer.codes:
        return spoken("acts.no-code-choose-one-these", said=said)
    names = ", ".join(part.name for part in VOCABULARIES[vocabulary])
    lacking = ", ".join(offer.lacking)
    if lacking:
        return spoken("acts.no-code-words-not-here", said=said, lacking=lacking)
    return spoken("acts.no-code-has-these-words", names=names, said=said)


def typed(fields: Mapping[str, str], files: Mapping[str, FileStorage]) -> dict[str, str]:
    """What somebody typed or chose, without what the kit itself put into the form; of files their names."""
    chosen = {name: (file.filename or "")[:200] for name, file in files.items()}
    return chosen | {name: value for name, value in fields.items() if name not in _OWN and not name.startswith("_")}


def submission(case: str, fields: Mapping[str, str]) -> Submission:
    """The form as the act is to know it. `seen` says `Task/id:3 Appointment/id:1`."""
    pairs = (each.rpartition(":") for each in fields.get("seen", "").split())
    seen = {name: int(number) for name, _, number in pairs if name and number.isascii() and number.isdigit()}
    return Submission(case, fields.get("once", "")[:100] or secrets.token_urlsafe(12), seen)
