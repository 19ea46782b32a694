"""The read that nearly all reads are: of a resource that is there, by a service that nothing narrows. One statement
says who asks, what patients' Consents forbid and what is read; whatever else there is to it is `interactions.read`'s.
"""

from functools import lru_cache
from typing import Any, Final

from auth.grant import Grant
from auth.scopes import EVERYTHING
from auth.server import bearer
from carecoord.actions.access import consents
from carecoord.actions.access.audit_entry import event
from carecoord.actions.access.office import ANYWHERE
from carecoord.actions.claims import authorization_benefits
from carecoord.actions.fhir.write import ID
from carecoord.domain.access import roles
from carecoord.fhir.types import TYPES
from carecoord.store.access import glances
from carecoord.store.resources.read import Row
from carecoord.world import World

_MORE: Final = frozenset({"Contract", authorization_benefits.TYPE})  # of which more is looked up than the row


def present(world: World, key: bytes, type: str, id: str, *, request: str = "") -> Row | Grant | None:
    """The present version, audited; or, where there is more to it, who asks; None where nothing was looked up. key: of
    the token (`bearer.key`). Raises BadToken."""
    if type not in TYPES or not ID.fullmatch(id):
        return None
    seen = glances.see(world.engine, key, type, id)
    now = world.clock()
    grant, row = bearer.granted(seen.token, now), seen.row
    if row is None or row.deleted or seen.token is None or not _is_whole(seen.token[:-1], type):
        return grant
    denied = consents.known(seen.mark, grant, ANYWHERE, now)
    if denied is None or (type != "Consent" and denied.besides(type, "r", consents.own_record(grant), world.base)):
        return grant
    shown = (row.patient,)
    world.journal.append(event(now, request, "read", by=grant, shown=shown, type=type, resource=id))
    return row


@lru_cache(maxsize=4096)
def _is_whole(said: tuple[Any, ...], type: str) -> bool:
    """Whether all that a token says narrows nothing of a type: as `Turn.filter` has it of a service without roles."""
    grant = bearer.meant(said)
    return not grant.roles and type not in _MORE and roles.narrow(grant, ANYWHERE, type, "r") == EVERYTHING
