"""What patients' Consents keep from whoever asks, found out once in a turn.

Nearly always nothing is forbidden to anybody, and then it costs one look at a row by its key. Where something is, a
process reads these Consents once for each change of them, and judges them once for each kind of asker.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from sqlalchemy import Connection

from auth.grant import Grant
from carecoord.domain.access.consent_filter import NOTHING, Denied, denied
from carecoord.domain.access.consents import PURPOSES, Asker, Directive, directive, may_deny
from carecoord.domain.access.roles import Office
from carecoord.fhir import text
from carecoord.fhir.instants import micros
from carecoord.fhir.service_base import Base
from carecoord.store.access import consents
from carecoord.store.resources.write import Touched

_MARKS = 4  # states of databases that a process keeps what it read of
_ASKERS = 512


@dataclass
class _Read:
    """What the Consents of one state of a database say, and what that means for those who asked."""

    said: list[Directive]
    judged: "OrderedDict[Hashable, Denied]" = field(default_factory=OrderedDict)


_kept: "OrderedDict[bytes, _Read]" = OrderedDict()  # by mark: marks are random, no two databases share one
_lock = Lock()


def kept_from(conn: Connection, grant: Grant, office: Office, now: datetime, base: Base) -> Denied:
    """What is withheld from the asker now. Nothing from the machinery itself (`carecoord load`), which is nobody."""
    if grant.is_operator:
        return NOTHING
    mark = consents.mark(conn)
    if mark is None:
        return NOTHING
    at = micros(now)
    found, asker = _read(conn, mark, base), asker_of(grant, office)
    with _lock:
        known = found.judged.get(asker)
    if known is not None and at < known.until:
        return known
    made = denied(found.said, asker, at)
    with _lock:
        found.judged[asker] = made
        while len(found.judged) > _ASKERS:
            found.judged.popitem(last=False)
    return made


def known(mark: bytes | None, grant: Grant, office: Office, now: datetime) -> Denied | None:
    """The same of the Consents of this mark, by what the process knows already; None: it has to ask the database."""
    if grant.is_operator or mark is None:
        return NOTHING
    with _lock:
        found = _kept.get(mark)
        judged = found.judged.get(asker_of(grant, office)) if found else None
    return judged if judged is not None and micros(now) < judged.until else None


def asker_of(grant: Grant, office: Office) -> Asker:
    """By which names a Consent may mean the asker, and why their roles look into a record."""
    organization = [f"Organization/{id}" for id in dict.fromkeys([grant.organization, *office.organizations]) if id]
    app = [f"Device/{grant.client}", grant.client] if grant.client else []
    person = [grant.fhir_user] if grant.fhir_user else []
    parties = frozenset([*organization, *office.identifiers, *office.people, *person, *app])
    return Asker(parties, tuple(PURPOSES[role] for role in sorted(grant.roles) if role in PURPOSES))


def own_record(grant: Grant) -> str | None:
    """The patient whose own app asks: nobody's Consent keeps their record from themselves."""
    return grant.patient if grant.patient and grant.fhir_user == f"Patient/{grant.patient}" else None


def note(conn: Connection, touched: Sequence[Touched]) -> None:
    """Keep the list of forbidding Consents true, in the transaction that wrote some."""
    rids = [each.rid for each in touched if each.type == "Consent"]
    if not rids:
        return
    forbidding = {row.rid for row in consents.present(conn, rids) if row.body and may_deny(text.loads(row.body))}
    consents.keep(conn, forbidding, set(rids) - forbidding)


def _read(conn: Connection, mark: bytes, base: Base) -> _Read:
    with _lock:
        found = _kept.get(mark)
    if found is None:
        read = (directive(text.loads(row.body), base) for row in consents.every(conn) if not row.deleted)
        found = _Read([each for each in read if each])
        with _lock:
            _kept[mark] = found
            while len(_kept) > _MARKS:
                _kept.popitem(last=False)
    return found
