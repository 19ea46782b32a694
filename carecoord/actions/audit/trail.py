"""The auditor asks: who saw whom, when, by which app, under which launch? What they ask is itself in the trail.

They learn who and what, never what it said: of a resource its type and category, of a search the names of its
arguments.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from auth import store
from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.audit.trail_names import Named, Names, Seen, Who, patient_named
from carecoord.domain.access import verbs
from carecoord.errors import Forbidden, NotFound
from carecoord.fhir.instants import micros
from carecoord.fhir.search.collation import fold
from carecoord.fhir.search.query import EVERYTHING, parse
from carecoord.store.access import break_glass
from carecoord.store.access.break_glass import Glass
from carecoord.store.audit import trail_search
from carecoord.store.audit.events import record
from carecoord.store.audit.trail_search import Place, Wanted
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from carecoord.store.search.patients import name_or_number
from carecoord.store.search.search import find
from carecoord.words.sentence import sentence
from carecoord.world import World

MANY = 1000  # rows are counted no further
PICKED = 12  # patients or people to choose from
STEP = 500  # rows of an export in one transaction
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True)
class Trail:
    """A page of the trail. total: counted up to MANY; next: where it goes on."""

    now: datetime
    rows: Sequence[Seen]
    total: int
    next: Place | None


@dataclass(frozen=True)
class Broken:
    """A breaking of the glass with its names. mine: the auditor's own, which somebody else must look into."""

    glass: Glass
    who: Who
    patient: str
    reviewer: str
    mine: bool


def demand(grant: Grant) -> None:
    """Raise Forbidden for everybody but the auditor."""
    if not verbs.may(grant.roles, "read-trail"):
        raise Forbidden(sentence("refusals.only-auditor-sees-who-looked"))


def admit(world: World, grant: Grant, request: str) -> None:
    """The same, and the attempt is noted."""
    try:
        demand(grant)
    except Forbidden:
        _note(world, grant, world.clock(), request, "audit", "", (), 403)
        raise


def trail(
    world: World, grant: Grant, wanted: Wanted, before: Place | None, size: int, said: str, request: str
) -> Trail:
    """A page of the trail, newest first. said: what was asked, for the trail. Raises Forbidden."""
    demand(grant)
    now = world.clock()
    with reading(world.engine) as conn:
        found = trail_search.page(conn, wanted, size + 1, before)
        total = trail_search.count(conn, wanted, MANY)
        rows = Names(conn, world.present(), sought=wanted.patient).seen(found[:size])
    _note(world, grant, now, request, "audit", said, (one.id for row in rows for one in row.patients))
    last = found[size - 1] if len(found) > size else None
    return Trail(now, rows, total, Place(last.at, last.n) if last else None)


def export(world: World, grant: Grant, wanted: Wanted, said: str, request: str) -> Iterator[Seen]:
    """Every row that is wanted, newest first, a few hundred in each transaction. In the trail stands what was asked,
    not each patient of a copy of the trail. Raises Forbidden."""
    demand(grant)
    now = world.clock()
    until = micros(now) + 1
    wanted = replace(wanted, until=min(until, wanted.until) if wanted.until is not None else until)
    _note(world, grant, now, request, "export", said, [wanted.patient])
    return _every(world, wanted)


def _every(world: World, wanted: Wanted) -> Iterator[Seen]:
    place: Place | None = None
    while True:
        with reading(world.engine) as conn:
            found = trail_search.page(conn, wanted, STEP, place)
            rows = Names(conn, world.present(), most=None).seen(found)
        yield from rows
        if len(found) < STEP:
            return
        place = Place(found[-1].at, found[-1].n)


