"""The mail that says that somebody was written to about a referral, and nothing else: no name and no word of the
message. To patients, relatives and clinics who gave an address; never to a patient who wants no more messages."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from carecoord.actions.guests.links import language
from carecoord.actions.patients.records import has_stopped
from carecoord.actions.server import mail
from carecoord.actions.server.mail import Letter
from carecoord.domain.resource.elements import Json, item, items, target, text
from carecoord.domain.resource.present import Present
from carecoord.fhir import text as json
from carecoord.store.database import outbox
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from carecoord.words.catalogue import say
from carecoord.words.reader import DEFAULT
from carecoord.words.sentence import sentence
from carecoord.world import World

JOB: Final = "notice"  # in the outbox; its key: the id of the Communication
_FAMILY: Final = frozenset({"Patient", "RelatedPerson"})


def announce(conn: Connection, message: str, now: datetime) -> None:
    """Have a message (by its id) announced, in the transaction that writes it."""
    outbox.add(conn, JOB, message, b"", now)


def send(world: World, message: str) -> None:
    """Announce a message to those to whom it was written. Where no mail server is named nothing is done. Raises
    Unavailable where it does not answer: then it is tried again."""
    if not world.settings.mail_url:
        return
    with reading(world.engine) as conn:
        letters = list(_letters(world, conn, message))
    for _ in mail.send(world.settings, letters, world.clock()):
        pass


def _letters(world: World, conn: Connection, message: str) -> Iterator[Letter]:
    row = read.get(conn, "Communication", message)
    talk = json.loads(row.body) if row and not row.deleted else {}
    patient = target(item(talk, "subject")).partition("/")[2]
    if text(talk, "status") == "entered-in-error":
        return
    quiet = has_stopped(conn, patient)
    known = read.get(conn, "Patient", patient)
    spoken = language(json.loads(known.body)) if known and not known.deleted else DEFAULT
    present = Present(world.clock(), world.base.zone)
    for to in dict.fromkeys(target(each) for each in items(talk, "recipient")):
        kind, _, id = to.partition("/")
        told = kind == "Organization" or (kind in _FAMILY and not quiet)
        found = read.get(conn, kind, id) if told else None
        to_mail = address(json.loads(found.body), present) if found and not found.deleted else ""
        if to_mail:
            yield _letter(to, to_mail, DEFAULT if kind == "Organization" else spoken)


def _letter(to: str, address: str, spoken: str) -> Letter:
    subject, words = sentence("message.mail.subject"), sentence("message.mail.text")
    return Letter(to, address, say(subject, spoken), say(words, spoken))


def address(who: Json, present: Present) -> str:
    """The mail address of today of somebody; empty where they gave none."""
    mails = [each for each in items(who, "telecom") if text(each, "system") == "email" and text(each, "use") != "old"]
    return next((text(each, "value").strip() for each in mails if present.holds(each)), "")
