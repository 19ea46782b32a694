"""The words that an office has of its own for messages and letters: looked at, written, given up; every version
stays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from auth import store
from auth.store import User
from carecoord.actions.access.audited import event
from carecoord.actions.acts.act import Acting
from carecoord.actions.clearance.library import Library
from carecoord.domain.access import verbs
from carecoord.domain.contacts.telephones import telephones
from carecoord.domain.messages.templates import TEMPLATES, Fields, Own, faults
from carecoord.domain.policies.lines import key_of
from carecoord.domain.resource.elements import Json, items, key, text
from carecoord.domain.resource.parties import name as name_of
from carecoord.domain.resource.present import Present
from carecoord.errors import Conflict, Forbidden, NotFound, Unprocessable
from carecoord.fhir.instants import micros
from carecoord.store.audit.events import record
from carecoord.store.database.engine import alone, reading, writing
from carecoord.store.messages import templates
from carecoord.store.messages.templates import Row
from carecoord.words.catalogue import languages
from carecoord.words.sentence import say, sentence
from carecoord.world import World


@dataclass(frozen=True)
class Letters:
    """The words of an office. organization: its id; own: what it has of its own now, by (name, language)."""

    organization: str
    office: str
    phone: str
    own: Mapping[tuple[str, str], Row]


@dataclass(frozen=True)
class Versions:
    """All that an office ever had for one kind in one language, the latest first. writers: id of a person -> their
    name; state: a mark, which a change has to name."""

    rows: Sequence[Row]
    writers: Mapping[str, str]
    state: str


def own(acting: Acting) -> Own:
    """The words of messages and letters that the office that refers has of its own."""
    placer = acting.clearance.facts.referral.placer
    if not placer:
        return {}
    rows = templates.current(acting.turn.conn, placer.keys)
    return {(row.name, row.language): row.words for row in rows}


def fields(acting: Acting) -> Fields:
    """What a case fills the places of templates with."""
    facts, row = acting.clearance.facts, acting.row
    booking = acting.clearance.booking
    start = booking.start.astimezone(acting.zone) if booking and booking.start else None
    placer = facts.referral.placer
    mine = [each for each in acting.case.organizations if placer and key(each) in placer.keys]
    number = next(filter(None, (phone(each, acting.turn.present()) for each in mine)), "")
    card = acting.clearance.card
    payer = card.payer.name if card and card.payer else ""
    office, clinic, read = row.placer_name or "", row.performer_name or "", facts.closing.acknowledged.done
    return Fields(office, number, clinic, payer, row.patient_name, row.number, start, read)


def look(world: World, user: User, organization: str) -> Letters:
    """The words of an Organization, by its id. Raises Forbidden, NotFound."""
    _demand(user)
    with reading(world.engine) as conn:
        office = _office(conn, organization)
        rows = templates.current(conn, [key_of(office)])
    number = phone(office, Present(world.clock(), world.base.zone))
    return Letters(organization, name_of(office), number, {(row.name, row.language): row for row in rows})


def versions(world: World, user: User, organization: str, name: str, language: str) -> Versions:
    """The versions of one kind in one language. Raises Forbidden, NotFound."""
    _demand(user)
    _demand_known(name, language)
    with reading(world.engine) as conn:
        whose = key_of(_office(conn, organization))
        rows = templates.versions(conn, whose, name, language)
        writers = {each.id: each.name for each in store.users(conn)} if rows else {}
        return Versions(rows, writers, templates.state(conn, whose, name, language))


def keep(
    world: World, user: User, request: str, organization: str, *, name: str, language: str, words: str, seen: str
) -> None:
    """Let an office have these words from now on; the same once more are no new version.

    Raises Forbidden, NotFound, Unprocessable where a place is none of the kind's, and Conflict where somebody else has
    written since they were `seen`."""
    _demand(user)
    _demand_known(name, language)
    words = words.replace("\r\n", "\n").strip()
    if wrong := faults(name, words):
        raise Unprocessable(" ".join(map(say, wrong)), "words")
    with writing(world.engine) as conn:
        whose = _fresh(conn, organization, name, language, seen)
        now = templates.current(conn, [whose])
        if any((row.name, row.language, row.words) == (name, language, words) for row in now):
            return
        templates.add(conn, whose, name, language, words=words, at=micros(world.clock()), by=user.id)
        record(conn, [event(world.clock(), request, "letter-say", by=user, query=f"{whose} {name} {language}")])


def give_up(world: World, user: User, request: str, organization: str, *, name: str, language: str, seen: str) -> None:
    """Let an office have the shipped words again. Raises as `keep`."""
    _demand(user)
    _demand_known(name, language)
    with writing(world.engine) as conn:
        whose = _fresh(conn, organization, name, language, seen)
        if templates.end(conn, whose, name, language, micros(world.clock())):
            record(conn, [event(world.clock(), request, "letter-shipped", by=user, query=f"{whose} {name} {language}")])


def phone(organization: Json, present: Present) -> str:
    """The telephone number at which an organization is called today, empty where it has none."""
    numbers = (each for each in telephones(items(organization, "telecom"), present) if text(each, "system") == "phone")
    return next((text(each, "value") for each in numbers), "")


def _demand(user: User) -> None:
    if not verbs.may(user.roles, "set-up"):
        raise Forbidden(sentence("refusals.letter.admins"))


def _demand_known(name: str, language: str) -> None:
    if name not in TEMPLATES or language not in languages():
        raise NotFound(sentence("refusals.letter.unknown"))


def _office(conn: Connection, organization: str) -> Json:
    found = {key(each): each for each in Library(conn).copies([f"Organization/{organization}"])}
    if f"Organization/{organization}" not in found:
        raise NotFound(sentence("refusals.there-no-such-organization-here"))
    return found[f"Organization/{organization}"]


def _fresh(conn: Connection, organization: str, name: str, language: str, seen: str) -> str:
    """The key of an office whose words nobody else changes until we are done, nor has since they were seen."""
    whose = key_of(_office(conn, organization))
    alone(conn, f"letter {whose} {name} {language}")
    if templates.state(conn, whose, name, language) != seen:
        raise Conflict(sentence("refusals.letter.overtaken"))
    return whose
