"""What a write is made of: the change asked for, what is stored, and what the one makes of the other."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from carecoord.errors import Issue
from carecoord.fhir import text
from carecoord.fhir.etag import Expected
from carecoord.fhir.instants import instant
from carecoord.fhir.search.extract import Index, extract
from carecoord.fhir.service_base import Base

Outcome = Literal["created", "updated", "unchanged", "deleted"]
Method = Literal["POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Actor:
    """Who writes, for the audit: a person or a service, its client and organization; the id of the request; the launch
    and the breaking of the glass under which it happens, if any."""

    subject: str | None
    client: str | None
    organization: str | None
    request: str
    launch: str | None = None
    emergency: str | None = None


@dataclass(frozen=True)
class Later:
    """A job for the outbox, added only if the change that carries it changes something."""

    kind: str
    key: str
    payload: bytes
    due_at: datetime


@dataclass(frozen=True)
class Change:
    """One resource to be as given, or gone (`resource` None). expected: the version it must be at now (If-Match).
    flags: what the rules found wrong in a resource that is stored all the same. source: the EHR it comes from, where
    the resource's own meta.source does not say. method: of the request that asks for it, where there is one; else what
    a client would have sent."""

    type: str
    id: str
    resource: dict[str, Any] | None
    expected: Expected | None = None
    flags: tuple[Issue, ...] = ()
    source: str | None = None
    later: tuple[Later, ...] = ()
    method: Method | None = None


@dataclass(frozen=True)
class Written:
    """What became of a change. version: the present one, 0 for a deletion of what never was. updated: microseconds.
    body: the bytes as they will be served, empty when deleted."""

    type: str
    id: str
    version: int
    updated: int
    outcome: Outcome
    body: bytes


@dataclass(frozen=True)
class Touched:
    """A resource that a write changed: the patient it is about now, and was before; its bytes before and after, empty
    where it was not there; the version that it is at now, and who wrote it. flagged: something is found wrong in it, or
    was in the version before."""

    rid: int
    type: str
    id: str
    patient: str | None
    before_patient: str | None
    version: int
    before: bytes
    after: bytes
    actor: Actor
    flagged: bool = False


@dataclass(frozen=True)
class StoredResource:
    """A stored resource, as far as a write needs to know it."""

    rid: int
    type: str
    id: str
    version: int
    updated: int
    deleted: bool
    patient: str | None
    source: str | None
    hash: bytes
    body: bytes


@dataclass(frozen=True)
class AppliedChange:
    """A change that does change something, and what it makes of the resource."""

    change: Change
    known: StoredResource | None
    rid: int
    version: int
    updated: int
    hash: bytes
    body: bytes
    index: Index | None  # None: it is deleted

    @property
    def outcome(self) -> Outcome:
        """What the change comes to."""
        if self.index is None:
            return "deleted"
        return "updated" if self.known and not self.known.deleted else "created"

    @property
    def patient(self) -> str | None:
        """Whom it is about; a deleted one, whom it was about."""
        if self.index:
            return self.index.patient
        return self.known.patient if self.known else None

    @property
    def source(self) -> str | None:
        """The EHR it comes from; a deleted one, came from."""
        if self.change.resource is None:
            return self.known.source if self.known else None
        given = self.change.source or _own_meta(self.change.resource).get("source")
        return given if isinstance(given, str) else None

    @property
    def method(self) -> Method:
        """What a history says of how this version was made: http.html#history."""
        if self.index is None:
            return "DELETE"
        return self.change.method or ("PUT" if self.known else "POST")

    def written(self) -> Written:
        """For the caller."""
        return Written(self.change.type, self.change.id, self.version, self.updated, self.outcome, self.body)

    def touched(self, actor: Actor, flagged: bool) -> Touched:
        """For the worklist and the log: a deleted one is nobody's, before and now. flagged: whether the version before
        was."""
        known = self.known if self.known and not self.known.deleted else None
        return Touched(
            rid=self.rid,
            type=self.change.type,
            id=self.change.id,
            patient=self.index.patient if self.index else None,
            before_patient=known.patient if known else None,
            version=self.version,
            before=known.body if known else b"",
            after=self.body,
            actor=actor,
            flagged=flagged or bool(self.change.flags),
        )


def digest(resource: dict[str, Any] | None) -> bytes:
    """What makes content the same: all but id, meta.versionId and meta.lastUpdated, in any order of keys."""
    if resource is None:
        return b""
    content = {name: value for name, value in resource.items() if name not in ("id", "meta", "resourceType")}
    meta = _own_meta(resource)
    if meta:
        content["meta"] = meta
    return hashlib.sha256(text.canonical(content)).digest()


def _own_meta(resource: dict[str, Any]) -> dict[str, Any]:
    meta = resource.get("meta")
    given = meta if isinstance(meta, dict) else {}
    return {name: value for name, value in given.items() if name not in ("versionId", "lastUpdated")}


def with_source(change: Change, known: StoredResource | None) -> Change:
    """The change, of a resource that says where it comes from: who puts it back without saying so changes nothing of
    that. A patch has seen what it takes away, and a resource that was deleted begins anew."""
    if known is None or known.deleted or not known.source or change.resource is None or change.method == "PATCH":
        return change
    meta = change.resource.get("meta")
    if change.source or (meta is not None and (not isinstance(meta, dict) or "source" in meta)):
        return change
    return replace(change, resource={**change.resource, "meta": {**(meta or {}), "source": known.source}})


def carry_out(
    change: Change, known: StoredResource | None, rid: int, digest: bytes, at: int, base: Base
) -> AppliedChange:
    """Carry a change out on paper: the next version's number, bytes and index rows. at: microseconds."""
    version = known.version + 1 if known else 1
    if change.resource is None:
        return AppliedChange(change, known, rid, version, at, digest, b"", None)
    whole = {
        "resourceType": change.type,
        "id": change.id,
        "meta": {"versionId": str(version), "lastUpdated": instant(at), **_own_meta(change.resource)},
    }
    whole.update((name, value) for name, value in change.resource.items() if name not in whole)
    return AppliedChange(change, known, rid, version, at, digest, text.dumps(whole), extract(whole, base))
