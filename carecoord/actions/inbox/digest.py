"""The mail of the morning: how much waits for somebody, and where to look; never a word of a patient. It goes out once
on each working day of their office, when it opens, to those who have an address and did not say that they want none."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Final

import msgspec
from sqlalchemy import Connection

from auth import store
from auth.grant import Grant
from auth.store import User
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn
from carecoord.actions.inbox import inbox
from carecoord.actions.policies import known
from carecoord.actions.server import mail
from carecoord.actions.server.mail import Letter
from carecoord.domain.gates.policy import Policy
from carecoord.domain.policies.lines import key_of
from carecoord.domain.resource.days import local
from carecoord.errors import Unprocessable
from carecoord.fhir import text as json
from carecoord.store.audit.events import record
from carecoord.store.database import jobs, outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.inbox import digests
from carecoord.store.inbox.digests import Digest
from carecoord.store.resources import read
from carecoord.words.catalogue import say
from carecoord.words.reader import DEFAULT
from carecoord.words.sentence import sentence
from carecoord.world import World

JOB: Final = "digest"
_EVERY: Final = 600  # seconds between looks at whose morning it is
ADDRESS: Final = re.compile(r"[^\s@<>,;:\"()\\]+@[^\s@<>,;:\"()\\]+\.[^\s@<>,;:\"()\\]+", re.ASCII)


def order(world: World) -> None:
    """See to it that a worker looks whose morning it is, where mail can be sent at all."""
    if not world.settings.mail_url:
        return
    with reading(world.engine) as conn:
        wanted = JOB not in jobs.waiting(conn, JOB)
    if wanted:
        with writing(world.engine) as conn:
            outbox.add(conn, JOB, JOB, msgspec.json.encode({"seconds": _EVERY}), world.clock())


def send(world: World) -> None:
    """Send it to all whose morning it is. One that was sent is noted at once: where the worker dies between the two, it
    goes out a second time, and is not lost. Raises Unavailable where the mail server does not answer."""
    if not world.settings.mail_url:
        return
    with reading(world.engine) as conn:
        letters = list(_letters(world, conn))
    if not letters:
        return
    for account in mail.send(world.settings, (letter for letter, _ in letters), world.clock()):
        day = next(day for letter, day in letters if letter.id == account)
        with writing(world.engine) as conn:
            digests.sent(conn, account, day.toordinal())
            record(conn, [event(world.clock(), JOB, "digest", by=account)])


def _letters(world: World, conn: Connection) -> Iterator[tuple[Letter, date]]:
    """Each mail that is due, and the day that it is for."""
    said, now = digests.every(conn), world.clock()
    for user in store.users(conn):
        held = said.get(user.id) or Digest(user.id, "", True, 0)
        address = held.address or default(user)
        if user.disabled or not held.wanted or not address or not inbox.has_duties_of(user.roles):
            continue
        calendar = _policy(world, conn, user).calendar(local(now, world.base.zone))
        here = now.astimezone(calendar.zone)
        if held.sent_on >= here.toordinal() or not calendar.works(here.date()) or here.time() < calendar.opens:
            continue
        if letter := _letter(world, conn, user, address):
            yield letter, here.date()


def _letter(world: World, conn: Connection, user: User, address: str) -> Letter | None:
    """What is to be told; None where nothing waits."""
    grant = Grant(user.id, roles=user.roles, organization=user.organization, fhir_user=user.fhir_user, name=user.name)
    turn = Turn(world, conn, grant, JOB, world.clock())
    groups: Counter[str] = inbox.groups(turn)
    overdue, today, all = groups["overdue"], groups["today"], groups.total()
    if not all:
        return None
    link = f"{world.settings.url}/waiting"
    language = user.language or DEFAULT
    words = sentence("digest.text", overdue=overdue, today=today, all=all, link=link, off=f"{link}/away")
    return Letter(user.id, address, say(sentence("digest.subject", n=overdue + today), language), say(words, language))


def _policy(world: World, conn: Connection, user: User) -> Policy:
    row = read.get(conn, "Organization", user.organization or "")
    own = frozenset({key_of(json.loads(row.body))}) if row and not row.deleted else frozenset[str]()
    return Policy(world.base.zone, tuple(known.policies(conn, [known.EVERYBODY, *own])), own)


def default(user: User) -> str:
    """Where somebody is reached who has not said: by the login, where it is an address."""
    return user.login if ADDRESS.fullmatch(user.login) else ""


def preference(world: World, grant: Grant) -> Digest:
    """What the asker has said of it, with the address that is used."""
    with reading(world.engine) as conn:
        held = digests.of(conn, grant.subject) or Digest(grant.subject, "", True, 0)
        user = store.find_user(conn, grant.subject)
        return replace(held, address=held.address or (default(user) if user else ""))


def prefer(world: World, grant: Grant, request: str, address: str, wanted: bool) -> None:
    """Keep what the asker says of it. Raises Unprocessable for what is no address."""
    if (address or wanted) and not (ADDRESS.fullmatch(address) and len(address) <= 254):
        raise Unprocessable(sentence("refusals.write-address-such-as-name"), "address")
    with writing(world.engine) as conn:
        held = digests.of(conn, grant.subject)
        digests.put(conn, Digest(grant.subject, address, wanted, held.sent_on if held else 0))
        record(conn, [event(world.clock(), request, "digest-change", by=grant)])
