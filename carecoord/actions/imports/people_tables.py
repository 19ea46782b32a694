"""People from a table: who is new is invited, who is here gets the roles and the organization of the row. Each row is
kept by itself and audited as if an admin had done it at the page People, where the links are."""

from collections import Counter
from collections.abc import Iterator, Mapping

from auth import store
from auth.errors import BadRegistration
from auth.store import User
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.imports.batch import Batch, Brought, Register, register
from carecoord.actions.people import people as accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.people.refusals import sentence_of
from carecoord.domain.imports import people
from carecoord.domain.imports.rows import Fault, Row
from carecoord.errors import Problem, Unavailable
from carecoord.store.database.engine import reading
from carecoord.words.sentence import sentence

_READS = ("Organization", "Practitioner")


def bring(batch: Batch) -> Brought:
    """Bring a table of people in."""
    with looking(batch.world, batch.grant, batch.request) as turn:
        known = register(turn, _READS)
    with reading(batch.world.engine) as conn:
        here = {user.login: user for user in store.users(conn)}
        by = store.find_user(conn, batch.grant.subject) if batch.grant.roles else None
    done: Counter[str] = Counter()
    faults: list[Fault] = []
    seen: dict[str, int] = {}
    for row in batch.each(known):
        people.check(row)
        login = store.fold(row.get("login", ""))
        if (before := seen.setdefault(login, row.number)) != row.number:
            row.fault("", sentence("import.twice", n=before))
        outcome = "faulty" if row.faults else _outcome(row, here.get(login))
        if outcome in ("new", "changed") and not batch.dry:
            outcome = _kept(batch, row, login, outcome, by)
        done[outcome] += 1
        faults += row.faults
    return Brought(+done, Counter(), faults)


def _said(row: Row) -> NewUser:
    organization, clinician = (row.get(each, "").partition("/")[2] or None for each in ("organization", "clinician"))
    return NewUser(row.get("login"), row.get("name"), frozenset(row.get("roles")), organization, clinician)


def _outcome(row: Row, before: User | None) -> str:
    """What the row would do; what it leaves empty stays."""
    if before is None:
        return "new"
    said = _said(row)
    organization = said.organization or before.organization
    person = f"Practitioner/{said.practitioner}" if said.practitioner else before.fhir_user
    same = (said.roles, organization, person) == (before.roles, before.organization, before.fhir_user)
    return "unchanged" if same else "changed"


def _kept(batch: Batch, row: Row, login: str, outcome: str, by: User | None) -> str:
    said = _said(row)
    try:
        if outcome == "new":
            accounts.invite(batch.world, said, batch.request, by)
        else:
            accounts.change(
                batch.world, login, batch.request, by, organization=said.organization,
                practitioner=said.practitioner, roles=said.roles,
            )  # fmt: skip
    except Unavailable:
        raise
    except (Problem, BadRegistration) as refused:
        why = refused.said if isinstance(refused, Problem) else sentence_of(refused)
        row.fault("", sentence("import.refused", why=why))
        return "faulty"
    return outcome


def rows(turn: Turn) -> Iterator[Mapping[str, str]]:
    """The row of everybody who can sign in."""
    known: Register = register(turn, _READS)
    for user in store.users(turn.conn):
        organization = f"Organization/{user.organization}" if user.organization else ""
        if not user.disabled:
            yield people.cells(user.login, user.name, user.roles, (organization, user.fhir_user or ""), known)
