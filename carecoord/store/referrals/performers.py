"""What is known of clinics beside who they are: their diaries and the first slots that are free there, what became of
what an office asked of them, whether somebody there speaks a language. Each statement is led by an index and bounded,
however many clinics, slots and Tasks there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, delete, exists, select

from carecoord.fhir.search.params import key
from carecoord.store.database import bulk
from carecoord.store.database.tables import ix_reference, ix_token, resource
from carecoord.store.referrals.tables import free_slot

_RUN: Final = 250
_ACTORS: Final = 2000  # sites, roles and services of one clinic that are looked at
_WORKS_AT: Final = tuple(key(kind, "organization") for kind in ("Location", "PractitionerRole", "HealthcareService"))

_WHO: Final = key("PractitionerRole", "practitioner")


@dataclass(frozen=True, slots=True)
class Diary:
    """A Schedule of a clinic: its number, its id, and its bytes."""

    rid: int
    id: str
    organization: str
    body: bytes


_there = ix_reference.alias("there")
_actor = resource.alias("actor")
_actors = (
    select(_actor.c.type, _actor.c.id)
    .join_from(_there, _actor, _actor.c.rid == _there.c.rid)
    .where(
        _there.c.key.in_(_WORKS_AT), _there.c.id == bindparam("organization"), _there.c.url == "",
        _there.c.type == "Organization", _actor.c.deleted.is_(False),
    )
    .order_by(_there.c.rid)
    .limit(_ACTORS)
)  # fmt: skip
_diaries = (
    select(resource.c.rid, resource.c.id, ix_reference.c.type, ix_reference.c.id.label("actor"), resource.c.body)
    .join_from(ix_reference, resource, resource.c.rid == ix_reference.c.rid)
    .where(
        ix_reference.c.key == key("Schedule", "actor"),
        ix_reference.c.id.in_(bindparam("actors", expanding=True)),
        ix_reference.c.url == "",
        resource.c.deleted.is_(False),
    )
    .order_by(resource.c.rid)
)
_free = (
    select(free_slot.c.starts)
    .where(free_slot.c.schedule == bindparam("schedule"), free_slot.c.starts >= bindparam("since"))
    .order_by(free_slot.c.starts)
    .limit(1)
)
_free_at = (
    select(resource.c.id)
    .join_from(free_slot, resource, resource.c.rid == free_slot.c.rid)
    .where(
        free_slot.c.schedule.in_(bindparam("schedules", expanding=True)), free_slot.c.starts == bindparam("starts"),
    )
    .order_by(free_slot.c.rid)
)  # fmt: skip
_owned, _asked, _task = ix_reference.alias("owned"), ix_reference.alias("asked"), resource.alias("task")
_tasks = (
    select(_task.c.id)
    .join_from(_owned, _task, _task.c.rid == _owned.c.rid)
    .where(
        _owned.c.key == key("Task", "owner"),
        _owned.c.id.in_(bindparam("organizations", expanding=True)),
        _owned.c.type == "Organization",
        _owned.c.url == "",
        _task.c.deleted.is_(False),
        exists().where(
            _asked.c.rid == _owned.c.rid,
            _asked.c.key == key("Task", "requester"),
            _asked.c.id.in_(bindparam("by", expanding=True)),
            _asked.c.type == "Organization",
        ),
    )
    .order_by(_task.c.rid.desc())
    .limit(bindparam("most"))
)
_role, _person, _who = ix_reference.alias("role"), ix_reference.alias("person"), resource.alias("who")
_speaking = (
    select(_role.c.id)
    .join_from(_role, _person, (_person.c.rid == _role.c.rid) & (_person.c.key == _WHO))
    .join(_who, (_who.c.id == _person.c.id) & (_who.c.type == "Practitioner"))
    .where(
        _role.c.key == key("PractitionerRole", "organization"),
        _role.c.id == bindparam("organization"),
        _role.c.type == "Organization",
        exists().where(
            ix_token.c.rid == _who.c.rid,
            ix_token.c.key == key("Practitioner", "communication"),
            ix_token.c.code.in_(bindparam("languages", expanding=True)),
        ),
    )
    .limit(1)
)


def put_free(conn: Connection, rids: Iterable[int], rows: Sequence[tuple[int, str, int, int]]) -> None:
    """Let of these Slots those be free that (rid, schedule, starts, ends) says, the others not."""
    bulk.remove(conn, free_slot, sorted(set(rids)))
    bulk.insert(conn, free_slot, sorted(rows))


def clear_free(conn: Connection) -> None:
    """Forget every free slot, to write them anew from the resources."""
    conn.execute(delete(free_slot))


def diaries(conn: Connection, organizations: Iterable[str]) -> list[Diary]:
    """The Schedules of what belongs to these organizations (ids): sites, people in a role there, services."""
    whose: dict[tuple[str, str], str] = {}
    for organization in dict.fromkeys(organizations):
        for kind, id in conn.execute(_actors, {"organization": organization}):
            whose.setdefault((kind, id), organization)
    found: dict[tuple[int, str], Diary] = {}
    for run in bulk.runs(sorted({id for _, id in whose}), _RUN):
        for rid, id, kind, actor, body in conn.execute(_diaries, {"actors": run}):
            if (kind, actor) in whose:
                at = whose[kind, actor]
                found.setdefault((rid, at), Diary(rid, id, at, bytes(body)))
    return list(found.values())


def first_free(conn: Connection, schedules: Iterable[str], since: int) -> dict[str, int]:
    """When (microseconds) the first slot is free in each of these diaries (ids), of those in which one is."""
    firsts = {each: conn.scalar(_free, {"schedule": each, "since": since}) for each in dict.fromkeys(schedules)}
    return {each: int(at) for each, at in firsts.items() if at is not None}


def free_at(conn: Connection, schedules: Iterable[str], starts: int) -> list[str]:
    """The Slots (ids) of these diaries (ids) that begin at an instant (microseconds) and are free."""
    return list(conn.scalars(_free_at, {"schedules": list(schedules), "starts": starts}))


def tasks(conn: Connection, organizations: Sequence[str], by: Sequence[str], most: int) -> list[str]:
    """The last Tasks (ids) that these organizations have from others, all by their ids."""
    asked = {"organizations": list(organizations), "by": list(by), "most": most}
    return list(conn.scalars(_tasks, asked)) if organizations and by else []


def speak(conn: Connection, organizations: Iterable[str], languages: Sequence[str]) -> bool:
    """Whether anybody in a role at one of these organizations (ids) speaks one of these languages (codes)."""
    if not languages:
        return False
    asked = {"languages": list(languages)}
    return any(conn.execute(_speaking, asked | {"organization": each}).first() for each in organizations)