def patients(world: World, grant: Grant, said: str, request: str) -> list[Named]:
    """The patients that the words mean: an id, a record number, or beginnings of names. Raises Forbidden."""
    demand(grant)
    now, said = world.clock(), said.strip()[:100]
    with reading(world.engine) as conn:
        rows = read.many(conn, [("Patient", said)]) if _ID.fullmatch(said) else []
        if not rows:
            searches = [parse("Patient", pairs, world.base, strict=True) for pairs in name_or_number(said)]
            rows = [row for one in searches for row in find(conn, one, lambda _: EVERYTHING, page_size=PICKED).rows]
        found = {row.id: patient_named(row, world.present()) for row in rows}
        if not found and _ID.fullmatch(said) and trail_search.count(conn, Wanted(patient=said), 1):
            found[said] = Named(said, said, "no longer here")  # deleted, but seen while it was here
    _note(world, grant, now, request, "audit", "patient", found)
    return sorted(found.values(), key=lambda one: fold(one.name))[:PICKED]


def people(world: World, grant: Grant, said: str) -> list[Named]:
    """The people, and the apps that act by themselves, whose id, login or part of the name is this. Raises
    Forbidden."""
    demand(grant)
    login, words_ = said.strip().casefold(), fold(said)
    with reading(world.engine) as conn:
        users, clients = store.users(conn), store.clients(conn)
    exact = [user for user in users if login in (user.id.casefold(), user.login.casefold())]
    some = exact or [user for user in users if words_ in fold(user.name)]
    found = [Named(user.id, user.name, ", ".join(sorted(user.roles))) for user in some]
    found += [
        Named(one.id, one.name, "app") for one in clients if login == one.id.casefold() or words_ == fold(one.name)
    ]
    return sorted(found, key=lambda one: fold(one.name))[:PICKED]


def apps(world: World) -> list[Named]:
    """Every app that was ever registered, by name."""
    with reading(world.engine) as conn:
        return sorted((Named(one.id, one.name, "") for one in store.clients(conn)), key=lambda one: fold(one.name))


def emergencies(
    world: World, grant: Grant, unreviewed: bool, before: tuple[int, str] | None, size: int, request: str
) -> tuple[datetime, list[Broken], tuple[int, str] | None]:
    """Records that were opened in an emergency, the latest first, and where the list goes on. Raises Forbidden."""
    demand(grant)
    now = world.clock()
    with reading(world.engine) as conn:
        found = break_glass.listed(conn, size + 1, before=before, unreviewed=unreviewed)
        names = Names(conn, world.present())
        known = names.of_patients(glass.patient for glass in found)
        rows = [
            Broken(
                glass, names.who(glass.subject, None), known[glass.patient].name,
                names.who(glass.reviewer, None).name if glass.reviewer else "", glass.subject == grant.subject,
            )
            for glass in found[:size]
        ]  # fmt: skip
    _note(world, grant, now, request, "audit", "emergencies", (one.glass.patient for one in rows))
    last = found[size - 1] if len(found) > size else None
    return now, rows, (last.started, last.id) if last else None


def review(world: World, grant: Grant, id: str, request: str) -> None:
    """Note that the auditor has looked into one. Raises Forbidden, also for their own, and NotFound."""
    demand(grant)
    now = world.clock()
    with writing(world.engine) as conn:
        glass = break_glass.find(conn, id)
        if glass is None:
            raise NotFound(sentence("refusals.there-no-such-breaking-glass"))
        if glass.subject == grant.subject:
            raise Forbidden(sentence("refusals.nobody-signs-off-what-they"))
        if break_glass.review(conn, id, grant.subject, micros(now)):
            noted = event(
                now, request, "review-emergency", by=grant, query=f"emergency={id}", type="Patient",
                resource=glass.patient, patient=glass.patient,
            )  # fmt: skip
            record(conn, [noted])


def _note(
    world: World, grant: Grant, now: datetime, request: str, what: str, said: str, shown: Iterable[str | None],
    status: int = 200,
) -> None:  # fmt: skip
    world.journal.append(
        event(now, request, what, status, by=grant, shown=shown, type="AuditEvent", query=said or None)
    )
