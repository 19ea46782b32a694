"""What each form of a clinic's link says, and the act that it asks for. Every form is signed: a name, and a telephone
number on which the office reaches whoever signed."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from carecoord.actions.acts import referrals, reports, visits
from carecoord.actions.acts.reports import Reported
from carecoord.actions.guests import clinic, patient
from carecoord.actions.messages import messages
from carecoord.actions.questionnaires import fill
from carecoord.domain.access.verbs import Verb
from carecoord.domain.guests.acts import MOST
from carecoord.web.acts import days
from carecoord.web.acts.commands import Command, upload
from carecoord.web.acts.forms import Reader
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.reader import DEFAULT, reading_in
from carecoord.words.sentence import sentence

REASONS: Final[Mapping[str, str]] = Glossary(
    {  # why a clinic declines, as it chooses
        "no-room": sentence("guest.reasons.no-room"),
        "not-ours": sentence("guest.reasons.not-ours"),
        "papers": sentence("guest.reasons.papers"),
        "sooner": sentence("guest.reasons.sooner"),
        "other": sentence("guest.reasons.other"),
    }
)
AFTER: Final[Mapping[str, str]] = Glossary(
    {"back": sentence("guest.after.back"), "again": sentence("guest.after.again"), "call": sentence("guest.after.call")}
)
_DIGITS: Final = 5  # a telephone number has at least so many


def signature(values: Mapping[str, str]) -> tuple[str, str]:
    """The name and the telephone number with which a form is signed."""
    return " ".join(values.get("name", "").split())[:80], " ".join(values.get("phone", "").split())[:40]


def _signed(read: Callable[[Reader], Any]) -> Callable[[Reader], Any]:
    """Reads a form that is signed."""

    def reading(reader: Reader) -> Any:
        given = read(reader)
        reader.text("name", spoken("guest.write-your-name-it-stands"), most=80)
        phone = reader.text("phone", spoken("guest.write-number-on-which-we"), most=40)
        if phone and len(re.sub(r"\D", "", phone)) < _DIGITS:
            reader.fault("phone", spoken("guest.no-telephone-number-write-it", phone=phone))
        return given

    return reading


def _times(reader: Reader) -> list[datetime]:
    """The times that are offered, each in a line of its own, in order; none is demanded."""
    found: list[datetime] = []
    for n in range(1, MOST + 1):
        said = reader.text(f"time-{n}", most=60)
        if not said:
            continue
        try:
            day, at = days.read_moment(said, reader.today)
        except ValueError as unread:
            reader.fault(f"time-{n}", str(unread))
            continue
        start = datetime.combine(day, at, reader.zone)
        if start in found:
            reader.fault(f"time-{n}", spoken("guest.you-offer-this-time-twice"))
        found.append(start)
    return found


def _new_times(reader: Reader) -> list[datetime]:
    found = _times(reader)
    if not found and not reader.faults:
        reader.fault("time-1", spoken("guest.write-at-least-one-time"))
    return found


def _refusal(reader: Reader) -> str:
    code = reader.choice("why", REASONS, spoken("guest.choose-why"))
    more = reader.text("reason", spoken("guest.say-why") if code == "other" else "", most=400)
    if code == "no-room":
        until = _until(reader)
        more = f"{until}. {more}".strip(". ") if until else more
    with reading_in(DEFAULT):  # it stands in the record, whoever wrote it in whatever language
        said = "" if code == "other" else REASONS.get(code, "")
    return f"{said}: {more}" if said and more else said or more


def _until(reader: Reader) -> str:
    """Until when there is no room, in words: a clinic that says so is asked again then."""
    said = reader.text("until", spoken("guest.give-day-or-not-known"), most=60)
    if not said or "know" in said.casefold():
        return spoken("guest.until-when-not-known") if said else ""
    try:
        return spoken("guest.until", full=days.read(said, reader.today).full)
    except ValueError as unread:
        reader.fault("until", spoken("guest.or-write-not-known", unread=str(unread)))
        return ""


def _note(reader: Reader) -> Reported | None:
    file = upload(reader)
    if file is None and not any(fault.field == "file" for fault in reader.faults):
        reader.fault("file", spoken("guest.choose-file-or-photograph-pages"))
    with reading_in(DEFAULT):
        after = AFTER.get(reader.values.get("after", ""), "")
    line = reader.text("line", most=300)
    return Reported(". ".join(part.rstrip(".") for part in (line, after) if part), file) if file else None


def _question(reader: Reader) -> str:
    return reader.text("note", spoken("guest.write-what-you-need-know"))


def _asked(reader: Reader) -> str:
    return reader.text("note", spoken("guest.ask.empty"), most=2000)


OF_PATIENT: Final[Mapping[Verb, Command]] = {
    "choose": Command(lambda reader: reader.values.get("visit", "")[:200], patient.choose),
    "attend": Command(lambda _: None, patient.attend),
    "ask-to-move": Command(_asked, patient.ask_to_move),
    "message": Command(_asked, messages.ask_office),
    "stop-messages": Command(lambda _: None, patient.stop_messages),
    "have-read": Command(lambda reader: reader.values.get("task", "")[:64], fill.have_read),
}
CLINIC: Final[Mapping[str, Command]] = {
    "accept": Command(_signed(_times), clinic.accept),
    "decline": Command(_signed(_refusal), referrals.decline),
    "ask": Command(_signed(_question), referrals.ask),
    "offer": Command(_signed(_new_times), clinic.offer),
    "arrive": Command(_signed(lambda _: None), visits.arrive),
    "no-show": Command(_signed(lambda _: None), visits.no_show),
    "report": Command(_signed(_note), reports.report),
    "message": Command(_signed(_question), messages.ask_office),
}
