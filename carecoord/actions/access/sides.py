"""On whose side somebody stands in a referral: the requester's, the performer's, both or neither.

A person stands where their organization does, by any copy of it; a service without one keeps whole records and stands
on both. Where nobody whom we know is named on a side, somebody acts for it: for the requester of what came by fax its
performer, for the performer of an open Task whoever takes it."""

from collections.abc import Iterable
from typing import Any, Final

from carecoord.actions.access.turn import Turn
from carecoord.domain.access import verbs
from carecoord.domain.resource.elements import identifier, item, items, target
from carecoord.domain.resource.moves import Side
from carecoord.fhir import text
from carecoord.fhir.search import params
from carecoord.store.resources import read

Json = dict[str, Any]


def serves(turn: Turn) -> bool:
    """Whether a service asks, which may record what truly happened elsewhere, rather than a person."""
    return not turn.grant.roles and not _is_patient(turn)


def of_everybody(turn: Turn) -> Side:
    """The side in what both organizations may do alike: only the patient is told apart."""
    return "patient" if _is_patient(turn) else "either"


def of_task(turn: Turn, task: Json) -> Side:
    """The side in a Task, by its requester and owner, or where it lacks them by those of its order."""
    requesters, performers = [item(task, "requester")], [item(task, "owner")]
    if not all((*requesters, *performers)) and (order := _order(turn, task)):
        requesters = [each for each in requesters if each] or [item(order, "requester")]
        performers = [each for each in performers if each] or items(order, "performer")
    return _side(turn, requesters, performers)


def of_order(turn: Turn, order: Json) -> Side:
    """The side in an order, by its requester and performers."""
    return _side(turn, [item(order, "requester")], items(order, "performer"))


def of_request(turn: Turn, claim: Json) -> Side:
    """The side in a request for authorization, by its provider and insurer."""
    found = _side(turn, [item(claim, "provider")], [item(claim, "insurer")])
    return "payer" if found == "performer" else found


def placer(turn: Turn, resource: Json) -> Json | None:
    """The Organization that refers, by the order that a resource rests on; None where it does not say which."""
    to = target(item(_order(turn, resource) or {}, "requester"))
    kind, _, id = to.partition("/")
    if kind == "PractitionerRole":
        kind, _, id = target(item(_held(turn, kind, id) or {}, "organization")).partition("/")
    elif kind == "Practitioner":
        rows = read.referring(turn.conn, params.key("PractitionerRole", "practitioner"), kind, id)
        houses = {target(item(text.loads(row.body), "organization")) for row in rows if not row.deleted} - {""}
        kind, _, id = next(iter(houses)).partition("/") if len(houses) == 1 else ("", "", "")
    return _held(turn, kind, id) if kind == "Organization" else None


def _is_patient(turn: Turn) -> bool:
    themselves = (turn.grant.fhir_user or "").partition("/")[0] in ("Patient", "RelatedPerson")
    return themselves and not verbs.is_staff(turn.grant.roles)


def _order(turn: Turn, task: Json) -> Json | None:
    about = (target(each) for each in (item(task, "focus"), *items(task, "basedOn")))
    names = (each.partition("/") for each in about)
    kind, _, id = next((name for name in names if name[0] in ("ServiceRequest", "DeviceRequest")), ("", "", ""))
    return _held(turn, kind, id)


_SIDES: Final[dict[tuple[bool | None, bool | None], Side]] = {  # (asks, does) -> the side; None: nobody whom we know
    (True, True): "either",
    (True, False): "requester",
    (True, None): "requester",
    (False, True): "performer",
    (False, False): "other",
    (False, None): "performer",
    (None, True): "either",  # who has it keeps it
    (None, False): "requester",
    (None, None): "either",
}


def _side(turn: Turn, requesters: Iterable[Json], performers: Iterable[Json]) -> Side:
    if _is_patient(turn):
        return "patient"
    if not turn.grant.roles and turn.grant.organization is None:
        return "either"
    asks, does = (_is_mine(turn, [each for each in refs if each]) for refs in (requesters, performers))
    return _SIDES[asks, does]


def _is_mine(turn: Turn, references: list[Json]) -> bool | None:
    """Whether any of these is the asker or their organization; None where nobody is named whom we know."""
    said = [_means_us(turn, each) for each in references]
    return True if True in said else False if False in said else None


def _means_us(turn: Turn, reference: Json) -> bool | None:
    office, to = turn.office(), target(reference)
    ours = {f"Organization/{id}" for id in (*office.organizations, turn.grant.organization) if id} | set(office.people)
    if to in ours or identifier(item(reference, "identifier")) in office.identifiers:
        return True
    kind, _, id = to.partition("/")
    if kind == "Organization":
        return False
    roles: list[Json] = []
    if kind == "PractitionerRole" and (role := _held(turn, kind, id)):
        roles = [role]
    elif kind == "Practitioner":
        key = params.key("PractitionerRole", "practitioner")
        roles = [text.loads(row.body) for row in read.referring(turn.conn, key, kind, id)]
    houses = {target(item(role, "organization")) for role in roles} - {""}
    return bool(houses & ours) if houses else None


def _held(turn: Turn, kind: str, id: str) -> Json | None:
    row = read.get(turn.conn, kind, id) if id else None
    return text.loads(row.body) if row and not row.deleted else None
