"""What the form of each act on an agreement says, and the act that it asks for: one row an act."""

from collections.abc import Mapping
from typing import Final

from auth.grant import Grant
from carecoord.actions.acts.act import Done, Submission
from carecoord.actions.acts.documents import Upload
from carecoord.actions.agreements import acts
from carecoord.actions.agreements.acts import Ending, Filed, Noticed
from carecoord.domain.documents.kinds import OF_AGREEMENTS
from carecoord.web.acts.commands import Command, upload
from carecoord.web.acts.forms import Reader
from carecoord.world import World

HOW: Final = {"letter": "Letter", "email": "Email", "fax": "Fax", "portal": "Portal", "hand": "By hand"}


class Unconfirmed(Exception):
    """An end that was asked for before anybody saw what hangs on the agreement."""


def _notice(reader: Reader) -> Noticed | None:
    day = reader.past_day("day", "Write the day on which notice was given.")
    how = reader.choice("how", HOW, "Choose how notice was given.")
    words = reader.text("note", most=500)
    return Noticed(day, how, words) if day else None


def _end(reader: Reader) -> Ending | None:
    last = reader.any_day("day", "Write the last day of the agreement.")
    why = reader.text("reason", "Say why it ends.", most=500)
    return Ending(last, why, reader.values.get("counted", "")[:100]) if last else None


def _file(reader: Reader) -> Filed | None:
    file: Upload | None = upload(reader)
    kind = reader.choice("kind", OF_AGREEMENTS, "Choose what kind of document it is.")
    if file is None and not any(fault.field == "file" for fault in reader.faults):
        reader.fault("file", "Choose the file.")
    day, note = reader.past_day("day"), reader.text("note", most=500)
    return Filed(file, kind, day, note) if file else None


def _confirmed(world: World, grant: Grant, request: str, submission: Submission, given: Ending) -> Done:
    """End it, once what hangs on it was seen. Raises Unconfirmed before."""
    if not given.counted:
        raise Unconfirmed
    return acts.end(world, grant, request, submission, given)


COMMANDS: Final[Mapping[str, Command]] = {
    "give-notice": Command(_notice, acts.give_notice),
    "end": Command(_end, _confirmed),
    "file": Command(_file, acts.file),
}
