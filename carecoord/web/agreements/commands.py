"""What the form of each act on an agreement says, and the act that it asks for: one row an act."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from auth.grant import Grant
from carecoord.actions.acts.act import Done, Submission
from carecoord.actions.acts.documents import Upload
from carecoord.actions.agreements import acts, drafts, obligations, roster
from carecoord.actions.agreements.acts import Ending, Filed, Noticed
from carecoord.actions.agreements.drafts import Wanted
from carecoord.actions.agreements.obligations import Fulfilled, Owed
from carecoord.actions.agreements.roster import Placed
from carecoord.domain.agreements import kinds
from carecoord.domain.agreements.desk.acts import Amendment, Signed
from carecoord.domain.agreements.desk.drafts import Span
from carecoord.domain.documents.kinds import OF_AGREEMENTS
from carecoord.web.acts.commands import Command, upload
from carecoord.web.acts.forms import Reader
from carecoord.web.agreements import office_commands
from carecoord.web.agreements.register_view import KINDS
from carecoord.web.agreements.vocabulary import AMENDMENTS, TERMS
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

HOW: Final[Mapping[str, str]] = Glossary(
    {
        "letter": sentence("agreements.how.letter"),
        "email": sentence("agreements.how.email"),
        "fax": sentence("agreements.how.fax"),
        "portal": sentence("agreements.how.portal"),
        "hand": sentence("agreements.how.hand"),
    }
)
SIDES: Final = ("first", "second")  # fields of the parties
MOST_SIGNERS: Final = 9
TOPICS: Final = {"rate-only": "rate-schedule", "term": "renewal"}  # what an amendment of these kinds is about


class Unconfirmed(Exception):
    """An act that was asked for before anybody saw what there is to see of it: what hangs on an agreement that is to
    end, the networks of the payer of a new one."""


def _span(reader: Reader) -> Span:
    last, evergreen = reader.any_day("last"), bool(reader.values.get("evergreen"))
    months, ahead = reader.whole("months", 1, 120), reader.whole("ahead", 1, 730)
    if evergreen and last is None and not any(fault.field == "last" for fault in reader.faults):
        reader.fault("last", spoken("agreements.write-last-day-first-term"))
    return Span(last, evergreen, months, ahead)


def _amend(reader: Reader) -> Amendment | None:
    kind = reader.choice("kind", AMENDMENTS, spoken("agreements.choose-what-kind-amendment-it"))
    start = reader.any_day("start", spoken("agreements.write-from-when-it-holds"))
    topic = TOPICS.get(kind) or reader.choice("topic", TERMS, spoken("agreements.choose-what-change-about"))
    words = reader.text("words", spoken("agreements.write-what-changes"))
    span, limit = _span(reader), reader.money("limit")
    _demand_rates_only(reader, kind, span, limit)
    return Amendment(kind, start, topic, words, span, limit) if start else None


def _sign(reader: Reader) -> list[Signed]:
    """The signatures in the order of the parties; a day that is not written again is that of the one before."""
    found: list[Signed] = []
    for n in range(1, MOST_SIGNERS + 1):
        if f"signer-{n}" not in reader.values:
            break
        who = reader.text(f"signer-{n}", spoken("agreements.write-who-signed"), 200)
        day = reader.past_day(f"day-{n}", "" if found else spoken("agreements.write-day-signed"))
        if day := day or (found[-1].on if found else None):
            found.append(Signed(who, day))
    return found


def _drop(reader: Reader) -> str:
    return reader.text("reason", spoken("agreements.say-why-it-dropped"), most=500)


def _draft(reader: Reader) -> tuple[Wanted, bool] | None:
    kind = reader.choice("kind", KINDS, spoken("agreements.choose-what-kind-agreement-it"))
    number = reader.text("number", spoken("agreements.write-agreement-number"), most=60)
    first, second = (reader.text(name, spoken("agreements.write-name-or-npi"), 200) for name in SIDES)
    start, title = reader.any_day("start", spoken("agreements.write-its-first-day")), reader.text("title", most=200)
    span, limit = _span(reader), reader.money("limit")
    if start and span.last and span.last < start:
        reader.fault("last", spoken("agreements.last-day-lies-before-first"))
    terms = {code: said for code in kinds.KINDS.get(kind, ()) if (said := reader.text(f"term-{code}"))}
    if start is None:
        return None
    wanted = Wanted(kind, number, title, (first, second), start, span, limit, terms, *_product(reader))
    return wanted, bool(reader.values.get("offered"))


def _product(reader: Reader) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The networks and the plans that were ticked."""
    networks = (name[len("network-") :] for name in reader.values if name.startswith("network-"))
    plans = (name[len("plan-") :] for name in reader.values if name.startswith("plan-"))
    return tuple(f"Organization/{id}" for id in networks), tuple(f"InsurancePlan/{id}" for id in plans)


