"""Nobody lets themselves in.

Roles see a patient by what points at them: a referral to one's organization, a task of one's own. Whoever could write
such a thing about any patient could open any record. So those whom a role narrows may point only at patients whom they
see already, or whom they admit in the same go into their own organization's care. A file is seen by the documents that
it is attached to: so they may attach only files that they see already, or bring along.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from carecoord.actions.access.turn import Turn
from carecoord.domain.access.roles import Office
from carecoord.domain.resource.elements import item, target
from carecoord.errors import Forbidden
from carecoord.fhir.search import params
from carecoord.fhir.search.criteria import ATTACHED
from carecoord.fhir.search.extract import Index, extract
from carecoord.fhir.search.values import refers
from carecoord.fhir.service_base import Base
from carecoord.store.resources import read

_LOCATION = params.key(*ATTACHED[1:])


class Write(Protocol):
    """A resource to be stored under a type and an id; None: to be deleted."""

    @property
    def type(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def resource(self) -> dict[str, Any] | None: ...


def demand_seen(turn: Turn, writes: Iterable[Write]) -> None:
    """Refuse writes that point at a patient whom the asker's roles do not see, or attach a file that they do not see.
    To be called before anything is written.

    Raises Forbidden, in the same words for what is hidden and what is not there.
    """
    if not turn.grant.roles:
        return
    made = [write for write in writes if write.resource is not None]
    admitted = {write.id for write in made if write.type == "Patient" and _is_ours(write.resource, turn.office())}
    brought = {write.id for write in made if write.type == "Binary"}
    for write in made:
        index = extract(write.resource or {}, turn.world.base)
        for id in sorted(_patients(index) - admitted):
            if not _is_seen(turn, "Patient", id):
                text = f"There is no Patient/{id} whom this access sees: it can not write about them."
                raise Forbidden(text, write.type)
        for id in sorted(_files(index, turn.world.base) - brought):
            if not _is_seen(turn, "Binary", id):
                text = f"There is no Binary/{id} that this access sees: send it in the same transaction."
                raise Forbidden(text, write.type)


def _is_seen(turn: Turn, type: str, id: str) -> bool:
    row = read.get(turn.conn, type, id)
    return row is not None and not row.deleted and turn.role_sees(row)


def _patients(index: Index) -> set[str]:
    """The patients that a search could find the resource by; a Patient's own id is not a reference."""
    return {id for _, id, type, _ in index.reference if type == "Patient" and id}


def _files(index: Index, base: Base) -> set[str]:
    """The files of ours that a document has attached."""
    told = (refers(value, base.prefix) for key, value in index.uri if key == _LOCATION)
    return {found[1] for found in told if found and found[0] == ATTACHED[0]}


def _is_ours(patient: dict[str, Any] | None, office: Office) -> bool:
    manager = target(item(patient or {}, "managingOrganization"))
    return manager in {f"Organization/{id}" for id in office.organizations}
