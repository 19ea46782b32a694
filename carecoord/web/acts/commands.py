"""What each act's form says, and the act that it asks for: one row an act."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

from auth.grant import Grant
from carecoord.actions.acts import contacts, referrals, reports, visits, withdrawals, work
from carecoord.actions.acts.act import Done, Submission
from carecoord.actions.acts.contacts import Logged, Whom
from carecoord.domain.contacts.acts import How, Outcome
from carecoord.web.acts.forms import Reader
from carecoord.web.acts.view import HOW, OUTCOMES
from carecoord.world import World

WRITTEN: Final = frozenset({"letter", "fax"})  # what is sent reaches nobody at once

Do = Callable[[World, Grant, str, Submission, Any], Done]


@dataclass(frozen=True)
class Command:
    """`read` makes what the act is given of the fields, and notes what is wrong with them; `do` does it."""

    read: Callable[[Reader], Any]
    do: Do


def _note(reader: Reader) -> str:
    return reader.text("note", "Write the note, or close the form.")


def _assign(reader: Reader) -> str:
    return reader.text("to", "Choose who is to have it.", most=200)


def _snooze(reader: Reader) -> Any:
    if reader.values.get("wake"):
        return None
    return reader.day("until", "Write the day on which it is to come back.")


def _contact(reader: Reader) -> Logged:
    """Who and reference are never demanded: nobody answers to give them."""
    whom, _, number = reader.values.get("whom", "").partition("|")
    if whom not in get_args(Whom):
        reader.fault("whom", "Choose whom you called or wrote to.")
    how = reader.choice("how", HOW, "Choose how.")
    outcome = "message" if how in WRITTEN else reader.choice("outcome", OUTCOMES, "Choose what came of it.")
    return Logged(
        cast("Whom", whom), cast("How", how), cast("Outcome", outcome), reader.text("who", most=200),
        reader.text("reference", most=100), reader.text("note"), number[:60], reader.day("touch"),
    )  # fmt: skip


def _nothing(_: Reader) -> None:
    return None


def _reason(reader: Reader) -> str:
    return reader.text("reason", "Say why.", most=500)


def _teller(reader: Reader) -> str:
    return reader.text("who", "Write who said so at the clinic.", most=200)


def _refusal(reader: Reader) -> tuple[str, str]:
    return _teller(reader), _reason(reader)


def _words(reader: Reader) -> str:
    return reader.text("note", "Write what you ask or answer.")


def _report(reader: Reader) -> str:
    return reader.text("note", most=500)


def _clinic(reader: Reader) -> str:
    return reader.text("to", "Choose to whom it goes.", most=200)


def _visit(reader: Reader) -> Any:
    return reader.moment("day", "time", "Write the day of the visit.", "Write its time, such as 14:30.")


COMMANDS: Final[Mapping[str, Command]] = {
    "note": Command(_note, contacts.note),
    "contact": Command(_contact, contacts.contact),
    "assign": Command(_assign, work.assign),
    "snooze": Command(_snooze, work.snooze),
    "send": Command(_nothing, referrals.send),
    "accept": Command(_nothing, referrals.accept),
    "decline": Command(_reason, referrals.decline),
    "ask": Command(_words, referrals.ask),
    "answer": Command(_words, referrals.answer),
    "reopen": Command(_clinic, referrals.reopen),
    "hear-yes": Command(_teller, referrals.hear_yes),
    "hear-no": Command(_refusal, referrals.hear_no),
    "withdraw": Command(_reason, withdrawals.withdraw),
    "confirm-cancel": Command(_nothing, withdrawals.confirm),
    "refuse-cancel": Command(_reason, withdrawals.refuse),
    "book": Command(_visit, visits.book),
    "move": Command(_visit, visits.move),
    "cancel": Command(_reason, visits.cancel),
    "arrive": Command(_nothing, visits.arrive),
    "no-show": Command(_nothing, visits.no_show),
    "report": Command(_report, reports.report),
    "acknowledge": Command(_nothing, reports.acknowledge),
    "tell": Command(_nothing, reports.tell),
}
