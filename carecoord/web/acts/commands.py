"""What each act's form says, and the act that it asks for: one row an act."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

from auth.grant import Grant
from carecoord.actions.acts import contacts, documents, referrals, reports, visits, withdrawals, work
from carecoord.actions.acts.act import Done, Submission
from carecoord.actions.acts.contacts import Logged, Whom
from carecoord.actions.acts.documents import Attached, Shared, Upload
from carecoord.actions.acts.reports import Reported
from carecoord.actions.messages import messages
from carecoord.actions.messages.messages import Written
from carecoord.actions.prior_auth import eligibility, request_acts
from carecoord.actions.questionnaires import ask
from carecoord.domain.contacts.acts import How, Outcome
from carecoord.domain.documents.kinds import KINDS
from carecoord.domain.referrals.withdrawals import Amendment
from carecoord.errors import Unprocessable
from carecoord.web.acts.buttons import HOW, OUTCOMES, PRIORITIES
from carecoord.web.acts.forms import Reader
from carecoord.words.catalogue import spoken
from carecoord.world import World

WRITTEN: Final = frozenset({"letter", "fax"})  # what is sent reaches nobody at once

Do = Callable[[World, Grant, str, Submission, Any], Done]


@dataclass(frozen=True)
class Command:
    """`read` makes what the act is given of the fields and files, and notes what is wrong with them; `do` does it."""

    read: Callable[[Reader], Any]
    do: Do


def _note(reader: Reader) -> str:
    return reader.text("note", spoken("acts.write-note-or-close-form"))


def _assign(reader: Reader) -> str:
    return reader.text("to", spoken("acts.choose-who-have-it"), most=200)


def _snooze(reader: Reader) -> Any:
    if reader.values.get("wake"):
        return None
    return reader.day("until", spoken("acts.write-day-on-which-it"))


def _contact(reader: Reader) -> Logged:
    """Who and reference are never demanded: nobody answers to give them."""
    whom, _, number = reader.values.get("whom", "").partition("|")
    if whom not in get_args(Whom):
        reader.fault("whom", spoken("acts.choose-whom-you-called-or"))
    how = reader.choice("how", HOW, spoken("acts.choose-how"))
    outcome = "message" if how in WRITTEN else reader.choice("outcome", OUTCOMES, spoken("acts.choose-what-came-it"))
    return Logged(
        cast("Whom", whom), cast("How", how), cast("Outcome", outcome), reader.text("who", most=200),
        reader.text("reference", most=100), reader.text("note"), number[:60], reader.day("touch"),
    )  # fmt: skip


def _nothing(_: Reader) -> None:
    return None


def _reason(reader: Reader) -> str:
    return reader.text("reason", spoken("acts.say-why"), most=500)


def _teller(reader: Reader) -> str:
    return reader.text("who", spoken("acts.write-who-said-so-at"), most=200)


def _refusal(reader: Reader) -> tuple[str, str]:
    return _teller(reader), _reason(reader)


def _words(reader: Reader) -> str:
    return reader.text("note", spoken("acts.write-what-you-ask-or"))


def _advice(reader: Reader) -> str:
    return reader.text("note", spoken("acts.write-advice"))


def _amendment(reader: Reader) -> Amendment:
    """Only what is to be different is written, and why."""
    said = reader.values.get("priority", "")
    priority = reader.choice("priority", PRIORITIES, spoken("acts.choose-how-urgent-it")) if said else ""
    return Amendment(
        reader.text("why", spoken("acts.say-why-clinic"), most=500), priority, reader.text("reason", most=500),
        reader.text("note"), reader.day("until"),
    )  # fmt: skip


def _report(reader: Reader) -> Reported:
    """Neither file nor document is demanded: a report may be kept elsewhere."""
    file, note = upload(reader), reader.text("note", most=500)
    return Reported(note, file, reader.values.get("document", "")[:200])


def _attach(reader: Reader) -> Attached | None:
    file, kind = upload(reader), reader.choice("kind", KINDS, spoken("acts.choose-what-kind-document-it"))
    if file is None and not any(fault.field == "file" for fault in reader.faults):
        reader.fault("file", spoken("acts.choose-file"))
    day, note = reader.past_day("day"), reader.text("note", most=500)
    return Attached(file, kind, day, note, bool(reader.values.get("send"))) if file else None


def _share(reader: Reader) -> Shared:
    chosen = [name.partition("-")[2] for name in reader.values if name.startswith("document-")]
    if not chosen:
        reader.fault("documents", spoken("acts.choose-what-be-sent"))
    return Shared([f"DocumentReference/{id}" for id in chosen], reader.text("note"))


def upload(reader: Reader) -> Upload | None:
    """The file that was chosen, if it can be kept; else its fault says why not."""
    sent = reader.file("file")
    try:
        return documents.upload(*sent, reader.most) if sent else None
    except Unprocessable as refused:
        reader.fault("file", refused.text)
        return None


def _clinic(reader: Reader) -> str:
    return reader.text("to", spoken("acts.choose-whom-it-goes"), most=200)


def _visit(reader: Reader) -> Any:
    return reader.moment("day", "time", spoken("acts.write-day-visit"), spoken("acts.write-its-time-such-as"))


def _message(reader: Reader) -> Written:
    to = reader.text("to", spoken("case.choose-whom-it-goes"), most=200)
    words = reader.text("note", spoken("case.write-message"))
    if reader.values.get("foreign") and not reader.values.get("checked"):
        reader.fault("checked", spoken("case.read-it-in-their-language"))
    chosen = [f"DocumentReference/{name.partition('-')[2]}" for name in reader.values if name.startswith("document-")]
    return Written(to, words, chosen)


def _form(reader: Reader) -> str:
    return reader.text("form", spoken("acts.choose-form"), most=64)


def _instructions(reader: Reader) -> str:
    words = reader.text("note", spoken("acts.write-instructions"))
    if reader.values.get("foreign") and not reader.values.get("checked"):
        reader.fault("checked", spoken("case.read-it-in-their-language"))
    return words


COMMANDS: Final[Mapping[str, Command]] = {
    "note": Command(_note, contacts.note),
    "receive": Command(_nothing, contacts.receive),
    "contact": Command(_contact, contacts.contact),
    "attach": Command(_attach, documents.attach),
    "share": Command(_share, documents.share),
    "message": Command(_message, messages.write),
    "give-form": Command(_form, ask.give),
    "check-eligibility": Command(_nothing, eligibility.check_for_case),
    "begin-request": Command(_nothing, request_acts.begin),
    "instruct": Command(_instructions, ask.instruct),
    "assign": Command(_assign, work.assign),
    "snooze": Command(_snooze, work.snooze),
    "send": Command(_nothing, referrals.send),
    "accept": Command(_nothing, referrals.accept),
    "decline": Command(_reason, referrals.decline),
    "ask": Command(_words, referrals.ask),
    "advise": Command(_advice, referrals.advise),
    "ask-another": Command(_clinic, referrals.ask_another),
    "release": Command(_nothing, referrals.release),
    "replace": Command(_amendment, referrals.amend),
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
