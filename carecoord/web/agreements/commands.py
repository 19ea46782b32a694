"""What the form of each act on an agreement says, and the act that it asks for: one row an act."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from auth.grant import Grant
from carecoord.actions.acts.act import Done, Submission
from carecoord.actions.acts.documents import Upload
from carecoord.actions.agreements import acts, drafts
from carecoord.actions.agreements.acts import Ending, Filed, Noticed
from carecoord.actions.agreements.drafts import Wanted
from carecoord.domain.agreements import kinds
from carecoord.domain.agreements.acts import Amendment, Span
from carecoord.domain.documents.kinds import OF_AGREEMENTS
from carecoord.web.acts.commands import Command, upload
from carecoord.web.acts.forms import Reader
from carecoord.web.agreements.agreement_view import AMENDMENTS, TERMS
from carecoord.web.agreements.register_view import KINDS
from carecoord.world import World

HOW: Final = {"letter": "Letter", "email": "Email", "fax": "Fax", "portal": "Portal", "hand": "By hand"}


TOPICS: Final = {"rate-only": "rate-schedule", "term": "renewal"}  # what an amendment of these kinds is about


class Unconfirmed(Exception):
    """An act that was asked for before anybody saw what there is to see of it: what hangs on an agreement that is to
    end, the networks of the payer of a new one."""


def _span(reader: Reader) -> Span:
    last, evergreen = reader.any_day("last"), bool(reader.values.get("evergreen"))
    months, ahead = reader.whole("months", 1, 120), reader.whole("ahead", 1, 730)
    if evergreen and last is None and not any(fault.field == "last" for fault in reader.faults):
        reader.fault("last", "Write the last day of the first term: it goes on from there.")
    return Span(last, evergreen, months, ahead)


def _amend(reader: Reader) -> Amendment | None:
    kind = reader.choice("kind", AMENDMENTS, "Choose what kind of amendment it is.")
    start = reader.any_day("start", "Write from when it holds. The day may be over.")
    topic = TOPICS.get(kind) or reader.choice("topic", TERMS, "Choose what the change is about.")
    words = reader.text("words", "Write what changes.")
    span, limit = _span(reader), reader.money("limit")
    if kind == "rate-only" and (span != Span() or limit is not None):
        reader.fault("kind", "Rates only: leave the term and the limit as they are, or choose another kind.")
    return Amendment(kind, start, topic, words, span, limit) if start else None


def _sign(reader: Reader) -> date | None:
    return reader.past_day("day", "Write the day on which it was signed.")


def _drop(reader: Reader) -> str:
    return reader.text("reason", "Say why it is dropped.", most=500)


def _draft(reader: Reader) -> tuple[Wanted, bool] | None:
    kind = reader.choice("kind", KINDS, "Choose what kind of agreement it is.")
    number = reader.text("number", "Write the agreement number.", most=60)
    first, second = (reader.text(name, "Write a name or an NPI.", 200) for name in ("first", "second"))
    start, title = reader.any_day("start", "Write its first day."), reader.text("title", most=200)
    span, limit = _span(reader), reader.money("limit")
    if start and span.last and span.last < start:
        reader.fault("last", "The last day lies before the first. Write a later one.")
    terms = {code: said for code in kinds.KINDS.get(kind, ()) if (said := reader.text(f"term-{code}"))}
    chosen = tuple(f"Organization/{name[len('network-'):]}" for name in reader.values if name.startswith("network-"))
    if start is None:
        return None
    wanted = Wanted(kind, number, title, (first, second), start, span, limit, terms, chosen)
    return wanted, bool(reader.values.get("offered"))


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


def _chosen(world: World, grant: Grant, request: str, submission: Submission, given: tuple[Wanted, bool]) -> Done:
    """Draft it, once the networks of its payer were there to choose from. Raises Unconfirmed before."""
    wanted, offered = given
    unseen = wanted.kind == "payer-provider" and not wanted.networks and not offered
    if unseen and drafts.choices(world, grant, request, wanted.sides[0]).networks:
        raise Unconfirmed
    return drafts.draft(world, grant, request, submission, wanted)


COMMANDS: Final[Mapping[str, Command]] = {
    "draft": Command(_draft, _chosen),
    "amend": Command(_amend, drafts.amend),
    "sign": Command(_sign, drafts.sign),
    "drop": Command(_drop, drafts.drop),
    "give-notice": Command(_notice, acts.give_notice),
    "end": Command(_end, _confirmed),
    "file": Command(_file, acts.file),
}
