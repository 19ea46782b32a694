"""Who asks, as our data knows them: the copies of their organization and the references by which they appear.

Everything that narrows by role starts from this one value, so that the API, the desk and an include mean the same.
"""

from typing import Any

from sqlalchemy import Connection

from auth import store
from auth.grant import Grant
from carecoord.actions.clearance.shelf import Layer, Reading
from carecoord.domain.access import app_state
from carecoord.domain.access.roles import Office
from carecoord.domain.resource.elements import identifier, identifiers, items, pairs
from carecoord.domain.resource.parties import TAXES, is_payer
from carecoord.fhir import text
from carecoord.fhir.search import params
from carecoord.store.resources import read
from carecoord.store.resources.read import Row
from carecoord.store.worklist import registry

ANYWHERE = Office()


def office(conn: Connection, grant: Grant) -> Office:
    """The asker's organization and person. No statement at all for a service that only its scopes narrow, and one for
    whoever has asked before since the registry was changed."""
    return whose(conn, grant) if grant.roles else ANYWHERE


def whose(conn: Connection, grant: Grant) -> Office:
    """The asker's organization and person, those of a service too: what it is a party to, no scope tells."""
    shelf, asker = Reading(conn, looked=True), (grant.organization, grant.fhir_user)
    known: Layer[Office] = shelf.layer("offices")
    if asker not in known:
        known.add({asker: _read(conn, grant)})
        shelf.keep()
    return known[asker]


def _read(conn: Connection, grant: Grant) -> Office:
    organizations, keys, pays = _copies(conn, "Organization", grant.organization)
    kind, _, id = (grant.fhir_user or "").partition("/")
    practitioners, _, _ = _copies(conn, "Practitioner", id if kind == "Practitioner" else None)
    role = params.key("PractitionerRole", "practitioner")
    roles = [row for each in practitioners for row in read.referring(conn, role, "Practitioner", each)]
    people = [*(f"Practitioner/{each}" for each in practitioners), *(f"PractitionerRole/{row.id}" for row in roles)]
    return Office(organizations, keys, tuple(people), pays)


def systems(conn: Connection, url: str, client: str) -> tuple[str, ...]:
    """The code systems of the state that an app keeps here."""
    found = store.find_client(conn, client)
    if found is None:
        return ()
    return app_state.systems(url, client, filter(None, (*found.redirect_uris, found.launch_url)))


def _copies(conn: Connection, type: str, id: str | None) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """The ids of every copy of a resource, itself first; the identifiers that make them copies, the systems by the one
    name of each and by every name that a copy writes; and whether any copy says that it is a payer. One that is named
    and not here may be a payer's, and so may that of somebody of whom nobody has said it: they are party to nothing."""
    found = read.get(conn, type, id) if id else None
    if found is None or found.deleted:
        return (), (), type == "Organization"
    keys = tuple(key for key in sorted(identifiers(_json(found))) if not key.startswith(TAXES))
    same = registry.identified(conn, type, pairs(keys))
    pays = type == "Organization" and any(is_payer(_json(row)) for row in (found, *same))
    written = sorted(
        f"{each['system']}|{each['value']}"
        for row in same
        for each in items(_json(row), "identifier")
        if identifier(each) in keys
    )
    return tuple(dict.fromkeys([found.id, *(row.id for row in same)])), tuple(dict.fromkeys([*keys, *written])), pays


def _json(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = text.loads(row.body)
    return found
