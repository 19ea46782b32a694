"""What the asker may do, as filters that everything in a transaction goes through: reads, searches and writes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from auth.grant import Grant
from carecoord.actions.access import consents
from carecoord.actions.access import office as access_office
from carecoord.domain.access import app_state, consent_filter, payer_patient
from carecoord.domain.access import roles as access_roles
from carecoord.domain.access.consent_filter import Denied
from carecoord.domain.access.roles import Office
from carecoord.domain.agreements.disclosure import without_rates
from carecoord.domain.agreements.parties import amended, is_party, may_see_rates, parties
from carecoord.domain.resource.elements import Json
from carecoord.domain.resource.present import Present
from carecoord.errors import Forbidden, NotFound
from carecoord.fhir import elements, text
from carecoord.fhir.instants import micros
from carecoord.fhir.search.query import EVERYTHING, NOTHING, Filter, Search, limits
from carecoord.fhir.types import TYPES
from carecoord.store.access.break_glass import Glass
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from carecoord.store.resources.read import Row
from carecoord.store.resources.write import Actor, Written
from carecoord.store.search.compile import May
from carecoord.store.search.search import visible, visible_among
from carecoord.store.worklist.query import CaseScope, Worklist
from carecoord.words.sentence import sentence
from carecoord.world import World

_AMENDED: Final = 20  # versions back that are looked at for their parties
WORDS = {
    "c": sentence("refusals.perm.create"), "r": sentence("refusals.perm.read"), "u": sentence("refusals.perm.update"),
    "d": sentence("refusals.perm.delete"), "s": sentence("refusals.perm.search"),
}  # fmt: skip


@dataclass
class Turn:
    """One exchange with somebody, in one transaction: who asks, under which request id, at what instant."""

    world: World
    conn: Connection
    grant: Grant
    request: str
    now: datetime
    glass: Glass | None = None  # the broken glass under which this turn looks into one record, and into nothing else
    worklist: Worklist | None = None  # the cases that the asker sees, once they were asked for
    _office: Office | None = None
    _denied: Denied | None = None
    _filters: dict[tuple[str, str], Filter] = field(default_factory=dict)

    @property
    def emergency(self) -> str | None:
        """The breaking of the glass that alone opened what was asked for: every audit row of the turn names it."""
        return self.glass.id if self.glass else None

    def present(self) -> Present:
        """The instant of the turn, and the zone of the days that name none."""
        return Present(self.now, self.world.base.zone)

    def may(self, perm: str) -> May:
        """type -> which of its resources the asker may do this to; `perm` is a letter of cruds."""
        return lambda type: self.filter(type, perm)

    def filter(self, type: str, perm: str) -> Filter:
        """Which resources of a type the asker may do this to."""
        found = self._filters.get((type, perm))
        if found is None:
            found = self._filters[type, perm] = self._opened(type, perm) if self.glass else self._narrowed(type, perm)
        return found

    def _narrowed(self, type: str, perm: str) -> Filter:
        office = self.office()
        if type == app_state.TYPE and self.grant.client:
            systems = access_office.systems(self.conn, self.world.settings.url, self.grant.client)
            office = replace(office, systems=systems)
        ways = access_roles.narrow(self.grant, office, type, perm)
        return self._permitted(limits(type, ways, self.world.base), type, perm)

    def _opened(self, type: str, perm: str) -> Filter:
        """One record, to read, whosever patient it is and whatever they said: by the table of roles all the same."""
        if self.glass is None or not self.glass.is_open(micros(self.now)):
            return NOTHING
        ways = access_roles.opened(self.grant, type, perm, self.glass.patient)
        return limits(type, ways, self.world.base)

    def _permitted(self, found: Filter, type: str, perm: str) -> Filter:
        """A filter without what patients' Consents keep from the asker."""
        denied = self.denied()
        managed = type == "Consent" and not self.grant.roles  # a service brings Consents in, and takes them back
        if not denied or managed:
            return found
        base = self.world.base
        more = denied.besides(type, perm, consents.own_record(self.grant), base)
        if not more:
            return found
        own = consent_filter.managed_by(found, type, self.office().organizations)
        return consent_filter.narrowed(found, more) + own

    def denied(self) -> Denied:
        """What patients' Consents keep from the asker, whatever their roles and scopes."""
        if self._denied is None:
            base = self.world.base
            self._denied = consents.kept_from(self.conn, self.grant, self.office(), self.now, base)
        return self._denied

    def cases_seen(self) -> CaseScope:
        """Whose cases the asker sees: by role, without those that a Consent keeps from them."""
        return CaseScope(access_roles.sees(self.grant, self.office()), tuple(sorted(self.denied().cases())))

    def cases_withheld(self) -> frozenset[str]:
        """The patients whose cases Consents keep from the asker."""
        return self.denied().cases() - {consents.own_record(self.grant) or ""}

    def sees_beside(self, row: Row, role: str) -> bool:
        """Whether the asker sees a resource also without one of their roles."""
        if role not in self.grant.roles:
            return self.sees(row, "r")
        rest = replace(self.grant, roles=self.grant.roles - {role})
        return bool(rest.roles) and self.by(rest).sees(row, "r")

    def by(self, grant: Grant) -> "Turn":
        """The same turn, of somebody else."""
        return replace(self, grant=grant, worklist=None, _office=None, _denied=None, _filters={})

    def office(self) -> Office:
        """The asker's organization and person, as our data knows them."""
        if self._office is None:
            self._office = access_office.office(self.conn, self.grant)
        return self._office

    def role_sees(self, row: Row) -> bool:
        """Whether the asker's roles let them see a resource, whatever their scopes."""
        ways = access_roles.by_role(self.grant, self.office(), row.type, "r")
        allowed = self._permitted(limits(row.type, ways, self.world.base), row.type, "r")
        return allowed == EVERYTHING or (allowed != NOTHING and visible(self.conn, row, allowed))

    def demand(self, type: str, perm: str) -> Filter:
        """The filter; raises Forbidden where it lets nothing through."""
        found = self.filter(type, perm)
        if found == NOTHING:
            scope, verb = f"system/{type}.{perm}", WORDS[perm]
            raise Forbidden(sentence("refusals.this-access-may-not-it", perm=verb, type=type, scope=scope))
        return found

    def sees(self, row: Row, perm: str) -> bool:
        """Whether the asker may do this to this very resource. Of one that is deleted no index tells any more whether a
        narrowing let it through: only those whom no role, patient or argument narrows see it."""
        allowed = self.filter(row.type, perm)
        if allowed in (EVERYTHING, NOTHING):
            return allowed == EVERYTHING
        if row.deleted:
            return self.is_whole(row.type, perm) and row.patient not in (None, *self.kept_from(perm))
        return visible(self.conn, row, allowed)

    def sees_there(self, type: str, row: Row | None) -> bool:
        """Whether there is such a resource (None: there is none) and the asker may read it. As much is asked of what is
        not there as of what is another's: no time that it takes tells which."""
        return self.sees(row or Row(-1, type, "", 0, 0, False, b""), "r") and row is not None

    def seen(self, rows: Sequence[Row], perm: str) -> list[Row]:
        """Those of the resources that the asker may do this to, as `sees` says of each, in one statement."""
        allowed = {type: self.filter(type, perm) for type in {row.type for row in rows}}
        return self._among(rows, allowed, perm)

    def seen_there(self, type: str, rows: Sequence[Row], perm: str) -> list[Row]:
        """As `seen`, of resources of a type; where none was found, as much is asked as of what is another's."""
        found = self.seen(rows or [Row(-1, type, "", 0, 0, False, b"")], perm)
        return found if rows else []

    def readable(self, references: Iterable[str], at: int | None = None) -> frozenset[str]:
        """Those of the references, `Type/id`, whose resources the asker may read, as they are or were at an instant."""
        pairs = [(type, id) for type, _, id in (each.partition("/") for each in references) if type in TYPES and id]
        return frozenset(f"{row.type}/{row.id}" for row in self.seen(read.many(self.conn, pairs, at), "r"))

    def unwithheld(self, rows: Sequence[Row]) -> list[Row]:
        """Those of the resources of a case that no Consent of the patient keeps from the asker, who sees the case: all
        that narrows what somebody without a role sees of it."""
        allowed = {type: self._permitted(EVERYTHING, type, "r") for type in {row.type for row in rows}}
        return self._among(rows, allowed, "r")

    def _among(self, rows: Sequence[Row], allowed: dict[str, Filter], perm: str) -> list[Row]:
        whole = {row.rid for row in rows if allowed[row.type] == EVERYTHING}
        kept = whole | {row.rid for row in rows if row.deleted and self.sees(row, perm)}
        asked: dict[str, list[int]] = {}
        for row in rows:
            if not row.deleted and allowed[row.type] not in (EVERYTHING, NOTHING):
                asked.setdefault(row.type, []).append(row.rid)
        kept |= visible_among(self.conn, dict(sorted(asked.items())), lambda type: allowed[type]) if asked else set()
        return [row for row in rows if row.rid in kept]

    def is_whole(self, type: str, perm: str) -> bool:
        """Whether nothing but patients' Consents narrows what the asker may do to a type."""
        ways = access_roles.narrow(self.grant, self.office(), type, perm)
        return self.glass is None and limits(type, ways, self.world.base) == EVERYTHING

    def kept_from(self, perm: str) -> frozenset[str]:
        """The patients of whose records anything at all is kept from the asker."""
        own = consents.own_record(self.grant)
        return frozenset(patient for patient, _ in self.denied().kept.get(perm, ()) if patient != own)

    def told(self, row: Row) -> Row:
        """A version as the asker reads it: a payer is told only a part of a patient, and what is paid under a Contract
        only those who may see rates."""
        if row.type == "Patient" and row.body and payer_patient.is_for(self.grant.roles):
            return replace(row, body=payer_patient.told(row.body))
        return replace(row, body=self.disclosed(row.id, row.body)) if row.type == "Contract" and row.body else row

    def disclosed(self, id: str, body: bytes) -> bytes:
        """A version of this Contract as the asker reads it, marked as a part where they are not told all of it. The
        machinery itself (`carecoord load`), which is nobody, reads what is stored."""
        who = self.grant
        if who.is_operator:
            return body
        whole = text.loads(body)
        part = without_rates(whole)
        if part == whole:
            return body
        whose = parties(whole)  # those of this version, which may have been others than now
        if (not whose or is_party(self._own_office(), whose)) and self.sees_rates(f"Contract/{id}"):
            return body
        return text.dumps(elements.marked(part))

    def sees_rates(self, contract: str) -> bool:
        """Whether the asker may see what is paid under a version, `Contract/id`: staff of a party to it whose role may
        see rates, or a service of a party's; and the Contract that names them has to be theirs to read. An amendment
        that names no party is between those of what it amends."""
        if not may_see_rates(self.grant.roles) or self.grant.patient:
            return False
        seen = set[str]()
        while contract.startswith("Contract/") and contract not in seen and len(seen) < _AMENDED:
            row = read.get(self.conn, "Contract", contract.removeprefix("Contract/"))
            if row is None or row.deleted:
                return False
            seen.add(contract)
            version = text.loads(row.body)
            if whose := parties(version):
                return is_party(self._own_office(), whose) and self.sees(row, "r")
            contract = amended(version)
        return False

    def own_identifiers(self) -> tuple[str, ...]:
        """The identifiers of the asker's organization, `system|value`; those of a service's too."""
        return self._own_office().identifiers

    def _own_office(self) -> Office:
        """The asker's organization, that of a service too: what it is a party to, no scope tells."""
        return self.office() if self.grant.roles else access_office.whose(self.conn, self.grant)

    def written(self, one: Written) -> Written:
        """A Contract that was written, as the asker reads it. Raises Forbidden where somebody said what is paid who is
        told of none of it."""
        if not one.body or (body := self.disclosed(one.id, one.body)) == one.body:
            return one
        if self.grant.roles and one.outcome in ("created", "updated") and b'"valuedItem"' in one.body:
            raise Forbidden(sentence("refusals.only-staff-its-parties-who"), "Contract.term")
        return replace(one, body=body)

    def demand_whole(self, before: Row, after: Json | None = None) -> None:
        """Raise Forbidden where somebody who is told only a part of a resource would change it: with the part in place
        of the whole (`after`), or by a patch, whose tests find out what it does not show. A service may say anew all
        that it brought in."""
        if before.type != "Contract" or not before.body or self.disclosed(before.id, before.body) == before.body:
            return
        if self.grant.roles or after is None or elements.is_part(after):
            raise Forbidden(sentence("refusals.this-access-not-told-what"))

    def asked(self, search: Search) -> Search:
        """A search as the asker may ask it. Raises Forbidden for one that would find out what they are not told."""
        return payer_patient.demand(search) if payer_patient.is_for(self.grant.roles) else search

    def demand_row(self, row: Row, perm: str) -> None:
        """Raise Forbidden unless the asker may do this to this resource; NotFound if they may not even know of it."""
        self.demand(row.type, perm)
        if self.sees(row, perm):
            return
        if perm == "r" or not self.sees(row, "r"):
            raise missing(row.type, row.id)
        raise Forbidden(sentence("refusals.this-access-may-read-but", type=row.type, id=row.id, perm=WORDS[perm]))

    def actor(self) -> Actor:
        """The asker as the audit of a write knows them."""
        who = self.grant
        return Actor(who.subject, who.client, who.organization, self.request, who.launch, self.emergency)


Asker = Grant | Callable[[Connection, datetime], Grant]  # who asks, or how to find out in the same transaction


@contextmanager
def looking(world: World, asker: Asker, request: str, glass: Glass | None = None) -> Iterator[Turn]:
    """A turn that only reads. glass: into the record that it opens, and into no other."""
    with reading(world.engine) as conn:
        now = world.clock()
        yield Turn(world, conn, asker if isinstance(asker, Grant) else asker(conn, now), request, now, glass)


@contextmanager
def changing(world: World, grant: Grant, request: str, *, shares: bool = True) -> Iterator[Turn]:
    """A turn that may write: all of it is kept, or nothing. shares: as of `engine.writing`."""
    with writing(world.engine, shares=shares) as conn:
        yield Turn(world, conn, grant, request, world.clock())


def missing(type: str, id: str) -> NotFound:
    """The same words whether it never was or may not be known of."""
    return NotFound(sentence("refusals.there-no-here", type=type, id=id))