def _edit(reader: Reader) -> Wanted | None:
    """A draft written anew: of an agreement (`kind` is one of KINDS), or of an amendment of it."""
    kind, amends = reader.values.get("kind", ""), reader.values.get("kind") not in KINDS
    if amends:
        kind = reader.choice("kind", AMENDMENTS, spoken("agreements.choose-what-kind-amendment-it"))
    number = "" if amends else reader.text("number", spoken("agreements.write-agreement-number"), most=60)
    sides = (
        ("", "") if amends else tuple(reader.text(each, spoken("agreements.write-name-or-npi"), 200) for each in SIDES)
    )
    start, title = reader.any_day("start", spoken("agreements.write-its-first-day")), reader.text("title", most=200)
    span, limit = _span(reader), reader.money("limit")
    if amends:
        _demand_rates_only(reader, kind, span, limit)
    told = [name[len("term-") :] for name in reader.values if name.startswith("term-")]
    terms = {code: reader.text(f"term-{code}") for code in told if code in TERMS}
    if words := reader.text("words"):
        terms[reader.choice("topic", TERMS, spoken("agreements.choose-what-this-further-term"))] = words
    if start is None:
        return None
    return Wanted(kind, number, title, (sides[0], sides[1]), start, span, limit, terms, *_product(reader))


def _affiliate(reader: Reader) -> Placed | None:
    start, last = reader.any_day("start", spoken("agreements.write-from-when-they-take")), reader.any_day("last")
    networks = (name[len("network-") :] for name in reader.values if name.startswith("network-"))
    sites = (name[len("site-") :] for name in reader.values if name.startswith("site-"))
    chosen = tuple(f"Organization/{id}" for id in networks)
    if start is None:
        return None
    return Placed(reader.values.get("row", "")[:200], chosen, tuple(f"Location/{id}" for id in sites), start, last)


def _oblige(reader: Reader) -> Owed | None:
    what = reader.text("what", spoken("agreements.write-what-owed"), most=500)
    owner = reader.text("owner", spoken("agreements.choose-which-party-owes-it"), most=200)
    due, months = reader.any_day("due", spoken("agreements.write-day-by-which-it")), reader.whole("months", 1, 120)
    return Owed(what, owner, due, months) if due else None


def _fulfil(reader: Reader) -> Fulfilled | None:
    task = reader.text("task", spoken("agreements.choose-what-was-done"), most=200)
    day, words = reader.past_day("day", spoken("agreements.write-day-done")), reader.text("note", most=500)
    file: Upload | None = upload(reader)
    if file is None and not words and not any(fault.field == "file" for fault in reader.faults):
        reader.fault("note", spoken("agreements.say-what-shows-it-or"))
    return Fulfilled(task, day, words, file) if day else None


def _demand_rates_only(reader: Reader, kind: str, span: Span, limit: Decimal | None) -> None:
    if kind == "rate-only" and (span != Span() or limit is not None):
        reader.fault("kind", spoken("agreements.rates-only-leave-term-and"))


def _notice(reader: Reader) -> Noticed | None:
    day = reader.past_day("day", spoken("agreements.write-day-on-which-notice"))
    how = reader.choice("how", HOW, spoken("agreements.choose-how-notice-was-given"))
    words = reader.text("note", most=500)
    return Noticed(day, how, words) if day else None


def _end(reader: Reader) -> Ending | None:
    last = reader.any_day("day", spoken("agreements.write-last-day-agreement"))
    why = reader.text("reason", spoken("agreements.say-why-it-ends"), most=500)
    return Ending(last, why, reader.values.get("counted", "")[:100]) if last else None


def _file(reader: Reader) -> Filed | None:
    file: Upload | None = upload(reader)
    kind = reader.choice("kind", OF_AGREEMENTS, spoken("agreements.choose-what-kind-document-it"))
    if file is None and not any(fault.field == "file" for fault in reader.faults):
        reader.fault("file", spoken("agreements.choose-file"))
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
    unseen = wanted.kind == "payer-provider" and not (wanted.networks or wanted.plans or offered)
    if unseen and drafts.choices(world, grant, request, wanted.sides[0]).networks:
        raise Unconfirmed
    return drafts.draft(world, grant, request, submission, wanted)


COMMANDS: Final[Mapping[str, Command]] = {
    "draft": Command(_draft, _chosen),
    "edit": Command(_edit, drafts.edit),
    "affiliate": Command(_affiliate, roster.affiliate),
    "oblige": Command(_oblige, obligations.oblige),
    "fulfil": Command(_fulfil, obligations.fulfil),
    "amend": Command(_amend, drafts.amend),
    "sign": Command(_sign, drafts.sign),
    "drop": Command(_drop, drafts.drop),
    "give-notice": Command(_notice, acts.give_notice),
    "end": Command(_end, _confirmed),
    "file": Command(_file, acts.file),
    **office_commands.COMMANDS,
}
