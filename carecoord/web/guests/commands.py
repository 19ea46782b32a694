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
from carecoord.domain.access.verbs import Verb
from carecoord.domain.guests.acts import MOST
from carecoord.web.acts import days
from carecoord.web.acts.commands import Command, upload
from carecoord.web.acts.forms import Reader
from carecoord.words.catalogue import spoken

REASONS: Final = {  # why a clinic declines, as it chooses
    "no-room": "No room for new patients",
    "not-ours": "Not what we do",
    "papers": "Papers are missing",
    "sooner": "They should be seen sooner than we can",
    "other": "Another reason",
}
AFTER: Final = {"back": "Back to whoever referred", "again": "We see them again", "call": "Somebody should call us"}
_DIGITS: Final = 5  # a telephone number has at least so many


def signature(values: Mapping[str, str]) -> tuple[str, str]:
    """The name and the telephone number with which a form is signed."""
    return " ".join(values.get("name", "").split())[:80], " ".join(values.get("phone", "").split())[:40]


def _signed(read: Callable[[Reader], Any]) -> Callable[[Reader], Any]:
    """Reads a form that is signed."""

    def reading(reader: Reader) -> Any:
        given = read(reader)
        reader.text("name", "Write your name: it stands under what you send.", most=80)
        phone = reader.text("phone", "Write the number on which we reach you.", most=40)
        if phone and len(re.sub(r"\D", "", phone)) < _DIGITS:
            reader.fault("phone", f"“{phone}” is no telephone number. Write it as 555-0117.")
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
            reader.fault(f"time-{n}", "You offer this time twice. Change it, or leave it empty.")
        found.append(start)
    return found


def _new_times(reader: Reader) -> list[datetime]:
    found = _times(reader)
    if not found and not reader.faults:
        reader.fault("time-1", "Write at least one time, such as Mon 30 Nov 15:00.")
    return found


def _refusal(reader: Reader) -> str:
    code = reader.choice("why", REASONS, "Choose why.")
    more = reader.text("reason", "Say why." if code == "other" else "", most=400)
    if code == "no-room":
        until = _until(reader)
        more = f"{until}. {more}".strip(". ") if until else more
    said = "" if code == "other" else REASONS.get(code, "")
    return f"{said}: {more}" if said and more else said or more


def _until(reader: Reader) -> str:
    """Until when there is no room, in words: a clinic that says so is asked again then."""
    said = reader.text("until", "Give a day, or “not known”.", most=60)
    if not said or "know" in said.casefold():
        return "until when is not known" if said else ""
    try:
        return f"until {days.read(said, reader.today).full}"
    except ValueError as unread:
        reader.fault("until", f"{unread} Or write “not known”.")
        return ""


def _note(reader: Reader) -> Reported | None:
    file = upload(reader)
    if file is None and not any(fault.field == "file" for fault in reader.faults):
        reader.fault("file", "Choose the file, or photograph the pages.")
    line, after = reader.text("line", most=300), AFTER.get(reader.values.get("after", ""), "")
    return Reported(". ".join(part.rstrip(".") for part in (line, after) if part), file) if file else None


def _question(reader: Reader) -> str:
    return reader.text("note", "Write what you need to know.")


def _asked(reader: Reader) -> str:
    return reader.text("note", spoken("guest.ask.empty"), most=2000)


OF_PATIENT: Final[Mapping[Verb, Command]] = {
    "choose": Command(lambda reader: reader.values.get("visit", "")[:200], patient.choose),
    "attend": Command(lambda _: None, patient.attend),
    "ask-to-move": Command(_asked, patient.ask_to_move),
    "message": Command(_asked, messages.ask_office),
    "stop-messages": Command(lambda _: None, patient.stop_messages),
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
