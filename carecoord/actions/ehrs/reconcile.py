"""What an EHR says brought together with what we have made of it meanwhile: no change of either side is undone unseen.

The usual case is cheap: what the EHR said before it says again, or ours is what it said before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from carecoord.domain.ehrs.merge import WHOLE, Dispute, Merged, merge, parts, placed
from carecoord.domain.ehrs.ownership import Owner, owner
from carecoord.fhir import text
from carecoord.fhir.instants import micros
from carecoord.fhir.validation import validate
from carecoord.store.ehrs import conflicts, items
from carecoord.store.ehrs.conflicts import Author, Conflict
from carecoord.store.ehrs.items import GONE, Ours
from carecoord.store.resources import read
from carecoord.store.resources.change import digest
from carecoord.store.resources.write import Change

Json = dict[str, Any]


@dataclass(frozen=True)
class Word:
    """What an EHR now says of a resource: its content as we keep it, the digest of that, and its meta.lastUpdated."""

    resource: Json
    hash: bytes
    updated: datetime | None


@dataclass
class Reconciled:
    """What is to be written, and whose cases are to be judged anew although nothing is written of them."""

    changes: list[Change] = field(default_factory=list)
    patients: set[str] = field(default_factory=set)
    unchanged: int = 0


def settle_with(
    conn: Connection, one: Ours, word: Word, owners: Mapping[str, str], now: datetime, reconciled: Reconciled
) -> None:
    """Bring one resource, of which the EHR says something new while ours is not what it said last, together with ours.
    To be called before the EHR's new word is noted, in the transaction that notes it."""
    if one.hash == word.hash:
        _agree(conn, one, now, reconciled)
        return
    said = items.base(conn, one) or {}
    row = read.get(conn, one.type, one.id)
    if row is None or row.deleted:
        _whole(conn, one, {}, word.resource, word.updated, now, reconciled)
        items.keep_base(conn, one, word.resource)
        return
    ours = text.loads(row.body)
    merged = _merged(conn, one, said, ours, word.resource, owners)
    for dispute in merged.disputes:
        _note(conn, one, dispute, word.updated, now)
    same = digest(merged.resource) == word.hash
    items.keep_base(conn, one, None if same else word.resource)
    refresh(conn, one, merged.resource, word.resource, now)
    if digest(merged.resource) == one.hash:
        reconciled.unchanged += 1
        if merged.disputes and one.patient:
            reconciled.patients.add(one.patient)
        return
    flags = tuple(validate.issues(merged.resource))
    reconciled.changes.append(Change(one.type, one.id, merged.resource, flags=flags))


def _merged(
    conn: Connection, one: Ours, said: Json, ours: Json, theirs: Json, owners: Mapping[str, str]
) -> Merged:
    """Both made one. What the EHR says that we said ourselves since is our own word come back: it is no change of the
    EHR's, and our later one stands."""

    def owned(element: str) -> Owner:
        return owner(one.type, element, owners)

    merged = merge(said, ours, theirs, owned)
    if not merged.disputes:
        return merged
    since = [parts(one.type, each) for each in items.own_since(conn, one)]
    for dispute in merged.disputes:
        if any(each.get(dispute.element, {}) == dispute.theirs for each in since):
            said = placed(said, one.type, dispute.element, dispute.theirs)
    return merge(said, ours, theirs, owned)


def lose(conn: Connection, one: Ours, now: datetime, reconciled: Reconciled) -> bool:
    """The EHR says that the resource is no more. Returns whether ours stays: it has a change that they do not know."""
    if one.deleted or one.agrees:
        return False
    if one.said != GONE:
        row = read.get(conn, one.type, one.id)
        _whole(conn, one, text.loads(row.body) if row else {}, {}, None, now, reconciled)
    return True


def refresh(conn: Connection, one: Ours, ours: Json, theirs: Json, now: datetime) -> bool:
    """Tell the open conflicts of a resource anew by what both sides have now; those that have become one are closed.
    Returns whether any is left open."""
    left = False
    for each in conflicts.open_of(conn, one.type, one.id):
        if each.element == WHOLE and ours and theirs:  # both hold it again: what differs is told element by element
            conflicts.settle(conn, each.n, "agreed", None, now)
            continue
        mine, yours = (_part(side, one.type, each.element) for side in (ours, theirs))
        kept = each.ours if each.stands == "theirs" and mine == yours else mine
        if kept == yours:
            conflicts.settle(conn, each.n, "agreed", None, now)
            continue
        left = True
        if (kept, yours) != (each.ours, each.theirs):
            stands = "theirs" if mine == yours else "ours"
            conflicts.note(conn, _changed(each, kept, yours, stands, conflicts.author(conn, one.rid, one.type, one.id)))
    return left


def without_disputed(conn: Connection, type: str, id: str, ours: Json, theirs: Json) -> Json:
    """Ours with what is in dispute as the EHR has it: that is not told before it is settled."""
    for each in (one for one in conflicts.open_of(conn, type, id) if one.element != WHOLE):
        ours = placed(ours, type, each.element, _part(theirs, type, each.element))
    return ours


def _agree(conn: Connection, one: Ours, now: datetime, reconciled: Reconciled) -> None:
    reconciled.unchanged += 1
    if one.has_base:
        items.keep_base(conn, one, None)
    if close(conn, one, now) and one.patient:
        reconciled.patients.add(one.patient)


def close(conn: Connection, one: Ours, now: datetime) -> bool:
    """Both say the same of all of it. Returns whether anything was in dispute. What stands as the EHR has it while
    ours differs is not settled by that."""
    closed = False
    for each in conflicts.open_of(conn, one.type, one.id):
        if each.stands != "theirs":
            conflicts.settle(conn, each.n, "agreed", None, now)
            closed = True
    return closed


def _whole(
    conn: Connection, one: Ours, ours: Json, theirs: Json, updated: datetime | None, now: datetime,
    reconciled: Reconciled,
) -> None:  # fmt: skip
    """One side has deleted what the other has changed: ours stands."""
    _note(conn, one, Dispute(WHOLE, {}, _content(ours), _content(theirs), "ours"), updated, now)
    if one.patient:
        reconciled.patients.add(one.patient)


def _note(conn: Connection, one: Ours, dispute: Dispute, updated: datetime | None, now: datetime) -> None:
    by: Author = conflicts.author(conn, one.rid, one.type, one.id)
    stands = "theirs" if dispute.stands == "theirs" else "ours"
    at = micros(updated) if updated else None
    conflicts.note(
        conn,
        Conflict(
            0, one.ehr, one.type, one.id, dispute.element, one.patient, dispute.base, dispute.ours, dispute.theirs,
            stands, by.subject, by.at, at, micros(now),
        ),
    )  # fmt: skip


def _changed(each: Conflict, ours: Json, theirs: Json, stands: str, by: Author) -> Conflict:
    return Conflict(
        each.n, each.ehr, each.type, each.id, each.element, each.patient, each.base, ours, theirs, stands,
        by.subject if ours != each.ours else each.ours_by, by.at if ours != each.ours else each.ours_at,
        each.theirs_at, each.found,
    )  # fmt: skip


def _part(resource: Json, type: str, element: str) -> Json:
    return _content(resource) if element == WHOLE else parts(type, resource).get(element, {})


def _content(resource: Json) -> Json:
    """A resource without what is nobody's: what a dispute about all of it is about."""
    return {name: value for name, value in resource.items() if name not in ("resourceType", "id", "meta")}
