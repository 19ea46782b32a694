"""The interactions of the FHIR API on one resource or one type: one verb, one transaction.

Every verb raises a Problem with what would put it right: Invalid, Forbidden, NotFound, Gone, Stale, Unprocessable.
"""

from typing import Any

from auth.grant import Grant
from carecoord.actions.access.audited import nothing_noted, refusals_noted
from carecoord.actions.access.turn import Asker, Turn, changing, looking
from carecoord.actions.fhir import history as fhir_history
from carecoord.actions.fhir import read as fhir_read
from carecoord.actions.fhir import write as fhir_write
from carecoord.actions.fhir.read import Pairs
from carecoord.actions.fhir.write import ResolvedWrite
from carecoord.errors import NotFound
from carecoord.fhir.etag import Expected
from carecoord.fhir.patch.json_patch import Patch
from carecoord.fhir.types import TYPES
from carecoord.fhir.validation.validate import judge
from carecoord.store.resources.read import Row
from carecoord.store.resources.write import Written
from carecoord.world import World


def read(world: World, asker: Asker, type: str, id: str, *, request: str = "") -> Row:
    """The present version of a resource."""
    with looking(world, asker, request) as turn:
        return fhir_read.present(turn, type, id)


def vread(world: World, asker: Asker, type: str, id: str, number: str, *, request: str = "") -> Row:
    """One version of a resource."""
    with looking(world, asker, request) as turn:
        return fhir_read.past(turn, type, id, number)


def history(world: World, asker: Asker, type: str, id: str, pairs: Pairs, *, request: str = "") -> bytes:
    """A page of the versions of a resource, as a Bundle."""
    with looking(world, asker, request) as turn:
        return fhir_history.versions(turn, type, id, pairs)


def changes(world: World, asker: Asker, type: str | None, pairs: Pairs, *, request: str = "") -> bytes:
    """A page of the versions of all resources of a type, or of every type, as a Bundle."""
    with looking(world, asker, request) as turn:
        return fhir_history.changed(turn, type, pairs)


def search(
    world: World,
    asker: Asker,
    type: str,
    pairs: Pairs,
    strict: bool = True,
    *,
    within: tuple[str, str] | None = None,
    request: str = "",
) -> bytes:
    """A page of what is found, as a Bundle. within: only in the compartment of this (type, id)."""
    with looking(world, asker, request) as turn:
        return fhir_read.searched(turn, type, pairs, strict, within)


def create(
    world: World, grant: Grant, type: str, resource: Any, *, unless: Pairs | None = None, request: str = ""
) -> Written:
    """A new resource under a new id; with `unless` (If-None-Exist), what meets these arguments already instead."""
    judge(resource, _ours(type))
    with changing(world, grant, request) as turn, refusals_noted(turn, "create", type):
        write = fhir_write.creating(turn, type, resource, unless, world.new_id())
        return _done(turn, write)


def update(
    world: World,
    grant: Grant,
    type: str,
    id: str,
    resource: Any,
    *,
    expected: Expected | None = None,
    only_new: bool = False,
    request: str = "",
) -> Written:
    """The resource as given from now on; created if there is none of this id. only_new: and only then."""
    judge(resource, _ours(type))
    with changing(world, grant, request) as turn, refusals_noted(turn, "update", type, id):
        write = fhir_write.updating(turn, type, id, resource, expected, only_new)
        return _done(turn, write)


def update_match(
    world: World,
    grant: Grant,
    type: str,
    pairs: Pairs,
    resource: Any,
    *,
    expected: Expected | None = None,
    request: str = "",
) -> Written:
    """The one resource that meets the arguments as given from now on; created if none does."""
    judge(resource, _ours(type))
    with changing(world, grant, request) as turn, refusals_noted(turn, "update", type):
        write = fhir_write.updating_match(turn, type, pairs, resource, expected)
        return _done(turn, write)


def patch(
    world: World, grant: Grant, type: str, id: str, patch: Patch, *, expected: Expected | None = None, request: str = ""
) -> Written:
    """The resource as the patch leaves it from now on."""
    _ours(type)
    with changing(world, grant, request) as turn, refusals_noted(turn, "update", type, id):
        return _done(turn, fhir_write.patching(turn, type, id, patch, expected))


def patch_match(
    world: World,
    grant: Grant,
    type: str,
    pairs: Pairs,
    patch: Patch,
    *,
    expected: Expected | None = None,
    request: str = "",
) -> Written:
    """The one resource that meets the arguments, as the patch leaves it from now on."""
    _ours(type)
    with changing(world, grant, request) as turn, refusals_noted(turn, "update", type):
        return _done(turn, fhir_write.patching_match(turn, type, pairs, patch, expected))


def delete(
    world: World, grant: Grant, type: str, id: str, *, expected: Expected | None = None, request: str = ""
) -> Written:
    """The resource is gone; its versions stay. What is not there is no error (version 0)."""
    _ours(type)
    with changing(world, grant, request) as turn, refusals_noted(turn, "delete", type, id):
        done = _done(turn, fhir_write.deleting(turn, type, id, expected))
        if not done.version:
            nothing_noted(turn, "delete", type, id)
        return done


def delete_match(
    world: World, grant: Grant, type: str, pairs: Pairs, *, expected: Expected | None = None, request: str = ""
) -> Written | None:
    """The one resource that meets the arguments is gone; None if there was none."""
    _ours(type)
    with changing(world, grant, request) as turn, refusals_noted(turn, "delete", type):
        write = fhir_write.deleting_match(turn, type, pairs, expected)
        if write is None:
            nothing_noted(turn, "delete", type)
            return None
        return _done(turn, write)


def _done(turn: Turn, write: ResolvedWrite) -> Written:
    return fhir_write.check(turn, fhir_write.carry_out(turn, [write])[0])


def _ours(type: str) -> str:
    if type not in TYPES:
        raise NotFound(f"{type[:80]!r} is not a resource type of this server.")
    return type
