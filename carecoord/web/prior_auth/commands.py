"""What the form of each act of a clinic on its request says, and the act that it asks for: one row an act."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, cast

from carecoord.actions.prior_auth import eligibility, request_acts
from carecoord.actions.prior_auth.request_acts import Answered, Appealed, Called, Outgoing, Talk
from carecoord.domain.contacts.acts import How, Outcome
from carecoord.domain.prior_auth.clinic.asked import SPEEDS, Speed, Wish
from carecoord.domain.prior_auth.clinic.channels import CHANNELS, Channel
from carecoord.domain.prior_auth.clinic.peer import RESULTS, Result
from carecoord.web.acts.commands import Command
from carecoord.web.acts.forms import Reader
from carecoord.words.catalogue import spoken

MOST_UNITS: Final = 9999
HOW: Final = ("call", "fax")
OUTCOMES: Final = ("reached", "message", "no-answer", "wrong-number")


def _papers(reader: Reader) -> list[str]:
    return [name.partition("-")[2] for name in reader.values if name.startswith("document-")]


def _send(reader: Reader) -> Outgoing:
    way = reader.choice("channel", {each: each for each in CHANNELS}, spoken("requests.fault.channel"))
    return Outgoing(cast("Channel", way), reader.text("tracking", most=100), _papers(reader))


def _another(reader: Reader) -> Channel | None:
    """The way that was chosen where one is offered; None where none is."""
    return next((each for each in CHANNELS if each == reader.values.get("channel")), None)


def _put_in(reader: Reader) -> list[str]:
    chosen = _papers(reader)
    if not chosen:
        reader.fault("documents", spoken("requests.fault.documents"))
    return chosen


def _answer(reader: Reader) -> Answered:
    chosen, words = _papers(reader), reader.text("note", most=1000)
    if not chosen and not words:
        reader.fault("documents", spoken("requests.fault.answer"))
    return Answered(chosen, words)


def _extend(reader: Reader) -> Wish:
    units, last = reader.whole("units", 1, MOST_UNITS), reader.day("last")
    if units is None and last is None and not reader.faults:
        reader.fault("units", spoken("requests.fault.more"))
    return Wish(units, last, reader.text("note", spoken("requests.fault.why"), 1000), _another(reader))


def _appeal(reader: Reader) -> Appealed:
    speed = reader.choice("speed", {each: each for each in SPEEDS}, spoken("requests.fault.speed"))
    why = reader.text("note", spoken("requests.fault.why"), 2000)
    return Appealed(cast("Speed", speed), why, _papers(reader), _another(reader))


def _why(reader: Reader) -> str:
    return reader.text("note", spoken("requests.fault.why"), 500)


def _nothing(_: Reader) -> None:
    return None


def _talk(reader: Reader) -> Talk:
    who, at = reader.text("who", spoken("requests.fault.who"), 200), _hour(reader)
    return Talk(who, at)


def _hour(reader: Reader) -> datetime | None:
    if not reader.values.get("day", "").strip() and not reader.values.get("time", "").strip():
        return None
    return reader.moment("day", "time", spoken("requests.fault.day"), spoken("requests.fault.time"))


def _held(reader: Reader) -> tuple[Result, str]:
    said = reader.choice("result", {each: each for each in RESULTS}, spoken("requests.fault.result"))
    return cast("Result", said), reader.text("note", most=1000)


def _call(reader: Reader) -> Called:
    how = reader.choice("how", {each: each for each in HOW}, spoken("acts.choose-how"))
    outcome = reader.choice("outcome", {each: each for each in OUTCOMES}, spoken("acts.choose-what-came-it"))
    return Called(
        cast("How", how), cast("Outcome", outcome), reader.text("who", most=200), reader.text("reference", most=100),
        reader.text("note"), reader.day("touch"),
    )  # fmt: skip


COMMANDS: Final[Mapping[str, Command]] = {
    "send-request": Command(_send, request_acts.send),
    "put-in": Command(_put_in, request_acts.put_in),
    "answer-payer": Command(_answer, request_acts.answer),
    "extend-request": Command(_extend, request_acts.extend),
    "renew-request": Command(_nothing, request_acts.renew),
    "appeal": Command(_appeal, request_acts.appeal),
    "withdraw-request": Command(_why, request_acts.withdraw),
    "void-request": Command(_why, request_acts.void),
    "peer-to-peer": Command(_talk, request_acts.ask_peer),
    "tell-peer": Command(_held, request_acts.hold_peer),
    "call-payer": Command(_call, request_acts.call),
    "check-eligibility": Command(_nothing, eligibility.check),
}
