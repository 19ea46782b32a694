"""An EHR connected at the desk, and what it gives us by its own word: its metadata and its SMART configuration."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from auth.people.sessions import grant_of
from auth.store import User
from carecoord.actions.access.audited import event
from carecoord.actions.ehrs import sync
from carecoord.actions.setup.stock import demand
from carecoord.domain.access import verbs
from carecoord.errors import Conflict, Forbidden, Invalid
from carecoord.store.audit.events import record
from carecoord.store.database.engine import reading, writing
from carecoord.store.ehrs import ehrs
from carecoord.words.sentence import sentence
from carecoord.world import World
from fhir_adapters.ehr import BackendServices, Ehr
from fhir_adapters.errors import Misconfigured

EVERY: Final = timedelta(minutes=15)
THINGS: Final = (  # what a day's work needs of an EHR, and the types that bring it
    ("patients", ("Patient",)),
    ("cards", ("Coverage",)),
    ("referrals", ("ServiceRequest",)),
    ("tasks", ("Task",)),
    ("visits", ("Appointment",)),
    ("slots", ("Slot",)),
    ("documents", ("DocumentReference",)),
    ("people", ("Practitioner", "PractitionerRole")),
    ("organizations", ("Organization", "Location")),
    ("claims", ("Claim", "ClaimResponse")),
)


@dataclass(frozen=True)
class Thing:
    """What an EHR gives of one of THINGS: whether we can read it, whether patient by patient, and write it."""

    name: str
    read: bool
    by_patient: bool
    write: bool


@dataclass(frozen=True)
class Given:
    """What an EHR says of itself, now. notices: what is odd."""

    ehr: str
    software: str
    fhir_version: str
    things: Sequence[Thing]
    notices: Sequence[str]


def connect(world: World, user: User, request: str, name: str, address: str, client_id: str) -> None:
    """Remember an EHR, read from then on every EVERY, the first time when somebody asks. Raises Forbidden, Invalid for
    a name or an address that is none, Conflict where the name stands for another."""
    _demand(user)
    with reading(world.engine) as conn:
        if any(each.name == name for each in ehrs.every(conn)):
            raise Conflict(sentence("refusals.there-ehr-here-already", name=name))
    one = _ehr(name, address, client_id)
    sync.add_ehr(world, one)
    sync.repeat(world, name, EVERY)
    with writing(world.engine) as conn:
        record(conn, [event(world.clock(), request, "ehr-add", by=user, query=f"{name} {one.base_url}")])


def examine(world: World, user: User, request: str, name: str) -> Given:
    """Ask an EHR what it gives us; nothing is read from it. Raises Forbidden, NotFound, and BadGateway, Unavailable or
    TimedOut saying what to do."""
    _demand(user)
    found = sync.examine(world, name)
    jobs = {job.type: job for job in found.jobs}
    things = []
    for thing, types in THINGS:
        read = [jobs[type] for type in types if type in jobs]
        things.append(
            Thing(
                thing,
                len(read) == len(types),
                any(job.strategy == "patients" for job in read),
                len(read) == len(types) and all(job.writes for job in read),
            )
        )
    with writing(world.engine) as conn:
        record(conn, [event(world.clock(), request, "ehr-examine", by=user, query=name)])
    return Given(name, found.software, found.fhir_version, things, found.notices)


def _ehr(name: str, address: str, client_id: str) -> Ehr:
    try:
        named = Ehr(name, "https://nowhere.invalid")
    except Misconfigured as wrong:
        raise Invalid(wrong.text, "name") from wrong
    try:
        return replace(named, base_url=address, auth=BackendServices(client_id) if client_id else None)
    except Misconfigured as wrong:
        raise Invalid(wrong.text, "address") from wrong


def _demand(user: User) -> None:
    demand(grant_of(user))
    if not verbs.may(user.roles, "manage-ehrs"):
        raise Forbidden(sentence("refusals.ehrs-looked-after-by-admins"))
