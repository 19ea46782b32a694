"""Tell an EHR what we have changed: read what it holds, bring both together, write under a lock, note the end of it.

Being killed anywhere does no harm: what the EHR holds is read first, so what was told already is not told again, and
what was made there is found by the identifier that it carries.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection as Database

from auth.scopes import Scope, covers, parse
from carecoord import errors
from carecoord.actions.ehrs import connections, reconcile, workflow
from carecoord.actions.ehrs.attachments import folded, inlined
from carecoord.actions.ehrs.reconcile import Reconciled, Word
from carecoord.actions.scheduling import slots
from carecoord.actions.worklist import project
from carecoord.domain.ehrs.deliveries import Verb, Why, verb
from carecoord.domain.ehrs.merge import parts, placed
from carecoord.fhir import text
from carecoord.store.database.engine import reading, writing
from carecoord.store.ehrs import conflicts, deliveries, ehrs, items
from carecoord.store.ehrs.deliveries import Delivery, State
from carecoord.store.ehrs.items import Ours
from carecoord.store.resources import read
from carecoord.store.resources.change import digest
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.world import World
from fhir_adapters import dialects
from fhir_adapters.connection import Connection
from fhir_adapters.ehr import Ehr
from fhir_adapters.errors import EhrError, NotAllowedIn, Refused
from fhir_adapters.identity import Made, globalize, key, localize, references
from fhir_adapters.writer import Held, Writer

Json = dict[str, Any]
TURNS = 5  # how often somebody there may be faster than we are, until this waits for a quieter moment


@dataclass(frozen=True)
class End:
    """How it ended, or why it goes on."""

    state: State
    why: Why = ""
    words: str = ""


def deliver(world: World, ehr: str, type: str, id: str, attempt: int) -> None:
    """Tell the EHR our latest change of a resource, if it is not told yet. Raises Unavailable when the EHR gave no
    answer, for it is to be tried again; whatever else becomes of it stands in its delivery. Raises NotFound when the
    EHR is taken away meanwhile: then nothing more is noted of it."""
    with reading(world.engine) as conn:
        one = deliveries.get(conn, ehr, type, id)
        if one is None or one.state != "waiting":
            return
        given = ehrs.get(conn, ehr)
    try:
        end = _Telling(world, given, one).told()
    except EhrError as trouble:
        end = _end_of(trouble)
    _note(world, one, end, attempt)
    if end.why == "no-answer":
        raise errors.Unavailable(end.words)


def _note(world: World, one: Delivery, end: End, attempt: int) -> None:
    with writing(world.engine) as conn:
        deliveries.tell(conn, one, end.state, end.why, end.words, world.clock(), attempt)


def _end_of(trouble: EhrError) -> End:
    if isinstance(trouble, NotAllowedIn):
        scope = "invalid_scope" in trouble.text or "403" in trouble.text
        return End("refused", "no-scope", trouble.text) if scope else End("waiting", "no-answer", trouble.text)
    if isinstance(trouble, Refused):
        return End("refused", "no-scope" if trouble.status == 403 else "refused", trouble.text)
    return End("waiting", "no-answer", trouble.text)


class _Telling:
    """One delivery while it is made."""

    def __init__(self, world: World, ehr: Ehr, one: Delivery) -> None:
        self.world, self.ehr, self.one = world, ehr, one
        self.home = world.settings.fhir_url
        self.types = frozenset[str]()

    def told(self) -> End:
        with reading(self.world.engine) as conn:
            held = next(iter(items.ours(conn, self.one.type, [self.one.id])), None)
            row = read.get(conn, self.one.type, self.one.id)
            disputed = bool(conflicts.open_of(conn, self.one.type, self.one.id))
        if row is None or (held is None and row.deleted):
            return End("delivered")  # it was made and taken back before anybody heard of it
        act = verb(held is not None, row.deleted)
        if act == "delete" and disputed:
            return End("waiting", "conflict")
        with self.world.http() as session:
            connection = connections.connected(self.world, self.ehr, session, writing=True)
            if (hindered := self._hindered(connection, act)) is not None:
                return hindered
            self.types = frozenset(job.type for job in connections.planned(connection).jobs)
            self.writer = Writer(connection, connections.read_resource)
            if held is None:
                return self._make()
            return self._delete(held) if act == "delete" else self._update(held.there)

    @contextmanager
    def _noting(self) -> Iterator[Database]:
        """A transaction in which the EHR is not taken away. Raises NotFound when it was."""
        with writing(self.world.engine) as conn:
            ehrs.get(conn, self.ehr.name, lock=True)
            yield conn

    def _hindered(self, connection: Connection, act: Verb) -> End | None:
        offer = connection.statement.offers.get(self.one.type)
        if offer is None or act not in offer.writes:
            return End("kept", "no-write")
        if connection.backend:
            wanted = Scope("system", self.one.type, frozenset(act[0]))
            lacking = parse(" ".join(connection.backend.difference().missing))
            if any(isinstance(each, Scope) and covers(each, wanted) for each in lacking):
                return End("refused", "no-scope")
        return None

    def _delete(self, held: Ours) -> End:
        self.writer.delete(held.type, held.there)
        with self._noting() as conn:
            items.mark_gone(conn, held.ehr, held.type, [held.there])
        return End("delivered")

    def _update(self, there: str) -> End:
        for _ in range(TURNS):
            held = self.writer.fetch(self.one.type, there)
            if held is None:
                return self._gone()
            self._absorb(held)
            outgoing, waits = self._outgoing(held)
            if outgoing == held.resource:
                return End("waiting", "conflict") if waits else End("delivered")
            updated = self.writer.update(self.one.type, held, text.dumps(outgoing))
            if updated is not None:
                self._absorb(updated, self._localized(outgoing))
                return End("waiting", "conflict") if waits else End("delivered")
        raise Refused("Somebody there changes it again and again: it is told once they rest.", 412)

    def _outgoing(self, held: Held) -> tuple[Json, bool]:
        """What the EHR holds with what we have changed, and whether a part of that waits for a person to settle it."""
        type, id, outgoing = self.one.type, self.one.id, held.resource
        theirs = self._localized(held.resource)
        with reading(self.world.engine) as conn:
            row = read.get(conn, type, id)
            if row is None or row.deleted:
                return outgoing, True
            whole = text.loads(row.body)
            ours = reconcile.without_disputed(conn, type, id, whole, theirs)
            sent = globalize(inlined(conn, ours, self._there(conn, ours)), self._there(conn, ours), self.home)
            waits = bool(conflicts.open_of(conn, type, id))
        mine, yours, raw, said = (parts(type, each) for each in (ours, theirs, held.resource, sent))
        for name in {**mine, **yours}:
            if not name.startswith("meta.") and mine.get(name) != yours.get(name) and said.get(name) != raw.get(name):
                outgoing = placed(outgoing, type, name, said.get(name, {}))
        return self._keyed(outgoing, held), waits

    def _keyed(self, outgoing: Json, held: Held) -> Json:
        """What we made there goes on carrying the identifier that says so."""
        ours = key(self.one.type, self.one.id, self.home)
        if ours not in held.resource.get("identifier", []) or ours in outgoing.get("identifier", []):
            return outgoing
        return {**outgoing, "identifier": [*outgoing.get("identifier", []), ours]}

    def _make(self) -> End:
        type, id = self.one.type, self.one.id
        identifier = key(type, id, self.home)
        with reading(self.world.engine) as conn:
            row = read.get(conn, type, id)
            ours = text.loads(row.body) if row and row.body else {}
            waiting = [
                ref for ref in references(ours)
                if (each := deliveries.get(conn, self.ehr.name, *ref)) and each.state == "waiting" and ref != (type, id)
            ]  # fmt: skip
        if waiting and (to := self._unmade(waiting)):
            return End("waiting", "no-answer", f"{to} is told first.")
        held = self.writer.find(type, identifier)
        if held is None:
            with reading(self.world.engine) as conn:
                there = self._there(conn, ours)
                sent = globalize(inlined(conn, ours, there), there, self.home)
            meta = {name: said for name, said in (sent.pop("meta", None) or {}).items() if name in ("profile", "tag")}
            sent.pop("id", None)
            sent |= {"identifier": [*sent.get("identifier", []), identifier]} | ({"meta": meta} if meta else {})
            held = self.writer.create(type, identifier, text.dumps(sent))
        with self._noting() as conn:
            items.adopt(conn, self.ehr.name, type, held.id, id)
        return self._update(held.id)

    def _unmade(self, waiting: list[tuple[str, str]]) -> str:
        """What this refers to and the EHR does not have yet is made there first; returns what could not be."""
        for type, id in waiting:
            with reading(self.world.engine) as conn:
                known = items.ours(conn, type, [id])
            if not known:
                deliver(self.world, self.ehr.name, type, id, 1)
                with reading(self.world.engine) as conn:
                    each = deliveries.get(conn, self.ehr.name, type, id)
                if each and each.state == "waiting":
                    return f"{type}/{id}"
        return ""

    def _gone(self) -> End:
        now = self.world.clock()
        with self._noting() as conn:
            reconciled = Reconciled()
            for one in items.ours(conn, self.one.type, [self.one.id], lock=True):
                reconcile.lose(conn, one, now, reconciled)
                items.mark_gone(conn, one.ehr, one.type, [one.there])
            project.rewrite(conn, reconciled.patients, now, project.policy(self.world.settings))
        return End("refused", "gone")

    def _absorb(self, held: Held, sent: Json | None = None) -> None:
        """Note what the EHR now holds as its last word, and bring it together with ours: somebody there may have been
        at it too. sent: what it was told, as we keep it; what differs from that is the EHR's own doing."""
        theirs, now = self._localized(held.resource), self.world.clock()
        word = Word(theirs, digest(theirs), None)
        with self._noting() as conn:
            one = next(iter(items.ours(conn, self.one.type, [self.one.id], lock=True)), None)
            if one is None:
                return
            if sent is not None:
                mark = digest(sent)
                one = items.say(conn, one, mark)
                items.keep_base(conn, one, None if one.agrees else sent)
            if one.said == word.hash:
                return
            reconciled = Reconciled()
            if one.agrees:
                reconciled.changes.append(Change(one.type, one.id, theirs))
            else:
                reconcile.settle_with(conn, one, word, dialects.owners(self.ehr), now, reconciled)
            items.say(conn, one, word.hash)
            actor = Actor(f"ehr:{self.ehr.name}", None, None, "deliver")
            changes = [*reconciled.changes, *slots.along(conn, reconciled.changes)]
            put_all(conn, changes, now=now, actor=actor, base=self.world.base, project=self.world.project)
            project.rewrite(conn, reconciled.patients, now, project.policy(self.world.settings))

    def _localized(self, resource: Json) -> Json:
        with reading(self.world.engine) as conn:
            ids = items.made_here(conn, self.ehr.name)
            row = read.get(conn, self.one.type, self.one.id)
            ours = text.loads(row.body) if row and row.body else {}
            told: Json = folded(conn, localize(resource, self.ehr, self.types, Made(ids, self.home)), ours)
            return workflow.settled(conn, self.ehr, [told])[0]

    def _there(self, conn: Any, ours: Json) -> dict[tuple[str, str], str]:
        """The EHR's ids of what a resource refers to, by our type and id."""
        by_type: dict[str, list[str]] = {}
        for type, id in references(ours):
            by_type.setdefault(type, []).append(id)
        return {
            (one.type, one.id): one.there
            for type, ids in by_type.items()
            for one in items.ours(conn, type, sorted(ids))
            if one.ehr == self.ehr.name
        }
