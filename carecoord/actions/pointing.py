"""Nobody lets themselves in.

Roles see a patient by what points at them: a referral to one's organization, a task of one's own. Whoever could write
such a thing about any patient could open any record. So those whom a role narrows may point only at patients whom they
see already, or whom they admit in the same go into their own organization's care.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from carecoord.actions.permission import Turn
from carecoord.domain.access import Office
from carecoord.domain.reading import item, target
from carecoord.errors import Forbidden
from carecoord.fhir.extract import extract
from carecoord.store import read


class Write(Protocol):
    """A resource to be stored under a type and an id; None: to be deleted."""

    @property
    def type(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def resource(self) -> dict[str, Any] | None: ...


def demand_seen(turn: Turn, writes: Iterable[Write]) -> None:
    """Refuse writes that point at a patient whom the asker's roles do not see. To be called before anything is written.

    Raises Forbidden, in the same words for a patient who is hidden and one who is not there.
    """
    if not turn.grant.roles:
        return
    made = [write for write in writes if write.resource is not None]
    admitted = {write.id for write in made if write.type == "Patient" and _is_ours(write.resource, turn.office())}
    for write in made:
        for id in sorted(_pointed_at(turn, write) - admitted):
            row = read.get(turn.conn, "Patient", id)
            if row is None or row.deleted or not turn.role_sees(row):
                text = f"There is no Patient/{id} whom this access sees: it can not write about them."
                raise Forbidden(text, write.type)


def _pointed_at(turn: Turn, write: Write) -> set[str]:
    """The patients that a search could find the resource by; a Patient's own id is not a reference."""
    if write.resource is None:
        return set()
    rows = extract(write.resource, turn.world.settings.fhir_url).reference
    return {id for _, id, type, _ in rows if type == "Patient" and id}


def _is_ours(patient: dict[str, Any] | None, office: Office) -> bool:
    manager = target(item(patient or {}, "managingOrganization"))
    return manager in {f"Organization/{id}" for id in office.organizations}
